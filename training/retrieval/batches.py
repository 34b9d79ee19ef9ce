"""Random batches: windows of clips, each with one caption; mirror images; which pairs are no negatives."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from genmo.training.captions import CaptionBank
from genmo.training.dataset import mirror_text
from genmo.training.retrieval import features, sides
from genmo.training.retrieval.config import RetrievalConfig
from genmo.training.retrieval.data import Clip, has_side

SCALES = (0.9, 1.1)
"""Body sizes that the model should not care about."""

_SHORTEST = 0.6
"""Share of the longest possible window that is always shown."""


@dataclass(frozen=True)
class Batch:
    """Pairs of motion and caption.

    Attributes:
        motions: one (T, features) window each, float32.
        captions: the sentence of each.
        clips: (B,) number of the clip that each comes from.
        mirror_of: (B,) row of the pair whose mirror image this is, or -1.
        sides: a sentence of `sides.sentence` for each motion, or "".
    """

    motions: list[NDArray[np.float32]]
    captions: list[str]
    clips: NDArray[np.int64]
    mirror_of: NDArray[np.int64]
    sides: list[str]


class Drawer:
    """Draws batches; every call uses the generator it was made with."""

    def __init__(self, clips: list[Clip], config: RetrievalConfig, rng: np.random.Generator) -> None:
        """Keep the clips that have a caption of the chosen kind.

        Raises:
            ValueError: no clip has one.
        """
        self._clips = [clip for clip in clips if clip.captions(config.captions)]
        if not self._clips:
            raise ValueError(f"no clip has captions of the kind {config.captions}")
        self._config, self._rng = config, rng
        # A long clip has more to show than one window, but its caption is still one.
        shares = np.sqrt([min(max(len(clip.features), 90), 900) for clip in self._clips])
        self._share = shares / shares.sum()

    def draw(self) -> Batch:
        """One batch of different clips, then mirror images of pairs that speak of sides."""
        config = self._config
        count = min(config.batch, len(self._clips))
        chosen = self._rng.choice(len(self._clips), count, replace=False, p=self._share)
        motions, captions = [], []
        for index in chosen:
            motion, caption = self._pair(self._clips[index])
            motions.append(motion)
            captions.append(caption)
        sided = [row for row, caption in enumerate(captions) if has_side(caption)]
        sided = sided[: round(config.side_pairs * count)]
        motions += [features.mirrored(motions[row]).astype(np.float32) for row in sided]
        captions += [mirror_text(captions[row]) for row in sided]
        mirror_of = np.r_[np.full(count, -1), sided].astype(np.int64)
        clips = np.r_[chosen, chosen[np.array(sided, dtype=np.int64)]]
        return Batch(motions, captions, clips, mirror_of, [sides.sentence(motion, self._rng) for motion in motions])

    def _pair(self, clip: Clip) -> tuple[NDArray[np.float32], str]:
        rng, captions = self._rng, clip.captions(self._config.captions)
        caption = captions[rng.integers(len(captions))]
        longest = min(len(clip.features), self._config.frames)
        length = longest if rng.random() < 0.5 else int(rng.integers(int(_SHORTEST * longest), longest + 1))
        start = int(rng.integers(0, len(clip.features) - length + 1))
        motion = features.scaled(features.window(clip.features, start, start + length), rng.uniform(*SCALES))
        if rng.random() < 0.5:
            motion, caption = features.mirrored(motion), mirror_text(caption)
        return motion.astype(np.float32), caption


def bank_texts(captions: Iterable[str]) -> set[str]:
    """Every sentence that a batch of these captions may hold: themselves, mirror images, and what is said of sides."""
    found = set(captions) | set(sides.all_sentences())
    while new := {mirror_text(text) for text in found} - found:
        found |= new
    return found


def token_batch(bank: CaptionBank, captions: list[str]) -> tuple[Tensor, Tensor]:
    """Token embeddings (B, S, text_width) of captions, and (B, S) 1 where there is a token."""
    rows = bank.rows(captions)
    valid = np.arange(bank.tokens.shape[1])[None] < bank.lengths[rows][:, None]
    longest = int(bank.lengths[rows].max())
    tokens = torch.from_numpy(bank.tokens[rows][:, :longest]).float()
    return tokens, torch.from_numpy(valid[:, :longest]).float()


def allowed_negatives(tokens: Tensor, valid: Tensor, batch: Batch, same_meaning: float) -> Tensor:
    """Which captions may be negatives of each other.

    Two pairs of one clip are none, and neither are captions that say nearly the same: TMR filters by the cosine of
    sentence vectors, here the mean token of the same encoder. A pair and its mirror image always are, for in sentence
    vectors "left" and "right" are nearly the same word.

    Args:
        tokens: (B, S, text_width).
        valid: (B, S).
        batch: where they come from.
        same_meaning: cosine above which two captions mean the same.

    Returns:
        (B, B) bool.
    """
    sentences = torch.nn.functional.normalize((tokens * valid[..., None]).sum(1), dim=-1)
    clips = torch.from_numpy(batch.clips)
    allowed = (sentences @ sentences.T <= same_meaning) & (clips[:, None] != clips[None])
    mirrors = torch.from_numpy(np.flatnonzero(batch.mirror_of >= 0))
    originals = torch.from_numpy(batch.mirror_of[batch.mirror_of >= 0])
    allowed[mirrors, originals] = allowed[originals, mirrors] = True
    return allowed


def padded(motions: list[NDArray[np.float32]], multiple: int) -> tuple[Tensor, Tensor]:
    """Motions in one array (B, T, features), T a multiple of `multiple`, and (B, T) 1 inside each."""
    lengths = np.array([len(motion) for motion in motions])
    frames = -(-int(lengths.max()) // multiple) * multiple
    out = np.zeros((len(motions), frames, motions[0].shape[1]), np.float32)
    for row, motion in zip(out, motions, strict=True):
        row[: len(motion)] = motion
    return torch.from_numpy(out), torch.from_numpy((np.arange(frames)[None] < lengths[:, None]).astype(np.float32))
