"""Which bone is which joint of the model: matching by name, checks, and the joints that a rig must have.

A bone map names, for each joint of the model that the rig has, the bones that make up its part of the chain,
parents first: usually one, several for a long spine or neck or for twist bones in line. Names are tried first
(`naming`), then the shape of the skeleton (`structure`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from ...runtime.skeleton import INDEX, JOINT_NAMES, PARENTS
from . import structure
from .chains import SPINE_JOINTS, BoneMap, completed, split_chain
from .naming import Match, match, sided
from .presets import PRESETS
from .restpose import RestPose

__all__ = [
    "BY_SHAPE", "PRESETS", "REQUIRED_JOINTS", "SPINE_JOINTS", "BoneMap", "BoneMapping", "ControlRig", "apply_preset",
    "check_bone_map", "control_rig", "guess_bone_map", "parent_joint", "split_chain",
]  # fmt: skip

BY_SHAPE: Final = "shape"
"""In place of a preset's name: the map was found by the shape of the skeleton."""
REQUIRED_JOINTS: Final = (
    "pelvis", "l_hip", "r_hip", "l_knee", "r_knee", "l_ankle", "r_ankle", "l_shoulder", "r_shoulder", "l_elbow",
    "r_elbow",
)  # fmt: skip
"""Without these a rig cannot be driven; a spine joint is needed too."""


@dataclass(frozen=True, slots=True)
class BoneMapping:
    """The outcome of a guess.

    Attributes:
        map: the bones that were found.
        preset: name of the preset that fits, "" when none does.
        missing: joints of the model without a bone.
        problems: sentences about what keeps the map from being used; empty when it is fine.
    """

    map: BoneMap
    preset: str
    missing: tuple[str, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ControlRig:
    """What a control rig needs besides the map (see `Preset`), reduced to the bones that exist.

    Attributes:
        neutral: controls to keep at rest.
        shown: control -> bone that shows the pose.
        properties: (bone, property) -> value.
    """

    neutral: tuple[str, ...]
    shown: Mapping[str, str]
    properties: Mapping[tuple[str, str], float]


def guess_bone_map(rest: RestPose) -> BoneMapping:
    """The map that fits best, by names if a preset fits, else by the shape of the skeleton; with its problems."""
    found = {name: match(preset, rest) for name, preset in PRESETS.items()}
    ranks = {name: _rank(name, each, rest) for name, each in found.items()}
    best = max(PRESETS, key=lambda name: ranks[name])  # the first of equals
    if not check_bone_map(found[best].map, rest):
        return _mapping(best, found[best].map, rest)
    shaped = structure.guess(rest)
    if shaped.map and not check_bone_map(shaped.map, rest):
        return _mapping(BY_SHAPE, shaped.map, rest)
    if len(found[best].map) >= len(REQUIRED_JOINTS):
        return _mapping(best, found[best].map, rest)
    sentence = f"The names of the bones fit no known rig and {shaped.reason}: map them by hand"
    partial = shaped.map if len(shaped.map) > len(found[best].map) else found[best].map
    return BoneMapping(partial, "", tuple(joint for joint in JOINT_NAMES if joint not in partial), (sentence,))


def _rank(name: str, found: Match, rest: RestPose) -> tuple[bool, bool, float, int]:
    """Maps without problems come first, then controls, then those that find most, then literal names."""
    sound = not check_bone_map(found.map, rest)
    bones = sum(len(bones) for bones in found.map.values())
    size = len(found.map) + 0.1 * bones - 3.0 * found.broken * (not PRESETS[name].controls)
    return sound, sound and PRESETS[name].controls, size, found.exact


def apply_preset(name: str, rest: RestPose) -> BoneMapping:
    """The map that a preset gives on this armature.

    Args:
        name: key of `PRESETS`, or `BY_SHAPE` for the shape of the skeleton alone.
        rest: the armature.
    """
    if name == BY_SHAPE:
        shaped = structure.guess(rest)
        mapping = _mapping(name, shaped.map, rest)
        if shaped.map:
            return mapping
        return BoneMapping({}, "", mapping.missing, (f"In the shape of the skeleton {shaped.reason}",))
    return _mapping(name, match(PRESETS[name], rest).map, rest)


def _mapping(name: str, found: BoneMap, rest: RestPose) -> BoneMapping:
    """The map with the bones in line, and what is still wrong with it."""
    preset = PRESETS.get(name)
    if not check_bone_map(found, rest) and not (preset and preset.controls):
        found = completed(found, rest, preset.neutral if preset else ())
    missing = tuple(joint for joint in JOINT_NAMES if joint not in found)
    return BoneMapping(found, name, missing, check_bone_map(found, rest))


def check_bone_map(bone_map: Mapping[str, tuple[str, ...]], rest: RestPose) -> tuple[str, ...]:
    """Sentences about everything that keeps a map from being used; empty when it is fine."""
    problems = [f"'{joint}' is not a joint of the model" for joint in bone_map if joint not in INDEX]
    users: dict[str, str] = {}
    for joint, bones in bone_map.items():
        for bone in bones:
            if bone not in rest:
                problems.append(f"{joint}: the armature has no bone '{bone}'")
            elif bone in users:
                problems.append(f"Bone '{bone}' is mapped to {users[bone]} and to {joint}")
            users[bone] = joint
    missing = [joint for joint in REQUIRED_JOINTS if not bone_map.get(joint)]
    if not any(bone_map.get(joint) for joint in SPINE_JOINTS):
        missing.append("a spine joint")
    if missing:
        problems.append(f"No bone is mapped to {', '.join(missing)}")
    if not problems and (crossed := _crossed(bone_map, rest)):
        problems.append(crossed)
    return tuple(problems)


def parent_joint(joint: str, bone_map: Mapping[str, tuple[str, ...]]) -> str | None:
    """The nearest joint above that has a bone; None for the pelvis."""
    index = PARENTS[INDEX[joint]]
    while index >= 0 and not bone_map.get(JOINT_NAMES[index]):
        index = PARENTS[index]
    return JOINT_NAMES[index] if index >= 0 else None


def control_rig(rest: RestPose, bone_map: Mapping[str, tuple[str, ...]]) -> ControlRig:
    """What the rig family that these controls belong to needs; empty for rigs of plain bones."""
    mapped = {bone for bones in bone_map.values() for bone in bones}
    neutral: list[str] = []
    shown: dict[str, str] = {}
    properties: dict[tuple[str, str], float] = {}
    for preset in PRESETS.values():
        pairs = {sided(a, side): sided(b, side) for a, b in preset.shown.items() for side in preset.sides}
        own = {control: bone for control, bone in pairs.items() if control in mapped and bone in rest}
        if not own:
            continue
        shown |= own
        neutral += [bone for bone in preset.neutral if bone in rest and bone not in mapped]
        for bone, values in preset.properties.items():
            for side in preset.sides:
                if (name := sided(bone, side)) in rest:
                    properties |= {(name, key): value for key, value in values.items()}
    return ControlRig(tuple(neutral), shown, properties)


def _crossed(bone_map: Mapping[str, tuple[str, ...]], rest: RestPose) -> str:
    """A sentence if the left side of the hips is the right side of the shoulders."""

    def across(joint: str) -> Iterable[float]:
        left, right = (rest.heads[rest.index(bone_map[f"{side}_{joint}"][0])] for side in "lr")
        return left - right

    if sum(a * b for a, b in zip(across("hip"), across("shoulder"), strict=True)) < 0.0:
        return "Left and right are swapped between the legs and the arms of the map"
    return ""
