"""The published clean-up: a foot lock that moves the root, then inverse kinematics by cyclic descent (section 3.3)."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from .. import rotation
from ..skeleton import CONTACT_JOINTS, INDEX
from .layout import chain_kinematics, kinematics
from .world import gaussian

Array = NDArray[np.float64]

JOINTS: Final = tuple(INDEX[name] for name in CONTACT_JOINTS)
_PUSHED_DOWN: Final = 1e6
_ROUNDS: Final = 2
_CHAINS: Final = (
    ((0, 1, 4, 7, 10), 3, 7), ((0, 2, 5, 8, 11), 3, 8), ((9, 13, 16, 18, 20), 4, 20), ((9, 14, 17, 19, 21), 4, 21),
)  # fmt: skip
"""Chain of joints, which of them is brought to a target, and the contact joint whose target it is.

For the legs that is the ankle: the published solver names the toe as well but never uses its target.
"""


def sigmoid(logits: Array) -> Array:
    """1 / (1 + exp(-x)), without overflow."""
    return 0.5 * (1.0 + np.tanh(0.5 * logits))


def foot_lock(orient: Array, body_pose: Array, joints: Array, transl: Array, logits: Array) -> Array:
    """The way of the root, corrected so that joints in contact stay, and on the ground y = 0.

    Args:
        orient: (T, 3, 3) root in the world.
        body_pose: (T, 21, 3, 3).
        joints: (22, 3) or (T, 22, 3) rest positions.
        transl: (T, 3).
        logits: (T, 6) of the contacts.

    Returns:
        (T, 3): the lowest joint of the whole clip is at y = 0.
    """
    positions, _ = kinematics(orient, body_pose, joints, transl)
    moved = np.diff(positions[:, JOINTS], axis=0)  # (T - 1, 6, 3)
    touching = logits[:-1] > 0
    weights = logits[:-1] - np.where(touching, 0.0, _PUSHED_DOWN)
    weights = np.exp(weights - weights.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    slide = np.einsum("tj,tjc->tc", weights, moved) * touching.any(axis=1, keepdims=True)
    steps = np.diff(transl, axis=0) - slide
    way = np.concatenate([transl[:1], transl[:1] + np.cumsum(steps, axis=0)])
    way[:, ::2] = gaussian(way[:, ::2])
    lowest = (positions[..., 1] + (way - transl)[:, None, 1]).min()
    return way - np.array([0.0, lowest, 0.0])


def contact_targets(positions: Array, logits: Array) -> Array:
    """Places (T, 6, 3) for the contact joints: each keeps its last place as far as it was in contact."""
    trust = sigmoid(logits)[..., None]
    targets = positions[:, JOINTS].copy()
    for frame in range(1, len(targets)):
        held = trust[frame - 1]
        targets[frame] = held * targets[frame - 1] + (1.0 - held) * targets[frame]
    return targets


def limbs_to_targets(orient: Array, body_pose: Array, joints: Array, transl: Array, logits: Array) -> Array:
    """Body pose (T, 21, 3, 3) with legs and arms bent towards the places of their contacts; arguments as before."""
    positions, world = kinematics(orient, body_pose, joints, transl)
    targets = contact_targets(positions, logits)
    result = body_pose.copy()
    offsets = np.broadcast_to(joints, (*positions.shape[:-2], *joints.shape[-2:]))
    for chain, effector, contact in _CHAINS:
        bones = offsets[:, chain[1:]] - offsets[:, chain[:-1]]
        goal = targets[:, JOINTS.index(contact)]
        turned = _bent(world[:, chain[0]], result[:, np.array(chain[1:]) - 1], positions[:, chain[0]], bones,
                       effector, goal)  # fmt: skip
        result[:, np.array(chain[1:]) - 1] = turned
    return result


def _bent(base: Array, local: Array, root: Array, bones: Array, effector: int, goal: Array) -> Array:
    """Local rotations (T, 4, 3, 3) of a chain of five joints whose first one stays."""
    frames, length = len(base), local.shape[1] + 1
    turns = np.concatenate([base[:, None], local], axis=1)
    offsets = np.concatenate([np.zeros((frames, 1, 3)), bones], axis=1)
    parents = (-1, *range(length - 1))
    for _ in range(_ROUNDS):
        for joint in range(1, length - 1):
            places, world = chain_kinematics(turns, offsets, root, parents)
            swing = rotation.between(places[:, effector] - places[:, joint], goal - places[:, joint])
            now = rotation.from_matrix(world[:, joint])
            new = rotation.slerp(now, rotation.multiply(swing, now), np.full(frames, (joint + 1) / length))
            turns[:, joint] = np.swapaxes(world[:, joint - 1], -1, -2) @ rotation.to_matrix(new)
    return turns[:, 1:]
