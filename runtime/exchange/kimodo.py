"""Motions of Kimodo (NVIDIA 2026): its .npz of 22 SMPL-X or 30 or 77 SOMA joints, Y up, metres, 30 fps.

Both skeletons have the T-pose as their zero pose. A written file has the 22 joints of its SMPL-X skeleton.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .. import rotation, skeleton
from ..errors import MotionError
from ..files import replace_file
from ..motion import Motion, resampled
from ..skeleton import CONTACT_JOINTS, JOINT_COUNT, JOINT_NAMES, PARENTS

Array = NDArray[np.float64]
Arrays = Mapping[str, NDArray[Any]]

FPS: Final = 30.0

_LIMBS: Final = ("hip", "knee", "ankle", "foot")
_TRUNK: Final = {"pelvis": 0, "spine1": 1, "spine2": 2, "spine3": 3, "neck": 4, "head": 6}
_ARMS: Final = ("collar", "shoulder", "elbow", "wrist")


def _soma(left_arm: int, right_arm: int, left_leg: int, right_leg: int) -> tuple[int, ...]:
    """Places of the model's joints in a SOMA skeleton, whose limbs lie in rows."""
    places = dict(_TRUNK)
    for side, arm, leg in (("l", left_arm, left_leg), ("r", right_arm, right_leg)):
        places |= {f"{side}_{joint}": arm + step for step, joint in enumerate(_ARMS)}
        places |= {f"{side}_{joint}": leg + step for step, joint in enumerate(_LIMBS)}
    return tuple(places[name] for name in JOINT_NAMES)


PLACES: Final = {22: tuple(range(22)), 30: _soma(10, 16, 22, 26), 77: _soma(11, 39, 67, 72)}
"""Number of joints in a file -> where the model's joints are among them."""

_CONTACTS: Final = 4


def is_kimodo(arrays: Arrays) -> bool:
    """Whether the arrays of an archive are those of Kimodo."""
    return {"posed_joints", "global_rot_mats"} <= arrays.keys()


def read_kimodo(arrays: Arrays) -> Motion:
    """The motion in the arrays of a Kimodo archive, with the proportions of its skeleton.

    Raises:
        MotionError: another skeleton (the robot G1), or numbers that are not finite.
    """
    positions = np.asarray(arrays["posed_joints"], np.float64)
    matrices = np.asarray(arrays["global_rot_mats"], np.float64)
    count = positions.shape[1] if positions.ndim == 3 else 0
    if count not in PLACES or matrices.shape != (*positions.shape[:2], 3, 3):
        raise MotionError(f"has {count} joints; a person of Kimodo has {', '.join(map(str, PLACES))}")
    if not (np.isfinite(positions).all() and np.isfinite(matrices).all()):
        raise MotionError("has numbers that are not finite")
    places = list(PLACES[count])
    world, joints = rotation.from_matrix(matrices[:, places]), positions[:, places]
    above = [max(parent, 0) for parent in PARENTS]
    ways = rotation.rotate(rotation.conjugate(world[:, above]), joints - joints[:, above])
    offsets = ways.mean(axis=0)
    offsets[0] = 0.0
    contacts = np.zeros((len(world), len(CONTACT_JOINTS)))
    given = np.asarray(arrays.get("foot_contacts", contacts[:, :_CONTACTS]), np.float64)
    if given.shape == (len(world), _CONTACTS):
        contacts[:, :_CONTACTS] = given
    rate = float(np.asarray(arrays["fps"]).reshape(())) if "fps" in arrays else FPS
    return Motion(rate, joints[:, 0], rotation.continuous(skeleton.local_from_world(world)), contacts, offsets)


def write_kimodo(motion: Motion, path: str | Path) -> None:
    """Write a motion as Kimodo writes those of its 22 joints, at 30 fps.

    The smoothed root is that of the pelvis: what smooths it is part of Kimodo's generator.

    Raises:
        UserError: the file cannot be written.
    """
    steady = resampled(motion, FPS)
    headings = rotation.heading(steady.local_rotations[:, 0])
    arrays = {
        "posed_joints": steady.positions.astype(np.float32),
        "global_rot_mats": rotation.to_matrix(steady.world_rotations).astype(np.float32),
        "local_rot_mats": rotation.to_matrix(steady.local_rotations).astype(np.float32),
        "foot_contacts": steady.contacts[:, :_CONTACTS] > 0.5,
        "smooth_root_pos": steady.root_positions.astype(np.float32),
        "root_positions": steady.root_positions.astype(np.float32),
        "global_root_heading": np.stack([np.cos(headings), np.sin(headings)], axis=1).astype(np.float32),
    }
    assert arrays["posed_joints"].shape[1] == JOINT_COUNT
    replace_file(path, lambda stream: np.savez(stream, **arrays))
