"""Feet stay planted, hands stay at their pins and soles stay above the floor on a rig of other proportions.

The model's motion is clean on the model's own skeleton. On other legs the same angles put the feet elsewhere, so
that planted feet slide. Here each foot is given a course on which the rig's own sole stands still while it is planted
(`contact`). The legs are re-solved for it (`runtime.inverse_kinematics`) and between contacts the correction fades
(`runtime.smoothing`). Frames with a key pose are left exactly as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...runtime import inverse_kinematics, rotation, smoothing
from ...runtime.inverse_kinematics import LEFT_LEG, LIMBS, Limb
from ...runtime.skeleton import CONTACT_JOINTS, JOINT_NAMES
from . import contact
from .leaning import lean
from .soles import SHIN, Sole
from .target import Target
from .touching import touching

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
_SKINNED: Final = 0.02
"""Share of a sole's skin on the shin that is too small to matter."""
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
        soles: of the left and the right foot.
        slip: share of the source's movement in contact that planted feet may show.
        firm: (T,) frames on which a key pose fixes the trunk; None takes those of `keep`.
    """

    positions: Array
    world: Array
    contacts: Array
    fps: float
    keep: Mask
    holds: Mapping[str, Mask]
    soles: tuple[Sole, Sole]
    slip: float = 1.0
    firm: Mask | None = None


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


def settle(posed: Posed, target: Target, wishes: Wishes, *, plant: bool, floor: bool, hands: bool = False) -> Posed:
    """The pose with feet planted, pins met and soles above the floor.

    Args:
        posed: the pose by rotations alone.
        target: the rig.
        wishes: what to hold on to.
        plant: hold planted feet and pinned joints.
        floor: lift soles out of the floor.
        hands: keep hands that touch each other, the head or the hips touching.
    """
    limbs = [limb for limb in LIMBS if JOINT_NAMES[limb.end] in target.bone_map]
    legs, arms = ([limb for limb in limbs if (limb.tip is not None) == is_leg] for is_leg in (True, False))
    posed = replace(posed, turns=posed.turns.copy())
    kept = smoothing.fade(np.ones((len(wishes.keep), 1)), wishes.keep, _FADE * wishes.fps)[:, 0]
    loose = 1.0 - kept.clip(0.0, 1.0)
    heads = bone_heads(posed, target)
    if plant:
        for limb in legs:
            _lay_flat(posed, target, wishes, limb)
        posed, heads = _raised(posed, heads, loose * _rise(posed, target, wishes, heads, legs))
    ends: dict[Limb, Array] = {}
    for limb in legs:
        ends[limb] = heads[:, target.first(JOINT_NAMES[limb.end])].copy()
        if plant:
            ends[limb] += _skinned_correction(posed, target, wishes, heads, limb)
        if floor:
            _lift(posed, target, wishes, limb, ends[limb], loose * ~_held(wishes, limb))
    if plant:
        posed, heads = _raised(posed, heads, -loose * _drop(target, wishes, heads, ends))
        posed, heads = _leaned(posed, heads, target, wishes, arms)
    ends |= _hands(posed, heads, target, wishes, arms, loose if hands else 0.0 * loose, plant=plant)
    for limb, end in ends.items():
        _reach(posed.turns, heads, target, wishes, limb, end)
    return posed


def _hands(
    posed: Posed, heads: Array, target: Target, wishes: Wishes, arms: Sequence[Limb], free: Array, *, plant: bool
) -> dict[Limb, Array]:
    """Where wrists have to be, (T, 3), for those that touch something, as far as they are free (T,), or are pinned."""
    touches = touching(wishes.positions, heads, target) if free.any() else {}
    ends: dict[Limb, Array] = {}
    for limb in arms:
        correction = free[:, None] * touches.get(limb, np.zeros((len(free), 3)))
        if plant and (held := _held(wishes, limb)).any():
            own = _correction(posed, target, wishes, heads, limb)
            correction = own + smoothing.away_from(held, _FADE * wishes.fps)[:, None] * correction
        if correction.any():
            ends[limb] = heads[:, target.first(JOINT_NAMES[limb.end])] + correction
    return ends


def away_from(frames: Mask, posed: Posed, settled: Posed, fps: float) -> Posed:
    """The settled pose, but as it was on some frames (T,) and smoothly between next to them.

    Settling moves a foot by the hair that rounding leaves, which a stretched knee shows as centimetres: where a motion
    joins one that is already on the rig, nothing may move.
    """
    if not frames.any():
        return settled
    weights = smoothing.away_from(frames, _FADE * fps)
    turns = rotation.slerp(posed.turns, settled.turns, weights[:, None])
    return Posed(turns, posed.anchors + weights[:, None] * (settled.anchors - posed.anchors))


def _raised(posed: Posed, heads: Array, height: Array) -> tuple[Posed, Array]:
    """The pose and the bones' heads with the whole body moved up by `height` (T,)."""
    shift = height[:, None] * np.array([0.0, 1.0, 0.0])
    return replace(posed, anchors=posed.anchors + shift), heads + shift[:, None]


def _leaned(posed: Posed, heads: Array, target: Target, wishes: Wishes, arms: Sequence[Limb]) -> tuple[Posed, Array]:
    """The pose and the bones' heads with the trunk bent towards pins that the arms do not reach."""
    goals = {limb: (wishes.positions[:, limb.end], _held(wishes, limb)) for limb in arms}
    firm = wishes.keep if wishes.firm is None else wishes.firm
    turns, heads = lean(posed.turns, heads, target, goals, firm, _FADE * wishes.fps)
    return replace(posed, turns=turns), heads


def _lift(posed: Posed, target: Target, wishes: Wishes, limb: Limb, end: Array, free: Array) -> None:
    """Bend toes up and lift an ankle `end` (T, 3), in place, where the foot would go through the floor."""
    assert limb.tip is not None
    foot = _foot(posed, target, wishes, limb, end)
    toes = contact.toes_above_floor(foot, free)
    end[:, 1] += free * contact.extra_depth(foot, toes)
    if JOINT_NAMES[limb.tip] in target.bone_map:
        bones = target.bones_of(JOINT_NAMES[limb.tip])
        posed.turns[:, bones] = rotation.multiply(toes[:, None], posed.turns[:, bones])


def _lay_flat(posed: Posed, target: Target, wishes: Wishes, limb: Limb) -> None:
    """Put a sole flat on the floor, in place, while heel and ball stand, and its toes while the ball does."""
    assert limb.tip is not None
    if not wishes.soles[0 if limb is LEFT_LEG else 1].has_mesh:
        return
    fixed, planted = wishes.keep | _held(wishes, limb), _planted(wishes, limb)
    parts = (
        (limb.end, planted[:, 0] & planted[:, 1], contact.TILTED_FOOT),
        (limb.tip, planted[:, 1], contact.TILTED_TOES),
    )
    for joint, stands, tilted in parts:
        if JOINT_NAMES[joint] in target.bone_map:
            turns = posed.turns[:, target.last(JOINT_NAMES[joint])]
            # The line from the source's ankle to its ball, which stays where it is when the foot rolls about it.
            forward = rotation.rotate(rotation.conjugate(target.corrections[joint]), target.model_offsets[limb.tip])
            change = contact.lay_flat(turns, forward, stands, fixed, wishes.fps, tilted)
            bones = target.bones_of(JOINT_NAMES[joint])
            posed.turns[:, bones] = rotation.multiply(change[:, None], posed.turns[:, bones])


def _held(wishes: Wishes, limb: Limb) -> Mask:
    """(T,) frames on which the end of a limb, or the ball of the foot, is pinned."""
    mask = np.zeros(len(wishes.keep), dtype=bool)
    for joint in (limb.end, limb.tip):
        if joint is not None and JOINT_NAMES[joint] in wishes.holds:
            mask |= wishes.holds[JOINT_NAMES[joint]]
    return mask


def _skinned_correction(posed: Posed, target: Target, wishes: Wishes, heads: Array, limb: Limb) -> Array:
    """`_correction`, found a second time with the solved shin where that carries a part of the sole's skin."""
    correction = _correction(posed, target, wishes, heads, limb)
    sole = wishes.soles[0 if limb is LEFT_LEG else 1]
    if max(sole.heel.weights[SHIN], sole.ball.weights[SHIN]) < _SKINNED:
        return correction
    trial = posed.turns.copy()
    end = heads[:, target.first(JOINT_NAMES[limb.end])] + correction
    _reach(trial, heads, target, wishes, limb, end)
    return _correction(replace(posed, turns=trial), target, wishes, heads, limb)


def _correction(posed: Posed, target: Target, wishes: Wishes, heads: Array, limb: Limb) -> Array:
    """(T, 3) how far the end of a limb has to move: exact on the frames that matter, fading between them."""
    name = JOINT_NAMES[limb.end]
    end = heads[:, target.first(name)]
    correction, known = np.zeros(end.shape), wishes.keep | _held(wishes, limb)
    if limb.tip is not None:
        foot = posed.turns[:, target.last(name)]
        gap = wishes.positions[:, limb.tip] - (end + rotation.rotate(foot, ball_offset(target, limb)))
        course = contact.course(_foot(posed, target, wishes, limb, end))
        correction = np.where(course.known[:, None], course.ankles - end, 0.0)
        known |= course.known
        if (held := wishes.holds.get(JOINT_NAMES[limb.tip])) is not None:
            correction = np.where(held[:, None], gap, correction)
    if (held := wishes.holds.get(name)) is not None:
        correction = np.where(held[:, None], wishes.positions[:, limb.end] - end, correction)
    return smoothing.fade(correction, known, _FADE * wishes.fps)


def _planted(wishes: Wishes, limb: Limb) -> Mask:
    """(T, 2) whether heel and ball are planted."""
    columns = [CONTACT_JOINTS.index(JOINT_NAMES[joint]) for joint in (limb.end, limb.tip) if joint is not None]
    return wishes.contacts[:, columns] > _PLANTED


def _foot(posed: Posed, target: Target, wishes: Wishes, limb: Limb, end: Array) -> contact.Foot:
    """What `contact` needs to know of a foot with its ankle at `end` (T, 3)."""
    assert limb.tip is not None
    name, tip = JOINT_NAMES[limb.end], JOINT_NAMES[limb.tip]
    turn = posed.turns[:, target.last(name)]
    return contact.Foot(
        ankles=end,
        turns=turn,
        toes=posed.turns[:, target.last(tip)] if tip in target.bone_map else turn,
        shin=posed.turns[:, target.last(JOINT_NAMES[limb.middle])],
        ankle=target.heads[target.first(name)],
        ball=_ball(target, limb),
        sole=wishes.soles[0 if limb is LEFT_LEG else 1],
        floor=target.floor,
        size=target.size,
        source=wishes.positions[:, (limb.end, limb.tip)],
        source_turns=wishes.world[:, limb.end],
        source_ball=target.size * target.model_offsets[limb.tip],
        planted=_planted(wishes, limb),
        keep=wishes.keep,
        slip=wishes.slip,
        fps=wishes.fps,
    )


def ball_offset(target: Target, limb: Limb) -> Array:
    """(3,) from ankle to ball of a foot at rest, model axes, armature units."""
    return _ball(target, limb) - target.heads[target.first(JOINT_NAMES[limb.end])]


def _ball(target: Target, limb: Limb) -> Array:
    return target.balls[0 if limb is LEFT_LEG else 1]


def _rise(posed: Posed, target: Target, wishes: Wishes, heads: Array, legs: Sequence[Limb]) -> Array:
    """(T,) how far the pelvis goes up so that planted legs keep their directions; smooth in time."""
    total, count = np.zeros(len(heads)), np.zeros(len(heads))
    for limb in legs:
        planted = _planted(wishes, limb).any(axis=1)
        total += np.where(planted, _correction(posed, target, wishes, heads, limb)[:, 1], 0.0)
        count += planted
    frames = np.flatnonzero(count)
    if not frames.size:
        return total
    between = np.interp(np.arange(len(heads)), frames, total[frames] / count[frames])
    return _averaged(_averaged(between, wishes), wishes)


def _averaged(values: Array, wishes: Wishes) -> Array:
    """Moving average (T,) over the time in which the pelvis settles."""
    reach = max(1, round(_SETTLE * wishes.fps))
    return np.lib.stride_tricks.sliding_window_view(np.pad(values, reach, mode="edge"), 2 * reach + 1).mean(axis=-1)


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
        lack = np.where(_planted(wishes, limb).any(axis=1), np.maximum(0.0, -wish[:, 1] - room), 0.0)
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
