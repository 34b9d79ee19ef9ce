"""What a preset says about a family of rigs: names only, no code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Preset:
    """Bone names of one family of rigs.

    Names are compared without case, separators, name spaces ("x:") and a prefix that all bones share. `{s}` stands
    for the side.

    Attributes:
        title: how people call this family.
        sides: what `{s}` is on the left and on the right.
        joints: model joint -> bone; joints of a side are written once, as "hip", "knee", ...
        spine: the bones above the pelvis up to the one that carries the arms; those that exist are used.
        neck: the bones below the head; those that exist are used.
        neutral: controls that would bend the result unless they are kept at rest.
        shown: control -> bone that moves whichever control moves it, for reading a pose.
        properties: bone -> custom property -> value under which the mapped controls drive the body.
    """

    title: str
    sides: tuple[str, str]
    joints: Mapping[str, str]
    spine: tuple[str, ...]
    neck: tuple[str, ...]
    neutral: tuple[str, ...] = ()
    shown: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
