"""Landmarks of the network over time: sides kept apart, times made even, and what the model calls keypoints.

The 33 landmarks are BlazePose's (Bazarevsky et al. 2020, arXiv 2006.10204); the model knows the 17 points of
`runtime.keypoints`, whose limbs are joints of the skeleton.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..keypoints import KEYPOINTS, SIDES

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

SOURCES: Final = (0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28)
"""The landmark nearest to each keypoint."""
LIMBS: Final = (((13, 14), (15, 16), (17, 18), (19, 20), (21, 22)), ((25, 26), (27, 28), (29, 30), (31, 32)))
"""Left and right landmarks of arms and legs, which the network may take for each other."""
BODY: Final = (
    (1, 4), (2, 5), (3, 6), (7, 8), (9, 10), *((left, left + 1) for left in range(11, 33, 2)),
)  # fmt: skip
"""All left and right landmarks: front and back of a person may be taken for each other."""

OFFSETS: Final = {
    "nose": (0.05, 0.006), "eye": (0.155, 0.004), "ear": (0.46, -0.01),
    "shoulder": (-0.23, -0.03), "hip": (-0.045, 0.016),
}  # fmt: skip
"""How far keypoints lie from their landmarks (see `mapping`), fitted to real videos: docs/video.md."""
WIDTHS: Final = {"eye": (7, 8)}
"""Landmarks, left and right, whose width counts for a keypoint instead of its own."""

SEEN: Final = 0.5
_LONGEST_GAP: Final = 0.35
"""Seconds between pictures of a person that are bridged."""
_FARTHEST: Final = 0.09
"""Squared lengths of the trunk beyond which a bend says only that a landmark was missed."""
_DOUBT: Final = 0.012
"""Cost of each picture on which the network is not believed, in squared lengths of the trunk."""


def sides_kept(points: Array, visible: Array) -> tuple[Array, Mask]:
    """Landmarks that keep their sides: an exchange of the whole body, of arms or of legs for a while is taken back.

    The cheapest way through all pictures is searched (Viterbi), for each group: bends of their courses cost the
    squares, and what the network says is believed unless it costs much.

    Args:
        points: (n, 33, 2) of pictures that follow each other.
        visible: (n, 33).

    Returns:
        points with sides exchanged, and (n, 3) where those of the whole body, of the arms and of the legs were.
    """
    result, exchanged = points.copy(), np.zeros((len(points), 3), dtype=bool)
    if len(points) < 3:
        return result, exchanged
    trunks = np.linalg.norm(points[:, 11:13].mean(axis=1) - points[:, 23:25].mean(axis=1), axis=1)
    size = max(float(np.median(trunks)), 1.0)
    for group, pairs in enumerate((BODY, *LIMBS)):
        left, right = np.array(pairs).T
        judged = left >= 11  # the face is too small to tell
        one, other = [*left[judged], *right[judged]], [*right[judged], *left[judged]]
        states = np.stack([result[:, one], result[:, other]], axis=1) / size
        chosen = _cheapest(states, np.minimum(visible[:, one], visible[:, other])) == 1
        exchanged[:, group] = chosen
        at = np.flatnonzero(chosen)[:, None]
        result[at, left], result[at, right] = result[at, right], result[at, left]
    return result, exchanged


def _cheapest(states: Array, trust: Array) -> NDArray[np.int64]:
    """Which of two arrangements (n, 2, k, 2) of k points each picture has, for the least bends weighted by (n, k).

    Bends (second differences), not steps: limbs that pass each other go on, they do not bounce back.
    """
    count = len(states)
    weights = np.minimum(np.minimum(trust[2:], trust[1:-1]), trust[:-2]) + 0.05
    weights /= weights.sum(axis=1, keepdims=True)
    first, second, third = states[:-2, :, None, None], states[1:-1, None, :, None], states[2:, None, None, :]
    bends = np.minimum(((third - 2.0 * second + first) ** 2).sum(axis=-1), _FARTHEST)
    costs = np.einsum("nabck,nk->nabc", bends, weights)
    doubt = np.array([0.0, _DOUBT])
    total = doubt[:, None] + doubt[None, :]  # of the arrangements of the latest two pictures
    came = np.zeros((count, 2, 2), np.int64)
    for index in range(2, count):
        options = total[:, :, None] + costs[index - 2]
        came[index] = options.argmin(axis=0)
        total = options.min(axis=0) + doubt
    chosen = np.zeros(count, np.int64)
    chosen[-2], chosen[-1] = np.unravel_index(int(total.argmin()), (2, 2))
    for index in range(count - 1, 1, -1):
        chosen[index - 2] = came[index, chosen[index - 1], chosen[index]]
    return chosen


def to_keypoints(points: Array, visible: Array) -> Array:
    """The model's keypoints (n, 17, 3), x, y and confidence, of landmarks (n, 33, 2) and their visibility (n, 33)."""
    moved = np.einsum("kl,nlc->nkc", MAPPING, points)
    return np.concatenate([moved, visible[:, list(SOURCES), None]], axis=-1)


def evenly(times: Array, values: Array, grid: Array) -> Array:
    """Keypoints (n, 17, 3) of the times (n,) at the times `grid` (m,), by cubic curves through them.

    A point is as sure as the less sure of its two neighbours; where a person is away for longer than a moment, and
    before and after, points have no confidence.
    """
    result = np.zeros((len(grid), *values.shape[1:]))
    if not len(times):
        return result
    after = np.clip(np.searchsorted(times, grid), 0, len(times) - 1)
    before = np.maximum(after - 1, 0)
    gap = times[after] - times[before]
    step = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    share = np.where(gap > 0, (grid - times[before]) / np.maximum(gap, 1e-9), 1.0)
    share = np.clip(share, 0.0, 1.0)[:, None, None]
    slopes = np.gradient(values[..., :2], times, axis=0) if len(times) > 1 else np.zeros_like(values[..., :2])
    long = gap[:, None, None]
    one, other = values[before], values[after]
    square, cube = share**2, share**3
    result[..., :2] = (
        (2 * cube - 3 * square + 1) * one[..., :2] + (3 * square - 2 * cube) * other[..., :2]
        + (cube - 2 * square + share) * long * slopes[before] + (cube - square) * long * slopes[after]
    )  # fmt: skip
    result[..., 2] = np.minimum(one[..., 2], other[..., 2])
    near = np.minimum(np.abs(grid - times[before]), np.abs(times[after] - grid))
    reach = max(_LONGEST_GAP, 1.5 * step)
    outside = (grid < times[0] - 0.75 * step) | (grid > times[-1] + 0.75 * step)
    away = outside | ((gap > reach) & (near > 0.5 * step + 1e-6))
    alone = np.where(np.abs(grid - times[before]) <= np.abs(times[after] - grid), before, after)
    lone = (gap > reach) & ~away
    result[lone] = values[alone[lone]]
    result[away, :, 2] = 0.0
    return result


def mapping(offsets: Mapping[str, tuple[float, float]]) -> Array:
    """Weights (17, 33) of the landmarks that make a keypoint: each row adds up to 1.

    Args:
        offsets: for names of keypoints without their side, how far they lie from their landmark: in halves of the width
            between the landmarks of both sides (outwards; of the ears for the face), and in lengths of the trunk (up).
    """
    weights = np.zeros((len(KEYPOINTS), 33))
    for keypoint, source in enumerate(SOURCES):
        weights[keypoint, source] = 1.0
        name = KEYPOINTS[keypoint]
        across, up = offsets.get(name.removeprefix("l_").removeprefix("r_"), (0.0, 0.0))
        weights[keypoint, [11, 12]] += up / 2.0
        weights[keypoint, [23, 24]] -= up / 2.0
        if name == "nose":  # away from the middle of the ears
            weights[keypoint, 0] += across
            weights[keypoint, [7, 8]] -= across / 2.0
        else:
            left, right = WIDTHS.get(name[2:], (source, SOURCES[SIDES[keypoint]]))
            turned = name.startswith("r_") and name[2:] in WIDTHS
            own, other = (right, left) if turned else (left, right)
            weights[keypoint, own] += across / 2.0
            weights[keypoint, other] -= across / 2.0
    return weights


MAPPING: Final = mapping(OFFSETS)
