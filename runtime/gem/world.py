"""From a decoded motion to its way through the world, in one go or frame by frame (genmo.md sections 3.2 and 3.4).

All in float64, and the yaw by a signed arc tangent: the published float32 arc cosine loses slow pans (section 0.7).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import rotation
from .layout import Decoded

Array = NDArray[np.float64]

SMOOTH_FRAMES: Final = 3.0
_RADIUS: Final = 12
STILL: Final = 1e-5
"""Radians: a camera that turns less from one frame to the next stands still."""
HALF_TURN: Final = np.diag([-1.0, -1.0, 1.0])
"""About z: what a pack whose gravity-view frame has y down needs at the end (genmo.md section 2.4)."""


def gaussian(values: ArrayLike) -> Array:
    """Values (..., T, k) smoothed over time: sigma 3 frames, 25 taps, the ends replicated."""
    array = np.asarray(values, dtype=np.float64)
    taps = np.exp(-0.5 * (np.arange(-_RADIUS, _RADIUS + 1) / SMOOTH_FRAMES) ** 2)
    return _filtered(array, taps / taps.sum())


def moving_average(values: ArrayLike) -> Array:
    """Values (..., T, k) averaged over five frames, the ends replicated."""
    return _filtered(np.asarray(values, dtype=np.float64), np.full(5, 0.2))


def _filtered(array: Array, taps: Array) -> Array:
    edges = [(0, 0)] * (array.ndim - 2) + [(len(taps) // 2, len(taps) // 2), (0, 0)]
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(array, edges, mode="edge"), len(taps), axis=-2)
    return windows @ taps


def camera_steps(cam_angvel: ArrayLike) -> Array:
    """Rotations (..., T, 3, 3) of the camera from each frame to the next, from 6D; tiny ones are none."""
    steps = rotation.matrix_from_sixd(cam_angvel)
    angles = np.linalg.norm(rotation.to_axis_angle(rotation.from_matrix(steps)), axis=-1)
    return np.where((angles < STILL)[..., None, None], np.eye(3), steps)


def camera_velocity(world_to_camera: ArrayLike) -> Array:
    """6D (T, 6) of the rotation of a camera from each frame to the next, R(t+1) R(t)^T; the last one repeated."""
    turns = np.asarray(world_to_camera, dtype=np.float64)
    steps = turns[1:] @ turns[:-1].transpose(0, 2, 1)
    steps = np.concatenate([steps, steps[-1:]]) if len(steps) else np.eye(3)[None]
    return rotation.sixd_from_matrix(steps)


def yaw_steps(gravity: Array, camera: Array, steps: Array) -> Array:
    """Turn (..., T) about y from the view axis after each camera step to the one before it, radians.

    Args:
        gravity: (..., T, 3, 3) root in the gravity-view frame.
        camera: (..., T, 3, 3) root in the camera frame.
        steps: (..., T, 3, 3) camera rotations to the next frame.
    """
    to_gravity = gravity @ np.swapaxes(camera, -1, -2)
    before = to_gravity[..., :, 2]
    after = (to_gravity @ np.swapaxes(steps, -1, -2))[..., :, 2]
    across = after[..., 2] * before[..., 0] - after[..., 0] * before[..., 2]
    along = after[..., 0] * before[..., 0] + after[..., 2] * before[..., 2]
    return np.arctan2(across, along)


def headings(motion: Decoded, cam_angvel: ArrayLike) -> Array:
    """Rotations (..., T, 3, 3) about y from the gravity-view frame of each frame to that of the first.

    The step that is stored at a frame is the one to the next frame, yet it turns the frame itself, as published.
    """
    turns = yaw_steps(motion.gravity, motion.camera, camera_steps(cam_angvel))
    turns = gaussian(turns[..., None])[..., 0]
    turns[..., 0] = 0.0
    return rotation.to_matrix(rotation.about_y(-np.cumsum(turns, axis=-1)))


def positions(orient: Array, velocity: Array) -> Array:
    """Way of the root (..., T, 3) from the origin: each frame's velocity carries to the next."""
    steps = np.einsum("...ij,...j->...i", orient, velocity)[..., :-1, :]
    return np.concatenate([np.zeros_like(velocity[..., :1, :]), np.cumsum(steps, axis=-2)], axis=-2)


def rollout(motion: Decoded, cam_angvel: ArrayLike, *, gravity_up: bool = True) -> tuple[Array, Array]:
    """The motion in the world, y up.

    Args:
        motion: of leading axes (..., T).
        cam_angvel: (..., T, 6) camera rotations to the next frame, 6D, not normalised.
        gravity_up: whether y of the gravity-view frame points up; else the result is turned by half a turn about z.

    Returns:
        root rotations (..., T, 3, 3) and positions (..., T, 3), which start at the origin.
    """
    orient = headings(motion, cam_angvel) @ motion.gravity
    way = positions(orient, motion.velocity)
    return (orient, way) if gravity_up else (HALF_TURN @ orient, way @ HALF_TURN.T)


@dataclass(slots=True)
class Stream:
    """The rollout of one person frame by frame, without smoothing and without looking ahead (genmo.md section 3.4).

    Attributes:
        heading: (3, 3) from the gravity-view frame of the last frame to the world.
        orient: (3, 3) root in the world at the last frame; None before the first.
        position: (3,) of the root at the last frame.
    """

    heading: Array
    position: Array
    orient: Array | None = None
    _last: tuple[Array, Array, Array, Array] | None = None

    @classmethod
    def start(cls) -> Stream:
        """A stream before its first frame."""
        return cls(np.eye(3), np.zeros(3))

    def push(self, motion: Decoded, cam_angvel: ArrayLike, elapsed: float = 1.0) -> tuple[Array, Array]:
        """Add a frame.

        Args:
            motion: of that one frame, without leading axes.
            cam_angvel: (6,) camera rotation from this frame to the next.
            elapsed: frames of the model since the last push; the published webcam loop always counts one, and is
                too slow when it drops frames (section 13).

        Returns:
            root rotation (3, 3) and position (3,) in the world.
        """
        if self._last is not None and self.orient is not None:
            gravity, camera, step, velocity = self._last
            turn = float(yaw_steps(gravity, camera, step))
            self.heading = self.heading @ rotation.to_matrix(rotation.about_y(-turn))
            self.position = self.position + self.orient @ velocity * elapsed
        self.orient = self.heading @ motion.gravity
        if self._last is None:  # as published: the first frame stands where its own velocity would have carried it
            self.position = self.orient @ motion.velocity * elapsed
        self._last = motion.gravity, motion.camera, camera_steps(cam_angvel), motion.velocity
        return self.orient, self.position


def gravity_view(world_to_camera: ArrayLike) -> Array:
    """Rotations (..., 3, 3) from the camera to the gravity-view frame: y up, z along the view over the ground.

    Args:
        world_to_camera: (..., 3, 3) in a world with y up.
    """
    turns = np.asarray(world_to_camera, dtype=np.float64)
    up = turns[..., :, 1]
    ahead = np.array([0.0, 0.0, 1.0])
    flat = rotation.normalize(ahead - up * up[..., 2:])
    return np.stack([np.cross(up, flat), up, flat], axis=-2)
