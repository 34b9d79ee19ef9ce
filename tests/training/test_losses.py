"""The losses measure what they say: torch kinematics against the runtime's, zero for the truth, slides for slides."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from genmo.runtime import features, rotation, skeleton
from genmo.runtime.features import LAYOUT, POSE
from genmo.training.losses import FEET, LEVELS, LOSS_NAMES, Losses, joint_positions

WEIGHTS = {"joints": 1.0, "velocity": 1.0, "feet": 1.0, "path": 1.0, "view": 1.0}
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
        "valid": np.ones(frames), "filmed": np.ones(frames), "positions": positions,
    }  # fmt: skip
    return {name: torch.from_numpy(array).float()[None] for name, array in arrays.items()}


def evaluate(
    batch: dict[str, torch.Tensor], estimate: torch.Tensor, *, measured: float = 1.0, trust: float = 1.0,
    emphasis: float = 1.0,
) -> dict[str, float]:  # fmt: skip
    losses = Losses(torch.zeros(LAYOUT.width), torch.ones(LAYOUT.width), WEIGHTS, FPS)
    arguments = [batch[name] for name in ("target", "references", "joints", "path", "valid")]
    arguments += [torch.full((1, 22), measured), batch["filmed"], torch.full((1,), trust), torch.full((1,), emphasis)]
    found = losses(estimate, *arguments)
    return dict(zip(LOSS_NAMES, found.tolist(), strict=True))


def test_joint_positions_equal_the_runtime() -> None:
    batch = random_batch()
    values = batch["target"]
    offsets = torch.tensor(skeleton.REST_OFFSETS)
    result = joint_positions(values[..., POSE], values[..., LAYOUT["root_height"]], offsets)
    np.testing.assert_allclose(result, batch["joints"], atol=1e-5)


def test_levels_are_neighbours_below_joints_that_are_known() -> None:
    known = {0}
    for level in LEVELS:
        assert list(level) == list(range(level[0], level[-1] + 1))
        assert {skeleton.PARENTS[joint] for joint in level} <= known
        known |= set(level)
    assert known == set(range(22))


def test_the_truth_costs_nothing_but_the_slides_it_has() -> None:
    batch = random_batch()
    found = evaluate(batch, batch["target"])
    assert found["features"] == 0.0
    assert found["joints"] < 1e-9
    assert found["velocity"] < 1e-10
    assert found["path"] < 1e-8
    assert found["view"] < 1e-9
    moved = np.diff(batch["positions"][0, :, list(FEET)].numpy(), axis=0)
    assert found["feet"] == pytest.approx((moved**2).sum(-1).mean(), rel=1e-3)


def test_a_faster_root_costs_velocity_and_path() -> None:
    batch = random_batch()
    estimate = batch["target"].clone()
    estimate[..., LAYOUT["root_velocity"]] += 0.3  # m/s on both axes
    found = evaluate(batch, estimate)
    assert found["joints"] < 1e-9
    assert found["velocity"] == pytest.approx(2 * (0.3 / FPS) ** 2 / 3, rel=1e-3)
    assert found["path"] > 1e-3


def test_a_guess_from_noise_is_not_asked_for_sharp_motion() -> None:
    batch = random_batch()
    estimate = batch["target"].clone()
    estimate[..., LAYOUT["root_velocity"]] += 0.3
    sure, unsure = evaluate(batch, estimate), evaluate(batch, estimate, trust=0.1)
    for name in ("velocity", "feet", "path"):
        assert unsure[name] == pytest.approx(0.1 * sure[name], rel=1e-4), name
    assert unsure["features"] == sure["features"]


def test_fine_detail_is_stressed_where_there_is_little_noise() -> None:
    batch = random_batch()
    estimate = batch["target"] + 0.1
    plain, stressed = evaluate(batch, estimate), evaluate(batch, estimate, emphasis=5.0)
    for name in ("features", "joints"):
        assert stressed[name] == pytest.approx(5.0 * plain[name], rel=1e-4), name
    assert stressed["velocity"] == plain["velocity"]


def test_a_turned_body_costs_view_where_it_is_filmed() -> None:
    batch = random_batch()
    estimate = batch["target"].clone()
    estimate[..., LAYOUT["heading"]] *= -1.0  # half a turn: heading-free joints stay where they are
    batch["filmed"][:, 5:] = 0.0
    found = evaluate(batch, estimate)
    apart = 2.0 * batch["joints"][0, :5, :, ::2]  # half a turn about Y moves a point by twice its distance from it
    assert found["joints"] < 1e-9
    assert found["view"] == pytest.approx((apart**2).sum().item() / (20 * 22 * 3), rel=1e-4)


def test_padding_costs_nothing() -> None:
    batch = random_batch()
    batch["valid"][:, 10:] = 0.0
    estimate = batch["target"].clone()
    estimate[:, 10:] += 1.0
    found = evaluate(batch, estimate)
    assert found["features"] == 0.0
    assert found["joints"] < 1e-9
    assert found["view"] < 1e-9


def test_unmeasured_joints_hardly_count() -> None:
    batch = random_batch()
    estimate = batch["target"].clone()
    estimate[..., LAYOUT["body_pose"]] += 0.1
    all_measured, none_measured = (evaluate(batch, estimate, measured=share) for share in (1.0, 0.0))
    assert none_measured["features"] == pytest.approx(0.05 * all_measured["features"], rel=1e-4)


def test_the_total_is_the_weighted_sum() -> None:
    batch = random_batch()
    weights = {"joints": 2.0, "velocity": 3.0, "feet": 5.0, "path": 7.0, "view": 11.0}
    losses = Losses(torch.zeros(LAYOUT.width), torch.ones(LAYOUT.width), weights, FPS)
    arguments = [batch[name] for name in ("target", "references", "joints", "path", "valid")]
    estimate = batch["target"] + 0.1
    found = losses(estimate, *arguments, torch.ones(1, 22), batch["filmed"], torch.ones(1), torch.ones(1))
    named = dict(zip(LOSS_NAMES, found.tolist(), strict=True))
    expected = named["features"] + sum(weight * named[name] for name, weight in weights.items())
    assert named["total"] == pytest.approx(expected, rel=1e-5)
