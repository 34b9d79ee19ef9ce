"""Axes: model space against Blender's."""

from __future__ import annotations

import numpy as np
import pytest

from genmo.genmo_blender.core import coordinates
from genmo.runtime import rotation


def placed(angle: float, place: tuple[float, float, float], size: float = 1.0) -> np.ndarray:
    """Matrix of a character that was turned about the world's Z, moved and scaled."""
    c, s = np.cos(angle), np.sin(angle)
    turn = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    return coordinates.affine(size * turn @ coordinates.BLENDER_FROM_MODEL, place)


def test_up_left_and_front() -> None:
    assert coordinates.blender_from_model([0, 1, 0]).tolist() == [0, 0, 1]
    assert coordinates.blender_from_model([1, 0, 0]).tolist() == [1, 0, 0]
    assert coordinates.blender_from_model([0, 0, 1]).tolist() == [0, -1, 0]
    assert coordinates.model_from_blender(coordinates.blender_from_model([1, 2, 3])).tolist() == [1, 2, 3]


def test_points_there_and_back() -> None:
    matrix = placed(0.7, (1.0, 2.0, 0.5), 1.3)
    points = np.random.default_rng(0).normal(size=(7, 3))
    world = coordinates.points_world_from_model(matrix, points)
    assert np.allclose(coordinates.points_model_from_world(matrix, world), points, atol=1e-12)


def test_a_turn_about_world_up_is_a_turn_about_model_up() -> None:
    matrix = placed(1.1, (3.0, 0.0, 0.0), 0.01)
    world = [np.cos(0.2), 0.0, 0.0, np.sin(0.2)]
    assert np.allclose(coordinates.rotations_model_from_world(matrix, world), rotation.about_y(0.4), atol=1e-12)
    assert np.allclose(coordinates.rotations_world_from_model(matrix, rotation.about_y(0.4)), world, atol=1e-12)


@pytest.mark.parametrize("turned", [0.0, 0.5, -2.0])
def test_headings_are_relative_to_the_object(turned: float) -> None:
    matrix = placed(turned, (0.0, 0.0, 0.0))
    angles = np.array([0.0, 0.3, -1.0])
    headings = coordinates.heading_model_from_world(matrix, angles)
    assert np.allclose(np.exp(1j * headings), np.exp(1j * (angles - turned)), atol=1e-12)
    assert np.allclose(np.exp(1j * coordinates.heading_world_from_model(matrix, headings)), np.exp(1j * angles))


def test_nearest_rotation_of_a_scaled_rotation() -> None:
    turn = rotation.to_matrix(rotation.from_axis_angle([[0.1, 0.9, -2.0], [3.0, 0.2, 0.1]]))
    assert np.allclose(coordinates.nearest_rotations(turn * np.array([0.01, 0.01, 0.01])), turn, atol=1e-9)
