"""A motion on real rigs, against forward kinematics of the model's skeleton in the world."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from genmo.genmo_blender import armature, bake
from genmo.genmo_blender.core import coordinates
from genmo.genmo_blender.core.bonemap import BoneMap, guess_bone_map
from genmo.genmo_blender.core.retarget import Options
from genmo.runtime import rotation
from genmo.runtime.skeleton import JOINT_NAMES
from genmo.tests.blender import rigs
from genmo.tests.core.bodies import random_motion, walking

PLAIN = Options(foot_lock=False, floor=False)
SEGMENTS = (
    ("l_hip", "l_knee"), ("r_hip", "r_knee"), ("l_knee", "l_ankle"), ("r_knee", "r_ankle"), ("l_shoulder", "l_elbow"),
    ("r_shoulder", "r_elbow"), ("l_elbow", "l_wrist"), ("r_elbow", "r_wrist"),
)  # fmt: skip


def world_heads(item: rigs.Rig, bone_map: BoneMap) -> dict[str, np.ndarray]:
    """World position of each mapped joint's bone at the current frame."""
    evaluated = item.evaluated_get(rigs.CONTEXT.evaluated_depsgraph_get())
    return {
        joint: np.array(evaluated.matrix_world @ evaluated.pose.bones[bones[0]].head)
        for joint, bones in bone_map.items()
    }


@pytest.mark.parametrize("make", [rigs.genmo_like, rigs.mixamo_like, rigs.unreal_like])
def test_equal_proportions_give_the_models_joints_in_the_world(make: Callable[[], rigs.Rig]) -> None:
    item = make()
    item.location, item.rotation_euler = (1.0, -2.0, 0.3), (0.0, 0.0, 0.8)
    rigs.CONTEXT.view_layer.update()
    bone_map = guess_bone_map(armature.rest_pose(item)).map
    matrix = armature.world_from_model(item, bone_map)
    motion = random_motion(3)
    bake.apply_motion(item, motion, bone_map, start=5, fps=30.0, name="x", options=PLAIN)
    for frame in range(3):
        rigs.CONTEXT.scene.frame_set(5 + frame)
        for joint, head in world_heads(item, bone_map).items():
            wish = coordinates.points_world_from_model(matrix, motion.positions[frame, JOINT_NAMES.index(joint)])
            assert np.linalg.norm(head - wish) < 1e-3, joint


@pytest.mark.parametrize("name", ["mh_mixamo.glb", "mh_game_engine.glb", "centimetres"])
def test_limbs_point_where_the_models_point(name: str) -> None:
    item = rigs.centimetre_rig() if name == "centimetres" else rigs.imported(name)
    item.rotation_euler.rotate_axis("Z" if name != "centimetres" else "Y", 0.5)
    item.scale *= 1.7
    rigs.CONTEXT.view_layer.update()
    bone_map = guess_bone_map(armature.rest_pose(item)).map
    assert len(bone_map) == 22
    matrix = armature.world_from_model(item, bone_map)
    motion = random_motion(2, bend=0.8)
    bake.apply_motion(item, motion, bone_map, start=1, fps=30.0, name="x", options=PLAIN)
    for frame in range(2):
        rigs.CONTEXT.scene.frame_set(1 + frame)
        heads = world_heads(item, bone_map)
        model = coordinates.points_world_from_model(matrix, motion.positions[frame])
        for upper, lower in SEGMENTS:
            own = rotation.normalize(heads[lower] - heads[upper])
            wish = rotation.normalize(model[JOINT_NAMES.index(lower)] - model[JOINT_NAMES.index(upper)])
            assert np.degrees(np.arccos(np.clip(own @ wish, -1.0, 1.0))) < 0.1, (upper, lower)
        assert np.linalg.norm((heads["pelvis"] - model[0])[:2]) < 1e-3


@pytest.mark.parametrize("name", ["mh_mixamo.glb", "mh_game_engine.glb"])
def test_planted_feet_do_not_slide_on_people(name: str) -> None:
    item = rigs.imported(name)
    bone_map = guess_bone_map(armature.rest_pose(item)).map
    bake.apply_motion(item, walking(60), bone_map, start=1, fps=24.0, name="x")
    places = []
    for frame in range(1, 49, 4):
        rigs.CONTEXT.scene.frame_set(frame)
        places.append(world_heads(item, bone_map)["l_foot"])
    assert np.ptp(np.array(places), axis=0).max() < 1e-3
    rest = armature.rest_pose(item)
    assert places[0][2] == pytest.approx(rest.heads[rest.index(bone_map["l_foot"][0])][2], abs=2e-3)
