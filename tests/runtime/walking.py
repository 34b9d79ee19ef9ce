"""Synthetic motions whose footsteps are known: for tests of projection and clean-up."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from genmo.runtime import inverse_kinematics as ik
from genmo.runtime import rotation, skeleton
from genmo.runtime.motion import Motion
from genmo.runtime.request import Keyframe
from genmo.runtime.skeleton import FLOOR_OFFSET, INDEX, JOINT_COUNT, JOINT_NAMES, Array

STRIDE_FRAMES: Final = 32
STANCE_FRAMES: Final = 19
STEP: Final = 0.027
"""Metres per frame."""
ANKLE_HEIGHT: Final = FLOOR_OFFSET + 0.049


def swaying(frames: int, seed: int = 0, size: float = 0.3) -> tuple[Array, Array]:
    """Root (T, 3) and local rotations (T, 22, 4) of slow sines on everything."""
    random = np.random.default_rng(seed)
    time = np.arange(frames)[:, None, None] / 30.0
    rate, phase = random.uniform(1.0, 5.0, (2, 1, JOINT_COUNT, 3))
    vectors = size * np.sin(rate * time + phase)
    vectors[:, 0, 1] += random.uniform(-3.0, 3.0) + 0.5 * time[:, 0, 0]
    ahead = np.cumsum(0.03 * rotation.rotate(rotation.about_y(vectors[:, 0, 1]), np.array([0.0, 0.0, 1.0])), axis=0)
    bounce = 0.9 + 0.03 * np.sin(6.0 * time[:, 0])
    return ahead * [1.0, 0.0, 1.0] + bounce * [0.0, 1.0, 0.0], rotation.from_axis_angle(vectors)


def walk(frames: int = 160) -> Motion:
    """A walk along +Z on a flat floor; the feet stand still exactly while their contacts are on."""
    time = np.arange(frames)
    root = np.stack([0.0 * time, 0.79 + 0.01 * np.sin(4.0 * np.pi * time / STRIDE_FRAMES), STEP * time], axis=1)
    local = rotation.identity(frames, JOINT_COUNT)
    contacts = np.zeros((frames, len(skeleton.CONTACT_JOINTS)))
    positions, worlds = skeleton.forward_kinematics(root, local)
    for side, limb in enumerate((ik.LEFT_LEG, ik.RIGHT_LEG)):
        phase = (time + side * STRIDE_FRAMES // 2) % STRIDE_FRAMES
        contacts[:, [2 * side, 2 * side + 1]] = (phase < STANCE_FRAMES)[:, None]
        base, middle, end = (positions[:, joint] for joint in limb.joints)
        target = _footsteps(time, phase, base[:, 0])
        hinge = np.broadcast_to(limb.hinge, base.shape)
        upper, lower = ik.two_bone(base, middle, end, target, hinge)
        for joint, turn in ik.local_rotations(limb, worlds, upper, lower, rotation.identity(frames)).items():
            local[:, joint] = turn
    return Motion(30.0, root, local, contacts)


def _footsteps(time: NDArray[np.int64], phase: NDArray[np.int64], side: Array) -> Array:
    """Ankle positions (T, 3): on a spot for a stance, then in an arc to the next."""
    spot = STEP * (time - phase + STANCE_FRAMES / 2)
    swing = np.clip((phase - STANCE_FRAMES + 1) / (STRIDE_FRAMES - STANCE_FRAMES + 1), 0.0, 1.0)
    ease = swing**3 * (10.0 - 15.0 * swing + 6.0 * swing**2)
    height = ANKLE_HEIGHT + 0.12 * np.sin(np.pi * swing) ** 2
    return np.stack([side, height, spot + STEP * STRIDE_FRAMES * ease], axis=1)


def key_of(root: Array, local: Array, frame: int, joints: tuple[str, ...] = JOINT_NAMES) -> Keyframe:
    """The pose of a motion at a frame as a key."""
    rotations = {name: tuple(local[frame, INDEX[name]]) for name in joints}
    return Keyframe(frame, joints, tuple(root[frame]) if "pelvis" in joints else None, rotations)


def accelerations(positions: Array) -> Array:
    """Acceleration (T - 2, J) of joints in m/s^2 at 30 fps."""
    return np.linalg.norm(np.diff(positions, 2, axis=0), axis=-1) * 900.0


def skate(positions: Array, contacts: Array) -> float:
    """Mean horizontal speed in cm/s of heels and balls while they stand."""
    feet = [INDEX[name] for name in skeleton.CONTACT_JOINTS[:4]]
    speeds = np.linalg.norm(np.diff(positions[:, feet][..., [0, 2]], axis=0), axis=-1) * 3000.0
    standing = (contacts[1:, :4] > 0.5) & (contacts[:-1, :4] > 0.5)
    return float(speeds[standing].mean())
