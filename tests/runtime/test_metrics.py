"""Metrics against the numbers of the published code, and against motions whose errors are known."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path as FilePath
from typing import Any

import numpy as np
import pytest

from genmo.runtime import rotation, skeleton
from genmo.runtime.errors import RequestError
from genmo.runtime.metrics import (
    FEET,
    UNITS,
    constraint_errors,
    foot_skate,
    jitter,
    key_acceleration_ratio,
    mbench_motion,
    measure,
)
from genmo.runtime.motion import Motion, mirrored
from genmo.runtime.request import Keyframe, MotionRequest, Path, Pin
from genmo.runtime.skeleton import FLOOR_OFFSET, INDEX, JOINT_COUNT, JOINT_NAMES
from genmo.tests.runtime.motions import random_motion, standing_motion

DATA = FilePath(__file__).parents[1] / "data" / "kimodo"
GOLDEN = json.loads((DATA / "golden.json").read_text())["motions"]


def golden_positions(name: str) -> np.ndarray:
    with np.load(DATA / "positions.npz", allow_pickle=False) as archive:
        return archive[name].astype(np.float64)


@pytest.mark.parametrize("name", list(GOLDEN))
def test_foot_skate_is_that_of_kimodo(name: str) -> None:
    feet = golden_positions(name)[:, FEET]
    steps = np.diff(feet, axis=0)
    speeds = np.linalg.norm(np.concatenate([steps, steps[-1:]]), axis=-1) * 20.0
    detected = (speeds < 0.15) & (feet[..., 1] < 0.10)
    for contacts, key in ((detected, "contacts_heuristic"), (np.ones_like(detected), "contacts_all_on")):
        assert foot_skate(feet, contacts, 20.0) == pytest.approx(GOLDEN[name][key], abs=1e-4)


@pytest.mark.parametrize("name", list(GOLDEN))
def test_jitter_and_dynamic_degree_are_those_of_mbench(name: str) -> None:
    expected = [GOLDEN[name]["mbench"][key] for key in ("Jitter_Degree", "Dynamic_Degree")]
    assert mbench_motion(golden_positions(name)) == pytest.approx(expected, abs=1e-6)


def test_jitter_of_a_cubic_is_its_third_derivative() -> None:
    seconds = np.arange(40) / 30.0
    positions = np.zeros((40, 3, 3))
    positions[..., 1] = (seconds**3 + seconds**2)[:, None]
    assert jitter(positions, 30.0) == pytest.approx(6.0 / 10.0)
    assert jitter(positions[:3], 30.0) == 0.0


def standing_on_the_floor(frames: int = 30) -> Motion:
    low = standing_motion().positions[0, :, 1].min()
    return standing_motion(frames, height=0.89 - low + FLOOR_OFFSET)


def test_a_still_motion_on_the_floor_is_perfect() -> None:
    found = measure(standing_on_the_floor())
    assert found.pop("contact_consistency") == 1.0
    assert found == pytest.approx(dict.fromkeys(found, 0.0), abs=1e-9)


def test_sinking_and_sliding_are_measured() -> None:
    motion = standing_on_the_floor()
    root = motion.root_positions + np.stack([np.arange(30) * 0.01, np.full(30, -0.02), np.zeros(30)], axis=-1)
    found = measure(replace(motion, root_positions=root))
    assert found["penetration_max"] == pytest.approx(2.0)
    assert found["penetration_mean"] == pytest.approx(1.0)  # the balls of both feet, not the ankles
    for name in ("foot_skate_contact", "foot_skate_height", "foot_skate_max"):
        assert found[name] == pytest.approx(30.0, abs=1e-4)
    assert found["foot_skate_ratio"] == pytest.approx(1.0, abs=1e-4)
    assert found["jitter"] == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("frames", [1, 2, 3, 4])
def test_short_motions(frames: int) -> None:
    found = measure(random_motion(frames), full_request(random_motion(frames), 0))
    assert all(np.isfinite(value) for value in found.values())


def test_every_metric_has_a_unit() -> None:
    motion = random_motion()
    assert set(measure(motion, full_request(motion, 5))) == set(UNITS)
    assert not any("key" in name or "pin" in name for name in measure(motion))


def full_request(motion: Motion, frame: int) -> MotionRequest:
    """Constraints of every kind, read off the motion itself."""

    def vector(values: np.ndarray) -> Any:
        return tuple(values.tolist())

    rotations = {name: vector(motion.local_rotations[frame, index]) for index, name in enumerate(JOINT_NAMES)}
    wrist = INDEX["l_wrist"]
    pin = Pin(
        "l_wrist",
        frame,
        frame + 1,
        vector(motion.positions[frame, wrist]),
        vector(motion.world_rotations[frame, wrist]),
    )
    ground = tuple(vector(point) for point in motion.root_positions[:, [0, 2]])
    headings = tuple(rotation.heading(motion.local_rotations[:, 0]).tolist())
    return MotionRequest(
        motion.frames,
        keyframes=(Keyframe(frame, JOINT_NAMES, vector(motion.root_positions[frame]), rotations),),
        pins=(pin,),
        path=Path(tuple(range(motion.frames)), ground, headings),
    )


def test_constraints_read_off_a_motion_are_met() -> None:
    for motion in (random_motion(), mirrored(random_motion())):
        found = constraint_errors(motion, full_request(motion, 5))
        assert found.pop("key_acceleration_ratio") > 0.0
        assert set(found) == {name for name in UNITS if name.endswith(("_mm", "_deg"))}
        assert max(found.values()) < 1e-5


def test_each_error_has_the_size_it_was_given() -> None:
    motion = random_motion()
    request = full_request(motion, 5)
    moved = replace(motion, root_positions=np.add(motion.root_positions, [0.003, 0.0, 0.004]))
    found = constraint_errors(moved, request)
    for name in ("key_position_error_mm", "pin_error_mm", "path_error_mm"):
        assert found[name] == pytest.approx(5.0, abs=1e-6)
    turns = motion.local_rotations.copy()
    turns[:, 0] = rotation.multiply(rotation.about_y(np.radians(2.0)), turns[:, 0])
    found = constraint_errors(replace(motion, local_rotations=turns), replace(request, keyframes=()))
    assert found["heading_error_deg"] == pytest.approx(2.0, abs=1e-6)
    assert found["pin_rotation_error_deg"] == pytest.approx(2.0, abs=1e-6)
    assert "key_rotation_error_deg" not in found


def test_partial_key_counts_what_it_moves() -> None:
    motion = standing_motion()
    bent = rotation.from_axis_angle([0.0, 0.0, np.radians(90.0)])
    key = Keyframe(3, ("l_elbow",), None, {"l_elbow": (bent[0], bent[1], bent[2], bent[3])})
    found = constraint_errors(motion, MotionRequest(20, keyframes=(key,)))
    forearm = np.linalg.norm(skeleton.rest_offsets()[INDEX["l_wrist"], :2])
    assert found["key_position_error_mm"] == pytest.approx(1000.0 * np.sqrt(2.0) * forearm)
    assert found["key_rotation_error_deg"] == pytest.approx(90.0)


def test_the_path_gives_way_to_key_poses_and_is_checked_between_points_when_dense() -> None:
    motion = standing_motion()
    path = Path((0, 10, 19), ((0, 0), (1, 0), (0, 0)))
    assert constraint_errors(motion, MotionRequest(20, path=path))["path_error_mm"] == pytest.approx(1000.0)
    key = Keyframe(10, (), (0.0, 0.89, 0.0))
    assert constraint_errors(motion, MotionRequest(20, path=path, keyframes=(key,)))["path_error_mm"] == 0.0
    bulge = replace(motion, root_positions=motion.root_positions + np.eye(20)[5][:, None] * [0.1, 0.0, 0.0])
    still = Path((0, 19), ((0, 0), (0, 0)))
    assert constraint_errors(bulge, MotionRequest(20, path=still))["path_error_mm"] == 0.0
    dense = MotionRequest(20, path=replace(still, dense=True))
    assert constraint_errors(bulge, dense)["path_error_mm"] == pytest.approx(100.0)


def test_constraints_outside_the_motion_are_left_out() -> None:
    request = MotionRequest(
        500,
        keyframes=(Keyframe(300, (), (9, 9, 9)),),
        pins=(Pin("head", 300, 310, (9, 9, 9)),),
        path=Path((400,), ((9, 9),)),
    )
    assert constraint_errors(standing_motion(), request) == {}


def test_a_pop_at_a_key_is_seen() -> None:
    seconds = np.arange(90) / 30.0
    root = np.stack([np.sin(6.0 * seconds), np.full(90, 0.9), np.zeros(90)], axis=-1)
    motion = Motion(30.0, root, rotation.identity(90, JOINT_COUNT), np.zeros((90, 6)))
    request = MotionRequest(90, keyframes=(Keyframe(45, (), (0, 0.9, 0)),))
    smooth = key_acceleration_ratio(motion, request)
    assert smooth is not None
    assert smooth < 1.1
    popped = key_acceleration_ratio(replace(motion, root_positions=root + np.eye(90)[45][:, None] * 0.1), request)
    assert popped is not None
    assert popped > 4.0
    assert key_acceleration_ratio(motion, MotionRequest(90)) is None


def test_the_request_in_the_motion_is_taken_and_must_count_alike() -> None:
    motion = replace(standing_motion(), request=MotionRequest(20, pins=(Pin("pelvis", 0, 20, (0, 0.89, 0)),)))
    assert measure(motion)["pin_error_mm"] == pytest.approx(0.0)
    with pytest.raises(RequestError, match="the request counts 24 frames per second, the motion 30"):
        measure(motion, MotionRequest(20, fps=24.0))


def test_mirroring_and_moving_change_no_number() -> None:
    motion = random_motion(40)
    numbers = measure(motion)
    assert measure(mirrored(motion)) == pytest.approx(numbers)
    moved = replace(motion, root_positions=np.add(motion.root_positions, [3.0, 0.0, -7.0]))
    assert measure(moved) == pytest.approx(numbers)
