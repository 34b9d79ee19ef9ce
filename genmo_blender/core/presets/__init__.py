"""Bone names of known rigs, one module for each family."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from .biped import BIPED
from .genmo import GENMO
from .makehuman import MAKEHUMAN
from .mixamo import MIXAMO
from .preset import Preset
from .rigify import RIGIFY, RIGIFY_METARIG
from .smplx import SMPLX
from .unreal import UNREAL
from .vrm import HUMANOID, VRM

PRESETS: Final[Mapping[str, Preset]] = MappingProxyType(
    {
        "genmo": GENMO,
        "rigify": RIGIFY,
        "mixamo": MIXAMO,
        "unreal": UNREAL,
        "rigify_metarig": RIGIFY_METARIG,
        "smplx": SMPLX,
        "vrm": VRM,
        "humanoid": HUMANOID,
        "makehuman": MAKEHUMAN,
        "biped": BIPED,
    }
)
"""Name -> preset, in the order in which they are tried: control rigs before the deform bones that they contain."""

__all__ = ["PRESETS", "Preset"]
