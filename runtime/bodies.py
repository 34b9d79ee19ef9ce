"""How points of a posed body move when its joints turn: derivatives for fitting a pose to what is seen of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from . import keypoints, rotation, skeleton

Array = NDArray[np.float64]

TURNED: Final = tuple(
    index for index, name in enumerate(skeleton.JOINT_NAMES) if not name.endswith(("wrist", "_foot"))
)  # fmt: skip
"""Joints that keypoints say something of: all but wrists and balls of the feet."""

WIDTH: Final = 3 + 3 * len(TURNED)
"""Unknowns of a frame: shift of the pelvis (world), then a small turn of each joint of TURNED in its own axes."""

FEET: Final = tuple(skeleton.INDEX[name] for name in skeleton.CONTACT_JOINTS[:4])

_HEAD: Final = skeleton.INDEX["head"]
_HOLDERS: Final = (*(_HEAD for _ in keypoints.FACE), *(skeleton.INDEX[name] for name in keypoints.KEYPOINTS[5:]), *FEET)
"""The joint that carries each point: 17 keypoints, then heels and balls."""


def _carriers() -> NDArray[np.bool_]:
    """(points, turned joints): whether a joint, when it turns, moves a point. A joint does not move itself."""
    result = np.zeros((len(_HOLDERS), len(TURNED)), dtype=bool)
    for point, holder in enumerate(_HOLDERS):
        joint = holder if point < len(keypoints.FACE) else skeleton.PARENTS[holder]
        while joint >= 0:
            if joint in TURNED:
                result[point, TURNED.index(joint)] = True
            joint = skeleton.PARENTS[joint]
    return result


_CARRIED: Final = _carriers()


@dataclass(frozen=True, eq=False)
class Points:
    """Points of a body on T frames.

    Attributes:
        places: (T, 21, 3) in the world, metres: 17 keypoints, then l_ankle, l_foot, r_ankle, r_foot.
        slopes: (T, 21, 3, WIDTH) their derivatives by the unknowns.
    """

    places: Array
    slopes: Array


def body_points(root: Array, local: Array, offsets: Array) -> Points:
    """Points and derivatives.

    Args:
        root: (T, 3) pelvis, metres.
        local: (T, 22, 4) rotations, that of the pelvis in the world.
        offsets: (22, 3) rest offsets.
    """
    positions, rotations = skeleton.forward_kinematics(root, local, offsets)
    matrices = rotation.to_matrix(rotations)
    seen = keypoints.coco_points(positions, matrices[:, _HEAD])
    places = np.concatenate([seen, positions[:, list(FEET)]], axis=1)
    arms = places[:, :, None] - positions[:, None, list(TURNED)]  # (T, points, joints, 3)
    arms *= _CARRIED[None, :, :, None]
    axes = matrices[:, list(TURNED)]  # columns: the joint's own axes in the world
    # A turn by w moves a point at arm a by w x a; for the axes of a joint these are the columns of the derivative.
    moved = np.cross(axes.transpose(0, 1, 3, 2)[:, None], arms[:, :, :, None, :])  # (T, points, joints, axis, 3)
    count = len(root)
    slopes = np.zeros((count, len(_HOLDERS), 3, WIDTH))
    slopes[..., :3] = np.eye(3)
    slopes[..., 3:] = moved.transpose(0, 1, 4, 2, 3).reshape(count, len(_HOLDERS), 3, WIDTH - 3)
    return Points(places, slopes)


def moved_body(root: Array, local: Array, change: Array) -> tuple[Array, Array]:
    """Root (T, 3) and rotations (T, 22, 4) after a change (T, WIDTH) of the unknowns."""
    turned = local.copy()
    steps = rotation.from_axis_angle(change[:, 3:].reshape(len(change), len(TURNED), 3))
    turned[:, list(TURNED)] = rotation.multiply(local[:, list(TURNED)], steps)
    return root + change[:, :3], rotation.normalize(turned)


def apart(root: Array, local: Array, from_root: Array, from_local: Array) -> Array:
    """The change (T, WIDTH) that leads from one motion to another; inverse of `moved_body`."""
    joints = list(TURNED)
    turns = rotation.to_axis_angle(rotation.multiply(rotation.conjugate(from_local[:, joints]), local[:, joints]))
    return np.concatenate([root - from_root, turns.reshape(len(root), -1)], axis=1)
