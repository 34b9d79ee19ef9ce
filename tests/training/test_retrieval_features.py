"""Features of the retrieval model do not depend on where a motion stands, and mirror and cut as the motion does."""

from __future__ import annotations

import numpy as np
import pytest

from genmo.runtime import retrieval_features as features
from genmo.runtime import rotation, skeleton
from genmo.tests.training.archives import made_up_clip


def positions(frames: int = 60, seed: int = 0) -> np.ndarray:
    """A body (T, 22, 3) that strolls along a curve and sways."""
    rotations, root, _ = made_up_clip(frames, seed)
    rotations[:, 0, 1] += np.linspace(0, 2.5, frames)
    return skeleton.forward_kinematics(root, rotation.from_axis_angle(rotations))[0]


def turned(motion: np.ndarray, angle: float) -> np.ndarray:
    return rotation.rotate(rotation.about_y(np.full(motion.shape[:2], angle)), motion)


@pytest.mark.parametrize("angle", [0.7, -2.0, np.pi])
def test_turning_and_moving_a_motion_changes_nothing(angle: float) -> None:
    motion = positions()
    moved = turned(motion, angle) + np.array([3.0, 0.0, -8.0])
    np.testing.assert_allclose(features.encode(moved), features.encode(motion), atol=1e-9)


def test_height_is_not_taken_away() -> None:
    motion = positions()
    change = features.encode(motion + np.array([0.0, 0.3, 0.0])) - features.encode(motion)
    np.testing.assert_allclose(change[:, features.ROOT], np.tile([0.0, 0.3, 0.0], (60, 1)), atol=1e-12)
    np.testing.assert_allclose(change[:, features.LOCAL][:, 1::3], 0.3, atol=1e-12)


@pytest.mark.parametrize("angle", [0.0, 0.5, -1.0, 3.0])
def test_heading_is_that_of_the_body(angle: float) -> None:
    motion = np.tile(turned(skeleton.forward_kinematics(np.zeros(3), rotation.identity(22))[0][None], angle), (5, 1, 1))
    np.testing.assert_allclose(features.headings(motion), angle, atol=1e-6)


def test_heading_survives_frames_in_which_it_has_no_meaning() -> None:
    motion = np.tile(skeleton.forward_kinematics(np.zeros(3), rotation.identity(22))[0][None], (40, 1, 1))
    on_the_side = rotation.rotate(rotation.from_axis_angle([0.0, 0.0, np.pi / 2]), motion[0])
    motion[18:22] = on_the_side
    np.testing.assert_allclose(features.headings(motion), 0.0, atol=1e-6)


def test_a_straight_walk_in_numbers() -> None:
    motion = np.tile(skeleton.forward_kinematics(np.zeros(3), rotation.identity(22))[0][None], (30, 1, 1))
    motion += np.array([0.0, 0.95, 0.0]) + np.arange(30)[:, None, None] * [0.0, 0.0, 0.02]
    found = features.encode(turned(motion, 2.0))
    np.testing.assert_allclose(found[:, features.ROOT][:, 2], np.arange(30) * 0.02, atol=1e-6)
    np.testing.assert_allclose(found[:, features.HEADING], np.tile([1.0, 0.0], (30, 1)), atol=1e-6)
    np.testing.assert_allclose(found[:, features.TURN], 0.0, atol=1e-6)
    velocity = found[:, features.VELOCITY].reshape(30, 22, 3)
    np.testing.assert_allclose(velocity, np.tile([0.0, 0.0, 0.6], (30, 22, 1)), atol=1e-6)
    assert not found[:, features.CONTACT].any(), "sliding feet do not stand"


def test_a_foot_stands_where_it_is_low_and_slow() -> None:
    pose = skeleton.forward_kinematics([0.0, 0.95, 0.0], rotation.identity(22))[0]
    motion = np.tile(pose - [0.0, pose[:, 1].min() - skeleton.FLOOR_OFFSET, 0.0], (20, 1, 1))
    right = [skeleton.INDEX["r_ankle"], skeleton.INDEX["r_foot"]]
    motion[10:, right, 1] += 0.2
    contacts = features.encode(motion)[:, features.CONTACT]
    assert contacts[:, :2].all()
    assert contacts[:9, 2:].all()
    assert not contacts[9:, 2:].any()


def test_turning_left_is_positive() -> None:
    motion = np.stack([turned(positions(2)[:1], 0.05 * frame)[0] for frame in range(30)])
    found = features.encode(motion)
    np.testing.assert_allclose(found[14:16, features.TURN], 0.05 * features.FPS, rtol=0.01)
    assert (found[1:, features.HEADING][:, 1] > 0).all()


def test_the_mirror_image_has_mirrored_features() -> None:
    motion = positions()
    mirror = motion[:, list(skeleton.MIRROR)] * [-1.0, 1.0, 1.0]
    np.testing.assert_allclose(features.mirrored(features.encode(motion)), features.encode(mirror), atol=1e-9)


def test_a_window_is_the_features_of_the_cut_motion() -> None:
    motion = positions(120)
    cut = features.window(features.encode(motion), 30, 90)
    expected = features.encode(motion[30:90])
    np.testing.assert_array_equal(cut[:, features.CONTACT], expected[:, features.CONTACT])
    # The smoothing of the heading sees beyond the cut, so the ends differ a little.
    np.testing.assert_allclose(cut[10:-10], expected[10:-10], atol=0.02)
    np.testing.assert_allclose(cut[:-1], expected[:-1], atol=0.2)
    start = cut[0]
    np.testing.assert_allclose(start[[0, 2, 3, 4]], [0.0, 0.0, 1.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(features.window(features.encode(motion), 0, 120), features.encode(motion), atol=1e-12)


def test_a_larger_body_has_larger_lengths() -> None:
    motion = positions()
    scaled, expected = features.scaled(features.encode(motion), 1.1), features.encode(motion * 1.1)
    np.testing.assert_allclose(scaled[:, : features.VELOCITY.stop], expected[:, : features.VELOCITY.stop], atol=1e-9)


@pytest.mark.parametrize("motion", [np.zeros((5, 21, 3)), np.zeros((1, 22, 3)), np.full((5, 22, 3), np.nan)])
def test_what_is_no_motion_is_refused(motion: np.ndarray) -> None:
    with pytest.raises(ValueError, match="positions"):
        features.encode(motion)
