"""Operators of the preferences: folders of model packs, and a check of what is in them."""
# ruff: noqa: D415 - the docstrings of operators are tooltips, which Blender ends with a full stop itself
# pyright: reportInvalidTypeForm=false

from bpy.props import IntProperty
from bpy.types import Operator

from ..genmo_blender import packs, preferences
from ..genmo_blender.idnames import Op
from ..genmo_blender.stubs import Context, Result
from ..runtime.errors import UserError
from .base import reported


class GENMO_OT_pack_folder_add(Operator):
    """Add a folder with model packs"""

    bl_idname = Op.PACK_FOLDER_ADD
    bl_label = "Add Folder"
    bl_options = {"INTERNAL"}

    def execute(self, context: Context) -> Result:
        """Add an empty row."""
        current = preferences.current()
        if current is None:
            return {"CANCELLED"}
        current.pack_folders.add()
        return {"FINISHED"}


class GENMO_OT_pack_folder_remove(Operator):
    """Take the folder off the list; the folder itself stays"""

    bl_idname = Op.PACK_FOLDER_REMOVE
    bl_label = "Remove Folder"
    bl_options = {"INTERNAL"}

    index: IntProperty(name="Number", description="Row to remove", options={"SKIP_SAVE"})

    def execute(self, context: Context) -> Result:
        """Remove the row."""
        current = preferences.current()
        if current is None or not 0 <= self.index < len(current.pack_folders):
            return {"CANCELLED"}
        current.pack_folders.remove(self.index)
        return {"FINISHED"}


class GENMO_OT_pack_check(Operator):
    """Compare every file of every model pack with its checksum"""

    bl_idname = Op.PACK_CHECK
    bl_label = "Check Model Packs"

    def execute(self, context: Context) -> Result:
        """Check all packs; the first damaged one is reported."""
        return reported(self, self._check)

    def _check(self) -> str:
        found = packs.available()
        for pack in found:
            pack.verify()
        if not found:
            raise UserError("There is no model pack")
        return f"{len(found)} model pack{'s are' if len(found) > 1 else ' is'} in order"


CLASSES = (GENMO_OT_pack_folder_add, GENMO_OT_pack_folder_remove, GENMO_OT_pack_check)
