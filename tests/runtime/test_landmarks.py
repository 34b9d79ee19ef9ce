"""Landmarks over time: sides, even times, and the points that the model knows."""

from __future__ import annotations

import numpy as np
import pytest

from genmo.runtime.errors import RequestError
from genmo.runtime.keypoints import KEYPOINTS, SIDES
from genmo.runtime.people.edits import Edits, edited
from genmo.runtime.people.landmarks import BODY, LIMBS, MAPPING, SOURCES, evenly, mapping, sides_kept, to_keypoints

LEGS = LIMBS[1]


def walking(count: int = 60) -> np.ndarray:
    """Landmarks (n, 33, 2) of somebody who walks through the picture in profile, so that legs and arms cross."""
    time = np.arange(count) / 30.0
    points = np.zeros((count, 33, 2))
    points[..., 0] = 100.0 + 60.0 * time[:, None]
    points[..., 1] = 100.0
    points[:, 11:13, 1], points[:, 23:25, 1] = 100.0, 160.0
    swing = 25.0 * np.sin(2 * np.pi * time)
    for down, (left, right) in zip((45, 90, 95, 100), LEGS, strict=True):
        points[:, left] += np.stack([swing, np.full(count, 60.0 + down)], axis=-1)
        points[:, right] += np.stack([-swing, np.full(count, 60.0 + down)], axis=-1)
    for down, (left, right) in zip((30, 55, 60, 60, 60), LIMBS[0], strict=True):
        points[:, left] += np.stack([-swing, np.full(count, down)], axis=-1)
        points[:, right] += np.stack([swing, np.full(count, down)], axis=-1)
    return points


def exchanged(points: np.ndarray, frames: slice, limbs: int) -> np.ndarray:
    result = points.copy()
    left, right = np.array(LIMBS[limbs]).T
    result[frames, left], result[frames, right] = points[frames, right], points[frames, left]
    return result


@pytest.mark.parametrize("limbs", [0, 1])
@pytest.mark.parametrize("frames", [slice(20, 23), slice(36, 39), slice(35, 43)])
def test_limbs_that_were_taken_for_each_other_are_put_back(limbs: int, frames: slice) -> None:
    true = walking()
    kept, told = sides_kept(exchanged(true, frames, limbs), np.ones((60, 33)))
    wrong = np.abs(kept - true).max(axis=(1, 2)) > 8.0
    assert wrong.sum() <= 3
    assert told[:, 1 + limbs].any()
    assert not told[:, 2 - limbs].any()


def test_a_body_that_was_seen_from_the_wrong_side_is_put_back() -> None:
    true = walking()
    true[:, [11, 23], 0] += 18.0
    true[:, [12, 24], 0] -= 18.0
    wrong = true.copy()
    left, right = np.array(BODY).T
    wrong[20:26, left], wrong[20:26, right] = true[20:26, right], true[20:26, left]
    kept, told = sides_kept(wrong, np.ones((60, 33)))
    np.testing.assert_array_equal(np.flatnonzero(told[:, 0]), np.arange(20, 26))
    np.testing.assert_allclose(kept, true)


def test_a_picture_with_wild_landmarks_changes_nothing_around_it() -> None:
    true = walking()
    wild = true.copy()
    wild[30] += np.random.default_rng(1).normal(scale=60.0, size=(33, 2))
    _, told = sides_kept(wild, np.ones((60, 33)))
    assert set(np.flatnonzero(told.any(axis=1))) <= {30}


def test_limbs_that_cross_are_left_alone() -> None:
    true = walking(120)
    kept, told = sides_kept(true, np.ones((120, 33)))
    assert not told.any()
    np.testing.assert_array_equal(kept, true)


def test_few_pictures_are_left_alone() -> None:
    for count in (0, 1, 2):
        kept, told = sides_kept(walking(60)[:count], np.ones((count, 33)))
        assert len(kept) == len(told) == count


def test_every_keypoint_is_a_mean_of_landmarks() -> None:
    np.testing.assert_allclose(MAPPING.sum(axis=1), 1.0)
    moved = to_keypoints(walking(3) + np.array([7.0, -4.0]), np.ones((3, 33)))
    np.testing.assert_allclose(moved[..., :2], to_keypoints(walking(3), np.ones((3, 33)))[..., :2] + [7.0, -4.0])


def test_the_mapping_is_the_same_for_both_sides() -> None:
    points = np.random.default_rng(2).normal(size=(1, 33, 2))
    mirror = points * [-1.0, 1.0]
    order = np.arange(33)
    for left, right in [(1, 4), (2, 5), (3, 6), (7, 8), (9, 10), *((k, k + 1) for k in range(11, 33, 2))]:
        order[[left, right]] = right, left
    found = to_keypoints(points, np.ones((1, 33)))[..., :2]
    mirrored = to_keypoints(mirror[:, order], np.ones((1, 33)))[..., :2]
    np.testing.assert_allclose(mirrored[:, list(SIDES)] * [-1.0, 1.0], found)


def test_offsets_of_the_mapping_mean_what_they_say() -> None:
    points = np.zeros((33, 2))
    points[11], points[12], points[23], points[24] = (20, 0), (-20, 0), (10, 50), (-10, 50)
    points[7], points[8], points[2], points[5], points[0] = (6, -30), (-6, -30), (3, -32), (-3, -32), (1, -28)
    rows = dict(zip(KEYPOINTS, mapping({"shoulder": (-0.25, 0.1), "eye": (0.5, 0.0), "nose": (1.0, 0.0)}), strict=True))
    np.testing.assert_allclose(rows["l_shoulder"] @ points, [15, -5])
    np.testing.assert_allclose(rows["r_shoulder"] @ points, [-15, -5])
    np.testing.assert_allclose(rows["l_eye"] @ points, [6, -32])
    np.testing.assert_allclose(rows["r_eye"] @ points, [-6, -32])
    np.testing.assert_allclose(rows["nose"] @ points, [2, -26])
    np.testing.assert_allclose(rows["l_knee"] @ points, points[SOURCES[KEYPOINTS.index("l_knee")]])


def curve(times: np.ndarray) -> np.ndarray:
    """Keypoints (n, 17, 3) on a smooth course."""
    values = np.stack([100 + 40 * np.sin(2 * times), 50 + 30 * times, np.full(len(times), 0.9)], axis=-1)
    return np.repeat(values[:, None], 17, axis=1)


@pytest.mark.parametrize("fps", [24.0, 25.0, 30.0, 12.0])
def test_other_rates_come_to_the_same_course(fps: float) -> None:
    times, grid = np.arange(0, 3, 1 / fps), np.arange(0, 2.9, 1 / 30)
    np.testing.assert_allclose(evenly(times, curve(times), grid), curve(grid), atol=0.3)


def test_uneven_times_come_to_the_same_course() -> None:
    times = np.sort(np.random.default_rng(0).uniform(0, 3, 120))
    times[[0, -1]] = 0.0, 3.0
    grid = np.arange(0, 2.9, 1 / 30)
    np.testing.assert_allclose(evenly(times, curve(times), grid)[..., :2], curve(grid)[..., :2], atol=0.8)


def test_while_a_person_is_away_nothing_counts() -> None:
    times = np.concatenate([np.arange(15, 45), np.arange(75, 90)]) / 30.0
    grid = np.arange(120) / 30.0
    sure = evenly(times, curve(times), grid)[:, 0, 2]
    np.testing.assert_array_equal(sure > 0.5, [15 <= t < 45 or 75 <= t < 90 for t in range(120)])
    assert not evenly(np.zeros(0), np.zeros((0, 17, 3)), grid).any()
    one = evenly(np.array([1.0]), curve(np.array([1.0])), grid)
    assert (one[:, 0, 2] > 0).sum() <= 1


def test_masks_points_and_sides_change_what_they_name_and_nothing_else() -> None:
    times = np.arange(60) / 30.0
    before = curve(times)
    before[:, 5:7, 0] += [[-10.0, 10.0]]
    edits = Edits.from_json(
        {
            "masks": [{"person": 1, "start": 0.5, "stop": 0.7, "joints": ["l_wrist"]}],
            "points": [{"person": 1, "time": 1.0, "joint": "r_ankle", "x": 300.0, "y": 310.0}],
            "sides": [{"person": 1, "start": 1.5, "stop": 1.6}],
        }
    )
    np.testing.assert_array_equal(edited(before, times, edits, 0), before)
    after = edited(before, times, edits, 1)
    wrist, ankle = KEYPOINTS.index("l_wrist"), KEYPOINTS.index("r_ankle")
    np.testing.assert_array_equal(np.flatnonzero(after[:, wrist, 2] == 0), np.arange(15, 21))
    np.testing.assert_allclose(after[30, ankle], [300.0, 310.0, 1.0])
    moved = np.linalg.norm(after[:, ankle, :2] - before[:, ankle, :2], axis=1)
    assert (moved[:22] == 0).all()
    assert (moved[38:] == 0).all()
    assert (np.diff(moved[23:31]) > 0).all()
    np.testing.assert_array_equal(after[45:48, 5, :2], before[45:48, 6, :2])
    untouched = [k for k in range(17) if k not in (wrist, ankle)]
    np.testing.assert_array_equal(after[:45, untouched], before[:45, untouched])


def test_all_joints_are_masked_when_none_is_named() -> None:
    edits = Edits.from_json({"masks": [{"start": 0.0, "stop": 1.0}]})
    after = edited(curve(np.arange(60) / 30.0), np.arange(60) / 30.0, edits, 0)
    assert not after[:30, :, 2].any()
    assert after[30:, :, 2].all()


@pytest.mark.parametrize(
    ("edits", "sentence"),
    [
        ({"mask": []}, "unknown key 'mask'"),
        ({"masks": {}}, "masks: must be a list"),
        ({"masks": [{"start": 0.0}]}, r"masks\[0\].stop: must be a number"),
        ({"masks": [{"start": 0.0, "stop": 1.0, "joints": ["hand"]}]}, "'hand' is none of the keypoints"),
        ({"points": [{"time": 1.0, "joint": "nose", "x": float("nan"), "y": 0.0}]}, r"points\[0\].x"),
        ({"sides": [{"person": -1, "start": 0.0, "stop": 1.0}]}, "person: must be from 0"),
        ([], "must be an object"),
    ],
)
def test_edits_that_make_no_sense_are_refused(edits: object, sentence: str) -> None:
    with pytest.raises(RequestError, match=sentence):
        Edits.from_json(edits)
