"""Meeting pins: joints that are held in the world over a range of frames.

The motion is changed on the pinned frames only and the change fades out around them. In order: the whole body moves
where a pin is out of reach (unless its root is fixed), the spine bends where that was not allowed, and the limbs are
placed by two-bone inverse kinematics. Joints with a key pose on the frame are never turned.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from . import inverse_kinematics as ik
from . import rotation, skeleton
from .constraints import Constraints
from .reaching import Demand, limb_demand, smooth_shift
from .smoothing import fade_columns
from .turning import meet_rotations

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

PIN_FRAMES: Final = 5.0
"""Time constant with which the change of a limb fades before and after its pin."""
_ROUNDS: Final = 4
_EXACT: Final = 1e-6
_PROGRESS: Final = 0.9
_LEAN: Final = (0.2, 0.35)
"""Metres: the spine makes up for a shortfall up to the first; beyond the second it does not lean for a lost cause."""

_LIMB_JOINTS: Final = {joint for limb in ik.LIMBS for joint in (limb.middle, limb.end, limb.tip) if joint is not None}


@dataclass(frozen=True, slots=True)
class _Held:
    """Pins on the F frames that have any.

    Attributes:
        frames: (F,) which frames these are.
        placed: (F, 22) joints held in place.
        places: (F, 22, 3) metres.
        turned: (F, 22) joints whose world rotation is held.
        turns: (F, 22, 4).
        posed: (F, 22) joints that a key pose fixes.
    """

    frames: NDArray[np.int64]
    placed: Mask
    places: Array
    turned: Mask
    turns: Array
    posed: Mask


def meet_pins(root: Array, local: Array, constraints: Constraints, offsets: Array) -> tuple[Array, Array]:
    """The motion with its pins met.

    Args:
        root: (T, 3) positions of the pelvis, metres.
        local: (T, 22, 4) unit quaternions, key poses already met.
        constraints: of the same T frames.
        offsets: (22, 3) rest offsets, metres.

    Returns:
        root positions (T, 3) and local rotations (T, 22, 4); of pins that contradict each other the best compromise
        that was found.
    """
    held = _held(constraints, _pinned_frames(constraints))
    known = constraints.pose_mask
    best = np.inf, root, local
    for turn in range(_ROUNDS + 1):
        positions, rotations = skeleton.forward_kinematics(root[held.frames], local[held.frames], offsets)
        if turn == 0:
            _yield_to_keys(held, positions, constraints)
        worst, mean = _errors(held, positions, rotations)
        progress = mean < _PROGRESS * best[0]
        if turn == 0 or mean < best[0]:
            best = (np.inf if turn == 0 else mean), root, local
        if worst < _EXACT or turn == _ROUNDS or not progress:
            break
        demands = _demands(held, positions, rotations, offsets)
        shift = smooth_shift([demand for _, demand in demands], held.frames, constraints.root_mask)
        root = root + shift
        leant = _turn(_lean(root, local, held, known, demands, shift[held.frames], offsets), held, known)
        if leant is local:
            positions = positions + shift[held.frames, None]
        else:
            positions, rotations = skeleton.forward_kinematics(root[held.frames], leant[held.frames], offsets)
        local = _place_limbs(leant, held, known, positions, rotations, offsets)
    return best[1:]


def body_demands(positions: Array, rotations: Array, constraints: Constraints, offsets: Array) -> list[Demand]:
    """What the pins ask of the place of the body.

    Args:
        positions: (T, 22, 3) positions of all joints, metres.
        rotations: (T, 22, 4) world rotations of all joints.
        constraints: of the same T frames.
        offsets: (22, 3) rest offsets, metres.

    Returns:
        Demands on all T frames.
    """
    held = _held(constraints, np.ones(constraints.frames, dtype=bool))
    return [demand for _, demand in _demands(held, positions, rotations, offsets)]


def _pinned_frames(constraints: Constraints) -> Mask:
    """Frames (T,) with any pin."""
    result = np.zeros(constraints.frames, dtype=bool)
    for pin in constraints.pins:
        result[pin.start : pin.stop] = True
    return result


def _held(constraints: Constraints, chosen: Mask) -> _Held:
    """The pins on the chosen frames (T,), which are all pinned frames or more."""
    frames = np.flatnonzero(chosen)
    row = np.cumsum(chosen) - 1
    shape = (len(frames), skeleton.JOINT_COUNT)
    placed, places = np.zeros(shape, dtype=bool), np.zeros((*shape, 3))
    turned, turns = np.zeros(shape, dtype=bool), rotation.identity(*shape)
    for pin in constraints.pins:
        rows = slice(row[pin.start], row[pin.stop - 1] + 1)
        placed[rows, pin.joint] = True
        places[rows, pin.joint] = pin.position
        turned[rows, pin.joint] = pin.rotation is not None
        if pin.rotation is not None:
            turns[rows, pin.joint] = pin.rotation
    return _Held(frames, placed, places, turned, turns, constraints.pose_mask[frames])


def _yield_to_keys(held: _Held, positions: Array, constraints: Constraints) -> None:
    """Lets a pin give way around a full key pose that contradicts it: the key wins, and the joint must not jump."""
    bound = constraints.root_mask[held.frames].all(axis=1)
    stuck = np.zeros_like(held.placed)
    for joint in np.flatnonzero(held.placed.any(axis=0)):
        above, chain = skeleton.PARENTS[joint], bound.copy()
        while above >= 0:
            chain &= held.posed[:, above]
            above = skeleton.PARENTS[above]
        stuck[:, joint] = chain & held.placed[:, joint]
    if not stuck.any():
        return
    apart = np.zeros((constraints.frames, *held.places.shape[1:]))
    where = np.zeros((constraints.frames, skeleton.JOINT_COUNT), dtype=bool)
    apart[held.frames], where[held.frames] = positions - held.places, stuck
    held.places[...] += fade_columns(apart, where, PIN_FRAMES)[held.frames]


def _errors(held: _Held, positions: Array, rotations: Array) -> tuple[float, float]:
    """Largest and mean error of all pins, metres or radians."""
    places = np.linalg.norm(positions - held.places, axis=-1)[held.placed]
    turns = rotation.angle(rotations[held.turned], held.turns[held.turned])
    errors = np.concatenate([places, turns])
    return float(errors.max()), float(errors.mean())


def _demands(held: _Held, positions: Array, rotations: Array, offsets: Array) -> list[tuple[int, Demand]]:
    """What the pins ask of the body: pairs of the joint that has to come near and the demand."""
    body = [int(joint) for joint in np.flatnonzero(held.placed.any(axis=0)) if joint not in _LIMB_JOINTS]
    result = [(joint, _rigid(held, positions, joint, held.placed[:, joint])) for joint in body]
    for limb in ik.LIMBS:
        result += _limb_demands(limb, held, positions, rotations, offsets)
    return result


def _rigid(held: _Held, positions: Array, joint: int, active: Mask) -> Demand:
    zero = np.zeros(len(active))
    return Demand(positions[:, joint], held.places[:, joint], zero, zero, active)


def _limb_demands(
    limb: ik.Limb, held: _Held, positions: Array, rotations: Array, offsets: Array
) -> list[tuple[int, Demand]]:
    goal, active = _end_goal(limb, held, rotations, offsets)
    middle = held.placed[:, limb.middle]
    stiff = held.posed[:, limb.upper] | held.posed[:, limb.middle]
    bone = np.full(len(active), float(np.linalg.norm(offsets[limb.middle])))
    upper, end = positions[:, limb.upper], positions[:, limb.end]
    zero = np.zeros(len(active))
    candidates = [
        (limb.upper, limb_demand(upper, end, goal, ik.reach(limb, offsets), active & ~middle & ~stiff)),
        (limb.upper, Demand(upper, held.places[:, limb.middle], bone, bone, middle & ~held.posed[:, limb.upper])),
        (limb.end, Demand(end, goal, zero, zero, active & ~middle & stiff)),
        (limb.middle, _rigid(held, positions, limb.middle, middle & held.posed[:, limb.upper])),
    ]
    return [(joint, demand) for joint, demand in candidates if demand.active.any()]


def _end_goal(limb: ik.Limb, held: _Held, rotations: Array, offsets: Array) -> tuple[Array, Mask]:
    """Where the end of a limb should be (F, 3), and on which frames: a pinned ball of the foot carries the ankle."""
    goal, active = held.places[:, limb.end].copy(), held.placed[:, limb.end].copy()
    if limb.tip is not None:
        by_tip = held.placed[:, limb.tip] & ~active
        turn = np.where(held.turned[:, limb.end, None], held.turns[:, limb.end], rotations[:, limb.end])
        goal[by_tip] = (held.places[:, limb.tip] - rotation.rotate(turn, offsets[limb.tip]))[by_tip]
        active |= by_tip
    return goal, active


def _lean(
    root: Array,
    local: Array,
    held: _Held,
    known: Mask,
    demands: list[tuple[int, Demand]],
    shift: Array,
    offsets: Array,
) -> Array:
    """Bends the spine for pins of the upper body that the root, moved by `shift` (F, 3), may not follow."""
    for joint, demand in demands:
        chain = _spine_to(joint)
        if not chain or np.abs(demand.missing(shift)).max() < _EXACT:
            continue
        positions, rotations = skeleton.forward_kinematics(root[held.frames], local[held.frames], offsets)
        missing = demand.missing(positions[:, joint] - demand.base)
        size = np.linalg.norm(missing, axis=-1)
        share = np.clip((_LEAN[1] - size) / (_LEAN[1] - _LEAN[0]), 0.0, 1.0)
        late = np.flatnonzero((size > _EXACT) & (share > 0.0))
        if late.size == 0:
            continue
        goal = positions[late, joint] + missing[late] * share[late, None]
        free = ~(held.posed[late] | held.turned[late])[:, chain]
        turned = ik.bend_chain(positions[late][:, [*chain, joint]], rotations[late][:, chain], goal, free)
        below = np.concatenate([rotations[late][:, :1], turned[:, :-1]], axis=1)
        bent = rotation.multiply(rotation.conjugate(below), turned)
        local = _meet(local, known, held.frames[late], {name: bent[:, i] for i, name in enumerate(chain)})
    return local


def _spine_to(joint: int) -> list[int]:
    """Joints between the pelvis and this one, from below; empty where that is no spine."""
    chain: list[int] = []
    above = skeleton.PARENTS[joint]
    while above > 0:
        chain.insert(0, above)
        above = skeleton.PARENTS[above]
    return chain if chain and chain[0] == skeleton.INDEX["spine1"] else []


def _turn(local: Array, held: _Held, known: Mask) -> Array:
    """Meets the world rotations of pinned joints; those of the limbs come with their positions."""
    for joint in range(1, skeleton.JOINT_COUNT):  # parents first: each turn changes the world of its children
        if joint not in _LIMB_JOINTS:
            local = _turn_joint(local, joint, held, known)
    return local


def _turn_joint(local: Array, joint: int, held: _Held, known: Mask, unless: Mask | None = None) -> Array:
    """Meets the world rotation of one pinned joint, except on the rows `unless` (F,)."""
    rows = np.flatnonzero(held.turned[:, joint] if unless is None else held.turned[:, joint] & ~unless)
    if rows.size == 0:
        return local
    frames = held.frames[rows]
    parent = _world_rotation(local[frames], skeleton.PARENTS[joint])
    turn = rotation.multiply(rotation.conjugate(parent), held.turns[rows, joint])
    return _meet(local, known, frames, {joint: turn})


def _world_rotation(local: Array, joint: int) -> Array:
    """World rotation (F, 4) of one joint."""
    result = local[:, joint]
    above = skeleton.PARENTS[joint]
    while above >= 0:
        result = rotation.multiply(local[:, above], result)
        above = skeleton.PARENTS[above]
    return result


def _meet(local: Array, known: Mask, frames: NDArray[np.int64], wanted: dict[int, Array]) -> Array:
    """`meet_rotations` for some joints on some frames; key poses stay."""
    joints = list(wanted)
    part, goal, mask = local[:, joints], local[:, joints], known[:, joints]
    for column, joint in enumerate(joints):
        rows = ~known[frames, joint]
        goal[frames[rows], column] = wanted[joint][rows]
        mask[frames[rows], column] = True
    result = local.copy()
    result[:, joints] = meet_rotations(part, goal, mask, PIN_FRAMES)
    return result


def _place_limbs(local: Array, held: _Held, known: Mask, positions: Array, rotations: Array, offsets: Array) -> Array:
    """Places wrists, ankles and feet, elbows and knees on the pinned frames."""
    for limb in ik.LIMBS:
        goal, active = _end_goal(limb, held, rotations, offsets)
        rows = np.flatnonzero(active | held.placed[:, limb.middle])
        if rows.size:
            pose = _limb_pose(limb, held, positions, rotations, np.where(active[:, None], goal, positions[:, limb.end]))
            rotated = {joint: turn[rows] for joint, turn in pose.items()}
            local = _meet(local, known, held.frames[rows], rotated)
            local = _turn_joint(local, limb.middle, held, known, unless=active)
        if limb.tip is not None:
            local = _turn_joint(local, limb.tip, held, known)
    return local


def _limb_pose(limb: ik.Limb, held: _Held, positions: Array, rotations: Array, goal: Array) -> dict[int, Array]:
    """Local rotations (F, 4) of a limb's joints that bring its end to the goal (F, 3)."""
    base, middle, end = (positions[:, joint] for joint in limb.joints)
    by_middle = held.placed[:, limb.middle]
    first = ik.aim(base, middle, held.places[:, limb.middle])
    elbow, hand = base + rotation.rotate(first, middle - base), base + rotation.rotate(first, end - base)
    # With the elbow pinned too, the forearm alone is turned; with only the elbow pinned, the hand is carried along.
    reaches = held.placed[:, limb.end] | (False if limb.tip is None else held.placed[:, limb.tip])
    second = np.where(reaches[:, None], rotation.multiply(ik.aim(elbow, hand, goal), first), first)
    hinge = rotation.rotate(rotations[:, limb.upper], np.array(limb.hinge))
    upper, lower = ik.two_bone(base, middle, end, goal, hinge)
    upper, lower = np.where(by_middle[:, None], first, upper), np.where(by_middle[:, None], second, lower)
    carried = rotation.multiply(first, rotations[:, limb.end])
    world_end = np.where(reaches[:, None], rotations[:, limb.end], carried)
    world_end = np.where(held.turned[:, limb.end, None], held.turns[:, limb.end], world_end)
    placed = base + rotation.rotate(upper, middle - base) + rotation.rotate(lower, end - middle)
    world_end = _aim_tip(limb, held, placed, world_end, positions, rotations)
    return ik.local_rotations(limb, rotations, upper, lower, world_end)


def _aim_tip(limb: ik.Limb, held: _Held, placed: Array, world_end: Array, positions: Array, rotations: Array) -> Array:
    """World rotation (F, 4) of an ankle at `placed` (F, 3) whose foot points to the pin of its ball."""
    if limb.tip is None:
        return world_end
    foot = positions[:, limb.tip] - positions[:, limb.end]
    foot = rotation.rotate(rotation.multiply(world_end, rotation.conjugate(rotations[:, limb.end])), foot)
    turn = ik.aim(placed, placed + foot, held.places[:, limb.tip])
    both = held.placed[:, limb.tip] & held.placed[:, limb.end] & ~held.turned[:, limb.end]
    return np.where(both[:, None], rotation.multiply(turn, world_end), world_end)
