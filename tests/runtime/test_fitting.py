"""The smooth course equals the dense least-squares solution, and follows what is known well."""

from __future__ import annotations

import numpy as np
import pytest

from genmo.runtime.fitting import smooth_fit


def dense(measured: np.ndarray, information: np.ndarray, stiffness: float) -> np.ndarray:
    """The same minimum by one dense solve."""
    count, width = measured.shape
    second = np.zeros((max(count - 2, 0), count))
    for row in range(len(second)):
        second[row, row : row + 3] = [1.0, -2.0, 1.0]
    first = np.diff(np.eye(count), axis=0)
    stiff = stiffness * (second.T @ second + 1e-9 * first.T @ first)
    matrix = np.kron(stiff, np.eye(width))
    for frame in range(count):
        part = slice(frame * width, (frame + 1) * width)
        matrix[part, part] += information[frame]
    right = np.einsum("tij,tj->ti", information, measured).reshape(-1)
    return np.linalg.solve(matrix, right).reshape(count, width)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 8, 31])
@pytest.mark.parametrize("width", [1, 2, 3])
def test_equals_the_dense_solution(count: int, width: int) -> None:
    rng = np.random.default_rng(count)
    factors = rng.standard_normal((count, width, width))
    information = factors @ factors.transpose(0, 2, 1)
    information[1::3] = 0.0
    measured = rng.standard_normal((count, width))
    found = smooth_fit(measured, information, 7.0)
    np.testing.assert_allclose(found, dense(measured, information, 7.0), rtol=1e-6, atol=1e-8)


def test_nothing_known_gives_zero() -> None:
    assert not smooth_fit(np.ones((9, 2)), np.zeros((9, 2, 2)), 1.0).any()


def test_a_straight_course_is_kept_whatever_the_stiffness() -> None:
    course = np.linspace(0.0, 1.0, 40)[:, None] * np.array([[1.0, -2.0]])
    information = np.tile(np.eye(2), (40, 1, 1))
    information[10:30] = 0.0
    np.testing.assert_allclose(smooth_fit(course, information, 1e6), course, atol=1e-5)


def test_jitter_is_left_out_where_little_is_known() -> None:
    jitter = np.stack([(-1.0) ** np.arange(60)] * 2, axis=1)
    information = np.tile(np.diag([1e6, 1.0]), (60, 1, 1))
    found = smooth_fit(jitter, information, 1e3)
    assert np.abs(found[10:50, 0] - jitter[10:50, 0]).max() < 0.05
    assert np.abs(found[10:50, 1]).max() < 0.05
