"""Mixamo, with any of its prefixes (mixamorig:, mixamorig1:, none); MotionBuilder characters have the same names."""

from __future__ import annotations

from typing import Final

from .preset import Preset

MIXAMO: Final = Preset(
    title="Mixamo",
    sides=("Left", "Right"),
    joints={
        "pelvis": "Hips",
        "head": "Head",
        "hip": "{s}UpLeg",
        "knee": "{s}Leg",
        "ankle": "{s}Foot",
        "foot": "{s}ToeBase",
        "collar": "{s}Shoulder",
        "shoulder": "{s}Arm",
        "elbow": "{s}ForeArm",
        "wrist": "{s}Hand",
    },
    spine=("Spine", "Spine1", "Spine2", "Spine3", "Spine4", "Spine5"),
    neck=("Neck", "Neck1", "Neck2"),
)
