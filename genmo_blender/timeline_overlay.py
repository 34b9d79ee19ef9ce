"""Draws the strips over the Dope Sheet and the Timeline, and knows where they are in a region.

The strips stand in lanes above the bottom of the region. They are filled in one batch, which is made again only when
the strips or the view have changed.
"""

from functools import lru_cache
from typing import Any, Final

import blf
import gpu
import numpy as np
from bpy.types import SpaceDopeSheetEditor
from gpu_extras.batch import batch_for_shader

from . import changes, selection, strips
from .core import strips as core
from .core.strips import Layout, View
from .properties import of_scene
from .stubs import Context, current_context

_TOP: Final = 26.0
"""Pixels that the frame numbers take at the top of the region, before the scale of the user interface."""
_BOTTOM: Final = 20.0
_MARKERS: Final = 44.0
"""The same at the bottom: for the scroll bar, and for markers, whose keys and clicks Blender takes before ours."""
_FONT: Final = 11.0
_PADDING: Final = 5.0
_FIRST_LETTERS: Final = 22.0
"""A strip that is narrower has no words on it."""

_state: dict[str, Any] = {"handle": None, "key": None, "batch": None, "layout": Layout()}


def is_shown(context: Context) -> bool:
    """Whether the editor of the context shows strips."""
    space = context.space_data
    return (
        space is not None
        and space.type == "DOPESHEET_EDITOR"
        and space.mode in {"DOPESHEET", "ACTION", "TIMELINE"}
        and context.region is not None
        and context.region.type == "WINDOW"
        and of_scene(context.scene).show_strips
    )


def view_of(context: Context) -> View:
    """The region of the context."""
    region, scale = context.region, context.preferences.system.ui_scale
    first, last = (region.view2d.region_to_view(x, 0)[0] for x in (0, region.width))
    per_frame = region.width / max(last - first, 1e-6)
    top = region.height - _TOP * scale
    is_low = top - _MARKERS * scale < 2 * core.HIGHEST * scale
    bottom = (_BOTTOM if is_low or not context.space_data.show_markers else _MARKERS) * scale
    return View(-first * per_frame, per_frame, region.width, bottom, top, scale)


def layout_of(context: Context) -> tuple[Layout, View]:
    """Where the strips are in the region of the context."""
    view = view_of(context)
    found = strips.of_characters(context.scene, selection.character_of(context))
    return core.arrange(found, view, strips.TITLES), view


def draw() -> None:
    """Draw the region that Blender is drawing now."""
    context: Context = current_context()
    if not is_shown(context):
        return
    view = view_of(context)
    found = tuple(strips.of_characters(context.scene, selection.character_of(context)))
    if not found:
        return
    layout, batch = _prepared(found, view)
    gpu.state.blend_set("ALPHA")
    batch.draw(_shader())
    gpu.state.blend_set("NONE")
    _draw_words(layout, view)


def _prepared(found: tuple[core.Strip, ...], view: View) -> tuple[Layout, Any]:
    """Layout and batch for these strips in this view; the last ones are kept."""
    if _state["key"] != (found, view):
        layout = core.arrange(found, view, strips.TITLES)
        corners, colours = core.triangles(*core.rectangles(layout, view))
        batch = batch_for_shader(_shader(), "TRIS", {"pos": _with_depth(corners), "color": colours})
        _state.update(key=(found, view), layout=layout, batch=batch)
    return _state["layout"], _state["batch"]


def _with_depth(corners: Any) -> Any:
    """Corners (N, 2) as (N, 3), as the shader has them."""
    return np.concatenate([corners, np.zeros((len(corners), 1), np.float32)], axis=1)


def _shader() -> Any:
    return gpu.shader.from_builtin("FLAT_COLOR")


def _draw_words(layout: Layout, view: View) -> None:
    height = layout.lanes[0].top - layout.lanes[0].bottom
    size = min(_FONT * view.scale, height * 0.72)
    blf.size(0, size)
    for box in layout.boxes:
        left, right = max(box.left, 0.0), min(box.right, view.width)
        room = right - left - 2 * _PADDING * view.scale
        if room < _FIRST_LETTERS * view.scale or not box.strip.own:
            continue
        blf.color(0, 1.0, 1.0, 1.0, 0.45 if box.strip.mute else 0.95)
        _write(left + _PADDING * view.scale, _baseline(box.bottom, box.top, size), box.strip.label, room, size)
    blf.color(0, 1.0, 1.0, 1.0, 0.4)
    for lane in layout.lanes:
        taken = any(box.left < 90 * view.scale and box.bottom >= lane.bottom and box.top <= lane.top
                    for box in layout.boxes if box.strip.own)  # fmt: skip
        if lane.title and not taken:
            _write(_PADDING * view.scale, _baseline(lane.bottom, lane.top, size), lane.title, 85 * view.scale, size)


def _baseline(bottom: float, top: float, size: float) -> float:
    return (bottom + top - size * 0.62) / 2


def _write(x: float, y: float, text: str, room: float, size: float) -> None:
    blf.position(0, x, y, 0)
    blf.draw(0, _fitted(text, int(room), size))


@lru_cache(maxsize=2048)
def _fitted(text: str, room: int, _size: float) -> str:
    """As much of a text as fits into so many pixels, at the size that is set."""
    if blf.dimensions(0, text)[0] <= room:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if blf.dimensions(0, text[:middle].rstrip() + "…")[0] <= room:
            low = middle
        else:
            high = middle - 1
    return text[:low].rstrip() + "…" if low else ""


def forget() -> None:
    """Drop the batch: the next draw makes it again."""
    _state.update(key=None, batch=None, layout=Layout())


def redraw() -> None:
    """Draw the timeline editors again."""
    manager = current_context().window_manager
    for window in manager.windows if manager else ():
        for area in window.screen.areas:
            if area.type == "DOPESHEET_EDITOR":
                area.tag_redraw()


def attach() -> None:
    """Begin to draw."""
    _state["handle"] = SpaceDopeSheetEditor.draw_handler_add(draw, (), "WINDOW", "POST_PIXEL")
    changes.watchers.append(redraw)
    redraw()


def detach() -> None:
    """Stop drawing and forget what was drawn."""
    changes.watchers.remove(redraw)
    SpaceDopeSheetEditor.draw_handler_remove(_state["handle"], "WINDOW")
    _state["handle"] = None
    forget()
    _fitted.cache_clear()
    redraw()
