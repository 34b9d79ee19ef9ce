"""Freehand strokes: smoothing and thinning of lines."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_STEP: Final = 0.02
"""Metres between the points of a resampled line."""
_STRAY: Final = 0.01
"""Metres by which a thinned line may miss the full one."""


def length(points: Array) -> float:
    """Length of a line (N, 3)."""
    return float(np.linalg.norm(np.diff(points, axis=0), axis=1).sum())


def smoothed(points: Array, width: float) -> Array:
    """A line without wiggles.

    Args:
        points: (N, 3) as drawn, N >= 2.
        width: metres; standard deviation of the Gauss filter along the line is half of it. 0 only resamples.

    Returns:
        (M, 3) evenly spaced points with the same ends.
    """
    line = resampled(points, max(2, min(5000, round(length(points) / _STEP) + 1)))
    sigma = 0.5 * width / max(length(line) / (len(line) - 1), 1e-9)
    reach = min(round(3.0 * sigma), len(line) - 1)
    if reach < 1:
        return line
    # Reflected through its ends the line goes on as it went, so the ends stay where they are.
    padded = np.pad(line, ((reach, reach), (0, 0)), mode="reflect", reflect_type="odd")
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    smooth = np.stack([np.convolve(column, kernel, mode="valid") for column in padded.T], axis=1)
    return resampled(smooth, len(line))


def resampled(points: Array, count: int) -> Array:
    """So many points (count, 3) at even distances along a line (N, 3)."""
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    lengths = np.concatenate([[0.0], np.cumsum(steps)])
    at = np.linspace(0.0, lengths[-1], count)
    return np.stack([np.interp(at, lengths, column) for column in points.T], axis=1)


def thinned(points: Array) -> Array:
    """As few of the points (N, 3) as keep the line within a centimetre: Douglas and Peucker (1973)."""
    keep = np.zeros(len(points), dtype=bool)
    keep[[0, -1]] = True
    waiting = [(0, len(points) - 1)]
    while waiting:
        first, last = waiting.pop()
        if last - first < 2:
            continue
        between = points[first + 1 : last]
        way = points[last] - points[first]
        share = np.clip((between - points[first]) @ way / max(float(way @ way), 1e-12), 0.0, 1.0)
        stray = np.linalg.norm(between - points[first] - share[:, None] * way, axis=1)
        worst = int(stray.argmax())
        if stray[worst] > _STRAY:
            middle = first + 1 + worst
            keep[middle] = True
            waiting += [(first, middle), (middle, last)]
    return points[keep]


def at(points: Array, place: float) -> Array:
    """The point (3,) at a place between the points of a line, counted in points."""
    grid = np.arange(len(points))
    return np.array([np.interp(place, grid, column) for column in points.T])
