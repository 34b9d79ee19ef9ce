"""The soles of a rig's feet: where heel and ball stand, and what may not go through the floor.

With a skinned mesh these are points of the mesh; without one they are the joints themselves, as in the source.
All vectors are in model axes and armature units, at rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .target import Target

Array = NDArray[np.float64]

SIDES: Final = ("l_", "r_")
_SKIN: Final = 0.25
"""Share of the ankle's height, from the lowest vertex, that belongs to the sole."""
_PATCH: Final = 0.12
"""Share of the foot's length in which heel and ball rest on the floor."""
_TIPPED: Final = np.radians(np.linspace(-60.0, 240.0, 26))
"""Directions in the side view of a foot, from its front over down to its back, that may come to point down."""
_SHIN_SKIN: Final = 0.3
"""Weight of the shin from which a vertex does not move with the foot."""
_LEAST: Final = 6
"""Vertices without which a mesh says nothing about a sole."""


SHIN, FOOT, TOES = range(3)
"""Bones that carry the skin of a sole."""


@dataclass(frozen=True, slots=True)
class Patch:
    """A place of the sole, blended from bones as its skin is.

    Attributes:
        weights: (3,) shares of shin, foot and toes, together 1.
        points: (3, 3) where each of them carries the place at rest.
    """

    weights: Array
    points: Array

    @property
    def place(self) -> Array:
        """(3,) the place at rest."""
        return self.weights @ self.points


@dataclass(frozen=True, slots=True)
class Sole:
    """The sole of one foot.

    Attributes:
        heel: the place that stands still while the heel is planted.
        ball: the same for the ball of the foot.
        levels: (2,) height over the floor of heel and ball when the foot stands flat.
        foot: (n, 3) points of the ankle's bone that must stay above the floor.
        toes: (m, 3) the same of the toe bone; none where there is no such bone or no mesh.
        has_mesh: whether a mesh said this.
    """

    heel: Patch
    ball: Patch
    levels: Array
    foot: Array
    toes: Array
    has_mesh: bool


def bare_sole(target: Target, side: str) -> Sole:
    """The sole of a rig without a mesh: its joints, and a corner below the heel and the ball."""
    ankle, ball = target.heads[target.first(side + "ankle")], target.balls[SIDES.index(side)]
    height = ankle[1] - target.floor
    along = (ball - ankle) * np.array([1.0, 0.0, 1.0])
    down = ankle - [0.0, height, 0.0]
    return Sole(
        heel=_on_foot(ankle),
        ball=_on_foot(ball),
        levels=np.array([height, ball[1] - target.floor]),
        foot=np.stack([down - 0.3 * along, down + along]),
        toes=np.zeros((0, 3)),
        has_mesh=False,
    )


def _on_foot(point: Array) -> Patch:
    """A place that the foot alone carries."""
    return Patch(np.array([0.0, 1.0, 0.0]), np.stack([point] * 3))


def _skinned(vertices: Array, weights: Array) -> Patch:
    """The middle of some vertices (n, 3) with weights (n, 3)."""
    shares = weights.mean(axis=0)
    points = np.einsum("nb,ni->bi", weights, vertices) / np.maximum(len(vertices) * shares, 1e-12)[:, None]
    return Patch(shares, points)


def mesh_sole(target: Target, side: str, vertices: Array, weights: Array) -> Sole:
    """The sole that the mesh of a foot shows; as `bare_sole` where the mesh is too coarse.

    Args:
        target: the rig.
        side: "l_" or "r_".
        vertices: (V, 3) vertices of the foot at rest, model axes, armature units.
        weights: (V, 3) how much of each follows shin, foot and toes, together 1.
    """
    bare = bare_sole(target, side)
    ankle, ball = target.heads[target.first(side + "ankle")], target.balls[SIDES.index(side)]
    if len(vertices) < _LEAST:
        return bare
    lowest = float(vertices[:, 1].min())
    height = ankle[1] - lowest
    front = (ball - ankle) * np.array([1.0, 0.0, 1.0])
    length = float(np.linalg.norm(front))
    if height <= 0.0 or length <= 0.0:
        return bare
    low = vertices[:, 1] < lowest + _SKIN * height
    along = (vertices - ankle) @ (front / length)
    rear, tip = float(along[low].min()), float(along[low].max())
    reach = _PATCH * (tip - rear)
    on_toes = weights.argmax(axis=1) == TOES
    has_toes = bool(on_toes.any())
    at_heel = low & (along < rear + 2.0 * reach)
    # A foot in one piece rolls over its front; one with toes over the joint before them, the toes lying flat.
    at_ball = low & ((along > length) & (along < length + 2.0 * reach) if has_toes else along > tip - 2.0 * reach)
    if not at_heel.any() or not at_ball.any():
        return bare
    heel, middle = (_skinned(vertices[rows], weights[rows]) for rows in (at_heel, at_ball))
    behind = ~on_toes & (weights[:, SHIN] < _SHIN_SKIN) & ((along < length) | (not has_toes))
    return Sole(
        heel=heel,
        ball=middle,
        levels=np.array([heel.place[1], middle.place[1]]) - lowest,
        foot=_lowest_points(vertices[behind], along[behind]),
        toes=_lowest_points(vertices[on_toes], along[on_toes]),
        has_mesh=True,
    )


def _lowest_points(vertices: Array, along: Array) -> Array:
    """The vertices (n, 3) that can be lowest when the foot tips forwards or backwards: the hull of its side view."""
    if not len(vertices):
        return np.zeros((0, 3))
    down = along[:, None] * np.cos(_TIPPED) - vertices[:, 1, None] * np.sin(_TIPPED)
    return vertices[np.unique(down.argmax(axis=0))]
