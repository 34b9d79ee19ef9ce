"""World-grounded errors against the numbers of the published code, and against motions whose errors are known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from genmo.evaluation import world
from genmo.runtime import metrics, rotation

DATA = Path(__file__).parents[1] / "data" / "metrics"
GOLDEN = json.loads((DATA / "world.json").read_text())["values"]


@pytest.fixture(scope="module")
def arrays() -> dict[str, np.ndarray]:
    with np.load(DATA / "world.npz", allow_pickle=False) as archive:
        return {name: archive[name].astype(np.float64) for name in archive.files}


def track(frames: int = 120, joints: int = 22, seed: int = 0) -> np.ndarray:
    """Joints that wander and bend: nothing in a plane, nothing alike."""
    random = np.random.default_rng(seed)
    path = np.cumsum(random.normal(scale=0.02, size=(frames, 1, 3)), axis=0)
    return path + random.normal(scale=0.3, size=(joints, 3)) + random.normal(scale=0.02, size=(frames, joints, 3))


def moved(points: np.ndarray, scale: float = 1.0) -> np.ndarray:
    """The points turned, shifted and scaled."""
    turn = rotation.to_matrix(rotation.normalize([0.3, -0.5, 0.7, 0.2]))
    return scale * points @ turn.T + [1.0, -2.0, 0.5]


def test_world_errors_are_those_of_the_published_code(arrays: dict[str, np.ndarray]) -> None:
    found = world.averages([world.world_errors(arrays["predicted"], arrays["true"], 30.0)])
    assert found["w_mpjpe"] == pytest.approx(GOLDEN["W_MPJPE100_mm"], abs=2e-5)
    assert found["wa_mpjpe"] == pytest.approx(GOLDEN["WA_MPJPE100_mm"], abs=2e-5)
    assert found["rte"] == pytest.approx(GOLDEN["RTE_percent"], abs=2e-6)
    assert found["jitter"] == pytest.approx(GOLDEN["jitter_10mps3"], abs=2e-4)


def test_foot_sliding_is_that_of_the_published_code(arrays: dict[str, np.ndarray]) -> None:
    found = world.foot_sliding(arrays["predicted_feet"], arrays["true_feet"])
    assert len(found) == GOLDEN["foot_sliding_n"]
    assert found.mean() == pytest.approx(GOLDEN["foot_sliding_mm"], abs=1e-5)


def test_every_error_has_a_unit_and_the_truth_has_none() -> None:
    truth = track()
    truth[:, list(metrics.FEET)] = truth[:1, list(metrics.FEET)]  # they stand
    found = world.averages([world.camera_errors(truth, truth, 30.0) | world.world_errors(truth, truth, 30.0)])
    assert list(found) == list(world.UNITS)
    assert found.pop("jitter") > 0
    assert found == pytest.approx(dict.fromkeys(found, 0.0), abs=1e-9)


def test_similarity_finds_what_was_done() -> None:
    points = track(6)
    fit = world.similarity(points, moved(points, 1.7))
    assert np.allclose(fit.scale, 1.7)
    assert np.allclose(fit.apply(points), moved(points, 1.7))
    assert np.allclose(np.linalg.det(fit.rotation), 1.0)


def test_a_rigid_fit_keeps_the_size_and_no_fit_reflects() -> None:
    points = track(1)[0]
    assert world.similarity(points, moved(points, 1.7), scale=False).scale == 1.0
    fit = world.similarity(points, points * [-1.0, 1.0, 1.0])
    assert np.linalg.det(fit.rotation) == pytest.approx(1.0)
    assert np.linalg.norm(fit.apply(points) - points * [-1.0, 1.0, 1.0]) > 0.1


def test_points_at_one_place_keep_their_scale() -> None:
    fit = world.similarity(np.ones((5, 3)), track(1, 5)[0])
    assert fit.scale == 1.0
    assert np.allclose(fit.apply(np.ones((5, 3))), track(1, 5)[0].mean(axis=0))


@pytest.mark.parametrize("joints", [4, 22, 24])
def test_what_each_alignment_forgives(joints: int) -> None:
    """A similarity of the whole clip is no error in the world; in the camera's space only its shift is none."""
    truth = track(joints=joints)
    estimate = moved(truth, 1.1)
    for forgiving in (world.pa_mpjpe, world.w_mpjpe, world.wa_mpjpe):
        assert np.allclose(forgiving(estimate, truth), 0.0, atol=1e-9)
    assert world.mpjpe(estimate, truth).min() > 10.0
    assert np.allclose(world.mpjpe(truth + np.array([1.0, -2.0, 0.5]), truth), 0.0, atol=1e-9)
    assert np.allclose(world.rte(moved(truth[:, 0]), truth[:, 0]), 0.0, atol=1e-9)
    assert world.rte(estimate[:, 0], truth[:, 0]).max() > 0.01


def test_mpjpe_of_one_displaced_joint() -> None:
    truth = track()
    estimate = truth.copy()
    estimate[:, 5] += [0.03, 0.04, 0.0]
    assert np.allclose(world.mpjpe(estimate, truth), 50.0 / 22)
    assert np.allclose(world.mpjpe(estimate, truth, root=[5]), 50.0 * 21 / 22)
    estimate = truth.copy()
    estimate[:, list(world.HIPS)] += [[0.01, 0.0, 0.0], [-0.01, 0.0, 0.0]]  # their mean stays
    assert np.allclose(world.mpjpe(estimate, truth), 2 * 10.0 / 22)


def test_w_aligns_the_start_and_wa_the_whole() -> None:
    """The body is right for two frames of the chunk and 30 cm aside afterwards."""
    truth = track(50)
    estimate = truth.copy()
    estimate[2:] += [0.0, 0.0, 0.3]
    assert np.allclose(world.w_mpjpe(estimate, truth), [0.0] * 2 + [300.0] * 48, atol=1e-6)
    spread = world.wa_mpjpe(estimate, truth)
    assert 100.0 < spread[:2].mean() < 300.0
    assert spread[2:].mean() < 20.0


def test_chunks_start_anew() -> None:
    truth = track(25)
    estimate = truth.copy()
    estimate[10:20] = moved(truth[10:20], 0.8)
    assert np.allclose(world.w_mpjpe(estimate, truth, chunk=10), 0.0, atol=1e-9)
    assert np.allclose(world.wa_mpjpe(estimate, truth, chunk=10), 0.0, atol=1e-9)
    assert world.w_mpjpe(estimate, truth, chunk=25).max() > 100.0
    assert len(world.w_mpjpe(truth[:21], truth[:21], chunk=10)) == 21  # a last chunk of a single frame


def test_rte_is_relative_to_the_length_of_the_path() -> None:
    truth = np.zeros((101, 3))
    truth[:, 0] = np.linspace(0.0, 10.0, 101)
    sideways = truth.copy()
    sideways[::2, 2] += 0.1
    sideways[1::2, 2] -= 0.1
    assert world.rte(sideways, truth).mean() == pytest.approx(1.0, rel=1e-2)
    assert world.rte(1.2 * truth, truth).max() == pytest.approx(10.0)  # no scale: a metre too far at each end
    assert world.rte(sideways, np.ones((101, 3))).size == 0


def test_acceleration_is_relative_to_the_root() -> None:
    truth = track()
    seconds = np.arange(120) / 30.0
    falling = truth + (4.9 * seconds**2)[:, None, None] * [0.0, 1.0, 0.0]
    assert np.allclose(world.acceleration_error(falling, truth, 30.0), 0.0, atol=1e-9)
    falling[:, 5] = truth[:, 5]
    assert np.allclose(world.acceleration_error(falling, truth, 30.0), 9.8 / 22)


def test_jitter_is_that_of_the_runtime() -> None:
    points = track()
    assert world.jitter(points, 30.0).mean() == pytest.approx(metrics.jitter(points, 30.0))


def test_foot_sliding_counts_only_where_the_true_foot_stands() -> None:
    truth = np.zeros((5, 2, 3))
    truth[:, 1, 0] = 0.02 * np.arange(5)  # walks
    estimate = truth.copy()
    estimate[:, 0, 1] = [0.0, 0.001, 0.003, 0.003, 0.003]
    assert np.allclose(world.foot_sliding(estimate, truth), [1.0, 2.0, 0.0, 0.0], atol=1e-9)
    assert world.foot_sliding(estimate[:, 1:], truth[:, 1:]).size == 0


def test_averages_weigh_frames_not_clips() -> None:
    clips = [{"rte": np.array([1.0]), "jitter": np.empty(0)}, {"rte": np.array([4.0, 4.0])}]
    assert world.averages(clips) == {"rte": 3.0}
    assert world.averages([]) == {}


@pytest.mark.parametrize(
    ("predicted", "true"),
    [((9, 22, 3), (10, 22, 3)), ((10, 22, 2), (10, 22, 2)), ((0, 22, 3), (0, 22, 3)), ((22, 3), (22, 3))],
)
def test_other_shapes_are_refused(predicted: tuple[int, ...], true: tuple[int, ...]) -> None:
    for error in (world.mpjpe, world.pa_mpjpe, world.w_mpjpe, world.wa_mpjpe, world.foot_sliding):
        with pytest.raises(ValueError, match="shapes"):
            error(np.zeros(predicted), np.zeros(true))
    with pytest.raises(ValueError, match="shapes"):
        world.rte(np.zeros((9, 3)), np.zeros((10, 3)))
