"""Retargeting against forward kinematics of the model, and the way back."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from genmo.genmo_blender.core import coordinates
from genmo.genmo_blender.core.bonemap import BoneMap
from genmo.genmo_blender.core.restpose import RestPose
from genmo.genmo_blender.core.retarget import Options, keyframe_from_pose, retarget
from genmo.genmo_blender.core.target import build_target
from genmo.runtime import rotation
from genmo.runtime.errors import UserError
from genmo.runtime.skeleton import INDEX, JOINT_NAMES
from genmo.tests.core.bodies import body, chained, joint_points, pose_matrices, random_motion

PLAIN = Options(foot_lock=False, floor=False)
Y_UP_CENTIMETRES = 100.0 * coordinates.BLENDER_FROM_MODEL.T
WITHOUT = [
    (), ("l_foot", "r_foot"), ("l_collar", "r_collar"), ("spine1",), ("spine1", "spine2"), ("neck",), ("head",),
    ("l_wrist", "r_wrist", "l_foot", "r_foot", "head", "neck"),
]  # fmt: skip
TURNED = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])


def heads_of(rest: RestPose, bone_map: BoneMap, frame: int, **kwargs) -> tuple[np.ndarray, np.ndarray]:
    """Heads of the rig's bones and where the model says they are, both in armature space."""
    motion = random_motion(3, seed=4)
    target = build_target(rest, bone_map)
    posed = pose_matrices(rest, retarget(motion, target, PLAIN), frame)
    heads = np.array([posed[bone_map[joint][0]][:3, 3] for joint in bone_map])
    model = motion.positions[frame][[INDEX[joint] for joint in bone_map]]
    return heads, coordinates.transform_points(target.armature_from_model(), model)


@pytest.mark.parametrize("matrix", [np.eye(3), Y_UP_CENTIMETRES, TURNED, 7.0 * TURNED])
@pytest.mark.parametrize("a_pose", [0.0, 0.9, -0.5])
def test_equal_proportions_give_the_models_joints(matrix: np.ndarray, a_pose: float) -> None:
    rest, bone_map = body(joint_points(a_pose=a_pose), matrix=matrix)
    heads, model = heads_of(rest, bone_map, 1)
    assert np.abs(heads - model).max() < 1e-9 * np.abs(matrix).max()


@pytest.mark.parametrize("matrix", [np.eye(3), Y_UP_CENTIMETRES, TURNED])
def test_space_is_that_of_the_armature(matrix: np.ndarray) -> None:
    rest, bone_map = body(joint_points(), matrix=matrix)
    expected = matrix @ coordinates.BLENDER_FROM_MODEL
    assert np.allclose(build_target(rest, bone_map).armature_from_model()[:3, :3], expected, atol=1e-12)


def test_other_proportions_keep_every_direction() -> None:
    rest, bone_map = body(joint_points(leg=1.3, arm=0.8, a_pose=0.7))
    heads, model = heads_of(rest, bone_map, 2)
    rows = {joint: row for row, joint in enumerate(bone_map)}
    for upper, lower in (("l_hip", "l_knee"), ("r_knee", "r_ankle"), ("l_shoulder", "l_elbow"), ("r_elbow", "r_wrist")):
        own, wish = (rotation.normalize(points[rows[lower]] - points[rows[upper]]) for points in (heads, model))
        assert np.degrees(np.arccos(np.clip(own @ wish, -1, 1))) < 1e-4


def test_the_path_is_met_and_the_hips_keep_their_height() -> None:
    rest, bone_map = body(joint_points(leg=1.3))
    target = build_target(rest, bone_map)
    heads, model = heads_of(rest, bone_map, 0)
    rows = {joint: row for row, joint in enumerate(bone_map)}
    assert np.allclose(heads[rows["pelvis"]][:2], model[rows["pelvis"]][:2], atol=1e-9)
    hips = [0.5 * (points[rows["l_hip"]] + points[rows["r_hip"]])[2] for points in (heads, model)]
    assert hips[0] == pytest.approx(hips[1], abs=1e-9)
    assert 1.2 < target.size < 1.3


def test_a_body_that_was_modelled_askew_stands_upright() -> None:
    c, s = math.cos(math.radians(40)), math.sin(math.radians(40))
    rest, bone_map = body(joint_points(), matrix=np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]]))
    motion = random_motion(1, seed=2)
    target = build_target(rest, bone_map)
    posed = pose_matrices(rest, retarget(motion, target, PLAIN), 0)
    heads = np.array([posed[bones[0]][:3, 3] for bones in bone_map.values()])
    model = coordinates.transform_points(target.armature_from_model(), motion.positions[0])
    assert np.abs(heads - model).max() < 1e-9


def test_feet_off_the_ground_plane_move_the_floor() -> None:
    points = {joint: point - [0.0, 0.0, 0.9] for joint, point in joint_points().items()}
    rest, bone_map = body(points)
    target = build_target(rest, bone_map)
    assert target.floor == pytest.approx(-0.9, abs=0.03)


def test_turned_out_feet_point_forward_and_stay_flat() -> None:
    points = joint_points()
    for side, sign in (("l", 1.0), ("r", -1.0)):
        ball = points[f"{side}_foot"] - points[f"{side}_ankle"]
        c, s = math.cos(sign * 0.5), math.sin(sign * 0.5)
        turned = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]]) @ ball
        points[f"{side}_foot"] = points[f"{side}_ankle"] + turned
    rest, bone_map = body(points)
    heads, model = heads_of(rest, bone_map, 0)
    assert np.abs(heads - model).max() < 1e-9


@pytest.mark.parametrize("count", [2, 3, 4])
def test_a_chain_shares_the_bend_and_its_end_has_all_of_it(count: int) -> None:
    rest, bone_map = body(joint_points())
    rest, names = chained(rest, "b_spine2", count)
    bone_map = bone_map | {"spine2": names}
    motion = random_motion(1, seed=3)
    posed = pose_matrices(rest, retarget(motion, build_target(rest, bone_map), PLAIN), 0)
    turns = [
        rotation.from_matrix(posed[name][:3, :3] @ rest.matrices[rest.index(name)].T) for name in ("b_spine1", *names)
    ]
    bends = [float(rotation.angle(a, b)) for a, b in itertools.pairwise(turns)]
    assert bends == pytest.approx([float(rotation.angle(turns[0], turns[-1])) / count] * count, rel=1e-6)
    pose = keyframe_from_pose(posed, build_target(rest, bone_map))
    assert np.degrees(rotation.angle(pose.rotations, motion.local_rotations[0])).max() < 1e-5


@pytest.mark.parametrize("without", WITHOUT)
@pytest.mark.parametrize("matrix", [np.eye(3), Y_UP_CENTIMETRES])
def test_a_pose_comes_back(without: tuple[str, ...], matrix: np.ndarray) -> None:
    points = {
        joint: point for joint, point in joint_points(leg=1.1, arm=0.9, a_pose=0.6).items() if joint not in without
    }
    rest, bone_map = body(points, matrix=matrix)
    target = build_target(rest, bone_map)
    first = pose_matrices(rest, retarget(random_motion(1), target, PLAIN), 0)
    pose = keyframe_from_pose(first, target)
    assert pose.missing == set(without)
    again = random_motion(1)
    again = type(again)(30.0, pose.root_position[None], pose.rotations[None], again.contacts)
    second = pose_matrices(rest, retarget(again, target, PLAIN), 0)
    for name in rest.names:
        assert np.abs(first[name] - second[name]).max() < 1e-9 * np.abs(matrix).max()


def test_what_the_rig_has_comes_back_as_the_models_own_pose() -> None:
    rest, bone_map = body(joint_points(leg=0.8, a_pose=0.4))
    target, motion = build_target(rest, bone_map), random_motion(1)
    pose = keyframe_from_pose(pose_matrices(rest, retarget(motion, target, PLAIN), 0), target)
    assert np.degrees(rotation.angle(pose.rotations, motion.local_rotations[0])).max() < 1e-5
    assert np.abs(pose.root_position - motion.root_positions[0]).max() < 1e-9


def test_root_scale_stretches_the_ground_only_and_comes_back() -> None:
    rest, bone_map = body(joint_points())
    target, motion = build_target(rest, bone_map), random_motion(2)
    plain, wide = (retarget(motion, target, Options(scale, foot_lock=False, floor=False)) for scale in (1.0, 2.0))
    roots = [pose_matrices(rest, poses, 1)["b_pelvis"][:3, 3] for poses in (plain, wide)]
    assert np.allclose(roots[1], roots[0] * [2.0, 2.0, 1.0])
    pose = keyframe_from_pose(pose_matrices(rest, wide, 1), target, root_scale=2.0)
    assert np.allclose(pose.root_position, motion.root_positions[1])


def test_scaled_matrices_are_read_as_rotations() -> None:
    rest, bone_map = body(joint_points())
    target, motion = build_target(rest, bone_map), random_motion(1)
    posed = pose_matrices(rest, retarget(motion, target, PLAIN), 0)
    scaled = {name: matrix @ np.diag([1.2, 1.2, 1.2, 1.0]) for name, matrix in posed.items()}
    pose = keyframe_from_pose(scaled, target)
    assert np.degrees(rotation.angle(pose.rotations, motion.local_rotations[0])).max() < 1e-5


def test_channels_are_continuous() -> None:
    rest, bone_map = body(joint_points())
    time = np.linspace(0.0, 8.0, 200)
    motion = random_motion(200, bend=0.0)
    local = motion.local_rotations.copy()
    local[:, 0] = rotation.about_y(time)
    spun = type(motion)(30.0, motion.root_positions, local, motion.contacts)
    rotations = retarget(spun, build_target(rest, bone_map), PLAIN).rotations
    assert np.linalg.norm(np.diff(rotations, axis=0), axis=-1).max() < 0.1


def test_unusable_maps_are_refused_with_a_sentence() -> None:
    rest, bone_map = body(joint_points())
    with pytest.raises(UserError, match="no bone 'gone'"):
        build_target(rest, bone_map | {"head": ("gone",)})
    flat = RestPose(rest.names, rest.parents, rest.heads * 0.0, rest.tails * 0.0, rest.matrices)
    with pytest.raises(UserError, match="one place"):
        build_target(flat, bone_map)


def test_all_joints_are_driven_in_model_order() -> None:
    rest, bone_map = body(joint_points())
    shuffled = dict(sorted(bone_map.items()))
    assert build_target(rest, shuffled).names == tuple("b_" + joint for joint in JOINT_NAMES)
