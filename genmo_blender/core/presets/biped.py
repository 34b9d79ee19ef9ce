"""The Biped of 3ds Max, with any character name (Bip01, Bip001, ...), also as Source engine models have it."""

from __future__ import annotations

from typing import Final

from .preset import Preset

BIPED: Final = Preset(
    title="3ds Max Biped",
    sides=("L", "R"),
    joints={
        "pelvis": "Pelvis",
        "head": "Head",
        "hip": "{s} Thigh",
        "knee": "{s} Calf",
        "ankle": "{s} Foot",
        "foot": "{s} Toe0",
        "collar": "{s} Clavicle",
        "shoulder": "{s} UpperArm",
        "elbow": "{s} Forearm",
        "wrist": "{s} Hand",
    },
    spine=("Spine", "Spine1", "Spine2", "Spine3", "Spine4"),
    neck=("Neck", "Neck1", "Neck2"),
    alternatives={"head": ("Head1",)},
)
