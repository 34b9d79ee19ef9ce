"""The GENMO character: bones named as the model's joints. The SMPL add-ons use the same names in capitals."""

from __future__ import annotations

from typing import Final

from .preset import Preset

GENMO: Final = Preset(
    title="GENMO / SMPL",
    sides=("l", "r"),
    joints={
        "pelvis": "pelvis",
        "head": "head",
        "hip": "{s}_hip",
        "knee": "{s}_knee",
        "ankle": "{s}_ankle",
        "foot": "{s}_foot",
        "collar": "{s}_collar",
        "shoulder": "{s}_shoulder",
        "elbow": "{s}_elbow",
        "wrist": "{s}_wrist",
    },
    spine=("spine1", "spine2", "spine3"),
    neck=("neck",),
)
