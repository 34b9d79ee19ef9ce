"""2D keypoints of a body: the 17 COCO points, their box, and how the network reads them.

Image coordinates here are slopes of viewing rays, (pixel - principal point) / focal length, x to the right and y down,
so nothing depends on a resolution. Box and normalisation follow the published model (genmo.md sections 4.1 and 4.2).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .skeleton import INDEX

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

KEYPOINTS: Final = (
    "nose", "l_eye", "r_eye", "l_ear", "r_ear", "l_shoulder", "r_shoulder", "l_elbow", "r_elbow", "l_wrist", "r_wrist",
    "l_hip", "r_hip", "l_knee", "r_knee", "l_ankle", "r_ankle",
)  # fmt: skip
"""Order of the COCO keypoints."""

SIDES: Final = (0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15)
"""Keypoint of the other side."""

FACE: Final = ((0.0, 0.06, 0.11), (0.03, 0.09, 0.09), (-0.03, 0.09, 0.09), (0.07, 0.07, 0.01), (-0.07, 0.07, 0.01))
"""Nose, eyes and ears from the head joint in the rest pose, metres: proportions of an average head."""

_LIMBS: Final = tuple(INDEX[name] for name in KEYPOINTS[5:])
_HEAD: Final = INDEX["head"]

FEWEST: Final = 4
"""A frame with fewer visible keypoints counts as one without the person (genmo.md section 4.1)."""

_MARGIN = 1.2  # of the box around the person (genmo.md section 4.2)
_ASPECT = 0.75  # width to height of the box that the published detector crops


def coco_points(positions: ArrayLike, head_rotations: ArrayLike) -> Array:
    """The 17 keypoints of a posed skeleton.

    Args:
        positions: (..., 22, 3) joints, metres.
        head_rotations: (..., 3, 3) world rotations of the head joint, as matrices.

    Returns:
        (..., 17, 3) metres.
    """
    joints = np.asarray(positions, dtype=np.float64)
    face = np.array(FACE) @ np.swapaxes(np.asarray(head_rotations), -1, -2)
    return np.concatenate([joints[..., [_HEAD], :] + face, joints[..., _LIMBS, :]], axis=-2)


def project(points: ArrayLike, cameras: ArrayLike, places: ArrayLike) -> tuple[Array, Array]:
    """Points as seen by a camera.

    Args:
        points: (T, K, 3) in the world, metres.
        cameras: (T, 3, 3) world to camera; rows are the camera's right, down and forward.
        places: (T, 3) of the camera in the world.

    Returns:
        ray slopes (T, K, 2) and depths (T, K) in metres; slopes are finite also behind the camera.
    """
    offsets = np.asarray(points, dtype=np.float64) - np.asarray(places)[:, None]
    seen = np.einsum("tij,tkj->tki", np.asarray(cameras, dtype=np.float64), offsets)
    return seen[..., :2] / np.maximum(seen[..., 2:], 0.1), seen[..., 2]


def boxes(slopes: ArrayLike, visible: ArrayLike) -> Array:
    """Box of the visible keypoints.

    Args:
        slopes: (T, 17, 2).
        visible: (T, 17).

    Returns:
        (T, 3): centre x, y and size, in slopes; a frame without keypoints gets a unit box at the centre.
    """
    shown = np.asarray(visible, bool)[..., None]
    any_shown = shown.any(axis=1)
    low = np.where(any_shown, np.where(shown, slopes, np.inf).min(axis=1, initial=np.inf), -0.5)
    high = np.where(any_shown, np.where(shown, slopes, -np.inf).max(axis=1, initial=-np.inf), 0.5)
    extent = high - low
    size = _MARGIN * np.maximum(extent[:, 1], extent[:, 0] / _ASPECT)
    return np.concatenate([(low + high) / 2.0, np.maximum(size, 1e-3)[:, None]], axis=1)


def camera_headings(cameras: ArrayLike) -> Array:
    """Heading (T,) in radians of the forward axis of world-to-camera rotations (T, 3, 3), continuous."""
    forward = np.asarray(cameras)[:, 2]
    return np.unwrap(np.arctan2(forward[:, 0], forward[:, 2]))


def turning_speed(cameras: ArrayLike, fps: float) -> Array:
    """Angular velocity of the camera in its own axes from each frame to the next; the last one is repeated.

    Args:
        cameras: (T, 3, 3) world to camera.
        fps: frames per second.

    Returns:
        (T, 3) rad/s, right for the small turns between frames.
    """
    matrices = np.asarray(cameras, dtype=np.float64)
    step = matrices[1:] @ matrices[:-1].transpose(0, 2, 1)
    axis = np.stack([step[:, 2, 1] - step[:, 1, 2], step[:, 0, 2] - step[:, 2, 0], step[:, 1, 0] - step[:, 0, 1]], -1)
    speed = axis * (0.5 * fps)
    return np.concatenate([speed, speed[-1:]]) if len(speed) else np.zeros((1, 3))
