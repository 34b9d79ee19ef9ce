"""Daz figures: Genesis 9, Genesis 3 and 8 (limbs cut in bend and twist bones), Genesis 1 and 2."""

from __future__ import annotations

from typing import Final

from .preset import Preset

DAZ: Final = Preset(
    title="Daz Genesis 3 / 8",
    sides=("l", "r"),
    # The bone "pelvis" beside the trunk carries the legs only; "hip" moves everything.
    joints={
        "pelvis": "hip",
        "head": "head",
        "hip": "{s}ThighBend",
        "knee": "{s}Shin",
        "ankle": "{s}Foot",
        "foot": "{s}Toe",
        "collar": "{s}Collar",
        "shoulder": "{s}ShldrBend",
        "elbow": "{s}ForearmBend",
        "wrist": "{s}Hand",
    },
    spine=("abdomenLower", "abdomenUpper", "chestLower", "chestUpper"),
    neck=("neckLower", "neckUpper"),
    chains={"hip": ("{s}ThighTwist",), "shoulder": ("{s}ShldrTwist",), "elbow": ("{s}ForearmTwist",)},
)

DAZ_9: Final = Preset(
    title="Daz Genesis 9",
    sides=("l", "r"),
    joints={
        "pelvis": "hip",
        "head": "head",
        "hip": "{s}_thigh",
        "knee": "{s}_shin",
        "ankle": "{s}_foot",
        "foot": "{s}_toes",
        "collar": "{s}_shoulder",
        "shoulder": "{s}_upperarm",
        "elbow": "{s}_forearm",
        "wrist": "{s}_hand",
    },
    spine=("spine1", "spine2", "spine3", "spine4"),
    neck=("neck1", "neck2"),
)

DAZ_2: Final = Preset(
    title="Daz Genesis 1 / 2",
    sides=("l", "r"),
    joints={
        "pelvis": "hip",
        "head": "head",
        "hip": "{s}Thigh",
        "knee": "{s}Shin",
        "ankle": "{s}Foot",
        "foot": "{s}Toe",
        "collar": "{s}Collar",
        "shoulder": "{s}Shldr",
        "elbow": "{s}ForeArm",
        "wrist": "{s}Hand",
    },
    spine=("abdomen", "abdomen2", "chest"),
    neck=("neck",),
)
