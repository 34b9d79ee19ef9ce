"""Feet stay planted, hands stay at their pins and soles stay above the floor on a rig of other proportions.

The model's motion is clean on the model's own skeleton. On other legs the same angles put the feet elsewhere, so
that planted feet slide. Here each foot is given a target: the model's foot scaled to the rig, plus an offset that is
constant while the foot is planted. The legs are re-solved for it (`runtime.inverse_kinematics`) and between contacts
the correction fades (`runtime.smoothing`). Frames with a key pose are left exactly as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...runtime import inverse_kinematics, rotation, skeleton, smoothing
from ...runtime.inverse_kinematics import LEFT_LEG, LIMBS, Limb
from ...runtime.skeleton import CONTACT_JOINTS, JOINT_NAMES
from .target import Target

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

_FADE: Final = 0.1
"""Seconds: time constant of a correction away from the frames that need it."""
_PLANTED: Final = 0.5
"""Contact probability above which a foot is planted."""
_IDLE: Final = 2e-4
"""Metres below which a correction fades out."""
_REACH: Final = 0.9995
"""Share of the leg's length that a planted foot may use before the pelvis comes down."""
_LARGEST_DROP: Final = 0.15
"""Most that the pelvis comes down, as a share of the leg."""
_SETTLE: Final = 0.1
"""Seconds over which the pelvis comes down and up again."""


@dataclass(frozen=True, slots=True)
class Posed:
    """A rig's pose over T frames in model axes and armature units.

    Attributes:
        turns: (T, M, 4) turn of each mapped bone from its rest.
        anchors: (T, 3) position of the pelvis.
    """

    turns: Array
    anchors: Array


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the model's motion wants of the rig, frame by frame.

    Attributes:
        positions: (T, 22, 3) the model's joints, scaled to the rig.
        world: (T, 22, 4) world rotations of the model's joints.
        contacts: (T, 6) as in a motion.
        fps: frames per second of these frames.
        keep: (T,) frames on which the pose must stay as it is.
        holds: joint -> (T,) frames on which it must be where the model's joint is.
    """

    positions: Array
    world: Array
    contacts: Array
    fps: float
    keep: Mask
    holds: Mapping[str, Mask]


def bone_heads(posed: Posed, target: Target) -> Array:
    """Positions (T, M, 3) of the heads of the mapped bones, model axes, armature units."""
    heads = np.empty((*posed.turns.shape[:-1], 3))
    for bone, carrier in enumerate(target.carriers):
        if carrier < 0:
            arm = target.heads[bone] - target.anchor
            heads[:, bone] = posed.anchors + rotation.rotate(posed.turns[:, bone], arm)
        else:
            arm = target.heads[bone] - target.heads[carrier]
            heads[:, bone] = heads[:, carrier] + rotation.rotate(posed.turns[:, carrier], arm)
    return heads


def settle(posed: Posed, target: Target, wishes: Wishes, *, plant: bool, floor: bool) -> Posed:
    """The pose with feet planted, pins met and soles above the floor.

    Args:
        posed: the pose by rotations alone.
        target: the rig.
        wishes: what to hold on to.
        plant: hold planted feet and pinned joints.
        floor: lift soles out of the floor.
    """
    limbs = [limb for limb in LIMBS if JOINT_NAMES[limb.end] in target.bone_map]
    heads = bone_heads(posed, target)
    kept = smoothing.fade(np.ones((len(wishes.keep), 1)), wishes.keep, _FADE * wishes.fps)[:, 0]
    loose = 1.0 - kept.clip(0.0, 1.0)
    ends: dict[Limb, Array] = {}
    for limb in (limb for limb in limbs if limb.tip is not None):
        end = heads[:, target.first(JOINT_NAMES[limb.end])].copy()
        if plant:
            end += _correction(posed, target, wishes, heads, limb)
        if floor:
            free = loose * ~_held(wishes, limb)
            end[:, 1] += free * _extra_depth(posed, target, wishes, limb, end)
        ends[limb] = end
    if plant:
        lower = np.zeros(posed.anchors.shape)
        lower[:, 1] = loose * _drop(target, wishes, heads, ends)
        posed, heads = replace(posed, anchors=posed.anchors - lower), heads - lower[:, None]
        for limb in limbs:
            if limb.tip is None and _held(wishes, limb).any():
                end = heads[:, target.first(JOINT_NAMES[limb.end])]
                ends[limb] = end + _correction(posed, target, wishes, heads, limb)
    turns = posed.turns.copy()
    for limb, end in ends.items():
        _reach(turns, heads, target, wishes, limb, end)
    return replace(posed, turns=turns)


def _held(wishes: Wishes, limb: Limb) -> Mask:
    """(T,) frames on which the end of a limb, or the ball of the foot, is pinned."""
    mask = np.zeros(len(wishes.keep), dtype=bool)
    for joint in (limb.end, limb.tip):
        if joint is not None and JOINT_NAMES[joint] in wishes.holds:
            mask |= wishes.holds[JOINT_NAMES[joint]]
    return mask


def _correction(posed: Posed, target: Target, wishes: Wishes, heads: Array, limb: Limb) -> Array:
    """(T, 3) how far the end of a limb has to move: exact on the frames that matter, fading between them."""
    name = JOINT_NAMES[limb.end]
    end = heads[:, target.first(name)]
    correction, known = np.zeros(end.shape), wishes.keep | _held(wishes, limb)
    if limb.tip is not None:
        foot = posed.turns[:, target.last(name)]
        gap = wishes.positions[:, limb.tip] - (end + rotation.rotate(foot, ball_offset(target, limb)))
        planted = _planted(wishes, limb)
        correction = np.where(planted[:, None], _planted_correction(target, wishes, gap, limb, planted), 0.0)
        known |= planted
        if (held := wishes.holds.get(JOINT_NAMES[limb.tip])) is not None:
            correction = np.where(held[:, None], gap, correction)
    if (held := wishes.holds.get(name)) is not None:
        correction = np.where(held[:, None], wishes.positions[:, limb.end] - end, correction)
    return smoothing.fade(correction, known, _FADE * wishes.fps)


def _planted(wishes: Wishes, limb: Limb) -> Mask:
    columns = [CONTACT_JOINTS.index(JOINT_NAMES[joint]) for joint in (limb.end, limb.tip) if joint is not None]
    return wishes.contacts[:, columns].max(axis=1) > _PLANTED


def _planted_correction(target: Target, wishes: Wishes, gap: Array, limb: Limb, planted: Mask) -> Array:
    """(T, 3) correction that moves the ball of the foot as the model's ball moves, at one fixed offset per contact.

    The ball is the point that rests longest in a step: heel and toe turn about it.

    Args:
        target: the rig.
        wishes: what to hold on to.
        gap: (T, 3) from the rig's ball to the model's.
        limb: the leg.
        planted: (T,) frames of contact.
    """
    held = gap.copy()
    edges = np.flatnonzero(np.diff(np.concatenate([[False], planted, [False]])))
    for start, stop in edges.reshape(-1, 2):
        keys = start + np.flatnonzero(wishes.keep[start:stop])
        if keys.size:
            for axis in range(3):
                held[start:stop, axis] = np.interp(np.arange(start, stop), keys, gap[keys, axis])
        else:
            held[start:stop] = gap[start:stop].mean(axis=0)
            held[start:stop, 1] = target.size * skeleton.FLOOR_OFFSET - (_ball(target, limb)[1] - target.floor)
    return gap - held


def ball_offset(target: Target, limb: Limb) -> Array:
    """(3,) from ankle to ball of a foot at rest, model axes, armature units."""
    return _ball(target, limb) - target.heads[target.first(JOINT_NAMES[limb.end])]


def _ball(target: Target, limb: Limb) -> Array:
    return target.balls[0 if limb is LEFT_LEG else 1]


def _extra_depth(posed: Posed, target: Target, wishes: Wishes, limb: Limb, end: Array) -> Array:
    """(T,) how much deeper than the model's the rig's sole would be in the floor with the ankle at `end`."""
    assert limb.tip is not None
    name = JOINT_NAMES[limb.end]
    height = target.heads[target.first(name)][1] - target.floor
    own = _depth(end[:, 1] - target.floor, posed.turns[:, target.last(name)], ball_offset(target, limb), height)
    ball = target.size * target.model_offsets[limb.tip]
    model_height = target.size * skeleton.FLOOR_OFFSET - ball[1]
    ankles = wishes.positions[:, limb.end, 1] - target.floor
    return np.maximum(0.0, own - _depth(ankles, wishes.world[:, limb.end], ball, model_height))


def _depth(heights: Array, turns: Array, ball: Array, ankle_height: float) -> Array:
    """(T,) depth of heel or toes below the floor for ankles at `heights` (T,) turned by `turns` (T, 4)."""
    along = ball * np.array([1.0, 0.0, 1.0])
    down = np.array([0.0, -ankle_height, 0.0])
    lowest = np.min([rotation.rotate(turns, down + share * along)[:, 1] for share in (-0.3, 1.0)], axis=0)
    return np.maximum(0.0, -(heights + lowest))


def _drop(target: Target, wishes: Wishes, heads: Array, ends: Mapping[Limb, Array]) -> Array:
    """(T,) how far the pelvis comes down so that the legs reach planted feet; smooth in time."""
    need = np.zeros(len(heads))
    for limb, end in ends.items():
        upper, middle, ankle = (target.first(JOINT_NAMES[joint]) for joint in limb.joints)
        length = np.linalg.norm(target.heads[middle] - target.heads[upper]) + np.linalg.norm(
            target.heads[ankle] - target.heads[middle]
        )
        wish = end - heads[:, upper]
        across = wish[:, 0] ** 2 + wish[:, 2] ** 2
        room = np.sqrt(np.maximum((_REACH * length) ** 2 - across, 0.0))
        lack = np.where(_planted(wishes, limb), np.maximum(0.0, -wish[:, 1] - room), 0.0)
        need = np.maximum(need, np.minimum(lack, _LARGEST_DROP * length))
    if not need.any():
        return need
    reach = max(1, round(_SETTLE * wishes.fps))
    padded = np.pad(need, 2 * reach, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1)
    return np.lib.stride_tricks.sliding_window_view(windows.max(axis=-1), 2 * reach + 1).mean(axis=-1)


def _reach(turns: Array, heads: Array, target: Target, wishes: Wishes, limb: Limb, end: Array) -> None:
    """Turn the two bones of a limb, in place, so that its end comes to `end` (T, 3)."""
    upper, middle, last = (target.first(JOINT_NAMES[joint]) for joint in limb.joints)
    hinge = rotation.rotate(wishes.world[:, limb.upper], np.array(limb.hinge))
    first, second = inverse_kinematics.two_bone(heads[:, upper], heads[:, middle], heads[:, last], end, hinge)
    # A solution may straighten a knee that is bent the wrong way; where nothing has to move that is not wanted.
    move = np.linalg.norm(end - heads[:, last], axis=-1) / (_IDLE * target.size)
    weights = np.clip(move, 0.0, 1.0)
    for joint, turn in ((limb.upper, first), (limb.middle, second)):
        bones = target.bones_of(JOINT_NAMES[joint])
        eased = rotation.slerp(rotation.identity(), turn, weights)
        turns[:, bones] = rotation.multiply(eased[:, None], turns[:, bones])
