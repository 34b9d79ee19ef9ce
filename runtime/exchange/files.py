"""Any motion file by its name and content: what can be read and written, and how."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from ..bvh import write_bvh
from ..errors import MotionError, UserError
from ..files import DAMAGE, read_arrays
from ..motion import MAX_FILE_BYTES, Motion, load_motion, save_motion
from .amass import is_amass, read_amass, write_amass
from .bvh_any import read_any_bvh
from .kimodo import is_kimodo, read_kimodo, write_kimodo

READABLE: Final = (".bvh", ".npz")
"""Ends of names of files that may be motions; other formats are read by Blender."""

FORMATS: Final[Mapping[str, tuple[str, Callable[[Motion, Path], None]]]] = {
    "bvh": (".bvh", write_bvh),
    "genmo": (".npz", save_motion),
    "amass": (".npz", write_amass),
    "kimodo": (".npz", write_kimodo),
}
"""Name of a format -> end of its file names, and what writes it."""


def load_any(path: str | Path) -> Motion:
    """Read a motion of any format: .bvh of any human skeleton; .npz of GENMO, AMASS or Kimodo.

    Raises:
        MotionError: the file cannot be read, is damaged, or is no motion.
    """
    file = Path(path)
    suffix = file.suffix.lower()
    if suffix == ".bvh":
        return read_any_bvh(file)
    if suffix != ".npz":
        raise MotionError(f"{path}: is no motion file; those end in {' or '.join(READABLE)}")
    try:
        arrays = read_arrays(file, MAX_FILE_BYTES)
        if is_amass(arrays):
            return read_amass(arrays)
        if is_kimodo(arrays):
            return read_kimodo(arrays)
    except OSError as error:
        raise MotionError(f"{path}: cannot be read ({error.strerror or error})") from error
    except DAMAGE as error:
        raise MotionError(f"{path}: is not a motion file, or is damaged ({error})") from error
    except UserError as error:
        raise MotionError(f"{path}: {error}") from error
    return load_motion(file)


def save_any(motion: Motion, path: str | Path, kind: str = "") -> None:
    """Write a motion for other programs.

    Args:
        motion: the motion.
        path: of the file.
        kind: key of FORMATS; "" chooses by the end of the name: .bvh, else GENMO's own.

    Raises:
        UserError: an unknown format, a name that does not fit it, or a file that cannot be written.
    """
    file = Path(path)
    chosen = kind or {".bvh": "bvh", ".npz": "genmo"}.get(file.suffix.lower(), "")
    if chosen not in FORMATS:
        raise UserError(f"{path}: the name must end in .bvh or .npz")
    suffix, write = FORMATS[chosen]
    if file.suffix.lower() != suffix:
        raise UserError(f"{path}: the name of a file of the format {chosen} must end in {suffix}")
    write(motion, file)
