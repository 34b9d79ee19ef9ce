"""Writing actions: curves, slots, rotation modes, and leaving everything else alone."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np
import pytest

from genmo.genmo_blender import armature, bake
from genmo.genmo_blender.core import coordinates
from genmo.genmo_blender.core.bonemap import BoneMap, guess_bone_map
from genmo.genmo_blender.core.retarget import Options
from genmo.runtime import rotation
from genmo.runtime.errors import UserError
from genmo.runtime.motion import Motion
from genmo.runtime.request import MotionRequest, Pin
from genmo.runtime.skeleton import CONTACT_JOINTS, INDEX
from genmo.tests.blender import rigs
from genmo.tests.core.bodies import random_motion, walking

PLAIN = Options(foot_lock=False, floor=False)


def mapped(item: rigs.Rig) -> BoneMap:
    """The bone map that the names give."""
    return guess_bone_map(armature.rest_pose(item)).map


def apply(item: rigs.Rig, motion: Motion, **kwargs) -> Any:
    """Apply a motion at frame 1 of a scene with 30 frames per second."""
    settings = {"start": 1, "fps": 30.0, "name": "a test", "options": PLAIN} | kwargs
    return bake.apply_motion(item, motion, mapped(item), **settings)


def turns(item: rigs.Rig, frame: int) -> dict[str, np.ndarray]:
    """Evaluated matrices of the pose bones at a scene frame."""
    rigs.CONTEXT.scene.frame_set(frame)
    evaluated = item.evaluated_get(rigs.CONTEXT.evaluated_depsgraph_get())
    return {bone.name: np.array(bone.matrix) for bone in evaluated.pose.bones}


def test_curves_are_grouped_and_only_for_mapped_bones() -> None:
    item = rigs.unreal_like()
    action = apply(item, random_motion(10), interpolation="BEZIER")
    curves = list(bake.curves_of(action))
    assert len(curves) == 22 * 4 + 3
    assert not any('"root"' in curve.data_path for curve in curves)
    for curve in curves:
        assert curve.group.name in curve.data_path
        assert len(curve.keyframe_points) == 10
        assert curve.keyframe_points[0].interpolation == "BEZIER"
    assert tuple(action.frame_range) == (1.0, 10.0)
    linear = next(iter(bake.curves_of(apply(item, random_motion(10)))))
    assert linear.keyframe_points[3].interpolation == "LINEAR"


def test_the_slot_is_assigned_and_the_old_action_kept() -> None:
    item = rigs.mixamo_like()
    item.name = "Bob"
    first = apply(item, random_motion(5, seed=1))
    second = apply(item, random_motion(5, seed=2))
    assert item.animation_data.action is second
    assert first.use_fake_user
    assert first.name != second.name
    if hasattr(second, "slots"):
        assert item.animation_data.action_slot is not None
        assert item.animation_data.action_slot.identifier == "OBBob"
    shown = turns(item, 3)["mixamorig:LeftArm"]
    bake.assign_action(item, first)
    assert not np.allclose(turns(item, 3)["mixamorig:LeftArm"], shown, atol=1e-3)
    assert second.use_fake_user
    if hasattr(first, "slots"):
        assert item.animation_data.action_slot == first.slots[0]


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ("a person walks", "a person walks"),
        ("  \n ", "Motion"),
        ("x" * 60, "x" * 40),
        ("one\ntwo  three", "one two three"),
    ],
)
def test_names(prompt: str, name: str) -> None:
    assert bake.action_name(prompt) == name


@pytest.mark.parametrize("mode", ["QUATERNION", "XYZ", "YXZ", "ZYX", "AXIS_ANGLE"])
def test_each_rotation_mode_shows_the_same_pose(mode: str) -> None:
    motion = random_motion(6, bend=1.5)
    item = rigs.mixamo_like()
    apply(item, motion)
    wish = turns(item, 4)
    for bone in item.pose.bones:
        bone.rotation_mode = mode
    apply(item, motion)
    found = turns(item, 4)
    assert {bone.rotation_mode for bone in item.pose.bones} == {mode}
    for name, matrix in wish.items():
        assert np.abs(matrix - found[name]).max() < 1e-4


def test_subframes_of_euler_curves_do_not_spin() -> None:
    item = rigs.mixamo_like()
    item.pose.bones["mixamorig:Hips"].rotation_mode = "YXZ"
    motion = random_motion(60, bend=0.0)
    local = motion.local_rotations.copy()
    local[:, 0] = rotation.about_y(np.linspace(0.0, 9.0, 60))
    apply(item, Motion(30.0, motion.root_positions * 0.0, local, motion.contacts))
    for curve in bake.curves_of(item.animation_data.action):
        if "Hips" in curve.data_path and "euler" in curve.data_path:
            values = [point.co.y for point in curve.keyframe_points]
            assert np.abs(np.diff(values)).max() < 0.3


def test_the_scene_is_left_alone() -> None:
    item = rigs.mixamo_like()
    scene = rigs.CONTEXT.scene
    scene.frame_start, scene.frame_end, scene.render.fps = 5, 77, 24
    scene.frame_set(33)
    bpy.ops.object.mode_set(mode="POSE")
    other = bpy.data.objects.new("Other", None)
    scene.collection.objects.link(other)
    other.select_set(True)
    apply(item, random_motion(50))
    assert (scene.frame_start, scene.frame_end, scene.frame_current, scene.render.fps) == (5, 77, 33, 24)
    assert item.mode == "POSE"
    assert rigs.CONTEXT.view_layer.objects.active is item
    assert other.select_get()


@pytest.mark.parametrize("fps", [24.0, 25.0, 30.0, 60.0])
def test_keys_are_met_at_any_frame_rate(fps: float) -> None:
    """Prompted by key poses that land between two model frames."""
    item = rigs.mixamo_like()
    motion = walking(120)
    start, keys = 11, [11, 30, 52]
    apply(item, motion, start=start, fps=fps, key_frames=keys, options=Options())
    for key in keys:
        rigs.CONTEXT.scene.frame_set(key)
        pose = armature.read_pose(item, mapped(item))
        frame = min(int((key - start) * 30.0 / fps + 0.5), 119)
        assert np.degrees(rotation.angle(pose.rotations, motion.local_rotations[frame])).max() < 0.1
        assert np.abs(pose.root_position - motion.root_positions[frame]).max() < 0.001


def test_quotes_and_backslashes_in_names() -> None:
    item = rigs.mixamo_like()
    bone_map = mapped(item)
    item.pose.bones["mixamorig:Head"].name = 'He"a\\d'
    bone_map["head"] = ('He"a\\d',)
    bake.apply_motion(item, random_motion(3), bone_map, start=1, fps=30.0, name="x", options=PLAIN)
    moved = turns(item, 2)['He"a\\d']
    assert not np.allclose(moved[:3, :3], np.array(item.data.bones['He"a\\d'].matrix_local)[:3, :3], atol=1e-3)


def test_what_cannot_be_written_is_refused_before_anything_changes() -> None:
    item = rigs.mixamo_like()
    motion = random_motion(3)
    bone_map = mapped(item)
    apply(item, motion)
    count = len(bpy.data.actions)
    item.data.bones["mixamorig:Head"].name = "renamed"
    with pytest.raises(UserError, match="no bone 'mixamorig:Head'"):
        bake.apply_motion(item, motion, bone_map, start=1, fps=30.0, name="x")
    item.data.bones["renamed"].name = "mixamorig:Head"
    data = item.animation_data
    strip = data.nla_tracks.new().strips.new("strip", 1, data.action)
    strip.select = data.nla_tracks[0].select = True
    data.action = None
    data.nla_tracks.active = data.nla_tracks[0]
    data.use_tweak_mode = True
    assert data.use_tweak_mode
    with pytest.raises(UserError, match="tweak mode"):
        apply(item, motion)
    data.use_tweak_mode = False
    assert len(bpy.data.actions) == count


def test_linked_armatures_are_refused_and_overrides_taken(tmp_path) -> None:
    item = rigs.mixamo_like()
    item.name = "Linked"
    path = str(tmp_path / "character.blend")
    bpy.data.libraries.write(path, {item})
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True, load_ui=False)
    libraries: Any = bpy.data.libraries
    with libraries.load(path, link=True) as (_, wanted):
        wanted.objects = ["Linked"]
    linked: Any = wanted.objects[0]
    rigs.CONTEXT.scene.collection.objects.link(linked)
    rigs.CONTEXT.view_layer.update()
    with pytest.raises(UserError, match="library override"):
        apply(linked, random_motion(3))
    override = linked.override_create(remap_local_usages=True)
    rigs.CONTEXT.view_layer.update()
    assert apply(override, random_motion(3)) is override.animation_data.action


def test_three_thousand_frames_are_written_whole() -> None:
    item = rigs.imported("mh_mixamo.glb")
    generator = np.random.default_rng(0)
    steps = rotation.from_axis_angle(generator.normal(0.0, 0.3, (3000, 22, 3)))
    contacts = np.zeros((3000, len(CONTACT_JOINTS)))
    contacts[:, :4] = (np.arange(3000) // 20 % 2)[:, None]
    motion = Motion(30.0, np.tile([0.0, 0.9, 0.0], (3000, 1)), steps, contacts)
    bone_map = mapped(item)
    action = bake.apply_motion(item, motion, bone_map, start=1, fps=30.0, name="long")
    assert {len(curve.keyframe_points) for curve in bake.curves_of(action)} == {3000}


def test_pins_of_the_request_are_met_on_the_rig() -> None:
    item = rigs.imported("mh_game_engine.glb")
    motion = walking(60, planted=())
    x, y, z = (float(value) for value in motion.positions[20, INDEX["r_wrist"]])
    request = MotionRequest(frames=60, pins=(Pin("r_wrist", 20, 21, (x, y, z)),))
    pinned = Motion(30.0, motion.root_positions, motion.local_rotations, motion.contacts, request=request)
    apply(item, pinned, options=Options())
    matrix = armature.world_from_model(item, mapped(item))
    rigs.CONTEXT.scene.frame_set(21)
    evaluated = item.evaluated_get(rigs.CONTEXT.evaluated_depsgraph_get())
    hand = evaluated.matrix_world @ evaluated.pose.bones["hand_r"].head
    assert np.allclose(hand, coordinates.points_world_from_model(matrix, (x, y, z)), atol=1e-3)
