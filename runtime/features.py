"""Motion <-> the model's feature vector, one row per frame.

The base model's vector follows the published one (genmo.md section 2: local 6D rotations, velocity-based root, frame
of gravity) without a camera: everything is expressed in the body's own heading, and the heading itself relative to a
reference heading that comes from the constraints. So the features do not change when a request is moved or turned.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import rotation
from .skeleton import CONTACT_JOINTS, JOINT_COUNT

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class FeatureLayout:
    """Named, gap-free slices of a vector.

    Attributes:
        sizes: name -> number of values, in order.
    """

    sizes: Mapping[str, int]

    @property
    def width(self) -> int:
        """Length of the whole vector."""
        return sum(self.sizes.values())

    def __getitem__(self, name: str) -> slice:
        """Slice of the named group; KeyError names an unknown group."""
        start = 0
        for key, size in self.sizes.items():
            if key == name:
                return slice(start, start + size)
            start += size
        raise KeyError(name)

    def to_json(self) -> dict[str, list[int]]:
        """Name -> [start, stop], as a pack states it."""
        return {name: [self[name].start, self[name].stop] for name in self.sizes}


LAYOUT: Final = FeatureLayout(
    {
        "root_tilt": 6,  # rotation of the pelvis with its heading taken away, 6D
        "body_pose": 6 * (JOINT_COUNT - 1),  # local rotations of joints 1..21, 6D
        "root_height": 1,  # metres above the floor
        "root_velocity": 2,  # x and z velocity in the heading frame, m/s; the step from this frame to the next
        "heading": 2,  # sine and cosine of heading minus reference heading
        "contacts": len(CONTACT_JOINTS),  # 0 or 1
    }
)
"""Feature vector of the base model."""

POSE: Final = slice(LAYOUT["root_tilt"].start, LAYOUT["body_pose"].stop)
"""All 22 rotations: pelvis tilt, then joints 1..21."""


def turn_planar(vectors: ArrayLike, angles: ArrayLike) -> Array:
    """Ground vectors (..., 2) [x, z] turned by angles (...) radians about Y."""
    v = np.asarray(vectors, dtype=np.float64)
    sine, cosine = np.sin(angles), np.cos(angles)
    return np.stack([cosine * v[..., 0] + sine * v[..., 1], -sine * v[..., 0] + cosine * v[..., 1]], axis=-1)


def pose_sixd(local_rotations: ArrayLike) -> tuple[Array, Array]:
    """Split rotations into headings and the 6D values the model sees.

    Args:
        local_rotations: (..., 22, 4) quaternions; joint 0 is the world rotation of the pelvis.

    Returns:
        headings (...) in radians and 6D values (..., 22, 6) whose joint 0 is the pelvis without its heading.
    """
    local = np.array(local_rotations, dtype=np.float64)
    headings = rotation.heading(local[..., 0, :])
    local[..., 0, :] = rotation.multiply(rotation.about_y(-headings), local[..., 0, :])
    return headings, rotation.sixd_from_matrix(rotation.to_matrix(local))


def encode(
    root_positions: ArrayLike,
    local_rotations: ArrayLike,
    contacts: ArrayLike,
    reference_headings: ArrayLike,
    fps: float,
) -> Array:
    """Features of a motion.

    Args:
        root_positions: (T, 3) metres.
        local_rotations: (T, 22, 4) quaternions.
        contacts: (T, 6) 0..1.
        reference_headings: (T,) radians.
        fps: frames per second.

    Returns:
        (T, LAYOUT.width), not normalised.
    """
    root = np.asarray(root_positions, dtype=np.float64)
    headings, sixd = pose_sixd(local_rotations)
    steps = np.diff(root[:, ::2], axis=0) * fps
    steps = np.concatenate([steps, steps[-1:]]) if len(steps) else np.zeros((1, 2))
    turn = headings - np.asarray(reference_headings)
    parts = {
        "root_tilt": sixd[:, 0],
        "body_pose": sixd[:, 1:].reshape(len(root), -1),
        "root_height": root[:, 1:2],
        "root_velocity": turn_planar(steps, -headings),
        "heading": np.stack([np.sin(turn), np.cos(turn)], axis=-1),
        "contacts": np.asarray(contacts, dtype=np.float64),
    }
    return np.concatenate([parts[name] for name in LAYOUT.sizes], axis=-1)


def decode(features: ArrayLike, reference_headings: ArrayLike, fps: float) -> tuple[Array, Array, Array]:
    """Motion of features; the inverse of `encode` up to the start on the ground, which is the origin.

    Args:
        features: (T, LAYOUT.width), not normalised.
        reference_headings: (T,) radians.
        fps: frames per second.

    Returns:
        root_positions (T, 3), local_rotations (T, 22, 4), contacts (T, 6) clipped to 0..1.
    """
    x = np.asarray(features, dtype=np.float64)
    matrices = rotation.matrix_from_sixd(x[:, POSE].reshape(len(x), JOINT_COUNT, 6))
    local = rotation.from_matrix(matrices)
    turn = x[:, LAYOUT["heading"]]
    headings = np.asarray(reference_headings) + np.arctan2(turn[:, 0], turn[:, 1])
    # The tilt is heading-free only for exact data: a prediction's own little heading is taken out first.
    tilt = rotation.multiply(rotation.about_y(-rotation.heading(local[:, 0])), local[:, 0])
    local[:, 0] = rotation.multiply(rotation.about_y(headings), tilt)
    steps = turn_planar(x[:, LAYOUT["root_velocity"]], headings) / fps
    ground = np.concatenate([np.zeros((1, 2)), np.cumsum(steps[:-1], axis=0)])
    root = np.stack([ground[:, 0], x[:, LAYOUT["root_height"].start], ground[:, 1]], axis=-1)
    return root, rotation.continuous(local), np.clip(x[:, LAYOUT["contacts"]], 0.0, 1.0)
