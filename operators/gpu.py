"""Operator of the preferences: how to install the runtime for graphics cards."""
# ruff: noqa: D415 - the docstrings of operators are tooltips, which Blender ends with a full stop itself

from typing import Any, cast

from bpy.types import Operator

from ..genmo_blender import gpu, preferences
from ..genmo_blender.idnames import Op
from ..genmo_blender.stubs import Context, Result


class GENMO_OT_gpu_command(Operator):
    """Copy the command that installs the runtime for NVIDIA cards, to be pasted into a terminal"""

    bl_idname = Op.GPU_COMMAND
    bl_label = "Copy Install Command for GPU Runtime"
    bl_options = {"INTERNAL"}

    def execute(self, context: Context) -> Result:
        """Name a folder if there is none, and copy the command."""
        current = preferences.current()
        if current is not None and not current.gpu_runtime.strip():
            current.gpu_runtime = str(gpu.suggested_folder())
        command = gpu.command(preferences.gpu_runtime() or gpu.suggested_folder())
        cast("Any", context.window_manager).clipboard = command
        self.report({"INFO"}, f"Copied: {command}")
        return {"FINISHED"}


CLASSES = (GENMO_OT_gpu_command,)
