"""Motions as BVH files, which every animation program reads.

The file keeps the space of the model (Y up, character faces +Z, left = +X) and its rest pose, a T-pose. The root has
six channels, every other joint three; rotations are intrinsic Z, Y, X in degrees (R = Rz Ry Rx), the order of LAFAN1.
Contacts, camera and request have no place in BVH.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Literal, NoReturn

import numpy as np
from numpy.typing import NDArray

from . import rotation
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
_MAX_FILE_BYTES: Final = 2**30


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
    file = Path(path)
    try:
        if file.stat().st_size > _MAX_FILE_BYTES:
            raise MotionError("is larger than 1 GB")
        return _parse(file.read_text(encoding="utf-8", errors="replace"), UNITS_PER_METRE[unit])
    except OSError as error:
        raise MotionError(f"{path}: cannot be read ({error.strerror or error})") from error
    except MotionError as error:
        raise MotionError(f"{path}: {error}") from error
    except (ValueError, StopIteration) as error:
        raise MotionError(f"{path}: is not a BVH file, or is damaged") from error


def _parse(text: str, scale: float) -> Motion:
    head, found, tail = text.partition("MOTION")
    if not head.lstrip().startswith("HIERARCHY") or not found:
        raise MotionError("is not a BVH file, or is damaged")
    offsets, channels = _read_hierarchy(head.split()[1:])
    words = tail.split()
    if words[:1] != ["Frames:"] or words[2:4] != ["Frame", "Time:"]:
        raise MotionError("has no frames")
    frames, seconds = int(words[1]), float(words[4])
    values = np.array(words[5:], dtype=np.float64)
    if frames < 1 or seconds <= 0.0 or len(values) != frames * len(channels):
        raise MotionError(f"has {len(values)} numbers for {frames} frames of {len(channels)} channels")
    positions, rotations = _apply_channels(values.reshape(frames, -1), channels)
    return Motion(
        fps=_rate(seconds),
        root_positions=positions / scale,
        local_rotations=rotations,
        contacts=np.zeros((frames, len(CONTACT_JOINTS))),
        rest_offsets=np.where(np.arange(JOINT_COUNT)[:, None] > 0, offsets / scale, 0.0),
    )


def _rate(seconds: float) -> float:
    """Frames per second, a whole number where the rounded time of a frame means one."""
    whole = round(1.0 / seconds)
    return float(whole) if whole and abs(seconds * whole - 1.0) < 1e-4 else 1.0 / seconds


def _read_hierarchy(words: Sequence[str]) -> tuple[Array, list[tuple[int, str]]]:
    """Offsets (22, 3) in the file's unit, and (joint, channel name) in the order of the numbers of a frame."""
    offsets, channels = np.full((JOINT_COUNT, 3), np.nan), list[tuple[int, str]]()
    above: list[int] = []  # joints whose braces are open; -1 for an end site
    joint = -1
    reader = iter(words)
    for word in reader:
        if word in ("ROOT", "JOINT"):
            joint = _known_joint(next(reader), above)
        elif word == "End":
            next(reader)
            joint = -1
        elif word == "{":
            above.append(joint)
        elif word == "}":
            above.pop() if above else _refuse("has a brace too many")
        elif word == "OFFSET":
            offset = [float(next(reader)) for _ in range(3)]
            if joint >= 0:
                offsets[joint] = offset
        elif word == "CHANNELS":
            channels += [(joint, next(reader)) for _ in range(int(next(reader)))]
        else:
            _refuse(f"has an unknown word {word[:40]!r}")
    if np.isnan(offsets).any() or above:
        _refuse("does not have all of the model's 22 joints")
    return offsets, channels


def _known_joint(name: str, above: Sequence[int]) -> int:
    joint = INDEX.get(name, -1)
    if joint < 0 or PARENTS[joint] != (above[-1] if above else -1):
        _refuse(f"has another skeleton than the model's 22 joints (joint {name[:40]!r})")
    return joint


def _refuse(message: str) -> NoReturn:
    raise MotionError(message)


def _apply_channels(values: Array, channels: Sequence[tuple[int, str]]) -> tuple[Array, Array]:
    """Root positions (T, 3) in the file's unit and local rotations (T, 22, 4) from the numbers (T, C)."""
    positions = np.zeros((len(values), 3))
    rotations = rotation.identity(len(values), JOINT_COUNT)
    for column, (joint, channel) in zip(values.T, channels, strict=True):
        axis = "XYZ".find(channel[:1])
        if channel[1:] == "rotation" and axis >= 0:
            turn = rotation.from_axis_angle(np.radians(column)[:, None] * np.eye(3)[axis])
            rotations[:, joint] = rotation.multiply(rotations[:, joint], turn)
        elif channel[1:] == "position" and axis >= 0 and joint == 0:
            positions[:, axis] = column
        else:
            _refuse(f"has a channel {channel[:40]!r} that the model's joints do not have")
    return positions, rotations
