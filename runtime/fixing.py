"""Repairs a stretch of a motion: no shaking, no broken knees, no body under the floor, no sliding feet.

The rest of the motion stays as it is, but for a few frames on both sides over which the repair comes in and goes out.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from . import inverse_kinematics as ik
from . import rotation
from .cleanup import clean_up
from .constraints import no_constraints
from .motion import Motion
from .quality import Fault, flat_feet
from .skeleton import FLOOR_OFFSET

Array = NDArray[np.float64]

EASE: Final = 6
"""Frames on each side of the stretch over which the repair comes in."""
_SMOOTH: Final = 2.0
"""Frames: the width (standard deviation) over which shaking is averaged."""
_BACK: Final = 3.0
_SIDE: Final = 15.0
"""Degrees that a repaired knee may bend forwards and sideways."""
_LEGS: Final = (ik.LEFT_LEG, ik.RIGHT_LEG)


def fixed(motion: Motion, fault: Fault) -> Motion:
    """The motion without a fault.

    Args:
        motion: as the fault was found in it.
        fault: what to repair.

    Returns:
        A motion of the same length; outside of the fault and EASE frames around it nothing has changed.
    """
    frames = np.arange(motion.frames)
    away = np.maximum(np.maximum(fault.start - frames, frames - (fault.stop - 1)), 0)
    weights = np.clip(1.0 - away / (EASE + 1.0), 0.0, 1.0)
    weights = weights * weights * (3.0 - 2.0 * weights)
    if fault.kind == "jitter":
        return _blended(motion, _smoothed(motion), weights)
    if fault.kind in {"knee", "joint"}:
        return _blended(motion, _with_knees(_smoothed(motion) if fault.kind == "joint" else motion), weights)
    repaired = _raised(motion) if fault.kind == "sink" else motion
    return _blended(motion, _with_feet(repaired), weights)


def _blended(motion: Motion, other: Motion, weights: Array) -> Motion:
    """The motion with so much (T,) of another one."""
    roots = motion.root_positions + weights[:, None] * (other.root_positions - motion.root_positions)
    local = rotation.slerp(motion.local_rotations, other.local_rotations, np.repeat(weights[:, None], 22, axis=1))
    local = np.where(weights[:, None, None] > 0.0, local, motion.local_rotations)
    return replace(motion, root_positions=roots, local_rotations=local)


def _smoothed(motion: Motion) -> Motion:
    """The motion, each frame the mean of its neighbours."""
    local = rotation.normalize(_mean(rotation.continuous(motion.local_rotations)))
    return replace(motion, root_positions=_mean(motion.root_positions), local_rotations=local)


def _mean(values: Array) -> Array:
    """Gaussian mean of (T, ...) over time; ends are continued by their mirror image through the end."""
    reach = int(np.ceil(3.0 * _SMOOTH))
    offsets = np.arange(-reach, reach + 1)
    weights = np.exp(-0.5 * (offsets / _SMOOTH) ** 2)
    weights /= weights.sum()
    last = len(values) - 1
    places = np.arange(last + 1)[:, None] + offsets
    inside = np.clip(places, 0, last)
    mirrored = np.clip(np.where(places < 0, -places, 2 * last - places), 0, last)
    taken = np.where((places == inside)[(..., *(None,) * (values.ndim - 1))], values[inside],
                     2.0 * values[inside] - values[mirrored])  # fmt: skip
    return np.einsum("k,tk...->t...", weights, taken)


def _with_knees(motion: Motion) -> Motion:
    """The motion with knees that bend backwards only."""
    local = motion.local_rotations.copy()
    for leg in _LEGS:
        turns = np.degrees(rotation.to_axis_angle(local[:, leg.middle]))
        turns[:, 0] = np.maximum(turns[:, 0], -_BACK)
        turns[:, 1:] = np.clip(turns[:, 1:], -_SIDE, _SIDE)
        local[:, leg.middle] = rotation.from_axis_angle(np.radians(turns))
    return replace(motion, local_rotations=local)


def _raised(motion: Motion) -> Motion:
    """The motion with the body lifted so far that no joint is under the floor."""
    depth = np.maximum(FLOOR_OFFSET - motion.positions[..., 1], 0.0).max(axis=1)
    return replace(motion, root_positions=motion.root_positions + depth[:, None] * np.array([0.0, 1.0, 0.0]))


def _with_feet(motion: Motion) -> Motion:
    """The motion with feet that stand still where they are flat on the floor or said to be in contact."""
    contacts = motion.contacts.copy()
    contacts[:, :4] = np.maximum(contacts[:, :4], np.repeat(flat_feet(motion), 2, axis=1))
    found = clean_up(replace(motion, contacts=contacts), no_constraints(motion.frames))
    return replace(found, contacts=motion.contacts)
