"""Points along a curve object, in world space."""

from itertools import pairwise
from typing import Any, cast

import numpy as np
from bpy.types import Curve, Object, Spline
from mathutils.geometry import interpolate_bezier
from numpy.typing import NDArray

from ..runtime.errors import UserError
from .core import coordinates

Array = NDArray[np.float64]

_SEGMENT_POINTS = 33


def points_at(curve: Object, count: int) -> Array:
    """World points (count, 3) at even distances along the first spline of a curve object.

    Raises:
        UserError: the object is no curve, or its spline has no length.
    """
    if not isinstance(curve.data, Curve) or not curve.data.splines:
        raise UserError(f"'{curve.name}' has no curve to follow")
    line = coordinates.transform_points(np.array(curve.matrix_world), _line(curve.data.splines[0]))
    lengths = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    if lengths[-1] < 1e-6:
        raise UserError(f"The curve '{curve.name}' has no length")
    at = np.linspace(0.0, lengths[-1], count)
    return np.stack([np.interp(at, lengths, line[:, axis]) for axis in range(3)], axis=1)


def _line(spline: Spline) -> Array:
    """A fine polyline (N, 3) along a spline in the curve's own space."""
    if spline.type == "BEZIER":
        return _bezier_line(spline)
    points = np.array([point.co[:3] for point in spline.points])
    line = _b_spline_line(points, spline) if spline.type == "NURBS" else points
    return np.concatenate([line, line[:1]]) if spline.use_cyclic_u else line


def _bezier_line(spline: Spline) -> Array:
    knots = list(spline.bezier_points)
    if spline.use_cyclic_u:
        knots.append(knots[0])
    pieces = [
        cast("Any", interpolate_bezier)(a.co, a.handle_right, b.handle_left, b.co, _SEGMENT_POINTS)
        for a, b in pairwise(knots)
    ]
    return np.array([point[:] for piece in pieces for point in piece] or [knots[0].co[:]])


def _b_spline_line(points: Array, spline: Spline) -> Array:
    """De Boor's algorithm on a clamped, uniform, unweighted spline: near enough to Blender's NURBS for walking."""
    degree = min(spline.order_u, len(points)) - 1
    if degree < 1:
        return points
    inner = len(points) - degree
    knots = np.clip(np.arange(inner + 2 * degree + 1, dtype=np.float64) - degree, 0.0, inner)
    return np.array([_de_boor(t, knots, points, degree) for t in np.linspace(0, inner, inner * _SEGMENT_POINTS)])


def _de_boor(t: float, knots: Array, points: Array, degree: int) -> Array:
    span = min(max(int(np.searchsorted(knots, t, side="right")) - 1, degree), len(points) - 1)
    d = points[span - degree : span + 1].copy()
    for level in range(1, degree + 1):
        for j in range(degree, level - 1, -1):
            low = knots[j + span - degree]
            weight = (t - low) / (knots[j + 1 + span - level] - low)
            d[j] = (1.0 - weight) * d[j - 1] + weight * d[j]
    return d[degree]
