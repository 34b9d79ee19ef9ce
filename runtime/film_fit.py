"""The estimate of filmed people fitted to their films (`runtime.refining`): where the cameras are, where the floor is.

A camera that stays in its place tells the way of the body in all directions: so a jump is as high as it was, stairs
lead up, and the floor is where feet stand lowest. A camera that moves tells how the body is posed; its own way, and
with it the height of the body, stays that of the estimate.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from . import filmed
from .films import Film
from .fitting import smooth_fit
from .following import CAMERA_STIFFNESS, WAY_STIFFNESS
from .refining import Sight, refined
from .skeleton import FLOOR_OFFSET, INDEX, forward_kinematics
from .stances import planted_frames

Array = NDArray[np.float64]
Decoded = tuple[Array, Array, Array]

_LOWEST: Final = 0.1
"""Share of the standing feet that may be lower than the floor."""
_USUAL_HEIGHT: Final = 30.0
"""Information, 1/m^2 a frame, that the estimate's height has: far less than keypoints have, so that it counts alone."""
_ONE_FLOOR: Final = 0.15
"""Metres by which feet on one floor may seem to differ in height."""


def fitted_to_films(films: Sequence[Film], motion: Decoded, offsets: Array, fps: float) -> Decoded:
    """A motion fitted to its films.

    Args:
        films: settled.
        motion: root (T, 3), local rotations (T, 22, 4) and contacts (T, 6) of the estimate, on its way.
        offsets: (22, 3) rest offsets.
        fps: frames per second.

    Returns:
        The same; what comes after a film goes on from where the film has left the body.
    """
    root, local, contacts = (values.copy() for values in motion)
    for film in films:
        at, way = film.frames, root[film.frames]
        places, way = _camera_and_way(film, way, local[at], contacts[at], offsets)
        if places is None:
            continue
        sight = Sight(film.cameras, places, film.slopes, film.weights)
        fitted, local[at], contacts[at] = refined(way, local[at], contacts[at], offsets, sight, fps)
        ground = np.array([1.0, 0.0, 1.0])
        fitted += (root[film.start] - fitted[0]) * ground
        root[film.stop :] += (fitted[-1] - root[film.stop - 1]) * ground
        root[at] = fitted
    return root, local, contacts


def _camera_and_way(
    film: Film, root: Array, local: Array, contacts: Array, offsets: Array
) -> tuple[Array | None, Array]:
    """Places (n, 3) of the camera, None when it sees nobody, and the way (n, 3) of the pelvis that it sees."""
    points = filmed.camera_points(local, offsets, film.cameras)
    track, information = filmed.camera_track(points, film.slopes, film.weights, film.cameras)
    if not information.any():
        return None, root
    if not film.stands:
        return smooth_fit(root - track, information, CAMERA_STIFFNESS), root
    place = np.linalg.solve(information.sum(axis=0), np.einsum("tij,tj->i", information, root - track))
    seen = root + smooth_fit(track + place - root, information, WAY_STIFFNESS)
    rise = floor_of(seen, local, contacts * (np.abs(information).sum(axis=(1, 2)) > 0.0)[:, None], offsets)
    if rise is not None:
        place[1] -= rise
    # While nobody is seen, the body is as high above the floor as the estimate has it.
    unsure = information + np.diag([0.0, _USUAL_HEIGHT, 0.0])
    pulled = np.einsum("tij,tj->ti", information, track + place - root)
    missing = np.linalg.solve(unsure + 1e-9 * np.eye(3), pulled[..., None])[..., 0]
    return np.tile(place, (len(root), 1)), root + smooth_fit(missing, unsure, WAY_STIFFNESS)


def floor_of(root: Array, local: Array, contacts: Array, offsets: Array) -> float | None:
    """Height of the floor under a motion (T frames) of unknown height, metres; None when no foot ever stands."""
    balls = [INDEX["l_foot"], INDEX["r_foot"]]
    planted = np.stack([planted_frames(contacts[:, channel]) for channel in (1, 3)], axis=1)
    heights = forward_kinematics(root, local, offsets)[0][:, balls, 1][planted] - FLOOR_OFFSET
    if not len(heights):
        return None
    low = float(np.quantile(heights, _LOWEST))
    return float(np.median(heights[np.abs(heights - low) < _ONE_FLOOR]))
