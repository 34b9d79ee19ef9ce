"""What an estimate of a filmed person says of cameras, and what the cameras say of the way of the person.

The network gives poses, headings relative to the camera and velocities. Its velocities drift; a camera that stays in
its place does not. So the way follows the camera over long times and the velocities over short ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from . import filmed, rotation
from .alignment import turn_to_constraints
from .constraints import Constraints
from .films import Film, filmed_mask
from .fitting import smooth_fit
from .keypoints import FEWEST
from .motion import Motion
from .skeleton import INDEX
from .smoothing import fade

Array = NDArray[np.float64]
Float = NDArray[np.float32]
Mask = NDArray[np.bool_]

BLEND_FRAMES: Final = 8.0
"""Time constant with which a generated motion goes over into the estimate, before and after a filmed stretch."""

LONGEST_GAP: Final = 15
"""Frames without the person that an estimate bridges by itself; longer ones are made like unfilmed frames."""

WAY_STIFFNESS: Final = 1e6
"""Of the correction of the way, 1/m^2: it follows the camera over 3 frames across the line of sight, 10 along it."""

CAMERA_STIFFNESS: Final = 1e5
"""Of the way of a moving camera."""

CALM: Final = 1.0
"""Stiffness of an estimate against the jitter of keypoints: what is faster than 5 Hz at 30 frames is left out.

Ten noisy clips of the val split, an early pack: jitter from 70 to 9 (recorded motion: 12, in 10 m/s^3), sliding of
feet in contact from 7.4 to 4.1 cm/s, positions as good as before. On clean keypoints it halves the jitter, 6 to 3.
"""
_CALM_FRAMES: Final = 12

_PELVIS: Final = INDEX["pelvis"]


def settled(
    films: Sequence[Film], root: Array, local: Array, constraints: Constraints, offsets: Array
) -> tuple[Film, ...]:
    """The films with their cameras in the world of the request, where "down" is known.

    A camera that is not known to be level is tilted until the body fits its keypoints, then turned about Y: to the
    constraints where they tell how, else so that the body goes on with the heading it had at the end of the film
    before.

    Args:
        films: as read.
        root: (T, 3) of an estimate.
        local: (T, 22, 4) of the estimate.
        constraints: of the request.
        offsets: (22, 3) rest offsets.
    """
    headings = np.unwrap(rotation.heading(local[:, _PELVIS]))
    result: list[Film] = []
    turned = 0.0
    for film in films:
        if film.placed:
            result.append(film)
            turned = 0.0
            continue
        at = film.frames
        points = filmed.world_points(local[at], offsets)
        cameras = film.cameras
        if not film.level:
            cameras = cameras @ filmed.tilt_of_camera(points, film.slopes, film.weights, cameras)
        turn = turn_to_constraints(headings[at], root[at, ::2], film.start, constraints)
        if turn is None:
            turn = _continuing(result, headings, film.start, turned)
        turned = turn
        level = film.level or bool((film.visible.sum(axis=1) >= FEWEST).any())
        result.append(replace(film, cameras=turned_cameras(cameras, turn), level=level))
    return tuple(result)


def _continuing(before: Sequence[Film], headings: Array, start: int, turned: float) -> float:
    """The turn with which a film goes on from the one before it."""
    if not before:
        return 0.0
    last = before[-1].stop - 1
    return float(headings[last] + turned - headings[start])


def turned_cameras(cameras: Array, angle: float) -> Array:
    """Cameras (n, 3, 3) in a world that is turned about Y by `angle` radians together with them."""
    return cameras @ rotation.to_matrix(rotation.about_y(-angle))


def calmed(estimate: Float, followed: Mask) -> Float:
    """An estimate (T, F) without the jitter that frames take over from their keypoints.

    Each run of `followed` (T,) frames is smoothed for itself, by the kernel of `fitting.smooth_fit`.
    """
    width = 2 * _CALM_FRAMES + 1
    impulse = np.zeros((width, 1))
    impulse[_CALM_FRAMES] = 1.0
    kernel = smooth_fit(impulse, np.ones((width, 1, 1)), CALM)[:, 0]
    result = estimate.copy()
    for start, stop in runs(followed):
        # Reflected through its end values, a motion goes on beyond its ends as it went.
        ends = ((_CALM_FRAMES, _CALM_FRAMES), (0, 0))
        padded = np.pad(estimate[start:stop].astype(np.float64), ends, mode="reflect", reflect_type="odd")
        windows = np.lib.stride_tricks.sliding_window_view(padded, width, axis=0)
        result[start:stop] = windows @ (kernel / kernel.sum())
    return result


def way_on_film(films: Sequence[Film], root: Array, local: Array, offsets: Array) -> Array:
    """The way of the pelvis, corrected by the cameras that stay in their places.

    Args:
        films: settled.
        root: (T, 3) of the estimate.
        local: (T, 22, 4) of the estimate.
        offsets: (22, 3).

    Returns:
        (T, 3): between filmed frames the steps are those of the film, all others and the heights stay.
    """
    steps = np.diff(root[:, ::2], axis=0)
    for film in films:
        if film.stands:
            at = film.frames
            ground = root[at, ::2] + _correction(film, root[at], local[at], offsets)
            steps[film.start : film.stop - 1] = np.diff(ground, axis=0)
    ground = np.concatenate([root[:1, ::2], root[:1, ::2] + np.cumsum(steps, axis=0)])
    return np.stack([ground[:, 0], root[:, 1], ground[:, 1]], axis=-1)


def _correction(film: Film, root: Array, local: Array, offsets: Array) -> Array:
    """Smooth change (n, 2) of a way (n, 3) that brings it to where the camera sees it, up to a constant."""
    points = filmed.camera_points(local, offsets, film.cameras)
    track, information = filmed.camera_track(points, film.slopes, film.weights, film.cameras)
    if not information.any():
        return np.zeros((len(root), 2))
    missing = (track - root)[:, ::2]
    ground = _ground_information(information)
    missing = missing - np.linalg.solve(ground.sum(axis=0), np.einsum("tij,tj->i", ground, missing))
    return smooth_fit(missing, ground, WAY_STIFFNESS)


def _ground_information(information: Array) -> Array:
    """What matrices (T, 3, 3) say of x and z when nothing is known of y, (T, 2, 2)."""
    ground = information[:, ::2, ::2]
    mixed, height = information[:, ::2, 1], np.maximum(information[:, 1, 1], 1e-9)
    return ground - mixed[:, :, None] * mixed[:, None, :] / height[:, None, None]


def taken_over(generated: Float, estimate: Float, followed: Mask) -> Float:
    """A generated motion that is the estimate where the person is followed, and bends towards it before and after.

    A network that sees a person from one frame to the next makes a jump there. So what is missing at a border is
    measured from the generated motion outside it, continued as it was going, and fades away from the border.

    Args:
        generated: (T, F) features.
        estimate: (T, F).
        followed: (T,) frames to take from the estimate.

    Returns:
        (T, F).
    """
    missing, border = np.zeros(generated.shape, np.float64), np.zeros(len(generated), dtype=bool)
    for start, stop in runs(followed):
        for last, outward in ((start, -1), (stop - 1, 1)):
            outside, beyond = last + outward, last + 2 * outward
            if not 0 <= outside < len(generated):
                continue
            known = 0 <= beyond < len(generated) and not followed[beyond]
            slope = generated[outside] - generated[beyond] if known else np.zeros(generated.shape[1])
            for depth in range(min(2, stop - start)):  # two frames fix the velocity as well
                inside = last - depth * outward
                missing[inside] = estimate[inside] - generated[outside] - (depth + 1) * slope
                border[inside] = True
    bent = generated + fade(missing, border, BLEND_FRAMES)
    return np.where(followed[:, None], estimate, bent).astype(np.float32)


def runs(mask: Mask) -> list[tuple[int, int]]:
    """Half-open ranges of the frames that are set."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [(int(start), int(stop)) for start, stop in zip(edges[::2], edges[1::2], strict=True)]


def followed_frames(films: Sequence[Film], frames: int) -> Mask:
    """Frames (T,) on which the films show the person, with short gaps bridged."""
    seen = np.zeros(frames, dtype=bool)
    for film in films:
        seen[film.frames] = film.visible.sum(axis=1) >= FEWEST
    known, covered = np.flatnonzero(seen), filmed_mask(films, frames)
    for before, after in pairwise(known.tolist()):
        if 1 < after - before <= LONGEST_GAP + 1:
            seen[before:after] = covered[before:after]
    return seen


def with_held_way(constraints: Constraints, films: Sequence[Film], root: Array) -> Constraints:
    """The constraints and the way of the body where a camera that stays in its place has seen it.

    The clean-up would move the root to undo sliding feet; there the legs have to do it.

    Args:
        constraints: of the request, met by `root`.
        films: settled.
        root: (T, 3) of the pelvis.
    """
    held = followed_frames([film for film in films if film.stands], len(root))
    if not held.any():
        return constraints
    mask, positions = constraints.root_mask.copy(), constraints.root_positions.copy()
    free = held[:, None] & ~mask & np.array([True, False, True])
    return replace(constraints, root_mask=mask | free, root_positions=np.where(free, root, positions))


def with_cameras(motion: Motion, films: Sequence[Film]) -> Motion:
    """The motion with its cameras and keypoints: through them it is seen where its keypoints are.

    Args:
        motion: finished, in the world of the films' cameras.
        films: at least one, settled.

    Returns:
        The motion; on frames without a film the camera of the nearest one, and keypoints of no confidence. The focal
        length is that of the first film.
    """
    rotations, places = np.empty((motion.frames, 4)), np.empty((motion.frames, 3))
    points = np.zeros((motion.frames, 17, 3))
    for film in films:
        at = film.frames
        rotations[at] = rotation.from_matrix(film.cameras.transpose(0, 2, 1))
        places[at] = _camera_places(film, motion.root_positions[at], motion.local_rotations[at], motion.rest_offsets)
        points[at] = film.points
    known = np.flatnonzero(filmed_mask(films, motion.frames))
    nearest = known[_nearest_of(known, motion.frames)]
    return replace(
        motion,
        camera_rotations=rotation.continuous(rotations[nearest]),
        camera_positions=places[nearest],
        focal_px=films[0].focal_px,
        keypoints_2d=points,
    )


def _nearest_of(known: NDArray[np.int64], frames: int) -> NDArray[np.int64]:
    """Which of some rising frames is nearest to each frame, (T,)."""
    grid = np.arange(frames)
    after = np.minimum(np.searchsorted(known, grid), len(known) - 1)
    before = np.maximum(after - 1, 0)
    return np.where(np.abs(known[before] - grid) <= np.abs(known[after] - grid), before, after)


def _camera_places(film: Film, root: Array, local: Array, offsets: Array) -> Array:
    """Positions (n, 3) from which the body is seen where its keypoints are; one for all when the camera stands."""
    points = filmed.camera_points(local, offsets, film.cameras)
    track, information = filmed.camera_track(points, film.slopes, film.weights, film.cameras)
    places = root - track
    if not film.stands or not information.any():
        return places if not information.any() else smooth_fit(places, information, CAMERA_STIFFNESS)
    place = np.linalg.solve(information.sum(axis=0), np.einsum("tij,tj->i", information, places))
    return np.tile(place, (len(places), 1))
