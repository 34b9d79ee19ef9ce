"""Whose proportions a new character gets: those of a take, of the scene's model, or GENMO's own."""

from typing import Final

import numpy as np
from bpy.types import Object, Scene
from numpy.typing import NDArray

from ..runtime import skeleton
from ..runtime.errors import UserError
from . import packs, takes
from .core import body_shape
from .properties import of_object

BODY_ITEMS: Final = (
    ("AUTO", "Automatic", "The body of the active character's take, which a video may have shaped; else the model's"),
    ("MODEL", "Of the Model", "The average body of the model that the scene uses"),
    ("GENMO", "GENMO's Own", "The body of GENMO's own model"),
)
"""Items of the choice."""


def rest_offsets(scene: Scene, active: Object | None, choice: str) -> NDArray[np.float64]:
    """Rest offsets (22, 3) of the body that is chosen; GENMO's own where the other cannot be found or is no body."""
    found = None
    if choice == "AUTO":
        found = _of_take(active)
    if found is None and choice != "GENMO":
        found = _of_pack(scene)
    return skeleton.rest_offsets() if found is None or not body_shape.is_body(found) else found


def _of_take(active: Object | None) -> NDArray[np.float64] | None:
    if active is None or active.type != "ARMATURE" or not len(of_object(active).takes):
        return None
    try:
        return takes.motion_of(takes.find(active, -1)).rest_offsets
    except UserError:  # a damaged take
        return None


def _of_pack(scene: Scene) -> NDArray[np.float64] | None:
    try:
        return np.array(packs.info_of(scene).rest_offsets)
    except UserError:  # a pack that has gone
        return None
