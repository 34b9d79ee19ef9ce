"""Boxes, keypoints and the body's place in front of the camera, as the published model counts them.

genmo.md sections 3.1, 4.1 and 4.2. Pixels here; with a focal length of 1 and the principal point at 0 the same
functions work on slopes of viewing rays.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

SEEN: Final = 0.5
FEWEST: Final = 4
"""Visible keypoints from which on a frame shows the person."""
MARGIN: Final = 1.2
ASPECT: Final = 192.0 / 256.0
_TINY: Final = 1e-9


def box_of(corners: ArrayLike) -> Array:
    """Square boxes (..., 3), centre and size, of rectangles (..., 4) x0, y0, x1, y1."""
    x0, y0, x1, y1 = np.moveaxis(np.asarray(corners, dtype=np.float64), -1, 0)
    size = MARGIN * np.maximum(y1 - y0, (x1 - x0) / ASPECT)
    return np.stack([(x0 + x1) / 2.0, (y0 + y1) / 2.0, size], axis=-1)


def normalised_keypoints(points: ArrayLike, boxes: ArrayLike) -> Array:
    """Keypoints (..., 17, 3) within their boxes (..., 3): -1 to 1 at the sides, confidence 0 outside.

    Coordinates of hidden points are kept; `observed` clears them.
    """
    values, box = np.asarray(points, dtype=np.float64), np.asarray(boxes, dtype=np.float64)[..., None, :]
    inside = 2.0 * (values[..., :2] - box[..., :2]) / (box[..., 2:] + _TINY)
    hidden = (np.abs(inside) > 1.0).any(axis=-1)
    return np.concatenate([inside, np.where(hidden, 0.0, values[..., 2])[..., None]], axis=-1)


def observed(points: ArrayLike, boxes: ArrayLike, shown: ArrayLike) -> Array:
    """What the network sees of keypoints (..., 17, 3): x, y and 1 for visible ones, three zeros for all others.

    Args:
        points: x, y, confidence.
        boxes: (..., 3).
        shown: (...) whether the frame shows the person at all.
    """
    values = normalised_keypoints(points, boxes)
    visible = (values[..., 2:] > SEEN) & np.asarray(shown, bool)[..., None, None]
    return np.where(visible, values, 0.0)


def box_condition(boxes: ArrayLike, focal: ArrayLike, centre: ArrayLike) -> Array:
    """The box (..., 3) relative to the principal point, in focal lengths."""
    box, f = np.asarray(boxes, dtype=np.float64), np.asarray(focal, dtype=np.float64)[..., None]
    return np.concatenate([box[..., :2] - np.asarray(centre), box[..., 2:]], axis=-1) / f


def camera_translation(camera: ArrayLike, boxes: ArrayLike, focal: ArrayLike, centre: ArrayLike) -> Array:
    """Translation (..., 3) of the body in camera axes from scale and shift in its box, metres.

    Frames without a box (prompts) give numbers without meaning (genmo.md section 0.11).
    """
    scale, shift = np.asarray(camera)[..., :1], np.asarray(camera)[..., 1:]
    box, f = np.asarray(boxes, dtype=np.float64), np.asarray(focal, dtype=np.float64)[..., None]
    reach = scale * box[..., 2:] + _TINY
    ground = shift + 2.0 * (box[..., :2] - np.asarray(centre)) / reach
    return np.concatenate([ground, 2.0 * f / reach], axis=-1)


def scale_and_shift(transl: ArrayLike, boxes: ArrayLike, focal: ArrayLike, centre: ArrayLike) -> Array:
    """The inverse (..., 3) of `camera_translation`."""
    place, box = np.asarray(transl, dtype=np.float64), np.asarray(boxes, dtype=np.float64)
    f = np.asarray(focal, dtype=np.float64)[..., None]
    depth = place[..., 2:]
    shift = place[..., :2] - depth * (box[..., :2] - np.asarray(centre)) / f
    return np.concatenate([2.0 * f / (depth * box[..., 2:]), shift], axis=-1)
