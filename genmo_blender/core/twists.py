"""Twist bones beside a limb: they take part in a turn about the limb, so that the skin does not wring at the wrist.

A twist bone of a forearm or a shin follows the hand's or the foot's turn about the limb, the more the nearer it is.
One of an upper arm or a thigh takes back the part of the limb's own turn that the skin at its place should not show.
Twist bones in line with the limb need none of this: they share the joint's turn (`chains`).
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...runtime import rotation
from .chains import SEGMENTS, BoneMap
from .restpose import RestPose

Array = NDArray[np.float64]

WORDS: Final = ("twist", "roll", "捩")
"""What the names of such bones contain; other bones beside a limb are pads, muscles or props."""
_OWN: Final = frozenset(("shoulder", "hip"))
"""Parts of limbs whose twist bones take back the part's own turn."""
_ASIDE: Final = 0.2
"""Distance from the line, as a share of the limb's length, up to which a bone belongs to it."""


@dataclass(frozen=True, slots=True)
class Twist:
    """A twist bone.

    Attributes:
        bone: its name.
        above: joint against which the turn is taken, "" for what the limb's first bone follows.
        joint: joint whose turn about the limb is shared.
        share: how much of it the bone shows; negative where it takes it back.
        axis: (3,) direction of the limb at rest, model axes.
        frame: (4,) rest orientation of the bone, model axes.
    """

    bone: str
    above: str
    joint: str
    share: float
    axis: Array
    frame: Array


def find_twists(rest: RestPose, bone_map: BoneMap, axes: Array, but: Container[str] = ()) -> tuple[Twist, ...]:
    """The twist bones that hang beside the limbs of an armature.

    Args:
        rest: the armature.
        bone_map: its bones.
        axes: (3, 3) model axes in armature space.
        but: bones that something else moves.
    """
    mapped = {bone for bones in bone_map.values() for bone in bones}
    found = []
    for upper, lower in ((side + a, side + b) for side in ("l_", "r_") for a, b in SEGMENTS):
        if len(bone_map.get(upper, ())) != 1 or not bone_map.get(lower):
            continue
        owner = rest.index(bone_map[upper][0])
        for index in np.flatnonzero(rest.parents == owner):
            name = rest.names[index]
            if name not in mapped and name not in but and any(word in name.lower() for word in WORDS):
                share = _share(rest, bone_map, upper, lower, int(index))
                if share:
                    along = rest.heads[rest.index(bone_map[lower][0])] - rest.heads[owner]
                    frame = rotation.from_matrix(axes.T @ rest.matrices[index])
                    own = upper[2:] in _OWN
                    joints = ("", upper) if own else (upper, lower)
                    found.append(Twist(name, *joints, share, rotation.normalize(along @ axes), frame))
    return tuple(found)


def _share(rest: RestPose, bone_map: BoneMap, upper: str, lower: str, index: int) -> float:
    """How much of the turn a bone at its place shows, 0 for one that is not beside the limb."""
    start, end = rest.heads[rest.index(bone_map[upper][0])], rest.heads[rest.index(bone_map[lower][0])]
    along, relative = end - start, rest.heads[index] - start
    length = max(float(np.linalg.norm(along)), 1e-12)
    place = float(relative @ along) / length**2
    if np.linalg.norm(relative - place * along) > _ASIDE * length or not -0.1 < place < 1.1:
        return 0.0
    place = min(max(place, 0.0), 1.0)
    return place - 1.0 if upper[2:] in _OWN else place


def twisted(twist: Twist, above: Array, turn: Array) -> Array:
    """Rotations (T, 4) of a twist bone relative to its rest ("matrix_basis").

    Args:
        twist: the bone.
        above: (T, 4) turns of what the limb's turn is taken against.
        turn: (T, 4) turns of the joint.
    """
    relative = rotation.multiply(rotation.conjugate(above), turn)
    angles = np.unwrap(2.0 * np.arctan2(relative[:, 1:] @ twist.axis, relative[:, 0]))
    angles = angles - 2.0 * np.pi * np.round(angles[:1] / (2.0 * np.pi))
    axis = rotation.rotate(rotation.conjugate(twist.frame), twist.axis)
    return rotation.from_axis_angle(twist.share * angles[:, None] * axis)
