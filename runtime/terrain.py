"""Puts a motion that was made over a flat floor onto the ground of its request.

Each stance of a foot gets the height, and on slopes the tilt, of the ground below it; a foot in the air rises early and
comes down late enough to clear the edges of steps; the pelvis follows the mean of both feet, and the legs are solved
for it. Constraints are met as they were asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from . import inverse_kinematics as ik
from . import rotation, skeleton
from .cleanup import LEGS, Foot, move_body, place_leg
from .constraints import Constraints, constraints_from
from .ground import EDGE, Ground, flattened, heights_at
from .motion import Motion
from .projection import project
from .request import MotionRequest
from .smoothing import hold
from .stances import ANKLE_FLOOR, planted_frames

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

_HEEL_BACK, _TOES_AHEAD = 0.05, 0.07
"""Metres by which the sole reaches beyond the ankle and the ball."""
_CLEARANCE: Final = 0.01
"""Metres between the ground and a sole in the air."""
_SWING: Final = 3.0
"""Time constant, in frames, of a foot's way from one height to the next."""
_CALM: Final = 4
"""Frames on each side over which the height of the pelvis is averaged, twice."""
_ROUNDS: Final = 6
_ASIDE: Final = tuple(0.02 * sign * count for count in range(10) for sign in ((1,) if count == 0 else (1, -1)))
"""Metres by which a foot may step forwards or back of where it stood on the flat floor, the smallest first."""


def stand(motion: Motion, request: MotionRequest) -> Motion:
    """The motion on the ground of its request.

    Args:
        motion: made from `ground.flattened(request)`, feet planted at height 0.
        request: with a ground.

    Returns:
        A motion that answers `request`; contacts and all else are kept.
    """
    ground = request.ground
    if ground is None:
        return motion
    wanted = constraints_from(request)
    flat = constraints_from(flattened(request))
    offsets, local = motion.rest_offsets, motion.local_rotations
    positions, world = skeleton.forward_kinematics(motion.root_positions, local, offsets)
    rises = [_rises(limb, positions, motion, ground, wanted, flat) for limb in LEGS]
    up = np.array([0.0, 1.0, 0.0])
    lift = _calm(np.mean([rise[:, :2] for rise in rises], axis=(0, 2)))[:, None] * up
    feet = [_foot(limb, positions, world, rise, wanted) for limb, rise in zip(LEGS, rises, strict=True)]
    root = motion.root_positions + lift
    root = root + move_body(feet, positions + lift[:, None], world, wanted, offsets)
    for foot in feet:
        local = place_leg(foot, root, local, offsets)
    root, local = project(root, local, wanted, offsets)
    return replace(motion, root_positions=root, local_rotations=local, request=request)


def _foot(limb: ik.Limb, positions: Array, world: Array, rise: Array, wanted: Constraints) -> Foot:
    """Where a foot should be after heel and ball rise, and the foot moves over the ground, by `rise` (T, 4)."""
    tip = limb.end if limb.tip is None else limb.tip
    foot = positions[:, tip] - positions[:, limb.end]
    length = np.linalg.norm(foot, axis=-1)
    height = np.clip(foot[:, 1] + rise[:, 1] - rise[:, 0], -length, length)
    flat = rotation.normalize(foot * np.array([1.0, 0.0, 1.0])) * np.sqrt(length**2 - height**2)[:, None]
    tilted = flat + height[:, None] * np.array([0.0, 1.0, 0.0])
    turn = ik.aim(np.zeros(foot.shape), foot, tilted)
    posed: Mask = np.any(wanted.pose_mask[:, list(limb.joints)], axis=1)
    ankles = positions[:, limb.end] + rise[:, [2, 0, 3]]
    return Foot(limb, posed, ankles, rotation.multiply(turn, world[:, limb.end]))


def _rises(
    limb: ik.Limb, positions: Array, motion: Motion, ground: Ground, wanted: Constraints, flat: Constraints
) -> Array:
    """How far the heel and the ball of a foot have to rise, and the foot to move in x and z, (T, 4) metres."""
    tip = limb.end if limb.tip is None else limb.tip
    points = positions[:, [limb.end, tip]]
    channels = [skeleton.CONTACT_JOINTS.index(skeleton.JOINT_NAMES[joint]) for joint in (limb.end, tip)]
    planted = np.stack([planted_frames(motion.contacts[:, channel]) for channel in channels], axis=1)
    values: Array = np.zeros((motion.frames, 4))
    known: Mask = planted[:, 0] | planted[:, 1]
    for start, stop in _runs(known):
        both = np.flatnonzero(planted[start:stop].all(axis=1)) + start
        spot = points[both if both.size else np.arange(start, stop)].mean(axis=0)
        move = _off_the_edge(spot, ground)
        values[start:stop] = np.concatenate([_below((spot + move)[None], ground)[0], move[[0, 2]]])
    for frames, height in _decided(limb, motion.root_positions, wanted, flat):
        values[frames], known[frames] = 0.0, True
        values[frames, :2] = height
    rise = hold(values, known, _SWING)
    for _ in range(_ROUNDS):
        needed = _needed(points + np.insert(rise[:, 2:], 1, 0.0, axis=1)[:, None], ground)
        sunk: Mask = np.any((rise[:, :2] < needed - 1e-4) & ~known[:, None], axis=1)
        if not sunk.any():
            break
        higher = np.concatenate([np.maximum(rise[:, :2], needed), rise[:, 2:]], axis=1)
        values = np.where(sunk[:, None], higher, values)
        known |= sunk
        rise = hold(values, known, _SWING)
    return rise


def _off_the_edge(spot: Array, ground: Ground) -> Array:
    """Smallest step (3,) forwards or back with which a standing foot (2, 3) does not straddle the edge of a stair."""
    along = rotation.normalize((spot[1] - spot[0]) * np.array([1.0, 0.0, 1.0]))
    steps = np.array(_ASIDE)[:, None] * along
    heights = _samples(spot + steps[:, None], ground)
    free = np.flatnonzero(np.ptp(heights, axis=1) <= EDGE)
    return steps[free[0]] if free.size else np.zeros(3)


def _runs(flags: Mask) -> list[tuple[int, int]]:
    """Half-open ranges of the frames that are set."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _samples(points: Array, ground: Ground) -> Array:
    """Heights (T, 4) of the ground below the back of the heel, the ankle, the ball and the toes of feet (T, 2, 3)."""
    along = rotation.normalize((points[:, 1] - points[:, 0]) * np.array([1.0, 0.0, 1.0]))
    heel, toes = points[:, 0] - _HEEL_BACK * along, points[:, 1] + _TOES_AHEAD * along
    return heights_at(ground, np.stack([heel, points[:, 0], points[:, 1], toes], axis=1))


def _below(points: Array, ground: Ground) -> Array:
    """Heights (T, 2) on which heel and ball of standing feet rest; at the edge of a step the whole foot is on top."""
    heights = _samples(points, ground)
    on_edge = np.ptp(heights, axis=1) > EDGE
    return np.where(on_edge[:, None], heights.max(axis=1, keepdims=True), heights[:, [1, 2]])


def _needed(points: Array, ground: Ground) -> Array:
    """Least rise (T, 2) of heel and ball for the sole to be above the ground."""
    heights = _samples(points, ground)
    soles = points[..., 1] - np.array([ANKLE_FLOOR, skeleton.FLOOR_OFFSET])
    wish = np.stack([heights[:, :2].max(axis=1), heights[:, 2:].max(axis=1)], axis=1) + _CLEARANCE
    return wish - np.maximum(soles, 0.0)


def _decided(
    limb: ik.Limb, root: Array, wanted: Constraints, flat: Constraints
) -> Sequence[tuple[NDArray[np.int64], float | Array]]:
    """Frames on which a constraint says where a foot is, and how much higher that is than over the flat floor."""
    posed = np.any(wanted.pose_mask[:, list(limb.joints)], axis=1) & wanted.root_mask[:, 1]
    keyed = np.flatnonzero(posed)
    found: list[tuple[NDArray[np.int64], float | Array]] = []
    if keyed.size:
        found.append((keyed, (wanted.root_positions[keyed, 1] - root[keyed, 1])[:, None]))
    for pin, below in zip(wanted.pins, flat.pins, strict=True):
        if pin.joint in (limb.end, limb.tip):
            found.append((np.arange(pin.start, pin.stop), float(pin.position[1] - below.position[1])))
    return found


def _calm(values: Array) -> Array:
    """Values (T,) averaged over their neighbours, twice."""
    kernel = np.ones(2 * _CALM + 1) / (2 * _CALM + 1)
    kernel = np.convolve(kernel, kernel)
    padded = np.pad(values, len(kernel) // 2, mode="edge")
    return np.convolve(padded, kernel, mode="valid")
