"""BVH files of any human skeleton."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from .. import rotation
from ..bvh import is_own, read_bvh
from ..bvh_file import BvhFile, read_bvh_file, turns_and_places
from ..errors import MotionError
from ..motion import Motion
from .foreign import Foreign, motion_of

_OWN_LEG = 4.0
"""Units of a leg above which a file of the model's skeleton is in centimetres."""


def read_any_bvh(path: str | Path, joints: Mapping[str, str] | None = None) -> Motion:
    """Read a BVH file of any human skeleton, in any unit and with any axis up.

    Args:
        path: file to read.
        joints: joint of the model -> joint of the file; None finds them by their names.

    Returns:
        The motion, without contacts.

    Raises:
        MotionError: the file cannot be read, is damaged, or its skeleton is not human.
    """
    file = read_bvh_file(path)
    if joints is None and is_own(file):
        leg = float(np.linalg.norm(file.offsets[file.names.index("l_knee")]) * 2.0)
        return read_bvh(path, unit="cm" if leg > _OWN_LEG else "m")
    try:
        return motion_of(_foreign(file), None if joints is None else _indices(file, joints))
    except MotionError as error:
        raise MotionError(f"{path}: {error}") from error


def _foreign(file: BvhFile) -> Foreign:
    local, places = turns_and_places(file)
    turns, positions = local.copy(), places.copy()
    zero = file.offsets.copy()
    for joint, parent in enumerate(file.parents):
        if parent >= 0:
            turns[:, joint] = rotation.multiply(turns[:, parent], local[:, joint])
            positions[:, joint] = positions[:, parent] + rotation.rotate(turns[:, parent], places[:, joint])
            zero[joint] += zero[parent]
    return Foreign(file.names, file.parents, file.fps, positions, turns, zero)


def _indices(file: BvhFile, joints: Mapping[str, str]) -> dict[str, int]:
    missing = [name for name in joints.values() if name not in file.names]
    if missing:
        raise MotionError(f"has no joint {', '.join(missing)}")
    return {joint: file.names.index(name) for joint, name in joints.items()}
