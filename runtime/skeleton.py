"""The model's 22 joints in SMPL order: names, parents, rest offsets, mirror pairs, forward kinematics.

Space (DESIGN section 4): right-handed, Y up, metres; the rest pose is a T-pose that faces +Z with the
character's left on +X. Quaternions are w-first.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import rotation

Array = NDArray[np.float64]

JOINT_NAMES: Final = (
    "pelvis", "l_hip", "r_hip", "spine1", "l_knee", "r_knee", "spine2", "l_ankle", "r_ankle", "spine3", "l_foot",
    "r_foot", "neck", "l_collar", "r_collar", "head", "l_shoulder", "r_shoulder", "l_elbow", "r_elbow", "l_wrist",
    "r_wrist",
)  # fmt: skip
JOINT_COUNT: Final = len(JOINT_NAMES)
INDEX: Final = {name: index for index, name in enumerate(JOINT_NAMES)}
PARENTS: Final = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19)

CONTACT_JOINTS: Final = ("l_ankle", "l_foot", "r_ankle", "r_foot", "l_wrist", "r_wrist")
"""Order of the contact channels of a motion (DESIGN section 4)."""

REST_OFFSETS: Final = (
    (0.00000, 0.00000, 0.00000),  # pelvis
    (0.08778, 0.02644, -0.00975),  # l_hip
    (-0.08778, 0.02644, -0.00975),  # r_hip
    (0.00000, 0.20688, -0.00732),  # spine1
    (0.00000, -0.36820, 0.00732),  # l_knee
    (0.00000, -0.36820, 0.00732),  # r_knee
    (0.00000, 0.11704, -0.00488),  # spine2
    (-0.00732, -0.45110, -0.05121),  # l_ankle
    (0.00732, -0.45110, -0.05121),  # r_ankle
    (0.00000, 0.11095, -0.01097),  # spine3
    (0.01000, -0.04900, 0.12500),  # l_foot
    (-0.01000, -0.04900, 0.12500),  # r_foot
    (0.00000, 0.11095, -0.01097),  # neck
    (0.02682, 0.08169, -0.03780),  # l_collar
    (-0.02682, 0.08169, -0.03780),  # r_collar
    (-0.00244, 0.07071, 0.01219),  # head
    (0.08778, -0.01951, 0.01463),  # l_shoulder
    (-0.08778, -0.01951, 0.01463),  # r_shoulder
    (0.28174, -0.01711, 0.00488),  # l_elbow
    (-0.28174, -0.01711, 0.00488),  # r_elbow
    (0.22588, 0.00773, 0.07071),  # l_wrist
    (-0.22588, 0.00773, 0.07071),  # r_wrist
)  # fmt: skip
"""Offset of each joint from its parent in the rest pose, metres: the skeleton of the training data."""


def _mirror_indices() -> tuple[int, ...]:
    swap = {"l_": "r_", "r_": "l_"}
    return tuple(INDEX[swap.get(name[:2], name[:2]) + name[2:]] for name in JOINT_NAMES)


MIRROR: Final = _mirror_indices()
"""Joint index of the other side (itself for joints of the middle)."""

FLOOR_OFFSET: Final = 0.023
"""Height of the ball-of-foot joint above the floor when the sole rests on it, metres (training data)."""


def rest_offsets() -> Array:
    """Rest offsets of the default skeleton as a fresh array.

    Returns:
        (22, 3) float64, metres; row 0 is zero.
    """
    return np.array(REST_OFFSETS, dtype=np.float64)


def forward_kinematics(
    root_positions: ArrayLike,
    local_rotations: ArrayLike,
    offsets: ArrayLike | None = None,
    parents: tuple[int, ...] = PARENTS,
) -> tuple[Array, Array]:
    """Positions and world rotations of all joints.

    Args:
        root_positions: (..., 3) world position of the pelvis, metres.
        local_rotations: (..., J, 4) quaternions, w first; joint 0 is the world rotation of the pelvis.
        offsets: (J, 3) rest offsets, metres; None takes the default skeleton.
        parents: parent index per joint, -1 for the root, parents before children.

    Returns:
        positions (..., J, 3) in metres and world rotations (..., J, 4).
    """
    root = np.asarray(root_positions, dtype=np.float64)
    local = np.asarray(local_rotations, dtype=np.float64)
    bones = rest_offsets() if offsets is None else np.asarray(offsets, dtype=np.float64)
    positions = np.empty((*local.shape[:-1], 3))
    rotations = np.empty(local.shape)
    for joint, parent in enumerate(parents):
        if parent < 0:
            positions[..., joint, :] = root
            rotations[..., joint, :] = local[..., joint, :]
            continue
        turned = rotation.rotate(rotations[..., parent, :], bones[joint])
        positions[..., joint, :] = positions[..., parent, :] + turned
        rotations[..., joint, :] = rotation.multiply(rotations[..., parent, :], local[..., joint, :])
    return positions, rotations


def local_from_world(world_rotations: ArrayLike, parents: tuple[int, ...] = PARENTS) -> Array:
    """Local rotations whose forward kinematics gives the world rotations.

    Args:
        world_rotations: (..., J, 4) quaternions, w first.
        parents: parent index per joint.

    Returns:
        (..., J, 4) quaternions.
    """
    world = np.asarray(world_rotations, dtype=np.float64)
    above = [max(parent, 0) for parent in parents]
    local = rotation.multiply(rotation.conjugate(world[..., above, :]), world)
    local[..., 0, :] = world[..., 0, :]
    return local
