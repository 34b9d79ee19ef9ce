"""From a sentence and the time since its start to a pose: a second part of the network that is trained on its own.

`python -m genmo.training.outline --data DIR --out RUN --text-encoder DIR` writes `RUN/outline.pt`, which a coarse run
that starts in the same folder takes over and keeps fixed. It gives the mean of all that people do at this moment of
such a sentence: standing, then seated for "sits down". That is what a denoiser should answer at the noisiest step, and
windows of a hundred frames teach it slowly: thousands of unlike moments a step do it in minutes.
"""

from __future__ import annotations

import argparse
import logging
import math
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from genmo.runtime.cues import CUES
from genmo.runtime.features import LAYOUT, POSE
from genmo.training.captions import CaptionBank, open_encoder
from genmo.training.dataset import Sequence, Statistics, load_sequences, prompt_shares
from genmo.training.events import all_texts, events_by_kind
from genmo.training.tasks import EVENTS

log = logging.getLogger("genmo.training")

OUTLINE: Final = "outline.pt"
"""Name of the trained part in the folder of a run."""

PERIODS: Final = (600.0, 240.0, 120.0, 60.0, 30.0)
"""Periods, in frames, of the waves that tell the time since a sentence's start."""

LONGEST: Final = 300
"""Frames since the start that are told apart, as in `cues.cue_channels`."""

SHOWS_EVENT: Final = 0.5
"""Share of the moments that are of single actions."""

UNTOLD: Final = 0.15
"""Share of the moments whose time is not told."""


class Outline(nn.Module):
    """MLP: sentence embedding and time since its start -> mean of the normalised features."""

    def __init__(self, text_width: int, width: int = 768) -> None:
        """Make two hidden layers of `width` channels."""
        super().__init__()
        read = text_width + 3 + 2 * len(PERIODS)
        self.layers = nn.Sequential(
            nn.Linear(read, width), nn.GELU(approximate="tanh"), nn.Linear(width, width), nn.GELU(approximate="tanh"),
            nn.Linear(width, LAYOUT.width),
        )  # fmt: skip

    def forward(self, said: Tensor, span: Tensor) -> Tensor:
        """Mean features.

        Args:
            said: (..., text_width) mean token of the sentence.
            span: (..., 3) start of CUES["span"]: whether it is known, how near it is, frames since / LONGEST.

        Returns:
            (..., F).
        """
        periods = torch.tensor(PERIODS, device=span.device)
        angles = 2.0 * math.pi * LONGEST * span[..., 2:3] / periods
        waves = torch.cat([angles.sin(), angles.cos()], -1) * span[..., :1]
        return self.layers(torch.cat([said, span, waves], -1))


def outline_span(cues: Tensor) -> Tensor:
    """The channels (..., 3) that tell the start of the sentence, out of all cue channels (..., CUES.width)."""
    return cues[..., CUES["span"]][..., :3]


def spans(since: NDArray[np.int64], told: NDArray[np.bool_]) -> NDArray[np.float32]:
    """(N, 3) as `cues.cue_channels` writes them."""
    near = np.minimum(since, LONGEST) * told
    return np.stack([told, np.exp(-near / 15.0) * told, near / LONGEST], axis=1).astype(np.float32)


class Moments:
    """Random moments of captioned clips and of single actions."""

    def __init__(
        self, sequences: list[Sequence], bank: CaptionBank, mean: NDArray[np.float32], std: NDArray[np.float32]
    ) -> None:
        """Keep the clips and the mean token of every sentence."""
        counted = np.maximum(bank.lengths, 1)[:, None]
        self._said = bank.tokens.astype(np.float32).sum(1) / counted
        self._bank, self._mean, self._std = bank, mean, std
        self._clips = [item for item in sequences if item.captions]
        self._shares = prompt_shares(self._clips)
        self._events = events_by_kind(self._clips)

    def draw(self, count: int, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """`count` moments.

        Returns:
            said (N, text_width), span (N, 3), normalised features (N, F) without headings, measured joints (N, 22).
        """
        texts, sinces, rows, measured = [], [], [], []
        kinds = [kind for kind in EVENTS if self._events[kind]]
        weights = np.array([EVENTS[kind] for kind in kinds])
        weights = weights / weights.sum()
        groups = max(count // 8, 1)  # eight moments of each clip that is drawn
        for clip in rng.choice(len(self._clips), groups, p=self._shares):
            item, start, stop, captions = self._clips[clip], 0, len(self._clips[clip].root), self._clips[clip].captions
            if kinds and rng.random() < SHOWS_EVENT:
                choices = self._events[str(rng.choice(kinds, p=weights))]
                item, event = choices[rng.integers(len(choices))]
                start, stop, captions = event.start, event.stop, event.captions
            stop = min(stop, start + LONGEST)
            for frame in rng.integers(start, stop, 8):
                texts.append(captions[rng.integers(len(captions))])
                sinces.append(frame - start)
                rows.append(_features(item, int(frame)))
                measured.append(item.measured)
        told = rng.random(len(rows)) > UNTOLD
        said = self._said[self._bank.rows(texts)]
        features = (np.stack(rows) - self._mean) / self._std
        arrays = (said, spans(np.array(sinces), told), features, np.stack(measured))
        return tuple(torch.from_numpy(np.ascontiguousarray(each, np.float32)) for each in arrays)  # type: ignore[return-value]


def _features(item: Sequence, frame: int) -> NDArray[np.float32]:
    """(F,) of one frame; the heading, which no sentence tells, is straight ahead."""
    parts = {
        "root_tilt": item.pose[frame, 0], "body_pose": item.pose[frame, 1:].reshape(-1),
        "root_height": item.root[frame, 1:2], "root_velocity": item.velocity[frame], "heading": np.zeros(2, np.float32),
        "contacts": item.contacts[frame],
    }  # fmt: skip
    return np.concatenate([parts[name] for name in LAYOUT.sizes])


def train(moments: Moments, text_width: int, *, steps: int, batch: int = 1024) -> Outline:
    """Train on single moments.

    Args:
        moments: to draw from.
        text_width: of a token.
        steps: of the optimiser; the learning rate follows them.
        batch: moments a step.
    """
    torch.manual_seed(11)
    outline, rng = Outline(text_width), np.random.default_rng(11)
    optimizer = torch.optim.AdamW(outline.parameters(), lr=1e-3, weight_decay=0.01, fused=True)
    total = 0.0
    for step in range(1, steps + 1):
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 * min(1.0, step / 100) * (0.02 + 0.49 * (1 + math.cos(math.pi * step / steps)))
        said, span, features, measured = moments.draw(batch, rng)
        weight = (0.05 + 0.95 * measured).repeat_interleave(6, -1)
        weight = functional.pad(weight, (0, LAYOUT.width - POSE.stop), value=4.0)
        weight[:, LAYOUT["heading"]] = 0.0
        loss = ((outline(said, span) - features) ** 2 * weight).mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(outline.parameters(), 1.0)
        optimizer.step()
        total += float(loss.detach())
        if step % 100 == 0:
            log.info("outline step %d loss %.4f", step, total / 100)
            total = 0.0
    return outline


def main(arguments: list[str] | None = None) -> None:
    """Command line of the outline's training."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the motion archive")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--text-encoder", type=Path, required=True, help="folder with text_encoder.onnx and vocab.txt")
    parser.add_argument("--text-tokens", type=int, default=24, help="tokens kept of a caption")
    parser.add_argument("--steps", type=int, default=4000, help="of the optimiser")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    options.out.mkdir(parents=True, exist_ok=True)
    sequences = load_sequences(options.data, "train", options.out)
    statistics = Statistics.of(sequences)
    encoder = open_encoder(options.text_encoder)
    bank = CaptionBank.build(all_texts(sequences), encoder, options.text_tokens, options.out)
    moments = Moments(sequences, bank, statistics.mean, statistics.std)
    outline = train(moments, bank.tokens.shape[-1], steps=options.steps)
    partial = options.out / (OUTLINE + ".partial")
    torch.save({"outline": outline.state_dict()}, partial)
    partial.replace(options.out / OUTLINE)


if __name__ == "__main__":
    main()
