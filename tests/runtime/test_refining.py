"""Fitting an estimate to its film: derivatives against differences, and motions whose truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from genmo.runtime import bodies, refining, rotation, skeleton
from genmo.runtime.bodies import WIDTH, apart, body_points, moved_body
from genmo.runtime.film_fit import fitted_to_films, floor_of
from genmo.runtime.filmed import world_points
from genmo.runtime.following import with_cameras
from genmo.runtime.keypoints import project
from genmo.runtime.motion import Motion
from genmo.runtime.refining import Sight, refined
from genmo.runtime.skeleton import FLOOR_OFFSET, INDEX
from genmo.tests.runtime.filming import behind, cameras_at, film_of
from genmo.tests.runtime.walking import swaying

OFFSETS = skeleton.rest_offsets()
CONTACTS = np.tile([0.9, 0.9, 0.9, 0.9, 0.0, 0.0], (60, 1))
FEET = [INDEX[name] for name in ("l_ankle", "l_foot", "r_ankle", "r_foot")]


def feet_of(root: np.ndarray, local: np.ndarray) -> np.ndarray:
    return skeleton.forward_kinematics(root, local, OFFSETS)[0][:, FEET]


def standing(count: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Somebody who stands on both feet and waves both arms."""
    root, local = np.zeros((count, 3)), rotation.identity(count, 22)
    wave = 0.6 * np.sin(np.arange(count) / 8.0)
    for name, sign in (("l_shoulder", -1.0), ("r_shoulder", 1.0)):
        local[:, INDEX[name]] = rotation.from_axis_angle(np.stack([0 * wave, 0 * wave, sign * (0.7 + wave)], axis=-1))
    root[:, 1] = FLOOR_OFFSET - feet_of(root, local)[0, 1, 1]
    return root, local


def sight_of(root: np.ndarray, local: np.ndarray, noise: float = 0.0, distance: float = 4.0) -> Sight:
    """What a level camera at a distance sees, with noise in metres at the body."""
    count = len(root)
    places = np.tile(root[0] + [0.0, 0.4, -distance], (count, 1))
    cameras = np.tile(cameras_at(0.0), (count, 1, 1))
    slopes, _ = project(world_points(local, OFFSETS) + root[:, None], cameras, places)
    slopes = slopes + np.random.default_rng(0).normal(scale=noise / distance, size=slopes.shape)
    return Sight(cameras, places, slopes, np.full((count, 17), 0.9))


def disturbed(root: np.ndarray, local: np.ndarray, size: float) -> tuple[np.ndarray, np.ndarray]:
    """A motion that is off by slow errors, as estimates are."""
    time = np.arange(len(root))[:, None] / 25.0
    rng = np.random.default_rng(5)
    phase, speed = rng.uniform(0, 6, WIDTH), rng.uniform(0.5, 2.0, WIDTH)
    return moved_body(root, local, size * np.sin(speed * time + phase))


def test_derivatives_are_those_of_the_points() -> None:
    rng = np.random.default_rng(0)
    root, local = rng.normal(size=(3, 3)), rotation.normalize(rng.normal(size=(3, 22, 4)))
    points = body_points(root, local, OFFSETS)
    np.testing.assert_allclose(points.places[:, :17], world_points(local, OFFSETS) + root[:, None])
    for unknown in range(WIDTH):
        change = np.zeros((3, WIDTH))
        change[:, unknown] = 1e-6
        moved = body_points(*moved_body(root, local, change), OFFSETS)
        np.testing.assert_allclose((moved.places - points.places) / 1e-6, points.slopes[..., unknown], atol=1e-5)


def test_a_change_and_the_way_back() -> None:
    root, local = swaying(5)
    change = np.random.default_rng(1).normal(scale=0.3, size=(5, WIDTH))
    np.testing.assert_allclose(apart(*moved_body(root, local, change), root, local), change, atol=1e-9)


def test_an_estimate_that_is_off_comes_back_to_what_was_seen() -> None:
    root, local = standing()
    wrong = disturbed(root, local, 0.06)
    sight = sight_of(root, local)
    found = refined(*wrong, CONTACTS, OFFSETS, sight, 30.0)

    def missed(body: tuple[np.ndarray, np.ndarray]) -> float:
        slopes, depths = project(world_points(body[1], OFFSETS) + body[0][:, None], sight.cameras, sight.places)
        return float(np.mean(np.linalg.norm(slopes - sight.slopes, axis=-1) * depths))

    assert missed(wrong) > 0.03
    assert missed((found[0], found[1])) < 0.005


def test_planted_feet_stand_still_in_noise() -> None:
    root, local = standing()
    sight = sight_of(root, local, noise=0.01)
    wrong = disturbed(root, local, 0.03)
    found_root, found_local, contacts = refined(*wrong, CONTACTS, OFFSETS, sight, 30.0)
    speed = np.linalg.norm(np.diff(feet_of(found_root, found_local), axis=0), axis=-1) * 30.0
    before = np.linalg.norm(np.diff(feet_of(*wrong), axis=0), axis=-1) * 30.0
    assert before.mean() > 0.03
    assert speed.mean() < 0.01
    np.testing.assert_allclose(feet_of(found_root, found_local)[:, [1, 3], 1], FLOOR_OFFSET, atol=0.01)
    assert contacts[:, :4].min() > 0.5


def test_a_foot_that_is_seen_to_move_does_not_stand() -> None:
    root, local = standing()
    lift = np.clip(np.sin(np.arange(60) / 60 * np.pi) * 1.2, 0, 1)
    local[:, INDEX["l_hip"]] = rotation.from_axis_angle(np.stack([-1.2 * lift, 0 * lift, 0 * lift], axis=-1))
    still = standing()
    found = refined(still[0], still[1], CONTACTS, OFFSETS, sight_of(root, local), 30.0)
    left, right = found[2][:, 1], found[2][:, 3]
    assert left[5:20].max() < 0.6
    assert right.min() > 0.7
    assert feet_of(found[0], found[1])[30, 1, 1] > feet_of(root, local)[30, 1, 1] - 0.06


def test_long_films_are_fitted_in_stretches_without_seams(monkeypatch: pytest.MonkeyPatch) -> None:
    root, local = standing(150)
    contacts = np.tile(CONTACTS[0], (150, 1))
    sight, wrong = sight_of(root, local, noise=0.01), disturbed(root, local, 0.05)
    whole = refined(*wrong, contacts, OFFSETS, sight, 30.0)
    monkeypatch.setattr(refining, "STRETCH", 70)
    parts = refined(*wrong, contacts, OFFSETS, sight, 30.0)
    ways = [skeleton.forward_kinematics(each[0], each[1], OFFSETS)[0] for each in (whole, parts)]
    assert np.linalg.norm(ways[0] - ways[1], axis=-1).max() < 0.03
    jumps = [np.linalg.norm(np.diff(way, n=2, axis=0), axis=-1).max() for way in ways]
    assert jumps[1] < 1.5 * jumps[0] + 0.002


def test_one_and_two_frames_can_be_fitted() -> None:
    for count in (1, 2, 3):
        root, local = standing(count)
        found = refined(*disturbed(root, local, 0.05), CONTACTS[:count], OFFSETS, sight_of(root, local), 30.0)
        assert all(np.isfinite(each).all() for each in found)


def test_frames_without_keypoints_keep_the_estimate() -> None:
    root, local = standing()
    sight = sight_of(root, local)
    hidden = Sight(sight.cameras, sight.places, sight.slopes, np.zeros((60, 17)))
    found = refined(root, local, CONTACTS * 0.0, OFFSETS, hidden, 30.0)
    np.testing.assert_allclose(found[0], root, atol=1e-6)
    assert rotation.angle(found[1], local).max() < 1e-6


def test_the_floor_is_where_feet_stand_lowest() -> None:
    root, local = standing()
    root[:40, 1] += 1.8
    root[:, 1] += 5.0
    assert floor_of(root, local, CONTACTS, OFFSETS) == pytest.approx(5.0, abs=0.02)
    assert floor_of(root, local, CONTACTS * 0.0, OFFSETS) is None


def test_a_jump_is_as_high_as_it_was_and_the_estimate_need_not_know() -> None:
    """The estimate stands on the floor all the time; the camera sees a jump of half a metre."""
    root, local = standing()
    jump = np.clip(0.5 - 4.9 * ((np.arange(60) - 30) / 30.0) ** 2, 0.0, None)
    true = root + np.stack([0 * jump, jump, 0 * jump], axis=-1)
    motion = Motion(30.0, true, local, CONTACTS)
    film = film_of(motion, np.tile(cameras_at(0.1), (60, 1, 1)), behind(motion, 5.0))
    contacts = CONTACTS * (jump < 0.01)[:, None]
    found = fitted_to_films([film], (root, local, contacts), OFFSETS, 30.0)
    assert np.ptp(found[0][:, 1]) == pytest.approx(0.5, abs=0.06)
    assert found[0][0, 1] == pytest.approx(true[0, 1], abs=0.03)
    camera = with_cameras(Motion(30.0, found[0], found[1], contacts), [film])
    assert camera.camera_positions is not None
    assert camera.camera_positions[0, 1] == pytest.approx(behind(motion, 5.0)[0, 1], abs=0.08)


def test_a_stairway_leads_up() -> None:
    root, local = standing(90)
    steps = 0.18 * (np.arange(90) // 30)
    true = root + np.stack([0 * steps, steps, 0 * steps], axis=-1)
    motion = Motion(30.0, true, local, np.tile(CONTACTS[0], (90, 1)))
    film = film_of(motion, np.tile(cameras_at(0.1), (90, 1, 1)), behind(motion, 5.0))
    found = fitted_to_films([film], (root, local, motion.contacts), OFFSETS, 30.0)
    for frame in (10, 45, 80):
        assert found[0][frame, 1] == pytest.approx(true[frame, 1], abs=0.04)


def test_nobody_seen_changes_nothing() -> None:
    root, local = standing()
    motion = Motion(30.0, root, local, CONTACTS)
    film = film_of(motion, np.tile(cameras_at(0.1), (60, 1, 1)), behind(motion, 5.0))
    empty = replace(film, visible=np.zeros_like(film.visible))
    found = fitted_to_films([empty], (root, local, CONTACTS), OFFSETS, 30.0)
    np.testing.assert_array_equal(found[0], root)
    np.testing.assert_array_equal(found[1], local)


def test_bones_of_the_points_are_all_there() -> None:
    assert len(bodies.TURNED) == 18
    assert WIDTH == 57
