"""Which bone is which joint of the model: matching by name, checks, and the joints that a rig must have.

A bone map names, for each joint of the model that the rig has, the bones that make up its part of the chain,
parents first: usually one, several for a long spine or neck. Names are tried now; the shape of the skeleton
(`restpose`) is there for a guess by structure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from ...runtime.skeleton import INDEX, JOINT_NAMES, PARENTS
from .presets import PRESETS, Preset
from .restpose import RestPose

BoneMap = dict[str, tuple[str, ...]]
"""Model joint -> names of the bones along its part of the chain, parents first."""

SPINE_JOINTS: Final = ("spine1", "spine2", "spine3")
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
    """The map of the first preset that fits, or of the one that fits best, with its problems."""
    best = BoneMapping({}, "", JOINT_NAMES, ())
    for name in PRESETS:
        candidate = apply_preset(name, rest)
        if not candidate.problems:
            return candidate
        if len(candidate.map) > len(best.map):
            best = candidate
    if len(best.map) < len(REQUIRED_JOINTS):
        sentence = "The names of the bones fit no known rig: map them by hand"
        return BoneMapping(best.map, "", best.missing, (sentence,))
    return best


def apply_preset(name: str, rest: RestPose) -> BoneMapping:
    """The map that a preset gives on this armature.

    Args:
        name: key of `PRESETS`.
        rest: the armature.
    """
    preset = PRESETS[name]
    found: BoneMap = {}
    for prefix in _prefixes(preset, rest.names):
        candidate = _matched(preset, rest.names, prefix)
        if len(candidate) > len(found):
            found = candidate
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
        pairs = {_sided(a, side): _sided(b, side) for a, b in preset.shown.items() for side in preset.sides}
        own = {control: bone for control, bone in pairs.items() if control in mapped and bone in rest}
        if not own:
            continue
        shown |= own
        neutral += [bone for bone in preset.neutral if bone in rest and bone not in mapped]
        for bone, values in preset.properties.items():
            for side in preset.sides:
                if (name := _sided(bone, side)) in rest:
                    properties |= {(name, key): value for key, value in values.items()}
    return ControlRig(tuple(neutral), shown, properties)


def split_chain(bones: tuple[str, ...]) -> BoneMap:
    """Spread the bones of a spine over the model's three spine joints.

    The last bone carries the arms, so it always belongs to spine3; where there are more bones than joints the upper
    joints take more of them.
    """
    count = len(bones)
    if count <= len(SPINE_JOINTS):
        joints = SPINE_JOINTS[len(SPINE_JOINTS) - count :]
        return {joint: (bone,) for joint, bone in zip(joints, bones, strict=True)}
    sizes = [(count + index) // 3 for index in range(3)]
    ends = [sum(sizes[: index + 1]) for index in range(3)]
    return {joint: bones[end - size : end] for joint, size, end in zip(SPINE_JOINTS, sizes, ends, strict=True)}


def _sided(name: str, side: str) -> str:
    return name.replace("{s}", side)


def _plain(name: str) -> str:
    """A name without name space, case and separators."""
    return re.sub(r"[\s._\-]", "", re.split(r"[:|]", name)[-1]).lower()


def _lookup(names: Iterable[str]) -> dict[str, str]:
    """Plain name -> bone; exporters' running numbers ("Hips_01") count only where no bone has the bare name."""
    names = tuple(names)
    table: dict[str, str] = {}
    for name in names:
        table.setdefault(_plain(name), name)
    for name in names:
        table.setdefault(_plain(re.sub(r"_\d+$", "", name)), name)
    return table


def _prefixes(preset: Preset, names: Iterable[str]) -> list[str]:
    """What stands before the pelvis' name on this armature, the shortest first."""
    key = _plain(preset.joints["pelvis"])
    found = {plain[: -len(key)] for plain in _lookup(names) if plain.endswith(key)}
    return sorted(found, key=lambda prefix: (len(prefix), prefix))


def _matched(preset: Preset, names: Iterable[str], prefix: str) -> BoneMap:
    table = _lookup(names)

    def bone(name: str) -> str | None:
        return table.get(prefix + _plain(name))

    result: BoneMap = {}
    for joint, name in preset.joints.items():
        if "{s}" not in name:
            result |= {joint: (found,)} if (found := bone(name)) else {}
            continue
        for letter, side in zip("lr", preset.sides, strict=True):
            if found := bone(_sided(name, side)):
                result[f"{letter}_{joint}"] = (found,)
    result |= split_chain(tuple(found for name in preset.spine if (found := bone(name))))
    if neck := tuple(found for name in preset.neck if (found := bone(name))):
        result["neck"] = neck
    return {joint: result[joint] for joint in JOINT_NAMES if joint in result}


def _crossed(bone_map: Mapping[str, tuple[str, ...]], rest: RestPose) -> str:
    """A sentence if the left side of the hips is the right side of the shoulders."""

    def across(joint: str) -> Iterable[float]:
        left, right = (rest.heads[rest.index(bone_map[f"{side}_{joint}"][0])] for side in "lr")
        return left - right

    if sum(a * b for a, b in zip(across("hip"), across("shoulder"), strict=True)) < 0.0:
        return "Left and right are swapped between the legs and the arms of the map"
    return ""
