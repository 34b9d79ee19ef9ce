"""What the graph of the published denoiser reads beside the noisy motion: who sees whom, and which text where.

The graph attends by blocks of frames (`tools/gem_graph.py`); these arrays say, for each block, which frames and which
texts it reads. So the same graph serves every length.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..base_model import BLOCKED

Float = NDArray[np.float32]
Indices = NDArray[np.int64]

BLOCK: Final = 60
"""Frames of a block; 120 and 300 frames, which the published model is mostly asked for, need no padding."""
WINDOW: Final = 120
"""Frames that a frame sees; all of them in shorter motions (genmo.md section 5.1)."""
KEYS: Final = 180
"""Frames that a block reads: its own windows reach over 179."""
STEPS: Final = 1000
TOKENS: Final = 50


def padded(frames: int) -> int:
    """The number of frames rounded up to whole blocks."""
    return -(-frames // BLOCK) * BLOCK


def rotary(frames: int, channels: int) -> tuple[Float, Float]:
    """Cosines and sines (padded T, C / 2) of the rotary positions, in float32 as published."""
    rates = np.float32(1.0) / np.float32(10000.0) ** (
        np.arange(0, channels, 2, dtype=np.float32) / np.float32(channels)
    )
    angles = np.arange(padded(frames), dtype=np.float32)[:, None] * rates
    return np.cos(angles), np.sin(angles)


def windows(frames: int) -> Indices:
    """First frame (T,) that each frame sees; it sees WINDOW frames from there on, or all."""
    return np.clip(np.arange(frames) - WINDOW // 2, 0, max(frames - WINDOW, 0))


def band(frames: int, valid: int | None = None) -> tuple[Indices, Float]:
    """Frames that each block reads, and who sees whom among them.

    Args:
        frames: L, which decides the windows.
        valid: frames that exist, if fewer (of a padded batch).

    Returns:
        keys (B, KEYS), row numbers of the padded motion, and the bias (B, BLOCK, KEYS), 0 or BLOCKED.
    """
    total = padded(frames)
    starts = np.pad(windows(frames), (0, total - frames), mode="edge")
    first = np.arange(0, total, BLOCK) - WINDOW // 2
    first = np.clip(np.minimum(first, starts[::BLOCK]), 0, max(total - KEYS, 0))
    keys = first[:, None] + np.arange(KEYS)[None]  # (B, KEYS)
    low = starts.reshape(-1, BLOCK, 1)
    column = keys[:, None]
    last = frames if valid is None else min(frames, valid)
    seen = (column >= low) & (column < low + WINDOW) & (column < last)
    return np.minimum(keys, total - 1), np.where(seen, 0.0, BLOCKED).astype(np.float32)


def text_places(ranges: Sequence[tuple[int, int]], frames: int) -> tuple[Indices, Float]:
    """Which texts each block reads, and how much each of its frames does.

    Args:
        ranges: half-open range of frames of each text; nothing is read outside, overlapping ranges add up.
        frames: T.

    Returns:
        slots (B, M), indices of texts, and weights (B, M, BLOCK), 0 or 1; M is the most texts of any block.
    """
    total = padded(frames)
    readers = np.zeros((len(ranges), total), np.float32)
    for row, (start, stop) in zip(readers, ranges, strict=True):
        row[max(start, 0) : max(min(stop, frames), 0)] = 1.0
    blocks = readers.reshape(len(ranges), -1, BLOCK).transpose(1, 0, 2)  # (B, N, BLOCK)
    touched = blocks.any(axis=2)
    most = max(int(touched.sum(axis=1).max(initial=0)), 1)
    slots = np.argsort(~touched, axis=1, kind="stable")[:, :most].astype(np.int64)
    return slots, np.take_along_axis(blocks, slots[..., None], axis=1)


def counted(frames: int, valid: int | None = None) -> Float:
    """Weights (1, padded T) of the mean over the frames that exist, which body shape is."""
    last = frames if valid is None else valid
    weights = np.zeros((1, padded(frames)), np.float32)
    weights[0, :last] = 1.0 / last
    return weights
