"""Motions as text that a .blend can keep: about 30 kB for ten seconds, with at most 0.006 degrees lost.

Quaternions are rounded to 16 bits and root positions to a micrometre; second differences over time, low and high bytes
apart, are deflated and written in base 85. The w of a joint that never turns far is left out: it follows from the rest.
"""

from __future__ import annotations

import base64
import struct
import zlib
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...runtime import rotation
from ...runtime.errors import MotionError
from ...runtime.motion import Motion
from ...runtime.skeleton import CONTACT_JOINTS, JOINT_COUNT

Array = NDArray[np.float64]
Bytes = NDArray[np.uint8]

MARK: Final = "2:"
"""What the text begins with; older texts begin with their data."""
MAX_FRAMES: Final = 1_000_000
_SCALE: Final = 32767
_ROOT_STEPS: Final = 1e6
"""Per metre; fewer where a motion goes farther than a kilometre."""
_TURNED: Final = 0.5
"""A w that is ever smaller than this is kept: near zero it could not be told from the rest."""
_CONTACTS: Final = len(CONTACT_JOINTS)


def pack(motion: Motion) -> str:
    """The root positions, rotations, contacts and rest offsets of a motion as text."""
    quaternions = rotation.continuous(motion.local_rotations)
    bare = np.abs(quaternions[..., 0]).min(axis=0) >= _TURNED
    quaternions = np.where((bare & (quaternions[0, :, 0] < 0))[:, None], -quaternions, quaternions)
    channels = quaternions[:, _kept_channels(bare)]
    turns = np.rint(channels * _SCALE).astype(np.int16)
    scale = min(_ROOT_STEPS, 2.0**30 / max(1.0, float(np.abs(motion.root_positions).max())))
    roots = np.rint(motion.root_positions * scale).astype(np.int32)
    contacts = np.rint(motion.contacts * 255).astype(np.uint8)
    data = (
        bare.astype(np.uint8).tobytes() + struct.pack("<d", scale) + motion.rest_offsets.astype("<f4").tobytes()
        + _coded(turns) + _coded(roots) + _coded(contacts)
    )  # fmt: skip
    return MARK + base64.b85encode(zlib.compress(data, 9)).decode("ascii")


def unpack(text: str, frames: int, fps: float, **members: Any) -> Motion:
    """The motion that `pack` wrote.

    Args:
        text: what `pack` gave, also of the version before.
        frames: length of the motion.
        fps: its frame rate.
        members: further members of the Motion.

    Raises:
        MotionError: the text is damaged.
    """
    if not 0 < frames <= MAX_FRAMES:
        raise MotionError("The take is damaged: its length makes no sense")
    read = _read if text.startswith(MARK) else _read_old
    offsets, roots, quaternions, contacts = read(text.removeprefix(MARK), frames)
    return Motion(
        fps=fps,
        root_positions=roots,
        local_rotations=rotation.normalize(quaternions),
        contacts=contacts / 255.0,
        rest_offsets=offsets.astype(np.float64),
        **members,
    )


def _kept_channels(bare: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(22, 4) which numbers of the quaternions are written."""
    kept = np.ones((JOINT_COUNT, 4), dtype=bool)
    kept[:, 0] = ~bare
    return kept


def _coded(values: NDArray[np.signedinteger | np.unsignedinteger]) -> bytes:
    """(T, n) whole numbers as bytes: zigzag of the second difference over time, which may wrap around."""
    signed = values.view(np.dtype(f"<i{values.itemsize}")).copy()
    for _ in range(2):
        signed[1:] = np.diff(signed, axis=0)
    zigzag = (signed << 1) ^ (signed >> (8 * signed.itemsize - 1))
    by_channel = np.ascontiguousarray(zigzag.T).view(np.uint8).reshape(-1, signed.itemsize)
    return np.ascontiguousarray(by_channel.T).tobytes()


def _decoded(data: bytes, frames: int, channels: int, size: int) -> NDArray[np.signedinteger]:
    """(T, n) what `_coded` wrote."""
    kind = np.dtype(f"<i{size}")
    planes = np.frombuffer(data, np.uint8).reshape(size, -1)
    zigzag = np.ascontiguousarray(planes.T).view(np.dtype(f"<u{size}")).reshape(channels, frames).T
    values = ((zigzag >> 1) ^ (~(zigzag & 1) + 1).astype(zigzag.dtype)).astype(kind)
    for _ in range(2):
        values = np.cumsum(values, axis=0, dtype=kind)
    return values


def _inflated(text: str, limit: int) -> bytes:
    reader = zlib.decompressobj()
    try:
        data = reader.decompress(base64.b85decode(text), limit)
    except (ValueError, zlib.error) as error:
        raise MotionError("The take is damaged and cannot be read") from error
    if not reader.eof:
        raise MotionError("The take is damaged: a part of its data is missing")
    return data


def _parts(data: bytes, counts: tuple[int, ...]) -> list[bytes]:
    if len(data) != sum(counts):
        raise MotionError("The take is damaged: its data has another length")
    return [data[first:last] for first, last in pairwise(np.cumsum((0, *counts)))]


def _read(text: str, frames: int) -> tuple[Array, Array, Array, Array]:
    head, offsets_size = JOINT_COUNT + 8, JOINT_COUNT * 3 * 4
    most = head + offsets_size + frames * (JOINT_COUNT * 4 * 2 + 3 * 4 + _CONTACTS)
    data = _inflated(text, most + 1)
    bare = np.frombuffer(data[:JOINT_COUNT].ljust(JOINT_COUNT, b"\0"), np.uint8) > 0
    kept = _kept_channels(bare)
    channels = int(kept.sum())
    sizes = (head, offsets_size, frames * channels * 2, frames * 3 * 4, frames * _CONTACTS)
    start, offsets, turns, roots, contacts = _parts(data, sizes)
    (scale,) = struct.unpack("<d", start[JOINT_COUNT:])
    if not 0.0 < scale <= _ROOT_STEPS:
        raise MotionError("The take is damaged: its scale makes no sense")
    quaternions = np.zeros((frames, JOINT_COUNT, 4))
    quaternions[:, kept] = _decoded(turns, frames, channels, 2) / _SCALE
    rest = 1.0 - np.sum(quaternions[:, bare] ** 2, axis=-1)
    quaternions[:, bare, 0] = np.sqrt(np.maximum(rest, 0.0))
    on = _decoded(contacts, frames, _CONTACTS, 1).astype(np.uint8)
    places = _decoded(roots, frames, 3, 4) / scale
    return np.frombuffer(offsets, "<f4").reshape(JOINT_COUNT, 3), places, quaternions, on.astype(np.float64)


def _read_old(text: str, frames: int) -> tuple[Array, Array, Array, Array]:
    """The text of version 0.1: first differences of all quaternions."""
    counts = (JOINT_COUNT * 3 * 4, frames * 3 * 4, frames * JOINT_COUNT * 4 * 2, frames * _CONTACTS)
    offsets, roots, steps, contacts = _parts(_inflated(text, sum(counts) + 1), counts)
    deltas = np.frombuffer(steps, "<i2").reshape(JOINT_COUNT, 4, frames)
    quaternions = np.moveaxis(np.cumsum(deltas, axis=-1, dtype=np.int16), -1, 0) / _SCALE
    return (
        np.frombuffer(offsets, "<f4").reshape(JOINT_COUNT, 3),
        np.frombuffer(roots, "<f4").reshape(frames, 3).astype(np.float64),
        quaternions,
        np.frombuffer(contacts, np.uint8).reshape(frames, _CONTACTS).astype(np.float64),
    )


def pack_text(text: str) -> str:
    """Long text made shorter, short text as it is."""
    if len(text) < 1000 or text.startswith(MARK):
        return text
    return MARK + base64.b85encode(zlib.compress(text.encode("utf-8"), 9)).decode("ascii")


def unpack_text(text: str) -> str:
    """What `pack_text` was given.

    Raises:
        MotionError: the text is damaged.
    """
    if not text.startswith(MARK):
        return text
    try:
        return _inflated(text.removeprefix(MARK), 256 * 2**20).decode("utf-8")
    except UnicodeDecodeError as error:
        raise MotionError("The take is damaged and cannot be read") from error
