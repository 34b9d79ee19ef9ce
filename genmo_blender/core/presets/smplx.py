"""SMPL-X and SMPL-H as their Blender add-ons and exporters name them."""

from __future__ import annotations

from typing import Final

from .preset import Preset

SMPLX: Final = Preset(
    title="SMPL-X",
    sides=("left", "right"),
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
