"""Fewer keys within a bound."""

from __future__ import annotations

import numpy as np
import pytest

from genmo.genmo_blender.core.sparse import Keys, fit, interpolate, reduce_keys, solve_tridiagonal


def wave(count: int = 200) -> np.ndarray:
    """Two smooth curves."""
    time = np.linspace(0.0, 6.0, count)
    return np.stack([np.sin(time), 0.3 * np.cos(1.7 * time)], axis=1)


@pytest.mark.parametrize("bound", [0.1, 0.01, 0.001])
def test_every_frame_is_within_the_bound(bound: float) -> None:
    values = wave()

    def error(other: np.ndarray) -> np.ndarray:
        return np.abs(other - values).max(axis=1) / bound

    keys = reduce_keys(values, error)
    assert error(interpolate(keys, len(values))).max() <= 1.0
    assert len(keys.frames) < 30
    assert (keys.frames[0], keys.frames[-1]) == (0, len(values) - 1)


def test_a_smaller_bound_needs_more_keys() -> None:
    values = wave()
    counts = [
        len(reduce_keys(values, lambda other, b=bound: np.abs(other - values).max(axis=1) / b).frames)
        for bound in (0.1, 0.01, 0.0001)
    ]
    assert counts == sorted(counts)
    assert counts[0] < counts[-1]


def test_a_straight_line_needs_its_ends() -> None:
    line = np.linspace(0.0, 5.0, 50)[:, None]
    keys = reduce_keys(line, lambda other: np.abs(other - line).max(axis=1) / 1e-6)
    assert keys.frames.tolist() == [0, 49]


def test_wished_keys_are_kept() -> None:
    line = np.linspace(0.0, 5.0, 50)[:, None]
    keys = reduce_keys(line, lambda other: np.abs(other - line).max(axis=1) / 1e-6, np.array([7, 30]))
    assert {7, 30} <= set(keys.frames.tolist())


def test_noise_keeps_all_its_keys_that_it_needs() -> None:
    noise = np.random.default_rng(0).normal(size=(40, 1))
    keys = reduce_keys(noise, lambda other: np.abs(other - noise).max(axis=1) / 1e-9)
    assert np.abs(interpolate(keys, 40) - noise).max() < 1e-8


@pytest.mark.parametrize("count", [1, 2, 3])
def test_short_curves(count: int) -> None:
    values = np.arange(float(count))[:, None]
    keys = reduce_keys(values, lambda other: np.abs(other - values).max(axis=1) / 0.01)
    assert np.allclose(interpolate(keys, count), values)


def test_a_cubic_is_met_exactly_by_two_keys() -> None:
    time = np.arange(20.0)[:, None]
    cubic = 0.01 * time**3 - 0.2 * time**2 + time
    keys = fit(cubic, np.array([0, 19]))
    assert np.abs(interpolate(keys, 20) - cubic).max() < 1e-2  # slopes lean a little towards the dense values
    exact = Keys(keys.frames, keys.values, np.array([[1.0], [0.03 * 361 - 0.4 * 19 + 1.0]]))
    assert np.abs(interpolate(exact, 20) - cubic).max() < 1e-9


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 8, 33])
def test_the_tridiagonal_solver_against_numpy(count: int) -> None:
    generator = np.random.default_rng(1)
    main, side = generator.uniform(3.0, 4.0, count), generator.uniform(-1.0, 1.0, count - 1)
    right = generator.normal(size=(count, 3))
    matrix = np.diag(main) + np.diag(side, 1) + np.diag(side, -1)
    assert np.allclose(solve_tridiagonal(main, side, right), np.linalg.solve(matrix, right))
