"""Motions as BVH files, which every animation program reads.

The file keeps the space of the model (Y up, character faces +Z, left = +X) and its rest pose, a T-pose. The root has
six channels, every other joint three; rotations are intrinsic Z, Y, X in degrees (R = Rz Ry Rx), the order of LAFAN1.
Contacts, camera and request have no place in BVH.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from . import rotation
from .bvh_file import BvhFile, read_bvh_file, turns_and_places
from .errors import MotionError
from .files import replace_file
from .motion import Motion
from .skeleton import CONTACT_JOINTS, INDEX, JOINT_COUNT, JOINT_NAMES, PARENTS

Array = NDArray[np.float64]
Unit = Literal["cm", "m"]

UNITS_PER_METRE: Final = {"cm": 100.0, "m": 1.0}
_END_SITES: Final = {
    "head": (0.0, 0.18, 0.0),
    "l_wrist": (0.15, 0.0, 0.0),
    "r_wrist": (-0.15, 0.0, 0.0),
    "l_foot": (0.0, 0.0, 0.06),
    "r_foot": (0.0, 0.0, 0.06),
}
"""Ends of the last bones in metres: crown, finger tips, toe tips; BVH wants them, the motion does not have them."""

_POSITIONS: Final = ("Xposition", "Yposition", "Zposition")
_ROTATIONS: Final = ("Zrotation", "Yrotation", "Xrotation")


def write_bvh(motion: Motion, path: str | Path, *, unit: Unit = "cm") -> None:
    """Write a motion as BVH.

    Args:
        motion: the motion.
        path: file to write, under a temporary name first.
        unit: length of one unit in the file. Most programs expect centimetres; Blender's importer takes metres as
            they are and centimetres with Scale 0.01.

    Raises:
        UserError: the file cannot be written.
    """
    scale = UNITS_PER_METRE[unit]
    lines = ["HIERARCHY", *_hierarchy(motion.rest_offsets * scale, scale, 0, "")]
    angles = np.degrees(euler_zyx(motion.local_rotations))[:, list(_order(0))]
    values = np.concatenate([motion.root_positions * scale, angles.reshape(motion.frames, -1)], axis=-1)
    lines += ["MOTION", f"Frames: {motion.frames}", f"Frame Time: {1.0 / motion.fps:.9f}"]
    lines += [" ".join(f"{value:.6f}" for value in row) for row in values.tolist()]
    data = ("\n".join(lines) + "\n").encode("ascii")
    replace_file(path, lambda stream: stream.write(data))


def _children(joint: int) -> Iterator[int]:
    return (child for child, parent in enumerate(PARENTS) if parent == joint)


def _order(joint: int) -> Iterator[int]:
    """A joint and all below it, depth first, as the hierarchy of a BVH file lists them."""
    yield joint
    for child in _children(joint):
        yield from _order(child)


def _hierarchy(offsets: Array, scale: float, joint: int, indent: str) -> Iterator[str]:
    name, inner = JOINT_NAMES[joint], indent + "\t"
    channels = (*_POSITIONS, *_ROTATIONS) if joint == 0 else _ROTATIONS
    yield f"{indent}{'ROOT' if joint == 0 else 'JOINT'} {name}"
    yield f"{indent}{{"
    yield f"{inner}OFFSET {_vector(offsets[joint])}"
    yield f"{inner}CHANNELS {len(channels)} {' '.join(channels)}"
    for child in _children(joint):
        yield from _hierarchy(offsets, scale, child, inner)
    if name in _END_SITES:
        end = _vector(np.array(_END_SITES[name]) * scale)
        yield from (f"{inner}End Site", f"{inner}{{", f"{inner}\tOFFSET {end}", f"{inner}}}")
    yield f"{indent}}}"


def _vector(values: Array) -> str:
    return " ".join(f"{value:.6f}" for value in values)


def euler_zyx(quaternions: Array) -> Array:
    """Angles (T, ..., 3) in radians about Z, Y, X with R = Rz Ry Rx, without jumps from frame to frame.

    Of the two triples that give a rotation, and of all their turns by 2 pi, the one nearest to the frame before is
    taken, so that curves in an animation program stay smooth.
    """
    m = rotation.to_matrix(quaternions)
    z = np.arctan2(m[..., 1, 0], m[..., 0, 0])
    sine, cosine = np.sin(z), np.cos(z)
    # Y and X from Rz^T R: exact for whatever Z the rounding leaves at the poles, where only Z - X or Z + X is known.
    y = np.arctan2(-m[..., 2, 0], cosine * m[..., 0, 0] + sine * m[..., 1, 0])
    x = np.arctan2(sine * m[..., 0, 2] - cosine * m[..., 1, 2], cosine * m[..., 1, 1] - sine * m[..., 0, 1])
    first = np.stack([z, y, x], axis=-1)
    second = first * (1.0, -1.0, 1.0) + np.pi
    angles = first.copy()
    for frame in range(1, len(angles)):
        candidates = np.stack([first[frame], second[frame]])
        candidates += 2.0 * np.pi * np.round((angles[frame - 1] - candidates) / (2.0 * np.pi))
        distances = np.abs(candidates - angles[frame - 1]).sum(axis=-1, keepdims=True)
        angles[frame] = np.where(distances[0] <= distances[1], candidates[0], candidates[1])
    return angles


def read_bvh(path: str | Path, *, unit: Unit = "cm") -> Motion:
    """Read a BVH file of the model's 22 joints, with channels in any order.

    Args:
        path: file to read.
        unit: length of one unit in the file, which BVH itself does not say.

    Returns:
        The motion, without contacts.

    Raises:
        MotionError: the file cannot be read, is damaged, or has another skeleton.
    """
    try:
        return _motion_of(read_bvh_file(path), UNITS_PER_METRE[unit])
    except MotionError as error:
        sentence = str(error)
        raise MotionError(sentence if sentence.startswith(f"{path}: ") else f"{path}: {sentence}") from error


def is_own(file: BvhFile) -> bool:
    """Whether a file has the model's 22 joints, under their names and in their hierarchy."""
    return len(file.names) == JOINT_COUNT and _above(file.names, file.parents) == _above(JOINT_NAMES, PARENTS)


def _above(names: Sequence[str], parents: Sequence[int]) -> dict[str, str]:
    """Joint -> the joint above it, "" for a root."""
    return {name: names[parent] if parent >= 0 else "" for name, parent in zip(names, parents, strict=True)}


def _motion_of(file: BvhFile, scale: float) -> Motion:
    unknown = next((name for name in file.names if name not in INDEX), None)
    if unknown is not None:
        raise MotionError(f"has another skeleton than the model's 22 joints (joint {unknown[:40]!r})")
    if not is_own(file):
        raise MotionError("does not have all of the model's 22 joints, in their hierarchy")
    order = [file.names.index(name) for name in JOINT_NAMES]
    if any(channel[1:] == "position" and file.parents[joint] >= 0 for joint, channel in file.channels):
        raise MotionError("moves joints away from their parents, which the model cannot do")
    turns, places = turns_and_places(file)
    offsets = file.offsets[order] / scale
    offsets[0] = 0.0
    return Motion(
        fps=file.fps,
        root_positions=places[:, order[0]] / scale,
        local_rotations=turns[:, order],
        contacts=np.zeros((len(turns), len(CONTACT_JOINTS))),
        rest_offsets=offsets,
    )
