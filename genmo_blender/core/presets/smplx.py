"""SMPL-X and SMPL-H as their Blender add-ons and exporters name them: the model's joints with whole words for sides."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from .genmo import GENMO
from .preset import Preset

SMPLX: Final[Preset] = replace(GENMO, title="SMPL-X", sides=("left", "right"))
