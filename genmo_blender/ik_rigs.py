"""IK controls of a character: Rigify's, or the targets of IK constraints on the mapped bones."""

from __future__ import annotations

from typing import Any

from ..runtime.inverse_kinematics import LIMBS
from ..runtime.skeleton import JOINT_NAMES
from .core.carrying import root_bone
from .core.controls import IkControl, rigify_controls
from .core.target import Target

_FOLLOWING = {"COPY_ROTATION", "COPY_TRANSFORMS", "CHILD_OF", "ARMATURE"}


def controls_of(item: Any, target: Target) -> tuple[IkControl, ...]:
    """The IK controls of an armature object, none if it has none.

    Args:
        item: the armature object.
        target: the same, prepared.
    """
    return rigify_controls(target) or tuple(_by_constraints(item, target))


def _by_constraints(item: Any, target: Target) -> list[IkControl]:
    """Two-bone chains with an IK constraint whose target is a bone that hangs on no mapped bone."""
    found, mapped, root = [], set(target.names), root_bone(target)
    for limb in LIMBS:
        names = [JOINT_NAMES[joint] for joint in limb.joints]
        if any(name not in target.bone_map for name in names):
            continue
        middle, end = target.bone_map[names[1]][-1], target.bone_map[names[2]][0]
        constraint = _ik_constraint(item, middle)
        if constraint is None:
            continue
        above = [target.rest.names[index] for index in target.rest.ancestors(target.rest.index(constraint.subtarget))]
        if mapped & {constraint.subtarget, *above}:
            continue
        driven = {*target.bone_map[names[0]], *target.bone_map[names[1]]}
        if _follows(item.pose.bones[end], constraint.subtarget):
            driven |= set(target.bone_map[names[2]])
        pole = constraint.pole_subtarget if constraint.pole_target is item else ""
        found.append(
            IkControl(
                limb=limb,
                target=constraint.subtarget,
                pole=pole if pole in target.rest else "",
                driven=frozenset(driven),
                on_root=bool(root) and root in above,
            )
        )
    return found


def _ik_constraint(item: Any, bone: str) -> Any | None:
    """The IK constraint at work on a bone that points at a bone of the same armature."""
    for constraint in item.pose.bones[bone].constraints:
        if (
            constraint.type == "IK"
            and not constraint.mute
            and constraint.influence > 0.0
            and constraint.target is item
            and constraint.subtarget in item.pose.bones
        ):
            return constraint
    return None


def _follows(bone: Any, control: str) -> bool:
    """Whether a bone takes its turn from a control."""
    if any(parent.name == control for parent in bone.parent_recursive):
        return True
    return any(
        not each.mute and each.type in _FOLLOWING and getattr(each, "subtarget", control) == control
        for each in bone.constraints
    )
