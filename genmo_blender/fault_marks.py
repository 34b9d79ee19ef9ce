"""A red strip at the top of the timeline where the motion that the Quality panel shows is bad."""

from typing import Any, Final

import gpu
import numpy as np
from bpy.types import SpaceDopeSheetEditor
from gpu_extras.batch import batch_for_shader
from numpy.typing import NDArray

from . import judging, selection, timeline_overlay
from .core.strips import View
from .stubs import Context, current_context

_HEIGHT: Final = 5.0
"""Pixels, before the scale of the user interface."""
_COLOUR: Final = (0.90, 0.20, 0.15)

_state: dict[str, Any] = {"handle": None}


def corners(marks: tuple[tuple[int, int, float], ...], view: View) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Corners (6 N, 3) of two triangles for each mark, and their colours (6 N, 4); worse faults are more opaque."""
    points, colours = [], []
    bottom, top = view.top - _HEIGHT * view.scale, view.top
    for start, stop, severity in marks:
        left, right = (view.x(frame - 0.5) for frame in (start, stop))
        square = [(left, bottom), (right, bottom), (right, top), (left, top)]
        points += [(*square[corner], 0.0) for corner in (0, 1, 2, 0, 2, 3)]
        colours += [(*_COLOUR, min(0.45 + 0.15 * severity, 1.0))] * 6
    return np.array(points, np.float32).reshape(-1, 3), np.array(colours, np.float32).reshape(-1, 4)


def draw() -> None:
    """Draw the region that Blender is drawing now."""
    context: Context = current_context()
    if not timeline_overlay.is_shown(context):
        return
    found = judging.marks(context.scene, selection.character_of(context))
    if not found:
        return
    points, colours = corners(found, timeline_overlay.view_of(context))
    shader = gpu.shader.from_builtin("FLAT_COLOR")
    batch = batch_for_shader(shader, "TRIS", {"pos": points, "color": colours})
    gpu.state.blend_set("ALPHA")
    batch.draw(shader)
    gpu.state.blend_set("NONE")


def attach() -> None:
    """Begin to draw."""
    _state["handle"] = SpaceDopeSheetEditor.draw_handler_add(draw, (), "WINDOW", "POST_PIXEL")


def detach() -> None:
    """Stop drawing."""
    SpaceDopeSheetEditor.draw_handler_remove(_state["handle"], "WINDOW")
    _state["handle"] = None
