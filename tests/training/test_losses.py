"""The losses measure what they say: torch kinematics against the runtime's, zero for the truth, slides for slides."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from genmo.runtime import features, rotation, skeleton
from genmo.runtime.features import LAYOUT, POSE
from genmo.training.losses import FEET, Losses, joint_positions

WEIGHTS = {"joints": 1.0, "velocity": 1.0, "feet": 1.0, "path": 1.0}
FPS = 30.0


def random_batch(seed: int = 0, frames: int = 20) -> dict[str, torch.Tensor]:
    """One sample: features of a random motion and everything the losses compare with."""
    rng = np.random.default_rng(seed)
    local = rotation.from_axis_angle(np.cumsum(rng.normal(scale=0.05, size=(frames, 22, 3)), axis=0))
    root = np.cumsum(rng.normal(scale=0.02, size=(frames, 3)), axis=0)
    root[:, 1] += 0.9
    references = np.cumsum(rng.normal(scale=0.02, size=frames))
    contacts = np.ones((frames, 6))
    values = features.encode(root, local, contacts, references, FPS)
    headings, _ = features.pose_sixd(local)
    positions, _ = skeleton.forward_kinematics(root, local)
    upright = positions - root[:, None] * [1.0, 0.0, 1.0]
    joints = rotation.rotate(rotation.about_y(-headings)[:, None], upright)
    arrays = {
        "target": values, "references": references, "joints": joints, "path": root[:, ::2] - root[0, ::2],
        "valid": np.ones(frames), "positions": positions,
    }  # fmt: skip
    return {name: torch.from_numpy(array).float()[None] for name, array in arrays.items()}


def evaluate(batch: dict[str, torch.Tensor], estimate: torch.Tensor) -> torch.Tensor:
    losses = Losses(torch.zeros(LAYOUT.width), torch.ones(LAYOUT.width), WEIGHTS, FPS)
    names = ("target", "references", "joints", "path", "valid")
    return losses(estimate, *(batch[name] for name in names), torch.ones(1, 22), torch.ones(1))


def test_joint_positions_equal_the_runtime() -> None:
    batch = random_batch()
    values = batch["target"]
    offsets = torch.tensor(skeleton.REST_OFFSETS)
    result = joint_positions(values[..., POSE], values[..., LAYOUT["root_height"]], offsets)
    np.testing.assert_allclose(result, batch["joints"], atol=1e-5)


def test_the_truth_costs_nothing_but_the_slides_it_has() -> None:
    batch = random_batch()
    _, values, joints, velocity, feet, path = evaluate(batch, batch["target"]).tolist()
    assert values == 0.0
    assert joints < 1e-9
    assert velocity < 1e-10
    assert path < 1e-8
    moved = np.diff(batch["positions"][0, :, list(FEET)].numpy(), axis=0)
    assert feet == pytest.approx((moved**2).sum(-1).mean(), rel=1e-3)


def test_a_faster_root_costs_velocity_and_path() -> None:
    batch = random_batch()
    estimate = batch["target"].clone()
    estimate[..., LAYOUT["root_velocity"]] += 0.3  # m/s on both axes
    _, _, joints, velocity, _, path = evaluate(batch, estimate).tolist()
    assert joints < 1e-9
    assert velocity == pytest.approx(2 * (0.3 / FPS) ** 2 / 3, rel=1e-3)
    assert path > 1e-3


def test_padding_costs_nothing() -> None:
    batch = random_batch()
    batch["valid"][:, 10:] = 0.0
    estimate = batch["target"].clone()
    estimate[:, 10:] += 1.0
    total = evaluate(batch, estimate)
    assert total[1].item() == 0.0
    assert total[2].item() < 1e-9


def test_unmeasured_joints_hardly_count() -> None:
    batch = random_batch()
    estimate = batch["target"].clone()
    estimate[..., LAYOUT["body_pose"]] += 0.1
    losses = Losses(torch.zeros(LAYOUT.width), torch.ones(LAYOUT.width), WEIGHTS, FPS)
    args = [batch[name] for name in ("target", "references", "joints", "path", "valid")]
    all_measured = losses(estimate, *args, torch.ones(1, 22), torch.ones(1))[1]
    none_measured = losses(estimate, *args, torch.zeros(1, 22), torch.ones(1))[1]
    assert none_measured.item() == pytest.approx(0.05 * all_measured.item(), rel=1e-4)
