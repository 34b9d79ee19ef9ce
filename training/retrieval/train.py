"""Train the retrieval model: `python -m genmo.training.retrieval.train --data DIR --out DIR --text-encoder DIR`.

Resumes by itself. Clips of the split "train" only; `--captions held_out` makes the judge of generated motion, which
has never read a sentence that the generator learnt from.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
import math
import re
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from genmo.runtime.words import mirror_text
from genmo.training.captions import CaptionBank, Encoder, open_encoder
from genmo.training.retrieval.batches import Batch, Drawer, allowed_negatives, bank_texts, padded, token_batch
from genmo.training.retrieval.config import CAPTIONS, RetrievalConfig
from genmo.training.retrieval.contrary import contrary
from genmo.training.retrieval.data import Clip, has_side, load_clips
from genmo.training.retrieval.evaluator import Evaluator
from genmo.training.retrieval.network import RetrievalNetwork, contrast

log = logging.getLogger("genmo.training.retrieval")

LENGTH_GROUPS = 3
"""Motions and texts of a batch are encoded in groups of like length, so that little is spent on padding."""

LOSS_NAMES = ("total", "match", "sketch", "sides")

_REPORT = 50  # steps
_LEAST_STD = 0.05
_GALLERY, _ASIDE_ROUNDS = 32, 30


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
        self._aside = [clip for clip in clips if set_aside(clip.name, config.aside)]
        learnt = [clip for clip in clips if not set_aside(clip.name, config.aside)]
        self._drawer = Drawer(learnt, config, np.random.default_rng(config.seed + self.step))
        self.network = RetrievalNetwork(config)
        self._weights = [each for each in self.network.parameters() if each.requires_grad]
        self._optimizer = torch.optim.AdamW(
            self._weights, lr=config.learning_rate, weight_decay=config.weight_decay, betas=(0.9, 0.98), fused=True
        )
        if state:
            self.network.load_state_dict(state["network"])
            self._optimizer.load_state_dict(state["optimizer"])
            self._average, self._best = state["average"], state.get("best", 0.0)
        else:
            self._measure_features()
            self._average, self._best = [each.detach().clone() for each in self._weights], 0.0

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
        motions, sketch = self._encode_motions(batch)
        scale = network.log_scale.exp()
        groups = [batch.captions, *batch.also]
        vectors = self._texts([text for group in groups for text in group]).split(len(motions))
        matches = []
        for captions, texts in zip(groups, vectors, strict=True):
            allowed = allowed_negatives(*token_batch(self._bank, captions), batch, config.same_meaning)
            matches.append(contrast(texts @ motions.T * scale, allowed))
        match = torch.stack(matches).mean()
        rebuilt = network.sketched(torch.cat([*vectors, motions]))
        lost = 2.0 * functional.smooth_l1_loss(rebuilt, sketch.repeat(len(groups) + 1, 1, 1))
        sides = self._side_loss(batch, motions)
        if config.odd:
            sides = sides + self._wrong_loss(batch, motions, vectors[0])
        return torch.stack([match + config.reconstruction * lost + config.sides * sides, match, lost, sides])

    def _side_loss(self, batch: Batch, motions: Tensor) -> Tensor:
        """How far motions are from fitting what is said of their sides better than the opposite."""
        rows = [row for row, text in enumerate(batch.sides) if text]
        if not rows:
            return torch.zeros(())
        said = self._texts([batch.sides[row] for row in rows])
        false = self._texts([mirror_text(batch.sides[row]) for row in rows])
        scores = (motions[rows] * (false - said)).sum(1) * self.network.log_scale.exp()
        return functional.softplus(scores).mean()

    def _wrong_loss(self, batch: Batch, motions: Tensor, texts: Tensor) -> Tensor:
        """How far motions are from fitting their caption better than nearly the same words that are wrong of them."""
        sided = [row for row, text in enumerate(batch.captions) if has_side(text)]
        wrong = [(row, text) for row, caption in enumerate(batch.captions) if (text := contrary(caption))]
        rows = sided + [row for row, _ in wrong]
        if not rows:
            return torch.zeros(())
        false = self.network.flipped(texts[sided])
        if wrong:
            false = torch.cat([false, self._texts([text for _, text in wrong])])
        scores = (motions[rows] * (false - texts[rows])).sum(1) * self.network.log_scale.exp()
        return functional.softplus(scores).mean()

    def _texts(self, texts: list[str]) -> Tensor:
        return text_vectors(self.network, self._bank, texts, self._run)

    def _encode_motions(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Vectors (B, E) of the motions and the sketches (B, segments, features) they should give back."""
        network, groups = self.network, _groups(np.array([len(motion) for motion in batch.motions]))
        found, mirrors, sketches = [], [], []
        for rows in groups:
            motions, valid = padded([batch.motions[row] for row in rows], self.config.patch)
            inside = valid[:, :: self.config.patch]
            shown = _shown(inside, self.config.shown)
            normal = network.normalised(motions, valid)
            found.append(self._run(network.motion_encoder, self._noisy(normal), inside, shown))
            if self.config.odd:
                mirror = network.normalised(motions @ network.mirror, valid)
                mirrors.append(self._run(network.motion_encoder, self._noisy(mirror), inside, shown))
            sketches.append(network.segments(normal, valid))
        back = _back(groups)
        read, mirror = torch.cat(found)[back], torch.cat(mirrors)[back] if mirrors else None
        return network.motion_encoder.joined(read, mirror), torch.cat(sketches)[back]

    def _noisy(self, normal: Tensor) -> Tensor:
        """Motion tokens of normalised features with noise."""
        if self.config.noise:
            normal = normal + self.config.noise * torch.randn_like(normal)
        return self.network.patches(normal)

    def _run(self, encoder: nn.Module, *inputs: Tensor | None) -> Tensor:
        """An encoder in bfloat16, its weights in float32: half the time of a step on a CPU with bfloat16 products."""
        if not self.config.bfloat16:
            return encoder(*inputs)
        weights = {name: each.bfloat16() for name, each in encoder.named_parameters()}
        tokens, *rest = inputs
        assert tokens is not None
        return torch.func.functional_call(encoder, weights, (tokens.bfloat16(), *rest))

    def save(self) -> None:
        """Write the checkpoint and, if they are the best yet, the averaged weights, each by a temporary name."""
        network = self.network.state_dict()
        named = [name for name, each in self.network.named_parameters() if each.requires_grad]
        network |= dict(zip(named, self._average, strict=True))
        score = self._score_aside(network)
        if score >= self._best:
            self._best = score
            self._write("model.pt", {
                "network": network, "config": self.config.to_json(), "step": self.step, "seconds": self.seconds,
            })  # fmt: skip
        self._write("checkpoint.pt", {
            "step": self.step, "seconds": self.seconds, "network": self.network.state_dict(), "average": self._average,
            "optimizer": self._optimizer.state_dict(), "best": self._best,
        })  # fmt: skip

    def _score_aside(self, weights: dict[str, Tensor]) -> float:
        """Share of texts of the clips set aside whose motion is among the first three of 32; 0 without such clips."""
        if len(self._aside) < _GALLERY:
            return 0.0
        network = RetrievalNetwork(self.config)
        network.load_state_dict(weights)
        motions = torch.from_numpy(Evaluator(network).features([clip.features for clip in self._aside]))
        rng, shares = np.random.default_rng(0), []
        for _ in range(_ASIDE_ROUNDS):
            rows = rng.choice(len(self._aside), _GALLERY, replace=False)
            told = [self._aside[row].captions(self.config.captions) for row in rows]
            with torch.no_grad():
                texts = text_vectors(network, self._bank, [str(rng.choice(captions)) for captions in told])
            scores = texts @ motions[rows].T
            shares.append(((scores > scores.diagonal()[:, None]).sum(1) < 3).float().mean().item())
        score = float(np.mean(shares))
        log.info("step %d %.0f s, clips set aside: R@3 of %d %.4f", self.step, self.seconds, _GALLERY, score)
        return score

    def _write(self, name: str, state: dict[str, object]) -> None:
        partial = self._out / (name + ".partial")
        torch.save(state, partial)
        partial.replace(self._out / name)


def text_vectors(
    network: RetrievalNetwork, bank: CaptionBank, texts: list[str], run: Callable[..., Tensor] = lambda f, *x: f(*x)
) -> Tensor:
    """Vectors (B, E) of texts of the bank; each sentence is encoded once.

    Args:
        network: the model.
        bank: holds the texts and, if the model has odd numbers, the texts with the sides exchanged.
        texts: B sentences.
        run: calls an encoder.
    """
    odd = network.config.odd
    unique = list(dict.fromkeys(texts + [mirror_text(text) for text in texts] if odd else texts))
    place = {text: row for row, text in enumerate(unique)}
    tokens, valid = token_batch(bank, unique)
    lengths = valid.sum(1).long()
    found, groups = [], _groups(lengths.numpy())
    for rows in groups:
        longest = int(lengths[rows].max())
        found.append(run(network.text_encoder, tokens[rows, :longest], valid[rows, :longest]))
    read = torch.cat(found)[_back(groups)]
    mirror = read[[place[mirror_text(text)] for text in texts]] if odd else None
    return network.text_encoder.joined(read[[place[text] for text in texts]], mirror)


def set_aside(name: str, share: float) -> bool:
    """Whether a clip is of the share that a run does not learn from; parts of one take go together."""
    take = name.rpartition("-")[0] if re.search(r"-\d+$", name) else name
    return zlib.crc32(take.encode()) % 1000 < share * 1000


def _groups(lengths: np.ndarray) -> list[np.ndarray]:
    """Row numbers in groups of like length."""
    return np.array_split(np.argsort(lengths, kind="stable"), min(LENGTH_GROUPS, len(lengths)))


def _shown(inside: Tensor, share: float) -> Tensor | None:
    """Places (B, K) of a random share of the tokens of each sample, those behind its end last; None for all."""
    if share >= 1.0:
        return None
    keys = torch.rand(inside.shape) - inside
    return keys.argsort(dim=1)[:, : max(1, round(share * inside.shape[1]))]


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
