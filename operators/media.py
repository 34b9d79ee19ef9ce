"""Operators of the Music and Reference panels."""
# ruff: noqa: D415 - the docstrings of operators are tooltips, which Blender ends with a full stop itself
# pyright: reportInvalidTypeForm=false

from typing import Any

from bpy.props import IntProperty, StringProperty
from bpy.types import Event, Object

from ..genmo_blender import media
from ..genmo_blender.idnames import Op
from ..genmo_blender.stubs import Context, Result
from .base import CharacterOperator, RemoveOperator


class FileOperator(CharacterOperator):
    """An operator that is given a file, or lets the user choose one."""

    filepath: StringProperty(name="File", description="File to use", subtype="FILE_PATH", options={"SKIP_SAVE"})

    def invoke(self, context: Context, event: Event) -> Result:
        """Ask for the file, unless one is given (as by dropping it on the window)."""
        if self.filepath:
            return self.execute(context)
        manager: Any = context.window_manager
        manager.fileselect_add(self)
        return {"RUNNING_MODAL"}


class GENMO_OT_music_add(FileOperator):
    """Dance to a sound file, from the playhead to the end of the scene"""

    bl_idname = Op.MUSIC_ADD
    bl_label = "Add Music"

    filter_glob: StringProperty(default=media.SOUND_FILES, options={"HIDDEN"})

    def run(self, context: Context, target: Object) -> str:
        """Add the music."""
        media.add_music(target, context.scene, self.filepath)
        return ""


class GENMO_OT_music_remove(RemoveOperator):
    """Remove the music; its file stays"""

    bl_idname = Op.MUSIC_REMOVE
    bl_label = "Remove Music"
    track = "music"


class GENMO_OT_reference_add(FileOperator):
    """Stay close to a motion file, from the playhead on"""

    bl_idname = Op.REFERENCE_ADD
    bl_label = "Add Reference Motion"

    filter_glob: StringProperty(default=media.MOTION_FILES, options={"HIDDEN"})

    def run(self, context: Context, target: Object) -> str:
        """Add the reference."""
        media.add_reference_file(target, context.scene, self.filepath)
        return ""


class GENMO_OT_reference_from_take(CharacterOperator):
    """Stay close to a take, from the playhead on"""

    bl_idname = Op.REFERENCE_FROM_TAKE
    bl_label = "Reference from Take"

    take: IntProperty(name="Take", description="Number of the take; -1 for the active one", default=-1, min=-1)

    def run(self, context: Context, target: Object) -> str:
        """Add the reference."""
        media.add_reference_take(target, context.scene, self.take)
        return ""


class GENMO_OT_reference_from_action(CharacterOperator):
    """Stay close to the animation that the character has now, from the playhead on"""

    bl_idname = Op.REFERENCE_FROM_ACTION
    bl_label = "Reference from Action"

    def run(self, context: Context, target: Object) -> str:
        """Add the reference."""
        row = media.add_reference_action(target, context.scene)
        return f"{row.frames} frames of '{row.name}' kept as a reference"


class GENMO_OT_reference_remove(RemoveOperator):
    """Remove the reference motion; its file stays"""

    bl_idname = Op.REFERENCE_REMOVE
    bl_label = "Remove Reference Motion"
    track = "references"


CLASSES = (
    GENMO_OT_music_add,
    GENMO_OT_music_remove,
    GENMO_OT_reference_add,
    GENMO_OT_reference_from_take,
    GENMO_OT_reference_from_action,
    GENMO_OT_reference_remove,
)
