"""The lifter learns from single filmed frames, and its frames are true to the cameras that filmed them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from genmo.runtime.cues import CUES
from genmo.tests.training.archives import made_up_clip, write_archive
from genmo.training import lifter
from genmo.training.config import NetworkConfig
from genmo.training.dataset import Sequence, load_sequences
from genmo.training.lifter import INPUTS, OUTPUTS, Frames, Lifter, LifterLoss, filmed_frames, lifter_inputs
from genmo.training.network import Denoiser
from genmo.training.train import Statistics


@pytest.fixture(scope="module")
def sequences(tmp_path_factory: pytest.TempPathFactory) -> list[Sequence]:
    folder = tmp_path_factory.mktemp("archive")
    write_archive(folder, [made_up_clip(90, seed) for seed in range(3)])
    return load_sequences(folder, "train", folder / "cache")


def statistics(sequences: list[Sequence]) -> tuple[torch.Tensor, torch.Tensor]:
    measured = Statistics.of(sequences)
    return torch.from_numpy(measured.mean), torch.from_numpy(measured.std)


def test_filmed_frames_have_the_promised_shapes_and_seen_points(sequences: list[Sequence]) -> None:
    batch = filmed_frames(Frames.of(sequences), 200, np.random.default_rng(0))
    assert [tuple(part.shape) for part in batch] == [(200, INPUTS), (200, 132), (200, 2), (200, 22, 3), (200, 22)]
    assert all(torch.isfinite(part).all() for part in batch)
    visible = batch[0][:, 34:51]
    assert 0.8 < visible.mean() < 1.0
    torch.testing.assert_close(batch[2].norm(dim=-1), torch.ones(200))


def test_the_true_pose_costs_nothing(sequences: list[Sequence]) -> None:
    mean, std = statistics(sequences)
    _, pose, heading, joints, measured = filmed_frames(Frames.of(sequences), 50, np.random.default_rng(1))
    truth = torch.cat([(pose - mean[:132]) / std[:132], heading / lifter.HEADING_STD], -1)
    total, error = LifterLoss(mean[:132], std[:132])(truth, pose, heading, joints, measured).tolist()
    assert error < 2e-3
    turned = truth.clone()
    turned[:, -2:] = -turned[:, -2:]
    worse = LifterLoss(mean[:132], std[:132])(turned, pose, heading, joints, measured)
    assert worse[0] > total + 1.0


def test_training_lowers_the_error(sequences: list[Sequence], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "compile", lambda module, **_: module)
    mean, std = statistics(sequences)
    torch.manual_seed(0)
    trained = lifter.train(sequences, mean, std, steps=40, batch=64)
    loss = LifterLoss(mean[:132], std[:132])
    inputs, *truth = filmed_frames(Frames.of(sequences), 300, np.random.default_rng(5))
    with torch.no_grad():
        before, after = loss(Lifter()(inputs), *truth)[1], loss(trained(inputs), *truth)[1]
    assert after < 0.95 * before


def test_the_denoiser_starts_from_lifted_frames_where_the_person_is_seen() -> None:
    torch.manual_seed(2)
    network = Denoiser(NetworkConfig(width=32, layers=2, heads=2, lifter_width=16))
    torch.nn.init.normal_(network.lifter.leave.weight)
    conditions = torch.zeros(2, 64, network.config.conditions)
    seen = torch.randn(20, INPUTS)
    channels = conditions[0, :20, -CUES.width :]
    start = 0
    for name in lifter.READS:
        size = CUES.sizes[name]
        channels[:, CUES[name]] = seen[:, start : start + size]
        start += size
    channels[:, CUES["view"].start] = 1.0
    lifted = {}
    for mode in (True, False):
        lifted[mode] = network.train(mode)._lift(conditions)
        torch.testing.assert_close(lifted[mode][0, :20], network.lifter(lifter_inputs(channels)))
        assert not lifted[mode][0, 20:].any() and not lifted[mode][1].any()
    assert lifted[True].shape == (2, 64, OUTPUTS)


def test_the_lifter_stays_as_it_is() -> None:
    network = Denoiser(NetworkConfig(width=32, layers=2, heads=2, lifter_width=16))
    assert not any(parameter.requires_grad for parameter in network.lifter.parameters())


def test_the_command_writes_a_lifter_that_a_run_can_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "compile", lambda module, **_: module)
    write_archive(tmp_path, [made_up_clip(60, seed) for seed in range(2)])
    lifter.main(["--data", str(tmp_path), "--out", str(tmp_path / "run"), "--steps", "2"])
    state = torch.load(tmp_path / "run" / lifter.LIFTER, weights_only=True)
    Lifter().load_state_dict(state["lifter"])
