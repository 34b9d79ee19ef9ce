"""IK controls of arms and legs: where targets and pole vectors have to be for the limbs to be as they were solved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...runtime import rotation
from ...runtime.inverse_kinematics import LIMBS, Limb
from ...runtime.skeleton import JOINT_NAMES
from .carrying import Way, bone_channels, carried
from .footlock import Posed, bone_heads
from .target import Target

Array = NDArray[np.float64]

_STRAIGHT: Final = 0.02
"""Bend of a limb, as a share of its length, below which the natural side of knee or elbow has a say."""


@dataclass(frozen=True, slots=True)
class IkControl:
    """The IK controls of one limb.

    Attributes:
        limb: the limb.
        target: the bone that the end follows, place and turn.
        pole: the bone that knee or elbow points at, "" for none.
        tip: the control of the toes, which follows the target, "" for none.
        driven: mapped bones that the controls move and that need no keys.
        neutral: further controls of the limb, to be at rest.
        properties: (bone, custom property) -> value under which the controls are at work.
        on_root: whether target and pole follow the root bone.
    """

    limb: Limb
    target: str
    pole: str = ""
    tip: str = ""
    driven: frozenset[str] = frozenset()
    neutral: tuple[str, ...] = ()
    properties: Mapping[tuple[str, str], float] = field(default_factory=dict)
    on_root: bool = True


@dataclass(frozen=True, slots=True)
class ControlKeys:
    """Channels of one control.

    Attributes:
        name: the bone.
        joint: the joint it goes with.
        rotations: (T, 4) in its rest axes, None for a pole.
        locations: (T, 3) in its rest axes, None for a control that only turns.
    """

    name: str
    joint: str
    rotations: Array | None
    locations: Array | None


def rigify_controls(target: Target) -> tuple[IkControl, ...]:
    """The IK controls of a generated Rigify rig; none if this is something else."""
    found = []
    for limb in LIMBS:
        is_leg = limb.tip is not None
        side = JOINT_NAMES[limb.end][0].upper()
        part, end = ("thigh", "foot") if is_leg else ("upper_arm", "hand")
        switch, control = f"{part}_parent.{side}", f"{end}_ik.{side}"
        if switch not in target.rest or control not in target.rest:
            continue
        joints = [*limb.joints, *([limb.tip] if limb.tip is not None else [])]
        named = [JOINT_NAMES[joint] for joint in joints if JOINT_NAMES[joint] in target.bone_map]
        extras = (
            (f"foot_heel_ik.{side}", f"foot_spin_ik.{side}", f"{part}_ik.{side}") if is_leg else (f"{part}_ik.{side}",)
        )
        tip = next((name for name in (f"toe_ik.{side}", f"toe.{side}") if is_leg and name in target.rest), "")
        pole = f"{part}_ik_target.{side}"
        found.append(
            IkControl(
                limb=limb,
                target=control,
                pole=pole if pole in target.rest else "",
                tip=tip,
                driven=frozenset(bone for name in named for bone in target.bone_map[name]),
                neutral=tuple(name for name in extras if name in target.rest),
                properties={
                    (switch, "IK_FK"): 0.0,
                    (switch, "pole_vector"): 1.0,
                    (switch, "IK_parent"): 1.0,
                    (switch, "pole_parent"): 1.0,
                    (switch, "IK_Stretch"): 0.0,
                },
            )
        )
    return tuple(found)


def control_keys(target: Target, posed: Posed, control: IkControl, way: Way | None = None) -> list[ControlKeys]:
    """Channels of the controls of one limb.

    Args:
        target: the rig.
        posed: the solved motion.
        control: the controls.
        way: what a root bone has taken.
    """
    heads, turns = bone_heads(posed, target), posed.turns
    if way is not None and control.on_root:
        turns, heads = carried(way, turns, heads)
    upper, middle, end = (target.first(JOINT_NAMES[joint]) for joint in control.limb.joints)
    name = JOINT_NAMES[control.limb.end]
    foot = turns[:, target.last(name)]
    place = target.rest.heads[target.rest.index(control.target)] @ target.axes
    point = heads[:, end] + rotation.rotate(foot, place - target.heads[end])
    found = [ControlKeys(control.target, name, *bone_channels(target, control.target, foot, point))]
    if control.pole:
        rest = target.rest.heads[target.rest.index(control.pole)] @ target.axes
        places = _pole(heads[:, [upper, middle, end]], turns[:, upper], target.heads[[upper, middle, end]], rest)
        channels = bone_channels(target, control.pole, rotation.identity(len(places)), places)
        found.append(ControlKeys(control.pole, name, None, channels[1]))
    if control.tip and control.limb.tip is not None and JOINT_NAMES[control.limb.tip] in target.bone_map:
        tip = turns[:, target.last(JOINT_NAMES[control.limb.tip])]
        relative = rotation.multiply(rotation.conjugate(foot), tip)
        rotations, _ = bone_channels(target, control.tip, relative, np.zeros((len(foot), 3)))
        found.append(ControlKeys(control.tip, JOINT_NAMES[control.limb.tip], rotations, None))
    return found


def _pole(heads: Array, upper: Array, rest: Array, pole: Array) -> Array:
    """Places (T, 3) of a pole vector for a limb.

    Args:
        heads: (T, 3, 3) base, knee or elbow, and end of the limb.
        upper: (T, 4) turn of the upper bone.
        rest: (3, 3) the same three joints at rest.
        pole: (3,) the pole at rest.
    """
    base, middle, end = heads[:, 0], heads[:, 1], heads[:, 2]
    length = float(np.linalg.norm(rest[1] - rest[0]) + np.linalg.norm(rest[2] - rest[1]))
    along = rotation.normalize(end - base)
    natural = rotation.rotate(upper, pole - rest[1])

    def across(vectors: Array) -> Array:
        return vectors - (vectors * along).sum(axis=-1, keepdims=True) * along

    bend = across(middle - base)
    share = np.clip(1.0 - np.linalg.norm(bend, axis=-1, keepdims=True) / (_STRAIGHT * length), 0.0, 1.0)
    side = rotation.normalize(rotation.normalize(bend) + share * rotation.normalize(across(natural)))
    return middle + side * np.linalg.norm(pole - rest[1])
