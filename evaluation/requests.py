"""Requests that ask for what a recording did: key poses, pins, paths, and a film of it as a keypoint file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path as FilePath
from typing import Final

import numpy as np
from numpy.typing import NDArray

from genmo.runtime import rotation
from genmo.runtime.keypoint_file import KeypointTrack
from genmo.runtime.motion import Motion
from genmo.runtime.request import Camera, Keyframe, Path, Pin, Quaternion, Video
from genmo.runtime.skeleton import INDEX, JOINT_NAMES
from genmo.training.cameras import View

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

FOCAL_PX: Final = 1000.0
"""Focal length of the films; keypoints are measured in its pixels."""


def full_key(motion: Motion, frame: int, at: int | None = None) -> Keyframe:
    """The whole pose of one frame, asked for at frame `at` (the same frame unless given)."""
    turns = motion.local_rotations[frame]
    rotations = {name: _quaternion(turns[index]) for name, index in INDEX.items()}
    x, y, z = motion.root_positions[frame].tolist()
    return Keyframe(frame if at is None else at, JOINT_NAMES, (x, y, z), rotations)


def pin(motion: Motion, joint: str, frame: int) -> Pin:
    """A joint held for one frame where it is."""
    x, y, z = motion.positions[frame, INDEX[joint]].tolist()
    return Pin(joint, frame, frame + 1, (x, y, z))


def root_path(motion: Motion, frames: Iterable[int]) -> Path:
    """The way of the pelvis over the ground through some frames, which are left free between."""
    chosen = tuple(int(frame) for frame in frames)
    points = tuple((x, z) for x, z in motion.root_positions[list(chosen)][:, ::2].tolist())
    return Path(chosen, points)


def keypoint_track(view: View, slopes: Array, visible: Mask, fps: float) -> KeypointTrack:
    """What a detector saw of a film, in pixels.

    Args:
        view: the camera.
        slopes: (T, 17, 2) of viewing rays, as `training.cameras.detect` gives them.
        visible: (T, 17); a hidden point has confidence 0.
        fps: frames per second.
    """
    centre = FOCAL_PX * view.field
    points = np.concatenate([slopes * FOCAL_PX + centre, visible[..., None].astype(np.float64)], axis=-1)
    return KeypointTrack(fps, points, 2.0 * centre)


def video(path: FilePath, view: View) -> Video:
    """The film of a whole motion: a camera that never turns is unknown, of one that does the rotations are known."""
    turns = bool(np.ptp(view.cameras, axis=0).max() > 0)
    level = rotation.from_matrix(view.cameras.transpose(0, 2, 1))
    rotations = tuple(_quaternion(turn) for turn in level) if turns else None
    stays = bool(np.ptp(view.places, axis=0).max() == 0)
    camera = Camera(FOCAL_PX, static=stays, rotations=rotations, level=turns)
    return Video(str(path), 0, len(view.cameras), camera=camera)


def _quaternion(values: Array) -> Quaternion:
    w, x, y, z = values.tolist()
    return (w, x, y, z)
