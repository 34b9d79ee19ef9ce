"""Where a filmed body is: geometry between an estimated motion, its 2D keypoints and the camera.

The estimate says how the body is posed, and the size of the skeleton is known; so the keypoints tell where the pelvis
stands in front of the camera, depth included. All functions work on plain arrays.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from . import keypoints, rotation, skeleton

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

NEAREST, FARTHEST = 0.3, 200.0
"""Metres from the camera between which a body is believed."""

POINT_ERROR: Final = 0.04
"""Metres by which an estimated keypoint is off, across the line of sight: of the pose more than of the detector."""

_OUTLIER: Final = 2.5
"""Residuals of this many usual ones count half."""
_ROUNDS: Final = 3
_DEFAULT: Final = np.array([0.0, 0.0, 4.0])
"""Where a body is taken to be that no frame shows."""

_TILT_STEPS: Final = 8
_LARGEST_TILT: Final = 1.0
_STEADY: Final = 1e-5
_NUDGE: Final = 1e-4
"""Radians: of the tilt at most, of its last step, and of the steps that derivatives are taken over."""


def camera_points(local_rotations: Array, offsets: Array, cameras: Array) -> Array:
    """Keypoints of a posed body relative to its pelvis, in the axes of the camera.

    Args:
        local_rotations: (T, 22, 4), joint 0 in the world.
        offsets: (22, 3) rest offsets, metres.
        cameras: (T, 3, 3) world to camera.

    Returns:
        (T, 17, 3) metres.
    """
    return np.einsum("tij,tkj->tki", cameras, world_points(local_rotations, offsets))


def world_points(local_rotations: Array, offsets: Array) -> Array:
    """Keypoints (T, 17, 3) of a posed body relative to its pelvis in the world; arguments as in `camera_points`."""
    root = np.zeros((len(local_rotations), 3))
    positions, rotations = skeleton.forward_kinematics(root, local_rotations, offsets)
    return keypoints.coco_points(positions, rotation.to_matrix(rotations[:, skeleton.INDEX["head"]]))


def camera_translations(points: Array, slopes: Array, weights: Array) -> Array:
    """Position of the pelvis in camera axes: the least-squares place from which the points are seen where they are.

    A point p at translation t is seen at slope s when p_xy + t_xy = s (p_z + t_z), which is linear in t. Points that
    are far off, as of swapped limbs, lose weight.

    Args:
        points: (T, 17, 3) relative to the pelvis in camera axes, metres.
        slopes: (T, 17, 2) where they are seen.
        weights: (T, 17) confidence, 0 for hidden points.

    Returns:
        (T, 3) metres; frames with too few points are interpolated, beyond the first and last seen one held.
    """
    return _filled(*_translations(points, slopes, weights)[:2])


def _translations(points: Array, slopes: Array, weights: Array) -> tuple[Array, Mask, Array]:
    """Translations (T, 3), frames (T,) on which they are good, and the weights (T, 17) after the robust rounds."""
    trust = np.asarray(weights, dtype=np.float64)
    result, good = np.zeros((len(points), 3)), np.zeros(len(points), dtype=bool)
    for _ in range(_ROUNDS):
        result, good = _solve_translations(points, slopes, trust)
        misses = np.linalg.norm(_misses(points + result[:, None], slopes), axis=-1)
        shown = weights > 0
        usual = np.nanmedian(np.where(shown & good[:, None], misses, np.nan)) if (shown & good[:, None]).any() else 1.0
        trust = weights / (1.0 + (misses / (_OUTLIER * max(usual, 1e-6))) ** 2)
    return result, good, trust


def _misses(places: Array, slopes: Array) -> Array:
    """Metres (T, 17, 2), across the line of sight, between points in camera axes and the rays they are seen on."""
    return places[..., :2] - slopes * places[..., 2:]


def _solve_translations(points: Array, slopes: Array, weights: Array) -> tuple[Array, Mask]:
    enough = (weights > 0).sum(axis=1) >= keypoints.FEWEST
    information = point_information(slopes, weights)
    wanted = slopes * points[..., 2:] - points[..., :2]  # = t_xy - s t_z
    along = -np.sum(slopes * wanted, axis=-1)
    right = np.concatenate([wanted, along[..., None]], axis=-1)
    right = np.sum(weights[..., None] * right, axis=1)
    spread = np.linalg.det(information) / np.maximum(weights.sum(axis=1), 1e-9) ** 3
    good = enough & (spread > 1e-9)
    solution = np.linalg.solve(np.where(good[:, None, None], information, np.eye(3)), right[..., None])[..., 0]
    good &= (solution[:, 2] > NEAREST) & (solution[:, 2] < FARTHEST)
    return np.where(good[:, None], solution, _DEFAULT), good


def point_information(slopes: Array, weights: Array) -> Array:
    """How well keypoints fix the place of a body: matrices (T, 3, 3) in camera axes, sums of `weights` (T, 17)."""
    result = np.zeros((len(slopes), 3, 3))
    result[:, 0, 0] = result[:, 1, 1] = weights.sum(axis=1)
    result[:, 2, :2] = result[:, :2, 2] = -np.sum(weights[..., None] * slopes, axis=1)
    result[:, 2, 2] = np.sum(weights * np.sum(slopes**2, axis=-1), axis=1)
    return result


def _filled(values: Array, good: Mask) -> Array:
    """Rows (T, k) with those that are not good interpolated or held; _DEFAULT when none is good."""
    known = np.flatnonzero(good)
    if not len(known):
        return np.tile(_DEFAULT, (len(values), 1))
    grid = np.arange(len(values))
    return np.stack([np.interp(grid, known, values[known, axis]) for axis in range(values.shape[1])], axis=-1)


def camera_track(points: Array, slopes: Array, weights: Array, cameras: Array) -> tuple[Array, Array]:
    """The way of the pelvis relative to the camera, in world axes, and how far it is known.

    Args:
        points: (T, 17, 3) as for `camera_translations`.
        slopes: (T, 17, 2).
        weights: (T, 17).
        cameras: (T, 3, 3) world to camera.

    Returns:
        positions (T, 3) in metres, and information matrices (T, 3, 3) in 1/m^2, zero on frames without the person.
    """
    translations, good, trust = _translations(points, slopes, weights)
    information = point_information(slopes, trust) / POINT_ERROR**2 * good[:, None, None]
    turned = np.einsum("tji,tjk,tkl->til", cameras, information, cameras)
    return np.einsum("tji,tj->ti", cameras, _filled(translations, good)), turned


def tilt_of_camera(points: Array, slopes: Array, weights: Array, cameras: Array) -> Array:
    """How a camera that was taken to be level must be tilted for the keypoints to fit the body.

    Gauss-Newton steps on pitch and roll, one pair for all frames, with the translations eliminated; a step counts only
    if the reprojection error falls.

    Args:
        points: (T, 17, 3) keypoints relative to the pelvis in the world (Y up), metres.
        slopes: (T, 17, 2) where they are seen.
        weights: (T, 17).
        cameras: (T, 3, 3) rotations to the camera from a world whose "down" may be wrong.

    Returns:
        (3, 3) rotation from the true world to the one of `cameras`, without a turn about Y.
    """
    shown = np.flatnonzero((weights > 0).sum(axis=1) >= keypoints.FEWEST)
    tilt = np.zeros(2)
    if not len(shown):
        return _tilted(tilt)
    points, slopes, weights, cameras = points[shown], slopes[shown], weights[shown], cameras[shown]

    def misses(tilt: Array, trust: Array) -> Array:
        """Slopes (n, 17, 2) by which the keypoints are missed from the best place of each frame."""
        seen = np.einsum("tij,tkj->tki", cameras @ _tilted(tilt), points)
        places = seen + _solve_translations(seen, slopes, trust)[0][:, None]
        return _misses(places, slopes) / np.maximum(places[..., 2:], NEAREST)

    for _ in range(_TILT_STEPS):
        sizes = np.linalg.norm(misses(tilt, weights), axis=-1)
        usual = max(float(np.median(sizes[weights > 0])), 1e-9)
        trust = weights / (1.0 + (sizes / (_OUTLIER * usual)) ** 2)
        current = misses(tilt, trust)
        slants = np.stack([(misses(tilt + step, trust) - current) / _NUDGE for step in _NUDGE * np.eye(2)], axis=-1)
        normal = np.einsum("tk,tkci,tkcj->ij", trust, slants, slants) + 1e-9 * np.eye(2)
        step = -np.linalg.solve(normal, np.einsum("tk,tkci,tkc->i", trust, slants, current))
        better = [
            tilt + share * step
            for share in (1.0, 0.5, 0.25)
            if np.abs(tilt + share * step).max() < _LARGEST_TILT
            and _cost(misses(tilt + share * step, trust), trust) < _cost(current, trust)
        ]
        if not better:
            break
        tilt, moved = better[0], np.abs(better[0] - tilt).max()
        if moved < _STEADY:
            break
    return _tilted(tilt)


def _cost(misses: Array, trust: Array) -> float:
    return float(np.sum(trust[..., None] * misses**2))


def _tilted(tilt: Array) -> Array:
    """Rotation (3, 3) about a level axis: pitch about X and roll about Z, radians."""
    return rotation.to_matrix(rotation.from_axis_angle([tilt[0], 0.0, tilt[1]]))
