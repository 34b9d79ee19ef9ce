"""Where clips are looked for and what is asked: `Scene.genmo.library`, saved in the .blend."""
# pyright: reportInvalidTypeForm=false

from typing import Any, Final

import bpy
from bpy.props import BoolProperty, CollectionProperty, EnumProperty, FloatProperty, IntProperty, StringProperty
from bpy.types import PropertyGroup

PAGE: Final = 5
"""Hits that are drawn at once."""

_RELATIVE: Final[set[Any]] = {"PATH_SUPPORTS_BLEND_RELATIVE"} if bpy.app.version >= (4, 5, 0) else set()


class GENMO_PG_library_folder(PropertyGroup):
    """A folder with clips."""

    path: StringProperty(
        name="Folder", description="Folder with clips; those in its sub-folders count too", subtype="DIR_PATH",
        options=_RELATIVE,
    )  # fmt: skip


class GENMO_PG_library(PropertyGroup):
    """The library and the question."""

    folders: CollectionProperty(type=GENMO_PG_library_folder)
    index: StringProperty(
        name="Index",
        description="Folder that the index is kept in; empty for '.genmo-library' in the first folder",
        subtype="DIR_PATH",
        options=_RELATIVE,
    )
    use_actions: BoolProperty(
        name="Actions of This File",
        description="Index the actions that fit armatures with mapped bones as well",
        default=True,
    )
    text: StringProperty(name="Search", description="What the clip shows, as in 'a person walks sideways'")
    mirror: BoolProperty(name="Mirrored Too", description="Also find clips whose mirror image fits")
    words: StringProperty(name="Name", description="Letters that must be in the name or the folder")
    seconds_least: FloatProperty(name="From", description="Shortest length in seconds", min=0.0)
    seconds_most: FloatProperty(name="To", description="Longest length in seconds; 0 for any", min=0.0)
    speed_least: FloatProperty(name="From", description="Slowest way over the ground in metres per second", min=0.0)
    speed_most: FloatProperty(name="To", description="Fastest way over the ground; 0 for any", min=0.0)
    looped: EnumProperty(
        name="Loops",
        description="Whether the end of a clip goes on into its start",
        items=[
            ("ANY", "Any", "Loops and others"),
            ("LOOPS", "Loops", "Only clips whose end goes on into their start"),
            ("OTHERS", "No Loops", "Only clips that are no loops"),
        ],
    )
    only_window: BoolProperty(
        name="Best Part Only", description="Use only the part of the clip that fits best, not all of it"
    )
    active_hit: IntProperty(options={"SKIP_SAVE"})
    page: IntProperty(name="Page", description="Which hits are shown", min=0, options={"SKIP_SAVE"})


CLASSES: Final = (GENMO_PG_library_folder, GENMO_PG_library)
