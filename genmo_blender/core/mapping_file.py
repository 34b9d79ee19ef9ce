"""Bone maps as files, so that a map made by hand serves every character with that skeleton.

The file is JSON: {"genmo_bone_map": 1, "title": "...", "joints": {"pelvis": ["Hips"], ...}}.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from ...runtime.errors import UserError
from ...runtime.skeleton import INDEX, JOINT_NAMES
from .bone_names import lookup, read
from .chains import BoneMap

KEY: Final = "genmo_bone_map"
VERSION: Final = 1
LARGEST: Final = 1_000_000
"""Characters that a file may have."""


def write(bone_map: Mapping[str, tuple[str, ...]], title: str) -> str:
    """The text of a file with a bone map."""
    joints = {joint: list(bone_map[joint]) for joint in JOINT_NAMES if bone_map.get(joint)}
    return json.dumps({KEY: VERSION, "title": title, "joints": joints}, ensure_ascii=False, indent=1) + "\n"


def parse(text: str) -> tuple[str, BoneMap]:
    """Title and bone map of a file.

    Raises:
        UserError: the text is not a bone map of this version.
    """
    if len(text) > LARGEST:
        raise UserError("The file is too large for a bone map")
    try:
        content: Any = json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        raise UserError("The file is not a bone map: it is not JSON") from None
    if not isinstance(content, dict) or KEY not in content:
        raise UserError(f"The file is not a bone map: it has no '{KEY}'")
    if content[KEY] != VERSION:
        raise UserError(f"The bone map has version {content[KEY]}; this release reads version {VERSION}")
    if unknown := sorted(set(content) - {KEY, "title", "joints"}):
        raise UserError(f"The bone map has an unknown entry '{unknown[0]}'")
    joints = content.get("joints")
    if not isinstance(joints, dict) or not joints:
        raise UserError("The bone map maps no joints")
    return str(content.get("title", ""))[:100], {joint: _bones(joint, bones) for joint, bones in joints.items()}


def _bones(joint: str, bones: Any) -> tuple[str, ...]:
    if joint not in INDEX:
        raise UserError(f"'{joint}' in the bone map is not a joint of the model")
    if not isinstance(bones, list) or not bones or not all(isinstance(bone, str) and bone for bone in bones):
        raise UserError(f"{joint} in the bone map must be a list of names")
    return tuple(bones)


def fitted(bone_map: Mapping[str, tuple[str, ...]], names: tuple[str, ...]) -> tuple[BoneMap, tuple[str, ...]]:
    """A map for an armature with other name spaces or separators, and the bones that it does not have.

    Args:
        bone_map: the map of a file.
        names: the armature's bones.
    """
    table = lookup(names)
    found: BoneMap = {}
    gone: list[str] = []
    for joint, bones in bone_map.items():
        own = [bone if bone in names else table.get(read(bone)) for bone in bones]
        gone += [bone for bone, hit in zip(bones, own, strict=True) if hit is None]
        if kept := tuple(hit for hit in own if hit is not None):
            found[joint] = kept
    return found, tuple(gone)
