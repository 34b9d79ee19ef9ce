"""Pins that follow what moves, paths in time, waypoints: what the request has, at every frame rate of the scene."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np
import pytest

from genmo.genmo_blender import collect, pin_targets
from genmo.runtime import rotation
from genmo.tests.blender.characters import add_prompt, new_character

Target = Any


def empty(name: str = "Handle", location: tuple[float, float, float] = (0.4, -0.3, 1.2)) -> Any:
    """An empty in the scene."""
    item = bpy.data.objects.new(name, None)
    bpy.context.scene.collection.objects.link(item)
    item.location = location
    return item


def animate(item: Any, frames: tuple[int, int], points: tuple[Any, Any], turns: tuple[float, float] = (0, 0)) -> None:
    """Move an object in a straight line, and turn it about Z, at even speed."""
    for frame, point, turn in zip(frames, points, turns, strict=True):
        item.location, item.rotation_euler.z = point, turn
        item.keyframe_insert("location", frame=frame)
        item.keyframe_insert("rotation_euler", frame=frame)
    for curve in collect_curves(item):
        for key in curve.keyframe_points:
            key.interpolation = "LINEAR"


def collect_curves(item: Any) -> Any:
    """The curves of an object's action."""
    from genmo.genmo_blender.bake import curves_of

    return curves_of(item.animation_data.action, getattr(item.animation_data, "action_slot", None))


def request(target: Target, *, exact: bool = True) -> Any:
    """The request of a character."""
    bpy.context.view_layer.update()
    return collect.collect(target, bpy.context.scene, exact=exact).request


def held(made: Any) -> dict[int, np.ndarray]:
    """Model frame -> place of the pin."""
    return {frame: np.array(pin.position) for pin in made.pins for frame in range(pin.start, pin.stop)}


def world(point: Any) -> np.ndarray:
    """A model point in the axes of the world, for a character at the origin."""
    return np.array([point[0], -point[2], point[1]])


@pytest.mark.parametrize(
    ("fps", "base", "exact"), [(30, 1.0, True), (24, 1.0, True), (60, 1.0, True), (25, 1.001, True), (24, 1.0, False)]
)
def test_a_pin_follows_a_moving_empty(fps: int, base: float, exact: bool) -> None:
    target = new_character(fps=fps)
    scene = bpy.context.scene
    scene.render.fps_base = base
    scene.frame_start = 101
    handle = empty()
    animate(handle, (101, 161), ((0.3, -0.3, 1.0), (0.9, -0.3, 1.3)))
    add_prompt(target, start=101, stop=161)
    scene.frame_set(111)
    bpy.ops.genmo.pin_add(joint="l_wrist", target="Handle", frames=20)
    collected = collect.collect(target, scene, exact=exact)
    places = held(collected.request)
    assert sorted(places) == list(range(min(places), max(places) + 1))
    times = collected.timeline.sample_times(collected.request.frames, collected.key_frames)
    for frame, point in places.items():
        shown = np.interp(frame, times, 101 + np.arange(len(times)))
        share = (shown - 101) / 60
        assert world(point) == pytest.approx((0.3 + 0.6 * share, -0.3, 1.0 + 0.3 * share), abs=1e-5)
    first, last = min(places), max(places)  # those are whole scene frames
    assert world(places[first])[0] == pytest.approx(0.3 + 0.6 * 10 / 60, abs=1e-5)
    assert world(places[last])[0] == pytest.approx(0.3 + 0.6 * 29 / 60, abs=1e-5)
    assert scene.frame_current == 111


def test_what_hangs_on_something_that_moves_is_followed_through_constraints_and_bones() -> None:
    target = new_character()
    cart = empty("Cart", (0.0, 0.0, 0.0))
    animate(cart, (1, 31), ((0.0, 0.0, 0.0), (3.0, 0.0, 0.0)))
    child, copying = empty("Child", (0.0, -0.4, 1.0)), empty("Copying", (0.0, 0.0, 1.2))
    child.parent = cart
    constraint = copying.constraints.new("COPY_LOCATION")
    constraint.target, constraint.use_z = cart, False
    add_prompt(target, start=1, stop=32)
    bpy.context.scene.frame_set(1)
    for joint, name in (("l_wrist", "Child"), ("r_wrist", "Copying")):
        bpy.ops.genmo.pin_add(joint=joint, target=name, frames=31)
    made = request(target)
    ends = {pin.joint: world(pin.position) for pin in made.pins}  # the last of each
    assert ends["l_wrist"] == pytest.approx((3.0, -0.4, 1.0), abs=1e-5)
    assert ends["r_wrist"] == pytest.approx((3.0, 0.0, 1.2), abs=1e-5)
    assert len(made.pins) == 62


def test_a_pin_at_a_bone_of_another_armature() -> None:
    target = new_character()
    data = bpy.data.armatures.new("Door")
    door = bpy.data.objects.new("Door", data)
    bpy.context.scene.collection.objects.link(door)
    bpy.context.view_layer.objects.active = door
    bpy.ops.object.mode_set(mode="EDIT")
    bone = data.edit_bones.new("handle")
    bone.head, bone.tail = (0.5, -0.4, 1.0), (0.5, -0.5, 1.0)
    bpy.ops.object.mode_set(mode="OBJECT")
    bpy.context.view_layer.objects.active = target
    pose: Any = door.pose.bones["handle"]
    for frame, height in ((1, 0.0), (11, 0.3)):
        pose.location = (0.0, 0.0, height)
        pose.keyframe_insert("location", frame=frame)
    bpy.context.scene.frame_set(1)
    bpy.ops.genmo.pin_add(joint="l_wrist", target="Door", bone="handle", frames=11)
    places = held(request(target))
    moved = np.linalg.norm(places[10] - places[0])
    assert world(places[0]) == pytest.approx((0.5, -0.4, 1.0), abs=1e-5)
    assert moved == pytest.approx(0.3, abs=1e-5)
    with pytest.raises(RuntimeError, match="has no bone 'knob'"):
        bpy.ops.genmo.pin_add(joint="l_wrist", target="Door", bone="knob")
    assert len(target.genmo.pins) == 1


def test_a_pin_that_keeps_its_offset_goes_and_turns_with_its_target() -> None:
    target = new_character()
    handle = empty(location=(0.0, 0.0, 1.0))
    animate(handle, (1, 31), ((0.0, 0.0, 1.0), (0.0, 0.0, 1.0)), (0.0, np.pi / 2))
    bpy.context.scene.frame_set(1)
    bpy.ops.genmo.pin_add(joint="l_wrist", target="Handle", frames=31, keep_offset=True)
    target.genmo.pins[0].use_rotation = True
    made = request(target)
    places, wrist = held(made), np.array(target.genmo.pins[0].position)
    assert world(places[0]) == pytest.approx(wrist, abs=1e-5)
    assert world(places[30]) == pytest.approx((-wrist[1], wrist[0], wrist[2]), abs=1e-5)  # a quarter turn about Z
    assert made.pins[0].rotation == pytest.approx((1, 0, 0, 0), abs=1e-5)
    assert float(rotation.angle(np.array(made.pins[-1].rotation), rotation.about_y(np.pi / 2))) < 1e-4


def test_another_target_chosen_in_the_panel_keeps_the_place_of_the_joint() -> None:
    target = new_character()
    bpy.ops.genmo.pin_add(joint="l_wrist")
    row = target.genmo.pins[0]
    before = held(request(target))[0]
    row.use_offset = True
    row.target = empty(location=(1.0, 2.0, 0.5))
    bpy.context.view_layer.update()
    pin_targets.capture(row)
    assert held(request(target))[0] == pytest.approx(before, abs=1e-5)
    row.target.location.x += 0.5
    assert held(request(target))[0] == pytest.approx(before + np.array([0.5, 0.0, 0.0]), abs=1e-5)
    row.target = target
    row.bone = "head"
    row.target = empty("Other")
    assert row.bone == ""
    row.target, row.bone = target, "tail"
    with pytest.raises(RuntimeError, match="has no bone 'tail'"):
        bpy.ops.genmo.pin_capture()


def test_a_target_that_stands_still_is_one_pin() -> None:
    target = new_character()
    handle = empty()
    animate(handle, (1, 21), ((0.4, -0.3, 1.2), (0.4, -0.3, 1.2)))
    bpy.context.scene.frame_set(1)
    bpy.ops.genmo.pin_add(joint="l_wrist", target="Handle", frames=40)
    assert [(pin.start, pin.stop) for pin in request(target).pins] == [(0, 40)]
    target.genmo.pins[0].mute = True
    assert not request(target).pins


def test_muted_key_poses_and_paths_are_left_out() -> None:
    target = new_character()
    add_prompt(target)
    bpy.ops.genmo.key_pose_add()
    bpy.ops.genmo.path_add()
    target.genmo.key_poses[0].mute = target.genmo.paths[0].mute = True
    made = request(target)
    assert not made.keyframes
    assert made.path is None


def polyline(points: list[tuple[float, float, float]], radii: list[float] | None = None, tilt: float = 0.0) -> Any:
    """A curve object with straight pieces."""
    data = bpy.data.curves.new("Way", "CURVE")
    data.dimensions = "3D"
    spline = data.splines.new("POLY")
    spline.points.add(len(points) - 1)
    for index, (knot, point) in enumerate(zip(spline.points, points, strict=True)):
        knot.co, knot.tilt = (*point, 1.0), tilt
        knot.radius = radii[index] if radii else 1.0
    item = bpy.data.objects.new("Way", data)
    bpy.context.scene.collection.objects.link(item)
    return item


def along(target: Target, **settings: Any) -> Any:
    """The path of the request for a curve with these settings."""
    bpy.ops.genmo.path_add(curve="Way")
    row = target.genmo.paths[-1]
    for name, value in settings.items():
        setattr(row, name, value)
    return request(target).path


def test_a_speed_says_how_long_a_curve_takes() -> None:
    target = new_character(fps=24)
    polyline([(0, 0, 0), (0, -3, 0)])
    path = along(target, timing="SPEED", speed=1.5, start=1)
    made = request(target)
    assert made.frames == pytest.approx(61, abs=2)  # two seconds
    steps = np.diff([point[1] for point in path.points])
    assert steps[:-3] == pytest.approx(1.5 / 30, abs=1e-6)
    assert path.points[-1] == pytest.approx((0, 3), abs=1e-5)


def test_a_wide_radius_is_fast() -> None:
    target = new_character()
    polyline([(0, 0, 0), (0, -1, 0), (0, -2, 0)], [1.0, 1.0, 3.0])
    path = along(target, timing="RADIUS", start=1, stop=61)
    steps = np.diff([point[1] for point in path.points])
    assert steps[-1] > 2.0 * steps[0]
    assert path.points[-1] == pytest.approx((0, 2), abs=1e-5)


def test_the_tilt_turns_the_body_away_from_the_curve() -> None:
    target = new_character()
    polyline([(0, 0, 0), (0, -2, 0)], tilt=0.7)
    path = along(target, use_tilt=True, start=1, stop=31)
    assert path.headings == pytest.approx([0.7] * 30, abs=1e-5)


def test_a_curve_is_passed_at_the_frames_of_waypoints() -> None:
    target = new_character()
    polyline([(0, 0, 0), (2, 0, 0), (2, -2, 0)])
    bpy.ops.genmo.path_add(curve="Way")
    row = target.genmo.paths[0]
    row.timing = "WAYPOINTS"
    for frame, place in ((1, (0, 0.1, 0)), (31, (2.1, 0, 0)), (91, (2, -2.2, 0))):
        bpy.context.scene.frame_set(frame)
        bpy.ops.genmo.waypoint_add(as_empty=True)
        row.waypoints[-1].target.location = place
    path = request(target).path
    assert path.frames == tuple(range(91))
    assert [path.points[index] for index in (0, 30, 90)] == [
        pytest.approx(point, abs=1e-5) for point in ((0, 0), (2, 0), (2, 2))
    ]
    lengths = np.linalg.norm(np.diff(path.points, axis=0), axis=1)
    assert lengths.max() < 0.15


def test_waypoints_at_moving_objects_are_where_those_are_then() -> None:
    target = new_character()
    goal = empty("Goal", (0, 0, 0))
    animate(goal, (1, 61), ((0.0, 0.0, 0.0), (2.0, 0.0, 0.0)))
    bpy.context.scene.frame_set(1)
    bpy.ops.genmo.path_add()
    bpy.context.scene.frame_set(61)
    bpy.ops.genmo.waypoint_add(target="Goal")
    bpy.context.scene.frame_set(1)
    assert request(target).path.points[1] == pytest.approx((2.0, 0.0), abs=1e-5)
