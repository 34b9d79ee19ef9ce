"""Leaning towards pins that the arms of a rig are too short for: the spine and the shoulder girdle make up for it.

The model reaches its pins with arms of its own length. On other proportions the same pin may be out of reach although
the body stands where it should; moving the body would break its path, so it leans.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...runtime import inverse_kinematics, rotation, smoothing
from ...runtime.inverse_kinematics import Limb
from ...runtime.skeleton import JOINT_NAMES, PARENTS
from .bonemap import SPINE_JOINTS
from .target import Target

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

TORSO_JOINTS: Final = frozenset((*SPINE_JOINTS, "l_collar", "r_collar"))
"""Joints that lean."""
_COMFORT: Final = 0.999
"""Share of the arm's length that is used before the body leans."""
_FARTHEST: Final = 0.4
"""Share of the arm's length that leaning may make up for."""
_ROUNDS: Final = 2
"""Leaning for one hand moves the other shoulder."""


def lean(
    turns: Array, heads: Array, target: Target, goals: Mapping[Limb, tuple[Array, Mask]], firm: Mask, frames: float
) -> tuple[Array, Array]:
    """The turns and heads of a rig that leans until its arms reach.

    Args:
        turns: (T, M, 4) turns of the mapped bones.
        heads: (T, M, 3) heads of the mapped bones, armature units.
        target: the rig.
        goals: arm -> (T, 3) where it has to end and the (T,) frames on which it has to.
        firm: (T,) frames on which a key pose fixes the trunk.
        frames: time constant with which the lean comes and goes.

    Returns:
        The new turns (T, M, 4) and heads (T, M, 3); the same where every arm is long enough.
    """
    for _ in range(_ROUNDS):
        for limb, (goal, held) in goals.items():
            chain = _chain(target, limb)
            if chain and held.any():
                change = _change(turns, heads, target, limb, (goal, held & ~firm), firm, frames)
                if change is not None:
                    turns = _carried(turns, target, chain, change)
                    heads = _heads(turns, heads, target)
    return turns, heads


def _chain(target: Target, limb: Limb) -> list[int]:
    """Bones from the lowest of the spine to the collar of a limb, from below."""
    collar = JOINT_NAMES[PARENTS[limb.upper]]
    return [bone for joint in (*SPINE_JOINTS, collar) if joint in target.bone_map for bone in target.bones_of(joint)]


def _change(
    turns: Array, heads: Array, target: Target, limb: Limb, wish: tuple[Array, Mask], firm: Mask, frames: float
) -> Array | None:
    """Turns (T, n, 4) of the chain, from the left, that bring the shoulder near enough; None where it is."""
    goal, held = wish
    chain = _chain(target, limb)
    upper, middle, end = (target.first(JOINT_NAMES[joint]) for joint in limb.joints)
    length = float(
        np.linalg.norm(target.heads[middle] - target.heads[upper])
        + np.linalg.norm(target.heads[end] - target.heads[middle])
    )
    way = goal - heads[:, upper]
    distance = np.linalg.norm(way, axis=-1)
    excess = np.clip(distance - _COMFORT * length, 0.0, _FARTHEST * length)
    rows = np.flatnonzero(held & (excess > 1e-9 * target.size))
    if rows.size == 0:
        return None
    shoulder = heads[rows, upper] + way[rows] * (excess[rows] / distance[rows])[:, None]
    metres = 1.0 / target.size  # the solver's tolerances are metres
    places = heads[rows][:, [*chain, upper]] * metres
    free = np.ones((rows.size, len(chain)), dtype=bool)
    bent = inverse_kinematics.bend_chain(places, turns[rows][:, chain], shoulder * metres, free)
    change = np.zeros((len(turns), len(chain), 3))
    change[rows] = rotation.to_axis_angle(rotation.multiply(bent, rotation.conjugate(turns[rows][:, chain])))
    faded = smoothing.fade(change.reshape(len(turns), -1), held | firm, frames).reshape(change.shape)
    return rotation.from_axis_angle(faded)


def _carried(turns: Array, target: Target, chain: list[int], change: Array) -> Array:
    """The chain turned by `change` (T, n, 4) in the world, and with it all that hangs on it but the hands."""
    result = turns.copy()
    last = {int(target.joints[bone]): column for column, bone in enumerate(chain)}
    for bone, joint in enumerate(target.joints):
        if JOINT_NAMES[joint].endswith("wrist"):
            continue
        above = int(joint)
        while above >= 0 and above not in last:
            above = PARENTS[above]
        if above >= 0:
            column = chain.index(bone) if bone in chain else last[above]
            result[:, bone] = rotation.multiply(change[:, column], turns[:, bone])
    return result


def _heads(turns: Array, before: Array, target: Target) -> Array:
    """Heads (T, M, 3) for new turns; those that hang on the pelvis itself stay."""
    heads = before.copy()
    for bone, carrier in enumerate(target.carriers):
        if carrier > 0:
            arm = target.heads[bone] - target.heads[carrier]
            heads[:, bone] = heads[:, carrier] + rotation.rotate(turns[:, carrier], arm)
    return heads
