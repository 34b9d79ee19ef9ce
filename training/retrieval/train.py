"""Train the retrieval model: `python -m genmo.training.retrieval.train --data DIR --out DIR --text-encoder DIR`.

Resumes by itself. Clips of the split "train" only; `--captions held_out` makes the judge of generated motion, which
has never read a sentence that the generator learnt from.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
import math
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from genmo.training.captions import CaptionBank, Encoder, open_encoder
from genmo.training.dataset import mirror_text
from genmo.training.retrieval.batches import Batch, Drawer, allowed_negatives, bank_texts, padded, token_batch
from genmo.training.retrieval.config import CAPTIONS, RetrievalConfig
from genmo.training.retrieval.data import Clip, load_clips
from genmo.training.retrieval.network import RetrievalNetwork, contrast

log = logging.getLogger("genmo.training.retrieval")

LENGTH_GROUPS = 3
"""Motions and texts of a batch are encoded in groups of like length, so that little is spent on padding."""

LOSS_NAMES = ("total", "match", "sketch", "sides")

_REPORT = 50  # steps
_LEAST_STD = 0.05


class Trainer:
    """One run: data, network, optimiser, clock."""

    def __init__(self, config: RetrievalConfig, clips: list[Clip], bank: CaptionBank, out: Path) -> None:
        """Make or resume a run in the folder `out`."""
        torch.set_num_threads(config.threads)
        self.config, self._bank, self._out = config, bank, out
        saved = out / "checkpoint.pt"
        state = torch.load(saved, weights_only=True) if saved.exists() else None
        self.step, self.seconds = (state["step"], state["seconds"]) if state else (0, 0.0)
        torch.manual_seed(config.seed + self.step)
        self._drawer = Drawer(clips, config, np.random.default_rng(config.seed + self.step))
        self.network = RetrievalNetwork(config)
        self._weights = [each for each in self.network.parameters() if each.requires_grad]
        self._optimizer = torch.optim.AdamW(
            self._weights, lr=config.learning_rate, weight_decay=config.weight_decay, betas=(0.9, 0.98), fused=True
        )
        if state:
            self.network.load_state_dict(state["network"])
            self._optimizer.load_state_dict(state["optimizer"])
            self._average = state["average"]
        else:
            self._measure_features()
            self._average = [each.detach().clone() for each in self._weights]

    def _measure_features(self) -> None:
        """Mean and deviation of windows as they are drawn."""
        rows = np.concatenate([motion[::4] for _ in range(4) for motion in self._drawer.draw().motions])
        self.network.mean.copy_(torch.from_numpy(rows.mean(0)))
        self.network.std.copy_(torch.from_numpy(rows.std(0).clip(_LEAST_STD)))

    def run(self) -> None:
        """Train until the clock of the configuration is used up."""
        begun, saved = time.monotonic() - self.seconds, time.monotonic()
        sums, since = np.zeros(len(LOSS_NAMES)), self.step
        while self.seconds < self.config.minutes * 60:
            sums += self.advance()
            self.seconds = time.monotonic() - begun
            if self.step % _REPORT == 0:
                named = zip(LOSS_NAMES, sums / (self.step - since), strict=True)
                values = " ".join(f"{name} {value:.4f}" for name, value in named)
                log.info("step %d %.0f s %s", self.step, self.seconds, values)
                sums, since = np.zeros(len(LOSS_NAMES)), self.step
            if time.monotonic() - saved > self.config.checkpoint_minutes * 60:
                self.save()
                saved = time.monotonic()
        self.save()

    def advance(self) -> np.ndarray:
        """One step; its losses in the order of LOSS_NAMES."""
        for group in self._optimizer.param_groups:
            group["lr"] = self._learning_rate()
        losses = self._losses(self._drawer.draw())
        self._optimizer.zero_grad()
        losses[0].backward()
        nn.utils.clip_grad_norm_(self._weights, 1.0)
        self._optimizer.step()
        self.step += 1
        decay = min(self.config.ema_decay, (self.step + 1) / (self.step + 10))
        with torch.no_grad():
            for average, weight in zip(self._average, self._weights, strict=True):
                average.lerp_(weight, 1.0 - decay)
        return losses.detach().numpy()

    def _learning_rate(self) -> float:
        """Warm-up, then a cosine fall over the clock."""
        share = min(self.seconds / (self.config.minutes * 60), 1.0)
        fall = 0.5 + 0.5 * math.cos(math.pi * share)
        return self.config.learning_rate * min(1.0, (self.step + 1) / self.config.warmup_steps) * (0.02 + 0.98 * fall)

    def _losses(self, batch: Batch) -> Tensor:
        config, network = self.config, self.network
        network.train()
        tokens, valid = token_batch(self._bank, batch.captions)
        texts = self._encode_texts(tokens, valid)
        motions, sketch = self._encode_motions(batch)
        allowed = allowed_negatives(tokens, valid, batch, config.same_meaning)
        match = contrast(texts @ motions.T * network.log_scale.exp(), allowed)
        rebuilt = network.sketched(torch.cat([texts, motions]))
        lost = 2.0 * functional.smooth_l1_loss(rebuilt, torch.cat([sketch, sketch]))
        sides = self._side_loss(batch, motions)
        return torch.stack([match + config.reconstruction * lost + config.sides * sides, match, lost, sides])

    def _side_loss(self, batch: Batch, motions: Tensor) -> Tensor:
        """How far motions are from fitting what is said of their sides better than the opposite."""
        rows = [row for row, text in enumerate(batch.sides) if text]
        if not rows:
            return torch.zeros(())
        said = sorted({batch.sides[row] for row in rows} | {mirror_text(batch.sides[row]) for row in rows})
        place = {text: index for index, text in enumerate(said)}
        scores = motions[rows] @ self._encode_texts(*token_batch(self._bank, said)).T * self.network.log_scale.exp()
        true = torch.tensor([[place[batch.sides[row]]] for row in rows])
        false = torch.tensor([[place[mirror_text(batch.sides[row])]] for row in rows])
        return functional.softplus(scores.gather(1, false) - scores.gather(1, true)).mean()

    def _encode_texts(self, tokens: Tensor, valid: Tensor) -> Tensor:
        """Vectors (B, E)."""
        lengths = valid.sum(1).long()
        vectors, groups = [], _groups(lengths.numpy())
        for rows in groups:
            longest = int(lengths[rows].max())
            vectors.append(self._run(self.network.text_encoder, tokens[rows, :longest], valid[rows, :longest]))
        return torch.cat(vectors)[_back(groups)]

    def _encode_motions(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Vectors (B, E) of the motions and the sketches (B, segments, features) they should give back."""
        network, groups = self.network, _groups(np.array([len(motion) for motion in batch.motions]))
        vectors, sketches = [], []
        for rows in groups:
            motions, valid = padded([batch.motions[row] for row in rows], self.config.patch)
            normal = network.normalised(motions, valid)
            tokens = network.patches(normal)
            vectors.append(self._run(network.motion_encoder, tokens, valid[:, :: self.config.patch]))
            sketches.append(network.segments(normal, valid))
        back = _back(groups)
        return torch.cat(vectors)[back], torch.cat(sketches)[back]

    def _run(self, encoder: nn.Module, tokens: Tensor, valid: Tensor) -> Tensor:
        """An encoder in bfloat16, its weights in float32: half the time of a step on a CPU with bfloat16 products."""
        if not self.config.bfloat16:
            return encoder(tokens, valid)
        weights = {name: each.bfloat16() for name, each in encoder.named_parameters()}
        return torch.func.functional_call(encoder, weights, (tokens.bfloat16(), valid))

    def save(self) -> None:
        """Write the checkpoint and the averaged weights, each by a temporary name."""
        self._write("checkpoint.pt", {
            "step": self.step, "seconds": self.seconds, "network": self.network.state_dict(), "average": self._average,
            "optimizer": self._optimizer.state_dict(),
        })  # fmt: skip
        network = self.network.state_dict()
        named = [name for name, each in self.network.named_parameters() if each.requires_grad]
        network |= dict(zip(named, self._average, strict=True))
        self._write("model.pt", {
            "network": network, "config": self.config.to_json(), "step": self.step, "seconds": self.seconds,
        })  # fmt: skip

    def _write(self, name: str, state: dict[str, object]) -> None:
        partial = self._out / (name + ".partial")
        torch.save(state, partial)
        partial.replace(self._out / name)


def _groups(lengths: np.ndarray) -> list[np.ndarray]:
    """Row numbers in groups of like length."""
    return np.array_split(np.argsort(lengths, kind="stable"), min(LENGTH_GROUPS, len(lengths)))


def _back(groups: list[np.ndarray]) -> Tensor:
    """Where each row went when the groups are put one behind the other."""
    return torch.from_numpy(np.argsort(np.concatenate(groups)))


def caption_bank(clips: list[Clip], config: RetrievalConfig, encoder: Encoder, out: Path) -> CaptionBank:
    """Token embeddings of everything a run may read, kept in the folder `out`."""
    texts = bank_texts(text for clip in clips for text in clip.captions(config.captions))
    return CaptionBank.build(texts, encoder, config.text_tokens, out)


def main(arguments: list[str] | None = None) -> None:
    """Command line of a training run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the motion archive")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run: checkpoints and caches")
    parser.add_argument("--text-encoder", type=Path, required=True, help="folder with text_encoder.onnx and vocab.txt")
    parser.add_argument("--config", type=Path, help="JSON of RetrievalConfig")
    parser.add_argument("--minutes", type=float, help="length of the run, instead of the configuration's")
    parser.add_argument("--captions", choices=CAPTIONS, help="which sentences to learn from")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    given = {name: getattr(options, name) for name in ("minutes", "captions") if getattr(options, name) is not None}
    config = dataclasses.replace(RetrievalConfig.load(options.config), **given)
    options.out.mkdir(parents=True, exist_ok=True)
    clips = load_clips(options.data, "train", options.out)
    bank = caption_bank(clips, config, open_encoder(options.text_encoder), options.out)
    trainer = Trainer(config, clips, bank, options.out)
    count = sum(each.numel() for each in trainer.network.parameters())
    log.info("%d clips, %d sentences, %.2f M weights", len(clips), len(bank.lengths), count / 1e6)
    trainer.run()


if __name__ == "__main__":
    main()
