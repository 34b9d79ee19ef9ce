"""The default skeleton of MakeHuman and MPFB: upper and lower halves of each limb, five spine bones."""

from __future__ import annotations

from typing import Final

from .preset import Preset

MAKEHUMAN: Final = Preset(
    title="MakeHuman",
    sides=("L", "R"),
    joints={
        "pelvis": "root",
        "head": "head",
        "hip": "upperleg01.{s}",
        "knee": "lowerleg01.{s}",
        "ankle": "foot.{s}",
        "foot": "toe1-1.{s}",
        "collar": "clavicle.{s}",
        "shoulder": "upperarm01.{s}",
        "elbow": "lowerarm01.{s}",
        "wrist": "wrist.{s}",
    },
    spine=("spine05", "spine04", "spine03", "spine02", "spine01"),
    neck=("neck01", "neck02", "neck03"),
    chains={
        "hip": ("upperleg02.{s}",),
        "knee": ("lowerleg02.{s}",),
        "collar": ("shoulder01.{s}",),
        "shoulder": ("upperarm02.{s}",),
        "elbow": ("lowerarm02.{s}",),
    },
)
