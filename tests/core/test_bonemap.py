"""Which bone is which joint: presets, prefixes, checks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from genmo.genmo_blender.core.bonemap import apply_preset, check_bone_map, control_rig, guess_bone_map, split_chain
from genmo.genmo_blender.core.presets import PRESETS
from genmo.genmo_blender.core.restpose import RestPose
from genmo.runtime.skeleton import INDEX, JOINT_NAMES
from genmo.tests.core.bodies import body, joint_points

MIXAMO = [
    "Hips",
    "Spine",
    "Spine1",
    "Spine2",
    "Neck",
    "Head",
    "LeftShoulder",
    "LeftArm",
    "LeftForeArm",
    "LeftHand",
    "RightShoulder",
    "RightArm",
    "RightForeArm",
    "RightHand",
    "LeftUpLeg",
    "LeftLeg",
    "LeftFoot",
    "LeftToeBase",
    "RightUpLeg",
    "RightLeg",
    "RightFoot",
    "RightToeBase",
]
UE5 = [
    "root",
    "pelvis",
    "spine_01",
    "spine_02",
    "spine_03",
    "spine_04",
    "spine_05",
    "neck_01",
    "neck_02",
    "head",
    "clavicle_l",
    "upperarm_l",
    "lowerarm_l",
    "hand_l",
    "clavicle_r",
    "upperarm_r",
    "lowerarm_r",
    "hand_r",
    "thigh_l",
    "calf_l",
    "foot_l",
    "ball_l",
    "thigh_r",
    "calf_r",
    "foot_r",
    "ball_r",
    "thigh_twist_01_l",
    "upperarm_twist_01_r",
    "ik_foot_l",
    "index_01_l",
]
RIGIFY_EXTRAS = [
    "torso",
    "hips",
    "chest",
    "spine_fk",
    "spine_fk.001",
    "spine_fk.002",
    "spine_fk.003",
    "neck",
    "head",
    "shoulder.L",
    "shoulder.R",
    "ORG-spine",
    "DEF-spine",
]
RIGIFY_LIMBS = ["upper_arm", "forearm", "hand", "thigh", "shin", "foot", "toe"]


def named(names: Sequence[str]) -> RestPose:
    """An armature that is only names."""
    count = len(names)
    points = np.zeros((count, 3))
    return RestPose(tuple(names), np.full(count, -1), points, points, np.broadcast_to(np.eye(3), (count, 3, 3)))


@pytest.mark.parametrize("prefix", ["", "mixamorig:", "mixamorig1:", "mixamorig9_", "Armature|mixamorig:", "Bob_"])
def test_mixamo_with_any_prefix(prefix: str) -> None:
    mapping = guess_bone_map(named([prefix + name for name in MIXAMO]))
    assert (mapping.preset, mapping.problems, mapping.missing) == ("mixamo", (), ())
    assert mapping.map["l_elbow"] == (prefix + "LeftForeArm",)
    assert mapping.map["spine3"] == (prefix + "Spine2",)


def test_names_with_running_numbers() -> None:
    mapping = guess_bone_map(named([f"mixamorig:{name}_{number:02}" for number, name in enumerate(MIXAMO)]))
    assert mapping.preset == "mixamo"
    assert not mapping.problems


def test_unreal_with_five_spine_bones_and_helpers() -> None:
    mapping = guess_bone_map(named(UE5))
    assert (mapping.preset, mapping.missing) == ("unreal", ())
    assert mapping.map["spine1"] + mapping.map["spine2"] + mapping.map["spine3"] == tuple(UE5[2:7])
    assert mapping.map["spine3"][-1] == "spine_05"
    assert mapping.map["neck"] == ("neck_01", "neck_02")
    assert mapping.map["l_hip"] == ("thigh_l",)


def test_rigify_controls_come_before_its_deform_bones() -> None:
    limbs = [f"{kind}{name}{fk}.{side}" for name in RIGIFY_LIMBS for side in "LR" for kind, fk in
             (("", "_fk"), ("ORG-", ""), ("DEF-", ""))]  # fmt: skip
    rest = named([*RIGIFY_EXTRAS, *limbs, "thigh_parent.L", "upper_arm_parent.R"])
    mapping = guess_bone_map(rest)
    assert (mapping.preset, mapping.missing) == ("rigify", ("spine1",))
    control = control_rig(rest, mapping.map)
    assert control.shown["upper_arm_fk.L"] == "ORG-upper_arm.L"
    assert control.shown["torso"] == "ORG-spine"
    assert control.properties["thigh_parent.L", "IK_FK"] == 1.0
    assert ("thigh_parent.R", "IK_FK") not in control.properties
    assert "chest" in control.neutral


def test_plain_rigs_need_nothing_more() -> None:
    rest = named(MIXAMO)
    control = control_rig(rest, guess_bone_map(rest).map)
    assert not control.neutral
    assert not control.shown
    assert not control.properties


@pytest.mark.parametrize("name", PRESETS)
def test_each_preset_finds_its_own_names(name: str) -> None:
    preset = PRESETS[name]
    names = [*preset.spine, *preset.neck]
    for bone in preset.joints.values():
        names += dict.fromkeys(bone.replace("{s}", side) for side in preset.sides)
    mapping = apply_preset(name, named(names))
    assert set(JOINT_NAMES) - mapping.map.keys() <= {"spine1"}
    assert not mapping.problems
    assert guess_bone_map(named(names)).map == mapping.map


def test_preset_tables_name_model_joints() -> None:
    for preset in PRESETS.values():
        for joint, bone in preset.joints.items():
            assert (f"l_{joint}" if "{s}" in bone else joint) in INDEX


@pytest.mark.parametrize("count", range(1, 8))
def test_a_chain_keeps_its_order_and_ends_under_the_arms(count: int) -> None:
    bones = tuple("abcdefg"[:count])
    split = split_chain(bones)
    assert tuple(bone for joint in ("spine1", "spine2", "spine3") for bone in split.get(joint, ())) == bones
    assert split["spine3"][-1] == bones[-1]


def test_unknown_names_say_so() -> None:
    mapping = guess_bone_map(named(["Bone", "Bone.001", "Bone.002"]))
    assert mapping.preset == ""
    assert "map them by hand" in mapping.problems[0]


def test_problems_are_sentences() -> None:
    rest, good = body(joint_points())
    assert check_bone_map(good, rest) == ()
    assert "no bone 'nix'" in check_bone_map({**good, "head": ("nix",)}, rest)[0]
    assert "mapped to" in check_bone_map({**good, "head": good["neck"]}, rest)[0]
    assert "not a joint" in check_bone_map({**good, "tail": ("b_head",)}, rest)[0]
    assert "l_knee" in check_bone_map({joint: bones for joint, bones in good.items() if joint != "l_knee"}, rest)[0]
    spineless = {joint: bones for joint, bones in good.items() if not joint.startswith("spine")}
    assert "a spine joint" in check_bone_map(spineless, rest)[0]


def test_swapped_legs_are_noticed() -> None:
    rest, good = body(joint_points())
    parts = ("hip", "knee", "ankle", "foot")
    crossed = (
        good | {f"l_{part}": good[f"r_{part}"] for part in parts} | {f"r_{part}": good[f"l_{part}"] for part in parts}
    )
    assert "swapped" in check_bone_map(crossed, rest)[0]
