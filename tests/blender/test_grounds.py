"""Paths drawn on the ground, ghosts of constraints, and feet on ground that is not flat."""

from __future__ import annotations

import json
from typing import Any

import bmesh
import bpy
import numpy as np
import pytest
from mathutils import Matrix

from genmo.genmo_blender import armature, collect, constraint_lines, grounds, sampling, takes, tracks
from genmo.runtime.ground import heights_at
from genmo.runtime.skeleton import CONTACT_JOINTS
from genmo.tests.blender import rigs
from genmo.tests.blender.characters import add_prompt, new_character
from genmo.tests.blender.test_marks import animated
from genmo.tests.blender.test_pins import animate, empty

Target = Any


def stroke(points: list[tuple[float, float, float]], seconds: float = 2.0) -> list[dict[str, Any]]:
    """The argument of the Draw Path operator."""
    times = np.linspace(0.0, seconds, len(points)).tolist()
    return [{"name": "", "location": point, "seconds": time} for point, time in zip(points, times, strict=True)]


def stairs(rise: float = 0.15, run: float = 0.4, count: int = 8) -> Any:
    """Steps that climb along -Y, beginning one metre ahead of the origin, on a large floor."""
    mesh, shape = bpy.data.meshes.new("Stairs"), bmesh.new()
    bmesh.ops.create_cube(shape, matrix=Matrix.Translation((0, 0, -0.5)) @ Matrix.Diagonal((20.0, 20.0, 1.0, 1.0)))
    for step in range(count):
        middle = (0.0, -1.0 - run * step - 2.0, 0.5 * rise * (step + 1))
        bmesh.ops.create_cube(
            shape, matrix=Matrix.Translation(middle) @ Matrix.Diagonal((3.0, 4.0, rise * (step + 1), 1.0))
        )
    shape.to_mesh(mesh)
    shape.free()
    item = bpy.data.objects.new("Stairs", mesh)
    bpy.context.scene.collection.objects.link(item)
    return item


def ramp(angle: float) -> Any:
    """A plane through the origin that rises along -Y."""
    mesh, shape = bpy.data.meshes.new("Ramp"), bmesh.new()
    bmesh.ops.create_grid(shape, x_segments=4, y_segments=4, size=6.0, matrix=Matrix.Rotation(-angle, 4, "X"))
    shape.to_mesh(mesh)
    shape.free()
    item = bpy.data.objects.new("Ramp", mesh)
    bpy.context.scene.collection.objects.link(item)
    return item


def test_a_stroke_becomes_a_curve_that_is_walked() -> None:
    target = new_character()
    line = np.linspace([0.0, 0.0, 0.0], [0.0, -2.6, 0.0], 60)
    line[:, 0] += 0.01 * np.sin(np.arange(60) * 2.0)
    bpy.context.scene.frame_set(11)
    assert bpy.ops.genmo.path_draw(stroke=stroke([tuple(point) for point in line.tolist()]), speed=1.3) == {"FINISHED"}
    row = target.genmo.paths[0]
    assert (row.kind, row.timing, row.start) == ("CURVE", "SPEED", 11)
    assert row.curve.name in bpy.context.scene.objects
    path = collect.request_from(target, bpy.context.scene).path
    assert path is not None
    assert len(path.frames) == pytest.approx(61, abs=2)
    assert path.points[-1] == pytest.approx((0.0, 2.6), abs=0.02)
    assert path.headings == pytest.approx([0.0] * len(path.frames), abs=0.1)


def test_a_stroke_can_be_walked_as_fast_as_it_was_drawn() -> None:
    target = new_character()
    bpy.context.scene.frame_set(1)
    slow, fast = np.linspace([0, 0, 0], [0, -1.0, 0], 40), np.linspace([0, -1.0, 0], [0, -3.0, 0], 40)[1:]
    points = [tuple(point) for point in np.concatenate([slow, fast]).tolist()]
    bpy.ops.genmo.path_draw(stroke=stroke(points, 4.0), timing="DRAWN")
    path = collect.request_from(target, bpy.context.scene).path
    assert path is not None
    assert path.frames[-1] == 120
    assert path.points[60][1] == pytest.approx(1.0, abs=0.1)
    assert path.points[-1][1] == pytest.approx(3.0, abs=0.02)


def test_a_click_is_no_stroke() -> None:
    target = new_character()
    with pytest.raises(RuntimeError, match="a click is too short"):
        bpy.ops.genmo.path_draw(stroke=stroke([(0, 0, 0), (0.01, 0, 0)]))
    with pytest.raises(RuntimeError, match="a click is too short"):
        bpy.ops.genmo.path_draw()
    assert not target.genmo.paths
    assert not bpy.data.curves


def test_a_view_ray_meets_the_ground_object_and_else_the_floor() -> None:
    target = new_character()
    down = np.array([0.0, 0.0, -1.0])
    assert grounds.hit(target, np.array([1.0, 2.0, 5.0]), down) == pytest.approx([1.0, 2.0, 0.0], abs=1e-5)
    assert grounds.hit(target, np.array([1.0, 2.0, 5.0]), -down) is None
    target.genmo.ground = stairs()
    bpy.context.view_layer.update()
    found = grounds.hit(target, np.array([0.5, -1.3, 5.0]), down)
    assert found == pytest.approx([0.5, -1.3, 0.15], abs=1e-5)
    assert grounds.hit(target, np.array([50.0, 0.0, 5.0]), down) == pytest.approx([50.0, 0.0, 0.0], abs=1e-5)


def test_the_heights_of_the_ground_are_in_model_space() -> None:
    target = new_character()
    target.location = (0.0, -0.5, 0.0)
    add_prompt(target, stop=61)
    target.genmo.ground = stairs()
    bpy.context.view_layer.update()
    ground = collect.request_from(target, bpy.context.scene).ground
    assert ground is not None
    assert heights_at(ground, [(0.0, 0.0), (0.0, 0.7), (0.0, 1.2)]) == pytest.approx([0.0, 0.15, 0.30], abs=1e-3)
    assert collect.collect(target, bpy.context.scene, exact=False).request.ground is None


@pytest.mark.parametrize(("rig", "angle"), [("genmo", None), ("unreal", None), ("unreal", -0.15), ("genmo", 0.15)])
def test_a_character_stands_on_stairs_and_ramps(rig: str, angle: float | None) -> None:
    target = new_character()
    if rig == "unreal":
        target = rigs.unreal_like(leg=1.1)
        bpy.context.view_layer.objects.active = target
        tracks.map_bones(target)
    scene = bpy.context.scene
    scene.genmo.pack = ""  # the motion of random weights climbs nothing
    scene.genmo.steps = 8  # two are enough for a body that glides, not for one that walks
    item = target.genmo.ground = stairs() if angle is None else ramp(angle)
    add_prompt(target, stop=91)
    bpy.ops.genmo.path_draw(stroke=stroke([(0, 0, 0), (0, -1.5, 0), (0, -3.0, 0)]), speed=1.0)
    scene.frame_set(1)
    bpy.context.view_layer.update()
    assert bpy.ops.genmo.generate(wait=True) == {"FINISHED"}
    row = target.genmo.takes[0]
    numbers = json.loads(row.numbers)
    assert numbers["path_error_mm"] < 1.0
    assert numbers["penetration_max"] < 1.0
    motion = takes.motion_of(row)
    climbed = motion.root_positions[-1, 1] - motion.root_positions[0, 1]
    assert climbed > 0.4 if angle is None else climbed * np.sign(angle) > 0.25
    ground, mapping = grounds.Surface(item), tracks.bone_map(target)
    contacts = motion.contacts[:, CONTACT_JOINTS.index("l_foot")] > 0.5
    foot = target.pose.bones[mapping["l_foot"][0]]
    over: list[float] = []
    for frame in np.flatnonzero(contacts).tolist():
        scene.frame_set(row.start + frame)
        place = np.array(target.matrix_world @ foot.head)
        below = ground.hit(place + np.array([0.0, 0.0, 0.3]), np.array([0.0, 0.0, -1.0]))
        assert below is not None
        over.append(place[2] - below[2])
    assert max(over) < 0.1
    assert np.median(over) < 0.04


def test_ghosts_show_the_rig_where_it_was() -> None:
    target = animated()
    target.location = (1.0, 2.0, 0.0)
    target.rotation_euler.z = 0.7
    bpy.context.view_layer.update()
    bpy.ops.genmo.key_poses_mark(where="ALL")
    bpy.context.scene.frame_set(21)
    points, colours = constraint_lines.still_lines(target, bpy.context.scene).arrays()
    assert len(points) == len(colours) > 3 * 2 * 20
    wrist = np.array(target.matrix_world @ target.pose.bones["l_wrist"].head)
    assert np.linalg.norm(points - wrist, axis=1).min() < 1e-4
    words = constraint_lines.still_lines(target, bpy.context.scene).words
    assert [text for _, text, _ in words] == ["1", "11", "21"]
    target.genmo.key_poses[0].mute = True
    faint = constraint_lines.still_lines(target, bpy.context.scene).arrays()[1]
    assert faint[:, 3].min() < 0.5 * colours[:, 3].min()


def test_of_hundreds_of_key_poses_those_around_the_playhead_are_shown() -> None:
    target = new_character()
    scene = bpy.context.scene
    bpy.ops.genmo.key_pose_add(scope={"LEFT_ARM"})
    for frame in range(2, 61):
        scene.frame_set(frame)
        bpy.ops.genmo.key_pose_add(scope={"LEFT_ARM"})
    for now, first, last in ((60, 21, 60), (1, 1, 40), (30, 11, 50)):
        scene.frame_set(now)
        words = [int(text) for _, text, _ in constraint_lines.still_lines(target, scene).words]
        assert len(words) == 40
        assert (min(words), max(words)) == (pytest.approx(first, abs=2), pytest.approx(last, abs=2))


def test_ghosts_of_parts_paths_and_pins() -> None:
    target = new_character()
    bpy.ops.genmo.key_pose_add(scope={"LEFT_ARM"})
    arm = len(constraint_lines.still_lines(target, bpy.context.scene).arrays()[0])
    assert 0 < arm <= 2 * 6
    bpy.ops.genmo.path_draw(stroke=stroke([(0, 0, 0), (0, -2, 0)]))
    assert len(constraint_lines.still_lines(target, bpy.context.scene).arrays()[0]) > arm + 10
    handle = empty()
    animate(handle, (1, 31), ((0.3, -0.3, 1.0), (0.9, -0.3, 1.3)))
    bpy.context.scene.frame_set(1)
    bpy.ops.genmo.pin_add(joint="l_wrist", target="Handle", frames=31)
    points = constraint_lines.pin_lines(target, bpy.context.scene).arrays()[0]
    assert points[:, 0].max() == pytest.approx(0.9, abs=0.02)
    assert points[:, 0].min() == pytest.approx(0.3 - 0.06, abs=0.02)
    empty_rig = bpy.data.objects.new("Bare", bpy.data.armatures.new("Bare"))
    bpy.context.scene.collection.objects.link(empty_rig)
    assert not len(constraint_lines.still_lines(empty_rig, bpy.context.scene).arrays()[0])


def test_sampling_leaves_nothing_behind() -> None:
    target = animated()
    before = {name: len(getattr(bpy.data, name)) for name in ("objects", "scenes", "actions", "collections")}
    other = bpy.data.actions.new("Other")
    with pytest.raises(ZeroDivisionError), sampling.Sampler(bpy.context.scene) as sampler:
        sampler.poses(target, tracks.bone_map(target), [1.0], target.animation_data.action)
        sampler.matrices(target, [1.0, 2.5])
        _ = 1 / 0
    bpy.data.actions.remove(other)
    assert {name: len(getattr(bpy.data, name)) for name in before} == before
    assert armature.is_armature(target)
