"""Motions for tests."""

from __future__ import annotations

from typing import Any

import numpy as np

from genmo.runtime import rotation
from genmo.runtime.motion import Motion
from genmo.runtime.skeleton import CONTACT_JOINTS, JOINT_COUNT


def random_motion(frames: int = 20, fps: float = 30.0, seed: int = 0, **more: Any) -> Motion:
    """Arbitrary poses in an arbitrary place: wild, but every number counts."""
    random = np.random.default_rng(seed)
    rotations = rotation.normalize(random.normal(size=(frames, JOINT_COUNT, 4)))
    contacts = random.random((frames, len(CONTACT_JOINTS)))
    return Motion(fps, random.normal(size=(frames, 3)), rotations, contacts, **more)


def standing_motion(frames: int = 20, fps: float = 30.0, height: float = 0.89, **more: Any) -> Motion:
    """The rest pose, standing still with the pelvis at `height` metres and all contacts on."""
    root = np.tile([0.0, height, 0.0], (frames, 1))
    contacts = np.ones((frames, len(CONTACT_JOINTS)))
    return Motion(fps, root, rotation.identity(frames, JOINT_COUNT), contacts, **more)
