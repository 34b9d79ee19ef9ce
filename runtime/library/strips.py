"""Pictures of clips: a strip of stick figures, drawn with numpy and written as PNG with the standard library."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .. import rotation
from ..files import replace_file
from ..motion import Motion
from ..skeleton import INDEX, JOINT_NAMES, PARENTS

Picture = NDArray[np.uint8]
Canvas = NDArray[np.float32]
Array = NDArray[np.float64]

FIGURES: Final = 6
WIDTH: Final = 76
HEIGHT: Final = 112
"""Figures of a strip, and pixels of each."""

_VIEW: Final = np.radians(35.0)
_METRES: Final = 2.15
"""What a picture shows from top to bottom: a man with his arms raised."""
_FLOOR: Final = 6.0
_THICK: Final = 1.6
_HEAD: Final = 0.1
_LEFT, _RIGHT, _MIDDLE, _GROUND = (0.95, 0.55, 0.2), (0.3, 0.62, 0.95), (0.88, 0.88, 0.88), (0.45, 0.45, 0.45)


def strip(motion: Motion, window: tuple[int, int] | None = None) -> Picture:
    """Stick figures from the start to the end of a clip, each seen from its own front and side.

    Args:
        motion: the clip.
        window: first frame and end of the part to show; None for all.

    Returns:
        (HEIGHT, FIGURES WIDTH, 4) RGBA on a transparent ground; left limbs are orange, right ones blue.
    """
    start, stop = window or (0, motion.frames)
    frames = np.linspace(start, stop - 1, FIGURES).round().astype(int)
    places = motion.positions[frames] - motion.root_positions[frames][:, None] * [1.0, 0.0, 1.0]
    headings = rotation.heading(motion.local_rotations[frames, 0])
    seen = rotation.rotate(rotation.about_y(_VIEW - headings)[:, None], places)
    return np.concatenate([_figure(joints) for joints in seen], axis=1)


def write_strip(motion: Motion, path: Path, window: tuple[int, int] | None = None) -> None:
    """Write the strip of a clip as PNG.

    Raises:
        UserError: the file cannot be written.
    """
    data = png(strip(motion, window))
    replace_file(path, lambda stream: stream.write(data))


def png(picture: Picture) -> bytes:
    """A PNG file (ISO/IEC 15948) of an RGBA picture (H, W, 4)."""
    height, width, _ = picture.shape
    rows = np.concatenate([np.zeros((height, 1), np.uint8), picture.reshape(height, -1)], axis=1)
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in parts)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _figure(joints: Array) -> Picture:
    """One figure (HEIGHT, WIDTH, 4) of joints (22, 3) whose x and y are seen."""
    scale = (HEIGHT - _FLOOR) / _METRES
    places = np.stack([WIDTH / 2 + joints[:, 0] * scale, HEIGHT - _FLOOR - joints[:, 1] * scale], axis=1)
    # What stands on a table or hangs is moved into the picture.
    places[:, 1] += max(0.0, 4.0 - places[:, 1].min()) - max(0.0, places[:, 1].max() - (HEIGHT - 2.0))
    picture = np.zeros((HEIGHT, WIDTH, 4), np.float32)
    picture[int(HEIGHT - _FLOOR)] = (*_GROUND, 0.6)
    for joint in sorted(range(1, len(PARENTS)), key=lambda index: joints[index, 2]):
        _line(picture, places[PARENTS[joint]], places[joint], _side(joint))
    _ring(picture, places[INDEX["head"]] - (0.0, _HEAD * scale), _HEAD * scale, _MIDDLE)
    return np.round(picture * 255.0).astype(np.uint8)


def _line(picture: Canvas, first: Array, second: Array, paint: tuple[float, float, float]) -> None:
    """Draw a line between two points (x, y)."""
    part, x, y = _around(picture, np.minimum(first, second), np.maximum(first, second))
    along = second - first
    share = ((x - first[0]) * along[0] + (y - first[1]) * along[1]) / max(float(along @ along), 1e-9)
    share = np.clip(share, 0.0, 1.0)
    distance = np.hypot(x - first[0] - share * along[0], y - first[1] - share * along[1])
    _paint(part, np.clip(_THICK - distance + 0.5, 0.0, 1.0), paint)


def _ring(picture: Canvas, middle: Array, radius: float, paint: tuple[float, float, float]) -> None:
    """Draw a circle."""
    part, x, y = _around(picture, middle - radius, middle + radius)
    distance = np.abs(np.hypot(x - middle[0], y - middle[1]) - radius)
    _paint(part, np.clip(_THICK / 2 - distance + 0.5, 0.0, 1.0), paint)


def _around(picture: Canvas, least: Array, most: Array) -> tuple[Canvas, Array, Array]:
    """The part of a picture around a box, and x (1, W) and y (H, 1) of its pixels' middles."""
    left, top = (max(0, int(value - 3.0)) for value in least)
    right, bottom = (max(0, int(value + 4.0)) for value in most)
    part = picture[top:bottom, left:right]
    rows, columns = part.shape[:2]
    return part, left + 0.5 + np.arange(columns)[None], top + 0.5 + np.arange(rows)[:, None]


def _paint(part: Canvas, amount: Array, paint: tuple[float, float, float]) -> None:
    """Lay a colour over part of a picture (H, W, 4) with straight alpha."""
    kept = part[..., 3] * (1.0 - amount)
    total = amount + kept
    color = np.array(paint) * amount[..., None] + part[..., :3] * kept[..., None]
    part[..., :3] = color / np.maximum(total, 1e-9)[..., None]
    part[..., 3] = total


def _side(joint: int) -> tuple[float, float, float]:
    return {"l": _LEFT, "r": _RIGHT}.get(JOINT_NAMES[joint].partition("_")[0], _MIDDLE)
