"""MikuMikuDance models: Japanese names, and the English ones that importers offer."""

from __future__ import annotations

from typing import Final

from .preset import Preset

MMD: Final = Preset(
    title="MMD",
    sides=("左", "右"),
    # The upper and the lower body are siblings; only the centre moves both.
    joints={
        "pelvis": "センター",
        "head": "頭",
        "hip": "{s}足",
        "knee": "{s}ひざ",
        "ankle": "{s}足首",
        "foot": "{s}足先EX",
        "collar": "{s}肩",
        "shoulder": "{s}腕",
        "elbow": "{s}ひじ",
        "wrist": "{s}手首",
    },
    spine=("上半身", "上半身1", "上半身2", "上半身3", "上半身4"),
    neck=("首", "首1"),
    alternatives={
        "pelvis": ("グルーブ", "腰", "下半身"),
        "knee": ("{s}膝",),
        "foot": ("{s}つま先", "{s}爪先"),
        "elbow": ("{s}肘",),
        "wrist": ("{s}手",),
    },
    chains={"shoulder": ("{s}腕捩",), "elbow": ("{s}手捩",)},
    neutral=("グルーブ", "腰", "下半身"),
    shown={"センター": "下半身"},
)

MMD_ENGLISH: Final = Preset(
    title="MMD (English)",
    sides=("L", "R"),
    joints={
        "pelvis": "Center",
        "head": "Head",
        "hip": "Leg_{s}",
        "knee": "Knee_{s}",
        "ankle": "Ankle_{s}",
        "foot": "LegTipEX_{s}",
        "collar": "Shoulder_{s}",
        "shoulder": "Arm_{s}",
        "elbow": "Elbow_{s}",
        "wrist": "Wrist_{s}",
    },
    spine=("UpperBody", "UpperBody1", "UpperBody2", "UpperBody3"),
    neck=("Neck",),
    alternatives={
        "pelvis": ("Groove", "Waist", "LowerBody", "Hips"),
        "foot": ("ToeTipEX_{s}", "Toe_{s}", "Toes_{s}", "LegTip_{s}"),
    },
    chains={"shoulder": ("ArmTwist_{s}",), "elbow": ("HandTwist_{s}",)},
    neutral=("Groove", "Waist", "LowerBody", "groove", "waist", "lower body"),
    shown={"Center": "LowerBody", "center": "lower body"},
)
