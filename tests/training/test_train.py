"""Training runs from an archive to a pack: losses fall, runs resume, masks and tasks hold what they promise."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from genmo.runtime import features
from genmo.runtime.backends.onnx import create_session
from genmo.runtime.conditioning import CONDITIONS
from genmo.runtime.text import TextEncoder, WordPiece
from genmo.tests.training.archives import made_up_clip, write_archive
from genmo.tools.make_tiny_pack import TEXT_WIDTH
from genmo.tools.tiny_text import write_tiny_text_encoder
from genmo.training.captions import CaptionBank
from genmo.training.config import NetworkConfig, TrainConfig
from genmo.training.dataset import FPS, Sequence, load_sequences
from genmo.training.tasks import TaskSampler
from genmo.training.train import Statistics, Trainer

CONFIG = TrainConfig(
    network=NetworkConfig(width=32, layers=2, heads=2, text_width=TEXT_WIDTH),
    batch=4, frames=64, text_tokens=16, compile=False, warmup_steps=2, minutes=60.0,
)  # fmt: skip


@pytest.fixture(scope="module")
def sequences(tmp_path_factory: pytest.TempPathFactory) -> list[Sequence]:
    folder = tmp_path_factory.mktemp("archive")
    write_archive(folder, [made_up_clip(120, seed) for seed in range(4)])
    return load_sequences(folder, "train", folder / "cache")


@pytest.fixture(scope="module")
def bank(sequences: list[Sequence], tmp_path_factory: pytest.TempPathFactory) -> CaptionBank:
    folder = tmp_path_factory.mktemp("text")
    encoder, vocabulary = write_tiny_text_encoder(folder, TEXT_WIDTH)
    text = TextEncoder(create_session(encoder, "cpu"), WordPiece(vocabulary), 16)
    return CaptionBank.build((c for item in sequences for c in item.captions), text, 16, folder)


def sampler(sequences: list[Sequence], seed: int = 0) -> TaskSampler:
    statistics = Statistics.of(sequences)
    rng = np.random.default_rng(seed)
    return TaskSampler(sequences, 64, statistics.mean[:133], statistics.std[:133], rng, text_dropout=0.1)


def test_samples_are_pieces_of_the_data(sequences: list[Sequence]) -> None:
    tasks = sampler(sequences)
    for _ in range(20):
        drawn = tasks.draw()
        root, local, _ = features.decode(drawn.target, drawn.references, FPS)
        np.testing.assert_allclose(root[:, 1], 0.87, atol=1e-4)
        steps = np.linalg.norm(np.diff(root[:, ::2], axis=0), axis=1)
        np.testing.assert_allclose(steps, np.hypot(0.02, 0.01), atol=1e-4)
        assert np.isfinite(drawn.conditions).all()
        assert np.isfinite(local).all()


def test_samples_cover_text_keys_paths_and_pins(sequences: list[Sequence]) -> None:
    tasks = sampler(sequences)
    drawn = [tasks.draw() for _ in range(150)]
    known = np.stack([np.abs(sample.conditions).max(axis=0) for sample in drawn])
    for name in ("pose_exact", "height", "path", "heading", "pins"):
        share = (known[:, CONDITIONS[name]].max(axis=1) > 0).mean()
        assert 0.05 < share < 0.7, name
    assert 0.3 < np.mean([not sample.keyed for sample in drawn]) < 0.55
    assert 0.2 < np.mean([sample.caption == "" for sample in drawn]) < 0.45
    assert any(0 < sample.window.sum() < 64 for sample in drawn)


def test_losses_fall_and_the_run_resumes(sequences: list[Sequence], bank: CaptionBank, tmp_path: Path) -> None:
    torch.manual_seed(0)
    trainer = Trainer(CONFIG, sequences, bank, tmp_path)
    first = [trainer._advance()[0].item() for _ in range(60)]
    assert np.mean(first[-8:]) < 0.7 * np.mean(first[:8])
    trainer.save()
    resumed = Trainer(CONFIG, sequences, bank, tmp_path)
    assert resumed.step == 60
    torch.testing.assert_close(resumed._weights.master, trainer._weights.master)
    assert np.mean([resumed._advance()[0].item() for _ in range(8)]) < np.mean(first[:8])
    state = torch.load(tmp_path / "model.pt", weights_only=True)
    assert TrainConfig.from_json(state["config"]) == CONFIG


def test_configuration_survives_json_and_refuses_unknown_keys() -> None:
    changed = dataclasses.replace(CONFIG, batch=7)
    assert TrainConfig.from_json(changed.to_json()) == changed
    with pytest.raises(TypeError, match="bach"):
        TrainConfig.from_json('{"bach": 7}')
