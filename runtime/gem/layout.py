"""The published motion vector: 151 numbers a frame, and the two heads that ride along (genmo.md sections 2 and 5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import rotation, skeleton
from ..features import FeatureLayout
from ..skeleton import CONTACT_JOINTS, JOINT_COUNT, PARENTS

Array = NDArray[np.float64]

BETAS: Final = 10
MOTION: Final = FeatureLayout(
    {
        "body_pose": 6 * (JOINT_COUNT - 1),  # local rotations of joints 1..21, 6D
        "betas": BETAS,  # body shape
        "orient_camera": 6,  # rotation of the root relative to the camera, 6D
        "orient_gravity": 6,  # the same relative to the gravity-view frame
        "velocity": 3,  # of the root in its own axes, metres per frame
    }
)
"""What is noised and denoised."""

LAYOUT: Final = FeatureLayout({**MOTION.sizes, "camera": 3, "contacts": len(CONTACT_JOINTS)})
"""The motion, then what its heads say of it: scale and shift in the box; contacts as logits."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A motion vector as rotations; leading axes (...) are kept.

    Attributes:
        body_pose: (..., 21, 3, 3) local rotations of joints 1..21.
        betas: (..., 10).
        camera: (..., 3, 3) rotation of the root in the camera frame.
        gravity: (..., 3, 3) the same in the gravity-view frame.
        velocity: (..., 3) root velocity in its own axes, metres per frame.
    """

    body_pose: Array
    betas: Array
    camera: Array
    gravity: Array
    velocity: Array


def decode(x: ArrayLike) -> Decoded:
    """Rotations of a motion vector (..., 151 or more) that is not normalised (genmo.md section 2.3)."""
    values = np.asarray(x, dtype=np.float64)
    pose = values[..., MOTION["body_pose"]].reshape(*values.shape[:-1], JOINT_COUNT - 1, 6)
    return Decoded(
        rotation.matrix_from_sixd(pose),
        values[..., MOTION["betas"]],
        rotation.matrix_from_sixd(values[..., MOTION["orient_camera"]]),
        rotation.matrix_from_sixd(values[..., MOTION["orient_gravity"]]),
        values[..., MOTION["velocity"]],
    )


def encode(motion: Decoded) -> Array:
    """The vector (..., 151) of a decoded motion, not normalised."""
    pose = rotation.sixd_from_matrix(motion.body_pose)
    parts = {
        "body_pose": pose.reshape(*pose.shape[:-2], -1),
        "betas": motion.betas,
        "orient_camera": rotation.sixd_from_matrix(motion.camera),
        "orient_gravity": rotation.sixd_from_matrix(motion.gravity),
        "velocity": motion.velocity,
    }
    return np.concatenate([parts[name] for name in MOTION.sizes], axis=-1)


def local_velocity(orient: Array, root: Array) -> Array:
    """Velocity (..., T, 3) of the root in its own axes to the next frame, R^T (p(t+1) - p(t)); the last one repeated.

    Args:
        orient: (..., T, 3, 3) root in the world.
        root: (..., T, 3) its positions.
    """
    steps = np.diff(root, axis=-2)
    local = np.einsum("...tji,...tj->...ti", orient[..., :-1, :, :], steps)
    last = local[..., -1:, :] if local.shape[-2] else np.zeros_like(root)
    return np.concatenate([local, last], axis=-2)


@dataclass(frozen=True, slots=True)
class Body:
    """Neutral skeleton and what body shape does to it.

    Attributes:
        joints: (22, 3) rest positions of the average body, metres; the pelvis need not be at the origin.
        shape: (22, 3, 10) what each beta adds to them.
    """

    joints: Array
    shape: Array

    def rest_joints(self, betas: ArrayLike) -> Array:
        """Rest positions (..., 22, 3) for betas (..., 10)."""
        return self.joints + np.einsum("jcb,...b->...jc", self.shape, np.asarray(betas, dtype=np.float64))

    def rest_offsets(self, betas: ArrayLike) -> Array:
        """Offsets from the parent (..., 22, 3), zero for the pelvis."""
        return offsets_of(self.rest_joints(betas))


def offsets_of(joints: Array) -> Array:
    """Offsets from the parent (..., 22, 3) of rest positions (..., 22, 3), zero for the pelvis."""
    above = [max(parent, 0) for parent in PARENTS]
    return joints - joints[..., above, :]


def neutral_joints() -> Array:
    """Rest positions (22, 3) of our own skeleton, the pelvis at the origin: for packs made without a body model."""
    identity = rotation.identity(JOINT_COUNT)
    return skeleton.forward_kinematics(np.zeros(3), identity)[0]


def kinematics(orient: Array, body_pose: Array, joints: Array, transl: Array) -> tuple[Array, Array]:
    """World positions and rotations of the joints, SMPL's way: the root turns about the rest pelvis.

    Args:
        orient: (..., 3, 3) root in the world.
        body_pose: (..., 21, 3, 3) local rotations.
        joints: (..., 22, 3) rest positions.
        transl: (..., 3) the pelvis is at its rest position plus this.

    Returns:
        positions (..., 22, 3) and rotations (..., 22, 3, 3).
    """
    local = np.concatenate([orient[..., None, :, :], body_pose], axis=-3)
    offsets = np.broadcast_to(offsets_of(joints), (*local.shape[:-2], 3))
    return chain_kinematics(local, offsets, joints[..., 0, :] + transl)


def chain_kinematics(
    local: Array, offsets: Array, root: Array, parents: tuple[int, ...] = PARENTS
) -> tuple[Array, Array]:
    """Positions (..., J, 3) and rotations (..., J, 3, 3) of joints from local rotations (..., J, 3, 3)."""
    positions, rotations = np.empty(local.shape[:-1]), np.empty(local.shape)
    positions[..., 0, :], rotations[..., 0, :, :] = root, local[..., 0, :, :]
    for joint in range(1, local.shape[-3]):
        above = parents[joint]
        carried = rotations[..., above, :, :] @ offsets[..., joint, :, None]
        positions[..., joint, :] = positions[..., above, :] + carried[..., 0]
        rotations[..., joint, :, :] = rotations[..., above, :, :] @ local[..., joint, :, :]
    return positions, rotations
