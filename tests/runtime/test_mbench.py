"""MBench's numbers against its published code, and what happens at the edges."""

from __future__ import annotations

import json
from dataclasses import astuple
from pathlib import Path

import numpy as np
import pytest

from genmo.runtime.mbench import FPS, TOES, MBench, _peaks, mbench, to_mbench

DATA = Path(__file__).parents[1] / "data"
GOLDEN = json.loads((DATA / "mbench" / "golden.json").read_text())["motions"]
NAMES = ("Jitter_Degree", "Ground_Penetration", "Foot_Floating", "Foot_Sliding", "Dynamic_Degree")
Y_UP = ("planted_walk_1mps", "random_walk", "one_foot_drags", "slide_swinging_feet", "jump_in_place", "short_T4")


def positions(name: str, folder: str = "mbench") -> np.ndarray:
    with np.load(DATA / folder / "positions.npz", allow_pickle=False) as archive:
        return archive[name].astype(np.float64)


def golden(name: str) -> list[float]:
    return [GOLDEN[name][key] for key in NAMES]


@pytest.mark.parametrize("name", list(GOLDEN))
def test_the_numbers_are_those_of_mbench(name: str) -> None:
    assert astuple(mbench(positions(name))) == pytest.approx(golden(name), rel=0, abs=1e-7)


def test_all_motions_are_compared() -> None:
    assert len(GOLDEN) == 17


@pytest.mark.parametrize("name", Y_UP)
def test_y_up_files_are_turned(name: str) -> None:
    """The same motions, written Y-up for another benchmark."""
    turned = to_mbench(positions(name, "kimodo"), FPS)
    assert np.array_equal(turned, positions(name))
    assert astuple(mbench(turned)) == pytest.approx(golden(name), rel=0, abs=1e-7)


def test_y_up_read_as_z_up_gives_other_numbers() -> None:
    found = mbench(positions("planted_walk_1mps", "kimodo"))
    assert found.penetration != pytest.approx(GOLDEN["planted_walk_1mps"]["Ground_Penetration"], abs=1e-3)


@pytest.mark.parametrize(("fps", "frames", "expected"), [(30.0, 31, 21), (30.0, 33, 22), (60.0, 60, 20), (10.0, 5, 9)])
def test_a_linear_motion_stays_linear(fps: float, frames: int, expected: int) -> None:
    start, velocity = np.random.default_rng(0).normal(size=(2, 22, 3))
    moved = to_mbench(start + velocity * (np.arange(frames) / fps)[:, None, None], fps)
    x, y, z = np.moveaxis(start + velocity * (np.arange(expected) / FPS)[:, None, None], -1, 0)
    assert moved.shape == (expected, 22, 3)
    assert np.allclose(moved, np.stack([x, -z, y], axis=-1), atol=1e-12)


def test_turning_about_the_vertical_and_moving_over_the_ground_change_nothing() -> None:
    joints = positions("random_walk")
    turn = np.array([[np.cos(1.0), -np.sin(1.0), 0.0], [np.sin(1.0), np.cos(1.0), 0.0], [0.0, 0.0, 1.0]])
    assert astuple(mbench(joints @ turn.T + [3.0, -2.0, 0.0])) == pytest.approx(golden("random_walk"), abs=1e-7)


def test_swapping_the_feet_changes_nothing_on_the_ground() -> None:
    joints = positions("random_walk")
    swapped = joints.copy()
    swapped[:, TOES] = joints[:, TOES[::-1]]
    before, after = mbench(joints), mbench(swapped)
    assert (after.penetration, after.sliding) == pytest.approx((before.penetration, before.sliding))


def test_depth_counts_only_the_sunk_toes() -> None:
    joints = np.full((10, 22, 3), 1.0)
    joints[:, TOES[0], 2] = -0.02
    joints[:5, TOES[1], 2] = -0.08
    assert mbench(joints).penetration == pytest.approx((10 * 0.02 + 5 * 0.08) / 15)


def test_a_carried_foot_counts_half() -> None:
    """The left toe flies with the body for eight frames, the right one stands."""
    joints = np.zeros((8, 22, 3))
    joints[:, :, 0] = 0.05 * np.arange(8)[:, None]
    joints[:, TOES[1]] = 0.0
    assert mbench(joints).floating == 0.0
    joints[:, TOES[0], 2] = 0.3
    assert mbench(joints).floating == pytest.approx(0.5)
    assert mbench(joints[:3]).floating == 0.0  # too short a time in the air


@pytest.mark.parametrize("frames", [1, 2])
def test_too_few_frames_for_a_difference(frames: int) -> None:
    joints = np.ones((frames, 22, 3))
    assert mbench(joints) == MBench(0.0, 0.0, 0.0, 0.0, 0.0)
    assert to_mbench(joints, 30.0).shape == (1, 22, 3)


@pytest.mark.parametrize(
    ("values", "count"),
    [
        ([0, 1, 0], 1),
        ([0, 1, 1, 0], 1),  # a flat top
        ([1, 1, 0], 0),  # at the start
        ([0, 1, 1], 0),  # at the end
        ([0, 1, 1, 2, 1, 1, 0], 1),
        ([0, 2, 1, 2, 0, 1, 0], 3),
        ([3, 3, 3], 0),
        ([1], 0),
    ],
)
def test_peaks(values: list[float], count: int) -> None:
    assert _peaks(np.array(values, dtype=float)) == count


@pytest.mark.parametrize("shape", [(0, 22, 3), (5, 21, 3), (5, 22, 2), (22, 3)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="positions"):
        mbench(np.zeros(shape))
    with pytest.raises(ValueError, match="positions"):
        to_mbench(np.zeros(shape), 30.0)


@pytest.mark.parametrize("fps", [0.0, -1.0, float("nan"), float("inf")])
def test_other_rates_are_refused(fps: float) -> None:
    with pytest.raises(ValueError, match="fps"):
        to_mbench(np.zeros((5, 22, 3)), fps)
