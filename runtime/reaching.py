"""Moving the whole body just enough for every pinned joint to come within reach, smoothly in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .smoothing import away_from, fade

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

SHIFT_FRAMES: Final = 7.0
"""Time constant with which a shift of the body fades outside the frames that need it."""
_COMFORT: Final = 0.995
"""Share of a limb's reach that is used before the body moves: a straight limb bends in jerks."""
_REACHED: Final = 1e-6
_LOST: Final = 1e-4
"""Metres: a demand that is missed by more than this with a fixed root cannot be met."""
_SWEEPS: Final = 40
_ROUNDS: Final = 8
_PEAK_ROUNDS: Final = 3


@dataclass(frozen=True, slots=True)
class Demand:
    """`base` has to come to a distance of `nearest` to `farthest` from `target` on F frames.

    Attributes:
        base: (F, 3) position of the joint that carries the limb, metres.
        target: (F, 3) where the limb ends.
        nearest: (F,) metres.
        farthest: (F,) metres; 0 for both means that the base itself has to be on the target.
        active: (F,) frames on which this is asked.
    """

    base: Array
    target: Array
    nearest: Array
    farthest: Array
    active: Mask

    def missing(self, shift: Array) -> Array:
        """Smallest movement (F, 3) of the base, already moved by `shift` (F, 3), that meets the demand."""
        way = self.target - self.base - shift
        distance = np.linalg.norm(way, axis=-1)
        excess = distance - np.clip(distance, self.nearest, self.farthest)
        excess = np.where(self.active & (np.abs(excess) > 1e-12), excess, 0.0)
        return way * (excess / np.maximum(distance, 1e-12))[:, None]


def limb_demand(base: Array, end: Array, target: Array, reach: tuple[float, float], active: Mask) -> Demand:
    """Demand of a limb that bends.

    Args:
        base: (F, 3) position of the hip or shoulder.
        end: (F, 3) position of the ankle or wrist now; a limb that is stretched already may stay so.
        target: (F, 3) where the end should be.
        reach: smallest and largest distance between base and end.
        active: (F,) frames on which this is asked.
    """
    now = np.linalg.norm(end - base, axis=-1)
    farthest = np.clip(now, _COMFORT * reach[1], reach[1])
    return Demand(base, target, np.full(len(now), reach[0]), farthest, active)


def smooth_shift(demands: Sequence[Demand], frames: NDArray[np.int64], fixed: Mask) -> Array:
    """A movement of the body that meets the demands where the root is free to move.

    Only frames that would otherwise miss a demand hold the movement; so it is zero if there are none, and a body that
    has been moved once is not moved again.

    Args:
        demands: what has to be reached, on F frames.
        frames: (F,) which frames these are.
        fixed: (T, 3) coordinates of the root that may not move.

    Returns:
        (T, 3) metres to add to the root positions.
    """
    shift, held, wanted = np.zeros(fixed.shape), np.zeros(len(fixed), dtype=bool), np.zeros(fixed.shape)
    if not demands or fixed.all():
        return shift
    free = ~fixed[frames]
    yielding = _yielding(demands, frames, free)
    for turn in range(_ROUNDS):
        more = _needed(demands, shift[frames], free)
        more = yielding * (shift[frames] + more) - shift[frames]
        late = np.linalg.norm(more, axis=-1) > _REACHED
        if not late.any():
            break
        if turn < _PEAK_ROUNDS:  # often the worst frames carry their neighbours: fewer held frames, a smoother way
            late &= _is_peak(np.linalg.norm(more, axis=-1), frames) | _is_strict(demands)
        held[frames[late]] = True
        wanted[frames[late]] = shift[frames[late]] + more[late]
        for axis in range(3):
            known = held | fixed[:, axis]
            values = np.where(fixed[:, axis], 0.0, wanted[:, axis])
            shift[:, axis] = fade(values[:, None], known, SHIFT_FRAMES)[:, 0]
    return shift


def _yielding(demands: Sequence[Demand], frames: NDArray[np.int64], free: Mask) -> Array:
    """Share (F, 1) of a needed movement that is carried out: none where the fixed root makes it useless.

    Without this the body would jump to meet a pin on the frames next to a key that forbids it.
    """
    shift = _needed(demands, np.zeros(free.shape), free)
    left = np.max([np.linalg.norm(demand.missing(shift), axis=-1) for demand in demands], axis=0)
    lost = np.zeros(frames.max(initial=0) + 1, dtype=bool)
    lost[frames[(left > _LOST) & ~free.all(axis=1)]] = True
    return away_from(lost, SHIFT_FRAMES)[frames][:, None]


def _needed(demands: Sequence[Demand], start: Array, free: Mask) -> Array:
    """Further movement (F, 3) that meets all demands, by projecting onto one after the other."""
    shift = start.copy()
    for _ in range(_SWEEPS):
        before = shift.copy()
        for demand in demands:
            shift += np.where(free, demand.missing(shift), 0.0)
        if np.max(np.abs(shift - before), initial=0.0) < 1e-9:
            break
    return shift - start


def _is_peak(size: Array, frames: NDArray[np.int64]) -> Mask:
    """Frames whose need is not smaller than that of both neighbours."""
    padded = np.concatenate([[0.0], size, [0.0]])
    gap = np.concatenate([[True], np.diff(frames) > 1, [True]])
    left = np.where(gap[:-1], 0.0, padded[:-2])
    right = np.where(gap[1:], 0.0, padded[2:])
    return (size >= left) & (size >= right)


def _is_strict(demands: Sequence[Demand]) -> Mask:
    """Frames with a demand for one exact distance: those are never met in passing."""
    return np.any([demand.active & (demand.nearest == demand.farthest) for demand in demands], axis=0)
