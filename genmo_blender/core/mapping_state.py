"""What a bone map is worth, joint by joint: mapped, missing and what that means, or wrong and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ...runtime.skeleton import INDEX, JOINT_NAMES
from .bonemap import REQUIRED_JOINTS, check_bone_map
from .chains import SPINE_JOINTS
from .restpose import RestPose

LACK: Final[Mapping[str, str]] = {
    "pelvis": "nothing moves the whole body",
    "hip": "the leg cannot be moved",
    "knee": "the leg cannot bend",
    "ankle": "the foot cannot be planted",
    "foot": "the toes stay stiff; heel and ball of the foot still stand",
    "spine1": "its bend goes to the spine bones above",
    "spine2": "its bend goes to the other spine bones",
    "spine3": "its bend goes to the other spine bones",
    "neck": "the neck's turn goes to the head",
    "head": "the head looks where the chest does",
    "collar": "shrugs are lost; the arm keeps its direction",
    "shoulder": "the arm cannot be moved",
    "elbow": "the arm cannot bend",
    "wrist": "the hand follows the forearm and cannot be pinned",
}
"""Joint without side -> what it means that no bone is mapped to it."""
BONES: Final[Mapping[str, str]] = {
    "pelvis": "Pelvis", "spine1": "Spine 1", "spine2": "Spine 2", "spine3": "Chest", "neck": "Neck", "head": "Head",
    "hip": "Thigh", "knee": "Shin", "ankle": "Foot", "foot": "Toes", "collar": "Collar", "shoulder": "Upper Arm",
    "elbow": "Forearm", "wrist": "Hand",
}  # fmt: skip
"""Joint without side -> what people call the bone that turns about it."""
_SIDES: Final = {"l_": "Left ", "r_": "Right "}
_ABOVE: Final = {"knee": "hip", "ankle": "knee", "foot": "ankle", "elbow": "shoulder", "wrist": "elbow"}


class State(StrEnum):
    """How a joint is mapped."""

    MAPPED = "mapped"
    OPTIONAL = "optional"
    NEEDED = "needed"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class JointState:
    """One row of the mapping editor.

    Attributes:
        joint: name of the joint.
        state: how it is mapped.
        text: what is wrong or what its absence means; "" for a joint that is mapped well.
    """

    joint: str
    state: State
    text: str = ""


def joint_states(bone_map: Mapping[str, tuple[str, ...]], rest: RestPose) -> tuple[JointState, ...]:
    """The state of each of the 22 joints, in the model's order."""
    users: dict[str, list[str]] = {}
    for joint, bones in bone_map.items():
        for bone in bones:
            users.setdefault(bone, []).append(joint)
    return tuple(_state(joint, bone_map, rest, users) for joint in JOINT_NAMES)


def summary(bone_map: Mapping[str, tuple[str, ...]], rest: RestPose) -> tuple[str, ...]:
    """Sentences about what keeps the whole map from being used, as `check_bone_map`, without those on single rows."""
    rows = {state.joint for state in joint_states(bone_map, rest) if state.state in (State.NEEDED, State.WRONG)}
    return () if rows else check_bone_map(bone_map, rest)


def bone_label(joint: str, *, with_side: bool = True) -> str:
    """Name for people of the bone that turns about a joint: "l_knee" -> "Left Shin"."""
    return (_SIDES.get(joint[:2], "") if with_side else "") + BONES[_part(joint)]


def _part(joint: str) -> str:
    return joint[2:] if joint[:2] in _SIDES else joint


def _state(
    joint: str, bone_map: Mapping[str, tuple[str, ...]], rest: RestPose, users: Mapping[str, list[str]]
) -> JointState:
    bones = bone_map.get(joint, ())
    if not bones:
        spineless = joint == "spine3" and not any(bone_map.get(each) for each in SPINE_JOINTS)
        lack = "the trunk cannot bend: map at least one bone of it" if spineless else LACK[_part(joint)]
        needed = joint in REQUIRED_JOINTS or spineless
        return JointState(joint, State.NEEDED if needed else State.OPTIONAL, lack)
    for bone in bones:
        if bone not in rest:
            return JointState(joint, State.WRONG, f"the armature has no bone '{bone}'")
        if others := [each for each in users[bone] if each != joint]:
            return JointState(joint, State.WRONG, f"'{bone}' is mapped to {others[0]} as well")
    if bones != tuple(sorted(dict.fromkeys(bones), key=lambda bone: len(rest.ancestors(rest.index(bone))))):
        return JointState(joint, State.WRONG, "list its bones once each, parents first")
    return _placed(joint, bones, bone_map, rest)


def _placed(joint: str, bones: tuple[str, ...], bone_map: Mapping[str, tuple[str, ...]], rest: RestPose) -> JointState:
    """Whether a bone that exists is where its joint can be."""
    above = joint[:2] + _ABOVE.get(_part(joint), "")
    upper = bone_map.get(above, ()) if above in INDEX else ()
    if upper and all(bone in rest for bone in upper):
        index = rest.index(bones[0])
        if rest.index(bones[0]) in rest.ancestors(rest.index(upper[-1])):
            return JointState(joint, State.WRONG, f"'{bones[0]}' is above '{upper[-1]}', not below it")
        length = ((rest.heads[index] - rest.heads[rest.index(upper[0])]) ** 2).sum()
        if length < 1e-12:
            return JointState(joint, State.WRONG, f"'{bones[0]}' begins where '{upper[0]}' begins")
    return JointState(joint, State.MAPPED)
