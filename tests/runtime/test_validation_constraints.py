"""Constraints that contradict each other over time: pins that move, ways that are too fast, keys against pins."""

from __future__ import annotations

import numpy as np
import pytest

from genmo.runtime.request import Keyframe, MotionRequest, Path, Pin
from genmo.runtime.rotation import identity
from genmo.runtime.skeleton import INDEX, JOINT_COUNT, JOINT_NAMES, PARENTS, forward_kinematics
from genmo.runtime.validation import Fix, Problem, ProblemKind, problems

UPRIGHT = (1.0, 0.0, 0.0, 0.0)


ROOT = (0.0, 0.9, 0.0)
REST = forward_kinematics(np.array([ROOT]), identity(1, JOINT_COUNT))[0][0]
"""Places (22, 3) of the joints in the T-pose."""


def only(request: MotionRequest) -> Problem:
    found = problems(request)
    assert len(found) == 1, found
    return found[0]


def moving(joint: str, start: int, places: np.ndarray) -> tuple[Pin, ...]:
    """A pin for each frame."""
    return tuple(
        Pin(joint, start + index, start + index + 1, (float(x), float(y), float(z)))
        for index, (x, y, z) in enumerate(places)
    )


def t_pose(frame: int, joints: tuple[str, ...] = JOINT_NAMES) -> Keyframe:
    return Keyframe(frame, joints, ROOT, dict.fromkeys(joints, UPRIGHT))


def test_a_pin_that_moves_is_one_problem_and_says_the_most_that_is_missing() -> None:
    places = np.linspace([0.4, 1.2, 0.3], [3.4, 1.2, 0.3], 60)
    path = Path((0, 59), ((0.0, 0.0), (0.0, 0.0)), dense=True)
    problem = only(MotionRequest(60, pins=moving("l_wrist", 0, places), path=path))
    assert (problem.kind, problem.severity, problem.fix) == (ProblemKind.OUT_OF_REACH, "error", Fix.MUTE)
    assert problem.where == ("pins", 59)
    missing = float(problem.message.split(" is ")[1].split(" m ")[0])
    joint, length = INDEX["l_wrist"], 0.0
    while joint > 0:
        length += float(np.linalg.norm(REST[joint] - REST[PARENTS[joint]]))
        joint = PARENTS[joint]
    assert missing == pytest.approx(np.hypot(3.4, 0.3) - length, abs=0.006)


def test_a_way_that_is_too_fast_on_every_frame_is_one_problem() -> None:
    frames = tuple(range(31))
    problem = only(MotionRequest(60, path=Path(frames, tuple((0.0, float(frame)) for frame in frames))))
    assert (problem.kind, problem.fix, problem.at) == (ProblemKind.TOO_FAST, Fix.RETIME, 30)
    assert problem.message.startswith("30.0 m between 0.00 s and 1.00 s are 30 m/s, a person needs at least 2.5 s")
    assert problem.frames == 45
    slow = Path(tuple(2 * frame for frame in frames), tuple((0.0, 0.5 * frame) for frame in frames))
    assert problems(MotionRequest(61, path=slow)) == ()


def test_pins_one_after_the_other_too_far_apart() -> None:
    pins = (Pin("l_wrist", 0, 10, (0.0, 1.0, 0.0)), Pin("r_foot", 20, 30, (12.0, 0.1, 0.0)))
    problem = only(MotionRequest(60, pins=pins))
    assert (problem.kind, problem.where, problem.fix) == (ProblemKind.TOO_FAST, ("pins", 1), Fix.RETIME)
    assert problems(MotionRequest(60, pins=(pins[0], Pin("r_foot", 50, 60, (12.0, 0.1, 0.0))))) == ()


def test_a_key_pose_against_a_pin() -> None:
    wrist = REST[INDEX["l_wrist"]]
    away = Pin("l_wrist", 5, 15, (float(wrist[0]), float(wrist[1]) - 0.5, float(wrist[2])))
    problem = only(MotionRequest(30, keyframes=(t_pose(10),), pins=(away,)))
    assert (problem.kind, problem.severity, problem.fix) == (ProblemKind.CONFLICT, "warning", Fix.MUTE)
    assert "puts l_wrist 0.50 m from its pin" in problem.message
    assert problem.where == ("pins", 0)
    there = Pin("l_wrist", 5, 15, (float(wrist[0]), float(wrist[1]), float(wrist[2])))
    assert problems(MotionRequest(30, keyframes=(t_pose(10),), pins=(there,))) == ()
    assert problems(MotionRequest(30, keyframes=(t_pose(20),), pins=(away,))) == ()
    loose = tuple(name for name in JOINT_NAMES if name != "l_shoulder")
    assert problems(MotionRequest(30, keyframes=(t_pose(10, loose),), pins=(away,))) == ()


def test_a_path_drawn_a_little_beside_a_key_pose_is_no_matter() -> None:
    beside = Path((10, 20), ((0.03, 0.0), (0.0, 0.5)))
    assert problems(MotionRequest(30, keyframes=(t_pose(10),), path=beside)) == ()
    far = Path((10, 20), ((0.3, 0.0), (0.0, 0.5)))
    problem = only(MotionRequest(30, keyframes=(t_pose(10),), path=far))
    assert (problem.where, problem.fix, problem.at) == (("path", 0), Fix.MUTE, 10)


def test_the_form_can_be_left_out_and_nothing_else() -> None:
    request = MotionRequest(60, path=Path((0, 30), ((0, 0), (24, 0))))
    assert problems(request, form=False) == problems(request)
