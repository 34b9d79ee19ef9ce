"""The way along a curve object, in world space, with its radius and tilt."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

import numpy as np
from bpy.types import Curve, Object, Spline
from mathutils.geometry import interpolate_bezier
from numpy.typing import NDArray

from ..runtime.constraints import between_points
from ..runtime.errors import UserError
from .core import coordinates

Array = NDArray[np.float64]

_SEGMENT_POINTS = 33


@dataclass(frozen=True, slots=True)
class Line:
    """A fine polyline along a curve, in world space.

    Attributes:
        points: (N, 3).
        radii: (N,) radius of the curve's points, interpolated.
        tilts: (N,) tilt, radians.
        lengths: (N,) distance from the beginning.
    """

    points: Array
    radii: Array
    tilts: Array
    lengths: Array

    @property
    def length(self) -> float:
        """Length of the whole curve."""
        return float(self.lengths[-1])

    def at(self, distances: Array) -> tuple[Array, Array]:
        """Points (M, 3) and tilts (M,) at distances (M,) from the beginning."""
        points = np.stack([np.interp(distances, self.lengths, self.points[:, axis]) for axis in range(3)], axis=1)
        return points, np.interp(distances, self.lengths, self.tilts)

    def distances_by_radius(self, shares: Array) -> Array:
        """Distances (M,) after shares (M,) of the time, where the speed is proportional to the radius."""
        speeds = np.maximum(self.radii, 1e-3 * max(float(self.radii.max()), 1e-9))
        steps = np.diff(self.lengths) / (0.5 * (speeds[1:] + speeds[:-1]))
        times = np.concatenate([[0.0], np.cumsum(steps)])
        return np.interp(shares, times / times[-1], self.lengths)

    def distances_at(self, places: Sequence[tuple[int, Array]], frames: NDArray[np.int64]) -> Array:
        """Distances (M,) at frames (M,), where the curve passes nearest to places at their rising frames."""
        known: dict[int, float] = {}
        for frame, place in places:
            known[frame] = float(self.lengths[np.argmin(np.linalg.norm(self.points - place, axis=1))])
        at, distances = np.array(list(known)), np.array(list(known.values()))
        return (
            between_points(at, distances[:, None], frames)[:, 0] if len(at) > 1 else np.repeat(distances, len(frames))
        )


def line_of(curve: Object) -> Line:
    """The first spline of a curve object.

    Raises:
        UserError: the object is no curve, or its spline has no length.
    """
    if not isinstance(curve.data, Curve) or not curve.data.splines:
        raise UserError(f"'{curve.name}' has no curve to follow")
    columns = _line(curve.data.splines[0])
    points = coordinates.transform_points(np.array(curve.matrix_world), columns[:, :3])
    lengths = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    if lengths[-1] < 1e-6:
        raise UserError(f"The curve '{curve.name}' has no length")
    return Line(points, columns[:, 3], columns[:, 4], lengths)


def span(path: Any, scene_fps: float) -> tuple[int, int]:
    """Scene frames `[start, stop)` in which a path's curve is walked.

    Raises:
        UserError: as `line_of`.
    """
    if path.timing != "SPEED":
        return path.start, path.stop
    return path.start, path.start + math.ceil(line_of(path.curve).length / path.speed * scene_fps) + 1


def _line(spline: Spline) -> Array:
    """A fine polyline (N, 5) along a spline in the curve's own space: x, y, z, radius, tilt."""
    if spline.type == "BEZIER":
        return _bezier_line(spline)
    points = np.array([(*point.co[:3], point.radius, point.tilt) for point in spline.points])
    line = _b_spline_line(points, spline) if spline.type == "NURBS" else points
    line = np.concatenate([line, line[:1]]) if spline.use_cyclic_u else line
    if spline.type == "NURBS":
        return line
    knots = np.arange(len(line))
    at = np.linspace(0.0, knots[-1], (len(line) - 1) * (_SEGMENT_POINTS - 1) + 1)
    return np.stack([np.interp(at, knots, column) for column in line.T], axis=1)


def _bezier_line(spline: Spline) -> Array:
    knots = list(spline.bezier_points)
    if spline.use_cyclic_u:
        knots.append(knots[0])
    share = np.linspace(0.0, 1.0, _SEGMENT_POINTS)[:, None]
    pieces = [np.array([(*knots[0].co[:], knots[0].radius, knots[0].tilt)])]
    for a, b in pairwise(knots):
        way = cast("Any", interpolate_bezier)(a.co, a.handle_right, b.handle_left, b.co, _SEGMENT_POINTS)
        ends = np.array([(a.radius, a.tilt), (b.radius, b.tilt)])
        pieces.append(
            np.concatenate([np.array([point[:] for point in way]), ends[0] + share * (ends[1] - ends[0])], axis=1)
        )
    return np.concatenate(pieces)


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
