"""Which joint of a foreign skeleton is which joint of the model: by the words in its names, and by its hierarchy.

Rigs in Blender are mapped by `genmo_blender.core.bonemap`, which knows each family of rigs; files bring only names and
a hierarchy, and their makers agree on a small vocabulary for limbs. What lies between them (spine, neck) is found by
the hierarchy.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from ..skeleton import JOINT_NAMES

JointMap = dict[str, int]
"""Joint of the model -> joint of the file."""

_SIDES: Final = {"l": "l", "left": "l", "lt": "l", "r": "r", "right": "r", "rt": "r"}
_NOISE: Final = frozenset(
    ("j", "b", "c", "cc", "bip", "def", "org", "mixamorig", "mixamo", "rig", "bone", "jnt", "joint", "bend", "sk")
)
"""Words that say nothing about the part of the body."""

_LEG: Final = {
    "hip": ("thigh", "upleg", "upperleg", "upperleg01", "femur", "hip", "leg"),
    "knee": ("shin", "calf", "lowerleg", "lowleg", "lowerleg01", "tibia", "knee", "leg"),
    "ankle": ("ankle", "foot"),
    "foot": ("toebase", "toe", "toes", "ball", "toe0", "toe11", "foot"),
}
_ARM: Final = {
    "shoulder": ("upperarm", "uparm", "upperarm01", "humerus", "arm", "shldr", "shoulder"),
    "collar": ("clavicle", "collar", "scapula", "shoulder"),
    "elbow": ("forearm", "lowerarm", "lowarm", "lowerarm01", "radius", "elbow"),
    "wrist": ("hand", "wrist"),
}
"""Words of each joint, the surest first; a word that was used for one joint is not used for the next."""

_VOCABULARY: Final = frozenset(word for table in (_LEG, _ARM) for words in table.values() for word in words)

_NEEDED: Final = ("hip", "knee", "ankle", "shoulder", "elbow")
_SPINE: Final = ("spine1", "spine2", "spine3")


def find_joints(names: Sequence[str], parents: Sequence[int]) -> JointMap:
    """The joints of the model that a skeleton has.

    Args:
        names: of the joints.
        parents: index of each joint's parent, -1 for the root; parents come before their children.

    Returns:
        The map, in the order of the model's joints; empty unless both legs, both arms, the head and a spine are found.
    """
    sided = {side: _of_side(names, side) for side in "lr"}
    found: JointMap = {}
    for side in "lr":
        for table in (_LEG, _ARM):
            limb = _limb(sided[side], table)
            found |= {f"{side}_{joint}": index for joint, index in limb.items()}
    head = _head(names)
    if head is None or any(f"{side}_{joint}" not in found for side in "lr" for joint in _NEEDED):
        return {}
    lines = {joint: _line(parents, index) for joint, index in {**found, "head": head}.items()}
    pelvis = _meeting(lines["l_hip"], lines["r_hip"], lines["head"])
    chest = _meeting(lines["l_shoulder"], lines["r_shoulder"], lines["head"])
    if pelvis is None or chest is None or chest == pelvis or pelvis not in lines["head"]:
        return {}
    trunk = lines["head"][lines["head"].index(pelvis) + 1 :]
    spine, neck = trunk[: trunk.index(chest) + 1], trunk[trunk.index(chest) + 1 : -1]
    found |= {"pelvis": pelvis, "head": head, **_spine(spine)}
    if neck:
        found["neck"] = neck[0]
    return {joint: found[joint] for joint in JOINT_NAMES if joint in found}


def _words(name: str) -> list[str]:
    """Words of a name: split at separators and capitals, name spaces and empty words dropped."""
    bare = re.split(r"[:|]", name)[-1]
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", bare)
    words = [word for word in re.split(r"[\s._\-]+", spaced.lower()) if word]
    return [word for word in words if word not in _NOISE and not re.fullmatch(r"bip\d+", word)]


def _of_side(names: Sequence[str], side: str) -> dict[str, int]:
    """Part of the body -> joint, for the joints of one side; the first of a name counts."""
    found: dict[str, int] = {}
    for index, name in enumerate(names):
        words = _words(name)
        marks = [word for word in words if word in _SIDES]
        if marks and _SIDES[marks[0]] == side:
            words.remove(marks[0])
            found.setdefault("".join(words), index)
        elif len(words) == 1 and words[0][:1] == side and words[0][1:] in _VOCABULARY:
            found.setdefault(words[0][1:], index)  # "lfemur"
    return found


def _limb(parts: Mapping[str, int], table: Mapping[str, Sequence[str]]) -> JointMap:
    """The joints of a limb. What two joints may be called (a "leg", a "foot") is the first that has no other name."""
    found: JointMap = {}
    used: set[str] = set()
    for joint, words in table.items():
        word = next((word for word in words if word in parts and word not in used), None)
        if word is not None:
            found[joint] = parts[word]
            used.add(word)
    return found


def _head(names: Sequence[str]) -> int | None:
    for wanted in ("head", "head01"):
        for index, name in enumerate(names):
            if "".join(_words(name)) == wanted:
                return index
    return None


def _line(parents: Sequence[int], joint: int) -> list[int]:
    """A joint and all above it, the root first."""
    line = [joint]
    while parents[line[-1]] >= 0:
        line.append(parents[line[-1]])
    return line[::-1]


def _meeting(*lines: Sequence[int]) -> int | None:
    """The last joint that all lines have in common."""
    common = [here[0] for here in zip(*lines, strict=False) if len(set(here)) == 1]
    return common[-1] if common else None


def _spine(bones: Sequence[int]) -> JointMap:
    """A spine's joints over the model's three: the last carries the arms, so it is always spine3."""
    if len(bones) <= len(_SPINE):
        return dict(zip(_SPINE[len(_SPINE) - len(bones) :], bones, strict=True))
    places = [0, (len(bones) - 1) // 2, len(bones) - 1]
    return {joint: bones[place] for joint, place in zip(_SPINE, places, strict=True)}
