"""Freehand strokes: smooth, thin, with the same ends."""

from __future__ import annotations

import numpy as np
import pytest

from genmo.genmo_blender.core import strokes


def shaky(seed: int = 0) -> np.ndarray:
    """A quarter circle of 2 m, drawn by a shaky hand."""
    angles = np.linspace(0.0, np.pi / 2, 120)
    clean = 2.0 * np.stack([np.sin(angles), 1.0 - np.cos(angles), 0.0 * angles], axis=1)
    noise = np.random.default_rng(seed).normal(scale=0.01, size=clean.shape) * [1.0, 1.0, 0.0]
    noise[[0, -1]] = 0.0
    return clean + noise


def roughness(line: np.ndarray) -> float:
    """Largest turn between neighbouring pieces, radians."""
    ways = np.diff(line, axis=0)
    ways /= np.linalg.norm(ways, axis=1)[:, None]
    return float(np.arccos(np.clip(np.sum(ways[1:] * ways[:-1], axis=1), -1.0, 1.0)).max())


def test_wiggles_go_and_the_way_stays() -> None:
    line = strokes.smoothed(shaky(), 0.5)
    assert roughness(line) < 0.05 < roughness(shaky())
    assert line[0] == pytest.approx([0.0, 0.0, 0.0], abs=0.01)
    assert line[-1] == pytest.approx([2.0, 2.0, 0.0], abs=0.01)
    distance = np.abs(np.linalg.norm(line[:, :2] - [0.0, 2.0], axis=1) - 2.0)
    assert distance.max() < 0.02
    assert np.ptp(np.linalg.norm(np.diff(line, axis=0), axis=1)) < 1e-3


def test_few_knots_keep_the_line() -> None:
    line = strokes.smoothed(shaky(), 0.5)
    knots = strokes.thinned(line)
    assert len(knots) < 20
    assert strokes.length(knots) == pytest.approx(strokes.length(line), rel=0.01)
    assert (knots[[0, -1]] == line[[0, -1]]).all()


def test_a_straight_line_is_two_points() -> None:
    straight = np.linspace([0.0, 0.0, 0.0], [0.0, -3.0, 0.0], 40)
    assert strokes.thinned(strokes.smoothed(straight, 0.3)) == pytest.approx(straight[[0, -1]], abs=1e-9)
    assert strokes.at(straight, 19.5) == pytest.approx([0.0, -1.5, 0.0])


def test_two_points_are_a_stroke() -> None:
    line = strokes.smoothed(np.array([[0.0, 0.0, 0.0], [0.01, 0.0, 0.0]]), 0.3)
    assert line == pytest.approx(np.array([[0.0, 0.0, 0.0], [0.01, 0.0, 0.0]]))
