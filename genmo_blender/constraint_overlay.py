"""Draws the key poses, pins and paths of the active character in the 3D views.

The lines are made again only when something has changed (`changes.count`), those of the pins also when the frame does.
"""

from collections.abc import Sequence
from typing import Any, Final

import blf
import gpu
import numpy as np
from bpy.types import SpaceView3D
from bpy_extras import view3d_utils
from gpu_extras.batch import batch_for_shader
from mathutils import Vector

from . import changes, constraint_lines, selection
from .constraint_lines import Lines
from .properties import of_scene
from .stubs import Context, current_context

_WIDTH: Final = 2.0
_MOST_WIDE: Final = 1000
"""Ends of lines, those of a dozen figures, up to which lines are wide and smooth: without a GPU those are slow."""
_FONT: Final = 12.0
_STROKE: Final = (1.0, 1.0, 1.0, 0.9)

_state: dict[str, Any] = {"handles": (), "still": (None, Lines()), "pins": (None, Lines()), "batch": (None, None)}
_stroke: list[tuple[float, float, float]] = []


def show_stroke(points: Sequence[tuple[float, float, float]]) -> None:
    """Draw a stroke that is being drawn; none to stop that."""
    _stroke[:] = points


def lines_of(context: Context) -> tuple[Any, Lines]:
    """What there is to draw for a context, and a key that changes with it."""
    target = selection.character_of(context)
    if target is None or not of_scene(context.scene).show_ghosts:
        return None, Lines()
    place = tuple(np.round(np.array(target.matrix_world), 6).ravel())
    key = (changes.count(), target.session_uid, place, constraint_lines.moment(target, context.scene))
    if _state["still"][0] != key:
        _state["still"] = key, constraint_lines.still_lines(target, context.scene)
    frame = (*key, context.scene.frame_current)
    if _state["pins"][0] != frame:
        _state["pins"] = frame, constraint_lines.pin_lines(target, context.scene)
    return frame, constraint_lines.joined((_state["still"][1], _state["pins"][1]))


def _is_shown(context: Context) -> bool:
    space = context.space_data
    return space is not None and space.type == "VIEW_3D" and space.overlay.show_overlays


def draw_lines() -> None:
    """Draw into the 3D view that Blender is drawing now."""
    context: Context = current_context()
    if not _is_shown(context):
        return
    key, lines = lines_of(context)
    if _stroke:
        lines = constraint_lines.joined((lines, _stroke_lines()))
        key = (key, len(_stroke))
    scale = context.preferences.system.ui_scale
    paint(lines, key, (context.region.width, context.region.height), scale)


def paint(lines: Lines, key: Any, size: tuple[int, int], scale: float) -> None:
    """Draw lines with the matrices that are set; the batch is made again when the key is another one.

    Args:
        lines: in world space.
        key: changes when the lines do.
        size: of the region, pixels.
        scale: of the user interface.
    """
    points, colours = lines.arrays()
    if not len(points):
        return
    is_wide = len(points) <= _MOST_WIDE
    shader = gpu.shader.from_builtin("POLYLINE_FLAT_COLOR" if is_wide else "FLAT_COLOR")
    if _state["batch"][0] != key:
        content = {"pos": points.astype(np.float32), "color": colours.astype(np.float32)}
        _state["batch"] = key, batch_for_shader(shader, "LINES", content)
    shader.bind()
    if is_wide:
        shader.uniform_float("viewportSize", size)
        shader.uniform_float("lineWidth", _WIDTH * scale)
    gpu.state.blend_set("ALPHA")
    _state["batch"][1].draw(shader)
    gpu.state.blend_set("NONE")


def _stroke_lines() -> Lines:
    lines = Lines()
    if len(_stroke) > 1:
        lines.add_chain(np.array(_stroke), _STROKE)
    return lines


def draw_words() -> None:
    """Write the frames beside what holds at them."""
    context: Context = current_context()
    if not _is_shown(context):
        return
    _, lines = lines_of(context)
    scale = context.preferences.system.ui_scale
    blf.size(0, _FONT * scale)
    for place, text, colour in lines.words:
        point = view3d_utils.location_3d_to_region_2d(context.region, context.region_data, Vector(place.tolist()))
        if point is not None:
            blf.position(0, point.x + 6.0 * scale, point.y + 6.0 * scale, 0.0)
            blf.color(0, *colour)
            blf.draw(0, text)


def attach() -> None:
    """Begin to draw."""
    handlers = ((draw_lines, "POST_VIEW"), (draw_words, "POST_PIXEL"))
    _state["handles"] = tuple(SpaceView3D.draw_handler_add(draw, (), "WINDOW", when) for draw, when in handlers)


def detach() -> None:
    """Stop drawing and forget what was drawn."""
    for handle in _state["handles"]:
        SpaceView3D.draw_handler_remove(handle, "WINDOW")
    _state.update(handles=(), still=(None, Lines()), pins=(None, Lines()), batch=(None, None))
    _stroke.clear()
    constraint_lines.forget()
