"""The published vector as motion in the world of a request, and corrections of a motion as corrections of the vector.

The vector says how the body stands to the camera and to gravity, and how it moves; where it starts and which way it
faces in the world is free. So a decoded motion is turned and moved to where the constraints of the request are, and
put on the ground. A correction of it turns the body relative to a camera that stays, which both root orientations can
express; so it survives encoding and decoding (genmo.md sections 2 and 3).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .. import rotation, skeleton
from ..alignment import turn_to_constraints
from ..constraints import Constraints
from ..pack_info import PackInfo
from ..skeleton import FLOOR_OFFSET, JOINT_COUNT
from . import contact, layout, world
from .layout import BETAS, LAYOUT, MOTION, Body, Decoded

Array = NDArray[np.float64]
Float = NDArray[np.float32]

_GROUND: Final = np.array([1.0, 0.0, 1.0])


@dataclass(frozen=True, slots=True)
class Scene:
    """A decoded motion in the world of the request.

    Attributes:
        decoded: of the vector.
        root: (T, 3) positions of the pelvis, metres, y up.
        local: (T, 22, 4) local rotations, the pelvis in the world.
        logits: (T, 6) of the contacts.
    """

    decoded: Decoded
    root: Array
    local: Array
    logits: Array

    @property
    def contacts(self) -> Array:
        """Probability (T, 6) of contact."""
        return contact.sigmoid(self.logits)

    @property
    def orient(self) -> Array:
        """(T, 3, 3) root in the world."""
        return rotation.to_matrix(self.local[:, 0])

    def cameras(self) -> Array:
        """World to camera (T, 3, 3), as the motion sees it: both rotations of the root belong together."""
        return self.decoded.camera @ np.swapaxes(self.orient, -1, -2)


def body_of(info: PackInfo) -> Body:
    """The body of a pack; without body shape every beta changes nothing."""
    assert info.gem is not None
    joints = np.array(info.gem.joints)
    shape = np.array(info.gem.shape) if info.gem.shape else np.zeros((JOINT_COUNT, 3, BETAS))
    return Body(joints, shape)


class GemSpace:
    """Normalised vectors of one request <-> motion."""

    def __init__(self, info: PackInfo, cam_angvel: Array, constraints: Constraints, offsets: Array) -> None:
        """Keep what the request fixes.

        Args:
            info: of the pack.
            cam_angvel: (T, 6) rotations of the camera, 6D.
            constraints: of the request.
            offsets: (22, 3) rest offsets of the body that the constraints are for.
        """
        assert info.gem is not None
        self._mean, self._std = np.asarray(info.stats.mean), np.asarray(info.stats.std)
        self._up = info.gem.gravity == "up"
        self._turns, self._constraints, self._offsets = cam_angvel, constraints, offsets

    def scene(self, x: Float) -> Scene:
        """The motion of a normalised vector (T, 160)."""
        values = x.astype(np.float64) * self._std + self._mean
        decoded = layout.decode(values)
        orient, root = world.rollout(decoded, self._turns, gravity_up=self._up)
        turns = np.concatenate([orient[:, None], decoded.body_pose], axis=1)
        local = rotation.continuous(rotation.from_matrix(turns))
        return self._placed(Scene(decoded, root, local, values[:, LAYOUT["contacts"]]))

    def _placed(self, scene: Scene) -> Scene:
        """The motion where the constraints want it, its lowest joint on the ground."""
        headings = np.unwrap(rotation.heading(scene.local[:, 0]))
        turn = turn_to_constraints(headings, scene.root[:, ::2], 0, self._constraints)
        return grounded(scene if turn is None else turned(scene, turn), self._offsets)

    def changed(self, x: Float, scene: Scene, root: Array, local: Array) -> Float:
        """A vector with what was changed in its motion.

        The change of the exact motion is added, so the vector keeps the soft, averaged rotations that the network
        expects at its noise level.

        Args:
            x: (T, 160), normalised.
            scene: its motion.
            root: (T, 3) changed positions.
            local: (T, 22, 4) changed rotations.
        """
        before, after = (self._encoded(scene, *motion) for motion in ((scene.root, scene.local), (root, local)))
        result = np.array(x, np.float64)
        result[:, : MOTION.width] += (after - before) / self._std[: MOTION.width]
        return result.astype(np.float32)

    def _encoded(self, scene: Scene, root: Array, local: Array) -> Array:
        orient = rotation.to_matrix(local[:, 0])
        turn = np.swapaxes(scene.orient, -1, -2) @ orient
        old = scene.decoded
        return layout.encode(
            Decoded(
                rotation.to_matrix(local[:, 1:]), old.betas, old.camera @ turn, old.gravity @ turn,
                layout.local_velocity(orient, root),
            )
        )  # fmt: skip


def turned(scene: Scene, angle: float) -> Scene:
    """The motion turned about Y."""
    turn = rotation.about_y(angle)
    local = scene.local.copy()
    local[:, 0] = rotation.multiply(turn, local[:, 0])
    return replace(scene, root=rotation.rotate(turn, scene.root), local=local)


def grounded(scene: Scene, offsets: Array) -> Scene:
    """The motion with its lowest joint at the height of a ball of the foot that stands."""
    lowest = skeleton.forward_kinematics(scene.root, scene.local, offsets)[0][..., 1].min()
    return replace(scene, root=scene.root + np.array([0.0, FLOOR_OFFSET - lowest, 0.0]))


def cleaned(scene: Scene, joints: Array) -> Scene:
    """The published clean-up: foot lock, then limbs to the places of their contacts (genmo.md section 3.3).

    Args:
        scene: free of constraints.
        joints: (22, 3) rest positions.
    """
    relative = joints - joints[:1]
    pose = rotation.to_matrix(scene.local[:, 1:])
    root = contact.foot_lock(scene.orient, pose, relative, scene.root, scene.logits)
    bent = contact.limbs_to_targets(scene.orient, pose, relative, root, scene.logits)
    local = np.concatenate([scene.local[:, :1], rotation.from_matrix(bent)], axis=1)
    return replace(scene, root=root + np.array([0.0, FLOOR_OFFSET, 0.0]), local=rotation.continuous(local))


def at_origin(scene: Scene) -> Scene:
    """The motion moved and turned so that it starts above the origin and faces +Z."""
    moved = replace(scene, root=scene.root - scene.root[0] * _GROUND)
    return turned(moved, -float(rotation.heading(scene.local[0, 0])))
