"""Twist bones beside the limbs."""

from __future__ import annotations

import math

import numpy as np
import pytest

from genmo.genmo_blender.core.bonemap import BoneMap
from genmo.genmo_blender.core.restpose import RestPose
from genmo.genmo_blender.core.retarget import Options, keyframe_from_pose, retarget
from genmo.genmo_blender.core.stance import Hints
from genmo.genmo_blender.core.target import build_target
from genmo.runtime import rotation
from genmo.runtime.motion import Motion
from genmo.runtime.skeleton import CONTACT_JOINTS, INDEX, JOINT_COUNT, REST_OFFSETS
from genmo.tests.core.bodies import body, chained, joint_points, pose_matrices, random_motion
from genmo.tests.core.test_structure import with_bones

PLAIN = Options(foot_lock=False, floor=False)
ENDS = {"elbow": "wrist", "knee": "ankle", "shoulder": "elbow", "hip": "knee"}


def with_twist(joint: str, place: float, *, name: str = "left_twist_") -> tuple[RestPose, BoneMap]:
    """A body in an A-pose with a twist bone some way down a part of the left limbs."""
    points = joint_points(a_pose=0.6)
    rest, bone_map = body(points)
    start, end = points[f"l_{joint}"], points[f"l_{ENDS[joint]}"]
    bones = [start + part * (end - start) for part in (place, place + 0.1)]
    return with_bones(rest, f"b_l_{joint}", bones, name), bone_map


def turned(joint: str, degrees: float) -> Motion:
    """A motion of one frame in which one joint turns about the limb it ends or begins."""
    end = {"wrist": "wrist", "ankle": "ankle"}.get(joint, ENDS.get(joint, joint))
    local = rotation.identity(1, JOINT_COUNT)
    axis = rotation.normalize(np.array(REST_OFFSETS[INDEX[f"l_{end}"]]))
    local[0, INDEX[f"l_{joint}"]] = rotation.from_axis_angle(math.radians(degrees) * axis)
    return Motion(30.0, np.zeros((1, 3)), local, np.zeros((1, len(CONTACT_JOINTS))))


def angle_of(rest: RestPose, bone_map: BoneMap, motion: Motion, *, against: str) -> float:
    """Degrees by which the twist bone is turned against another bone, compared with the rest pose."""
    posed = pose_matrices(rest, retarget(motion, build_target(rest, bone_map), PLAIN), 0)
    turns = [posed[name][:3, :3] @ rest.matrices[rest.index(name)].T for name in ("left_twist_0", against)]
    return math.degrees(float(rotation.angle(*(rotation.from_matrix(turn) for turn in turns))))


@pytest.mark.parametrize(("joint", "end"), [("elbow", "wrist"), ("knee", "ankle")])
@pytest.mark.parametrize("place", [0.25, 0.5, 0.9])
def test_a_forearm_follows_the_hand_the_nearer_the_more(joint: str, end: str, place: float) -> None:
    rest, bone_map = with_twist(joint, place)
    motion = turned(end, 80.0)
    assert angle_of(rest, bone_map, motion, against=f"b_l_{joint}") == pytest.approx(80.0 * place, abs=0.01)


@pytest.mark.parametrize("joint", ["shoulder", "hip"])
@pytest.mark.parametrize("place", [0.0, 0.4, 0.8])
def test_an_upper_arm_takes_its_own_turn_back_near_the_shoulder(joint: str, place: float) -> None:
    rest, bone_map = with_twist(joint, place)
    motion = turned(joint, 70.0)
    assert angle_of(rest, bone_map, motion, against=f"b_l_{joint}") == pytest.approx(70.0 * (1.0 - place), abs=0.01)


def test_a_bend_without_twist_moves_no_twist_bone() -> None:
    rest, bone_map = with_twist("elbow", 0.5)
    local = rotation.identity(1, JOINT_COUNT)
    local[0, INDEX["l_elbow"]] = rotation.from_axis_angle([0.0, -1.2, 0.0])
    motion = Motion(30.0, np.zeros((1, 3)), local, np.zeros((1, len(CONTACT_JOINTS))))
    assert angle_of(rest, bone_map, motion, against="b_l_elbow") < 1e-6


def test_all_other_bones_and_the_way_back_stay_as_they_are() -> None:
    rest, bone_map = with_twist("elbow", 0.5)
    plain, _ = body(joint_points(a_pose=0.6))
    motion = random_motion(2, seed=2, bend=0.8)
    target = build_target(rest, bone_map)
    assert [twist.bone for twist in target.twists] == ["left_twist_0"]
    posed = pose_matrices(rest, retarget(motion, target, PLAIN), 1)
    expected = pose_matrices(plain, retarget(motion, build_target(plain, bone_map), PLAIN), 1)
    for name, matrix in expected.items():
        assert np.allclose(posed[name], matrix, atol=1e-9), name
    pose = keyframe_from_pose(posed, target)
    assert np.degrees(rotation.angle(pose.rotations, motion.local_rotations[1])).max() < 1e-5


def test_turns_go_on_over_many_frames() -> None:
    rest, bone_map = with_twist("elbow", 0.5)
    local = rotation.identity(60, JOINT_COUNT)
    axis = rotation.normalize(np.array(REST_OFFSETS[INDEX["l_wrist"]]))
    local[:, INDEX["l_wrist"]] = rotation.from_axis_angle(np.linspace(0.0, 1.5 * math.pi, 60)[:, None] * axis)
    motion = Motion(30.0, np.zeros((60, 3)), local, np.zeros((60, len(CONTACT_JOINTS))))
    poses = retarget(motion, build_target(rest, bone_map), PLAIN)
    steps = rotation.angle(poses.rotations[1:, -1], poses.rotations[:-1, -1])
    assert np.degrees(steps).max() < 3.0


def test_what_is_no_twist_bone_is_left_alone() -> None:
    rest, bone_map = with_twist("elbow", 0.5, name="left_bracelet_")
    assert not build_target(rest, bone_map).twists
    rest, bone_map = with_twist("elbow", 0.5)
    assert not build_target(rest, bone_map, hints=Hints(bound=frozenset({"left_twist_0"}))).twists
    rest, bone_map = with_twist("elbow", 2.0)
    assert not build_target(rest, bone_map).twists
    rest, bone_map = with_twist("elbow", 0.5)
    rest, names = chained(rest, "b_l_elbow", 2)
    assert not build_target(rest, bone_map | {"l_elbow": names}).twists, "bones in line share the turn already"
