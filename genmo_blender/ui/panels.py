"""The panels of the GENMO tab in the 3D view's sidebar. They draw what is known and compute nothing."""

from typing import Any, cast

from bpy.types import Menu as BlenderMenu
from bpy.types import Object
from bpy.types import Panel as BlenderPanel

from ...runtime.skeleton import JOINT_COUNT
from .. import selection, tracks
from ..idnames import SIDEBAR, Menu, Op, Panel, UIList
from ..properties import SCOPES, UPPER_BODY, WHOLE_BODY, joint_label, of_object
from ..stubs import Context, Layout


class CharacterPanel:
    """What the panels share: their place, and that they need a character."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = SIDEBAR

    @classmethod
    def poll(cls, context: Context) -> bool:
        """Only with a character."""
        return selection.character_of(context) is not None

    def draw(self, context: Context) -> None:
        """Draw for the character."""
        target = selection.character_of(context)
        if target is not None:
            self.draw_character(cast("Any", self).layout, context, target)

    def draw_character(self, layout: Layout, context: Context, target: Object) -> None:
        """Draw the contents of the panel; each panel has its own."""


class GENMO_PT_character(BlenderPanel):
    """The character and its bone map."""

    bl_idname = Panel.CHARACTER
    bl_label = "Character"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = SIDEBAR

    def draw(self, context: Context) -> None:
        """Name of the armature, or how to get one."""
        layout: Layout = self.layout
        target = selection.character_of(context)
        if target is None:
            layout.label(text="Select an armature", icon="INFO")
            layout.operator(Op.CHARACTER_ADD, icon="OUTLINER_OB_ARMATURE")
            return
        mapped = sum(1 for row in of_object(target).bones if row.bones)
        row = layout.row()
        row.label(text=target.name, icon="OUTLINER_OB_ARMATURE")
        row.operator(Op.CHARACTER_ADD, text="", icon="ADD")
        rig = of_object(target).preset.replace("_", " ").title()
        state = layout.row()
        state.label(text=f"{mapped} of {JOINT_COUNT} joints" if mapped else "No bones mapped")
        state.operator_menu_enum(Op.MAP_BONES, "preset", text=f"{rig} Rig" if rig else "Map Bones")


class GENMO_PT_bones(CharacterPanel, BlenderPanel):
    """The bone map, row by row."""

    bl_idname = Panel.BONES
    bl_parent_id = Panel.CHARACTER
    bl_label = "Bone Map"
    bl_options = {"DEFAULT_CLOSED"}

    def draw_character(self, layout: Layout, context: Context, target: Object) -> None:
        """One field for each joint."""
        layout.use_property_split = True
        layout.use_property_decorate = False
        column = layout.column(align=True)
        for row in of_object(target).bones:
            if "," in row.bones:
                column.prop(row, "bones", text=joint_label(row.name))
            else:
                column.prop_search(row, "bones", target.data, "bones", text=joint_label(row.name))


class GENMO_PT_prompts(CharacterPanel, BlenderPanel):
    """The prompts."""

    bl_idname = Panel.PROMPTS
    bl_label = "Prompts"

    def draw_character(self, layout: Layout, context: Context, target: Object) -> None:
        """The list and its buttons."""
        buttons = draw_list(layout, target, "prompts", UIList.PROMPTS)
        buttons.operator(Op.PROMPT_ADD, text="", icon="ADD")
        buttons.operator(Op.PROMPT_REMOVE, text="", icon="REMOVE").index = -1
        buttons.separator()
        buttons.operator(Op.PROMPTS_FROM_MARKERS, text="", icon="MARKER_HLT")
        row = tracks.active(target, "prompts")
        if row is not None:
            layout.prop(row, "text", text="")
            _draw_range(layout, row)


class GENMO_MT_key_pose(BlenderMenu):
    """Key poses of a part of the body."""

    bl_idname = Menu.KEY_POSE
    bl_label = "Add Key Pose"

    def draw(self, context: Context) -> None:
        """The usual sets of parts, then each part."""
        sets = (("Full Body", WHOLE_BODY), ("Upper Body", UPPER_BODY), ("Both Legs", {"LEFT_LEG", "RIGHT_LEG"}))
        layout: Layout = self.layout
        for label, scope in sets:
            layout.operator(Op.KEY_POSE_ADD, text=label).scope = set(scope)
        layout.separator()
        for name, (label, _) in SCOPES.items():
            layout.operator(Op.KEY_POSE_ADD, text=label).scope = {name}


class GENMO_PT_key_poses(CharacterPanel, BlenderPanel):
    """The key poses."""

    bl_idname = Panel.KEY_POSES
    bl_label = "Key Poses"

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
        row = tracks.active(target, "pins")
        if row is None:
            return
        column = draw_column(layout)
        column.prop(row, "joint")
        column.prop(row, "target")
        if row.target is None:
            column.prop(row, "position")
        column.prop(row, "use_rotation")
        _draw_range(layout, row)


class GENMO_PT_paths(CharacterPanel, BlenderPanel):
    """The paths."""

    bl_idname = Panel.PATHS
    bl_label = "Path"
    bl_options = {"DEFAULT_CLOSED"}

    def draw_character(self, layout: Layout, context: Context, target: Object) -> None:
        """The list and its buttons."""
        buttons = draw_list(layout, target, "paths", UIList.PATHS)
        buttons.operator(Op.PATH_ADD, text="", icon="ADD")
        buttons.operator(Op.PATH_REMOVE, text="", icon="REMOVE").index = -1
        row = tracks.active(target, "paths")
        if row is None:
            return
        layout.prop(row, "kind", expand=True)
        if row.kind == "CURVE":
            draw_column(layout).prop(row, "curve")
            _draw_range(layout, row)
        else:
            self._draw_waypoints(layout, row)
        draw_column(layout).prop(row, "face_along")

    def _draw_waypoints(self, layout: Layout, path: Any) -> None:
        row = layout.row()
        row.template_list(UIList.WAYPOINTS, "", path, "waypoints", path, "active_waypoint", rows=3)
        buttons = row.column(align=True)
        buttons.operator(Op.WAYPOINT_ADD, text="", icon="ADD")
        buttons.operator(Op.WAYPOINT_REMOVE, text="", icon="REMOVE").index = -1
        if 0 <= path.active_waypoint < len(path.waypoints):
            point = path.waypoints[path.active_waypoint]
            column = draw_column(layout)
            column.prop(point, "frame")
            column.prop(point, "target")
            column.prop(point, "use_heading" if point.target else "position")


def draw_list(layout: Layout, target: Object, track: str, list_name: str) -> Layout:
    """A track's list; returns the column for the buttons beside it."""
    character = of_object(target)
    row = layout.row()
    rows = 3 if len(getattr(character, track)) else 2
    row.template_list(list_name, "", character, track, character, tracks.TRACKS[track], rows=rows)
    return row.column(align=True)


def _draw_range(layout: Layout, item: Any) -> None:
    row = layout.row(align=True)
    row.prop(item, "start")
    row.prop(item, "stop")


def draw_column(layout: Layout) -> Layout:
    """A column with the labels on the left."""
    column = layout.column(align=True)
    column.use_property_split = True
    column.use_property_decorate = False
    return column


CLASSES = (
    GENMO_MT_key_pose,
    GENMO_PT_character,
    GENMO_PT_bones,
    GENMO_PT_prompts,
    GENMO_PT_key_poses,
    GENMO_PT_pins,
    GENMO_PT_paths,
)
