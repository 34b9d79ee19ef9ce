"""Everyday English words for the parts of the body: for rigs of no family."""

from __future__ import annotations

from typing import Final

from .preset import Preset

COMMON: Final = Preset(
    title="Common names",
    sides=("Left", "Right"),
    joints={
        "pelvis": "Hips",
        "head": "Head",
        "hip": "{s}UpperLeg",
        "knee": "{s}LowerLeg",
        "ankle": "{s}Foot",
        "foot": "{s}Toes",
        "collar": "{s}Clavicle",
        "shoulder": "{s}UpperArm",
        "elbow": "{s}LowerArm",
        "wrist": "{s}Hand",
    },
    spine=(
        "LowerBack", "Abdomen", "AbdomenLower", "Belly", "Waist", "Spine", "Spine0", "Spine01", "Spine1", "Spine02",
        "Spine2", "Spine03", "Spine3", "Spine04", "Spine4", "Back", "UpperBack", "Torso", "Thorax", "Ribs", "RibCage",
        "Chest", "Chest1", "Chest2", "UpperChest",
    ),
    neck=("Neck", "LowerNeck", "Neck0", "Neck01", "Neck1", "Neck02", "Neck2", "UpperNeck"),
    alternatives={
        "pelvis": ("Pelvis", "Hip", "Root", "Body", "CoG", "Base"),
        "head": ("Head01", "Head1", "Skull"),
        "hip": ("UpLeg{s}", "Thigh{s}", "LegUpper{s}", "LegUp{s}", "Femur{s}", "Leg01{s}", "Leg1{s}", "Hip{s}",
                "Leg{s}"),
        "knee": (
            "Shin{s}", "Calf{s}", "LegLower{s}", "LegLow{s}", "LowLeg{s}", "DownLeg{s}", "Knee{s}", "Tibia{s}",
            "Leg02{s}", "Leg2{s}", "Leg{s}",
        ),
        "ankle": ("Ankle{s}", "Feet{s}", "Foot01{s}", "Foot1{s}"),
        "foot": ("Toe{s}", "ToeBase{s}", "Ball{s}", "Toe0{s}", "Toes01{s}", "Toe01{s}", "Toe1{s}"),
        "collar": ("Collar{s}", "CollarBone{s}", "Scapula{s}", "ShoulderBlade{s}", "Shoulder{s}"),
        "shoulder": (
            "UpArm{s}", "ArmUpper{s}", "ArmUp{s}", "Humerus{s}", "Bicep{s}", "Arm01{s}", "Arm1{s}", "Arm{s}",
            "Shldr{s}", "Shoulder{s}",
        ),
        "elbow": (
            "ForeArm{s}", "ArmLower{s}", "ArmLow{s}", "LowArm{s}", "DownArm{s}", "Elbow{s}", "Radius{s}", "Arm02{s}",
            "Arm2{s}",
        ),
        "wrist": ("Wrist{s}", "Palm{s}", "Hand01{s}", "Hand1{s}"),
    },
)  # fmt: skip
