"""Which dialect a checkpoint speaks, found out without labels from one forward pass (genmo.md section 2.5).

A wrong normalisation loads without an error and gives garbage. The right one gives 6D rotations whose two rows are
about of unit length and orthogonal; and the sign of "up" in the gravity-view frame of an upright body tells the rest.
"""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from genmo.runtime import keypoints, rotation, skeleton
from genmo.runtime.errors import UserError
from genmo.runtime.gem import camera, model
from genmo.runtime.gem.layout import MOTION
from genmo.training.gem.conditions import GATED, GemModel, Inputs
from genmo.training.gem.network import TEXT_WIDTH, TOKENS

Array = NDArray[np.float64]
Dialect = Literal["up", "down"]

FRAMES: Final = 90
LARGEST_ERROR: Final = 0.25
"""Mean deviation of lengths from 1 and products from 0 with which rotations are believed; a wrong rule gives more."""
LEAST_UPRIGHT: Final = 0.3
_DISTANCE: Final = 4.0


def ordinary_clip(frames: int = FRAMES) -> model.Conditions:
    """A person of our skeleton who stands and swings arms and legs before a level camera that does not move."""
    phase = np.sin(np.arange(frames) / 30.0 * 2.0 * np.pi)
    turns = np.zeros((frames, skeleton.JOINT_COUNT, 3))
    for name, axis, size in (("l_hip", 0, 0.5), ("r_hip", 0, -0.5), ("l_shoulder", 1, 0.4), ("r_shoulder", 1, 0.4)):
        turns[:, skeleton.INDEX[name], axis] = size * phase
    turns[:, skeleton.INDEX["l_shoulder"], 2] = -1.2
    turns[:, skeleton.INDEX["r_shoulder"], 2] = 1.2
    root = np.tile([0.0, 0.9, 0.0], (frames, 1))
    positions, world = skeleton.forward_kinematics(root, rotation.from_axis_angle(turns))
    points = keypoints.coco_points(positions, rotation.to_matrix(world[:, skeleton.INDEX["head"]]))
    # The camera looks along -Z at the front of the body, which faces +Z.
    cameras = np.tile(np.diag([1.0, -1.0, -1.0]), (frames, 1, 1))
    slopes, _ = keypoints.project(points, cameras, np.tile([0.0, 1.0, _DISTANCE], (frames, 1)))
    boxes = camera.box_of(np.concatenate([slopes.min(axis=1), slopes.max(axis=1)], axis=-1))
    seen = np.concatenate([slopes, np.ones((frames, 17, 1))], axis=-1)
    told = model.Conditions(frames)
    told.obs[:] = camera.observed(seen, boxes, np.ones(frames, bool))
    told.box[:] = camera.box_condition(boxes, np.ones(frames), np.zeros(2))
    told.exists[:, [model.EXISTS.index("box"), model.EXISTS.index("camera")]] = True
    return told


@torch.no_grad()
def regressed(network: GemModel, told: model.Conditions) -> Array:
    """The vector (T, 160), normalised, that one forward pass makes of conditions."""
    arrays = {name: torch.from_numpy(values)[None] for name, values in told.arrays().items()}
    exists = {name: arrays["exists"][..., index] for index, name in enumerate(GATED)}
    values = {name: arrays[name] for name in GATED[:3]}
    frames = len(told.obs)
    clean = network.denoiser(
        torch.zeros(1, frames, MOTION.width), torch.tensor([999]),
        network.condition(Inputs(arrays["obs"], values, exists)), torch.zeros(1, TOKENS, TEXT_WIDTH),
    )  # fmt: skip
    return clean[0].double().numpy()


def rotation_error(x: Array) -> float:
    """How far 6D values are from two orthonormal rows, averaged over the joints and frames of vectors (T, 151)."""
    rows = np.concatenate([x[:, : MOTION["body_pose"].stop], x[:, 136:148]], axis=1).reshape(len(x), -1, 2, 3)
    lengths = np.linalg.norm(rows, axis=-1)
    products = np.sum(rows[:, :, 0] * rows[:, :, 1], axis=-1)
    return float((np.abs(lengths - 1.0).mean() + np.abs(products).mean()) / 2.0)


def calibrated(network: GemModel, mean: Array, std: Array, gravity: Literal["auto", "up", "down"] = "auto") -> Dialect:
    """Check the normalisation of a checkpoint on an ordinary clip and find out where gravity points.

    Args:
        network: with its weights.
        mean: (151,) that belongs to it, as far as is known.
        std: (151,).
        gravity: "auto", or what the user says.

    Raises:
        UserError: the poses make no sense with this normalisation, or stand neither up nor down.
    """
    x = regressed(network, ordinary_clip())[:, : MOTION.width] * std + mean
    error = rotation_error(x)
    if not error <= LARGEST_ERROR:
        raise UserError(
            f"With the published normalisation the poses of this checkpoint are no rotations (off by {error:.2f}): "
            "it belongs to another dialect, give its mean and raw std with --statistics FILE.json"
        )
    if gravity != "auto":
        return gravity
    upright = float(x[:, MOTION["orient_gravity"].start + 4].mean())
    if abs(upright) < LEAST_UPRIGHT:
        raise UserError(
            f"A standing person is neither upright nor upside down to this checkpoint ({upright:+.2f}): "
            "tell where its gravity-view frame points with --gravity up or down"
        )
    return "up" if upright > 0 else "down"
