"""Losses of the denoiser: features, joint positions and velocities, planted feet, travelled path, filmed body."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from genmo.runtime.features import LAYOUT, POSE
from genmo.runtime.skeleton import INDEX, JOINT_COUNT, PARENTS, REST_OFFSETS

LOSS_NAMES: Final = ("total", "features", "joints", "velocity", "feet", "path", "view")
"""What `Losses` returns, in order."""

LEVELS: Final = ((1, 2, 3), (4, 5, 6), (7, 8, 9), (10, 11, 12, 13, 14), (15, 16, 17), (18, 19), (20, 21))
"""Joints by depth, neighbours in number: one batched step of forward kinematics a level."""

FEET: Final = tuple(INDEX[name] for name in ("l_ankle", "l_foot", "r_ankle", "r_foot"))
"""In the order of the first four contact channels."""

FEATURE_WEIGHTS: Final = {
    "root_tilt": 2.0, "body_pose": 1.0, "root_height": 4.0, "root_velocity": 6.0, "heading": 6.0, "contacts": 1.0,
}  # fmt: skip
"""Weight of a feature group in the x0 loss: few channels that move the whole body count more."""


def matrices_from_sixd(values: Tensor) -> Tensor:
    """Rotation matrices (..., 3, 3) of 6D values (..., 6), by Gram-Schmidt on the rows."""
    first = functional.normalize(values[..., :3], dim=-1, eps=1e-4)
    second = values[..., 3:]
    second = functional.normalize(second - (first * second).sum(-1, keepdim=True) * first, dim=-1, eps=1e-4)
    a, b = first.unbind(-1), second.unbind(-1)
    third = torch.stack([a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]], -1)
    return torch.stack([first, second, third], -2)


def _product(a: Tensor, b: Tensor) -> Tensor:
    # Broadcast sums beat batched 3 x 3 matmuls by far on a CPU.
    return (a[..., :, :, None] * b[..., None, :, :]).sum(-2)


def joint_positions(pose: Tensor, height: Tensor, offsets: Tensor) -> Tensor:
    """Forward kinematics with the pelvis above the origin.

    Args:
        pose: (B, T, 132) 6D values of the 22 joints.
        height: (B, T, 1) of the pelvis, metres.
        offsets: (22, 3) rest offsets.

    Returns:
        (B, T, 22, 3) metres.
    """
    local = matrices_from_sixd(pose.unflatten(-1, (JOINT_COUNT, 6)))
    rotations: list[Tensor] = [local[..., 0, :, :]] * JOINT_COUNT
    positions: list[Tensor] = [functional.pad(height, (1, 1))] * JOINT_COUNT
    for level in LEVELS:
        above = torch.stack([rotations[PARENTS[joint]] for joint in level], -3)
        base = torch.stack([positions[PARENTS[joint]] for joint in level], -2)
        part = slice(level[0], level[-1] + 1)  # neighbours: no table of indices for a GPU to wait for
        turned = _product(above, local[..., part, :, :])
        moved = base + (above * offsets[part][:, None, :]).sum(-1)
        for index, joint in enumerate(level):
            rotations[joint], positions[joint] = turned[..., index, :, :], moved[..., index, :]
    return torch.stack(positions, -2)


def _facing(joints: Tensor, values: Tensor) -> Tensor:
    """Heading-free joints (B, T, 22, 3) turned by the heading of the features `values` (B, T, F)."""
    pair = functional.normalize(values[..., LAYOUT["heading"]], dim=-1, eps=1e-3)[:, :, None]
    return turn_about_y(pair[..., 0], pair[..., 1], joints)


def turn_about_y(sine: Tensor, cosine: Tensor, vectors: Tensor) -> Tensor:
    """Vectors (..., 3) turned about Y by the angle of `sine`, `cosine` (...)."""
    x, y, z = vectors.unbind(-1)
    return torch.stack([cosine * x + sine * z, y, cosine * z - sine * x], -1)


class Losses(torch.nn.Module):
    """All terms for one batch; stateless but for statistics."""

    mean: Tensor
    std: Tensor
    offsets: Tensor
    feature_weights: Tensor
    factors: Tensor

    def __init__(self, mean: Tensor, std: Tensor, weights: dict[str, float], fps: float) -> None:
        """Keep the statistics (F,) and the weight of each term."""
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)
        self.register_buffer("offsets", torch.tensor(REST_OFFSETS))
        feature_weights = [FEATURE_WEIGHTS[name] for name, size in LAYOUT.sizes.items() for _ in range(size)]
        self.register_buffer("feature_weights", torch.tensor(feature_weights))
        factors = torch.tensor([weights[name] for name in LOSS_NAMES[2:]])
        self.register_buffer("factors", factors)
        self.fps = fps

    def forward(
        self, estimate: Tensor, target: Tensor, references: Tensor, joints: Tensor, path: Tensor, valid: Tensor,
        measured: Tensor, filmed: Tensor, trust: Tensor, emphasis: Tensor,
    ) -> Tensor:  # fmt: skip
        """Terms of the loss.

        Args:
            estimate: (B, T, F) normalised.
            target: (B, T, F) normalised.
            references: (B, T) reference headings.
            joints: (B, T, 22, 3) true heading-free positions.
            path: (B, T, 2) true ground path from the first frame.
            valid: (B, T).
            measured: (B, 22) joints whose rotation the source measured.
            filmed: (B, T) 1 where the body must be right as the camera sees it.
            trust: (B,) weight of the motion terms: a guess from pure noise is a mean and cannot be sharp.
            emphasis: (B,) weight of the poses: with little noise the errors are small, but they are the fine detail.

        Returns:
            (7,) in the order of LOSS_NAMES; the total is weighted, the others are not.
        """
        weight = valid / valid.mean()
        values = estimate * self.std + self.mean
        truth = target * self.std + self.mean
        stressed = weight * emphasis[:, None]
        features = self._feature_loss(estimate, target, measured, stressed)
        positions = joint_positions(values[..., POSE], values[..., LAYOUT["root_height"]], self.offsets)
        place = (((positions - joints) ** 2).mean((-1, -2)) * stressed).mean()
        pairs = weight[:, 1:] * weight[:, :-1] * trust[:, None]
        moved, drift = self._steps(positions, values, references)
        true_moved, _ = self._steps(joints, truth, references)
        velocity = (((moved - true_moved) ** 2).mean((-1, -2)) * pairs).mean()
        planted = truth[..., LAYOUT["contacts"]][..., : len(FEET)]
        planted = planted[:, 1:] * planted[:, :-1]
        feet = ((torch.stack([moved[:, :, joint] for joint in FEET], 2) ** 2).sum(-1) * planted).mean(-1)
        slide = (feet * pairs).mean()
        travelled = functional.pad(torch.cumsum(drift, 1)[:, :-1], (0, 0, 1, 0))
        astray = (
            functional.smooth_l1_loss(travelled, path, reduction="none").mean(-1) * weight * trust[:, None]
        ).mean()
        seen = _facing(positions, values) - _facing(joints, truth)
        view = ((seen**2).mean((-1, -2)) * weight * filmed).mean()
        parts = torch.stack([place, velocity, slide, astray, view])
        return torch.cat([(features + (parts * self.factors).sum())[None], features[None], parts])

    def _feature_loss(self, estimate: Tensor, target: Tensor, measured: Tensor, weight: Tensor) -> Tensor:
        error = (estimate - target) ** 2 * self.feature_weights
        # Joints that the source never measured stand still in it: hardly teach that they never move.
        joint = (0.05 + 0.95 * measured).repeat_interleave(6, -1)  # (B, 132)
        mask = functional.pad(joint, (0, error.shape[-1] - joint.shape[-1]), value=1.0)
        return ((error * mask[:, None]).mean(-1) * weight).mean()

    def _steps(self, joints: Tensor, values: Tensor, references: Tensor) -> tuple[Tensor, Tensor]:
        """Joint steps in the heading frame of the earlier frame (B, T-1, 22, 3), and world drift (B, T, 2)."""
        pair = functional.normalize(values[..., LAYOUT["heading"]], dim=-1, eps=1e-3)
        sine, cosine = pair[..., 0], pair[..., 1]
        turn = references[:, 1:] - references[:, :-1]
        # Angle from this frame's heading to the next one's, as sine and cosine.
        delta_sine = sine[:, 1:] * cosine[:, :-1] - cosine[:, 1:] * sine[:, :-1]
        delta_cosine = cosine[:, 1:] * cosine[:, :-1] + sine[:, 1:] * sine[:, :-1]
        step_sine = delta_sine * turn.cos() + delta_cosine * turn.sin()
        step_cosine = delta_cosine * turn.cos() - delta_sine * turn.sin()
        velocity = values[..., LAYOUT["root_velocity"]] / self.fps
        slide = torch.stack([velocity[..., 0], torch.zeros_like(velocity[..., 0]), velocity[..., 1]], -1)
        following = turn_about_y(step_sine[..., None], step_cosine[..., None], joints[:, 1:])
        world_sine = sine * references.cos() + cosine * references.sin()
        world_cosine = cosine * references.cos() - sine * references.sin()
        drift = turn_about_y(world_sine, world_cosine, slide)[..., ::2]
        return following + slide[:, :-1, None] - joints[:, :-1], drift
