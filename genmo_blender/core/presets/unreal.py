"""The Unreal mannequins (UE4: three spine bones and one neck bone, UE5: five and two) and rigs with their names."""

from __future__ import annotations

from typing import Final

from .preset import Preset

UNREAL: Final = Preset(
    title="Unreal",
    sides=("l", "r"),
    joints={
        "pelvis": "pelvis",
        "head": "head",
        "hip": "thigh_{s}",
        "knee": "calf_{s}",
        "ankle": "foot_{s}",
        "foot": "ball_{s}",
        "collar": "clavicle_{s}",
        "shoulder": "upperarm_{s}",
        "elbow": "lowerarm_{s}",
        "wrist": "hand_{s}",
    },
    spine=("spine_01", "spine_02", "spine_03", "spine_04", "spine_05", "spine_06"),
    neck=("neck_01", "neck_02"),
)
