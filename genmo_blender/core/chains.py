"""Chains of bones that share one joint's turn: long spines and necks, limbs cut in two by twist bones."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np

from ...runtime.skeleton import JOINT_NAMES
from .restpose import RestPose

BoneMap = dict[str, tuple[str, ...]]
"""Model joint -> names of the bones along its part of the chain, parents first."""

SPINE_JOINTS: Final = ("spine1", "spine2", "spine3")
SEGMENTS: Final = (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"))
"""Joints at the two ends of each long part of a limb, without side."""
_COINCIDENT: Final = 0.03
"""Share of a segment's length below which two heads are one place."""
_IN_LINE: Final = 0.15
"""Distance from the line between two joints, as a share of its length, up to which a bone belongs to the segment."""


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


def completed(bone_map: Mapping[str, tuple[str, ...]], rest: RestPose, but: Iterable[str] = ()) -> BoneMap:
    """The map with the unmapped bones that lie in line between mapped ones, so that they share the bend.

    Args:
        bone_map: a map that has no problems.
        rest: the armature.
        but: bones that are to stay as they are.
    """
    used = {bone for bones in bone_map.values() for bone in bones} | set(but)
    result = dict(bone_map)
    for side in ("l_", "r_"):
        for upper, lower in SEGMENTS:
            first, second = side + upper, side + lower
            if result.get(first) and result.get(second):
                extra = _between(rest, result[first][-1], result[second][0], used, straight=True)
                result[first] = (*result[first], *extra)
    spine = tuple(bone for joint in SPINE_JOINTS for bone in result.get(joint, ()))
    if spine and result.get("pelvis"):
        whole = _filled((result["pelvis"][-1], *spine), rest, used)
        result = {joint: bones for joint, bones in result.items() if joint not in SPINE_JOINTS} | split_chain(whole)
        if result.get("head"):
            ends = (spine[-1], *result.get("neck", ()), result["head"][0])
            if neck := _filled(ends, rest, used)[:-1]:
                result["neck"] = neck
    return {joint: result[joint] for joint in JOINT_NAMES if result.get(joint)}


def _filled(bones: tuple[str, ...], rest: RestPose, used: set[str]) -> tuple[str, ...]:
    """A chain without its first bone, the unmapped bones between its bones put in."""
    found: list[str] = []
    for above, below in itertools.pairwise(bones):
        found += [*_between(rest, above, below, used, straight=False), below]
    return tuple(found)


def _between(rest: RestPose, upper: str, lower: str, used: set[str], *, straight: bool) -> list[str]:
    """Unmapped bones from `upper` down to `lower`, without helpers that lie in the place of another bone."""
    top, bottom = rest.index(upper), rest.index(lower)
    path = rest.ancestors(bottom)
    if top not in path:
        return []
    start, end = rest.heads[top], rest.heads[bottom]
    along = end - start
    length = max(float(np.linalg.norm(along)), 1e-12)
    found, last = [], start
    for index in reversed(path[: path.index(top)]):
        head = rest.heads[index]
        near = min(np.linalg.norm(head - last), np.linalg.norm(head - end)) < _COINCIDENT * length
        place = float((head - start) @ along) / length**2
        aside = float(np.linalg.norm(head - start - place * along)) / length
        if near or rest.names[index] in used or not 0.0 < place < 1.0 or (straight and aside > _IN_LINE):
            continue
        found.append(rest.names[index])
        last = head
    return found
