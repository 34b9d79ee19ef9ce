"""Spreading a correction over time: exact where it is asked for, smooth and small everywhere else.

A correction d(t) that is known on some frames is continued to all others as the minimum of

    sum  magnitude |d|^2 + velocity |d(t+1) - d(t)|^2 + |d(t+1) - 2 d(t) + d(t-1)|^2

The last term keeps the velocity of the motion free of kinks at the known frames (a minimum of the velocity term
alone is piecewise linear: its kinks are the pops that animators see at keys). The two other terms say what happens
far from the known frames: the correction is held, or it fades.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


def hold(values: Array, known: Mask, frames: float) -> Array:
    """Continues a correction so that it stays constant outside the known frames.

    Args:
        values: (T, n) the correction; only the known frames are read.
        known: (T,) frames on which the correction is given.
        frames: how long, in frames, the velocity takes to settle next to a known frame.

    Returns:
        (T, n): a spline in tension through the known values; zero if nothing is known.
    """
    return _minimum(values, known, magnitude=0.0, velocity=1.0 / frames**2)


def fade(values: Array, known: Mask, frames: float) -> Array:
    """Continues a correction so that it fades to zero away from the known frames.

    Args:
        values: (T, n) the correction; only the known frames are read.
        known: (T,) frames on which the correction is given.
        frames: time constant: around a lone key the shape is (1 + |t| / frames) exp(-|t| / frames), which is
            74 %, 41 % and 9 % after one, two and four time constants.

    Returns:
        (T, n): zero if nothing is known.
    """
    return _minimum(values, known, magnitude=1.0 / frames**4, velocity=2.0 / frames**2)


def away_from(frames: Mask, time: float) -> Array:
    """Weights (T,) that are 0 on the given frames and rise smoothly to 1 away from them, as 1 less `fade`'s shape."""
    set_frames = np.flatnonzero(frames)
    if set_frames.size == 0:
        return np.ones(len(frames))
    grid = np.arange(len(frames))
    after = np.searchsorted(set_frames, grid)
    to_next = set_frames[after.clip(max=len(set_frames) - 1)] - grid
    to_last = set_frames[np.maximum(after - 1, 0)] - grid
    times = np.minimum(np.abs(to_next), np.abs(to_last)) / time
    return 1.0 - (1.0 + times) * np.exp(-times)


def fade_columns(values: Array, known: Mask, frames: float) -> Array:
    """`fade` where each column has its own known frames.

    Args:
        values: (T, J, n) corrections.
        known: (T, J) frames on which each of them is given.
        frames: time constant.

    Returns:
        (T, J, n).
    """
    result = np.zeros(values.shape)
    columns = np.flatnonzero(known.any(axis=0))
    if columns.size == 0:
        return result
    # Columns that are known on the same frames (a full-body key) share one solve.
    patterns, group_of = np.unique(known[:, columns], axis=1, return_inverse=True)
    for group in range(patterns.shape[1]):
        members = columns[group_of.ravel() == group]
        block = values[:, members].reshape(len(values), -1)
        result[:, members] = fade(block, patterns[:, group], frames).reshape(len(values), members.size, -1)
    return result


def follow(steps: Array, trust: Array, still: Mask, frames: float) -> Array:
    """A correction that takes given steps from frame to frame, as far as they are trusted, and changes smoothly.

    Args:
        steps: (T - 1, n) wanted d(t + 1) - d(t).
        trust: (T - 1,) weight of each, above zero; 1 weighs as much as smoothness does over `frames` frames.
        still: (T,) frames on which the correction is zero; at least one.
        frames: time constant of the smoothness.

    Returns:
        (T, n).
    """
    weights = trust / frames**2
    pull = np.zeros((len(still), steps.shape[1]))
    pull[1:] += weights[:, None] * steps
    pull[:-1] -= weights[:, None] * steps
    return _minimum(np.zeros(pull.shape), still, 0.0, weights, pull)


def _minimum(values: Array, known: Mask, magnitude: float, velocity: float | Array, pull: float | Array = 0.0) -> Array:
    """Minimum of the module's sum, less 2 d(t) pull(t), with d = values on the known frames."""
    if not known.any():
        return np.zeros(values.shape)
    if known.all():
        return np.array(values, dtype=np.float64)
    given = np.where(known[:, None], values, 0.0)
    diagonals = _normal_matrix(len(known), magnitude, velocity)
    right = np.where(known[:, None], given, pull - _banded_product(diagonals, given))
    free = ~known
    diagonals[0][known] = 1.0
    for distance in (1, 2):
        diagonals[distance] *= free[:-distance] & free[distance:]
    solution = _solve_pentadiagonal(diagonals, right)
    return np.where(known[:, None], given, solution)


def _normal_matrix(count: int, magnitude: float, velocity: float | Array) -> list[Array]:
    """Main diagonal and the first two upper diagonals of the quadratic form, lengths T, T - 1, T - 2."""
    main = np.full(count, magnitude, dtype=np.float64)
    first, second = np.zeros(max(count - 1, 0)), np.zeros(max(count - 2, 0))
    if count > 1:
        main[:-1] += velocity
        main[1:] += velocity
        first -= velocity
    if count > 2:
        main[:-2] += 1.0
        main[1:-1] += 4.0
        main[2:] += 1.0
        first[:-1] -= 2.0
        first[1:] -= 2.0
        second += 1.0
    return [main, first, second]


def _banded_product(diagonals: list[Array], vectors: Array) -> Array:
    """Symmetric banded matrix times (T, n)."""
    result = diagonals[0][:, None] * vectors
    for distance in (1, 2):
        band = diagonals[distance][:, None]
        result[:-distance] += band * vectors[distance:]
        result[distance:] += band * vectors[:-distance]
    return result


def _solve_pentadiagonal(diagonals: list[Array], right: Array) -> Array:
    """Solves the symmetric positive definite system with the given diagonals for (T, n)."""
    count, width = right.shape
    pairs = (count + 1) // 2
    main, first, second = (np.zeros(2 * pairs) for _ in range(3))
    main[count:] = 1.0  # an odd T gets one dummy unknown
    main[:count], first[: count - 1], second[: max(count - 2, 0)] = diagonals
    blocks = np.empty((pairs, 2, 2))
    blocks[:, 0, 0], blocks[:, 1, 1] = main[0::2], main[1::2]
    blocks[:, 0, 1] = blocks[:, 1, 0] = first[0::2]
    upper = np.zeros((pairs, 2, 2))
    upper[:, 0, 0], upper[:, 1, 1] = second[0::2], second[1::2]
    upper[:, 1, 0] = first[1::2]
    padded = np.zeros((2 * pairs, width))
    padded[:count] = right
    return _cyclic_reduction(blocks, upper, padded.reshape(pairs, 2, width)).reshape(-1, width)[:count]


def _cyclic_reduction(blocks: Array, upper: Array, right: Array) -> Array:
    """Solves a symmetric block tridiagonal system by eliminating every second block, level by level.

    A sweep from frame to frame would need a Python loop over T; this needs log2(T) whole-array steps.

    Args:
        blocks: (N, 2, 2) diagonal blocks.
        upper: (N, 2, 2) coupling of block i to block i + 1; the last one is not used.
        right: (N, 2, n) right-hand side.

    Returns:
        (N, 2, n) solution.
    """
    if len(blocks) == 1:
        return _inverse(blocks) @ right
    kept, lower = (len(blocks) + 1) // 2, np.swapaxes(upper, -1, -2)
    inverse = _inverse(blocks[1::2])
    has_next = len(blocks) // 2  # kept blocks that have an eliminated block after them
    to_next = upper[0::2][:has_next] @ inverse
    to_previous = lower[1::2][: kept - 1] @ inverse[: kept - 1]
    small, coarse, reduced = blocks[0::2].copy(), np.zeros((kept, 2, 2)), right[0::2].copy()
    small[:has_next] -= to_next @ lower[0::2][:has_next]
    small[1:] -= to_previous @ upper[1::2][: kept - 1]
    reduced[:has_next] -= to_next @ right[1::2]
    reduced[1:] -= to_previous @ right[1::2][: kept - 1]
    coarse[: kept - 1] = -(to_next[: kept - 1] @ upper[1::2][: kept - 1])
    solution = np.empty(right.shape)
    solution[0::2] = _cyclic_reduction(small, coarse, reduced)
    rest = right[1::2] - lower[0::2][:has_next] @ solution[0::2][:has_next]
    rest[: kept - 1] -= upper[1::2][: kept - 1] @ solution[0::2][1:]
    solution[1::2] = inverse @ rest
    return solution


def _inverse(blocks: Array) -> Array:
    """Inverses of symmetric (N, 2, 2) blocks."""
    a, b, d = blocks[:, 0, 0], blocks[:, 0, 1], blocks[:, 1, 1]
    result = np.empty(blocks.shape)
    result[:, 0, 0], result[:, 1, 1] = d, a
    result[:, 0, 1] = result[:, 1, 0] = -b
    return result / (a * d - b * b)[:, None, None]
