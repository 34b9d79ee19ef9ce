"""What a preset says about a family of rigs: names only, no code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Preset:
    """Bone names of one family of rigs.

    Names are compared without case, separators, name spaces ("x:"), the notation of the side, and words that all bones
    have before or behind (see `bone_names` and `naming`). `{s}` stands for the side.

    Attributes:
        title: how people call this family.
        sides: what `{s}` is on the left and on the right.
        joints: model joint -> bone; joints of a side are written once, as "hip", "knee", ...
        spine: the bones above the pelvis up to the one that carries the arms; those that exist are used.
        neck: the bones below the head; those that exist are used.
        alternatives: model joint -> other names that count where the first one is not there.
        chains: model joint -> bones in line behind the first one that share its turn; those that exist are used.
        controls: whether these are the controls of a rig, which come before the plain bones inside it.
        neutral: controls that would bend the result unless they are kept at rest.
        shown: control -> bone that moves whichever control moves it, for reading a pose.
        properties: bone -> custom property -> value under which the mapped controls drive the body.
    """

    title: str
    sides: tuple[str, str]
    joints: Mapping[str, str]
    spine: tuple[str, ...]
    neck: tuple[str, ...]
    alternatives: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    chains: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    controls: bool = False
    neutral: tuple[str, ...] = ()
    shown: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
