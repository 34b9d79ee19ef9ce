"""Rotation algebra against matrices and its own inverses."""

from __future__ import annotations

import numpy as np
import pytest

from genmo.runtime import rotation

RANDOM = np.random.default_rng(1)
TURNS = rotation.normalize(RANDOM.normal(size=(200, 4)))
OTHERS = rotation.normalize(RANDOM.normal(size=(200, 4)))
VECTORS = RANDOM.normal(size=(200, 3))


def assert_same_rotation(first: np.ndarray, second: np.ndarray, tolerance: float = 1e-7) -> None:
    assert rotation.angle(first, second).max() < tolerance


def test_rotate_and_multiply_agree_with_matrices() -> None:
    matrices = rotation.to_matrix(TURNS)
    np.testing.assert_allclose(rotation.rotate(TURNS, VECTORS), np.einsum("nij,nj->ni", matrices, VECTORS), atol=1e-12)
    product = rotation.to_matrix(rotation.multiply(TURNS, OTHERS))
    np.testing.assert_allclose(product, matrices @ rotation.to_matrix(OTHERS), atol=1e-12)


def test_matrices_are_rotations() -> None:
    matrices = rotation.to_matrix(TURNS)
    np.testing.assert_allclose(
        matrices @ np.swapaxes(matrices, -1, -2), np.broadcast_to(np.eye(3), (200, 3, 3)), atol=1e-12
    )
    np.testing.assert_allclose(np.linalg.det(matrices), 1.0, atol=1e-12)


def test_conversions_come_back() -> None:
    assert_same_rotation(rotation.from_matrix(rotation.to_matrix(TURNS)), TURNS)
    assert_same_rotation(rotation.from_axis_angle(rotation.to_axis_angle(TURNS)), TURNS)
    sixd = rotation.sixd_from_matrix(rotation.to_matrix(TURNS))
    assert_same_rotation(rotation.from_matrix(rotation.matrix_from_sixd(sixd)), TURNS)


@pytest.mark.parametrize("angle", [0.0, 1e-12, 1e-6, np.pi / 2, np.pi - 1e-9, np.pi])
def test_axis_angle_at_the_edges(angle: float) -> None:
    for axis in np.eye(3):
        turn = rotation.from_axis_angle(axis * angle)
        np.testing.assert_allclose(np.linalg.norm(turn), 1.0, atol=1e-14)
        np.testing.assert_allclose(np.linalg.norm(rotation.to_axis_angle(turn)), angle, atol=1e-9)
        assert_same_rotation(rotation.from_matrix(rotation.to_matrix(turn)), turn)


def test_axis_angle_takes_the_shorter_way() -> None:
    assert np.linalg.norm(rotation.to_axis_angle(-TURNS), axis=-1).max() <= np.pi + 1e-12


def test_between_turns_one_direction_into_the_other() -> None:
    start, end = rotation.normalize(VECTORS), rotation.normalize(VECTORS[::-1])
    np.testing.assert_allclose(rotation.rotate(rotation.between(start, end), start), end, atol=1e-9)
    for axis in np.vstack([np.eye(3), -np.eye(3)]):
        turn = rotation.between(axis, -axis)
        np.testing.assert_allclose(rotation.rotate(turn, axis), -axis, atol=1e-9)
        assert_same_rotation(rotation.between(axis, axis), rotation.identity())


def test_heading_is_the_turn_about_y() -> None:
    angles = np.linspace(-3.1, 3.1, 50)
    np.testing.assert_allclose(rotation.heading(rotation.about_y(angles)), angles, atol=1e-12)
    forward = rotation.rotate(rotation.about_y(np.pi / 2), [0.0, 0.0, 1.0])
    np.testing.assert_allclose(forward, [1.0, 0.0, 0.0], atol=1e-12)  # from +Z towards +X
    turned = rotation.heading(rotation.multiply(rotation.about_y(0.3), TURNS)) - rotation.heading(TURNS)
    np.testing.assert_allclose((turned + np.pi) % (2 * np.pi) - np.pi, 0.3, atol=1e-9)


def test_slerp_is_even_and_takes_the_shorter_way() -> None:
    weights = np.full(200, 0.25)
    quarter = rotation.slerp(TURNS, -OTHERS, weights)
    np.testing.assert_allclose(rotation.angle(TURNS, quarter), 0.25 * rotation.angle(TURNS, OTHERS), atol=1e-9)
    assert_same_rotation(rotation.slerp(TURNS, OTHERS, np.zeros(200)), TURNS)
    assert_same_rotation(rotation.slerp(TURNS, OTHERS, np.ones(200)), OTHERS)


def test_continuous_changes_signs_only() -> None:
    smooth = rotation.continuous(TURNS)
    assert (np.sum(smooth[1:] * smooth[:-1], axis=-1) >= 0).all()
    np.testing.assert_array_equal(np.abs(smooth), np.abs(TURNS))


def test_normalize_leaves_zero_alone() -> None:
    np.testing.assert_array_equal(rotation.normalize([0.0, 0.0, 0.0]), [0.0, 0.0, 0.0])
