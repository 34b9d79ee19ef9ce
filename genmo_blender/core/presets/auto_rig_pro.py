"""Auto-Rig Pro: the FK controls of its biped, and the deform bones that it exports."""

from __future__ import annotations

from typing import Final

from .preset import Preset

AUTO_RIG_PRO: Final = Preset(
    title="Auto-Rig Pro",
    sides=("l", "r"),
    joints={
        "pelvis": "c_root_master.x",
        "head": "c_head.x",
        "hip": "c_thigh_fk.{s}",
        "knee": "c_leg_fk.{s}",
        "ankle": "c_foot_fk.{s}",
        "foot": "c_toes_fk.{s}",
        "collar": "c_shoulder.{s}",
        "shoulder": "c_arm_fk.{s}",
        "elbow": "c_forearm_fk.{s}",
        "wrist": "c_hand_fk.{s}",
    },
    spine=("c_spine_01.x", "c_spine_02.x", "c_spine_03.x", "c_spine_04.x", "c_spine_05.x"),
    neck=("c_subneck_1.x", "c_subneck_2.x", "c_neck.x"),
    controls=True,
    neutral=("c_root.x",),
    shown={
        "c_root_master.x": "root.x",
        "c_thigh_fk.{s}": "thigh.{s}",
        "c_leg_fk.{s}": "leg.{s}",
        "c_foot_fk.{s}": "foot.{s}",
        "c_toes_fk.{s}": "toes_01.{s}",
        "c_arm_fk.{s}": "arm.{s}",
        "c_forearm_fk.{s}": "forearm.{s}",
        "c_hand_fk.{s}": "hand.{s}",
    },
    properties={
        "c_foot_ik.{s}": {"ik_fk_switch": 1.0},
        "c_hand_ik.{s}": {"ik_fk_switch": 1.0},
    },
)

AUTO_RIG_PRO_EXPORT: Final = Preset(
    title="Auto-Rig Pro (export)",
    sides=("l", "r"),
    joints={
        "pelvis": "root.x",
        "head": "head.x",
        "hip": "thigh_stretch.{s}",
        "knee": "leg_stretch.{s}",
        "ankle": "foot.{s}",
        "foot": "toes_01.{s}",
        "collar": "shoulder.{s}",
        "shoulder": "arm_stretch.{s}",
        "elbow": "forearm_stretch.{s}",
        "wrist": "hand.{s}",
    },
    spine=("spine_01.x", "spine_02.x", "spine_03.x", "spine_04.x", "spine_05.x"),
    neck=("subneck_1.x", "subneck_2.x", "neck.x"),
)
