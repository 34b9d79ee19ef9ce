"""A stroke drawn on the ground -> a smooth curve object with a path along it."""

from typing import Any, Final

import bpy
import numpy as np
from bpy.types import Object, Scene
from numpy.typing import NDArray

from ..runtime.errors import UserError
from . import changes
from .collect import frame_rate
from .core import strokes as core

Array = NDArray[np.float64]

_SHORTEST: Final = 0.05
"""Metres: less is a click, not a stroke."""
_SECONDS: Final = 0.5
"""Between the waypoints of a path that goes as fast as it was drawn."""


def smoothed(points: Array, width: float) -> Array:
    """A stroke (N, 3) without the wiggles of the hand, (M, 3).

    Raises:
        UserError: it is only a click.
    """
    if len(points) < 2 or core.length(points) < _SHORTEST:
        raise UserError("Drag along the ground to draw a path: a click is too short")
    return core.smoothed(points, width)


def length(points: Array) -> float:
    """Length of a line (N, 3)."""
    return core.length(points)


def curve_of(scene: Scene, target: Object, points: Array) -> Object:
    """A new curve object through points (N, 3) in world space, in the character's collection."""
    data: Any = bpy.data.curves.new("Path", "CURVE")
    data.dimensions = "3D"
    knots = core.thinned(points)
    spline = data.splines.new("BEZIER")
    spline.bezier_points.add(len(knots) - 1)
    spline.bezier_points.foreach_set("co", knots.ravel().astype(np.float32))
    for knot in spline.bezier_points:
        knot.handle_left_type = knot.handle_right_type = "AUTO"
    item = bpy.data.objects.new("Path", data)
    homes = [home for home in target.users_collection if home.library is None] or [scene.collection]
    homes[0].objects.link(item)
    return item


def time_as_drawn(path: Any, scene: Scene, line: Array, points: Array, seconds: Array) -> None:
    """Give a path waypoints that it passes when the hand did.

    Args:
        path: row of the track with the curve.
        scene: whose frame rate counts.
        line: (M, 3) the smoothed stroke, evenly spaced.
        points: (N, 3) as drawn.
        seconds: (N,) when.
    """
    path.timing = "WAYPOINTS"
    duration = max(float(seconds[-1] - seconds[0]), 1.0 / frame_rate(scene))
    count = max(2, round(duration / _SECONDS) + 1)
    shares = np.linspace(0.0, 1.0, count)
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    drawn = np.concatenate([[0.0], np.cumsum(steps)]) / max(float(steps.sum()), 1e-9)
    places = np.interp(seconds[0] + shares * duration, seconds, drawn) * (len(line) - 1)
    for share, place in zip(shares, places, strict=True):
        row = path.waypoints.add()
        row.frame = path.start + round(share * duration * frame_rate(scene))
        row.position = core.at(line, float(place)).tolist()
    changes.mark()
