"""The mannequin on a body of other proportions, such as the one that a video was estimated with."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...runtime.skeleton import FLOOR_OFFSET, INDEX, JOINT_COUNT, PARENTS

Array = NDArray[np.float64]

LEAST_BONE, LONGEST_BONE = 0.02, 1.5
"""Metres between which the bones of a body are believed; those from the pelvis to the hips may be shorter."""

_BENDS: Final = {"pelvis": "spine1", "spine3": "neck"}
"""Which of several children a joint's part of the body leads to."""


def rest_positions(offsets: Array) -> Array:
    """Joint positions (22, 3) of the T-pose of a body with these rest offsets (22, 3), its soles on the floor."""
    positions = np.zeros((JOINT_COUNT, 3))
    for joint, parent in enumerate(PARENTS):
        if parent >= 0:
            positions[joint] = positions[parent] + offsets[joint]
    positions[:, 1] += FLOOR_OFFSET - min(positions[INDEX[name], 1] for name in ("l_foot", "r_foot"))
    return positions


def is_body(offsets: Array) -> bool:
    """Whether rest offsets (22, 3) can be those of a body: finite, and bones neither tiny nor huge."""
    lengths = np.linalg.norm(offsets[1:], axis=-1)
    return bool(np.isfinite(offsets).all() and (lengths > LEAST_BONE).all() and (lengths < LONGEST_BONE).all())


def fitted(vertices: Array, weights: Array, old: Array, new: Array) -> Array:
    """A surface moved from one skeleton in the T-pose to another.

    What lies along a bone moves with both of its ends in proportion, so limbs are stretched and not cut; thickness and
    the shape of head, hands and feet stay.

    Args:
        vertices: (V, 3) around the old joints.
        weights: (V, 22) skin weights.
        old: (22, 3) joint positions.
        new: (22, 3).

    Returns:
        (V, 3).
    """
    moved = new - old
    shift = np.zeros_like(vertices)
    for name, joint in INDEX.items():
        near = weights[:, joint] > 0
        if not near.any():
            continue
        share = np.zeros((int(near.sum()), 1))
        child = _child(name)
        if child is not None:
            bone = old[child] - old[joint]
            share = np.clip((vertices[near] - old[joint]) @ bone / (bone @ bone), 0.0, 1.0)[:, None]
        end = moved[joint] if child is None else moved[child]
        shift[near] += weights[near, joint, None] * (moved[joint] * (1.0 - share) + end * share)
    return vertices + shift


def _child(name: str) -> int | None:
    if name in _BENDS:
        return INDEX[_BENDS[name]]
    children = [joint for joint, parent in enumerate(PARENTS) if parent == INDEX[name]]
    return children[0] if children else None
