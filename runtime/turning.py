"""Meeting joint rotations on some frames and fading the difference out on the others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from . import rotation
from .smoothing import fade_columns

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


def meet_rotations(local: Array, wanted: Array, known: Mask, frames: float) -> Array:
    """Rotations that are as wanted on the known frames and return to their own course around them.

    Args:
        local: (T, J, 4) quaternions.
        wanted: (T, J, 4) quaternions; only the known ones are read.
        known: (T, J) which rotations are wanted.
        frames: time constant of `smoothing.fade`.

    Returns:
        (T, J, 4): exactly `wanted` (up to the sign of the quaternion) where known; columns without any known frame
        are unchanged.
    """
    result = local.copy()
    joints = np.flatnonzero(known.any(axis=0))
    if joints.size == 0:
        return result
    known, own, goal = known[:, joints], local[:, joints], wanted[:, joints]
    missing = np.zeros((*known.shape, 3))
    missing[known] = rotation.to_axis_angle(rotation.multiply(rotation.conjugate(own[known]), goal[known]))
    turns = fade_columns(missing, known, frames)
    moved = rotation.multiply(own, rotation.from_axis_angle(turns))
    # The same rotation has two signs; the one next to the motion keeps channels continuous.
    sign = np.where(np.sum(moved * goal, axis=-1, keepdims=True) < 0.0, -1.0, 1.0)
    result[:, joints] = np.where(known[..., None], sign * goal, moved)
    return result
