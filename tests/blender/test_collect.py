"""Properties -> request: frames, axes, scopes; the tracks of a posed character, against hand-made numbers."""

from itertools import pairwise

import bpy
import numpy as np
import pytest
from mathutils import Quaternion

from genmo.genmo_blender import checks, collect
from genmo.runtime import rotation
from genmo.runtime.skeleton import INDEX, JOINT_NAMES
from genmo.tests.blender.characters import add_prompt, new_character, turn


def request(target: bpy.types.Object) -> collect.MotionRequest:
    bpy.context.view_layer.update()
    return collect.request_from(target, bpy.context.scene)


def empty(name: str, location: tuple[float, float, float]) -> bpy.types.Object:
    item = bpy.data.objects.new(name, None)
    bpy.context.scene.collection.objects.link(item)
    item.location = location
    return item


def curve_along(points: list[tuple[float, float, float]], kind: str) -> bpy.types.Object:
    data = bpy.data.curves.new("Way", "CURVE")
    data.dimensions = "3D"
    spline = data.splines.new(kind)
    if kind == "BEZIER":
        spline.bezier_points.add(len(points) - 1)
        for knot, point in zip(spline.bezier_points, points, strict=True):
            knot.co = point
            knot.handle_left_type = knot.handle_right_type = "VECTOR"
    else:
        spline.points.add(len(points) - 1)
        for knot, point in zip(spline.points, points, strict=True):
            knot.co = (*point, 1.0)
    item = bpy.data.objects.new("Way", data)
    bpy.context.scene.collection.objects.link(item)
    return item


@pytest.mark.parametrize(("fps", "frames"), [(30, 60), (24, 75), (60, 30)])
def test_prompts_are_counted_in_model_frames(fps: int, frames: int) -> None:
    target = new_character(fps=fps)
    add_prompt(target, start=11, stop=71)
    made = request(target)
    assert (made.frames, made.fps) == (frames, 30.0)
    assert (made.prompts[0].start, made.prompts[0].stop) == (0, frames)


def test_the_range_covers_all_tracks() -> None:
    target = new_character()
    add_prompt(target, start=20, stop=50)
    bpy.context.scene.frame_set(10)
    bpy.ops.genmo.key_pose_add()
    bpy.context.scene.frame_set(60)
    bpy.ops.genmo.pin_add(joint="l_ankle", frames=5)
    made = request(target)
    assert made.frames == 55
    assert made.prompts[0].start == 10
    assert made.keyframes[0].frame == 0
    assert (made.pins[0].start, made.pins[0].stop) == (50, 55)


def test_a_key_pose_is_the_pose_in_model_space() -> None:
    target = new_character()
    bend = Quaternion((0.0, 0.0, 1.0), 0.5)  # about the world's vertical
    rest = target.data.bones["l_elbow"].matrix_local.to_quaternion()
    turn(target, "l_elbow", tuple(rest.inverted() @ bend @ rest))
    bpy.ops.genmo.key_pose_add()
    key = request(target).keyframes[0]
    assert key.joints == JOINT_NAMES
    assert key.rotations["l_elbow"] == pytest.approx(tuple(rotation.about_y(0.5)), abs=1e-5)
    assert key.rotations["r_elbow"] == pytest.approx((1, 0, 0, 0), abs=1e-5)
    assert key.root_position == pytest.approx((0.0, 0.8649, 0.0), abs=1e-3)


def test_a_scope_holds_only_its_joints() -> None:
    target = new_character()
    bpy.ops.genmo.key_pose_add(scope={"LEFT_ARM"})
    key = request(target).keyframes[0]
    assert set(key.rotations) == {"l_collar", "l_shoulder", "l_elbow", "l_wrist"}
    assert key.root_position is None
    bpy.ops.genmo.key_pose_add(scope={"ROOT"})
    key = request(target).keyframes[1]
    assert set(key.rotations) == {"pelvis"}
    assert key.root_position is not None


def test_later_edits_of_the_pose_do_not_change_a_key_pose() -> None:
    target = new_character()
    bpy.ops.genmo.key_pose_add()
    before = request(target).keyframes[0]
    turn(target, "spine2", (0.8, 0.6, 0.0, 0.0))
    assert request(target).keyframes[0] == before
    bpy.ops.genmo.key_pose_update()
    assert request(target).keyframes[0] != before


def test_a_pin_at_an_empty_is_in_model_space() -> None:
    target = new_character()
    empty("Handle", (0.4, -0.3, 1.2))
    bpy.ops.genmo.pin_add(joint="l_wrist", target="Handle")
    assert request(target).pins[0].position == pytest.approx((0.4, 1.2, 0.3), abs=1e-5)
    target.location = (0.1, 0.0, 0.0)  # the world stays, so the model sees it elsewhere
    assert request(target).pins[0].position == pytest.approx((0.3, 1.2, 0.3), abs=1e-5)


def test_a_pin_where_the_joint_is_stays_in_the_world() -> None:
    target = new_character()
    bpy.ops.genmo.pin_add(joint="l_wrist")
    head = target.pose.bones["l_wrist"].head
    assert tuple(target.genmo.pins[0].position) == pytest.approx(tuple(head), abs=1e-5)
    assert request(target).pins[0].position == pytest.approx((head.x, head.z, -head.y), abs=1e-5)
    assert request(target).pins[0].rotation is None
    target.genmo.pins[0].use_rotation = True
    assert request(target).pins[0].rotation == pytest.approx((1, 0, 0, 0), abs=1e-5)


@pytest.mark.parametrize("kind", ["BEZIER", "POLY", "NURBS"])
def test_a_curve_is_walked_at_even_speed(kind: str) -> None:
    target = new_character()
    way = curve_along([(0, 0, 0), (0, -1, 0), (0, -3, 0)], kind)
    bpy.ops.genmo.path_add(curve=way.name)
    row = target.genmo.paths[0]
    row.start, row.stop, row.face_along = 1, 31, True
    path = request(target).path
    assert path is not None
    assert path.frames == tuple(range(30))
    assert path.points[0] == pytest.approx((0, 0), abs=1e-6)
    assert path.points[-1] == pytest.approx((0, 3), abs=1e-6)
    steps = [b[1] - a[1] for a, b in pairwise(path.points)]
    assert np.ptp(steps) < 0.003
    assert path.headings == pytest.approx([0.0] * 30, abs=1e-6)


def test_waypoints_are_free_between_and_turn_with_their_objects() -> None:
    target = new_character()
    bpy.ops.genmo.path_add()
    goal = empty("Goal", (2.0, 0.0, 0.5))
    goal.rotation_euler.z = np.pi / 2  # its front, -Y, looks along +X
    bpy.context.scene.frame_set(61)
    bpy.ops.genmo.waypoint_add(target="Goal")
    target.genmo.paths[0].waypoints[1].use_heading = True
    path = request(target).path
    assert path is not None
    assert path.frames == (0, 60)
    assert path.points[1] == pytest.approx((2.0, 0.0), abs=1e-5)
    assert path.headings is not None
    assert path.headings[1] == pytest.approx(np.pi / 2, abs=1e-5)


def test_nothing_asked_is_an_issue_with_a_fix() -> None:
    target = new_character()
    found = checks.issues(target, bpy.context.scene)
    assert found[0].fix == checks.ADD_PROMPT
    checks.apply_fix(target, bpy.context.scene, found[0])
    assert not [issue for issue in checks.issues(target, bpy.context.scene) if issue.severity == "error"]


def test_a_reversed_prompt_is_an_issue_that_removes_it() -> None:
    target = new_character()
    add_prompt(target)
    add_prompt(target, start=30, stop=10)
    found = checks.issues(target, bpy.context.scene)
    assert (found[0].track, found[0].index, found[0].fix) == ("prompts", 1, checks.REMOVE)
    bpy.ops.genmo.fix(fix=found[0].fix, track=found[0].track, index=found[0].index)
    assert len(target.genmo.prompts) == 1
    assert not checks.issues(target, bpy.context.scene)


def test_a_missing_pack_is_a_sentence() -> None:
    target = new_character()
    add_prompt(target)
    bpy.context.scene.genmo.pack = "nowhere"
    found = checks.issues(target, bpy.context.scene)
    assert "nowhere" in found[0].message
    assert found[0].fix == checks.CHOOSE_PACK


def test_joints_that_the_rig_lacks_are_not_set() -> None:
    target = new_character()
    next(row for row in target.genmo.bones if row.name == "l_wrist").bones = ""
    bpy.ops.genmo.key_pose_add()
    assert not target.genmo.key_poses[0].known[INDEX["l_wrist"]]
    assert "l_wrist" not in request(target).keyframes[0].rotations
