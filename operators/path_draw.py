"""Drawing a path on the ground with the mouse."""
# ruff: noqa: D415 - the docstrings of operators are tooltips, which Blender ends with a full stop itself
# pyright: reportInvalidTypeForm=false

import time
from typing import Any, Final

import numpy as np
from bpy.props import CollectionProperty, EnumProperty, FloatProperty
from bpy.types import Event, Object
from bpy_extras import view3d_utils

from ..genmo_blender import constraint_overlay, grounds, selection, strokes, tracks
from ..genmo_blender.idnames import Op
from ..genmo_blender.properties_constraints import GENMO_PG_stroke_point
from ..genmo_blender.stubs import Context, Result
from .base import CharacterOperator

_PASS: Final = ("MIDDLEMOUSE", "WHEELUPMOUSE", "WHEELDOWNMOUSE", "TRACKPADPAN", "TRACKPADZOOM")
"""Events that turn and move the view meanwhile."""


class GENMO_OT_path_draw(CharacterOperator):
    """Draw the way over the ground with the mouse: it becomes a curve that the character follows"""

    bl_idname = Op.PATH_DRAW
    bl_label = "Draw Path"

    stroke: CollectionProperty(type=GENMO_PG_stroke_point, options={"SKIP_SAVE", "HIDDEN"})
    smooth: FloatProperty(
        name="Smooth",
        description="Distance over which wiggles of the hand are taken out",
        default=0.3,
        min=0.0,
        soft_max=2.0,
        unit="LENGTH",
    )
    timing: EnumProperty(
        name="Timing",
        description="How time goes along the path",
        items=[
            ("SPEED", "Speed", "At even speed from the current frame on"),
            ("DRAWN", "As Drawn", "As fast as it was drawn, through waypoints"),
        ],
    )
    speed: FloatProperty(
        name="Speed", description="Speed along the path", default=1.3, min=0.01, soft_max=8.0, unit="VELOCITY"
    )

    _drawing: bool = False
    _begun: float = 0.0

    def run(self, context: Context, target: Object) -> str:
        """Make the curve and its path."""
        points = np.array([tuple(point.location) for point in self.stroke]).reshape(-1, 3)
        seconds = np.array([point.seconds for point in self.stroke])
        line = strokes.smoothed(points, self.smooth)
        curve = strokes.curve_of(context.scene, target, line)
        row = tracks.add_path(target, context.scene, curve)
        row.speed, row.face_along, row.timing = self.speed, True, "SPEED"
        if self.timing == "DRAWN":
            strokes.time_as_drawn(row, context.scene, line, points, seconds)
        return f"'{curve.name}' is {strokes.length(line):.1f} m long"

    def invoke(self, context: Context, event: Event) -> Result:
        """Wait for the mouse in a 3D view; a stroke that is given already is used."""
        if len(self.stroke):
            return self.execute(context)
        if context.area is None or context.area.type != "VIEW_3D":
            self.report({"ERROR"}, "Draw in a 3D view, or give the points of the stroke")
            return {"CANCELLED"}
        context.window_manager.modal_handler_add(self)
        context.window.cursor_modal_set("PAINT_BRUSH")
        context.workspace.status_text_set("Drag along the ground to draw the path; Escape or right click to cancel")
        return {"RUNNING_MODAL"}

    def modal(self, context: Context, event: Event) -> Result:
        """Collect the stroke."""
        if event.type in _PASS:
            return {"PASS_THROUGH"}
        if event.type in {"ESC", "RIGHTMOUSE"}:
            return self._end(context, {"CANCELLED"})
        if event.type == "LEFTMOUSE" and event.value == "PRESS":
            self._drawing, self._begun = True, time.monotonic()
            self.stroke.clear()
        if self._drawing and event.type in {"LEFTMOUSE", "MOUSEMOVE", "INBETWEEN_MOUSEMOVE"}:
            self._add(context, event)
        if event.type == "LEFTMOUSE" and event.value == "RELEASE" and self._drawing:
            return self._end(context, self.execute(context))
        return {"RUNNING_MODAL"}

    def cancel(self, context: Context) -> None:
        """Blender ends the operator."""
        self._end(context, {"CANCELLED"})

    def _add(self, context: Context, event: Event) -> None:
        target = selection.character_of(context)
        region = next((part for part in context.area.regions if part.type == "WINDOW"), None)
        if target is None or region is None:
            return
        place = event.mouse_x - region.x, event.mouse_y - region.y
        view: Any = context.area.spaces.active.region_3d
        origin = view3d_utils.region_2d_to_origin_3d(region, view, place)
        direction = view3d_utils.region_2d_to_vector_3d(region, view, place)
        hit = grounds.hit(target, np.array(origin), np.array(direction))
        if hit is not None:
            point = self.stroke.add()
            point.location, point.seconds = hit.tolist(), time.monotonic() - self._begun
            constraint_overlay.show_stroke([tuple(other.location) for other in self.stroke])
            context.area.tag_redraw()

    def _end(self, context: Context, result: Result) -> Result:
        constraint_overlay.show_stroke([])
        context.window.cursor_modal_restore()
        context.workspace.status_text_set(None)
        context.area.tag_redraw()
        return result


CLASSES = (GENMO_OT_path_draw,)
