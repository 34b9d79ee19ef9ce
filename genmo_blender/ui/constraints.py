"""The panels of key poses, pins and paths."""

from typing import Any

from bpy.types import Menu as BlenderMenu
from bpy.types import Object
from bpy.types import Panel as BlenderPanel

from .. import armature, tracks
from ..idnames import Menu, Op, Panel, UIList
from ..properties import SCOPES, UPPER_BODY, WHOLE_BODY, of_object, of_scene
from ..stubs import Context, Layout
from .panels import CharacterPanel, draw_column, draw_list, draw_range_fields

_SETS = (("Full Body", WHOLE_BODY), ("Upper Body", UPPER_BODY), ("Both Legs", {"LEFT_LEG", "RIGHT_LEG"}))
"""The usual sets of body parts."""


class GENMO_MT_key_pose(BlenderMenu):
    """Key poses of a part of the body, and of keys of the action."""

    bl_idname = Menu.KEY_POSE
    bl_label = "Add Key Pose"

    def draw(self, context: Context) -> None:
        """The usual sets of parts, then each part, then the keys of the action."""
        layout: Layout = self.layout
        for label, scope in _SETS:
            layout.operator(Op.KEY_POSE_ADD, text=label).scope = set(scope)
        layout.separator()
        for name, (label, _) in SCOPES.items():
            layout.operator(Op.KEY_POSE_ADD, text=label).scope = {name}
        layout.separator()
        for where, label in (("SELECTED", "Selected Keys"), ("PLAYHEAD", "Keys at Playhead"), ("ALL", "All Keys")):
            layout.operator(Op.KEY_POSES_MARK, text=f"Mark {label}", icon="KEYTYPE_EXTREME_VEC").where = where


class GENMO_PT_key_poses(CharacterPanel, BlenderPanel):
    """The key poses."""

    bl_idname = Panel.KEY_POSES
    bl_label = "Key Poses"

    def draw_header_preset(self, context: Context) -> None:
        """Switch the drawing of constraints on and off."""
        layout: Layout = self.layout
        layout.prop(of_scene(context.scene), "show_ghosts", text="", icon="GHOST_ENABLED", emboss=False)

    def draw_character(self, layout: Layout, context: Context, target: Object) -> None:
        """The list and its buttons."""
        buttons = draw_list(layout, target, "key_poses", UIList.KEY_POSES)
        buttons.operator(Op.KEY_POSE_ADD, text="", icon="ADD")
        buttons.operator(Op.KEY_POSE_REMOVE, text="", icon="REMOVE").index = -1
        buttons.menu(Menu.KEY_POSE, text="", icon="DOWNARROW_HLT")
        row = tracks.active(target, "key_poses")
        if row is None:
            return
        actions = layout.row(align=True)
        actions.operator(Op.KEY_POSE_JUMP, text="Jump To", icon="TRACKING_FORWARDS_SINGLE").index = -1
        actions.operator(Op.KEY_POSE_UPDATE, text="Update", icon="FILE_REFRESH").index = -1
        if row.source == "ACTION":
            actions.operator(Op.KEY_POSE_CAPTURE, text="Capture", icon="POSE_HLT").index = -1
        parts = layout.grid_flow(columns=2, align=True)
        parts.prop(row, "scope")


class GENMO_PT_pins(CharacterPanel, BlenderPanel):
    """The pins."""

    bl_idname = Panel.PINS
    bl_label = "Pins"
    bl_options = {"DEFAULT_CLOSED"}

    def draw_character(self, layout: Layout, context: Context, target: Object) -> None:
        """The list and its buttons."""
        buttons = draw_list(layout, target, "pins", UIList.PINS)
        buttons.operator_menu_enum(Op.PIN_ADD, "joint", text="", icon="ADD")
        buttons.operator(Op.PIN_REMOVE, text="", icon="REMOVE").index = -1
        buttons.operator(Op.PIN_CAPTURE, text="", icon="FILE_REFRESH").index = -1
        row = tracks.active(target, "pins")
        if row is None:
            return
        column = draw_column(layout)
        column.prop(row, "joint")
        column.prop(row, "target")
        if row.target is None:
            column.prop(row, "position")
        else:
            if armature.is_armature(row.target):
                column.prop_search(row, "bone", row.target.data, "bones")
            column.prop(row, "use_offset")
        column.prop(row, "use_rotation")
        draw_range_fields(layout, row)


class GENMO_PT_paths(CharacterPanel, BlenderPanel):
    """The paths, and the ground that they lie on."""

    bl_idname = Panel.PATHS
    bl_label = "Path and Ground"
    bl_options = {"DEFAULT_CLOSED"}

    def draw_character(self, layout: Layout, context: Context, target: Object) -> None:
        """The list and its buttons."""
        draw_column(layout).prop(of_object(target), "ground")
        buttons = draw_list(layout, target, "paths", UIList.PATHS)
        buttons.operator(Op.PATH_ADD, text="", icon="ADD")
        buttons.operator(Op.PATH_REMOVE, text="", icon="REMOVE").index = -1
        buttons.operator(Op.PATH_DRAW, text="", icon="GREASEPENCIL")
        row = tracks.active(target, "paths")
        if row is None:
            return
        layout.row().prop(row, "kind", expand=True)
        if row.kind == "CURVE":
            self._draw_curve(layout, row)
        if row.kind == "WAYPOINTS" or row.timing == "WAYPOINTS":
            self._draw_waypoints(layout, row)
        column = draw_column(layout)
        column.prop(row, "face_along")
        if row.kind == "CURVE":
            column.prop(row, "use_tilt")

    def _draw_curve(self, layout: Layout, path: Any) -> None:
        column = draw_column(layout)
        column.prop(path, "curve")
        column.prop(path, "timing")
        if path.timing == "SPEED":
            column.prop(path, "speed")
            column.prop(path, "start")
        elif path.timing != "WAYPOINTS":
            draw_range_fields(layout, path)

    def _draw_waypoints(self, layout: Layout, path: Any) -> None:
        row = layout.row()
        row.template_list(UIList.WAYPOINTS, "", path, "waypoints", path, "active_waypoint", rows=3)
        buttons = row.column(align=True)
        buttons.operator(Op.WAYPOINT_ADD, text="", icon="ADD").as_empty = False
        buttons.operator(Op.WAYPOINT_ADD, text="", icon="EMPTY_SINGLE_ARROW").as_empty = True
        buttons.operator(Op.WAYPOINT_REMOVE, text="", icon="REMOVE").index = -1
        if 0 <= path.active_waypoint < len(path.waypoints):
            point = path.waypoints[path.active_waypoint]
            column = draw_column(layout)
            column.prop(point, "frame")
            column.prop(point, "target")
            column.prop(point, "use_heading" if point.target else "position")


CLASSES = (GENMO_MT_key_pose, GENMO_PT_key_poses, GENMO_PT_pins, GENMO_PT_paths)
