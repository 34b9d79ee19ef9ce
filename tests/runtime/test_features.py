"""Features are the motion: round trip, and blind to where the motion stands and which way it faces."""

from __future__ import annotations

import numpy as np
import pytest

from genmo.runtime import features, rotation, skeleton
from genmo.runtime.features import LAYOUT

FPS = 30.0


def random_motion(frames: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Smooth random joints, a root that wanders and turns, random contacts."""
    rng = np.random.default_rng(seed)
    vectors = np.cumsum(rng.normal(scale=0.05, size=(frames, 22, 3)), axis=0)
    local = rotation.from_axis_angle(vectors)
    root = np.cumsum(rng.normal(scale=0.02, size=(frames, 3)), axis=0) + np.array([3.0, 0.9, -2.0])
    return root, local, (rng.random((frames, 6)) > 0.5).astype(float)


def test_layout_tiles_the_vector() -> None:
    ends = [0, *(LAYOUT[name].stop for name in LAYOUT.sizes)]
    assert [LAYOUT[name].start for name in LAYOUT.sizes] == ends[:-1]
    assert LAYOUT.width == ends[-1]
    assert LAYOUT.to_json()["contacts"] == [LAYOUT.width - 6, LAYOUT.width]
    with pytest.raises(KeyError, match="hands"):
        LAYOUT["hands"]


@pytest.mark.parametrize("frames", [1, 2, 90])
def test_decode_is_the_inverse_of_encode(frames: int) -> None:
    root, local, contacts = random_motion(frames)
    references = np.linspace(0.3, 9.0, frames)  # more than a whole turn
    values = features.encode(root, local, contacts, references, FPS)
    back_root, back_local, back_contacts = features.decode(values, references, FPS)
    np.testing.assert_allclose(back_root - back_root[0], (root - root[0]), atol=1e-9)
    np.testing.assert_allclose(back_root[:, 1], root[:, 1], atol=1e-12)
    assert rotation.angle(back_local, local).max() < 1e-6
    np.testing.assert_allclose(back_contacts, contacts)


def test_features_do_not_change_when_the_motion_is_moved_and_turned() -> None:
    root, local, contacts = random_motion(60)
    references = np.full(60, 0.4)
    turn = rotation.about_y(1.9)
    moved = rotation.rotate(turn, root) + np.array([5.0, 0.0, 7.0])
    turned = local.copy()
    turned[:, 0] = rotation.multiply(turn, local[:, 0])
    first = features.encode(root, local, contacts, references, FPS)
    second = features.encode(moved, turned, contacts, references + 1.9, FPS)
    np.testing.assert_allclose(first, second, atol=1e-9)


def test_velocity_forward_is_plus_z_of_the_body() -> None:
    """Independent of the code under test: a body that faces +X and walks along +X moves along its own +Z."""
    root = np.stack([np.arange(10) * 0.05, np.full(10, 0.9), np.zeros(10)], axis=1)
    local = rotation.identity(10, skeleton.JOINT_COUNT)
    local[:, 0] = rotation.from_axis_angle([0.0, np.pi / 2, 0.0])
    values = features.encode(root, local, np.zeros((10, 6)), np.zeros(10), FPS)
    np.testing.assert_allclose(values[:, LAYOUT["root_velocity"]], np.tile([0.0, 1.5], (10, 1)), atol=1e-9)
    np.testing.assert_allclose(values[:, LAYOUT["heading"]], np.tile([1.0, 0.0], (10, 1)), atol=1e-9)


def test_decode_of_any_numbers_is_a_finite_motion() -> None:
    values = np.random.default_rng(1).normal(scale=5.0, size=(40, LAYOUT.width))
    values[7, LAYOUT["body_pose"]] = 0.0  # no direction at all
    root, local, contacts = features.decode(values, np.zeros(40), FPS)
    assert all(np.isfinite(array).all() for array in (root, local, contacts))
    np.testing.assert_allclose(np.linalg.norm(local, axis=-1), 1.0, atol=1e-6)
