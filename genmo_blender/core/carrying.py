"""What carries a body through the world: its hips, the rig's root bone, or nothing.

The way is the body's course over the ground without its sway. A root bone that takes the way leaves the hips with what
is left, so that the body is shown where it was. In place the way is taken out, and kept to be put back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...runtime import rotation
from .target import Target

Array = NDArray[np.float64]

_SWAY: Final = 0.35
"""Seconds to each side over which steps and sways are averaged."""
_GROUND: Final = np.array([1.0, 0.0, 1.0])


@dataclass(frozen=True, slots=True)
class Way:
    """A course over the ground, model axes, armature units.

    Attributes:
        turns: (T, 4) which way the body faces, about the vertical.
        places: (T, 3) where it is, height 0.
    """

    turns: Array
    places: Array

    @property
    def headings(self) -> Array:
        """(T,) radians, without jumps."""
        return np.unwrap(rotation.heading(self.turns))


def way_of(pelvis: Array, anchors: Array, fps: float) -> Way:
    """The way of a body.

    Args:
        pelvis: (T, 4) world rotations of the model's pelvis.
        anchors: (T, 3) positions of the rig's pelvis.
        fps: frames per second.
    """
    headings = _averaged(np.unwrap(rotation.heading(pelvis))[:, None], fps)[:, 0]
    return Way(rotation.about_y(headings), _averaged(anchors * _GROUND, fps))


def _averaged(values: Array, fps: float) -> Array:
    """Moving average (T, n); at both ends the course goes on as it is."""
    reach = min(max(round(_SWAY * fps), 1), len(values) - 1)
    if reach < 1:
        return values
    padded = np.pad(values, ((reach, reach), (0, 0)), mode="reflect", reflect_type="odd")
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1, axis=0).mean(axis=-1)


def root_bone(target: Target) -> str:
    """The topmost bone above the pelvis' bone, "" if the pelvis hangs on nothing."""
    above = target.rest.ancestors(target.rest.index(target.names[0]))
    return target.rest.names[above[-1]] if above else ""


def bone_channels(target: Target, bone: str, turns: Array, points: Array) -> tuple[Array, Array]:
    """Rotations (T, 4) and locations (T, 3), in a bone's own rest axes, that put it somewhere.

    Args:
        target: the rig.
        bone: a bone whose parent is at rest.
        turns: (T, 4) turn from its rest, model axes.
        points: (T, 3) where its head is, model axes, armature units.
    """
    index = target.rest.index(bone)
    frame = rotation.from_matrix(target.axes.T @ target.rest.matrices[index])
    head = target.rest.heads[index] @ target.axes
    basis = rotation.multiply(rotation.multiply(rotation.conjugate(frame), turns), frame)
    return rotation.continuous(basis), rotation.rotate(rotation.conjugate(frame), points - head)


def carried(way: Way, turns: Array, points: Array) -> tuple[Array, Array]:
    """Turns (T, ..., 4) and points (T, ..., 3) as seen from the way: what is left when a root bone takes it."""
    back = rotation.conjugate(way.turns).reshape(len(turns), *(1,) * (turns.ndim - 2), 4)
    places = way.places.reshape(len(points), *(1,) * (points.ndim - 2), 3)
    return rotation.multiply(back, turns), rotation.rotate(back, points - places)
