"""Quaternions as the other rotation channels that a pose bone may use, continuous in time."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...runtime import rotation

Array = NDArray[np.float64]

ORDERS: Final = ("XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX")
"""Blender's Euler orders: the first axis is turned about first, so "XYZ" is the matrix Rz Ry Rx."""
_STRAIGHT: Final = 1e-7


def euler_from_quaternions(quaternions: Array, order: str) -> Array:
    """Euler angles (T, 3) in radians as x, y, z of quaternions (T, 4), without jumps between neighbours.

    Of the two triples that mean the same rotation the one closer to the frame before is taken, and whole turns are
    added so that no angle jumps by more than half a turn.
    """
    i, j, k = ("XYZ".index(axis) for axis in order)
    sign = 1.0 if (j - i) % 3 == 1 else -1.0
    m = rotation.to_matrix(quaternions)
    middle = np.arctan2(-sign * m[:, k, i], np.hypot(m[:, i, i], m[:, j, i]))
    locked = np.hypot(m[:, i, i], m[:, j, i]) < _STRAIGHT  # gimbal lock: the last angle can be anything
    first = np.where(locked, np.arctan2(-sign * m[:, j, k], m[:, j, j]), np.arctan2(sign * m[:, k, j], m[:, k, k]))
    last = np.where(locked, 0.0, np.arctan2(sign * m[:, j, i], m[:, i, i]))
    angles = np.empty((len(m), 3))
    angles[:, i], angles[:, j], angles[:, k] = first, middle, last
    other = angles + np.pi
    other[:, j] = np.pi - angles[:, j]
    # Whether to change sides between two frames does not depend on the side itself.
    stay = np.abs(_wrapped(angles[1:] - angles[:-1])).sum(axis=1)
    change = np.abs(_wrapped(other[1:] - angles[:-1])).sum(axis=1)
    flipped = np.concatenate([[False], np.cumsum(change < stay - 1e-9) % 2 == 1])
    return np.unwrap(np.where(flipped[:, None], other, angles), axis=0)


def _wrapped(angles: Array) -> Array:
    return (angles + np.pi) % (2.0 * np.pi) - np.pi


def axis_angle_from_quaternions(quaternions: Array) -> Array:
    """Angle and axis (T, 4) of quaternions (T, 4); without rotation the axis stays what it was."""
    q = rotation.continuous(quaternions)
    sine = np.linalg.norm(q[:, 1:], axis=-1)
    turned = sine > _STRAIGHT
    latest = np.maximum.accumulate(np.where(turned, np.arange(len(q)), -1))
    axes = np.where(turned[:, None], q[:, 1:] / np.maximum(sine, _STRAIGHT)[:, None], [0.0, 1.0, 0.0])
    axes = np.where(latest[:, None] >= 0, axes[latest], axes)
    return np.concatenate([2.0 * np.arctan2(sine, q[:, 0])[:, None], axes], axis=1)


def quaternions_from_euler(angles: Array, order: str) -> Array:
    """Quaternions (T, 4) of Euler angles (T, 3) as x, y, z in radians."""
    result = rotation.identity(len(angles))
    for axis in order:
        index = "XYZ".index(axis)
        turn = np.zeros((len(angles), 3))
        turn[:, index] = angles[:, index]
        result = rotation.multiply(rotation.from_axis_angle(turn), result)
    return result


def aligned(angles: Array, reference: Array, order: str) -> Array:
    """Continuous Euler angles (T, 3) of the same rotations that begin as near as possible to other angles (3,)."""
    i, j, k = ("XYZ".index(axis) for axis in order)
    other = angles.copy()
    other[:, i], other[:, j], other[:, k] = angles[:, i] + np.pi, np.pi - angles[:, j], angles[:, k] + np.pi
    turned = [each - 2.0 * np.pi * np.round((each[0] - reference) / (2.0 * np.pi)) for each in (angles, other)]
    return min(turned, key=lambda each: float(np.abs(each[0] - reference).sum()))
