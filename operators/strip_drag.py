"""Moving strips on the timeline: with the mouse, with the arrow keys, by a number."""
# ruff: noqa: D415 - the docstrings of operators are tooltips, which Blender ends with a full stop itself
# pyright: reportInvalidTypeForm=false

from collections.abc import Mapping
from typing import Any, Final

from bpy.props import BoolProperty, EnumProperty, IntProperty
from bpy.types import Event, Object

from ..genmo_blender import selection, strips, timeline_overlay
from ..genmo_blender.core import strips as core
from ..genmo_blender.idnames import Op
from ..genmo_blender.properties import of_scene
from ..genmo_blender.stubs import Context, Result
from .strips import StripOperator, under_mouse

_REACH: Final = 8.0
"""Pixels within which an end snaps to a target."""
_FAR: Final = 10
"""Frames of an arrow key together with Shift."""
_ARROWS: Final = {"LEFT_ARROW": -1, "RIGHT_ARROW": 1}
PARTS: Final = [
    ("BOTH", "Strip", "The whole strip"),
    ("START", "Start", "The start; what a file shows stays on its frame"),
    ("STOP", "End", "The end"),
]


class _MovingOperator(StripOperator):
    """Follows the mouse until a button or key ends it."""

    part: EnumProperty(name="Part", description="What to move", items=PARTS, options={"SKIP_SAVE"})
    frames: IntProperty(name="Frames", description="How much later", options={"SKIP_SAVE"})

    _before: Mapping[strips.Chosen, strips.Origin] = {}
    _edges: tuple[int, ...] = ()
    _from: float = 0.0
    _by_mouse: int = 0
    _by_keys: int = 0
    _ends_on_release: bool = False

    def follow(self, context: Context, event: Event, *, ends_on_release: bool) -> Result:
        """Begin to follow the mouse."""
        target = self.character(context)
        chosen = strips.require_selected(target)
        self._before = strips.origins(target, chosen)
        self._edges = tuple(strips.edges(target, context.scene, chosen))
        self._from = timeline_overlay.view_of(context).frame(event.mouse_region_x)
        self._by_mouse = self._by_keys = 0
        self._ends_on_release = ends_on_release
        context.window.cursor_modal_set("MOVE_X")
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: Context, event: Event) -> Result:
        """Move with the mouse and the arrow keys; Escape or the right button puts everything back."""
        if event.type in {"ESC", "RIGHTMOUSE"} and event.value == "PRESS":
            self._put(context, 0)
            return self._end(context, {"CANCELLED"})
        if event.type in {"RET", "NUMPAD_ENTER"} or self._is_last_click(event):
            return self._end(context, {"FINISHED"})
        if event.type == "MOUSEMOVE":
            self._by_mouse = self._moved_by(context, event)
        elif event.type in _ARROWS and event.value == "PRESS":
            self._by_keys += _ARROWS[event.type] * (_FAR if event.shift else 1)
        else:
            return {"RUNNING_MODAL"}
        self._put(context, self._by_mouse + self._by_keys)
        return {"RUNNING_MODAL"}

    def _is_last_click(self, event: Event) -> bool:
        return event.type == "LEFTMOUSE" and event.value == ("RELEASE" if self._ends_on_release else "PRESS")

    def _moved_by(self, context: Context, event: Event) -> int:
        view = timeline_overlay.view_of(context)
        by = round(view.frame(event.mouse_region_x) - self._from)
        if by == 0 or of_scene(context.scene).snap_strips == event.ctrl:
            return by
        spans = [origin.span for origin in self._before.values()]
        return core.snapped(spans, self.part, by, self._edges, _REACH * view.scale / view.per_frame)

    def _put(self, context: Context, by: int) -> None:
        self.frames = by
        strips.place(self.character(context), context.scene, self._before, self.part, by)
        context.area.header_text_set(f"{by:+d} frames   |   Arrows: one frame, with Shift ten   |   Ctrl: snapping")
        timeline_overlay.redraw()

    def _end(self, context: Context, result: Result) -> Result:
        context.window.cursor_modal_restore()
        context.area.header_text_set(None)
        timeline_overlay.redraw()
        return result

    def cancel(self, context: Context) -> None:
        """Blender ends the operator."""
        self._put(context, 0)
        self._end(context, {"CANCELLED"})


class GENMO_OT_strip_move(_MovingOperator):
    """Move the selected strips, or one of their ends, with the mouse or the arrow keys"""

    bl_idname = Op.STRIP_MOVE
    bl_label = "Move Strips"

    def begin(self, context: Context, event: Event) -> Result:
        """Follow the mouse, unless it is told by how much."""
        if self.frames or not timeline_overlay.is_shown(context):
            return self.execute(context)
        if not strips.selected(self.character(context)):
            return {"PASS_THROUGH"}
        return self.follow(context, event, ends_on_release=False)

    def run(self, context: Context, target: Object) -> str:
        """Move by what was given."""
        before = strips.origins(target, strips.require_selected(target))
        strips.place(target, context.scene, before, self.part, self.frames)
        return ""


class GENMO_OT_strip_drag(_MovingOperator):
    """Select the strip under the mouse and drag it, or its end"""

    bl_idname = Op.STRIP_DRAG
    bl_label = "Drag Strip"
    bl_options = {"UNDO", "INTERNAL"}

    extend: BoolProperty(name="Extend", description="Keep what is selected", options={"SKIP_SAVE"})

    def invoke(self, context: Context, event: Event) -> Result:
        """Leave the click to Blender unless it is on a strip."""
        found = under_mouse(context, event)
        if found is None:
            return {"PASS_THROUGH"}
        if not found.strip.own:
            return self._change_character(context, found.strip.key[0])
        target = self.character(context)
        chosen = found.strip.key[1:]
        if self.extend and found.strip.select:
            strips.row_of(target, chosen).select = False
            timeline_overlay.redraw()
            return {"FINISHED"}
        self.part = found.part
        if self.part != "BOTH" or not found.strip.select:  # an end is dragged on its strip alone
            strips.select(target, [chosen], extend=self.extend and self.part == "BOTH")
        return self.follow(context, event, ends_on_release=True)

    def _change_character(self, context: Context, name: str) -> Result:
        other: Any = context.scene.objects.get(name)
        if other is None or context.mode != "OBJECT":
            self.report({"INFO"}, f"These strips belong to '{name}': leave the current mode to choose it")
            return {"CANCELLED"}
        for item in context.selected_objects:
            item.select_set(False)
        other.select_set(True)
        context.view_layer.objects.active = other
        timeline_overlay.redraw()
        return {"FINISHED"} if selection.character_of(context) == other else {"CANCELLED"}


CLASSES = (GENMO_OT_strip_move, GENMO_OT_strip_drag)
