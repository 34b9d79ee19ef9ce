"""The ground under a character: an object's surface, or the flat floor of its model space."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from bpy.types import Object
from mathutils import Vector
from mathutils.bvhtree import BVHTree
from numpy.typing import NDArray

from ..runtime.ground import Ground
from ..runtime.request import MotionRequest
from . import armature, tracks
from .core import coordinates
from .properties import of_object
from .stubs import current_context

Array = NDArray[np.float64]

_STEP: Final = 0.05
"""Metres between two heights."""
_MOST: Final = 200
"""Heights along one side at most; a larger ground is read more coarsely."""
_ABOVE: Final = 1.0
"""Metres above the floor, and above what the character is to do, from where the ground is looked for."""
_MARGIN: Final = 1.5
"""Metres around the places that the character is known to pass."""
_SPEED: Final = 1.5
"""Metres per second at which it may walk away from there where no path tells."""


class Surface:
    """The surface of an object as it is shown now, in world space."""

    def __init__(self, item: Object) -> None:
        evaluated: Any = item.evaluated_get(current_context().evaluated_depsgraph_get())
        mesh = evaluated.to_mesh()
        points = np.empty(3 * len(mesh.vertices), dtype=np.float32)
        mesh.vertices.foreach_get("co", points)
        mesh.calc_loop_triangles()
        corners = np.empty(3 * len(mesh.loop_triangles), dtype=np.int32)
        mesh.loop_triangles.foreach_get("vertices", corners)
        evaluated.to_mesh_clear()
        places = coordinates.transform_points(np.array(item.matrix_world), points.reshape(-1, 3))
        self._tree = BVHTree.FromPolygons(places.tolist(), corners.reshape(-1, 3).tolist(), all_triangles=True)
        self.corners = np.stack([places.min(axis=0), places.max(axis=0)]) if len(places) else np.zeros((2, 3))
        """(2, 3) lowest and highest coordinates."""

    def hit(self, origin: Array, direction: Array) -> Array | None:
        """Where a ray first meets the surface, (3,), or None."""
        place, *_ = self._tree.ray_cast(Vector(origin.tolist()), Vector(direction.tolist()))
        return None if place is None else np.array(place)


def hit(target: Object, origin: Array, direction: Array) -> Array | None:
    """Where a ray from a view meets the ground of a character: its ground object, else its floor.

    Args:
        target: the armature.
        origin: (3,) world.
        direction: (3,) world.
    """
    ground = of_object(target).ground
    found = Surface(ground).hit(origin, direction) if ground is not None else None
    if found is not None:
        return found
    world = np.asarray(armature.world_from_model(target, tracks.bone_map(target)))
    up, floor = world[:3, 1] / np.linalg.norm(world[:3, 1]), world[:3, 3]
    slope = float(direction @ up)
    distance = float((floor - origin) @ up) / slope if abs(slope) > 1e-6 else -1.0
    return origin + distance * direction if distance > 0.0 else None


def ground_of(target: Object, world: Array, request: MotionRequest) -> Ground | None:
    """The heights of a character's ground in model space; None where it has no ground object.

    Args:
        target: the armature.
        world: (4, 4) from model space to the world.
        request: what is asked; only the ground where that may lead is read.
    """
    item = of_object(target).ground
    if item is None:
        return None
    surface, places = Surface(item), _places(request)
    margin = _MARGIN + (0.0 if request.path else _SPEED * request.frames / request.fps)
    box = coordinates.points_model_from_world(world, _box(surface.corners))
    low = np.maximum(box.min(axis=0), places.min(axis=0) - margin)[[0, 2]]
    high = np.minimum(box.max(axis=0), places.max(axis=0) + margin)[[0, 2]]
    high = np.maximum(high, low)
    step = max(_STEP, float((high - low).max()) / (_MOST - 1))
    counts = np.floor((high - low) / step).astype(int) + 1
    top = max(float(box[:, 1].max()), float(places[:, 1].max())) + _ABOVE
    grid = np.stack(np.meshgrid(*(low[axis] + step * np.arange(counts[axis]) for axis in (0, 1))), axis=-1)
    origins = coordinates.points_world_from_model(world, np.insert(grid.reshape(-1, 2), 1, top, axis=1))
    down = -world[:3, 1] / np.linalg.norm(world[:3, 1])
    found = [surface.hit(origin, down) for origin in origins]
    back = coordinates.invert(world)
    heights = [0.0 if point is None else round(float(back[1, :3] @ point + back[1, 3]), 3) for point in found]
    rows = np.array(heights).reshape(counts[1], counts[0]).tolist()
    return Ground((float(low[0]), float(low[1])), step, tuple(tuple(row) for row in rows))


def _places(request: MotionRequest) -> Array:
    """Model points (N, 3) that a request names, and where it begins."""
    found = [(0.0, 0.0, 0.0), *(key.root_position for key in request.keyframes if key.root_position)]
    found += [pin.position for pin in request.pins]
    found += [(x, 0.0, z) for x, z in (request.path.points if request.path else ())]
    found += [place for held in request.held for place in held.root_positions or ()]
    return np.array(found)


def _box(corners: Array) -> Array:
    """The eight corners (8, 3) of a box."""
    return np.array([[corners[i, 0], corners[j, 1], corners[k, 2]] for i in (0, 1) for j in (0, 1) for k in (0, 1)])
