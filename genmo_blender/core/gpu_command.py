"""The command that installs ONNX Runtime for NVIDIA graphics cards into a folder of its own."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

PACKAGE = "onnxruntime-gpu[cuda,cudnn]"
"""With CUDA's own libraries, so that no toolkit is needed."""


def install_command(python: str, folder: Path, version: str | None) -> str:
    """The command, to be pasted into a terminal.

    Args:
        python: program of Blender's own Python, whose version the package must fit.
        folder: to install into; nothing else may be in it.
        version: of ONNX Runtime that the extension brings along, None when unknown.
    """
    wanted = f"{PACKAGE}=={version}" if version else PACKAGE
    words = [python, "-m", "pip", "install", "--upgrade", "--target", str(folder), wanted]
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)
