"""A closed quad mesh around the zero level of a distance field: naive surface nets (Gibson 1998) in numpy."""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

_CORNERS = np.array(list(product((0, 1), repeat=3)))
_EDGES = tuple(
    (first, second)
    for first in range(8)
    for second in range(first + 1, 8)
    if np.abs(_CORNERS[first] - _CORNERS[second]).sum() == 1
)


def surface_nets(field: NDArray[np.float32], origin: Array, spacing: float) -> tuple[Array, Indices]:
    """Vertices and quads of the surface where `field` changes its sign.

    Args:
        field: (X, Y, Z) signed distances at grid points, negative inside; positive on the border of the grid.
        origin: (3,) position of grid point (0, 0, 0).
        spacing: distance of neighbouring grid points.

    Returns:
        vertices (V, 3) and quads (Q, 4) of vertex indices, wound so that normals point outwards.
    """
    inside = field < 0.0
    cells = np.argwhere(_mixed_cells(inside))
    numbers = np.full(field.shape, -1, dtype=np.int64)
    numbers[tuple(cells.T)] = np.arange(len(cells))
    vertices = origin + spacing * (cells + _crossing_means(field, cells))
    quads = np.concatenate([_quads_across(inside, numbers, axis) for axis in range(3)])
    return vertices, quads


def _mixed_cells(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Cells (X-1, Y-1, Z-1) that have corners on both sides."""
    size = np.array(inside.shape) - 1
    count = np.zeros(size, dtype=np.int8)
    for x, y, z in _CORNERS:
        count += inside[x : x + size[0], y : y + size[1], z : z + size[2]]
    return (count > 0) & (count < 8)


def _crossing_means(field: NDArray[np.float32], cells: Indices) -> Array:
    """Mean of the points where the edges of each cell cross the surface, (C, 3) in cell units."""
    corners = cells[:, None, :] + _CORNERS
    values = field[corners[..., 0], corners[..., 1], corners[..., 2]].astype(np.float64)
    total, count = np.zeros((len(cells), 3)), np.zeros((len(cells), 1))
    for first, second in _EDGES:
        a, b = values[:, first], values[:, second]
        crosses = (a < 0.0) != (b < 0.0)
        weight = np.where(crosses, a / np.where(crosses, a - b, 1.0), 0.0)[:, None]
        point = _CORNERS[first] + weight * (_CORNERS[second] - _CORNERS[first])
        total += np.where(crosses[:, None], point, 0.0)
        count += crosses[:, None]
    return total / count


def _quads_across(inside: NDArray[np.bool_], numbers: Indices, axis: int) -> Indices:
    """One quad around every grid edge along `axis` that crosses the surface."""
    low = [slice(None)] * 3
    high = list(low)
    low[axis], high[axis] = slice(None, -1), slice(1, None)
    edges = np.argwhere(inside[tuple(low)] != inside[tuple(high)])
    leaves = inside[tuple(edges.T)]  # the edge starts inside: the surface faces along +axis
    second, third = (axis + 1) % 3, (axis + 2) % 3
    ring = np.zeros((4, 3), dtype=np.int64)
    ring[[1, 2], second] = ring[[2, 3], third] = 1
    around = edges[:, None, :] + ring - ring.max(axis=0)
    quads = numbers[around[..., 0], around[..., 1], around[..., 2]]
    return np.where(leaves[:, None], quads, quads[:, ::-1])


def smoothed(vertices: Array, quads: Indices, steps: int) -> Array:
    """Vertices (V, 3) with ripples removed and volume kept (Taubin 1995: a step in, a slightly longer step out)."""
    ends = np.stack([quads, np.roll(quads, -1, axis=1)], axis=-1).reshape(-1, 2)
    degree = np.bincount(ends[:, 0], minlength=len(vertices))[:, None]
    result = vertices
    for factor in (0.5, -0.53) * steps:
        sums = [np.bincount(ends[:, 0], result[ends[:, 1], axis], len(vertices)) for axis in range(3)]
        result = result + factor * (np.stack(sums, axis=1) / degree - result)
    return result
