"""The Video panel: which file, which person, which camera; and the same corrections in the Movie Clip Editor."""

from typing import Any

import bpy
from bpy.types import Menu as BlenderMenu
from bpy.types import Object
from bpy.types import Panel as BlenderPanel

from .. import people, selection, tasks, tracks, videos
from ..idnames import SIDEBAR, Menu, Op, Panel, UIList
from ..stubs import Context, Layout
from .media import MediaList
from .panels import CharacterPanel, draw_column, draw_list, draw_range_fields
from .problems import draw_text

_THUMBNAIL = 5.0
"""Size of a thumbnail, in buttons."""
_SHOWN = 8
"""Most people that are followed in a picture; a video can have more."""


class GENMO_UL_videos(MediaList):
    """Videos: name, range, mute."""

    bl_idname = UIList.VIDEOS
    picture = "FILE_MOVIE"


class GENMO_MT_video(BlenderMenu):
    """Where a video can come from."""

    bl_idname = Menu.VIDEO
    bl_label = "Add Video"

    def draw(self, context: Context) -> None:
        """A file, each movie clip, the sequencer's strip."""
        layout: Layout = self.layout
        layout.operator_context = "INVOKE_DEFAULT"
        layout.operator(Op.VIDEO_ADD, text="Video File...", icon="FILEBROWSER")
        for clip in bpy.data.movieclips:
            layout.operator(Op.VIDEO_FROM_CLIP, text=clip.name, icon="TRACKER").clip = clip.name
        strip = videos.movie_strip(context.scene)
        if strip is not None:
            layout.operator(Op.VIDEO_FROM_STRIP, text=strip.name, icon="SEQUENCE")


class GENMO_PT_videos(CharacterPanel, BlenderPanel):
    """The videos."""

    bl_idname = Panel.VIDEOS
    bl_label = "Video"
    bl_options = {"DEFAULT_CLOSED"}

    def draw_character(self, layout: Layout, context: Context, target: Object) -> None:
        """The list and its buttons."""
        buttons = draw_list(layout, target, "videos", UIList.VIDEOS)
        buttons.menu(Menu.VIDEO, text="", icon="ADD")
        buttons.operator(Op.VIDEO_REMOVE, text="", icon="REMOVE").index = -1
        row = tracks.active(target, "videos")
        if row is None:
            return
        column = draw_column(layout)
        column.prop(row, "path")
        column.prop(row, "source_start")
        draw_range_fields(layout, row)


class _VideoPanel(CharacterPanel):
    """A part of the Video panel, for the active video."""

    bl_parent_id = Panel.VIDEOS

    @classmethod
    def poll(cls, context: Context) -> bool:
        """Only with a video."""
        target = selection.character_of(context)
        return target is not None and tracks.active(target, "videos") is not None

    def draw_character(self, layout: Layout, context: Context, target: Object) -> None:
        """Draw for the video."""
        self.draw_video(layout, context, tracks.active(target, "videos"))

    def draw_video(self, layout: Layout, context: Context, row: Any) -> None:
        """Draw the contents of the panel; each panel has its own."""


class GENMO_PT_video_people(_VideoPanel, BlenderPanel):
    """Who is in the video."""

    bl_idname = Panel.VIDEO_PEOPLE
    bl_label = "Person"

    def draw_video(self, layout: Layout, context: Context, row: Any) -> None:
        """The button or its progress, and the people."""
        _draw_search(context, layout, row)
        found = people.of(row)
        column = draw_column(layout)
        column.prop(row, "person")
        column.prop(row, "flip")
        if found is None:
            return
        if not found.people:
            layout.label(text="Nobody was found", icon="INFO")
        grid = layout.grid_flow(row_major=True, columns=2, even_columns=True)
        for number, person in enumerate(found.people[:_SHOWN]):
            box = grid.box().column(align=True)
            box.template_icon(icon_value=person.icon, scale=_THUMBNAIL)
            chosen = "RADIOBUT_ON" if row.person == number else "RADIOBUT_OFF"
            text = f"{person.start:.1f} – {person.stop:.1f} s"
            box.operator(Op.PERSON_CHOOSE, text=text, icon=chosen, depress=row.person == number).person = number
            box.label(text=f"{person.confidence:.0%} sure")
        if len(found.people) > 1:
            layout.operator(Op.PEOPLE_TO_CHARACTERS, icon="COMMUNITY")


class GENMO_PT_video_camera(_VideoPanel, BlenderPanel):
    """What is known of the camera."""

    bl_idname = Panel.VIDEO_CAMERA
    bl_label = "Camera"
    bl_options = {"DEFAULT_CLOSED"}

    def draw_video(self, layout: Layout, context: Context, row: Any) -> None:
        """The source of the camera and its fields."""
        column = draw_column(layout)
        column.prop(row, "camera_source", text="Known From")
        fields = {"FOCAL": "focal_px", "OBJECT": "camera", "CLIP": "clip"}
        if row.camera_source in fields:
            column.prop(row, fields[row.camera_source])
        column.prop(row, "static")
        found = people.of(row)
        if found is not None:
            layout.label(text="It stands still" if found.is_still else "It turns", icon="CAMERA_DATA")
            if found.focal_px:
                layout.label(text=f"The file says {found.focal_px:.0f} px focal length")
        layout.operator(Op.FOOTAGE_CAMERA, icon="OUTLINER_OB_CAMERA").take = -1


class GENMO_PT_clip(BlenderPanel):
    """Keypoints in the Movie Clip Editor."""

    bl_idname = Panel.CLIP
    bl_label = "Keypoints"
    bl_space_type = "CLIP_EDITOR"
    bl_region_type = "UI"
    bl_category = SIDEBAR

    def draw(self, context: Context) -> None:
        """Find, mask, and what is masked."""
        layout: Layout = self.layout
        target = selection.character_of(context)
        row = tracks.active(target, "videos") if target else None
        if row is None:
            layout.label(text="Add the clip to a character", icon="INFO")
            layout.operator(Op.VIDEO_FROM_CLIP, icon="TRACKER")
            return
        _draw_search(context, layout, row)
        layout.operator(Op.VIDEO_MASK, icon="HIDE_ON")
        masks = videos.masks_of(row)
        for mask in masks:
            what = ", ".join(mask.get("joints", ())) or "all"
            layout.label(text=f"{mask['start']:.2f} – {mask['stop']:.2f} s: {what}")
        if masks:
            layout.operator(Op.VIDEO_MASKS_CLEAR, icon="X")


def _draw_search(context: Context, layout: Layout, row: Any) -> None:
    """The button, or how far the search is."""
    running = tasks.running(people.TASK)
    if not running:
        layout.operator(Op.PEOPLE_FIND, icon="VIEWZOOM")
        if people.message(row):
            box = layout.box().column(align=True)
            box.alert = True
            draw_text(context, box, people.message(row), "ERROR")
        return
    news, left = running[0].progress, people.seconds_left()
    text = news.phase if news else "Starting"
    text += f", {left:.0f} s left" if left is not None else ""
    line = layout.row(align=True)
    line.progress(factor=news.step / news.total if news and news.total else 0.0, type="BAR", text=text)
    line.operator(Op.PEOPLE_CANCEL, text="", icon="X")


CLASSES = (
    GENMO_UL_videos,
    GENMO_MT_video,
    GENMO_PT_videos,
    GENMO_PT_video_people,
    GENMO_PT_video_camera,
    GENMO_PT_clip,
)
