"""Plans of the work modes and the pieces of motion around them."""

from __future__ import annotations

import numpy as np
import pytest

from genmo.genmo_blender.core import work
from genmo.genmo_blender.core.output import Output
from genmo.genmo_blender.core.timeline import Timeline
from genmo.genmo_blender.core.work import Mode, Plan
from genmo.runtime import rotation
from genmo.runtime.errors import MotionError
from genmo.runtime.modes import held_arrays
from genmo.runtime.motion import Motion
from genmo.runtime.request import Keyframe, MotionRequest, Path, Pin, Prompt
from genmo.runtime.skeleton import JOINT_COUNT
from genmo.tests.runtime.walking import walk


def test_a_plan_survives_its_text() -> None:
    plan = Plan(Mode.LAYER, 10, 20, ("l_elbow", "l_wrist"), merge=True, root=(1.0, 2.0, 3.0), text="wave")
    assert work.plan_from(plan.to_text()) == plan
    assert work.plan_from("") == Plan()
    for damaged in ("{", "[]", '{"mode": "OTHER", "joints": [], "root": [0, 0, 0]}', '{"mode": "NEW"}'):
        with pytest.raises(MotionError, match="damaged"):
            work.plan_from(damaged)


def test_the_output_of_a_plan_is_its_range_and_its_limbs() -> None:
    made = work.planned_output(Plan(Mode.LAYER, 10, 20, ("l_wrist",), merge=True), Output(blend_in=3), 5)
    assert (made.mode, made.frame_range, made.joints, made.blend_in) == ("MERGE", (15, 25), ("l_wrist",), 3)
    assert work.planned_output(Plan(Mode.RANGE, 10, 20, merge=True), Output(mode="NLA"), 0).mode == "NLA"
    assert work.planned_output(Plan(Mode.LOOP, 10, 21), Output(), 0) == Output(frame_range=(10, 21))
    assert work.planned_output(Plan(), Output(), 7) == Output()


@pytest.mark.parametrize("fps", [24.0, 25.0, 30.0, 60.0, 24000 / 1001])
def test_a_window_has_context_where_there_is_motion(fps: float) -> None:
    before, after = work.window(100, 150, 1, 400, fps, 30.0)
    assert (100 - before) * 30.0 / fps >= work.CONTEXT
    assert (after - 150) * 30.0 / fps >= work.CONTEXT
    assert work.window(5, 150, 1, 152, fps, 30.0) == (1, 152)
    assert work.window(152, 200, 1, 152, fps, 30.0)[1] == 200  # going on: nothing comes after


@pytest.mark.parametrize("fps", [24.0, 30.0, 60.0])
def test_only_frames_outside_the_range_are_kept(fps: float) -> None:
    clock = Timeline(fps, 90)
    times = np.array([clock.scene_frame(frame) for frame in range(clock.model_count(80))])
    before, after = work.kept(times, 100, 150)
    assert times[before].max() <= 99 < times[~before].min()
    assert times[after].min() >= 150 > times[~after].max()


def test_stretches_hold_what_was_chosen() -> None:
    motion = walk(30)
    chosen = np.zeros(30, bool)
    chosen[[0, 1, 2, 20, 28, 29]] = True
    held = work.stretches(chosen, motion.root_positions, motion.local_rotations)
    assert [(each.start, each.stop) for each in held] == [(0, 3), (20, 21), (28, 30)]
    rotations, roots = held_arrays(held[2])
    assert np.degrees(rotation.angle(rotations, motion.local_rotations[28:30])).max() < 1e-4
    assert roots is not None
    np.testing.assert_allclose(roots, motion.root_positions[28:30], atol=1e-7)
    assert work.stretches(np.zeros(30, bool), motion.root_positions, motion.local_rotations) == ()


def test_what_lies_outside_a_range_is_left_out() -> None:
    pin = Pin("l_wrist", 0, 10, (0.0, 1.0, 0.0))
    request = MotionRequest(
        40,
        prompts=(Prompt("before", -20, 0), Prompt("in", -5, 10), Prompt("after", 40, 60)),
        keyframes=(Keyframe(-1, root_position=(0, 1, 0)), Keyframe(39, root_position=(0, 1, 0))),
        pins=(pin, Pin("l_wrist", 50, 60, (0.0, 1.0, 0.0))),
        path=Path((-10, 0, 30, 50), ((0, 0), (1, 0), (2, 0), (3, 0)), (0.0, 0.1, 0.2, 0.3)),
    )
    found = work.within(request)
    assert [prompt.text for prompt in found.prompts] == ["in"]
    assert [key.frame for key in found.keyframes] == [39]
    assert found.pins == (pin,)
    assert found.path == Path((0, 30), ((1, 0), (2, 0)), (0.1, 0.2))
    assert work.within(MotionRequest(5, path=Path((9,), ((0, 0),)))).path is None


def test_a_pose_stands_where_the_character_stood() -> None:
    motion = walk(61)
    pose = work.middle_pose(motion, (3.0, 9.0, -2.0), 1.2)
    assert pose.frames == 1
    assert float(rotation.heading(pose.local_rotations[0, 0])) == pytest.approx(1.2)
    np.testing.assert_allclose(pose.root_positions[0], (3.0, motion.root_positions[30, 1], -2.0))
    np.testing.assert_allclose(pose.local_rotations[0, 1:], motion.local_rotations[30, 1:])


@pytest.mark.parametrize(("fps", "frames"), [(24.0, 41), (30.0, 40), (60.0, 77), (25.0, 33)])
def test_a_loop_is_shown_in_whole_scene_frames(fps: float, frames: int) -> None:
    period = Timeline(fps).model_count(frames)
    turns = rotation.from_axis_angle(np.sin(np.arange(period + 1) * 2 * np.pi / period)[:, None, None] * np.ones(3))
    roots = np.stack([np.zeros(period + 1), np.ones(period + 1), np.arange(period + 1) * 0.02], axis=-1)
    loop = Motion(30.0, roots, np.repeat(turns, JOINT_COUNT, axis=1), np.zeros((period + 1, 6)))
    shown = work.shown_loop(loop, frames, fps)
    clock = Timeline(fps, 1 - frames, shown.fps)
    times = clock.sample_times(shown.frames)
    assert times[frames] == pytest.approx(period)
    assert times[2 * frames] == pytest.approx(2 * period)
    assert len(times) >= 3 * frames
