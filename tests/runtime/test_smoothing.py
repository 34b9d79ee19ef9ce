"""Spreading corrections: against dense linear algebra and closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from genmo.runtime.skeleton import Array
from genmo.runtime.smoothing import Mask, away_from, fade, fade_columns, follow, hold


def dense_minimum(values: Array, known: Mask, magnitude: float, velocity: float) -> Array:
    """The same minimum by a full matrix."""
    count = len(known)
    steps, bends = np.diff(np.eye(count), axis=0), np.diff(np.eye(count), 2, axis=0)
    matrix = magnitude * np.eye(count) + velocity * steps.T @ steps + bends.T @ bends
    result = np.where(known[:, None], values, 0.0)
    free = ~known
    right = -matrix[np.ix_(free, known)] @ values[known]
    result[free] = np.linalg.solve(matrix[np.ix_(free, free)], right)
    return result


@pytest.mark.parametrize("count", [2, 3, 4, 5, 7, 16, 33, 200])
def test_both_are_the_minimum_of_their_sum(count: int) -> None:
    random = np.random.default_rng(count)
    known = np.zeros(count, dtype=bool)
    known[random.integers(0, count, max(1, count // 8))] = True
    values = random.normal(size=(count, 2))
    assert np.allclose(fade(values, known, 6.0), dense_minimum(values, known, 6.0**-4, 2 * 6.0**-2), atol=1e-9)
    assert np.allclose(hold(values, known, 9.0), dense_minimum(values, known, 0.0, 9.0**-2), atol=1e-9)


def test_one_key_fades_like_its_closed_form() -> None:
    known = np.zeros(201, dtype=bool)
    known[100] = True
    times = np.abs(np.arange(201) - 100) / 8.0
    assert np.allclose(fade(np.ones((201, 1)), known, 8.0)[:, 0], (1 + times) * np.exp(-times), atol=0.01)


def test_one_key_is_held_for_ever() -> None:
    known = np.zeros(3000, dtype=bool)
    known[1234] = True
    assert np.allclose(hold(np.full((3000, 1), 2.5), known, 12.0), 2.5)


def test_nothing_known_is_nothing_to_do() -> None:
    assert not fade(np.ones((5, 2)), np.zeros(5, dtype=bool), 3.0).any()
    assert not hold(np.ones((1, 2)), np.zeros(1, dtype=bool), 3.0).any()
    assert np.array_equal(hold(np.ones((4, 2)), np.ones(4, dtype=bool), 3.0), np.ones((4, 2)))


def test_columns_are_spread_one_by_one() -> None:
    random = np.random.default_rng(0)
    known = random.random((50, 6)) < 0.1
    known[:, 2] = known[:, 1]
    values = random.normal(size=(50, 6, 3))
    result = fade_columns(values, known, 4.0)
    for column in range(6):
        assert np.allclose(result[:, column], fade(values[:, column], known[:, column], 4.0))


def test_trusted_steps_are_taken() -> None:
    steps = np.concatenate([np.zeros((30, 1)), np.full((30, 1), 0.1), np.zeros((30, 1))])
    still = np.zeros(91, dtype=bool)
    still[0] = True
    way = follow(steps, np.full(90, 1.0), still, 2.0)
    assert way[0, 0] == 0.0
    assert way[-1, 0] == pytest.approx(3.0, abs=0.05)
    assert way[45, 0] == pytest.approx(1.5, abs=0.05)


def test_weights_rise_from_the_set_frames() -> None:
    frames = np.zeros(100, dtype=bool)
    frames[[20, 70]] = True
    weights = away_from(frames, 3.0)
    assert not weights[[20, 70]].any()
    assert weights[45] > 0.99
    assert weights[22] == pytest.approx(weights[18])
    assert away_from(np.zeros(4, dtype=bool), 3.0).tolist() == [1.0] * 4
