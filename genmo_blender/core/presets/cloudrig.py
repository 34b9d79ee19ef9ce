"""CloudRig, the Blender Studio's rig generator: its FK controls."""

from __future__ import annotations

from typing import Final

from .preset import Preset

_IK_OFF: Final = {
    f"ik_{part}": 0.0
    for part in (
        "spine", "left_arm", "right_arm", "left_leg", "right_leg", "arm_left", "arm_right", "leg_left", "leg_right"
    )
}  # fmt: skip
"""The names differ between releases; those that a rig does not have are passed over."""

CLOUDRIG: Final = Preset(
    title="CloudRig",
    sides=("L", "R"),
    joints={
        "pelvis": "TORSO-Spine",
        "head": "FK-Head",
        "hip": "FK-Thigh.{s}",
        "knee": "FK-Knee.{s}",
        "ankle": "FK-Foot.{s}",
        "foot": "FK-Toes.{s}",
        "collar": "FK-Shoulder.{s}",
        "shoulder": "FK-UpperArm.{s}",
        "elbow": "FK-Forearm.{s}",
        "wrist": "FK-Wrist.{s}",
    },
    spine=("FK-Spine", "FK-RibCage", "FK-Chest"),
    neck=("FK-Neck", "FK-Neck1", "FK-Neck2"),
    alternatives={
        "pelvis": ("MSTR-Torso", "MSTR-Hips", "MSTR-Spine_Hips"),
        "knee": ("FK-Shin.{s}", "FK-Calf.{s}", "FK-LowerLeg.{s}"),
        "foot": ("FK-Toe.{s}",),
        "collar": ("FK-Clavicle.{s}", "DEF-Shoulder.{s}", "DEF-Clavicle.{s}"),
        "elbow": ("FK-LowerArm.{s}",),
        "wrist": ("FK-Hand.{s}",),
    },
    controls=True,
    neutral=("FK-Hips", "MSTR-Hips", "MSTR-Chest"),
    properties={"Properties": _IK_OFF, "Properties_IKFK": _IK_OFF},
)
