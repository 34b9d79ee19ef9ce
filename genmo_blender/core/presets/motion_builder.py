"""The motion library of Carnegie Mellon University: its BVH files for MotionBuilder, and its own ASF names."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from .mixamo import MIXAMO
from .preset import Preset

CMU: Final[Preset] = replace(
    MIXAMO, title="CMU / MotionBuilder", spine=("LowerBack", "Spine", "Spine1"), neck=("Neck", "Neck1")
)

CMU_ASF: Final = Preset(
    title="CMU (ASF)",
    sides=("l", "r"),
    joints={
        "pelvis": "root",
        "head": "head",
        "hip": "{s}femur",
        "knee": "{s}tibia",
        "ankle": "{s}foot",
        "foot": "{s}toes",
        "collar": "{s}clavicle",
        "shoulder": "{s}humerus",
        "elbow": "{s}radius",
        "wrist": "{s}hand",
    },
    spine=("lowerback", "upperback", "thorax"),
    neck=("lowerneck", "upperneck"),
    alternatives={"pelvis": ("hips",), "wrist": ("{s}wrist",)},
)
