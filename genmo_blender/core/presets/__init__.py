"""Bone names of known rigs, one module for each family."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from .auto_rig_pro import AUTO_RIG_PRO, AUTO_RIG_PRO_EXPORT
from .biped import BIPED
from .cloudrig import CLOUDRIG
from .common import COMMON
from .daz import DAZ, DAZ_2, DAZ_9
from .genmo import GENMO
from .japanese import JAPANESE
from .makehuman import MAKEHUMAN
from .mixamo import MIXAMO
from .mmd import MMD, MMD_ENGLISH
from .motion_builder import CMU, CMU_ASF
from .preset import Preset
from .reallusion import ADVANCED_SKELETON, REALLUSION
from .rigify import RIGIFY, RIGIFY_METARIG
from .smplx import SMPLX
from .unreal import UNREAL
from .vrm import HUMANOID, VRM

PRESETS: Final[Mapping[str, Preset]] = MappingProxyType(
    {
        "genmo": GENMO,
        "rigify": RIGIFY,
        "auto_rig_pro": AUTO_RIG_PRO,
        "cloudrig": CLOUDRIG,
        "mixamo": MIXAMO,
        "unreal": UNREAL,
        "rigify_metarig": RIGIFY_METARIG,
        "smplx": SMPLX,
        "vrm": VRM,
        "humanoid": HUMANOID,
        "makehuman": MAKEHUMAN,
        "biped": BIPED,
        "cmu": CMU,
        "cmu_asf": CMU_ASF,
        "auto_rig_pro_export": AUTO_RIG_PRO_EXPORT,
        "daz": DAZ,
        "daz_9": DAZ_9,
        "daz_2": DAZ_2,
        "mmd": MMD,
        "mmd_english": MMD_ENGLISH,
        "japanese": JAPANESE,
        "reallusion": REALLUSION,
        "advanced_skeleton": ADVANCED_SKELETON,
        "common": COMMON,
    }
)
"""Name -> preset; where two fit equally well the first one counts."""

__all__ = ["PRESETS", "Preset"]
