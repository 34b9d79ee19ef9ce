"""Writing files so that a reader never sees half of one."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from .errors import UserError


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
