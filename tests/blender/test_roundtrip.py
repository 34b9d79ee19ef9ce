"""A pose read from a rig and baked back gives the same bones."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pytest

from genmo.genmo_blender import armature, bake
from genmo.genmo_blender.core.bonemap import BoneMap, guess_bone_map
from genmo.runtime import rotation
from genmo.runtime.motion import Motion
from genmo.runtime.skeleton import CONTACT_JOINTS
from genmo.tests.blender import rigs

DEGREES, METRES = 0.1, 0.001


def matrices(item: rigs.Rig, names: Iterable[str]) -> dict[str, np.ndarray]:
    """World matrices of the evaluated pose bones, their axes made unit."""
    rigs.CONTEXT.view_layer.update()
    evaluated = item.evaluated_get(rigs.CONTEXT.evaluated_depsgraph_get())
    found = {}
    for name in names:
        matrix = np.array(evaluated.matrix_world @ evaluated.pose.bones[name].matrix)
        matrix[:3, :3] /= np.linalg.norm(matrix[:3, :3], axis=0)
        found[name] = matrix
    return found


def pose_by_hand(item: rigs.Rig, names: Iterable[str], *, seed: int = 0, bend: float = 0.5) -> None:
    """Turn bones at random, in whatever mode they are."""
    generator = np.random.default_rng(seed)
    for name in names:
        bone = item.pose.bones[name]
        turn = rotation.from_axis_angle(generator.normal(0.0, bend, 3))
        mode, bone.rotation_mode = bone.rotation_mode, "QUATERNION"
        bone.rotation_quaternion = turn
        bone.rotation_mode = mode


def bake_back(item: rigs.Rig, bone_map: BoneMap) -> None:
    """Read the pose, make a still motion with planted feet of it, and apply that with a key at its first frame."""
    pose = armature.read_pose(item, bone_map)
    contacts = np.ones((3, len(CONTACT_JOINTS)))
    still = Motion(30.0, np.tile(pose.root_position, (3, 1)), np.tile(pose.rotations, (3, 1, 1)), contacts)
    bake.apply_motion(item, still, bone_map, start=1, fps=30.0, name="back", key_frames=[1])
    rigs.CONTEXT.scene.frame_set(1)


def assert_same(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> None:
    """Compare matrices bone by bone."""
    for name, matrix in first.items():
        cosine = (np.trace(matrix[:3, :3].T @ second[name][:3, :3]) - 1.0) / 2.0
        assert np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))) < DEGREES, name
        assert np.linalg.norm(matrix[:3, 3] - second[name][:3, 3]) < METRES, name


@pytest.mark.parametrize(
    "make",
    [
        rigs.genmo_like,
        rigs.mixamo_like,
        lambda: rigs.mixamo_like("mixamorig1:", leg=1.3, arm=0.8),
        rigs.unreal_like,
        rigs.centimetre_rig,
        lambda: rigs.imported("mh_mixamo.glb"),
        lambda: rigs.imported("mh_game_engine.glb"),
    ],
    ids=["genmo", "mixamo", "long legs", "unreal", "centimetres", "mh mixamo", "mh unreal"],
)
def test_plain_rigs(make: Callable[[], rigs.Rig]) -> None:
    item = make()
    item.location = (0.5, 1.0, 0.2)
    bone_map = guess_bone_map(armature.rest_pose(item)).map
    names = [bone for bones in bone_map.values() for bone in bones]
    pose_by_hand(item, names)
    item.pose.bones[bone_map["pelvis"][0]].location = 0.1 * np.array([1.0, 2.0, -1.0]) / item.scale.x
    before = matrices(item, names)
    bake_back(item, bone_map)
    assert_same(before, matrices(item, names))


def test_rigify() -> None:
    """First a pose of the FK controls; then one of the IK controls, which is read from the bones that they move."""
    item = rigs.rigify()
    mapping = guess_bone_map(armature.rest_pose(item))
    assert (mapping.preset, mapping.missing, mapping.problems) == ("rigify", ("spine1",), ())
    names = [bone for bones in mapping.map.values() for bone in bones]
    limbs = [
        f"ORG-{part}.{side}" for part in ("thigh", "shin", "foot", "upper_arm", "forearm", "hand") for side in "LR"
    ]
    for bone in ("thigh_parent", "upper_arm_parent"):
        for side in "LR":
            item.pose.bones[f"{bone}.{side}"]["IK_FK"] = 1.0
    item.pose.bones["torso"]["neck_follow"] = item.pose.bones["torso"]["head_follow"] = 1.0
    pose_by_hand(item, names, bend=0.3)
    item.pose.bones["torso"].location = (0.1, -0.2, 0.05)
    item.update_tag()
    before = matrices(item, [*names, *limbs])
    bake_back(item, mapping.map)
    assert_same(before, matrices(item, [*names, *limbs]))

    _pose_with_ik(item)
    before = matrices(item, ["ORG-spine", *limbs])
    bake_back(item, mapping.map)
    assert item.pose.bones["thigh_parent.L"]["IK_FK"] == 1.0
    # Rigify's IK squashes the legs a little, which joint rotations cannot say: the bones turn alike.
    for bone in before.values():
        bone[:3, 3] = 0.0
    after = matrices(item, before)
    for bone in after.values():
        bone[:3, 3] = 0.0
    assert_same(before, after)


def _pose_with_ik(item: rigs.Rig) -> None:
    item.animation_data.action = None
    for bone in item.pose.bones:
        bone.matrix_basis.identity()
        bone.rotation_quaternion, bone.rotation_euler, bone.location = (1, 0, 0, 0), (0, 0, 0), (0, 0, 0)
        if "IK_FK" in bone:
            bone["IK_FK"] = 0.0
    item.pose.bones["torso"].location = (0.05, 0.0, -0.15)
    item.pose.bones["foot_ik.L"].location = (0.0, 0.2, 0.1)
    item.pose.bones["hand_ik.R"].location = (0.1, 0.15, 0.2)
    item.update_tag()
