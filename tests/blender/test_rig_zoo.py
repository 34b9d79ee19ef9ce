"""Every rig of the zoo is recognised and shows the model's motion, whatever its names, rolls, axes and rest pose."""

from __future__ import annotations

import numpy as np
import pytest
from mathutils import Euler, Matrix

from genmo.genmo_blender import armature, bake, tracks
from genmo.genmo_blender.core import coordinates
from genmo.genmo_blender.core.bonemap import BY_SHAPE, BoneMap, apply_preset, guess_bone_map
from genmo.genmo_blender.core.chains import SEGMENTS
from genmo.genmo_blender.core.retarget import Options
from genmo.runtime import rotation
from genmo.runtime.motion import Motion
from genmo.runtime.skeleton import INDEX
from genmo.tests.blender import rig_zoo, rigs
from genmo.tests.core.bodies import random_motion

PLAIN = Options(foot_lock=False, floor=False)
FAMILIES = {
    "model": "genmo", "a_pose": "unreal", "many_bones": "makehuman", "unnamed": BY_SHAPE, "mmd": "mmd",
    "metarig": "rigify_metarig", "stubs": "unreal", "y_forward": "unreal", "tilted": "unreal", "few_bones": "unreal",
}  # fmt: skip
MISSING = {"few_bones": {*rig_zoo.RECIPES["few_bones"].skip}, "mmd": {"spine1"}}
EQUAL = ("model", "a_pose", "n_pose", "rolled", "stubs", "turned", "y_forward", "x_forward", "tilted", "unnamed")
"""Rigs with the model's proportions and all of its joints, one bone each."""


def shown_heads(item: rigs.Rig, bone_map: BoneMap, motion: Motion) -> list[dict[str, np.ndarray]]:
    """World position of each joint on the rig while it shows a motion, frame by frame."""
    target = armature.target(item, bone_map)
    bake.apply_motion(item, motion, bone_map, start=1, fps=30.0, name="x", options=PLAIN)
    found = []
    for frame in range(motion.frames):
        rigs.CONTEXT.scene.frame_set(1 + frame)
        bones = item.evaluated_get(rigs.CONTEXT.evaluated_depsgraph_get()).pose.bones
        heads = {joint: bones[target.shown[names[0]]].head for joint, names in bone_map.items()}
        found.append({joint: np.array(item.matrix_world @ head) for joint, head in heads.items()})
    return found


def recognised(item: rigs.Rig) -> BoneMap:
    """The bone map that is found without help."""
    mapping = guess_bone_map(armature.rest_pose(item))
    assert not mapping.problems
    return mapping.map


def assert_directions(heads: dict[str, np.ndarray], model: np.ndarray) -> None:
    """Compare arms and legs with the model's, in the world."""
    for side in ("l_", "r_"):
        for upper, lower in SEGMENTS:
            if {side + upper, side + lower} <= heads.keys():
                own = rotation.normalize(heads[side + lower] - heads[side + upper])
                wish = rotation.normalize(model[INDEX[side + lower]] - model[INDEX[side + upper]])
                assert np.degrees(np.arccos(np.clip(own @ wish, -1.0, 1.0))) < 0.05, side + upper


@pytest.mark.parametrize("name", [*rig_zoo.RECIPES, "metarig"])
def test_rigs_are_recognised_by_name_and_by_shape(name: str) -> None:
    item = rig_zoo.build(name, mesh=False)
    rest = armature.rest_pose(item)
    mapping = guess_bone_map(rest)
    assert (mapping.preset, mapping.problems) == (FAMILIES.get(name, "mixamo"), ())
    assert set(mapping.missing) == MISSING.get(name, set())
    assert apply_preset(BY_SHAPE, rest).map == mapping.map


@pytest.mark.parametrize("name", rig_zoo.RECIPES)
def test_limbs_point_where_the_models_point(name: str) -> None:
    item = rig_zoo.build(name, mesh=name in ("few_bones", "stubs"))
    bone_map = recognised(item)
    matrix = armature.world_from_model(item, bone_map)
    motion = random_motion(2, seed=5, bend=0.8)
    for frame, heads in enumerate(shown_heads(item, bone_map, motion)):
        assert_directions(heads, coordinates.points_world_from_model(matrix, motion.positions[frame]))


@pytest.mark.parametrize("name", EQUAL)
def test_names_rolls_axes_and_rest_pose_change_nothing_in_the_world(name: str) -> None:
    """The model's own rig shows the motion exactly, and so does every other rig of its proportions."""
    item = rig_zoo.build(name, mesh=False)
    bone_map = recognised(item)
    matrix = armature.world_from_model(item, bone_map)
    motion = random_motion(2, seed=6, bend=0.8)
    size = float(np.cbrt(np.linalg.det(np.array(item.matrix_world)[:3, :3])))
    for frame, heads in enumerate(shown_heads(item, bone_map, motion)):
        model = coordinates.points_world_from_model(matrix, motion.positions[frame])
        for joint, head in heads.items():
            assert np.linalg.norm(head - model[INDEX[joint]]) < 1e-4 * size, joint


@pytest.mark.parametrize("name", ["a_pose", "rolled", "many_bones", "mmd"])
def test_a_turned_and_scaled_object_shows_the_same_turned_and_scaled(name: str) -> None:
    motion = random_motion(1, seed=7)
    item = rig_zoo.build(name, mesh=False)
    bone_map = recognised(item)
    before = shown_heads(item, bone_map, motion)[0]
    item.matrix_world = Matrix.LocRotScale((3.0, 1.0, -2.0), Euler((0.4, -0.9, 2.0)), (2.5, 2.5, 2.5))
    rigs.CONTEXT.view_layer.update()
    after = shown_heads(item, recognised(item), motion)[0]
    for joint, head in before.items():
        assert np.allclose(coordinates.transform_points(np.array(item.matrix_world), head), after[joint], atol=1e-4), (
            joint
        )


def test_the_generated_rig_and_its_meta_rig() -> None:
    item = rig_zoo.build("rigify", mesh=False)
    mapping = guess_bone_map(armature.rest_pose(item))
    assert (mapping.preset, mapping.missing, mapping.problems) == ("rigify", ("spine1",), ())
    matrix = armature.world_from_model(item, mapping.map)
    motion = random_motion(1, seed=5, bend=0.6)
    heads = shown_heads(item, mapping.map, motion)[0]
    assert_directions(heads, coordinates.points_world_from_model(matrix, motion.positions[0]))


def test_a_rig_that_rests_in_any_pose_needs_the_t_pose_shown() -> None:
    """The rest pose is an arbitrary pose of the model's rig; showing the T-pose once makes up for it."""
    straight = rig_zoo.build("model", mesh=False)
    bone_map = recognised(straight)
    motion = random_motion(1, seed=8, bend=0.9)
    expected = shown_heads(straight, bone_map, motion)[0]
    bent = rig_zoo.build("model", mesh=False)
    tracks.map_bones(bent)
    rest_inverse = _bake_rest(bent, bone_map)
    assert np.linalg.norm(shown_heads(bent, bone_map, motion)[0]["l_wrist"] - expected["l_wrist"]) > 0.01
    bent.animation_data_clear()
    for name, matrix in rest_inverse.items():
        bent.pose.bones[name].matrix_basis = Matrix()
        bent.pose.bones[name].matrix = matrix
        rigs.CONTEXT.view_layer.update()
    assert rigs.bpy.ops.genmo.use_as_t_pose() == {"FINISHED"}
    found = shown_heads(bent, bone_map, motion)[0]
    for joint, head in expected.items():
        assert np.linalg.norm(found[joint] - head) < 1e-3, joint


def _bake_rest(item: rigs.Rig, bone_map: BoneMap) -> dict[str, Matrix]:
    """Make a random pose of arms and legs the rest pose; returns the bones' former matrices at rest, parents first."""
    before = {name: item.data.bones[name].matrix_local.copy() for (name,) in bone_map.values()}
    generator = np.random.default_rng(4)
    for joint, (name,) in bone_map.items():
        if joint[:2] in ("l_", "r_"):
            item.pose.bones[name].rotation_quaternion = rotation.from_axis_angle(generator.normal(0.0, 0.5, 3))
    rigs.CONTEXT.view_layer.update()
    rigs.bpy.ops.object.mode_set(mode="POSE")
    rigs.bpy.ops.pose.armature_apply()
    rigs.bpy.ops.object.mode_set(mode="OBJECT")
    return before
