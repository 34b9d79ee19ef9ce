"""What was found in videos, kept on disk by the content of the video: a second look at it costs nothing."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..errors import RequestError, UserError
from ..files import DAMAGE, read_arrays, replace_file
from ..media.video import series

VERSION: Final = 1
"""Raised when the same video would give something else."""
FOLDER_VARIABLE: Final = "GENMO_CACHE"
"""Environment variable with the folder to use instead of the system's."""

MOST_BYTES: Final = 500 * 2**20
_BLOCK: Final = 2**18
_BLOCKS: Final = 64
_MOST_FILE: Final = 2**30


def cache_folder() -> Path:
    """Where things are kept: the system's folder for what can be made again."""
    if os.environ.get(FOLDER_VARIABLE):
        return Path(os.environ[FOLDER_VARIABLE])
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "genmo" / "videos"


def fingerprint(path: str | Path, *more: object) -> str:
    """A name for the content of a video: its length and 64 of its blocks, and for a series its names and sizes.

    Args:
        path: video, folder of pictures or one of a series.
        more: what else the result depends on.

    Raises:
        RequestError: it cannot be read.
    """
    digest = hashlib.sha256(repr((VERSION, *more)).encode())
    try:
        files = series(Path(path)) or [Path(path)]
        for file in files:
            size = file.stat().st_size
            digest.update(f"{file.name if len(files) > 1 else ''}:{size}:".encode())
            blocks = _BLOCKS if len(files) == 1 else 1
            with file.open("rb") as stream:
                for place in np.linspace(0, max(size - _BLOCK, 0), blocks).astype(int).tolist():
                    stream.seek(place)
                    digest.update(stream.read(_BLOCK))
    except OSError as error:
        raise RequestError(f"{path}: cannot be read ({error.strerror or error})") from error
    return digest.hexdigest()[:32]


def load(key: str, phase: str) -> dict[str, NDArray[Any]] | None:
    """What a phase has found, None when nothing is kept, or only something damaged."""
    path = _path(key, phase)
    try:
        arrays = read_arrays(path, _MOST_FILE)
        os.utime(path)  # those used last are kept longest
    except (OSError, UserError, *DAMAGE):
        return None
    return arrays


def save(key: str, phase: str, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Keep what a phase has found. A folder that cannot be written is no error: then nothing is kept."""
    path = _path(key, phase)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        everything: dict[str, Any] = dict(arrays)
        replace_file(path, lambda stream: np.savez(stream, **everything))
        _forget_oldest(path.parent)
    except (OSError, UserError):
        return


def _path(key: str, phase: str) -> Path:
    return cache_folder() / f"{key}.{phase}.npz"


def _forget_oldest(folder: Path) -> None:
    """Delete what was used longest ago, until the rest is small enough."""
    files = sorted(folder.glob("*.npz"), key=lambda file: -file.stat().st_mtime)
    total = 0
    for file in files:
        total += file.stat().st_size
        if total > MOST_BYTES:
            file.unlink(missing_ok=True)
