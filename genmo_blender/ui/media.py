"""Lists and panels of music and reference motions."""

from typing import Any

from bpy.types import Menu as BlenderMenu
from bpy.types import Object
from bpy.types import Panel as BlenderPanel
from bpy.types import UIList as BlenderList

from .. import tracks
from ..idnames import Menu, Op, Panel, UIList
from ..stubs import Context, Layout
from .lists import draw_range
from .panels import CharacterPanel, draw_column, draw_list, draw_range_fields


class MediaList(BlenderList):
    """Rows with a name, a range and a switch."""

    picture = "FILE"

    def draw_item(
        self, context: Context, layout: Layout, data: Any, item: Any, icon: int | None, active_data: Any,
        active_property: str | None, index: int | None = 0, flt_flag: int | None = 0,
    ) -> None:  # fmt: skip
        """One row."""
        row = layout.split(factor=0.55, align=True)
        row.active = not item.mute
        row.prop(item, "name", text="", emboss=False, icon=self.picture)
        draw_range(row, item)
        layout.prop(item, "mute", text="", emboss=False, icon="HIDE_ON" if item.mute else "HIDE_OFF")


class GENMO_UL_music(MediaList):
    """Music: name, range, mute."""

    bl_idname = UIList.MUSIC
    picture = "SOUND"


class GENMO_UL_references(MediaList):
    """Reference motions: name, range, mute."""

    bl_idname = UIList.REFERENCES
    picture = "ACTION"


class GENMO_MT_reference(BlenderMenu):
    """Where a reference motion can come from."""

    bl_idname = Menu.REFERENCE
    bl_label = "Add Reference Motion"

    def draw(self, context: Context) -> None:
        """One entry for each source."""
        layout: Layout = self.layout
        layout.operator(Op.REFERENCE_ADD, text="Motion File...", icon="FILEBROWSER")
        layout.operator(Op.REFERENCE_FROM_TAKE, text="Active Take", icon="ACTION")
        layout.operator(Op.REFERENCE_FROM_ACTION, text="Present Animation", icon="ARMATURE_DATA")


class GENMO_PT_music(CharacterPanel, BlenderPanel):
    """The music."""

    bl_idname = Panel.MUSIC
    bl_label = "Music"
    bl_options = {"DEFAULT_CLOSED"}

    def draw_character(self, layout: Layout, context: Context, target: Object) -> None:
        """The list and its buttons."""
        buttons = draw_list(layout, target, "music", UIList.MUSIC)
        buttons.operator(Op.MUSIC_ADD, text="", icon="ADD")
        buttons.operator(Op.MUSIC_REMOVE, text="", icon="REMOVE").index = -1
        row = tracks.active(target, "music")
        if row is None:
            return
        column = draw_column(layout)
        column.prop(row, "path")
        column.prop(row, "source_start")
        draw_range_fields(layout, row)


class GENMO_PT_references(CharacterPanel, BlenderPanel):
    """The reference motions."""

    bl_idname = Panel.REFERENCES
    bl_label = "Reference Motion"
    bl_options = {"DEFAULT_CLOSED"}

    def draw_character(self, layout: Layout, context: Context, target: Object) -> None:
        """The list and its buttons."""
        buttons = draw_list(layout, target, "references", UIList.REFERENCES)
        buttons.menu(Menu.REFERENCE, text="", icon="ADD")
        buttons.operator(Op.REFERENCE_REMOVE, text="", icon="REMOVE").index = -1
        row = tracks.active(target, "references")
        if row is None:
            return
        column = draw_column(layout)
        if row.data:
            column.label(text=f"{row.frames / row.fps:.1f} s kept in this file")
        else:
            column.prop(row, "path")
        column.prop(row, "source_start")
        column.prop(row, "strength")
        draw_range_fields(layout, row)


CLASSES = (
    GENMO_UL_music,
    GENMO_UL_references,
    GENMO_MT_reference,
    GENMO_PT_music,
    GENMO_PT_references,
)
