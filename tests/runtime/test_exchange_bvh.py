"""BVH files of foreign skeletons: names, rest poses, units, axes, missing joints."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from genmo.runtime import rotation
from genmo.runtime.errors import MotionError
from genmo.runtime.exchange.bvh_any import read_any_bvh
from genmo.runtime.exchange.names import find_joints
from genmo.runtime.motion import Motion
from genmo.runtime.skeleton import INDEX, JOINT_COUNT, JOINT_NAMES, PARENTS, rest_offsets
from genmo.tests.runtime.foreign_files import along_x, hanging_arms, mixamo_name, write_foreign_bvh
from genmo.tests.runtime.walking import walk

UNREAL = {
    "pelvis": "pelvis", "spine1": "spine_01", "spine2": "spine_02", "spine3": "spine_03", "neck": "neck_01",
    "head": "head", "hip": "thigh", "knee": "calf", "ankle": "foot", "foot": "ball", "collar": "clavicle",
    "shoulder": "upperarm", "elbow": "lowerarm", "wrist": "hand",
}  # fmt: skip
BIPED = {
    "pelvis": "Bip01 Pelvis", "spine1": "Bip01 Spine", "spine2": "Bip01 Spine1", "spine3": "Bip01 Spine2",
    "neck": "Bip01 Neck", "head": "Bip01 Head", "hip": "Thigh", "knee": "Calf", "ankle": "Foot", "foot": "Toe0",
    "collar": "Clavicle", "shoulder": "UpperArm", "elbow": "Forearm", "wrist": "Hand",
}  # fmt: skip
SOMA = {
    "pelvis": "Hips", "spine1": "Spine1", "spine2": "Spine2", "spine3": "Chest", "neck": "Neck1", "head": "Head",
    "hip": "Leg", "knee": "Shin", "ankle": "Foot", "foot": "ToeBase", "collar": "Shoulder", "shoulder": "Arm",
    "elbow": "ForeArm", "wrist": "Hand",
}  # fmt: skip
ASF = {
    "pelvis": "root", "spine1": "lowerback", "spine2": "upperback", "spine3": "thorax", "neck": "lowerneck",
    "head": "head", "hip": "femur", "knee": "tibia", "ankle": "foot", "foot": "toes", "collar": "clavicle",
    "shoulder": "humerus", "elbow": "radius", "wrist": "wrist",
}  # fmt: skip
DAZ = {
    "pelvis": "hip", "spine1": "abdomenLower", "spine2": "abdomenUpper", "spine3": "chestUpper", "neck": "neckLower",
    "head": "head", "hip": "ThighBend", "knee": "Shin", "ankle": "Foot", "foot": "Toe", "collar": "Collar",
    "shoulder": "ShldrBend", "elbow": "ForearmBend", "wrist": "Hand",
}  # fmt: skip


def named(table: dict[str, str], pattern: str, sides: tuple[str, str]) -> dict[str, str]:
    """Joint of the model -> name, by a table of parts and a pattern such as "{part}_{side}"."""
    found = {}
    for joint in JOINT_NAMES:
        side, _, part = joint.partition("_")
        found[joint] = pattern.format(part=table[part], side=sides["lr".index(side)]) if part else table[joint]
    return found


FAMILIES = {
    "mixamo": {joint: mixamo_name(joint) for joint in JOINT_NAMES},
    "unreal": named(UNREAL, "{part}_{side}", ("l", "r")),
    "biped": named(BIPED, "Bip01 {side} {part}", ("L", "R")),
    "soma": named(SOMA, "{side}{part}", ("Left", "Right")),
    "asf": named(ASF, "{side}{part}", ("l", "r")),
    "daz": named(DAZ, "{side}{part}", ("l", "r")),
    "smpl": named({part: part for part in UNREAL}, "{side}_{part}", ("left", "right")),
    "metarig": named({**UNREAL, "pelvis": "spine", "knee": "shin", "foot": "toe", "shoulder": "upper_arm",
                      "elbow": "forearm", "collar": "shoulder"}, "{part}.{side}", ("L", "R")),
}  # fmt: skip


@pytest.mark.parametrize("family", FAMILIES)
def test_names_of_families(family: str) -> None:
    names = [FAMILIES[family][joint] for joint in JOINT_NAMES]
    assert find_joints(names, PARENTS) == INDEX


def test_long_spines_and_parts_between() -> None:
    names = ["Root", "Hips", "LHipJoint", "LeftUpLeg", "LeftLeg", "LeftFoot", "RHipJoint", "RightUpLeg", "RightLeg",
             "RightFoot", "LowerBack", "Spine", "Spine1", "Spine2", "Neck", "Neck1", "Head", "LeftArm", "LeftForeArm",
             "RightArm", "RightForeArm", "LeftArmTwist"]  # fmt: skip
    parents = [-1, 0, 1, 2, 3, 4, 1, 6, 7, 8, 1, 10, 11, 12, 13, 14, 15, 13, 17, 13, 19, 17]
    found = {joint: names[index] for joint, index in find_joints(names, parents).items()}
    assert found == {
        "pelvis": "Hips", "l_hip": "LeftUpLeg", "r_hip": "RightUpLeg", "spine1": "LowerBack", "l_knee": "LeftLeg",
        "r_knee": "RightLeg", "spine2": "Spine", "l_ankle": "LeftFoot", "r_ankle": "RightFoot", "spine3": "Spine2",
        "neck": "Neck", "head": "Head", "l_shoulder": "LeftArm", "r_shoulder": "RightArm", "l_elbow": "LeftForeArm",
        "r_elbow": "RightForeArm",
    }  # fmt: skip


@pytest.mark.parametrize("names", [["dog"], ["Hips", "LeftUpLeg", "LeftLeg", "LeftFoot"], ["a", "b", "c"]])
def test_what_is_no_human_skeleton(names: list[str]) -> None:
    assert find_joints(names, list(range(-1, len(names) - 1))) == {}


def angles(motion: Motion, other: Motion) -> np.ndarray:
    """(T, 22) angle in degrees between the joints' world rotations."""
    return np.degrees(rotation.angle(motion.world_rotations, other.world_rotations))


@pytest.mark.parametrize("up", ["y", "z"])
@pytest.mark.parametrize("unit", [0.01, 1.0, 0.0254])
def test_units_and_axes(tmp_path: Path, unit: float, up: str) -> None:
    motion = walk(50)
    write_foreign_bvh(motion, tmp_path / "a.bvh", unit=unit, up=up)
    found = read_any_bvh(tmp_path / "a.bvh")
    assert (found.fps, found.frames) == (30.0, 50)
    np.testing.assert_allclose(found.positions, motion.positions, atol=2e-4)
    assert angles(found, motion).max() < 0.05
    np.testing.assert_allclose(found.rest_offsets, motion.rest_offsets, atol=1e-3)


@pytest.mark.parametrize(
    ("zero", "most"),
    [
        (hanging_arms(45.0), 8.0),
        (hanging_arms(80.0), 16.0),
        (np.tile(rotation.about_y(np.pi / 2), (JOINT_COUNT, 1)), 0.05),
        (along_x(rest_offsets()), 60.0),
    ],
    ids=["A", "hanging", "facing +X", "LAFAN1"],
)
def test_rest_poses(tmp_path: Path, zero: np.ndarray, most: float) -> None:
    motion = walk(50)
    write_foreign_bvh(motion, tmp_path / "a.bvh", zero=zero)
    found = read_any_bvh(tmp_path / "a.bvh")
    np.testing.assert_allclose(found.positions, motion.positions, atol=3e-4)
    assert angles(found, motion).max() < most
    arms = [INDEX[name] for name in ("l_elbow", "r_elbow")]
    assert np.abs(found.rest_offsets[arms, 0]).min() > 0.25  # a T-pose, whatever the file's is


def test_missing_joints_follow_the_joint_above(tmp_path: Path) -> None:
    motion = walk(40)
    without = ("spine2", "l_collar", "r_collar", "l_foot", "r_foot", "l_wrist", "r_wrist")
    write_foreign_bvh(motion, tmp_path / "a.bvh", without=without)
    found = read_any_bvh(tmp_path / "a.bvh")
    kept = [joint for joint, name in enumerate(JOINT_NAMES) if name not in without and "spine" not in name]
    np.testing.assert_allclose(found.positions[:, kept], motion.positions[:, kept], atol=5e-3)
    foot, ankle = INDEX["l_foot"], INDEX["l_ankle"]
    length = np.linalg.norm(found.positions[:, foot] - found.positions[:, ankle], axis=1)
    np.testing.assert_allclose(length, np.linalg.norm(motion.rest_offsets[foot]), rtol=0.05)


def test_other_sizes_keep_their_proportions(tmp_path: Path) -> None:
    motion = walk(30)
    offsets = motion.rest_offsets * 1.25
    giant = Motion(30.0, motion.root_positions * 1.25, motion.local_rotations, motion.contacts, offsets)
    write_foreign_bvh(giant, tmp_path / "a.bvh")
    np.testing.assert_allclose(read_any_bvh(tmp_path / "a.bvh").positions, giant.positions, atol=3e-4)


def test_a_floor_elsewhere_is_moved_to_zero(tmp_path: Path) -> None:
    motion = walk(60)
    high = Motion(30.0, motion.root_positions + np.array([0.0, 3.0, 0.0]), motion.local_rotations, motion.contacts)
    write_foreign_bvh(high, tmp_path / "a.bvh")
    np.testing.assert_allclose(read_any_bvh(tmp_path / "a.bvh").positions, motion.positions, atol=0.02)


def test_a_map_of_joints_for_names_that_say_nothing(tmp_path: Path) -> None:
    names = {joint: f"bone{index}" for index, joint in enumerate(JOINT_NAMES)}
    motion = walk(20)
    write_foreign_bvh(motion, tmp_path / "a.bvh", names=names)
    with pytest.raises(MotionError, match=r"a\.bvh: has no skeleton"):
        read_any_bvh(tmp_path / "a.bvh")
    np.testing.assert_allclose(read_any_bvh(tmp_path / "a.bvh", names).positions, motion.positions, atol=2e-4)
    with pytest.raises(MotionError, match="has no joint nowhere"):
        read_any_bvh(tmp_path / "a.bvh", {**names, "head": "nowhere"})
