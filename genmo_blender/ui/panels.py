"""The panels of the GENMO tab in the 3D view's sidebar. They draw what is known and compute nothing."""

from typing import Any, cast

from bpy.types import Object
from bpy.types import Panel as BlenderPanel

from ...runtime.skeleton import JOINT_COUNT
from .. import mapping, selection, tracks
from ..idnames import SIDEBAR, Op, Panel, UIList
from ..properties import of_object
from ..stubs import Context, Layout
from .mapping import draw_editor


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
        rig = mapping.label(of_object(target).preset)
        state = layout.row()
        state.label(text=f"{mapped} of {JOINT_COUNT} joints" if mapped else "No bones mapped")
        state.operator_menu_enum(Op.MAP_BONES, "preset", text=rig or "Map Bones")


class GENMO_PT_bones(CharacterPanel, BlenderPanel):
    """The bone map, row by row."""

    bl_idname = Panel.BONES
    bl_parent_id = Panel.CHARACTER
    bl_label = "Bone Map"
    bl_options = {"DEFAULT_CLOSED"}

    def draw_character(self, layout: Layout, context: Context, target: Object) -> None:
        """The mapping editor."""
        draw_editor(context, layout, target)


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
            line = layout.row(align=True)
            line.prop(row, "text", text="")
            line.prop(row, "mute", text="", icon="HIDE_ON" if row.mute else "HIDE_OFF")
            draw_range_fields(layout, row)


def draw_list(layout: Layout, target: Object, track: str, list_name: str) -> Layout:
    """A track's list; returns the column for the buttons beside it."""
    character = of_object(target)
    row = layout.row()
    rows = 3 if len(getattr(character, track)) else 2
    row.template_list(list_name, "", character, track, character, tracks.TRACKS[track], rows=rows)
    return row.column(align=True)


def draw_range_fields(layout: Layout, item: Any) -> None:
    """The fields for a range."""
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
    GENMO_PT_character,
    GENMO_PT_bones,
    GENMO_PT_prompts,
)
