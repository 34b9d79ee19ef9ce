"""Constraints on the rig after a motion is applied: what was asked is there, on rigs of several kinds and rates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bpy
import numpy as np
import pytest

from genmo.genmo_blender import armature, bake, tracks
from genmo.runtime import rotation
from genmo.tests.blender import rig_zoo, rigs
from genmo.tests.blender.characters import TINY

Rig = Any

RIGS: dict[str, Callable[[], Rig]] = {
    "genmo": rigs.genmo_like,
    "mixamo": rigs.mixamo_like,
    "unreal": lambda: rigs.unreal_like(leg=1.15, arm=0.95),
    "centimetres": rigs.centimetre_rig,
    "makehuman": lambda: rigs.imported("mh_game_engine.glb"),
    "zoo": lambda: rig_zoo.build("mmd", mesh=False),
}


def placed_rig(name: str, fps: int) -> Rig:
    """A mapped rig that stands somewhere, turned, in a scene that begins at frame 101."""
    scene = bpy.context.scene
    scene.render.fps, scene.frame_start = fps, 101
    scene.frame_set(101)
    rig = RIGS[name]()
    bpy.context.view_layer.objects.active = rig
    rig.location = (0.7, -0.4, 0.0)
    rig.rotation_euler.z += 0.6
    bpy.context.view_layer.update()
    tracks.map_bones(rig)
    return rig


def pose(rig: Rig, joint: str, angle: float, axis: tuple[float, float, float]) -> None:
    """Turn the first bone of a joint about an axis of its own."""
    bone = rig.pose.bones[tracks.bone_map(rig)[joint][0]]
    bone.rotation_mode = "QUATERNION"
    bone.rotation_quaternion = tuple(rotation.from_axis_angle(angle * np.array(axis)))


def shown_turns(rig: Rig) -> dict[str, np.ndarray]:
    """Rotations (3, 3) of all bones that show a joint, armature space."""
    prepared = armature.target(rig, tracks.bone_map(rig), probe=False)
    bones = rig.evaluated_get(bpy.context.evaluated_depsgraph_get()).pose.bones
    matrices = {name: np.array(bones[name].matrix)[:3, :3] for name in prepared.shown.values()}
    return {name: matrix / np.linalg.norm(matrix, axis=0) for name, matrix in matrices.items()}


def angle_between(first: np.ndarray, second: np.ndarray) -> float:
    """Degrees between two rotations."""
    return float(np.degrees(2.0 * np.arcsin(min(1.0, np.linalg.norm(first - second) / np.sqrt(8.0)))))


def moving_empty(world: np.ndarray, frames: range, fps: int) -> Any:
    """An empty that moves in a curve in front of the right shoulder, one and a half times a second."""
    item = bpy.data.objects.new("Handle", None)
    bpy.context.scene.collection.objects.link(item)
    for frame in frames:
        phase = 3.0 * np.pi * (frame - 101) / fps
        item.location = (
            world @ [-0.28 + 0.05 * np.sin(phase), 1.15 + 0.1 * np.cos(phase), 0.72 + 0.05 * np.sin(phase), 1.0]
        )[:3]
        item.keyframe_insert("location", frame=frame)
    return item


@pytest.mark.parametrize(("name", "fps"), list(zip(RIGS, (24, 60, 24, 60, 25, 24), strict=True)))
def test_what_was_asked_is_on_the_rig(name: str, fps: int) -> None:
    rig, scene = placed_rig(name, fps), bpy.context.scene
    mapping = tracks.bone_map(rig)
    world = np.asarray(armature.world_from_model(rig, mapping))
    metres = float(np.linalg.norm(world[:3, 0]))

    def at(seconds: float) -> int:
        return 101 + round(seconds * fps)

    bpy.ops.genmo.prompt_add()
    rig.genmo.prompts[0].start, rig.genmo.prompts[0].stop = at(0), at(2.5)
    bpy.ops.genmo.key_pose_add()
    asked = {at(0): shown_turns(rig)}
    for joint, angle, axis in (("l_shoulder", 0.4, (1, 0, 0)), ("r_elbow", 0.5, (0, 0, 1)), ("spine3", 0.2, (0, 1, 0))):
        pose(rig, joint, angle, axis)
    scene.frame_set(at(2))
    bpy.context.view_layer.update()
    bpy.ops.genmo.key_pose_add()
    asked[at(2)] = shown_turns(rig)
    rig.genmo.key_poses[1].root_position[2] += 0.4
    bpy.ops.genmo.path_add()
    way = rig.genmo.paths[0].waypoints[0]
    way.frame, way.position = at(1), (world @ [0.05, 0.0, 0.25, 1.0])[:3]
    handle = moving_empty(world, range(at(0.9), at(1.9)), fps)
    scene.frame_set(at(1.1))
    bpy.ops.genmo.pin_add(joint="r_wrist", target="Handle", frames=round(0.6 * fps))
    scene.genmo.pack = ""
    scene.genmo.quality, scene.genmo.steps = "CUSTOM", 2
    assert bpy.ops.genmo.generate(wait=True) == {"FINISHED"}

    for frame, turns in asked.items():
        scene.frame_set(frame)
        found = shown_turns(rig)
        assert max(angle_between(found[bone], turn) for bone, turn in turns.items()) < 0.1
    for row in rig.genmo.key_poses:
        scene.frame_set(row.frame)
        root = np.asarray(armature.read_pose(rig, mapping).root_position)
        assert metres * np.linalg.norm(root - np.array(row.root_position)) < 1e-3
    scene.frame_set(way.frame)
    root = np.asarray(armature.read_pose(rig, mapping).root_position) * [1.0, 0.0, 1.0]
    assert np.linalg.norm(world @ [*root, 1.0] - [*way.position, 1.0]) < 1e-3
    shown = armature.target(rig, mapping, probe=False).shown[mapping["r_wrist"][0]]
    pin = rig.genmo.pins[0]
    for frame in range(pin.start, pin.stop):
        scene.frame_set(frame)
        gap = rig.matrix_world @ rig.pose.bones[shown].head - handle.matrix_world.translation
        assert gap.length < 1e-3, (frame, gap)


@pytest.mark.parametrize("fps", [25, 30])
def test_a_curve_is_followed_by_the_body(fps: int) -> None:
    rig, scene = placed_rig("mixamo", fps), bpy.context.scene
    world = np.asarray(armature.world_from_model(rig, tracks.bone_map(rig)))
    angles = np.linspace(0.0, 1.2, 40)
    points = np.stack([1.8 - 1.8 * np.cos(angles), 0.0 * angles, 1.8 * np.sin(angles), 1.0 + 0.0 * angles], axis=1)
    stroke = [{"name": "", "location": tuple((world @ point)[:3]), "seconds": 0.0} for point in points]
    bpy.ops.genmo.path_draw(stroke=stroke, speed=1.2)
    scene.genmo.pack, scene.genmo.quality, scene.genmo.steps = str(TINY), "CUSTOM", 2
    assert bpy.ops.genmo.generate(wait=True) == {"FINISHED"}
    from genmo.genmo_blender import curves

    row = rig.genmo.paths[0]
    line = curves.line_of(row.curve)
    start, stop = curves.span(row, fps)
    hips = rig.pose.bones[tracks.bone_map(rig)["pelvis"][0]]
    for frame in range(start, stop):
        scene.frame_set(frame)
        wanted = line.at(np.array([min((frame - start) * row.speed / fps, line.length)]))[0][0]
        place = np.array(rig.matrix_world @ hips.head)
        assert np.linalg.norm((place - wanted)[:2]) < 0.01


def test_a_marked_key_is_exact_and_the_action_it_came_from_stays() -> None:
    rig, scene = placed_rig("unreal", 24), bpy.context.scene
    for frame, angle in ((101, 0.0), (125, 0.7), (161, -0.2)):
        for joint in ("l_elbow", "spine2", "r_hip"):
            pose(rig, joint, angle, (1, 0, 0))
            bone = tracks.bone_map(rig)[joint][0]
            rig.pose.bones[bone].keyframe_insert("rotation_quaternion", frame=frame)
    action = rig.animation_data.action
    bpy.ops.genmo.key_poses_mark(where="ALL")
    asked = {}
    for row in rig.genmo.key_poses:
        scene.frame_set(row.frame)
        asked[row.frame] = shown_turns(rig)
    keys = [tuple(point.co) for curve in bake.curves_of(action) for point in curve.keyframe_points]
    scene.genmo.pack, scene.genmo.quality, scene.genmo.steps = str(TINY), "CUSTOM", 2
    for _ in range(2):  # the second time the action on the rig is the first result
        assert bpy.ops.genmo.generate(wait=True) == {"FINISHED"}
        assert rig.animation_data.action != action
        for frame, turns in asked.items():
            scene.frame_set(frame)
            found = shown_turns(rig)
            assert max(angle_between(found[bone], turn) for bone, turn in turns.items()) < 0.1
    assert [tuple(point.co) for curve in bake.curves_of(action) for point in curve.keyframe_points] == keys
