"""Cue channels: silent where nothing is known, zero where a point is hidden, blind to where the world's north is."""

from __future__ import annotations

import numpy as np

from genmo.runtime import conditioning, cues, keypoints, rotation
from genmo.runtime.conditioning import CONDITIONS, condition_channels, reference_headings
from genmo.runtime.cues import CUES, Cues, no_cues
from genmo.tests.runtime.test_keypoints import UPRIGHT, standing

FPS, FRAMES = 30.0, 40
MEAN, STD = np.zeros(133), np.ones(133)


def channels(given: Cues, known: conditioning.Observations | None = None) -> np.ndarray:
    observed = conditioning.empty_observations(given.frames) if known is None else known
    references = reference_headings(observed, FPS, 0.0, given)
    return condition_channels(observed, references, FPS, MEAN, STD, given)


def filmed(turn: float = 0.0) -> Cues:
    """A standing body filmed from 4 m by a panning camera, the whole scene turned about the world's Y."""
    given = no_cues(FRAMES)
    spin = rotation.to_matrix(rotation.about_y(turn))
    angles = 0.01 * np.arange(FRAMES)
    pan = np.stack([UPRIGHT @ rotation.to_matrix(rotation.about_y(-angle)) for angle in angles])
    given.cameras[:] = pan @ spin.T
    place = np.tile(spin @ [0.0, 1.4, -4.0], (FRAMES, 1))
    given.keypoints[:] = keypoints.project(standing(FRAMES) @ spin.T, given.cameras, place)[0]
    given.visible[:], given.camera_mask[:], given.gravity_mask[:] = True, True, True
    return given


def test_no_cues_are_silent() -> None:
    assert not channels(no_cues(FRAMES)).any()
    assert list(CONDITIONS.sizes)[-len(CUES.sizes) :] == list(CUES.sizes)


def test_a_view_does_not_depend_on_the_worlds_north() -> None:
    first, second = channels(filmed()), channels(filmed(turn=1.9))
    np.testing.assert_allclose(first, second, atol=1e-5)
    inside = first[:, CONDITIONS["keypoints"]]
    assert 0.7 < np.abs(inside).max() <= 1.0
    np.testing.assert_allclose(first[:, CONDITIONS["view"]], 1.0)
    down = first[:, CONDITIONS["gravity"]]
    np.testing.assert_allclose(down, np.tile([0.0, 1.0, 0.0], (FRAMES, 1)), atol=1e-6)


def test_features_of_filmed_frames_are_relative_to_the_camera() -> None:
    given = filmed(turn=0.7)
    references = reference_headings(conditioning.empty_observations(FRAMES), FPS, 0.0, given)
    np.testing.assert_allclose(references, 0.7 + 0.01 * np.arange(FRAMES), atol=1e-9)


def test_hidden_points_and_frames_without_the_person_say_nothing() -> None:
    given = filmed()
    given.visible[3, 5] = False
    given.visible[7, 3:] = False  # three points are too few
    given.camera_mask[20:] = False
    values = channels(given)
    points = values[:, CONDITIONS["keypoints"]].reshape(FRAMES, 17, 2)
    assert not points[3, 5].any() and points[3, 6].any()
    for group in ("keypoints", "visible", "box"):
        assert not values[7, CONDITIONS[group]].any()
        assert not values[20:, CONDITIONS[group]].any()
    np.testing.assert_array_equal(values[7, CONDITIONS["view"]], [0.0, 1.0, 1.0])
    assert not values[20:, CONDITIONS["view"]].any()
    assert not values[19, CONDITIONS["camera_turn"]].any()


def test_unknown_gravity_is_not_told() -> None:
    given = filmed()
    given.gravity_mask[:] = False
    values = channels(given)
    assert not values[:, CONDITIONS["gravity"]].any()
    assert not values[:, CONDITIONS["view"]][:, 2].any()


def test_a_reference_counts_by_its_strength_and_yields_to_keys() -> None:
    given, known = no_cues(FRAMES), conditioning.empty_observations(FRAMES)
    given.strength[10:20], given.reference_pose[:], given.reference_heights[:] = 0.5, 2.0, 0.8
    given.reference_velocity[:], given.reference_headings[:] = 3.0, 1.1
    known.pose_mask[15], known.pose[15] = True, 7.0
    values = channels(given, known)
    pose, weight = values[:, CONDITIONS["pose"]], values[:, CONDITIONS["pose_weight"]]
    np.testing.assert_allclose(pose[12], 1.0)
    np.testing.assert_allclose(weight[12], 0.5)
    np.testing.assert_allclose(pose[15], 7.0)
    np.testing.assert_allclose(weight[15], 1.0)
    np.testing.assert_allclose(values[12, CONDITIONS["reference"]], [0.5, 1.5, 1.5])
    np.testing.assert_allclose(values[12, CONDITIONS["height"]], [0.4, 0.5, 0.0])
    assert not values[25, CONDITIONS["reference"]].any()
    np.testing.assert_allclose(reference_headings(known, FPS, 0.0, given)[12], 1.1)


def test_a_key_on_a_filmed_frame_tells_its_heading_relative_to_the_camera() -> None:
    given, known = filmed(), conditioning.empty_observations(FRAMES)
    known.heading_mask[4], known.headings[4] = True, 0.54
    values = channels(given, known)
    np.testing.assert_allclose(values[4, CONDITIONS["key_heading"]], [np.sin(0.5), np.cos(0.5)], atol=1e-6)
    assert not values[5, CONDITIONS["key_heading"]].any()


def test_spans_count_frames_to_the_start_and_the_end() -> None:
    given = no_cues(FRAMES)
    given.since_start[10:] = np.arange(FRAMES - 10)
    given.until_end[:30] = 30 - np.arange(30)
    span = channels(given)[:, CONDITIONS["span"]]
    assert not span[5, :3].any() and not span[35, 3:].any()
    np.testing.assert_allclose(span[25, :3], [1.0, np.exp(-1.0), 15 / 300], rtol=1e-6)
    np.testing.assert_allclose(span[0, 3:], [1.0, np.exp(-2.0), 30 / 300], rtol=1e-6)


def test_music_is_passed_on_where_it_plays() -> None:
    given = no_cues(FRAMES)
    given.music[:], given.music_mask[5:15] = 2.0, True
    music = channels(given)[:, CONDITIONS["music"]]
    np.testing.assert_array_equal(music[10], np.append(np.full(cues.MUSIC_FEATURES, 2.0), 1.0))
    assert not music[20].any()
