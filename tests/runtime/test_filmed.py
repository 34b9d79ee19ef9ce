"""The geometry of a filmed body: known motions and cameras are found again exactly."""

from __future__ import annotations

import numpy as np
import pytest

from genmo.runtime import filmed, rotation
from genmo.runtime.motion import Motion
from genmo.runtime.skeleton import rest_offsets
from genmo.tests.runtime.filming import behind, cameras_at, film_of
from genmo.tests.runtime.walking import swaying, walk

FRAMES = 50


@pytest.fixture(scope="module")
def motion() -> Motion:
    root, local = swaying(FRAMES, seed=3)
    return Motion(30.0, root, local, np.zeros((FRAMES, 6)))


def turning() -> np.ndarray:
    return 0.3 * np.sin(np.arange(FRAMES) / 15.0)


def in_camera(motion: Motion, cameras: np.ndarray, places: np.ndarray) -> np.ndarray:
    """True positions (T, 3) of the pelvis in camera axes."""
    return np.einsum("tij,tj->ti", np.broadcast_to(cameras, (motion.frames, 3, 3)), motion.root_positions - places)


@pytest.mark.parametrize(("pitch", "roll"), [(0.0, 0.0), (0.3, -0.1), (-0.1, 0.2)])
def test_translations_are_found_exactly(motion: Motion, pitch: float, roll: float) -> None:
    cameras, places = cameras_at(pitch, roll, turning()), behind(motion)
    film = film_of(motion, cameras, places)
    points = filmed.camera_points(motion.local_rotations, rest_offsets(), cameras)
    found = filmed.camera_translations(points, film.slopes, film.weights)
    np.testing.assert_allclose(found, in_camera(motion, cameras, places), atol=1e-6)


def test_translations_do_not_care_for_hidden_points_and_little_for_swapped_ones(motion: Motion) -> None:
    cameras, places = cameras_at(0.1, 0.0, turning()), behind(motion)
    film = film_of(motion, cameras, places)
    points = filmed.camera_points(motion.local_rotations, rest_offsets(), cameras)
    slopes, weights = film.slopes.copy(), film.weights.copy()
    weights[:, 3:9], slopes[:, 3:9] = 0.0, 99.0
    np.testing.assert_allclose(
        filmed.camera_translations(points, slopes, weights), in_camera(motion, cameras, places), atol=1e-6
    )
    slopes, weights = film.slopes.copy(), film.weights.copy()
    slopes[20:25, [13, 14, 15, 16]] = slopes[20:25, [14, 13, 16, 15]]
    found = filmed.camera_translations(points, slopes, weights)
    plain, _ = filmed._solve_translations(points, slopes, weights)
    truth = in_camera(motion, cameras, places)
    assert np.abs(found - truth).max() < 0.5 * np.abs(plain - truth).max()


def test_frames_with_too_few_points_lie_between_their_neighbours(motion: Motion) -> None:
    cameras, places = cameras_at(0.1, 0.0, turning()), behind(motion)
    film = film_of(motion, cameras, places)
    points = filmed.camera_points(motion.local_rotations, rest_offsets(), cameras)
    weights = film.weights.copy()
    weights[:5], weights[20:24], weights[45:, 3:] = 0.0, 0.0, 0.0
    found = filmed.camera_translations(points, film.slopes, weights)
    truth = in_camera(motion, cameras, places)
    np.testing.assert_allclose(found[[5, 19, 24, 44]], truth[[5, 19, 24, 44]], atol=1e-6)
    np.testing.assert_allclose(found[:5], np.tile(truth[5], (5, 1)), atol=1e-6)
    np.testing.assert_allclose(found[45:], np.tile(truth[44], (5, 1)), atol=1e-6)
    np.testing.assert_allclose(found[22], truth[19] + 0.6 * (truth[24] - truth[19]), atol=1e-6)


def test_a_body_that_is_never_seen_stands_somewhere_in_front(motion: Motion) -> None:
    points = filmed.camera_points(motion.local_rotations, rest_offsets(), cameras_at(0.0, 0.0, turning()))
    found = filmed.camera_translations(points, np.zeros((FRAMES, 17, 2)), np.zeros((FRAMES, 17)))
    assert np.isfinite(found).all()
    assert (found[:, 2] > 1.0).all()


def test_the_track_is_the_true_way_and_depth_is_known_least(motion: Motion) -> None:
    cameras, places = cameras_at(0.2, 0.05, turning()), behind(motion)
    film = film_of(motion, cameras, places)
    points = filmed.camera_points(motion.local_rotations, rest_offsets(), cameras)
    track, information = filmed.camera_track(points, film.slopes, film.weights, cameras)
    np.testing.assert_allclose(track, motion.root_positions - places, atol=1e-6)
    along = np.einsum("ti,tij,tj->t", cameras[:, 2], information, cameras[:, 2])
    away = rotation.normalize(track)
    across = rotation.normalize(np.cross(away, [0.0, 1.0, 0.0]))
    errors = np.linalg.inv(information)
    depth, side = (np.einsum("ti,tij,tj->t", axis, errors, axis) for axis in (away, across))
    assert (along > 0).all()
    assert (depth > 4.0 * side).all()


@pytest.mark.parametrize(("pitch", "roll"), [(0.35, 0.0), (-0.15, 0.1), (0.05, -0.3)])
def test_the_tilt_of_a_camera_is_found(pitch: float, roll: float) -> None:
    motion = walk(40)
    film = film_of(motion, cameras_at(pitch, roll), behind(motion, height=1.4))
    points = filmed.world_points(motion.local_rotations, rest_offsets())
    assumed = np.tile(cameras_at(0.0)[0], (40, 1, 1))
    tilt = filmed.tilt_of_camera(points, film.slopes, film.weights, assumed)
    down = (assumed @ tilt)[0] @ [0.0, -1.0, 0.0]
    np.testing.assert_allclose(down, cameras_at(pitch, roll)[0] @ [0.0, -1.0, 0.0], atol=1e-3)


def test_the_tilt_of_a_level_camera_is_none_and_without_a_person_too() -> None:
    motion = walk(40)
    film = film_of(motion, np.tile(cameras_at(0.0)[0], (40, 1, 1)), behind(motion))
    points = filmed.world_points(motion.local_rotations, rest_offsets())
    tilt = filmed.tilt_of_camera(points, film.slopes, film.weights, film.cameras)
    np.testing.assert_allclose(tilt, np.eye(3), atol=1e-5)
    hidden = np.zeros_like(film.weights)
    np.testing.assert_array_equal(filmed.tilt_of_camera(points, film.slopes, hidden, film.cameras), np.eye(3))
