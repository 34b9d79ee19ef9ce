"""What a motion knows of its film, as text that a take can keep: the camera, its place, and the keypoints seen."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...runtime import rotation
from ...runtime.errors import MotionError
from ...runtime.motion import KEYPOINTS, Motion

Array = NDArray[np.float64]

_CAMERA: Final = 7
"""Numbers of a camera on one frame: turn and place, as float32."""
_PIXEL_STEPS: Final = 8.0
"""Per pixel; keypoints lie within 4000 pixels of the picture's corner."""
_FURTHEST: Final = 32767


def pack_film(motion: Motion) -> str:
    """Camera and keypoints of a motion as text, "" when it was not filmed."""
    if motion.camera_rotations is None or motion.camera_positions is None or motion.focal_px is None:
        return ""
    seen = motion.keypoints_2d
    points = np.zeros((motion.frames, KEYPOINTS, 3)) if seen is None else seen
    camera = np.concatenate([rotation.continuous(motion.camera_rotations), motion.camera_positions], axis=1)
    pixels = np.clip(np.rint(points[..., :2] * _PIXEL_STEPS), -_FURTHEST, _FURTHEST).astype("<i2")
    steps = np.diff(pixels.reshape(motion.frames, -1), axis=0, prepend=np.zeros((1, 2 * KEYPOINTS), "<i2"))
    sure = np.rint(np.clip(points[..., 2], 0.0, 1.0) * 255.0).astype(np.uint8)
    data = (
        struct.pack("<d", motion.focal_px) + np.ascontiguousarray(camera.T, "<f4").tobytes()
        + np.ascontiguousarray(steps.T, "<i2").tobytes() + np.ascontiguousarray(sure.T).tobytes()
    )  # fmt: skip
    return base64.b85encode(zlib.compress(data, 9)).decode("ascii")


def unpack_film(text: str, frames: int) -> dict[str, Any]:
    """Members of the Motion that `pack_film` wrote; none of them for "".

    Args:
        text: what `pack_film` gave.
        frames: length of the motion.

    Raises:
        MotionError: the text is damaged.
    """
    if not text:
        return {}
    sizes = (8, 4 * _CAMERA * frames, 2 * 2 * KEYPOINTS * frames, KEYPOINTS * frames)
    try:
        data = zlib.decompressobj().decompress(base64.b85decode(text), sum(sizes) + 1)
    except (ValueError, zlib.error) as error:
        raise MotionError("The take is damaged: its camera cannot be read") from error
    if len(data) != sum(sizes):
        raise MotionError("The take is damaged: its camera has another length")
    ends = np.cumsum((0, *sizes)).tolist()
    camera = np.frombuffer(data[ends[1] : ends[2]], "<f4").reshape(_CAMERA, frames).T.astype(np.float64)
    steps = np.frombuffer(data[ends[2] : ends[3]], "<i2").reshape(-1, frames).T
    pixels = np.cumsum(steps, axis=0, dtype=np.int16).reshape(frames, KEYPOINTS, 2) / _PIXEL_STEPS
    sure = np.frombuffer(data[ends[3] :], np.uint8).reshape(KEYPOINTS, frames).T / 255.0
    return {
        "camera_rotations": rotation.normalize(camera[:, :4]),
        "camera_positions": camera[:, 4:],
        "focal_px": float(struct.unpack("<d", data[:8])[0]),
        "keypoints_2d": np.concatenate([pixels, sure[..., None]], axis=-1),
    }
