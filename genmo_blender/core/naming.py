"""Matching an armature's names with the names of a preset, whatever stands before, behind or between."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from ...runtime.skeleton import JOINT_NAMES
from .bone_names import BoneName, lookup, read
from .chains import SEGMENTS, BoneMap, split_chain
from .presets import Preset
from .restpose import RestPose

_AFFIXES: Final = 12
"""How many ways of what stands before and behind a name are tried."""


class Match(NamedTuple):
    """How well a preset fits an armature.

    Attributes:
        map: the bones that were found.
        exact: how many of them bear the preset's names letter by letter.
        broken: how many limbs hang together in another way than the model's.
    """

    map: BoneMap
    exact: int
    broken: int


class _Affix(NamedTuple):
    """What stands before and behind all names."""

    before: str = ""
    behind: str = ""


def sided(name: str, side: str) -> str:
    """A preset's name with the side put in."""
    return name.replace("{s}", side)


def match(preset: Preset, rest: RestPose) -> Match:
    """The bones that bear a preset's names."""
    table = lookup(rest.names)
    best: BoneMap = {}
    for middle, lateral in itertools.product(_affixes(preset, table, "pelvis"), _affixes(preset, table, "hip")):
        found = _matched(preset, table, {"": middle, "l": lateral, "r": lateral})
        if _size(found) > _size(best):
            best = found
    if not preset.controls:
        best = _ordered(best, rest)
    literal = {sided(name, side) for name in _all_names(preset) for side in preset.sides}
    exact = sum(bone in literal for bones in best.values() for bone in bones)
    return Match({joint: best[joint] for joint in JOINT_NAMES if joint in best}, exact, _broken(best, rest))


def _size(found: Mapping[str, tuple[str, ...]]) -> float:
    """Joints count most, further bones of a chain a little."""
    return len(found) + 0.1 * sum(len(bones) for bones in found.values())


def _names_of(preset: Preset, joint: str) -> tuple[str, ...]:
    return (preset.joints[joint], *preset.alternatives.get(joint, ()))


def _all_names(preset: Preset) -> Iterable[str]:
    listed = (_names_of(preset, joint) for joint in preset.joints)
    return itertools.chain(preset.spine, preset.neck, *preset.chains.values(), *listed)


def _affixes(preset: Preset, table: Mapping[BoneName, str], joint: str) -> list[_Affix]:
    """What stands before and behind the names of one joint on this armature, the shortest first."""
    found: set[_Affix] = {_Affix()}
    for name in _names_of(preset, joint):
        key = read(sided(name, preset.sides[0]))
        for core, side in table:
            if side == key.side and key.core in core:
                before, _, behind = core.partition(key.core)
                found.add(_Affix(before, behind))
    return sorted(found, key=lambda affix: (len(affix.before) + len(affix.behind), affix))[:_AFFIXES]


def _matched(preset: Preset, table: Mapping[BoneName, str], affixes: Mapping[str, _Affix]) -> BoneMap:
    used: set[str] = set()

    def bone(name: str) -> str | None:
        core, side = read(name)
        before, behind = affixes[side]
        found = table.get(BoneName(before + core + behind, side))
        if found is None or found in used:
            return None
        used.add(found)
        return found

    result: BoneMap = {}
    for joint, name in preset.joints.items():
        for key, side in zip(("l_", "r_"), preset.sides, strict=True) if "{s}" in name else (("", ""),):
            first = next((hit for each in _names_of(preset, joint) if (hit := bone(sided(each, side)))), None)
            if first:
                further = (bone(sided(each, side)) for each in preset.chains.get(joint, ()))
                result[key + joint] = (first, *(each for each in further if each))
    result |= split_chain(tuple(found for name in preset.spine if (found := bone(name))))
    if neck := tuple(found for name in preset.neck if (found := bone(name))):
        result["neck"] = neck
    return result


def _ordered(found: BoneMap, rest: RestPose) -> BoneMap:
    """The trunk's bones parents first: lists of everyday words have no order of their own."""
    depth = {name: len(rest.ancestors(rest.index(name))) for bones in found.values() for name in bones}
    spine = sorted(
        (bone for joint in ("spine1", "spine2", "spine3") for bone in found.get(joint, ())),
        key=lambda bone: depth[bone],
    )
    neck = tuple(sorted(found.get("neck", ()), key=lambda bone: depth[bone]))
    return found | split_chain(tuple(spine)) | ({"neck": neck} if neck else {})


def _broken(found: Mapping[str, tuple[str, ...]], rest: RestPose) -> int:
    """Pairs of joints whose bones do not hang on each other; 0 for an armature that is a bare list."""
    if (rest.parents < 0).all():
        return 0
    pairs = [(side + upper, side + lower) for side in ("l_", "r_") for upper, lower in SEGMENTS]
    both = [(found[upper][-1], found[lower][0]) for upper, lower in pairs if upper in found and lower in found]
    return sum(rest.index(upper) not in rest.ancestors(rest.index(lower)) for upper, lower in both)
