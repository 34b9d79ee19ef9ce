"""The soles of a character's feet, read from the meshes that its armature deforms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import bpy
import numpy as np
from numpy.typing import NDArray

from .core import coordinates
from .core.soles import FOOT, SHIN, SIDES, TOES, Sole, bare_sole, mesh_sole
from .core.target import Target

Array = NDArray[np.float64]

_WIDTH: Final = 0.8
"""Distance from the line between ankle and ball, as a share of its length, within which vertices are of the foot."""
_TOES: Final = 0.85
"""Share of the way from ankle to ball from which a bone belongs to the toes."""
_NEAR: Final = 0.6
"""Distance from the ankle, as a share of that way, up to which a bone that begins there carries the foot."""


def of_object(item: Any, target: Target) -> tuple[Sole, Sole]:
    """Soles of the left and the right foot of an armature object; without meshes what the bones say.

    Args:
        item: the armature object.
        target: the same, prepared.
    """
    left, right = (_foot_vertices(item, target, side) for side in SIDES)
    soles = []
    for side, own, other in (("l_", left, right), ("r_", right, left)):
        vertices, weights = own if len(own[0]) or not len(other[0]) else (other[0] * [-1.0, 1.0, 1.0], other[1])
        soles.append(mesh_sole(target, side, vertices, weights) if len(vertices) else bare_sole(target, side))
    return soles[0], soles[1]


def meshes_of(item: Any) -> Iterator[Any]:
    """The mesh objects that an armature object deforms."""
    for candidate in bpy.data.objects:
        if candidate.type != "MESH":
            continue
        by_modifier = any(each.type == "ARMATURE" and each.object is item for each in candidate.modifiers)
        if by_modifier or (candidate.parent is item and candidate.parent_type in ("ARMATURE", "BONE")):
            yield candidate


def _foot_vertices(item: Any, target: Target, side: str) -> tuple[Array, Array]:
    """Vertices (V, 3) of a foot at rest, model axes, and their weights (V, 3) on shin, foot and toes."""
    ankle, ball = target.heads[target.first(side + "ankle")], target.balls[SIDES.index(side)]
    along = (ball - ankle) * np.array([1.0, 0.0, 1.0])
    length = float(np.linalg.norm(along))
    found, shares = [np.zeros((0, 3))], [np.zeros((0, 3))]
    if length <= 0.0:
        return found[0], shares[0]
    has_toes = side + "foot" in target.bone_map
    parts = {}
    for bone in item.data.bones:
        head = np.array(bone.head_local) @ target.axes - ankle
        if bone.use_deform and np.linalg.norm(head) < 5.0 * length:
            ahead = float(head @ along) / length**2
            on_toes = has_toes and ahead >= _TOES and np.linalg.norm(head) < 2.5 * length
            parts[bone.name] = TOES if on_toes else FOOT if np.linalg.norm(head) < _NEAR * length else SHIN
    back = coordinates.invert(np.array(item.matrix_world))
    for mesh in meshes_of(item):
        raw = np.empty(len(mesh.data.vertices) * 3, dtype=np.float32)
        mesh.data.vertices.foreach_get("co", raw)
        points = coordinates.transform_points(back @ np.array(mesh.matrix_world), raw.reshape(-1, 3)) @ target.axes
        ahead = (points - ankle) @ (along / length)
        aside = np.linalg.norm((points - ankle - ahead[:, None] * along / length)[:, (0, 2)], axis=1)
        near = (points[:, 1] < ankle[1]) & (aside < _WIDTH * length) & (np.abs(ahead - length) < 3.0 * length)
        chosen = np.flatnonzero(near & (points[:, 1] > ankle[1] - 3.0 * length))
        weights = _weights(mesh, chosen, parts)
        own = weights[:, FOOT] + weights[:, TOES] > 0.3
        found.append(points[chosen][own])
        shares.append(weights[own] / weights[own].sum(axis=1, keepdims=True))
    return np.concatenate(found), np.concatenate(shares)


def _weights(mesh: Any, vertices: NDArray[np.int64], parts: Mapping[str, int]) -> Array:
    """(V, 3) weights of some vertices on shin, foot and toes, or of the one bone that the mesh hangs on."""
    result = np.zeros((len(vertices), 3))
    if mesh.parent_type == "BONE":
        if mesh.parent_bone in parts:
            result[:, parts[mesh.parent_bone]] = 1.0
        return result
    columns = {group.index: parts[group.name] for group in mesh.vertex_groups if group.name in parts}
    for row, index in enumerate(vertices.tolist()):
        for group in mesh.data.vertices[index].groups:
            if group.group in columns:
                result[row, columns[group.group]] += group.weight
    return result
