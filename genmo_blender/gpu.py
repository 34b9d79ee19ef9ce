"""Where the runtime for graphics cards goes, and the command that puts it there."""

import importlib.metadata
import sys
from pathlib import Path
from typing import Final

import bpy

from .core.gpu_command import install_command

FOLDER: Final = "genmo_gpu"


def suggested_folder() -> Path:
    """A folder of the user's that nothing else uses."""
    return Path(bpy.utils.user_resource("DATAFILES")) / FOLDER


def command(folder: Path) -> str:
    """The command for a folder, of the version that the extension brings along."""
    try:
        version = importlib.metadata.version("onnxruntime")
    except importlib.metadata.PackageNotFoundError:
        version = None
    return install_command(sys.executable, folder, version)
