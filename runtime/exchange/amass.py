"""Motions of AMASS (Mahmood et al. 2019) and of programs that write its .npz: SMPL-H or SMPL-X poses, Z up.

Their joint rotations are the model's, for both follow SMPL's skeleton and T-pose; proportions (betas) need the body
model, which may not be shipped, so the motion keeps the model's own. `trans` places SMPL's origin, from which the
pelvis is a constant way of the mean body.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .. import rotation
from ..errors import MotionError
from ..files import replace_file
from ..motion import Motion
from ..skeleton import CONTACT_JOINTS, JOINT_COUNT

Array = NDArray[np.float64]
Arrays = Mapping[str, NDArray[Any]]

PELVIS: Final = (-0.0018, -0.2233, 0.0282)
"""Pelvis of the mean SMPL-H body from SMPL's origin, metres, Y up."""

_POSES: Final = 156
_BODY: Final = 3 * JOINT_COUNT
_RATES: Final = ("mocap_framerate", "mocap_frame_rate", "fps")
_USUAL_RATE: Final = 30.0
_BETAS: Final = 16
_Y_UP: Final = rotation.from_axis_angle([-np.pi / 2, 0.0, 0.0])


def is_amass(arrays: Arrays) -> bool:
    """Whether the arrays of an archive are those of AMASS."""
    return "trans" in arrays and ("poses" in arrays or {"root_orient", "pose_body"} <= arrays.keys())


def read_amass(arrays: Arrays) -> Motion:
    """The motion in the arrays of an AMASS archive.

    Raises:
        MotionError: shapes that do not fit, or numbers that are not finite.
    """
    trans = _table(arrays, "trans", 3)
    poses = _table(arrays, "poses", _BODY) if "poses" in arrays else np.concatenate(
        [_table(arrays, "root_orient", 3), _table(arrays, "pose_body", _BODY - 3)], axis=1
    )  # fmt: skip
    if len(poses) != len(trans):
        raise MotionError(f"has {len(poses)} poses for {len(trans)} places")
    local = rotation.from_axis_angle(poses.reshape(len(poses), JOINT_COUNT, 3))
    local[:, 0] = rotation.multiply(_Y_UP, local[:, 0])
    root = rotation.rotate(_Y_UP, trans + np.array(PELVIS))
    return Motion(_rate(arrays), root, rotation.continuous(local), np.zeros((len(root), len(CONTACT_JOINTS))))


def write_amass(motion: Motion, path: str | Path) -> None:
    """Write a motion as an AMASS archive of the mean SMPL-H body; hands stay at rest.

    Raises:
        UserError: the file cannot be written.
    """
    local = motion.local_rotations.copy()
    local[:, 0] = rotation.multiply(rotation.conjugate(_Y_UP), local[:, 0])
    poses = np.zeros((motion.frames, _POSES))
    poses[:, :_BODY] = rotation.to_axis_angle(local).reshape(motion.frames, -1)
    arrays: dict[str, Any] = {
        "trans": rotation.rotate(rotation.conjugate(_Y_UP), motion.root_positions) - np.array(PELVIS),
        "poses": poses,
        "betas": np.zeros(_BETAS),
        "gender": np.array("neutral"),
        "mocap_framerate": np.float64(motion.fps),
        "mocap_frame_rate": np.float64(motion.fps),
        "dmpls": np.zeros((motion.frames, 8)),
    }
    replace_file(path, lambda stream: np.savez(stream, **arrays))


def _table(arrays: Arrays, name: str, columns: int) -> Array:
    """The first `columns` columns of an array of rows."""
    value = np.asarray(arrays[name])
    if value.dtype.kind not in "fiu" or value.ndim < 2 or not len(value) or value[0].size < columns:
        raise MotionError(f"{name}: has shape {value.shape}, not {columns} numbers or more for each frame")
    table = value.reshape(len(value), -1)[:, :columns].astype(np.float64)
    if not np.isfinite(table).all():
        raise MotionError(f"{name}: has numbers that are not finite")
    return table


def _rate(arrays: Arrays) -> float:
    for name in _RATES:
        if name in arrays and arrays[name].size == 1 and arrays[name].dtype.kind in "fiu":
            return float(arrays[name].reshape(()))
    return _USUAL_RATE
