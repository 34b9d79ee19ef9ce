"""Few keys instead of one per frame: piecewise cubics whose tangents come from the motion itself.

Keys are set where the error is largest until every frame is within its bound (Schneider 1990 splits Bezier curves in
this way). Left and right tangents of a key agree, so the curves stay smooth to edit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Indices = NDArray[np.int64]
Error = Callable[[Array], Array]
"""Error (T,) of values (T, n) against the dense ones, 1 = just allowed."""


@dataclass(frozen=True, slots=True)
class Keys:
    """Keys of n curves that share their frames.

    Attributes:
        frames: (K,) rows of the dense values that became keys.
        values: (K, n).
        slopes: (K, n) change per frame at each key.
    """

    frames: Indices
    values: Array
    slopes: Array


def reduce_keys(values: Array, error: Error, fixed: Indices | None = None) -> Keys:
    """The fewest keys that splitting finds.

    Args:
        values: (T, n) dense values, one row per frame.
        error: how far other values are off; at most 1 is accepted.
        fixed: rows that must be keys.
    """
    count = len(values)
    keys = np.unique(np.concatenate([[0, count - 1], np.asarray([] if fixed is None else fixed, dtype=np.int64)]))
    while True:
        fitted = fit(values, keys.astype(np.int64))
        off = error(interpolate(fitted, count))
        off[keys] = 0.0
        if len(keys) < 2 or off.max() <= 1.0:
            return _fewer(values, fitted, error, fixed)
        segment = np.clip(np.searchsorted(keys, np.arange(count), side="right") - 1, 0, len(keys) - 2)
        order = np.lexsort((off, segment))
        worst = order[np.append(np.flatnonzero(np.diff(segment[order])), count - 1)]
        keys = np.union1d(keys, worst[off[worst] > 1.0])


def _fewer(values: Array, keys: Keys, error: Error, fixed: Indices | None) -> Keys:
    """Without every second key where that is still good: splitting at the worst frame leaves some to spare."""
    count = len(values)
    needed = set(() if fixed is None else fixed.tolist()) | {0, count - 1}
    for offset in (1, 0, 1, 0):
        drop = np.zeros(len(keys.frames), dtype=bool)
        drop[1 + offset : -1 : 2] = True
        drop &= ~np.isin(keys.frames, list(needed))
        while drop.any():
            kept = fit(values, keys.frames[~drop])
            bad = np.flatnonzero(error(interpolate(kept, count)) > 1.0)
            if not bad.size:
                keys = kept
                break
            # A dropped key comes back if any frame between the kept keys around it is off.
            segment = np.searchsorted(kept.frames, bad, side="right") - 1
            near = np.searchsorted(kept.frames, keys.frames, side="right") - 1
            back = np.isin(near, segment) & drop
            if not back.any():
                back = (np.isin(near + 1, segment) | np.isin(near - 1, segment)) & drop
            if not back.any():
                break
            drop &= ~back
    return keys


def fit(values: Array, frames: Indices) -> Keys:
    """Keys on these frames whose slopes fit the values (T, n) between them best (least squares)."""
    count = len(values)
    known = values[frames]
    if len(frames) < 2:
        return Keys(frames, known, np.zeros(known.shape))
    rows = np.arange(count)
    left = np.clip(np.searchsorted(frames, rows, side="right") - 1, 0, len(frames) - 2)
    length = (frames[left + 1] - frames[left]).astype(np.float64)
    t = (rows - frames[left]) / length
    before, after = length * t * (1.0 - t) ** 2, -length * t * t * (1.0 - t)
    rest = values - interpolate(Keys(frames, known, np.zeros(known.shape)), count)
    squares = np.bincount(left, before**2, len(frames)) + np.bincount(left + 1, after**2, len(frames))
    main = np.asarray(squares, dtype=np.float64)
    side = np.asarray(np.bincount(left, before * after, len(frames))[:-1], dtype=np.float64)
    right = np.stack(
        [
            np.bincount(left, before * column, len(frames)) + np.bincount(left + 1, after * column, len(frames))
            for column in rest.T
        ],
        axis=1,
    )
    # Neighbouring frames leave a slope open: it then follows the dense values.
    weight = 1e-3
    slopes = solve_tridiagonal(main + weight, side, right + weight * np.gradient(values, axis=0)[frames])
    return Keys(frames, known, slopes)


def solve_tridiagonal(main: Array, side: Array, right: Array) -> Array:
    """Solution (K, n) of a symmetric tridiagonal system with diagonals (K,) and (K - 1,).

    Every second unknown is eliminated at once, level by level (cyclic reduction): no loop over K.
    """
    if len(main) == 1:
        return right / main[:, None]
    lower, upper = side[0::2], side[1::2]  # of an eliminated unknown to the one before and the one after
    count, inverse, odd = len(upper), 1.0 / main[1::2], right[1::2]
    to_previous, to_next = lower * inverse, upper * inverse[:count]
    small, reduced = main[0::2].copy(), right[0::2].copy()
    small[: len(lower)] -= to_previous * lower
    small[1 : count + 1] -= to_next * upper
    reduced[: len(lower)] -= to_previous[:, None] * odd
    reduced[1 : count + 1] -= to_next[:, None] * odd[:count]
    even = solve_tridiagonal(small, -to_previous[: len(small) - 1] * upper[: len(small) - 1], reduced)
    result = np.empty(right.shape)
    result[0::2] = even
    rest = odd - lower[:, None] * even[: len(lower)]
    rest[:count] -= upper[:, None] * even[1 : count + 1]
    result[1::2] = rest * inverse[:, None]
    return result


def interpolate(keys: Keys, count: int) -> Array:
    """Values (count, n) of the cubics on every frame."""
    if len(keys.frames) < 2:
        return np.repeat(keys.values[:1], count, axis=0)
    frames = np.arange(count)
    left = np.clip(np.searchsorted(keys.frames, frames, side="right") - 1, 0, len(keys.frames) - 2)
    length = (keys.frames[left + 1] - keys.frames[left]).astype(np.float64)[:, None]
    t = (frames - keys.frames[left])[:, None] / length
    a, b = keys.values[left], keys.values[left + 1]
    p, q = keys.slopes[left] * length, keys.slopes[left + 1] * length
    return a + t * (p + t * (3.0 * (b - a) - 2.0 * p - q + t * (2.0 * (a - b) + p + q)))
