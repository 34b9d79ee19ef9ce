"""Armatures as arrays, and how constrained rigs hang together."""

from __future__ import annotations

import math

import bpy
import numpy as np
import pytest
from mathutils import Euler, Matrix

from genmo.genmo_blender import armature
from genmo.genmo_blender.core import coordinates
from genmo.genmo_blender.core.bonemap import guess_bone_map
from genmo.runtime import rotation
from genmo.runtime.errors import UserError
from genmo.tests.blender import rigs


def mapped(item: rigs.Rig) -> dict[str, tuple[str, ...]]:
    """The bone map that the names give."""
    mapping = guess_bone_map(armature.rest_pose(item))
    assert not mapping.problems
    return mapping.map


def test_rest_pose_is_blenders_own() -> None:
    item = rigs.unreal_like()
    rest = armature.rest_pose(item)
    assert set(rest.names) == {bone.name for bone in item.data.bones}
    for bone in item.data.bones:
        index = rest.index(bone.name)
        assert np.allclose(rest.matrices[index], np.array(bone.matrix_local)[:3, :3], atol=1e-6)
        assert np.allclose(rest.heads[index], bone.head_local, atol=1e-6)
        assert rest.lengths[index] == pytest.approx(bone.length, abs=1e-6)
        parent = rest.parents[index]
        assert (rest.names[parent] if parent >= 0 else None) == (bone.parent.name if bone.parent else None)
        assert parent < index


@pytest.mark.parametrize("make", [rigs.genmo_like, rigs.mixamo_like, rigs.unreal_like, rigs.centimetre_rig])
def test_names_are_recognised(make) -> None:
    assert len(mapped(make())) == 22


def test_a_resting_character_stands_at_its_object() -> None:
    item = rigs.genmo_like()
    item.location = (2.0, 3.0, 1.0)
    item.rotation_euler = (0.0, 0.0, 1.2)
    rigs.CONTEXT.view_layer.update()
    matrix = armature.world_from_model(item, mapped(item))
    assert np.allclose(coordinates.points_world_from_model(matrix, [0.0, 0.0, 0.0]), (2.0, 3.0, 1.0), atol=1e-6)
    front = coordinates.points_world_from_model(matrix, [0.0, 0.0, 1.0]) - (2.0, 3.0, 1.0)
    assert np.allclose(front, (math.sin(1.2), -math.cos(1.2), 0.0), atol=1e-6)
    assert coordinates.heading_model_from_world(matrix, 1.2) == pytest.approx(0.0, abs=1e-6)


def test_scaled_and_turned_data_stand_upright_in_metres() -> None:
    item = rigs.centimetre_rig()
    matrix = armature.world_from_model(item, mapped(item))
    up = coordinates.points_world_from_model(matrix, [0.0, 1.0, 0.0])
    assert np.allclose(up / np.linalg.norm(up), (0.0, 0.0, 1.0), atol=1e-6)
    assert 1.05 < np.linalg.norm(up) < 1.15  # its legs are a tenth longer than the model's


@pytest.mark.parametrize("make", [rigs.genmo_like, rigs.mixamo_like, rigs.centimetre_rig])
def test_the_rest_pose_reads_as_the_t_pose(make) -> None:
    item = make()
    pose = armature.read_pose(item, mapped(item))
    assert np.degrees(rotation.angle(pose.rotations, rotation.identity(22))).max() < 0.02
    assert pose.root_position[0] == pytest.approx(0.0, abs=1e-5)
    assert not pose.missing


def test_an_a_pose_reads_as_hanging_arms() -> None:
    item = rigs.unreal_like()
    pose = armature.read_pose(item, mapped(item))
    angles = np.degrees(rotation.angle(pose.rotations, rotation.identity(22)))
    assert angles[16] == pytest.approx(50.0, abs=0.5)
    assert angles[17] == pytest.approx(50.0, abs=0.5)
    assert angles[[0, 1, 2, 3, 6, 9, 12, 15]].max() < 0.05


def test_a_moved_root_bone_carries_the_model_space() -> None:
    item = rigs.unreal_like()
    bone_map = mapped(item)
    before = armature.read_pose(item, bone_map)
    item.pose.bones["root"].matrix_basis = (
        Matrix.Translation((1.0, 2.0, 0.5)) @ Euler((0.1, 0.2, 0.3)).to_matrix().to_4x4()
    )
    rigs.CONTEXT.view_layer.update()
    after = armature.read_pose(item, bone_map)
    assert np.allclose(before.root_position, after.root_position, atol=1e-5)
    assert np.degrees(rotation.angle(before.rotations, after.rotations)).max() < 0.01
    joint = armature.joint_position(item, bone_map, "l_wrist")
    world = coordinates.points_world_from_model(armature.world_from_model(item, bone_map), joint)
    assert np.allclose(world, item.matrix_world @ item.pose.bones["hand_l"].head, atol=1e-5)


def test_a_constrained_parent_is_followed() -> None:
    """A helper bone copies the chest's turn; the shoulders hang on the helper instead of on the chest."""
    item = rigs.mixamo_like()
    with rigs.CONTEXT.temp_override(active_object=item):
        bpy.ops.object.mode_set(mode="EDIT")
        bones = item.data.edit_bones
        helper = bones.new("MCH-helper")
        helper.head, helper.tail = (0.0, 0.0, 1.3), (0.0, 0.0, 1.4)
        bones["mixamorig:LeftShoulder"].parent = helper
        bpy.ops.object.mode_set(mode="OBJECT")
    constraint = item.pose.bones["MCH-helper"].constraints.new("COPY_ROTATION")
    constraint.target, constraint.subtarget = item, "mixamorig:Spine2"
    constraint.target_space = constraint.owner_space = "WORLD"
    follower = item.pose.bones["MCH-helper"]
    follower.bone.use_inherit_rotation = False
    item.pose.bones["mixamorig:Hips"].location = (0.0, 0.3, 0.0)
    before = {bone.name: tuple(bone.rotation_quaternion) for bone in item.pose.bones}
    target = armature.target(item, mapped(item))
    shoulder = target.names.index("mixamorig:LeftShoulder")
    assert target.names[target.follows[shoulder]] == "mixamorig:Spine2"
    assert {bone.name: tuple(bone.rotation_quaternion) for bone in item.pose.bones} == before
    assert tuple(item.pose.bones["mixamorig:Hips"].location) == pytest.approx((0.0, 0.3, 0.0))


def test_a_constrained_rig_that_is_not_shown_is_refused() -> None:
    item = rigs.unreal_like()
    item.pose.bones["root"].constraints.new("LIMIT_ROTATION")
    assert armature.target(item, mapped(item)).follows[0] == -1
    item.data.pose_position = "REST"
    with pytest.raises(UserError, match="rest position"):
        armature.target(item, mapped(item))


def test_conflicts_are_named() -> None:
    item = rigs.mixamo_like()
    bone_map = mapped(item)
    assert armature.conflicts(item, bone_map) == ()
    item.pose.bones["mixamorig:LeftLeg"].constraints.new("LIMIT_ROTATION")
    item.pose.bones["mixamorig:Head"].driver_add("rotation_quaternion", 1)
    item.scale = (1.0, 2.0, 1.0)
    rigs.CONTEXT.view_layer.update()
    text = " ".join(armature.conflicts(item, bone_map))
    assert "LeftLeg" in text
    assert "driver" in text
    assert "unevenly" in text
    assert armature.mute_constraints(item, bone_map) == 1
    assert "LeftLeg" not in " ".join(armature.conflicts(item, bone_map))


def test_impossible_objects_are_refused_with_a_sentence() -> None:
    item = rigs.mixamo_like()
    bone_map = mapped(item)
    item.scale = (-1.0, 1.0, 1.0)
    rigs.CONTEXT.view_layer.update()
    with pytest.raises(UserError, match="negative scale"):
        armature.target(item, bone_map)
    item.scale = (0.0, 0.0, 0.0)
    rigs.CONTEXT.view_layer.update()
    with pytest.raises(UserError, match="scaled to zero"):
        armature.target(item, bone_map)
    with pytest.raises(UserError, match="Select an armature"):
        armature.rest_pose(bpy.data.objects.new("Empty", None))
    with pytest.raises(UserError, match="no bones"):
        armature.rest_pose(bpy.data.objects.new("Bare", bpy.data.armatures.new("Bare")))


def test_a_connected_pelvis_is_refused() -> None:
    item = rigs.unreal_like()
    bone_map = mapped(item)
    bpy.ops.object.mode_set(mode="EDIT")
    with pytest.raises(UserError, match="Edit Mode"):
        armature.rest_pose(item)
    item.data.edit_bones["pelvis"].use_connect = True
    bpy.ops.object.mode_set(mode="OBJECT")
    with pytest.raises(UserError, match="connected"):
        armature.target(item, bone_map)
