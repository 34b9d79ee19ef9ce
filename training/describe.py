"""What `pack.json` of an exported network says: names, layouts, statistics, credits."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from genmo.runtime.conditioning import CONDITIONS
from genmo.runtime.features import LAYOUT
from genmo.runtime.pack_info import UNDERSTANDS
from genmo.runtime.skeleton import JOINT_NAMES, REST_OFFSETS
from genmo.training.config import TrainConfig
from genmo.training.dataset import FPS

CREDITS = (
    "The data used in this project was obtained from mocap.cs.cmu.edu. "
    "The database was created with funding from NSF EIA-0196217.",
    "ReActIdle, (c) 2025 RSAIT, MIT licence.",
    "g1-moves by Experiential Technologies, CC BY 4.0.",
    "Mesh2Motion animations, CC0.",
    "Some sentences come from the KIT Motion-Language Dataset (Plappert, Mandery, Asfour, 2016).",
    "Text encoder: sentence-transformers/all-MiniLM-L6-v2, Apache-2.0.",
)
"""Lines that go wherever the trained weights go (docs/model_card.md)."""

SAMPLER = {"steps": 12, "guidance": 2.0, "shift": 4.0, "guided_below": 900}
"""Defaults of the sampler: more steps at the noisy end, where the course of a motion is decided
(`diffusion.draw_steps`), and guidance only below it (`pack_info.SamplerDefaults`); chosen by eye."""

COARSE_FROM = 600
"""Lowest step of the schedule that a coarse network makes."""


def pack_info(
    config: TrainConfig, statistics: dict[str, Tensor], *, version: str, name: str = "base", coarse: bool = False
) -> dict[str, Any]:
    """The document of `pack.json` without its files.

    Args:
        config: of the training run.
        statistics: `mean` and `std`, (F,).
        version: of the pack.
        name: id of the pack.
        coarse: whether a coarse network makes the noisy steps.
    """
    return {
        "id": name,
        "version": version,
        "title": f"GENMO {name}",
        "licence": "GPL-3.0-or-later",
        "credits": list(CREDITS),
        "fps": FPS,
        "skeleton": {"joints": list(JOINT_NAMES), "rest_offsets": [list(offset) for offset in REST_OFFSETS]},
        "layout": LAYOUT.to_json(),
        "conditions": CONDITIONS.to_json(),
        "understands": list(UNDERSTANDS),
        "stats": {key: [round(value, 6) for value in statistics[key].tolist()] for key in ("mean", "std")},
        "sampler": SAMPLER | ({"coarse_from": COARSE_FROM} if coarse else {}),
        "band": config.network.band,
        "text": {"max_tokens": config.text_tokens, "width": config.network.text_width},
    }
