"""VRoid / VRM avatars, and the humanoid names of Unity that other VRM files use."""

from __future__ import annotations

from typing import Final

from .preset import Preset

VRM: Final = Preset(
    title="VRM (VRoid)",
    sides=("L", "R"),
    joints={
        "pelvis": "J_Bip_C_Hips",
        "head": "J_Bip_C_Head",
        "hip": "J_Bip_{s}_UpperLeg",
        "knee": "J_Bip_{s}_LowerLeg",
        "ankle": "J_Bip_{s}_Foot",
        "foot": "J_Bip_{s}_ToeBase",
        "collar": "J_Bip_{s}_Shoulder",
        "shoulder": "J_Bip_{s}_UpperArm",
        "elbow": "J_Bip_{s}_LowerArm",
        "wrist": "J_Bip_{s}_Hand",
    },
    spine=("J_Bip_C_Spine", "J_Bip_C_Chest", "J_Bip_C_UpperChest"),
    neck=("J_Bip_C_Neck",),
)

HUMANOID: Final = Preset(
    title="VRM / Unity humanoid",
    sides=("Left", "Right"),
    joints={
        "pelvis": "Hips",
        "head": "Head",
        "hip": "{s}UpperLeg",
        "knee": "{s}LowerLeg",
        "ankle": "{s}Foot",
        "foot": "{s}Toes",
        "collar": "{s}Shoulder",
        "shoulder": "{s}UpperArm",
        "elbow": "{s}LowerArm",
        "wrist": "{s}Hand",
    },
    spine=("Spine", "Chest", "UpperChest"),
    neck=("Neck",),
    alternatives={"foot": ("{s}Toe", "{s}ToeBase")},
)
