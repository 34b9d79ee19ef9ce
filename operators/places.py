"""Operators of the Pins and Path panels: places to hold and ways to go."""
# ruff: noqa: D415 - the docstrings of operators are tooltips, which Blender ends with a full stop itself
# pyright: reportInvalidTypeForm=false

from typing import Any

from bpy.props import EnumProperty, IntProperty, StringProperty
from bpy.types import Curve, Object

from ..genmo_blender import tracks
from ..genmo_blender.idnames import Op
from ..genmo_blender.properties import JOINT_ITEMS
from ..genmo_blender.stubs import Context
from ..runtime.errors import UserError
from .base import CharacterOperator, RemoveOperator


def _named(context: Context, name: str) -> Object | None:
    """An object of the scene by name; "" is none.

    Raises:
        UserError: there is no such object.
    """
    found = context.scene.objects.get(name) if name else None
    if name and found is None:
        raise UserError(f"There is no object '{name}' in this scene")
    return found


class GENMO_OT_pin_add(CharacterOperator):
    """Hold a joint from the playhead on: at the other selected object, else where it is now"""

    bl_idname = Op.PIN_ADD
    bl_label = "Add Pin"

    joint: EnumProperty(name="Joint", description="Joint to hold", items=JOINT_ITEMS, default="l_wrist")
    frames: IntProperty(name="Frames", description="How long to hold it", default=10, min=1)
    target: StringProperty(name="Target", description="Object to hold it at; empty for where the joint is now")

    def run(self, context: Context, target: Object) -> str:
        """Add the pin."""
        place = _named(context, self.target) or _other_selected(context, target, "EMPTY")
        tracks.add_pin(target, context.scene, self.joint, self.frames, place)
        return ""


class GENMO_OT_pin_remove(RemoveOperator):
    """Remove the pin"""

    bl_idname = Op.PIN_REMOVE
    bl_label = "Remove Pin"
    track = "pins"


class GENMO_OT_path_add(CharacterOperator):
    """Walk along the other selected object if it is a curve, else pass waypoints that start here"""

    bl_idname = Op.PATH_ADD
    bl_label = "Add Path"

    curve: StringProperty(name="Curve", description="Curve to follow; empty for the selected one, if any")

    def run(self, context: Context, target: Object) -> str:
        """Add the path."""
        curve = _named(context, self.curve) or _other_selected(context, target, "CURVE")
        if curve is not None and not isinstance(curve.data, Curve):
            raise UserError(f"'{curve.name}' is not a curve")
        tracks.add_path(target, context.scene, curve)
        return ""


class GENMO_OT_path_remove(RemoveOperator):
    """Remove the path; its curve stays"""

    bl_idname = Op.PATH_REMOVE
    bl_label = "Remove Path"
    track = "paths"


class GENMO_OT_waypoint_add(CharacterOperator):
    """Pass here at the current frame: at the other selected object, else where the character is now"""

    bl_idname = Op.WAYPOINT_ADD
    bl_label = "Add Waypoint"

    target: StringProperty(name="Target", description="Object to pass at; empty for where the character is now")

    def run(self, context: Context, target: Object) -> str:
        """Add the waypoint."""
        place = _named(context, self.target) or _other_selected(context, target, "EMPTY")
        tracks.add_waypoint(target, context.scene, _active_path(target), place)
        return ""


class GENMO_OT_waypoint_remove(CharacterOperator):
    """Remove the waypoint"""

    bl_idname = Op.WAYPOINT_REMOVE
    bl_label = "Remove Waypoint"

    index: IntProperty(name="Number", description="Row to remove; -1 for the active one", default=-1, min=-1)

    def run(self, context: Context, target: Object) -> str:
        """Remove the waypoint."""
        tracks.remove_waypoint(_active_path(target), self.index)
        return ""


def _other_selected(context: Context, target: Object, kind: str) -> Object | None:
    return next((item for item in context.selected_objects if item != target and item.type == kind), None)


def _active_path(target: Object) -> Any:
    path = tracks.active(target, "paths")
    if path is None:
        raise UserError("There is no path yet: press + in the list of paths")
    return path


CLASSES = (
    GENMO_OT_pin_add,
    GENMO_OT_pin_remove,
    GENMO_OT_path_add,
    GENMO_OT_path_remove,
    GENMO_OT_waypoint_add,
    GENMO_OT_waypoint_remove,
)
