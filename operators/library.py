"""Operators of the Library panel: index, search, and use what was found."""
# ruff: noqa: D415 - the docstrings of operators are tooltips, which Blender ends with a full stop itself
# pyright: reportInvalidTypeForm=false

from typing import Any

import bpy
from bpy.props import BoolProperty, IntProperty, StringProperty
from bpy.types import Event, Object, Operator

from ..genmo_blender import library, library_use
from ..genmo_blender.idnames import Op
from ..genmo_blender.properties import of_scene
from ..genmo_blender.properties_library import PAGE
from ..genmo_blender.stubs import Context, Result
from .base import CharacterOperator, reported


class GENMO_OT_library_folder_add(Operator):
    """Add a folder with clips to the library"""

    bl_idname = Op.LIBRARY_FOLDER_ADD
    bl_label = "Add Clip Folder"
    bl_options = {"REGISTER", "UNDO"}

    directory: StringProperty(name="Folder", description="Folder with clips", subtype="DIR_PATH")
    filter_folder: BoolProperty(default=True, options={"HIDDEN"})

    def invoke(self, context: Context, event: Event) -> Result:
        """Ask for the folder."""
        manager: Any = context.window_manager
        manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: Context) -> Result:
        """Add it, once."""
        folders = of_scene(context.scene).library.folders
        if self.directory and self.directory not in {row.path for row in folders}:
            folders.add().path = self.directory
        return {"FINISHED"}


class GENMO_OT_library_folder_remove(Operator):
    """Take the folder out of the library; its clips stay where they are"""

    bl_idname = Op.LIBRARY_FOLDER_REMOVE
    bl_label = "Remove Clip Folder"
    bl_options = {"REGISTER", "UNDO"}

    index: IntProperty(name="Number", description="Row to remove", min=0)

    def execute(self, context: Context) -> Result:
        """Remove the row."""
        of_scene(context.scene).library.folders.remove(self.index)
        return {"FINISHED"}


class GENMO_OT_library_index(Operator):
    """Read what is new or has changed in the folders and in the actions of this file, so that it can be found"""

    bl_idname = Op.LIBRARY_INDEX
    bl_label = "Index Clips"

    def execute(self, context: Context) -> Result:
        """Start; a file that cannot be read is skipped."""
        return _done(self, lambda: library.index(context.scene))


class GENMO_OT_library_cancel(Operator):
    """Stop indexing or searching; what was indexed so far is kept"""

    bl_idname = Op.LIBRARY_CANCEL
    bl_label = "Stop"

    def execute(self, context: Context) -> Result:
        """Stop it."""
        library.cancel()
        return {"FINISHED"}


class GENMO_OT_library_search(Operator):
    """Find the clips that show what the text says"""

    bl_idname = Op.LIBRARY_SEARCH
    bl_label = "Search Clips"

    text: StringProperty(name="Search", description="What the clip shows; empty for the panel's", options={"SKIP_SAVE"})

    def execute(self, context: Context) -> Result:
        """Start to search."""
        text = self.text or of_scene(context.scene).library.text
        return _done(self, lambda: library.search(context.scene, text))


class GENMO_OT_library_similar(CharacterOperator):
    """Find the clips that are most like the take"""

    bl_idname = Op.LIBRARY_SIMILAR
    bl_label = "Search Clips Like Take"
    bl_options = {"REGISTER"}

    take: IntProperty(name="Take", description="Number of the take; -1 for the active one", default=-1, min=-1)

    def run(self, context: Context, target: Object) -> str:
        """Start to search."""
        library.similar(context.scene, target, self.take)
        return library.message()


class GENMO_OT_library_select(Operator):
    """Choose this clip"""

    bl_idname = Op.LIBRARY_SELECT
    bl_label = "Choose Clip"
    bl_options = {"INTERNAL"}

    hit: IntProperty(name="Clip", description="Number of the clip in the list", min=0)

    def execute(self, context: Context) -> Result:
        """Make it the active one."""
        of_scene(context.scene).library.active_hit = self.hit
        return {"FINISHED"}


class GENMO_OT_library_page(Operator):
    """Show the next or the previous clips"""

    bl_idname = Op.LIBRARY_PAGE
    bl_label = "Turn Page"
    bl_options = {"INTERNAL"}

    step: IntProperty(name="Pages", description="How many pages to go on", default=1)

    def execute(self, context: Context) -> Result:
        """Turn the page."""
        row, last = of_scene(context.scene).library, max(len(library.hits()) - 1, 0) // PAGE
        row.page = min(max(row.page + self.step, 0), last)
        return {"FINISHED"}


class _UseOperator(CharacterOperator):
    """Uses a clip that was found."""

    hit: IntProperty(name="Clip", description="Number of the clip; -1 for the chosen one", default=-1, min=-1)
    only_window: BoolProperty(
        name="Best Part Only", description="Only the part that fits best, not the whole clip", options={"SKIP_SAVE"}
    )


class GENMO_OT_library_take(_UseOperator):
    """Keep the clip as a take from the playhead on, beginning where the character is now"""

    bl_idname = Op.LIBRARY_TAKE
    bl_label = "Clip as Take"

    def run(self, context: Context, target: Object) -> str:
        """Keep it."""
        hit = library.hit(context.scene, self.hit)
        row = library_use.take(target, context.scene, hit, only_window=self.only_window)
        return f"'{row.name}' is a take now: press Apply"


class GENMO_OT_library_reference(_UseOperator):
    """Stay close to the clip, from the playhead on"""

    bl_idname = Op.LIBRARY_REFERENCE
    bl_label = "Clip as Reference"

    def run(self, context: Context, target: Object) -> str:
        """Add the reference."""
        hit = library.hit(context.scene, self.hit)
        row = library_use.reference(target, context.scene, hit, only_window=self.only_window)
        return f"'{row.name}' is a reference motion now"


class GENMO_OT_library_key_poses(_UseOperator):
    """Add poses of the clip as key poses from the playhead on, beginning where the character is now"""

    bl_idname = Op.LIBRARY_KEY_POSES
    bl_label = "Clip as Key Poses"

    count: IntProperty(name="Poses", description="How many poses, evenly spread", default=3, min=1, soft_max=20)

    def run(self, context: Context, target: Object) -> str:
        """Add the key poses."""
        hit = library.hit(context.scene, self.hit)
        count = library_use.key_poses(target, context.scene, hit, self.count, only_window=self.only_window)
        return f"{count} key poses of '{hit.name}'"


def _done(operator: Operator, work: Any) -> Result:
    """Start a task; in the background it has ended here, and a failure is reported."""

    def run() -> str:
        work()
        return ""

    result = reported(operator, run)
    if result == {"FINISHED"} and bpy.app.background and library.message():
        operator.report({"ERROR"}, library.message())
        return {"CANCELLED"}
    return result


CLASSES = (
    GENMO_OT_library_folder_add,
    GENMO_OT_library_folder_remove,
    GENMO_OT_library_index,
    GENMO_OT_library_cancel,
    GENMO_OT_library_search,
    GENMO_OT_library_similar,
    GENMO_OT_library_select,
    GENMO_OT_library_page,
    GENMO_OT_library_take,
    GENMO_OT_library_reference,
    GENMO_OT_library_key_poses,
)
