"""Motions filmed by known cameras, for tests: exact keypoints and where the camera was."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from genmo.runtime import keypoints, rotation
from genmo.runtime.filmed import world_points
from genmo.runtime.films import UPRIGHT, Film
from genmo.runtime.keypoint_file import KeypointTrack, save_keypoints
from genmo.runtime.motion import Motion
from genmo.runtime.skeleton import Array

FOCAL = 1100.0
SIZE = (1280.0, 720.0)


def cameras_at(pitch: float, roll: float = 0.0, turns: Array | None = None) -> Array:
    """World to camera (T, 3, 3) of a camera that looks along +Z, pitched down and rolled, turned about Y (T,)."""
    tilt = rotation.to_matrix(rotation.from_axis_angle([pitch, 0.0, roll]))
    headings = np.zeros(1) if turns is None else turns
    return UPRIGHT @ tilt @ rotation.to_matrix(rotation.about_y(-headings))


def pictures(motion: Motion, cameras: Array, places: Array) -> Array:
    """Keypoints (T, 17, 3) of a motion in pixels, all of confidence 0.9."""
    points = world_points(motion.local_rotations, motion.rest_offsets) + motion.root_positions[:, None]
    slopes, depths = keypoints.project(points, cameras, places)
    assert (depths > 0.5).all(), "the camera of a test must see the body"
    pixels = slopes * FOCAL + np.array(SIZE) / 2.0
    return np.concatenate([pixels, np.full((*pixels.shape[:2], 1), 0.9)], axis=-1)


def film_of(motion: Motion, cameras: Array, places: Array, *, level: bool = True, stands: bool = True) -> Film:
    """The film that `films_from` makes of such keypoints when `cameras` is all that is known."""
    points = pictures(motion, cameras, places)
    return Film(
        start=0, points=points, slopes=(points[..., :2] - np.array(SIZE) / 2.0) / FOCAL,
        visible=points[..., 2] > 0.5, focal_px=FOCAL, cameras=cameras,
        level=level, placed=level, stands=stands,
    )  # fmt: skip


def to_world(cameras: Array) -> Array:
    """Camera to world quaternions (T, 4)."""
    return rotation.from_matrix(np.swapaxes(cameras, -1, -2))


def write_film(path: Path, motion: Motion, cameras: Array, places: Array, *, rotations: bool = False) -> Path:
    """Write the keypoint file of a filmed motion and return its path."""
    turns = to_world(cameras) if rotations else None
    points = pictures(motion, cameras, places)
    save_keypoints(KeypointTrack(motion.fps, points, np.array(SIZE), FOCAL, turns), path)
    return path


def behind(motion: Motion, distance: float = 4.0, height: float = 1.2) -> Array:
    """Places (T, 3) of a camera that stands behind the start of a motion (it looks along +Z)."""
    place = motion.root_positions[0] * [1.0, 0.0, 1.0] + np.array([0.3, height, -distance])
    return np.tile(place, (motion.frames, 1))
