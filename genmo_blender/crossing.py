"""Curves that a merge cuts: where a segment crosses the edge of the range, the frames outside keep what they showed.

A key inside the range would bend the whole segment towards it. So the whole frames of the segment that lie outside get
keys of what the curve showed there; the keys that were there stay as they are.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .fcurves import INTERPOLATIONS, CurveKeys, evaluate

Array = NDArray[np.float64]

_SAME: Final = 1e-3
"""Frames within which a key is on a frame."""


def with_edges(curve: Any, keys: CurveKeys, span: tuple[int, int], shown: tuple[float, float]) -> CurveKeys:
    """New keys of a range, with keys beside it where the curve has none next to it.

    Args:
        curve: as it is before the merge, with at least one key.
        keys: the new keys, within the range.
        span: first frame of the range and the frame after it.
        shown: first and last frame of the whole action: beyond them nothing is shown that could change.
    """
    start, stop = span
    points = np.empty(len(curve.keyframe_points) * 2, dtype=np.float32)
    curve.keyframe_points.foreach_get("co", points)
    frames = points.reshape(-1, 2)[:, 0]
    before, after = frames[frames < start - _SAME], frames[frames >= stop - _SAME]
    left = _left(before, start) if start > shown[0] else np.zeros(0)
    right = _right(after, stop) if stop <= shown[1] else np.zeros(0)
    if not left.size and not right.size:
        return keys
    kinds = np.concatenate([_linear(left), keys.interpolation, _linear(right)])
    slopes = None if keys.slopes is None else np.concatenate([np.zeros(left.size), keys.slopes, np.zeros(right.size)])
    return CurveKeys(
        np.concatenate([left, keys.frames, right]),
        np.concatenate([evaluate(curve, left), keys.values, evaluate(curve, right)]),
        kinds.astype(np.int32),
        slopes,
    )


def _left(before: NDArray[np.float32], start: int) -> Array:
    """Whole frames without a key from the last key to the range; only the last one where no key comes before."""
    first = np.floor(before[-1] + _SAME) + 1.0 if before.size else start - 1.0
    return np.arange(first, start, dtype=np.float64)


def _right(after: NDArray[np.float32], stop: int) -> Array:
    last = np.ceil(after[0] - _SAME) if after.size else stop + 1.0
    return np.arange(stop, last, dtype=np.float64)


def _linear(frames: Array) -> NDArray[np.int32]:
    return np.full(frames.size, INTERPOLATIONS["LINEAR"], dtype=np.int32)
