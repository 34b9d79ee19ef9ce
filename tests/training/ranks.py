"""What each process of tests/training/test_distributed.py runs under torchrun, and the tiny run that it trains."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch

from genmo.tests.training.archives import made_up_clip, write_archive
from genmo.training.captions import CaptionBank
from genmo.training.config import NetworkConfig, TrainConfig
from genmo.training.dataset import Sequence, load_sequences
from genmo.training.team import Team
from genmo.training.train import Trainer

TEXT_WIDTH = 16
STEPS = 3

CONFIG = TrainConfig(
    network=NetworkConfig(width=32, layers=2, heads=2, text_width=TEXT_WIDTH),
    batch=4, frames=64, text_tokens=8, compile=False, warmup_steps=2, minutes=60.0, threads=1,
)  # fmt: skip


class RandomEncoder:
    """Stands in for the text encoder: one fixed random row a word."""

    def encode(self, text: str) -> np.ndarray:
        rng = np.random.default_rng(len(text))
        return rng.normal(size=(len(text.split()), TEXT_WIDTH)).astype(np.float32)


def write_data(folder: Path) -> None:
    """An archive of clips that are longer than a window, so that all frames of all windows are valid."""
    write_archive(folder, [made_up_clip(120, seed) for seed in range(4)])


def data(folder: Path) -> tuple[list[Sequence], CaptionBank]:
    """Clips whose windows never begin so late that they end behind the clip, and their captions."""
    sequences = load_sequences(folder, "train", folder / "cache")
    texts = (caption for item in sequences for caption in item.captions)
    return sequences, CaptionBank.build(texts, RandomEncoder(), CONFIG.text_tokens, folder / "cache")


def main(folder: Path) -> None:
    """Take a few steps and write down what the test compares."""
    team = Team.join("cpu")
    sequences, bank = team.first_alone(lambda: data(folder))
    trainer = Trainer(CONFIG, sequences, bank, folder / "run", team)
    start = trainer.weights.master.clone()
    inputs = trainer.inputs(next(trainer._stream))
    trainer.differentiate(inputs)
    gradient = trainer.weights.gradient.clone()
    trainer.weights.spread()
    for _ in range(STEPS):
        trainer.advance()
    clock = team.agree(100.0 + team.rank, stop=team.rank == 1)
    trainer.save()
    told = {
        "start": start, "inputs": inputs, "gradient": gradient, "end": trainer.weights.master, "clock": clock,
        "size": team.size,
    }  # fmt: skip
    torch.save(told, folder / f"rank{team.rank}.pt")
    team.leave()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
