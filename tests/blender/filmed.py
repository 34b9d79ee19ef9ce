"""Takes and clips for tests of what comes from videos."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from genmo.runtime.motion import Motion
from genmo.runtime.request import MotionRequest, Video
from genmo.tests.runtime.filming import FOCAL, behind, cameras_at, pictures, to_world, write_film
from genmo.tests.runtime.walking import walk


def filmed(path: Path, *, turning: float = 0.0, start: int = 0) -> Motion:
    """A walk with the camera that saw it, as the engine hands it over."""
    motion = walk()
    cameras = np.broadcast_to(
        cameras_at(0.1, 0.05, turning * np.linspace(0.0, 1.0, motion.frames)), (motion.frames, 3, 3)
    )
    places = behind(motion) + turning * np.linspace(0.0, 0.5, motion.frames)[:, None]
    write_film(path, motion, cameras, places)
    return replace(
        motion,
        camera_rotations=to_world(cameras),
        camera_positions=places,
        focal_px=FOCAL,
        keypoints_2d=pictures(motion, cameras, places),
        request=MotionRequest(motion.frames, motion.fps, videos=(Video(str(path), start, motion.frames),)),
    )


def write_grey(path: Path, *, fps: int = 24, pictures: int = 24, size: tuple[int, int] = (64, 48)) -> Path:
    """A grey video in the one format that needs no encoder, YUV4MPEG2; returns its path."""
    pixels = size[0] * size[1]
    picture = b"FRAME\n" + bytes([120]) * pixels + bytes([128]) * (pixels // 2)
    path.write_bytes(f"YUV4MPEG2 W{size[0]} H{size[1]} F{fps}:1 Ip A1:1 C420jpeg\n".encode() + picture * pictures)
    return path
