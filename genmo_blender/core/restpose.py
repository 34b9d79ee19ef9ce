"""The rest pose of an armature as arrays, and what its shape says: axes, floor and size.

Everything is measured on mapped joints only, so that helper bones, fingers or props cannot disturb it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ...runtime import rotation
from ...runtime.errors import UserError

Array = NDArray[np.float64]

_TILT_LIMIT = np.radians(20.0)
"""A body whose axes are further than this from the armature's axes was modelled askew, not in a relaxed stance."""


@dataclass(frozen=True)
class RestPose:
    """Rest pose of an armature in armature space and the armature's own units.

    Attributes:
        names: names of the B bones, parents before children.
        parents: (B,) index of each parent, -1 for none.
        heads: (B, 3) head of each bone.
        tails: (B, 3) tail of each bone.
        matrices: (B, 3, 3) axes of each bone as columns; Y runs along the bone.
    """

    names: tuple[str, ...]
    parents: NDArray[np.int64]
    heads: Array
    tails: Array
    matrices: Array

    @cached_property
    def _index(self) -> dict[str, int]:
        return {name: index for index, name in enumerate(self.names)}

    def index(self, name: str) -> int:
        """Index of a bone.

        Raises:
            UserError: there is no such bone.
        """
        found = self._index.get(name)
        if found is None:
            raise UserError(f"The armature has no bone '{name}' any more: map the bones again")
        return found

    def __contains__(self, name: object) -> bool:
        return name in self._index

    @property
    def lengths(self) -> Array:
        """(B,) length of each bone."""
        return np.linalg.norm(self.tails - self.heads, axis=-1)

    def ancestors(self, index: int) -> list[int]:
        """Indices of the parent, its parent and so on up to a root bone."""
        found = []
        while (index := int(self.parents[index])) >= 0:
            found.append(index)
        return found


@dataclass(frozen=True, slots=True)
class BodyAxes:
    """How a body stands in its armature.

    Attributes:
        axes: (3, 3) columns are the model's X (left), Y (up), Z (front) in armature space: whole armature axes, so that
            a character that was modelled facing an axis moves exactly along it.
        tilt: (4,) turn, in model axes, that brings a body that stands askew upright; identity for others.
    """

    axes: Array
    tilt: Array


def _snapped(direction: Array, taken: int | None = None) -> Array:
    """The signed unit axis closest to a direction, other than the axis number `taken`."""
    sizes = np.abs(direction)
    if taken is not None:
        sizes = sizes.copy()
        sizes[taken] = -1.0
    axis = int(np.argmax(sizes))
    result = np.zeros(3)
    result[axis] = 1.0 if direction[axis] >= 0.0 else -1.0
    return result


def body_axes(joints: Mapping[str, Array]) -> BodyAxes:
    """Find up, left and front of a body.

    Args:
        joints: rest position (3,) of each mapped joint in armature space; hips and shoulders are needed.

    Raises:
        UserError: hips and shoulders are in one point.
    """
    hips = 0.5 * (joints["l_hip"] + joints["r_hip"])
    shoulders = 0.5 * (joints["l_shoulder"] + joints["r_shoulder"])
    up = shoulders - hips
    left = joints["l_hip"] - joints["r_hip"] + joints["l_shoulder"] - joints["r_shoulder"]
    left = left - up * np.dot(left, up) / max(np.dot(up, up), 1e-20)
    if np.linalg.norm(up) < 1e-9 or np.linalg.norm(left) < 1e-9:
        raise UserError("Hips and shoulders of the rest pose are in one place: check the bone map")
    y = _snapped(up)
    x = _snapped(left, int(np.argmax(np.abs(y))))
    axes = np.stack([x, y, np.cross(x, y)], axis=-1)
    own_x, own_y = rotation.normalize(left @ axes), rotation.normalize(up @ axes)
    if own_y[1] > np.cos(_TILT_LIMIT):  # a trunk has its own slope; only the way the body faces is in question
        own_x, own_y = rotation.normalize(own_x * [1.0, 0.0, 1.0]), np.array([0.0, 1.0, 0.0])
    own = np.stack([own_x, own_y, np.cross(own_x, own_y)], axis=-1)
    tilt = rotation.from_matrix(own.T)
    askew = float(rotation.angle(rotation.identity(), tilt)) > _TILT_LIMIT
    return BodyAxes(axes, tilt if askew else rotation.identity())
