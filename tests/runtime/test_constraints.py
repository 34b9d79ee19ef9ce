"""Requests on the frame grid: who wins, what is left out, and how a dense path runs."""

from __future__ import annotations

import numpy as np
import pytest

from genmo.runtime import rotation
from genmo.runtime.constraints import between_points, constraints_from, no_constraints
from genmo.runtime.request import Keyframe, MotionRequest, Path, Pin, Prompt
from genmo.runtime.skeleton import INDEX

TURN = tuple(rotation.about_y(0.5))


def test_a_request_of_words_fixes_nothing() -> None:
    assert constraints_from(MotionRequest(10, prompts=(Prompt("walk", 0, 10),))).empty
    assert no_constraints(3).empty


def test_a_partial_key_fixes_only_its_joints() -> None:
    key = Keyframe(4, ("l_wrist", "head"), None, {"l_wrist": TURN, "head": TURN})
    result = constraints_from(MotionRequest(10, keyframes=(key,)))
    assert np.argwhere(result.pose_mask).tolist() == [[4, INDEX["head"]], [4, INDEX["l_wrist"]]]
    assert not result.root_mask.any()
    assert not result.heading_mask.any()
    assert not result.empty


def test_a_pelvis_key_fixes_root_and_heading() -> None:
    key = Keyframe(0, ("pelvis",), (1.0, 0.9, 2.0), {"pelvis": tuple(2.0 * np.array(TURN))})
    result = constraints_from(MotionRequest(2, keyframes=(key,)))
    assert result.root_mask.tolist() == [[True] * 3, [False] * 3]
    assert result.root_positions[0].tolist() == [1.0, 0.9, 2.0]
    assert result.headings[0] == pytest.approx(0.5)
    assert np.allclose(result.pose_rotations[0, 0], TURN)


def test_waypoints_fix_the_ground_plane_on_their_frames() -> None:
    result = constraints_from(MotionRequest(9, path=Path((2, 6), ((1.0, 2.0), (3.0, 4.0)), (0.1, 0.2))))
    assert np.flatnonzero(result.heading_mask).tolist() == [2, 6]
    assert result.root_mask[:, 0].tolist() == result.root_mask[:, 2].tolist() == result.heading_mask.tolist()
    assert not result.root_mask[:, 1].any()
    assert result.root_positions[6].tolist() == [3.0, 0.0, 4.0]


def test_a_dense_path_fixes_every_frame_between() -> None:
    path = Path((-3, 5, 40), ((0.0, 0.0), (0.0, 0.8), (0.0, 4.3)), (3.0, -3.0, -3.0), dense=True)
    result = constraints_from(MotionRequest(20, path=path))
    assert result.root_mask[:, 0].all()
    assert np.allclose(np.diff(result.root_positions[:, 2]), 0.1)
    assert np.abs(np.diff(result.headings)).max() < 0.1  # over the seam at pi, not round by zero


def test_a_dense_path_through_a_corner_has_no_kink_and_stops_do_not_overshoot() -> None:
    frames = np.array([0, 20, 40, 60])
    points = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, 1.0]])
    way = between_points(frames, points, np.arange(61))
    assert np.allclose(way[frames], points)
    assert np.linalg.norm(np.diff(way, 2, axis=0), axis=1).max() < 0.02
    assert np.abs(way[40:] - points[-1]).max() < 1e-12


def test_keys_win_over_pins_over_the_path() -> None:
    key = Keyframe(3, ("pelvis",), (9.0, 9.0, 9.0), {"pelvis": TURN})
    pin = Pin("pelvis", 2, 5, (5.0, 5.0, 5.0), None)
    path = Path((0, 7), ((0.0, 0.0), (0.0, 0.0)), dense=True)
    result = constraints_from(MotionRequest(8, keyframes=(key,), pins=(pin,), path=path))
    assert result.root_positions[1:6, 0].tolist() == [0.0, 5.0, 9.0, 5.0, 0.0]
    assert result.root_mask[:, 1].tolist() == [False, False, True, True, True, False, False, False]
    assert result.pins == ()


def test_what_is_outside_the_motion_is_left_out() -> None:
    keys = (Keyframe(-1, ("head",), None, {"head": TURN}), Keyframe(5, ("head",), None, {"head": TURN}))
    pins = (Pin("head", 9, 12, (0.0, 1.0, 0.0)), Pin("l_foot", -4, 2, (0.0, 0.0, 0.0), TURN))
    result = constraints_from(MotionRequest(5, keyframes=keys, pins=pins, path=Path((7,), ((0.0, 0.0),), dense=True)))
    assert not result.pose_mask.any()
    assert not result.root_mask.any()
    assert [(pin.joint, pin.start, pin.stop) for pin in result.pins] == [(INDEX["l_foot"], 0, 2)]
