"""Random batches: windows of clips with captions; mirrored or reversed twins; which pairs are no negatives."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from genmo.runtime import retrieval_features as features
from genmo.runtime.words import mirror_text
from genmo.training.captions import CaptionBank
from genmo.training.retrieval import sides
from genmo.training.retrieval.config import RetrievalConfig
from genmo.training.retrieval.contrary import contrary, reversed_text
from genmo.training.retrieval.data import Clip

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
        also: further sentences of each, in the same order; `said` - 1 lists.
        clips: (B,) number of the clip that each comes from.
        opposite_of: (B,) row of the pair whose mirror image or reversal this is, or -1.
        sides: a sentence of `sides.sentence` for each motion, or "".
    """

    motions: list[NDArray[np.float32]]
    captions: list[str]
    clips: NDArray[np.int64]
    opposite_of: NDArray[np.int64]
    sides: list[str]
    also: list[list[str]] = field(default_factory=list)


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
        """One batch of different clips, then twins of some: mirrored, or reversed where the sides need no examples."""
        config = self._config
        count = min(config.batch, len(self._clips))
        chosen = self._rng.choice(len(self._clips), count, replace=False, p=self._share)
        pairs = [self._pair(self._clips[index]) for index in chosen]
        motions, told = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        opposite = reversed_text if config.odd else mirror_text
        twins = [row for row, said in enumerate(told) if opposite(said[0]) not in ("", said[0])]
        twins = twins[: round(config.side_pairs * count)]
        turned = features.reversed_time if config.odd else features.mirrored
        motions += [turned(motions[row]).astype(np.float32) for row in twins]
        # A further caption that cannot be turned round gives way to the first, which can.
        told += [[opposite(said) or opposite(told[row][0]) for said in told[row]] for row in twins]
        opposite_of = np.r_[np.full(count, -1), twins].astype(np.int64)
        clips = np.r_[chosen, chosen[np.array(twins, dtype=np.int64)]]
        first, *also = ([said[index] for said in told] for index in range(config.said))
        measured = [sides.sentence(motion, self._rng) for motion in motions]
        return Batch(motions, first, clips, opposite_of, measured, also)

    def _pair(self, clip: Clip) -> tuple[NDArray[np.float32], list[str]]:
        """A window and `said` captions, different ones if there are enough."""
        config, rng, captions = self._config, self._rng, clip.captions(self._config.captions)
        order = rng.permutation(len(captions))
        told = [captions[order[index % len(order)]] for index in range(config.said)]
        longest = min(len(clip.features), config.frames)
        length = longest if rng.random() < 0.5 else int(rng.integers(int(_SHORTEST * longest), longest + 1))
        start = int(rng.integers(0, len(clip.features) - length + 1))
        motion = features.scaled(features.window(clip.features, start, start + length), rng.uniform(*SCALES))
        if config.speeds != (1.0, 1.0):
            motion = features.faster(motion, rng.uniform(*config.speeds))[: config.frames]
        if not config.odd and rng.random() < 0.5:
            motion, told = features.mirrored(motion), [mirror_text(text) for text in told]
        return motion.astype(np.float32), told


def bank_texts(captions: Iterable[str]) -> set[str]:
    """Every sentence that a batch of these captions may hold: themselves, turned round, wrong, and said of sides."""
    told = set(captions)
    told |= {turned for text in told if (turned := reversed_text(text))}
    told |= {wrong for text in told if (wrong := contrary(text))}
    found = told | set(sides.all_sentences())
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
    mirrors = torch.from_numpy(np.flatnonzero(batch.opposite_of >= 0))
    originals = torch.from_numpy(batch.opposite_of[batch.opposite_of >= 0])
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
