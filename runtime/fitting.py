"""A smooth course through measurements that are known better in some directions than in others.

The minimum over d of

    sum  (d(t) - e(t))' A(t) (d(t) - e(t)) + stiffness |d(t+1) - 2 d(t) + d(t-1)|^2

A(t) is the information of the measurement e(t), zero where there is none. High frequencies of e are left out, the more
the less is known of it: where A is a, d follows changes that take longer than (stiffness / a)^(1/4) frames.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_SLACK = 1e-9
"""Share of the stiffness that holds velocities down where nothing is known."""


def smooth_fit(measured: Array, information: Array, stiffness: float) -> Array:
    """The course of the module's sum.

    Args:
        measured: (T, k) e(t).
        information: (T, k, k) A(t), symmetric, not negative.
        stiffness: of the course, in the units of the information.

    Returns:
        (T, k); zero where nothing at all is known.
    """
    count, width = measured.shape
    if not information.any():
        return np.zeros(measured.shape)
    pairs = -(-count // 2)
    main, first, second = _stiff_bands(count, stiffness)
    blocks = np.zeros((pairs, 2, width, 2, width))
    upper = np.zeros((pairs, 2, width, 2, width))
    unit = np.eye(width)
    padded = np.zeros((2 * pairs, width, width))
    padded[:count] = information + main[:, None, None] * unit
    padded[count:] = unit * max(stiffness, 1.0)  # an odd T gets one dummy unknown
    blocks[:, 0, :, 0], blocks[:, 1, :, 1] = padded[0::2], padded[1::2]
    blocks[: count // 2, 0, :, 1] = blocks[: count // 2, 1, :, 0] = first[0::2, None, None] * unit
    upper[: len(second[0::2]), 0, :, 0] = second[0::2, None, None] * unit
    upper[: len(second[1::2]), 1, :, 1] = second[1::2, None, None] * unit
    upper[: len(first[1::2]), 1, :, 0] = first[1::2, None, None] * unit
    right = np.zeros((2 * pairs, width))
    right[:count] = np.einsum("tij,tj->ti", information, measured)
    size = 2 * width
    solution = solve_blocks(blocks.reshape(-1, size, size), upper.reshape(-1, size, size), right.reshape(-1, size))
    return solution.reshape(-1, width)[:count]


def _stiff_bands(count: int, stiffness: float) -> tuple[Array, Array, Array]:
    """Main diagonal and the two above it of the quadratic form of the second differences."""
    main, first, second = np.zeros(count), np.zeros(max(count - 1, 0)), np.zeros(max(count - 2, 0))
    for offset, weight in ((0, 1.0), (1, 4.0), (2, 1.0)):
        main[offset : count - 2 + offset] += weight if count > 2 else 0.0
    if count > 2:
        first[:-1] -= 2.0
        first[1:] -= 2.0
        second += 1.0
    main[:-1] += _SLACK
    main[1:] += _SLACK
    first -= _SLACK
    return main * stiffness, first * stiffness, second * stiffness


def solve_blocks(blocks: Array, upper: Array, right: Array) -> Array:
    """Solves a symmetric positive definite block tridiagonal system (N, m, m) for (N, m), from one end to the other."""
    count = len(blocks)
    ahead, values = np.empty(upper.shape), np.empty(right.shape)
    block, rest = blocks[0], right[0]
    for index in range(count):
        solved = np.linalg.solve(block, np.concatenate([upper[index], rest[:, None]], axis=1))
        ahead[index], values[index] = solved[:, :-1], solved[:, -1]
        if index + 1 < count:
            block = blocks[index + 1] - upper[index].T @ ahead[index]
            rest = right[index + 1] - upper[index].T @ values[index]
    for index in range(count - 2, -1, -1):
        values[index] -= ahead[index] @ values[index + 1]
    return values
