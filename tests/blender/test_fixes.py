"""Constraints that contradict each other: a sentence each, and a button that helps."""

from __future__ import annotations

from typing import Any

import bpy
import pytest

from genmo.genmo_blender import checks
from genmo.tests.blender.characters import add_prompt, new_character
from genmo.tests.blender.test_marks import animated
from genmo.tests.blender.test_pins import animate, empty

Target = Any


def issues(target: Target) -> list[checks.Issue]:
    """What is wrong now."""
    bpy.context.view_layer.update()
    return list(checks.issues(target, bpy.context.scene))


def repair(target: Target) -> str:
    """Press the only button there is; returns the sentence beside it."""
    found = issues(target)
    assert len(found) == 1, found
    issue = found[0]
    assert issue.fix in checks.FIX_LABELS
    assert bpy.ops.genmo.fix(
        fix=issue.fix, track=issue.track, index=issue.index, frame=issue.frame, count=issue.count
    ) == {"FINISHED"}
    assert not issues(target)
    return issue.message


def waypoint(target: Target, frame: int, place: tuple[float, float, float]) -> Any:
    """A waypoint of the character's only path."""
    bpy.context.scene.frame_set(frame)
    if not target.genmo.paths:
        bpy.ops.genmo.path_add()
    else:
        bpy.ops.genmo.waypoint_add()
    point = target.genmo.paths[0].waypoints[-1]
    point.position = place
    return point


@pytest.mark.parametrize("fps", [24, 60])
def test_an_impossible_speed_gets_the_time_that_it_needs(fps: int) -> None:
    target = new_character(fps=fps)
    add_prompt(target, start=1, stop=1 + 6 * fps)
    for second, way in ((0, 0.0), (1, 24.0), (2, 25.0)):
        waypoint(target, 1 + second * fps, (0.0, -way, 0.0))
    sentence = repair(target)
    assert sentence == ("Path 1: 24.0 m between 0.00 s and 1.00 s are 24 m/s, a person needs at least 2.0 s")
    assert [point.frame for point in target.genmo.paths[0].waypoints] == [1, 1 + 2 * fps, 1 + 3 * fps]
    assert target.genmo.prompts[0].stop == 1 + 7 * fps


def test_a_curve_that_is_too_fast_is_one_sentence() -> None:
    target = new_character()
    data = bpy.data.curves.new("Way", "CURVE")
    data.dimensions = "3D"
    spline = data.splines.new("POLY")
    spline.points.add(1)
    spline.points[1].co = (0.0, -30.0, 0.0, 1.0)
    bpy.context.scene.collection.objects.link(bpy.data.objects.new("Way", data))
    bpy.ops.genmo.path_add(curve="Way")
    target.genmo.paths[0].start, target.genmo.paths[0].stop = 1, 32
    assert repair(target).startswith("Path 1: 30.0 m between 0.00 s and 1.00 s are 30 m/s")
    assert target.genmo.paths[0].stop >= 77


def test_time_is_made_for_marked_keys_as_well() -> None:
    target = animated()
    for frame, place in ((11, -6.0), (21, -6.0)):
        target.pose.bones["pelvis"].location = (0.0, 0.0, place)
        target.pose.bones["pelvis"].keyframe_insert("location", frame=frame)
    target.pose.bones["pelvis"].location = (0.0, 0.0, 0.0)
    target.pose.bones["pelvis"].keyframe_insert("location", frame=1)
    bpy.ops.genmo.key_poses_mark(where="ALL")
    assert "a person needs at least" in repair(target)
    frames = [row.frame for row in target.genmo.key_poses]
    assert frames[0] == 1
    assert frames[1] >= 16
    assert frames[2] - frames[1] == 10


def test_a_pin_out_of_reach_says_what_is_missing_and_can_be_left_out() -> None:
    target = new_character()
    add_prompt(target, stop=61)
    waypoint(target, 31, (0.0, 0.0, 0.0))
    handle = empty("Handle", (0.4, -0.3, 1.2))
    animate(handle, (1, 61), ((0.4, -0.3, 1.2), (3.4, -0.3, 1.2)))
    bpy.context.scene.frame_set(21)
    bpy.ops.genmo.pin_add(joint="l_wrist", target="Handle", frames=20)
    sentence = repair(target)
    assert sentence.startswith("Pin 1: The pin is ")
    missing = float(sentence.split(" is ")[1].split(" m ")[0])
    assert 0.3 < missing < 1.2
    assert target.genmo.pins[0].mute


def test_a_key_pose_and_a_pin_that_contradict_each_other() -> None:
    target = new_character()
    bpy.ops.genmo.key_pose_add()
    empty("Handle", (0.2, -0.4, 1.0))
    bpy.ops.genmo.pin_add(joint="l_wrist", target="Handle")
    assert "the key pose puts l_wrist" in repair(target)
    assert target.genmo.pins[0].mute
    assert not target.genmo.key_poses[0].mute


def test_two_key_poses_on_one_frame() -> None:
    target = new_character()
    bpy.ops.genmo.key_pose_add()
    bpy.ops.genmo.key_pose_add(scope={"LEFT_ARM"})
    assert "An earlier key pose on the same frame sets l_collar" in repair(target)
    assert len(target.genmo.key_poses) == 1


def test_a_waypoint_beside_a_key_pose_is_left_out_alone() -> None:
    target = new_character()
    waypoint(target, 31, (0.0, -0.5, 0.0))
    waypoint(target, 61, (0.0, -1.0, 0.0))
    bpy.context.scene.frame_set(31)
    bpy.ops.genmo.key_pose_add()
    assert "the key pose and the path put the pelvis 0.50 m apart" in repair(target)
    assert [point.mute for point in target.genmo.paths[0].waypoints] == [True, False]
    assert not target.genmo.paths[0].mute


def test_prompts_that_lie_over_each_other_are_trimmed() -> None:
    target = new_character()
    add_prompt(target, start=1, stop=61)
    add_prompt(target, "a person waves", start=21, stop=51)
    assert "Prompt 2: it lies over another prompt for 1.00 s" in repair(target)
    assert [(row.start, row.stop) for row in target.genmo.prompts] == [(1, 21), (21, 51)]


def test_a_prompt_without_length_can_be_removed() -> None:
    target = new_character()
    add_prompt(target)
    add_prompt(target, start=60, stop=60)
    assert "The end is not after the start" in repair(target)
    assert len(target.genmo.prompts) == 1
