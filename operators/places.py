"""Operators of the Pins and Path panels: places to hold and ways to go."""
# ruff: noqa: D415 - the docstrings of operators are tooltips, which Blender ends with a full stop itself
# pyright: reportInvalidTypeForm=false

from typing import Any

from bpy.props import BoolProperty, EnumProperty, IntProperty, StringProperty
from bpy.types import Armature, Curve, Object

from ..genmo_blender import tracks
from ..genmo_blender.idnames import Op
from ..genmo_blender.properties import JOINT_ITEMS, of_object
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
    """Hold a joint from the playhead on: at the other selected empty or bone, also if it moves, else where it is now"""

    bl_idname = Op.PIN_ADD
    bl_label = "Add Pin"

    joint: EnumProperty(name="Joint", description="Joint to hold", items=JOINT_ITEMS, default="l_wrist")
    frames: IntProperty(name="Frames", description="How long to hold it", default=10, min=1)
    target: StringProperty(name="Target", description="Object to hold it at; empty for where the joint is now")
    bone: StringProperty(name="Bone", description="Bone of the target, if that is an armature")
    keep_offset: BoolProperty(
        name="Keep Offset", description="Stay as far from the target as the joint is now, and go where it goes"
    )

    def run(self, context: Context, target: Object) -> str:
        """Add the pin."""
        place, bone = _named(context, self.target), self.bone
        if place is None:
            place = _other_selected(context, target, "EMPTY") or _other_selected(context, target, "ARMATURE")
            active = place.data.bones.active if place is not None and isinstance(place.data, Armature) else None
            bone = bone or (active.name if active else "")
        joint = self.joint if self.properties.is_property_set("joint") else _active_joint(context, target) or self.joint
        tracks.add_pin(target, context.scene, joint, self.frames, place, bone=bone, keep_offset=self.keep_offset)
        return ""


class GENMO_OT_pin_capture(CharacterOperator):
    """Take the place and turn of the joint at the current frame into the pin"""

    bl_idname = Op.PIN_CAPTURE
    bl_label = "Capture Pin"

    index: IntProperty(name="Number", description="Row; -1 for the active one", default=-1, min=-1)

    def run(self, context: Context, target: Object) -> str:
        """Capture the place."""
        rows = of_object(target).pins
        index = of_object(target).active_pin if self.index < 0 else self.index
        row = rows[index] if index < len(rows) else None
        if row is None:
            raise UserError("There is no pin yet: press + in the list of pins")
        tracks.capture_pin(target, row)
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
    as_empty: BoolProperty(
        name="With Empty", description="Add an empty where the character is now, to move the waypoint by"
    )

    def run(self, context: Context, target: Object) -> str:
        """Add the waypoint."""
        place = _named(context, self.target) or _other_selected(context, target, "EMPTY")
        row = tracks.add_waypoint(target, context.scene, _active_path(target), place)
        if place is None and self.as_empty:
            row.target = tracks.empty_at(context.scene, target, "Waypoint", row.position)
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


def _active_joint(context: Context, target: Object) -> str:
    """The joint that the active bone of the character stands for, "" for none."""
    bone = context.active_pose_bone if context.active_object == target else None
    mapping = tracks.bone_map(target)
    return next((joint for joint, bones in mapping.items() if bone is not None and bone.name in bones), "")


def _active_path(target: Object) -> Any:
    path = tracks.active(target, "paths")
    if path is None:
        raise UserError("There is no path yet: press + in the list of paths")
    return path


CLASSES = (
    GENMO_OT_pin_add,
    GENMO_OT_pin_capture,
    GENMO_OT_pin_remove,
    GENMO_OT_path_add,
    GENMO_OT_path_remove,
    GENMO_OT_waypoint_add,
    GENMO_OT_waypoint_remove,
)
