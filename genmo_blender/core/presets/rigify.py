"""Rigify: the controls of a generated human rig, and the bones of its meta-rig (with DEF or ORG before them, too)."""

from __future__ import annotations

from typing import Final

from .preset import Preset

RIGIFY: Final = Preset(
    title="Rigify",
    sides=("L", "R"),
    joints={
        "pelvis": "torso",
        "head": "head",
        "hip": "thigh_fk.{s}",
        "knee": "shin_fk.{s}",
        "ankle": "foot_fk.{s}",
        "foot": "toe_fk.{s}",
        "collar": "shoulder.{s}",
        "shoulder": "upper_arm_fk.{s}",
        "elbow": "forearm_fk.{s}",
        "wrist": "hand_fk.{s}",
    },
    spine=("spine_fk.002", "spine_fk.003"),
    neck=("neck",),
    controls=True,
    # spine_fk and spine_fk.001 run from the pivot down to the hips; they follow the torso control.
    neutral=("hips", "chest", "spine_fk", "spine_fk.001"),
    shown={
        "torso": "ORG-spine",
        "thigh_fk.{s}": "ORG-thigh.{s}",
        "shin_fk.{s}": "ORG-shin.{s}",
        "foot_fk.{s}": "ORG-foot.{s}",
        "toe_fk.{s}": "ORG-toe.{s}",
        "upper_arm_fk.{s}": "ORG-upper_arm.{s}",
        "forearm_fk.{s}": "ORG-forearm.{s}",
        "hand_fk.{s}": "ORG-hand.{s}",
    },
    properties={
        "torso": {"neck_follow": 1.0, "head_follow": 1.0},
        "thigh_parent.{s}": {"IK_FK": 1.0, "FK_limb_follow": 0.0},
        "upper_arm_parent.{s}": {"IK_FK": 1.0, "FK_limb_follow": 0.0},
    },
)

RIGIFY_METARIG: Final = Preset(
    title="Rigify meta-rig",
    sides=("L", "R"),
    joints={
        "pelvis": "spine",
        "head": "spine.006",
        "hip": "thigh.{s}",
        "knee": "shin.{s}",
        "ankle": "foot.{s}",
        "foot": "toe.{s}",
        "collar": "shoulder.{s}",
        "shoulder": "upper_arm.{s}",
        "elbow": "forearm.{s}",
        "wrist": "hand.{s}",
    },
    spine=("spine.001", "spine.002", "spine.003"),
    neck=("spine.004", "spine.005"),
    # The deform bones of a generated rig are cut in two.
    chains={
        "hip": ("thigh.{s}.001",),
        "knee": ("shin.{s}.001",),
        "shoulder": ("upper_arm.{s}.001",),
        "elbow": ("forearm.{s}.001",),
    },
)
