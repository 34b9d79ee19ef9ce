"""Character Creator and iClone (names that start with CC_Base), and Advanced Skeleton for Maya."""

from __future__ import annotations

from typing import Final

from .preset import Preset

REALLUSION: Final = Preset(
    title="Character Creator",
    sides=("L", "R"),
    joints={
        "pelvis": "Hip",
        "head": "Head",
        "hip": "{s}_Thigh",
        "knee": "{s}_Calf",
        "ankle": "{s}_Foot",
        "foot": "{s}_ToeBase",
        "collar": "{s}_Clavicle",
        "shoulder": "{s}_Upperarm",
        "elbow": "{s}_Forearm",
        "wrist": "{s}_Hand",
    },
    spine=("Waist", "Spine01", "Spine02"),
    neck=("NeckTwist01", "NeckTwist02"),
)

ADVANCED_SKELETON: Final = Preset(
    title="Advanced Skeleton",
    sides=("L", "R"),
    joints={
        "pelvis": "Root_M",
        "head": "Head_M",
        "hip": "Hip_{s}",
        "knee": "Knee_{s}",
        "ankle": "Ankle_{s}",
        "foot": "Toes_{s}",
        "collar": "Scapula_{s}",
        "shoulder": "Shoulder_{s}",
        "elbow": "Elbow_{s}",
        "wrist": "Wrist_{s}",
    },
    spine=("Spine1_M", "Spine1Part1_M", "Spine1Part2_M", "Spine2_M", "Spine3_M", "Chest_M"),
    neck=("Neck_M", "NeckPart1_M", "NeckPart2_M"),
    chains={
        "hip": ("HipPart1_{s}", "HipPart2_{s}"),
        "shoulder": ("ShoulderPart1_{s}", "ShoulderPart2_{s}"),
        "elbow": ("ElbowPart1_{s}", "ElbowPart2_{s}"),
    },
)
