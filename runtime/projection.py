"""Makes the constraints of a request exact on a motion estimate, without a pop (DESIGN section 5).

Called on every x0 estimate of the sampler and once at the end. Each step takes the difference between what is asked
and what is there on the constrained frames, and spreads it over the others by `runtime.smoothing`:

1. headings: the difference is held outside the constrained frames, and the way of the root turns along;
2. key poses: differences of joint rotations fade on both sides of a key;
3. root: x and z are held, the height fades, so that one key does not lift the floor of the whole clip;
4. pins: `runtime.pins`.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import rotation, skeleton
from .constraints import Constraints
from .pins import meet_pins
from .smoothing import fade, hold
from .turning import meet_rotations

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

SETTLE_FRAMES: Final = 12.0
"""How gently the root's velocity changes at a constrained frame."""
HEIGHT_FRAMES: Final = 7.0
POSE_FRAMES: Final = 8.0
"""Time constants of what fades away from a key; about 9 % is left after four of them."""


def project(
    root_positions: ArrayLike, local_rotations: ArrayLike, constraints: Constraints, offsets: ArrayLike | None = None
) -> tuple[Array, Array]:
    """The motion with every constraint met: positions to far less than 1 mm, rotations to less than 0.1 degrees.

    Pins that are out of reach while the root is fixed are met as closely as the limb allows. Projecting the result
    again changes nothing.

    Args:
        root_positions: (T, 3) positions of the pelvis, metres.
        local_rotations: (T, 22, 4) quaternions; joint 0 is the pelvis in the world.
        constraints: of the same T frames.
        offsets: (22, 3) rest offsets, metres; None takes the default skeleton.

    Returns:
        root positions (T, 3) and local rotations (T, 22, 4); the same values where there are no constraints at all.
    """
    root = np.asarray(root_positions, dtype=np.float64)
    local = np.asarray(local_rotations, dtype=np.float64)
    if constraints.empty:
        return root, local
    bones = skeleton.rest_offsets() if offsets is None else np.asarray(offsets, dtype=np.float64)
    local = _unit(local)
    root, local = _meet_headings(root, local, constraints)
    local = _meet_poses(local, constraints)
    root = _meet_root(root, constraints)
    if constraints.pins:
        root, local = meet_pins(root, local, constraints, bones)
    return root, local


def _unit(quaternions: Array) -> Array:
    """Unit quaternions; identity where a quaternion is zero."""
    lengths = np.linalg.norm(quaternions, axis=-1, keepdims=True)
    return np.where(lengths > 1e-9, quaternions / np.maximum(lengths, 1e-9), rotation.identity())


def _meet_headings(root: Array, local: Array, constraints: Constraints) -> tuple[Array, Array]:
    """Turns the body to the fixed headings; the steps of the root turn with it, so that it walks where it looks."""
    known = constraints.heading_mask
    if not known.any():
        return root, local
    turns = np.zeros((len(known), 1))
    missing = constraints.headings[known] - rotation.heading(local[known, 0])
    # The shorter way round for the first key, then the way that turns least from key to key.
    turns[known, 0] = np.unwrap(np.concatenate([[0.0], missing]))[1:]
    turns = hold(turns, known, SETTLE_FRAMES)[:, 0]
    turned = local.copy()
    turned[:, 0] = rotation.multiply(rotation.about_y(turns), local[:, 0])
    halfway = 0.5 * (turns[1:] + turns[:-1])
    steps = rotation.rotate(rotation.about_y(halfway), np.diff(root, axis=0))
    return np.concatenate([root[:1], root[:1] + np.cumsum(steps, axis=0)]), turned


def _meet_poses(local: Array, constraints: Constraints) -> Array:
    """Puts the key poses and fades the differences out around them; headings stay as they are."""
    known = constraints.pose_mask
    if not known.any():
        return local
    result = meet_rotations(local, constraints.pose_rotations, known, POSE_FRAMES)
    if known[:, 0].any():
        # The heading has its own, slower correction; what fades here is only the tilt of the pelvis.
        drift = rotation.heading(local[:, 0]) - rotation.heading(result[:, 0])
        back = rotation.multiply(rotation.about_y(drift), result[:, 0])
        result[:, 0] = np.where(known[:, 0, None], result[:, 0], back)
    return result


def _meet_root(root: Array, constraints: Constraints) -> Array:
    """Puts the fixed coordinates of the root and bends its way in between."""
    missing = constraints.root_positions - root
    result = root.copy()
    for axis, spread in ((0, hold), (1, fade), (2, hold)):
        known = constraints.root_mask[:, axis]
        frames = HEIGHT_FRAMES if axis == 1 else SETTLE_FRAMES
        result[:, axis] += spread(missing[:, axis, None], known, frames)[:, 0]
        result[known, axis] = constraints.root_positions[known, axis]
    return result
