"""Rows of the lists in the sidebar."""

from typing import Any

from bpy.types import UIList as BlenderList

from .. import takes
from ..idnames import UIList
from ..properties import joint_label
from ..stubs import Context, Layout


class GENMO_UL_prompts(BlenderList):
    """Prompts: text, start, end."""

    bl_idname = UIList.PROMPTS

    def draw_item(
        self, context: Context, layout: Layout, data: Any, item: Any, icon: int | None, active_data: Any,
        active_property: str | None, index: int | None = 0, flt_flag: int | None = 0,
    ) -> None:  # fmt: skip
        """One prompt."""
        row = layout.split(factor=0.6, align=True)
        row.active = not item.mute
        row.prop(item, "text", text="", emboss=False)
        draw_range(row, item)


class GENMO_UL_key_poses(BlenderList):
    """Key poses: frame and parts."""

    bl_idname = UIList.KEY_POSES

    def draw_item(
        self, context: Context, layout: Layout, data: Any, item: Any, icon: int | None, active_data: Any,
        active_property: str | None, index: int | None = 0, flt_flag: int | None = 0,
    ) -> None:  # fmt: skip
        """One key pose."""
        split = layout.split(factor=0.6, align=True)
        split.active = not item.mute
        marked = item.source == "ACTION"
        split.prop(item, "name", text="", emboss=False, icon="KEYTYPE_EXTREME_VEC" if marked else "ARMATURE_DATA")
        row = split.row(align=True)
        if marked:
            row.label(text=f"{item.frame}")  # its key says where it is
        else:
            row.prop(item, "frame", text="", emboss=False)
        draw_mute(row, item)


class GENMO_UL_pins(BlenderList):
    """Pins: joint, where, range."""

    bl_idname = UIList.PINS

    def draw_item(
        self, context: Context, layout: Layout, data: Any, item: Any, icon: int | None, active_data: Any,
        active_property: str | None, index: int | None = 0, flt_flag: int | None = 0,
    ) -> None:  # fmt: skip
        """One pin."""
        split = layout.split(factor=0.6, align=True)
        split.active = not item.mute
        place = f" at {item.bone or item.target.name}" if item.target else ""
        split.label(text=joint_label(item.joint) + place, icon="EMPTY_AXIS" if item.target else "PINNED")
        row = split.row(align=True)
        draw_range(row, item)
        draw_mute(row, item)


class GENMO_UL_paths(BlenderList):
    """Paths: kind and name."""

    bl_idname = UIList.PATHS

    def draw_item(
        self, context: Context, layout: Layout, data: Any, item: Any, icon: int | None, active_data: Any,
        active_property: str | None, index: int | None = 0, flt_flag: int | None = 0,
    ) -> None:  # fmt: skip
        """One path."""
        picture = "CURVE_DATA" if item.kind == "CURVE" else "TRACKING"
        row = layout.row(align=True)
        row.active = not item.mute
        row.prop(item, "name", text="", emboss=False, icon=picture)
        draw_mute(row, item)


class GENMO_UL_waypoints(BlenderList):
    """Waypoints: frame and place."""

    bl_idname = UIList.WAYPOINTS

    def draw_item(
        self, context: Context, layout: Layout, data: Any, item: Any, icon: int | None, active_data: Any,
        active_property: str | None, index: int | None = 0, flt_flag: int | None = 0,
    ) -> None:  # fmt: skip
        """One waypoint."""
        row = layout.split(factor=0.6, align=True)
        x, y, _ = item.position
        place = item.target.name if item.target else f"{x:.2f}, {y:.2f}"
        row.active = not item.mute
        row.label(text=place, icon="EMPTY_AXIS" if item.target else "CURSOR")
        right = row.row(align=True)
        right.prop(item, "frame", text="", emboss=False)
        draw_mute(right, item)


class GENMO_UL_takes(BlenderList):
    """Takes: work mode, name, whether a number is worse than recorded motion, star."""

    bl_idname = UIList.TAKES

    def draw_item(
        self, context: Context, layout: Layout, data: Any, item: Any, icon: int | None, active_data: Any,
        active_property: str | None, index: int | None = 0, flt_flag: int | None = 0,
    ) -> None:  # fmt: skip
        """One take."""
        row = layout.split(factor=0.7, align=True)
        row.prop(item, "name", text="", emboss=False, icon=takes.picture(item))
        right = row.row(align=True)
        right.alignment = "RIGHT"
        worse = sum(number.is_worse for number in takes.numbers(item.numbers))
        right.alert = bool(worse)
        right.label(icon="ERROR" if worse else "CHECKMARK")
        right.prop(item, "starred", text="", icon="SOLO_ON" if item.starred else "SOLO_OFF", emboss=False)


def draw_mute(layout: Layout, item: Any) -> None:
    """Whether the row counts."""
    layout.prop(item, "mute", text="", icon="HIDE_ON" if item.mute else "HIDE_OFF", emboss=False)


def draw_range(layout: Layout, item: Any) -> None:
    """First frame and end, as text: number fields are too narrow here, they are below the list."""
    row = layout.row()
    row.alignment = "RIGHT"
    row.label(text=f"{item.start} – {item.stop}")


CLASSES = (
    GENMO_UL_prompts,
    GENMO_UL_key_poses,
    GENMO_UL_pins,
    GENMO_UL_paths,
    GENMO_UL_waypoints,
    GENMO_UL_takes,
)
