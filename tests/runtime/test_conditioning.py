"""Condition channels: interpolated where known, silent where not, and blind to place and direction."""

from __future__ import annotations

import numpy as np
import pytest

from genmo.runtime import conditioning, features, rotation
from genmo.runtime.conditioning import CONDITIONS, PIN_JOINTS, Observations, condition_channels, reference_headings

FPS = 30.0
MEAN, STD = np.zeros(133), np.ones(133)


def channels(known: Observations, default: float = 0.0) -> np.ndarray:
    return condition_channels(known, reference_headings(known, FPS, default), FPS, MEAN, STD)


def observed(frames: int, turn: float = 0.0, shift: tuple[float, float] = (0.0, 0.0)) -> Observations:
    """Two keys, three waypoints and a pin, all turned about the origin and moved."""
    rng = np.random.default_rng(3)
    known = conditioning.empty_observations(frames)
    known.pose[:] = rng.normal(size=known.pose.shape)
    known.pose_mask[[5, 40]] = True
    known.path_mask[[0, 30, 55]] = True
    path = rng.normal(size=(frames, 2))
    known.path[:] = features.turn_planar(path, turn) + np.array(shift)
    known.heading_mask[[5, 40]] = True
    known.headings[[5, 40]] = np.array([0.2, 1.4]) + turn
    known.pin_mask[20:25, 0] = True
    pin = features.turn_planar([0.4, 0.9], turn) + np.array(shift)
    known.pins[:, 0] = [pin[0], 1.1, pin[1]]
    return known


def test_nothing_known_gives_zeros() -> None:
    values = channels(conditioning.empty_observations(40), default=2.0)
    assert values.shape == (40, CONDITIONS.width)
    assert not values.any()


def test_channels_do_not_change_when_the_request_is_moved_and_turned() -> None:
    first, second = channels(observed(60)), channels(observed(60, turn=2.3, shift=(4.0, -7.0)))
    np.testing.assert_allclose(first, second, atol=1e-4)
    assert np.abs(first).max() > 0.5


def test_pose_is_interpolated_between_keys_and_fades_outside() -> None:
    known = conditioning.empty_observations(60)
    known.pose_mask[10] = known.pose_mask[20] = True
    known.pose[10], known.pose[20] = 1.0, 3.0
    values = channels(known)
    pose, weight = values[:, CONDITIONS["pose"]], values[:, CONDITIONS["pose_weight"]]
    np.testing.assert_allclose(pose[15], 2.0, rtol=1e-6)
    np.testing.assert_allclose(weight[10:21], 1.0)
    np.testing.assert_allclose(weight[35], np.exp(-1.0), rtol=1e-6)
    np.testing.assert_allclose(pose[35], 3.0 * np.exp(-1.0), rtol=1e-6)
    assert np.flatnonzero(values[:, CONDITIONS["pose_exact"]].any(axis=1)).tolist() == [10, 20]


def test_far_keys_fade_instead_of_blending_into_each_other() -> None:
    known = conditioning.empty_observations(241)
    known.pose_mask[[0, 240]] = True
    known.pose[0], known.pose[240] = 1.0, 3.0
    values = channels(known)
    weight = values[:, CONDITIONS["pose_weight"]][:, 0]
    pose = values[:, CONDITIONS["pose"]][:, 0]
    assert weight[120] < 1e-3
    np.testing.assert_allclose(pose[30], 1.0 * np.exp(-2.0), rtol=1e-5)
    np.testing.assert_allclose(pose[210], 3.0 * np.exp(-2.0), rtol=1e-5)


def test_partial_key_leaves_other_joints_silent() -> None:
    known = conditioning.empty_observations(30)
    known.pose_mask[12, 18] = True
    known.pose[12, 18] = 1.0
    values = channels(known)
    assert np.flatnonzero(values[:, CONDITIONS["pose_weight"]].any(axis=0)).tolist() == [18]


def test_path_velocity_is_in_the_reference_heading_frame() -> None:
    """Walking along +X with headings along +X is walking forward: all speed on z."""
    known = conditioning.empty_observations(31)
    known.path_mask[[0, 30]] = True
    known.path[30] = [2.0, 0.0]
    values = channels(known)
    path = values[:, CONDITIONS["path"]]
    np.testing.assert_allclose(path[:30, :2], np.tile([0.0, 2.0], (30, 1)), atol=1e-5)
    assert path[:30, 2].all()
    assert not path[30, :3].any()


def test_pins_are_seen_from_the_path() -> None:
    known = conditioning.empty_observations(20)
    known.path_mask[[0, 19]] = True
    known.path[[0, 19]] = [5.0, 5.0]
    column = PIN_JOINTS.index("r_wrist")
    known.pin_mask[4:6, column] = True
    known.pins[4:6, column] = [5.5, 1.2, 5.0]
    values = channels(known)[:, CONDITIONS["pins"]].reshape(20, len(PIN_JOINTS), 5)
    np.testing.assert_allclose(values[4, column], [0.5, 0.0, 1.0, 1.2, 1.0], atol=1e-6)
    assert not np.delete(values, [4, 5], axis=0).any()


@pytest.mark.parametrize("turns", [0.0, 3.0])
def test_headings_go_the_short_way(turns: float) -> None:
    known = conditioning.empty_observations(11)
    known.heading_mask[[0, 10]] = True
    known.headings[[0, 10]] = np.array([3.0, -3.0]) + turns
    references = reference_headings(known, FPS)
    assert np.abs(np.diff(references)).max() < 0.05
    assert rotation.angle(rotation.about_y(references[10]), rotation.about_y(-3.0 + turns)) < 1e-9
