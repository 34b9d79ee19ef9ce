"""Bones with everyday Japanese names for the parts of the body, as modellers write them by hand."""

from __future__ import annotations

from typing import Final

from .preset import Preset

JAPANESE: Final = Preset(
    title="Japanese names",
    sides=("左", "右"),
    joints={
        "pelvis": "腰",
        "head": "頭",
        "hip": "{s}太もも",
        "knee": "{s}すね",
        "ankle": "{s}足首",
        "foot": "{s}つま先",
        "collar": "{s}鎖骨",
        "shoulder": "{s}上腕",
        "elbow": "{s}前腕",
        "wrist": "{s}手首",
    },
    spine=(
        "腹",
        "背骨",
        "背骨1",
        "背骨2",
        "背骨3",
        "脊椎",
        "脊椎1",
        "脊椎2",
        "胴",
        "胴体",
        "上半身",
        "胸",
        "胸1",
        "胸2",
    ),
    neck=("首", "首1", "首2"),
    alternatives={
        "pelvis": ("骨盤", "尻", "下半身", "ヒップ"),
        "head": ("頭部", "あたま", "ヘッド"),
        "hip": ("{s}太腿", "{s}大腿", "{s}腿", "{s}もも", "{s}足上", "{s}脚"),
        "knee": ("{s}脛", "{s}下腿", "{s}膝", "{s}ひざ", "{s}ふくらはぎ", "{s}足下"),
        "ankle": ("{s}足", "{s}くるぶし"),
        "foot": ("{s}爪先", "{s}足先", "{s}足指", "{s}トゥ"),
        "collar": ("{s}肩",),
        "shoulder": ("{s}二の腕", "{s}腕", "{s}腕上", "{s}肩"),
        "elbow": ("{s}肘", "{s}ひじ", "{s}腕下", "{s}下腕"),
        "wrist": ("{s}手",),
    },
)
