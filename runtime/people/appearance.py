"""What a person wears: mean colours of head, trunk, thighs and shins, by which people are told apart."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..media.video import Pixels

Array = NDArray[np.float64]

PARTS: Final = 5
_L_SHOULDER, _R_SHOULDER, _L_HIP, _R_HIP, _L_KNEE, _R_KNEE, _L_ANKLE, _R_ANKLE = 11, 12, 23, 24, 25, 26, 27, 28
_STEPS: Final = np.linspace(0.15, 0.85, 6)
_SURE: Final = 0.5

_FEWEST_PARTS: Final = 2
_UNKNOWN: Final = 60.0
"""Distance of people who cannot be compared: more than the same clothes have, less than different ones."""


def appearance(pixels: Pixels, points: Array, visible: Array) -> Array:
    """Mean colours (5, 3), 0..255, of the parts of a person; NaN for parts that are not seen.

    Args:
        pixels: (h, w, 3).
        points: (33, 2) landmarks in pixels.
        visible: (33,) 0..1.
    """
    shoulders, hips = points[[_L_SHOULDER, _R_SHOULDER]], points[[_L_HIP, _R_HIP]]
    seen = visible > _SURE
    trunk = _between(_between(shoulders[:1], shoulders[1:]), _between(hips[:1], hips[1:]))
    parts = [
        (points[[0, 2, 5, 7, 8, 9, 10]], seen[0]),
        (trunk[len(trunk) // 2 :], seen[[_L_SHOULDER, _R_SHOULDER]].all()),
        (trunk[: len(trunk) // 2], seen[[_L_HIP, _R_HIP]].all()),
        (_between(hips, points[[_L_KNEE, _R_KNEE]]), seen[[_L_HIP, _R_HIP, _L_KNEE, _R_KNEE]].all()),
        (_between(points[[_L_KNEE, _R_KNEE]], points[[_L_ANKLE, _R_ANKLE]]), seen[_L_KNEE : _R_ANKLE + 1].all()),
    ]
    return np.stack([_colour(pixels, at) if shown else np.full(3, np.nan) for at, shown in parts])


def difference(first: Array, second: Array) -> float:
    """How unlike two people look: root mean square of the differences of their colours, over parts both show."""
    known = np.isfinite(first).all(axis=1) & np.isfinite(second).all(axis=1)
    if known.sum() < _FEWEST_PARTS:
        return _UNKNOWN
    return float(np.sqrt(np.mean((first[known] - second[known]) ** 2)))


def typical(looks: Array) -> Array:
    """Median (5, 3) of many appearances (n, 5, 3), NaN where no one shows the part."""
    known = np.isfinite(looks).any(axis=(0, 2))
    result = np.full(looks.shape[1:], np.nan)
    if known.any():
        result[known] = np.nanmedian(looks[:, known], axis=0)
    return result


def _between(first: Array, second: Array) -> Array:
    """Points on the lines from `first` (n, 2) to `second` (n, 2)."""
    return (first[None] * (1.0 - _STEPS[:, None, None]) + second[None] * _STEPS[:, None, None]).reshape(-1, 2)


def _colour(pixels: Pixels, at: Array) -> Array:
    height, width = pixels.shape[:2]
    columns = np.clip(np.round(at[:, 0]), 0, width - 1).astype(int)
    rows = np.clip(np.round(at[:, 1]), 0, height - 1).astype(int)
    return pixels[rows, columns].mean(axis=0)
