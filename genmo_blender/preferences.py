"""Preferences of the add-on: where model packs lie and which device runs them. They hold for all files."""
# pyright: reportInvalidTypeForm=false

import textwrap
from pathlib import Path
from typing import Any, Final

import bpy
from bpy.props import CollectionProperty, EnumProperty, IntProperty, StringProperty
from bpy.types import AddonPreferences, PropertyGroup

from . import changes, gpu
from .idnames import Op
from .stubs import Context, current_context

_COMMAND_WIDTH: Final = 90
"""Letters of a line of the install command."""

ADDON: Final = (__package__ or "").rpartition(".")[0]
"""Name under which Blender knows the extension."""


def _touched(_owner: Any, context: Context) -> None:
    changes.mark()


class GENMO_PG_pack_folder(PropertyGroup):
    """A folder with model packs."""

    path: StringProperty(
        name="Folder", description="A model pack, or a folder that holds several", subtype="DIR_PATH", update=_touched
    )


class GENMO_AP_preferences(AddonPreferences):
    """Preferences of GENMO."""

    bl_idname = ADDON

    pack_folders: CollectionProperty(type=GENMO_PG_pack_folder)
    active_pack_folder: IntProperty()
    device: EnumProperty(
        name="Device",
        description="Where the model runs, unless the scene says otherwise",
        items=[
            ("AUTO", "Automatic", "The fastest device that works"),
            ("CPU", "CPU", "The processor"),
            ("CUDA", "NVIDIA GPU", "The graphics card, if its runtime is there"),
        ],
    )
    gpu_runtime: StringProperty(
        name="GPU Runtime",
        description="Folder with an onnxruntime-gpu installation (what `pip install --target` made); empty for none",
        subtype="DIR_PATH",
    )

    def draw(self, context: Context) -> None:
        """Draw the page of the preferences editor."""
        layout = self.layout
        layout.use_property_split = True
        layout.prop(self, "device")
        layout.prop(self, "gpu_runtime")
        layout.operator(Op.GPU_COMMAND, icon="CONSOLE")
        folder = gpu_runtime()
        if folder is not None:
            for line in textwrap.wrap(gpu.command(folder), _COMMAND_WIDTH, break_on_hyphens=False):
                layout.label(text=line)
        layout.separator()
        header = layout.row()
        header.label(text="Folders with more model packs")
        header.operator(Op.PACK_FOLDER_ADD, text="", icon="ADD")
        for index, folder in enumerate(self.pack_folders):
            row = layout.row()
            row.prop(folder, "path", text="")
            row.operator(Op.PACK_FOLDER_REMOVE, text="", icon="X").index = index
        layout.operator(Op.PACK_CHECK, icon="CHECKMARK")


CLASSES: Final = (GENMO_PG_pack_folder, GENMO_AP_preferences)


def current() -> Any | None:
    """The preferences; None where the add-on is registered without being enabled, as in some tests."""
    preferences = current_context().preferences
    addon = preferences.addons.get(ADDON) if preferences else None
    return addon.preferences if addon else None


def pack_folders() -> tuple[Path, ...]:
    """The folders that the user named, as absolute paths."""
    preferences = current()
    paths = [folder.path for folder in preferences.pack_folders] if preferences else []
    return tuple(Path(bpy.path.abspath(path)) for path in paths if path.strip())


def device() -> str:
    """Where the model runs: "auto", "cpu" or "cuda"."""
    preferences = current()
    return preferences.device.lower() if preferences else "auto"


def gpu_runtime() -> Path | None:
    """Folder of the GPU runtime, None when there is none."""
    preferences = current()
    path = preferences.gpu_runtime.strip() if preferences else ""
    return Path(bpy.path.abspath(path)) if path else None
