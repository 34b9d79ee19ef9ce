"""Files: written so that a reader never sees half of one, and .npz archives read with care."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from .errors import UserError

DAMAGE: Final = (zipfile.BadZipFile, zlib.error, EOFError, MemoryError, RuntimeError, ValueError)
"""What numpy and zipfile raise for archives that are cut off, encrypted (RuntimeError), pickled (ValueError)."""


def read_arrays(path: Path, most_bytes: int) -> dict[str, NDArray[Any]]:
    """All arrays of an .npz file by name; nothing in it is unpickled.

    Args:
        path: of the file.
        most_bytes: that the arrays may take up when unpacked.

    Raises:
        OSError: the file cannot be opened.
        UserError: it is larger.
        Exception: one of DAMAGE for a file that is no archive, or a broken one.
    """
    with zipfile.ZipFile(path) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > most_bytes:
            raise UserError(f"is larger than {most_bytes >> 30} GB")
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def replace_file(path: str | Path, write: Callable[[BinaryIO], object]) -> None:
    """Write a file under a temporary name in the same folder, then rename it; a failure leaves the old file alone.

    Args:
        path: file to write.
        write: called with the open binary file.

    Raises:
        UserError: no file name, or the folder is missing, read-only or full.
    """
    target = Path(path)
    if not target.name:
        raise UserError(f"'{path}' names no file to write")
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as stream:
            write(stream)
        temporary.replace(target)
    except OSError as error:
        raise UserError(f"{target}: cannot be written ({error.strerror or error})") from error
    finally:
        _remove(temporary)


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return  # its folder is missing or read-only: there is nothing to remove
