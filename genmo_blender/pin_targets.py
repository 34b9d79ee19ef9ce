"""Where a pin holds its joint: at a place, at an object, or at a bone of any armature, also where those move."""

from typing import Any

import numpy as np
from bpy.types import Object
from numpy.typing import NDArray

from ..runtime import rotation
from ..runtime.errors import UserError
from .armature import is_armature
from .core import coordinates
from .sampling import Sampler

Array = NDArray[np.float64]


def take_target(row: Any) -> None:
    """Another target was chosen in the panel: the stored place stays; a bone that is not there is told later."""
    if row.bone and row.target is not None and not is_armature(row.target):
        row.bone = ""
        return  # which calls this again
    if not row.bone or (row.target is not None and row.bone in row.target.pose.bones):
        capture(row)


def check(item: Object | None, bone: str) -> None:
    """Refuse a bone that is not there.

    Raises:
        UserError: the object is no armature or has no such bone.
    """
    if bone and (item is None or not is_armature(item) or bone not in item.pose.bones):
        raise UserError(f"'{item.name if item else 'Nothing'}' has no bone '{bone}' to pin to")


def capture(row: Any) -> None:
    """Remember how the joint lies in the axes of the target now, for pins that keep their offset or turn with it.

    Raises:
        UserError: as `check`.
    """
    check(row.target, row.bone)
    if row.target is None:
        row.target_turn = (0.0, 0.0, 0.0, 0.0)
        return
    matrix = row.target.matrix_world
    if row.bone:
        matrix = matrix @ row.target.pose.bones[row.bone].matrix
    row.offset = coordinates.transform_points(np.linalg.inv(np.array(matrix)), np.array(row.position)).tolist()
    row.target_turn = _turns(np.array(matrix)[None])[0].tolist()


def places(row: Any, sampler: Sampler, frames: Array) -> tuple[Array, Array | None]:
    """Where a pin holds its joint.

    Args:
        row: the pin.
        sampler: reads targets that move.
        frames: (N,) scene frames.

    Returns:
        World places (N, 3), and world turns (N, 4) of the joint from its T-pose, or None where they are free.

    Raises:
        UserError: the target has no such bone.
    """
    count = len(frames)
    still = np.tile(np.array(row.rotation, dtype=np.float64), (count, 1)) if row.use_rotation else None
    if row.target is None:
        return np.tile(np.array(row.position, dtype=np.float64), (count, 1)), still
    matrices = sampler.matrices(row.target, frames.tolist(), row.bone)
    offset = np.array(row.offset if row.use_offset else (0.0, 0.0, 0.0))
    points = matrices[:, :3, 3] + matrices[:, :3, :3] @ offset
    captured = np.array(row.target_turn, dtype=np.float64)
    if still is None or not captured.any():
        return points, still
    turned = rotation.multiply(_turns(matrices), rotation.conjugate(captured))
    return points, rotation.multiply(turned, still)


def _turns(matrices: Array) -> Array:
    """Turns (N, 4) of matrices (N, 4, 4), whatever their scale."""
    turns: list[Array] = [coordinates.nearest_rotations(matrix[:3, :3]) for matrix in matrices]
    return rotation.continuous(rotation.from_matrix(np.array(turns)))
