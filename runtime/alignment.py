"""Turning what has no heading of its own world (a video, a reference motion) into the world of the constraints."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from .constraints import Constraints

Array = NDArray[np.float64]

LEAST_WAY: Final = 0.3
"""Metres (root mean square about the middle) that a way must have to tell a direction."""


def turn_to_constraints(headings: Array, track: Array, start: int, constraints: Constraints) -> float | None:
    """The turn about Y after which a motion fits the constraints best.

    What tells it, in this order: headings that are fixed during the motion, the way through the fixed places of the
    pelvis, the nearest fixed heading before or after it.

    Args:
        headings: (n,) of the motion, radians.
        track: (n, 2) its ground positions x and z, metres.
        start: its first frame in the request.
        constraints: of the request.

    Returns:
        Radians, or None when the constraints tell nothing.
    """
    stop = start + len(headings)
    fixed = np.flatnonzero(constraints.heading_mask)
    inside = fixed[(fixed >= start) & (fixed < stop)]
    if len(inside):
        return mean_angle(constraints.headings[inside] - headings[inside - start])
    turn = _turn_of_way(track, start, constraints)
    if turn is not None or not len(fixed):
        return turn
    gaps = np.maximum(start - fixed, fixed - stop + 1)
    nearest = int(fixed[np.argmin(gaps)])
    at = min(max(nearest - start, 0), len(headings) - 1)
    return float(constraints.headings[nearest] - headings[at])


def _turn_of_way(track: Array, start: int, constraints: Constraints) -> float | None:
    """The turn that lays the track on the way through the fixed places, None where either hardly moves."""
    known = np.flatnonzero(constraints.root_mask[:, 0] & constraints.root_mask[:, 2])
    if len(known) < 2:
        return None
    first, last = max(start, int(known[0])), min(start + len(track), int(known[-1]) + 1)
    if last - first < 2:
        return None
    grid = np.arange(first, last)
    way = np.stack([np.interp(grid, known, constraints.root_positions[known, axis]) for axis in (0, 2)], axis=-1)
    own = track[first - start : last - start]
    own, way = own - own.mean(axis=0), way - way.mean(axis=0)
    if min(np.mean(np.sum(points**2, axis=1)) for points in (own, way)) < LEAST_WAY**2:
        return None
    across = np.sum(own[:, 1] * way[:, 0] - own[:, 0] * way[:, 1])
    return float(np.arctan2(across, np.sum(own * way)))


def mean_angle(angles: Array) -> float:
    """The mean direction of angles (n,) in radians."""
    return float(np.arctan2(np.sin(angles).sum(), np.cos(angles).sum()))
