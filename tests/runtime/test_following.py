"""Estimates of filmed people: cameras are settled, the way follows the camera, motions are seen where they were."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from genmo.runtime import following, keypoints, rotation
from genmo.runtime.constraints import constraints_from, no_constraints
from genmo.runtime.filmed import world_points
from genmo.runtime.films import Film
from genmo.runtime.motion import Motion
from genmo.runtime.request import Keyframe, MotionRequest
from genmo.runtime.skeleton import rest_offsets
from genmo.tests.runtime.filming import FOCAL, SIZE, behind, cameras_at, film_of
from genmo.tests.runtime.walking import walk

FRAMES = 90
OFFSETS = rest_offsets()
NOTHING = no_constraints(FRAMES)


@pytest.fixture(scope="module")
def motion() -> Motion:
    return walk(FRAMES)


def filmed(motion: Motion, pitch: float = 0.2, *, level: bool = True, stands: bool = True) -> Film:
    cameras = cameras_at(pitch, 0.05, 0.2 * np.sin(np.arange(motion.frames) / 20.0))
    return film_of(motion, cameras, behind(motion), level=level, stands=stands)


def unplaced(film: Film) -> Film:
    """The film as it is read when nothing is known of the camera's world."""
    first = film.cameras[0].T @ np.diag([-1.0, -1.0, 1.0])
    return replace(film, cameras=film.cameras @ first, level=False, placed=False)


def settled(film: Film, motion: Motion, request: MotionRequest | None = None) -> Film:
    constraints = NOTHING if request is None else constraints_from(request)
    (found,) = following.settled(
        [film], motion.root_positions * 1.0, motion.local_rotations * 1.0, constraints, OFFSETS
    )
    return found


def test_a_level_camera_stays(motion: Motion) -> None:
    film = filmed(motion)
    assert settled(film, motion) is film


def test_a_camera_in_an_unknown_world_is_levelled(motion: Motion) -> None:
    film = filmed(motion)
    found = settled(unplaced(film), motion)
    np.testing.assert_allclose(found.cameras[:, :, 1], film.cameras[:, :, 1], atol=2e-3)
    assert found.level
    assert not found.placed
    unseen = replace(unplaced(film), visible=np.zeros_like(film.visible))
    assert not settled(unseen, motion).level


def test_a_camera_is_turned_into_the_world_of_the_constraints(motion: Motion) -> None:
    """The estimate walks along +Z; a key pose says that it walks along +X there."""
    turned = rotation.about_y(np.pi / 2)
    key = Keyframe(40, ("pelvis",), None, {"pelvis": tuple(turned.tolist())})
    request = MotionRequest(FRAMES, keyframes=(key,))
    film = unplaced(filmed(motion))
    plain, found = settled(film, motion), settled(film, motion, request)
    expected = plain.cameras @ rotation.to_matrix(rotation.conjugate(turned))
    np.testing.assert_allclose(found.cameras, expected, atol=1e-6)


def test_a_second_film_goes_on_with_the_heading_of_the_first(motion: Motion) -> None:
    """Two cameras, the second one turned by a right angle to the first: to it the body seems to have turned."""
    film = unplaced(filmed(motion, pitch=0.0))
    first, second = film.cut(0, 45), film.cut(45, FRAMES)
    local = motion.local_rotations.copy()
    local[45:, 0] = rotation.multiply(rotation.about_y(1.5), local[45:, 0])
    second = replace(second, cameras=following.turned_cameras(second.cameras, 1.5))
    found = following.settled([first, second], motion.root_positions * 1.0, local, NOTHING, OFFSETS)
    headings = keypoints.camera_headings(found[1].cameras) - keypoints.camera_headings(second.cameras)
    np.testing.assert_allclose(np.sin(headings), np.sin(-1.5), atol=1e-3)


def slowed(motion: Motion) -> np.ndarray:
    """The way at four fifths of the speed, swerving to the side: what drifting velocities make of it."""
    way = motion.root_positions * np.array([1.0, 1.0, 0.8])
    way[:, 0] += 0.3 * np.sin(np.arange(motion.frames) / 30.0)
    return way


def test_the_way_follows_a_standing_camera(motion: Motion) -> None:
    film = filmed(motion)
    way = following.way_on_film([film], slowed(motion), motion.local_rotations * 1.0, OFFSETS)
    np.testing.assert_allclose(way - way[0], motion.root_positions - motion.root_positions[0], atol=0.01)


def test_hidden_frames_rely_on_the_velocities(motion: Motion) -> None:
    film = filmed(motion)
    visible = film.visible.copy()
    visible[30:60] = False
    hidden = replace(film, visible=visible)
    way = following.way_on_film([hidden], slowed(motion), motion.local_rotations * 1.0, OFFSETS)
    moved = motion.root_positions - motion.root_positions[0]
    seen = [*range(28), *range(62, FRAMES)]
    np.testing.assert_allclose((way - way[0])[seen], moved[seen], atol=0.03)
    step = np.diff(way, axis=0)[30:59]
    assert np.abs(np.diff(step, axis=0)).max() < 0.003


def test_the_way_before_a_moving_camera_is_that_of_the_velocities(motion: Motion) -> None:
    film = filmed(motion, stands=False)
    way = following.way_on_film([film], slowed(motion), motion.local_rotations * 1.0, OFFSETS)
    np.testing.assert_allclose(way, slowed(motion), atol=1e-12)


def test_only_the_steps_of_filmed_frames_change(motion: Motion) -> None:
    film = filmed(motion).cut(20, 60)
    way = following.way_on_film([film], slowed(motion), motion.local_rotations * 1.0, OFFSETS)
    before, after = np.diff(slowed(motion), axis=0), np.diff(way, axis=0)
    outside = [*range(20), *range(59, FRAMES - 1)]
    np.testing.assert_allclose(after[outside], before[outside], atol=1e-12)
    np.testing.assert_array_equal(way[:, 1], slowed(motion)[:, 1])
    np.testing.assert_allclose(after[25:55], np.diff(motion.root_positions, axis=0)[25:55] * [1, 1, 1], atol=0.02)


def test_calm_takes_jitter_and_leaves_motion() -> None:
    time = np.arange(200) / 30.0
    slow, straight, jitter = np.sin(2 * np.pi * 1.5 * time), 2.0 * time, (-1.0) ** np.arange(200)
    course = np.stack([slow, straight, jitter], axis=1).astype(np.float32)
    found = following.calmed(course, np.ones(200, dtype=bool))
    np.testing.assert_allclose(found[:, 0], slow, atol=0.03)
    np.testing.assert_allclose(found[:, 1], straight, atol=1e-5)
    assert np.abs(found[15:-15, 2]).max() < 0.07
    np.testing.assert_allclose(following.calmed(np.ones((1, 3), np.float32), np.ones(1, dtype=bool)), 1.0)


def test_calm_stays_within_the_followed_frames() -> None:
    followed = np.zeros(100, dtype=bool)
    followed[30:60] = True
    course = np.where(followed[:, None], 5.0, np.random.default_rng(0).standard_normal((100, 2)))
    course = course.astype(np.float32)
    np.testing.assert_allclose(following.calmed(course, followed), course, atol=1e-5)


def reprojection(motion: Motion) -> np.ndarray:
    """Distances (T, 17) in pixels between the keypoints of a motion and where its camera sees them."""
    assert motion.camera_rotations is not None
    assert motion.camera_positions is not None
    assert motion.focal_px is not None
    assert motion.keypoints_2d is not None
    points = world_points(motion.local_rotations, motion.rest_offsets) + motion.root_positions[:, None]
    cameras = rotation.to_matrix(rotation.conjugate(motion.camera_rotations))
    slopes, _ = keypoints.project(points, cameras, motion.camera_positions)
    pixels = slopes * motion.focal_px + np.array(SIZE) / 2.0
    return np.linalg.norm(pixels - motion.keypoints_2d[..., :2], axis=-1)


def test_a_motion_is_seen_where_its_keypoints_are(motion: Motion) -> None:
    film = filmed(motion)
    found = following.with_cameras(motion, [film])
    assert found.focal_px == FOCAL
    assert reprojection(found).max() < 0.1
    assert found.camera_positions is not None
    np.testing.assert_allclose(found.camera_positions, behind(motion), atol=1e-4)


def test_a_moving_camera_is_found_on_every_frame(motion: Motion) -> None:
    places = behind(motion) + np.stack([0.3 * np.sin(np.arange(FRAMES) / 25.0)] * 3, axis=-1)
    film = film_of(motion, np.tile(cameras_at(0.2), (FRAMES, 1, 1)), places, stands=False)
    found = following.with_cameras(motion, [film])
    assert found.camera_positions is not None
    np.testing.assert_allclose(found.camera_positions, places, atol=0.01)
    assert reprojection(found).max() < 1.0


def test_frames_without_a_film_keep_the_camera_of_the_nearest_one(motion: Motion) -> None:
    film = filmed(motion)
    found = following.with_cameras(motion, [film.cut(20, 40), film.cut(60, 70)])
    assert found.camera_rotations is not None
    assert found.keypoints_2d is not None
    for frames, source in ((slice(0, 20), 20), (slice(40, 50), 39), (slice(50, 60), 60), (slice(70, FRAMES), 69)):
        same = rotation.angle(found.camera_rotations[frames], found.camera_rotations[source])
        np.testing.assert_allclose(same, 0.0, atol=1e-6)
        assert not found.keypoints_2d[frames, :, 2].any()
    assert reprojection(found)[20:40].max() < 0.1


def test_short_gaps_of_a_film_are_followed_and_long_ones_are_not(motion: Motion) -> None:
    film = filmed(motion).cut(20, 80)
    visible = film.visible.copy()
    visible[10:14] = False  # frames 30 to 33
    visible[30:50] = False  # frames 50 to 69
    visible[55:, 3:] = False  # from frame 75 on too few points
    found = following.followed_frames([replace(film, visible=visible)], FRAMES)
    assert following.runs(found) == [(20, 50), (70, 75)]
    assert following.followed_frames([filmed(motion)], FRAMES).all()
    two = [filmed(motion).cut(0, 30), filmed(motion).cut(35, FRAMES)]
    assert not following.followed_frames(two, FRAMES)[30:35].any()


def test_what_is_taken_over_is_exact_and_what_is_around_it_bends() -> None:
    """Two smooth courses far from each other, and a network that jumps between them."""
    time = np.arange(120)[:, None] / 30.0
    outside, inside = np.sin(1.5 * time), 3.0 + np.sin(1.5 * time + 1.0)
    followed = np.zeros(120, dtype=bool)
    followed[40:70] = True
    inside, outside = inside.astype(np.float32), outside.astype(np.float32)
    generated = np.where(followed[:, None], inside + np.float32(0.2), outside)
    found = following.taken_over(generated, inside, followed)
    np.testing.assert_array_equal(found[followed], inside[followed])
    np.testing.assert_allclose(found[[0, 119]], generated[[0, 119]], atol=0.2)  # of a jump of 3
    assert np.abs(np.diff(found, n=2, axis=0)).max() < 0.04  # from one course to the other in a third of a second
    assert np.abs(np.diff(generated, n=2, axis=0)).max() > 2.0
    np.testing.assert_array_equal(following.taken_over(outside, inside, np.ones(120, dtype=bool)), inside)
    np.testing.assert_array_equal(following.taken_over(outside, inside, np.zeros(120, dtype=bool)), outside)


@pytest.mark.parametrize("frames", [[0], [0, 1], [3], [2, 3, 5], [9], [0, 9]])
def test_single_frames_can_be_taken_over(frames: list[int]) -> None:
    rng = np.random.default_rng(0)
    generated, estimate = rng.standard_normal((2, 10, 3), np.float32)
    followed = np.zeros(10, dtype=bool)
    followed[frames] = True
    found = following.taken_over(generated, estimate, followed)
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found[followed], estimate[followed])


def test_the_held_way_adds_to_the_constraints(motion: Motion) -> None:
    film = filmed(motion).cut(20, 60)
    key = Keyframe(30, (), (9.0, 1.0, 9.0))
    constraints = constraints_from(MotionRequest(FRAMES, keyframes=(key,)))
    found = following.with_held_way(constraints, [film], motion.root_positions * 1.0)
    np.testing.assert_array_equal(np.flatnonzero(found.root_mask[:, 0]), np.arange(20, 60))
    np.testing.assert_array_equal(np.flatnonzero(found.root_mask[:, 1]), [30])
    np.testing.assert_allclose(found.root_positions[30], (9.0, 1.0, 9.0))
    np.testing.assert_allclose(found.root_positions[25, ::2], motion.root_positions[25, ::2])
    moving = replace(film, stands=False)
    assert following.with_held_way(constraints, [moving], motion.root_positions * 1.0) is constraints
