"""Euler angles and axis-angle from quaternions."""

from __future__ import annotations

import numpy as np
import pytest

from genmo.genmo_blender.core.euler import ORDERS, axis_angle_from_quaternions, euler_from_quaternions
from genmo.runtime import rotation


def composed(angles: np.ndarray, order: str) -> np.ndarray:
    """Quaternions of Euler angles: the first axis of the order is turned about first."""
    result = rotation.identity(len(angles))
    for axis in order:
        column = "XYZ".index(axis)
        result = rotation.multiply(rotation.from_axis_angle(np.eye(3)[column] * angles[:, column, None]), result)
    return result


@pytest.mark.parametrize("order", ORDERS)
def test_the_angles_mean_the_rotation(order: str) -> None:
    turns = rotation.from_axis_angle(np.random.default_rng(0).normal(0.0, 1.5, (200, 3)))
    angles = euler_from_quaternions(turns, order)
    assert np.degrees(rotation.angle(composed(angles, order), turns)).max() < 1e-5


@pytest.mark.parametrize("order", ORDERS)
def test_no_jumps_through_a_full_tumble(order: str) -> None:
    time = np.linspace(0.0, 6.0, 600)
    steps = np.stack([np.sin(time), 1.3 * time, 0.7 * np.cos(2 * time)], axis=-1)
    angles = euler_from_quaternions(composed(steps, order), order)
    middle = "XYZ".index(order[1])
    smooth = np.abs(np.cos(angles[:, middle])) > 0.2  # close to gimbal lock angles must turn fast
    assert np.abs(np.diff(angles, axis=0))[smooth[1:] & smooth[:-1]].max() < 0.2


def test_gimbal_lock_still_means_the_rotation() -> None:
    angles = np.array([[0.3, np.pi / 2, 0.4], [0.3, -np.pi / 2, 0.4]])
    turns = composed(angles, "XYZ")
    assert np.degrees(rotation.angle(composed(euler_from_quaternions(turns, "XYZ"), "XYZ"), turns)).max() < 1e-4


def test_axis_and_angle() -> None:
    turns = rotation.from_axis_angle([[0.0, 0.0, 0.0], [0.0, 0.0, 0.5], [0.0, 0.0, 0.0], [0.0, 0.0, -0.5]])
    values = axis_angle_from_quaternions(turns)
    assert np.allclose(np.linalg.norm(values[:, 1:], axis=-1), 1.0)
    assert np.allclose(rotation.angle(rotation.from_axis_angle(values[:, :1] * values[:, 1:]), turns), 0.0, atol=1e-9)
    assert values[2, 1:].tolist() == [0.0, 0.0, 1.0]
