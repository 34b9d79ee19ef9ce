"""Key poses that are keys of an action: marked, moved in the dope sheet, edited, read when a motion is made."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np
import pytest

from genmo.genmo_blender import checks, collect, marks, sampling, tracks
from genmo.genmo_blender.bake import curves_of
from genmo.runtime import rotation
from genmo.runtime.skeleton import INDEX
from genmo.tests.blender.characters import new_character

Target = Any


def key(target: Target, bone: str, frame: int, angle: float) -> None:
    """Key a bone's turn about its own x."""
    bones = target.pose.bones[bone]
    bones.rotation_quaternion = tuple(rotation.from_axis_angle(np.array([angle, 0.0, 0.0])))
    bones.keyframe_insert("rotation_quaternion", frame=frame)


def animated() -> Target:
    """A character with three keys of its left elbow and two of its right."""
    target = new_character()
    for frame, angle in ((1, 0.0), (11, 0.5), (21, 1.0)):
        key(target, "l_elbow", frame, angle)
    for frame, angle in ((1, 0.2), (21, 0.4)):
        key(target, "r_elbow", frame, angle)
    bpy.context.scene.frame_set(1)
    return target


def points(target: Target, frame: float) -> list[Any]:
    """All keys at a frame."""
    data = target.animation_data
    curves = curves_of(data.action, getattr(data, "action_slot", None))
    return [point for curve in curves for point in curve.keyframe_points if abs(point.co.x - frame) < 1e-3]


def move(target: Target, moves: dict[float, float]) -> None:
    """Move columns of keys, all at once, as the dope sheet does."""
    moving = [(point, by) for frame, by in moves.items() for point in points(target, frame)]
    for point, by in moving:
        point.co_ui.x += by
    for curve in curves_of(target.animation_data.action, getattr(target.animation_data, "action_slot", None)):
        curve.update()


def angle_at(made: Any, joint: str, index: int) -> float:
    """Turn of a joint in a key pose of the request."""
    return float(rotation.angle(np.array(made.keyframes[index].rotations[joint]), rotation.identity()))


def test_all_keys_become_key_poses_where_they_are() -> None:
    target = animated()
    assert bpy.ops.genmo.key_poses_mark(where="ALL") == {"FINISHED"}
    assert [row.frame for row in target.genmo.key_poses] == [1, 11, 21]
    made = collect.request_from(target, bpy.context.scene)
    assert [pose.frame for pose in made.keyframes] == [0, 10, 20]
    assert [angle_at(made, "l_elbow", index) for index in range(3)] == pytest.approx([0.0, 0.5, 1.0], abs=1e-4)
    assert angle_at(made, "r_elbow", 1) == pytest.approx(0.3, abs=0.01)


def test_the_playhead_and_poses_that_are_not_keyed_stay_as_they_are() -> None:
    target = animated()
    bpy.context.scene.frame_set(5)
    target.pose.bones["l_elbow"].rotation_quaternion = (0.8, 0.6, 0.0, 0.0)
    target.pose.bones["head"].rotation_quaternion = (0.8, 0.0, 0.6, 0.0)
    bpy.context.view_layer.update()
    scenes = len(bpy.data.scenes)
    bpy.ops.genmo.key_poses_mark(where="ALL")
    collect.request_from(target, bpy.context.scene)
    assert bpy.context.scene.frame_current == 5
    assert tuple(target.pose.bones["l_elbow"].rotation_quaternion) == pytest.approx((0.8, 0.6, 0.0, 0.0))
    assert len(bpy.data.scenes) == scenes
    assert bpy.context.scene.objects.get(target.name) == target


def test_moving_keys_in_the_dope_sheet_moves_the_key_poses() -> None:
    target = animated()
    bpy.ops.genmo.key_poses_mark(where="ALL")
    target.genmo.key_poses[1].scope = {"LEFT_ARM"}
    target.genmo.key_poses[2].mute = True
    move(target, {1: 10, 11: 10, 21: 10})
    found = marks.key_marks(target, bpy.context.scene)
    assert [(mark.frame, mark.index, mark.enabled) for mark in found] == [(11, 0, True), (21, 1, True), (31, 2, False)]
    assert found[1].scope == {"LEFT_ARM"}
    made = collect.request_from(target, bpy.context.scene)
    assert [pose.frame for pose in made.keyframes] == [0, 10]  # the motion begins with its first key
    assert angle_at(made, "l_elbow", 1) == pytest.approx(0.5, abs=1e-4)


def test_a_key_that_passes_another_keeps_its_parts() -> None:
    target = animated()
    bpy.ops.genmo.key_poses_mark(where="ALL")
    target.genmo.key_poses[0].scope = {"LEFT_ARM"}
    move(target, {1: 14})
    assert marks.follow(target, bpy.context.scene)
    assert [row.frame for row in target.genmo.key_poses] == [15, 11, 21]
    assert not marks.follow(target, bpy.context.scene)


def test_a_key_that_is_edited_is_read_again() -> None:
    target = animated()
    bpy.ops.genmo.key_poses_mark(where="ALL")
    key(target, "l_elbow", 11, 1.2)
    assert angle_at(collect.request_from(target, bpy.context.scene), "l_elbow", 1) == pytest.approx(1.2, abs=1e-4)
    stored = target.genmo.key_poses[1].rotations[INDEX["l_elbow"]]
    assert float(rotation.angle(np.array(stored), rotation.identity())) == pytest.approx(0.5, abs=1e-4)
    marks.follow(target, bpy.context.scene)  # what a timer does in the window
    stored = target.genmo.key_poses[1].rotations[INDEX["l_elbow"]]
    assert float(rotation.angle(np.array(stored), rotation.identity())) == pytest.approx(1.2, abs=1e-4)


def test_only_selected_keys_and_chosen_parts() -> None:
    target = animated()
    for frame in (1, 11, 21):
        for point in points(target, frame):
            point.select_control_point = frame == 21
    bpy.ops.genmo.key_poses_mark(where="SELECTED", scope={"RIGHT_ARM"})
    assert [(row.frame, row.scope) for row in target.genmo.key_poses] == [(21, {"RIGHT_ARM"})]
    types = [point.type for point in points(target, 21)]
    assert types.count("EXTREME") == 4  # the curves of the right elbow alone
    made = collect.request_from(target, bpy.context.scene)
    assert set(made.keyframes[0].joints) == {"r_collar", "r_shoulder", "r_elbow", "r_wrist"}


def test_marking_again_changes_the_row_and_removing_takes_the_mark_off() -> None:
    target = animated()
    bpy.context.scene.frame_set(11)
    bpy.ops.genmo.key_poses_mark(where="PLAYHEAD")
    bpy.ops.genmo.key_poses_mark(where="PLAYHEAD", scope={"LEFT_ARM"})
    assert [(row.frame, row.scope) for row in target.genmo.key_poses] == [(11, {"LEFT_ARM"})]
    bpy.ops.genmo.key_pose_remove(index=0)
    assert not target.genmo.key_poses
    assert {point.type for point in points(target, 11)} == {"KEYFRAME"}


def test_a_deleted_key_is_no_key_pose_any_more_but_an_issue() -> None:
    target = animated()
    bpy.ops.genmo.key_poses_mark(where="ALL")
    for curve in curves_of(target.animation_data.action, getattr(target.animation_data, "action_slot", None)):
        for point in [point for point in curve.keyframe_points if point.co.x == 11]:
            curve.keyframe_points.remove(point)
    assert [mark.frame for mark in marks.key_marks(target, bpy.context.scene)] == [1, 21]
    assert len(collect.request_from(target, bpy.context.scene).keyframes) == 2
    issue = next(issue for issue in checks.issues(target, bpy.context.scene) if issue.track == "key_poses")
    assert (issue.index, issue.fix) == (1, checks.REMOVE)
    checks.apply_fix(target, bpy.context.scene, issue)
    assert len(target.genmo.key_poses) == 2


def test_marks_stay_with_their_action_when_another_is_assigned() -> None:
    target = animated()
    bpy.ops.genmo.key_poses_mark(where="ALL")
    before = target.animation_data.action
    target.animation_data.action = bpy.data.actions.new("Result")
    key(target, "l_elbow", 11, -0.3)
    objects = len(bpy.data.objects)
    made = collect.request_from(target, bpy.context.scene)
    assert [angle_at(made, "l_elbow", index) for index in range(3)] == pytest.approx([0.0, 0.5, 1.0], abs=1e-4)
    assert target.animation_data.action != before
    assert len(bpy.data.objects) == objects
    bpy.data.actions.remove(before)  # the poses are kept even then
    made = collect.request_from(target, bpy.context.scene)
    assert [angle_at(made, "l_elbow", index) for index in range(3)] == pytest.approx([0.0, 0.5, 1.0], abs=1e-4)


def test_a_captured_key_does_not_change_with_its_action() -> None:
    target = animated()
    bpy.ops.genmo.key_poses_mark(where="ALL")
    bpy.ops.genmo.key_pose_capture(index=2)
    key(target, "l_elbow", 21, -0.7)
    move(target, {21: 4})
    made = collect.request_from(target, bpy.context.scene)
    assert (made.keyframes[2].frame, angle_at(made, "l_elbow", 2)) == (20, pytest.approx(1.0, abs=1e-4))


def test_without_keys_there_is_a_sentence() -> None:
    target = new_character()
    with pytest.raises(RuntimeError, match="has no action"):
        bpy.ops.genmo.key_poses_mark(where="ALL")
    key(target, "l_elbow", 1, 0.1)
    bpy.context.scene.frame_set(5)
    with pytest.raises(RuntimeError, match="no key at the playhead"):
        bpy.ops.genmo.key_poses_mark(where="PLAYHEAD")
    assert not target.genmo.key_poses


def test_constraints_of_a_rig_are_evaluated_in_the_action_that_is_marked() -> None:
    target = animated()
    copying = target.pose.bones["r_elbow"].constraints.new("COPY_ROTATION")
    copying.target, copying.subtarget, copying.mix_mode = target, "l_elbow", "REPLACE"
    copying.target_space = copying.owner_space = "LOCAL"
    action = target.animation_data.action
    target.animation_data.action = bpy.data.actions.new("Result")
    with sampling.Sampler(bpy.context.scene) as sampler:
        pose = sampler.poses(target, tracks.bone_map(target), [21.0], action)[0]
    assert float(rotation.angle(pose.rotations[INDEX["r_elbow"]], rotation.identity())) == pytest.approx(1.0, abs=1e-4)
