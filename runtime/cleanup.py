"""Feet that stand still: contact-aware clean-up of a motion, with its constraints kept exact.

A planted heel or ball is held on one spot (`runtime.stances`), the leg follows by two-bone inverse kinematics with
the knee in its own plane, the pelvis comes down a little where a leg would be over-stretched, no foot sinks
into the floor, and everything returns to its own course within a few frames. What is in the air stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from . import inverse_kinematics as ik
from . import rotation, skeleton
from .constraints import Constraints
from .motion import Motion
from .pins import body_demands
from .projection import project
from .reaching import limb_demand, smooth_shift
from .smoothing import away_from, fade, follow
from .stances import ANKLE_FLOOR, BALL, CONTACT, HEEL, Stances, stances

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

BLEND_FRAMES: Final = 3.5
"""Time constant with which the correction of a foot fades while it is in the air."""
WALK_FRAMES: Final = 3.0
"""Time constant of the correction of the root's speed."""
_FAST: Final = 0.02
"""Metres per frame of a foot whose contact is half believed."""
_RELUCTANCE: Final = 0.05
"""Weight of leaving the root's speed alone, against 1 for each planted heel or ball."""
_FLOOR_ROUNDS: Final = 5
EASE_FRAMES: Final = 2.0
"""Time constant with which spots and the floor come into force next to a key pose that ignores them."""
_IDLE: Final = 1e-7
LEGS: Final = (ik.LEFT_LEG, ik.RIGHT_LEG)
_BODY: Final = {*range(skeleton.JOINT_COUNT)} - {joint for limb in ik.LIMBS for joint in (*limb.joints[1:], limb.tip)}
"""Joints whose pins fix where the body is."""


@dataclass(slots=True)
class Foot:
    """What a foot should do on T frames.

    Attributes:
        limb: its leg, whose tip is the ball.
        posed: (T,) frames on which a key pose fixes the leg.
        ankles: (T, 3) positions of the ankle, metres.
        rotations: (T, 4) world rotations of the ankle.
    """

    limb: ik.Limb
    posed: Mask
    ankles: Array
    rotations: Array


def clean_up(motion: Motion, constraints: Constraints) -> Motion:
    """The motion with planted feet and met constraints.

    Args:
        motion: an estimate; its contacts say when heels (ankles) and balls stand. Contacts of the wrists are ignored.
        constraints: of the same frames.

    Returns:
        A motion with new root positions and rotations; contacts and all else are kept.
    """
    offsets = motion.rest_offsets
    root, local = project(motion.root_positions, motion.local_rotations, constraints, offsets)
    root = root + _walk(skeleton.forward_kinematics(root, local, offsets)[0], motion, constraints)
    positions, rotations = skeleton.forward_kinematics(root, local, offsets)
    feet = [_foot(limb, positions, rotations, motion.contacts, constraints, offsets) for limb in LEGS]
    root = root + move_body(feet, positions, rotations, constraints, offsets)
    for foot in feet:
        local = place_leg(foot, root, local, offsets)
    root, local = project(root, local, constraints, offsets)
    return replace(motion, root_positions=root, local_rotations=local)


def _walk(positions: Array, motion: Motion, constraints: Constraints) -> Array:
    """Movement (T, 3) of the root over the ground that undoes the common sliding of the planted feet.

    The legs alone could take up a few centimetres, but not a body that glides.
    """
    feet = [skeleton.INDEX[name] for name in skeleton.CONTACT_JOINTS[:4]]
    planted = motion.contacts[:, :4] > CONTACT
    planted = planted[1:] & planted[:-1]
    still = (constraints.root_mask[:, (0, 2)].any(axis=1)) | pinned_frames(constraints, _BODY)
    if motion.frames < 2 or not planted.any():
        return np.zeros((motion.frames, 3))
    slides = np.diff(positions[:, feet], axis=0) * np.array([1.0, 0.0, 1.0])
    # A foot that is fast is in the air, whatever its contact says.
    weights = planted / (1.0 + (np.linalg.norm(slides, axis=-1) / _FAST) ** 2)
    total = weights.sum(axis=1)
    steps = -np.sum(weights[..., None] * slides, axis=1) / np.maximum(total, 1e-9)[:, None]
    still[0] |= not still.any()
    return follow(steps, total + _RELUCTANCE, still, WALK_FRAMES)


def _foot(
    limb: ik.Limb, positions: Array, rotations: Array, contacts: Array, constraints: Constraints, offsets: Array
) -> Foot:
    """Where a foot should be so that it neither slides nor sinks."""
    tip = limb.end if limb.tip is None else limb.tip
    channels = [skeleton.CONTACT_JOINTS.index(skeleton.JOINT_NAMES[joint]) for joint in (limb.end, tip)]
    posed: Mask = np.any(constraints.pose_mask[:, list(limb.joints)], axis=1)
    fixed = posed | pinned_frames(constraints, {limb.middle, limb.end, tip})
    points = positions[:, [limb.end, tip]]
    stance = stances(points, contacts[:, channels], fixed)
    turns = _turn_flat(points, stance, fixed)
    turned = rotation.multiply(rotation.from_axis_angle(turns), rotations[:, limb.end])
    foot = rotation.rotate(turned, offsets[tip])
    ankles = points[:, 0] + _carry(points[:, 0], foot, stance, fixed)
    ankles = _keep_above_floor(ankles, foot, stance.planted[:, HEEL] | stance.planted[:, BALL], fixed)
    return Foot(limb, posed, ankles, turned)


def pinned_frames(constraints: Constraints, joints: set[int]) -> Mask:
    """Frames (T,) on which one of the joints is pinned."""
    result = np.zeros(constraints.frames, dtype=bool)
    for pin in constraints.pins:
        if pin.joint in joints:
            result[pin.start : pin.stop] = True
    return result


def _turn_flat(points: Array, stance: Stances, fixed: Mask) -> Array:
    """Rotation vectors (T, 3) that put the ball on its spot, or out of the floor, while the heel stands."""
    heel, ball = stance.planted[:, HEEL], stance.planted[:, BALL]
    foot = points[:, BALL] - points[:, HEEL]
    lowest = skeleton.FLOOR_OFFSET - stance.spots[:, HEEL, 1]
    sunk = heel & (foot[:, 1] < lowest)
    wish = np.where(ball[:, None], stance.spots[:, BALL] - stance.spots[:, HEEL], _with_height(foot, lowest))
    known = ((heel & ball) | sunk) & ~fixed
    turns = rotation.to_axis_angle(ik.aim(np.zeros(foot.shape), foot, wish))
    trust = _trust(stance, fixed)
    trust = np.where(ball, trust[:, HEEL] * trust[:, BALL], trust[:, HEEL] * away_from(fixed, EASE_FRAMES))
    turns = np.where(known[:, None], turns * trust[:, None], 0.0)
    return fade(turns, known | fixed, BLEND_FRAMES)


def _trust(stance: Stances, fixed: Mask) -> Array:
    """Weights (T, 2) of the spots of heel and ball: small next to a key pose in which they do not stand."""
    away = [away_from(fixed & ~stance.planted[:, point], EASE_FRAMES) for point in (HEEL, BALL)]
    return stance.planted * np.stack(away, axis=1)


def _with_height(vectors: Array, heights: Array) -> Array:
    """Vectors (T, 3) tilted, at the same length, until their tips are this high (T,)."""
    length = np.linalg.norm(vectors, axis=-1)
    rise = np.clip(heights, -length, length)
    flat = rotation.normalize(vectors * np.array([1.0, 0.0, 1.0])) * np.sqrt(length**2 - rise**2)[:, None]
    return flat + rise[:, None] * np.array([0.0, 1.0, 0.0])


def _carry(ankles: Array, foot: Array, stance: Stances, fixed: Mask) -> Array:
    """Movement (T, 3) of the ankle that keeps heel or ball on its spot; `foot` (T, 3) points from ankle to ball."""
    trust = _trust(stance, fixed)[..., None]
    by_ball = trust[:, BALL] * (stance.spots[:, BALL] - foot - ankles)
    by_heel = trust[:, HEEL] * (stance.spots[:, HEEL] - ankles)
    known = stance.planted.any(axis=1) & ~fixed
    return fade(np.where(known[:, None], by_heel + (1.0 - trust[:, HEEL]) * by_ball, 0.0), known | fixed, BLEND_FRAMES)


def _keep_above_floor(ankles: Array, foot: Array, planted: Mask, fixed: Mask) -> Array:
    """Ankle positions (T, 3), raised where the foot would pass through the floor in the air.

    Next to a constraint that puts the foot under the floor it may sink too, or it would jump.
    """
    low = np.minimum(ankles[:, 1] - ANKLE_FLOOR, ankles[:, 1] + foot[:, 1] - skeleton.FLOOR_OFFSET)
    standing = planted | fixed
    wanted = np.where(standing, 0.0, np.maximum(-low, 0.0) * away_from(fixed, EASE_FRAMES))
    lift, held = np.zeros(len(ankles)), standing.copy()
    for _ in range(_FLOOR_ROUNDS):
        sunk = (lift < wanted - _IDLE) & ~standing
        if not sunk.any():
            break
        held |= sunk
        lift = fade(wanted[:, None], held, BLEND_FRAMES)[:, 0]
    return ankles + lift[:, None] * np.array([0.0, 1.0, 0.0])


def move_body(
    feet: list[Foot], positions: Array, rotations: Array, constraints: Constraints, offsets: Array
) -> Array:
    """Movement (T, 3) of the root that brings the spots within reach of the legs, and pins within that of the arms."""
    demands = body_demands(positions, rotations, constraints, offsets)
    for foot in feet:
        base, end = positions[:, foot.limb.upper], positions[:, foot.limb.end]
        demands.append(limb_demand(base, end, foot.ankles, ik.reach(foot.limb, offsets), ~foot.posed))
    still = pinned_frames(constraints, _BODY) | np.any([foot.posed for foot in feet], axis=0)
    return smooth_shift(demands, np.arange(constraints.frames), constraints.root_mask | still[:, None])


def place_leg(foot: Foot, root: Array, local: Array, offsets: Array) -> Array:
    """Local rotations with the leg on its ankle positions, and no knee bent the wrong way, on all frames."""
    frames = np.flatnonzero(~foot.posed)
    positions, rotations = skeleton.forward_kinematics(root[frames], local[frames], offsets)
    base, middle, end = (positions[:, joint] for joint in foot.limb.joints)
    hinge = rotation.rotate(rotations[:, foot.limb.upper], np.array(foot.limb.hinge))
    upper, lower = ik.two_bone(base, middle, end, foot.ankles[frames], hinge)
    result = local.copy()
    for joint, turn in ik.local_rotations(foot.limb, rotations, upper, lower, foot.rotations[frames]).items():
        result[frames, joint] = turn
    return result
