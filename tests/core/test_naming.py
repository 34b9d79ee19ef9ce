"""Names of bones: sides in every notation, families with whatever stands before, behind and between."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from genmo.genmo_blender.core.bone_names import BoneName, is_end, mirrored, read
from genmo.genmo_blender.core.bonemap import apply_preset, guess_bone_map
from genmo.genmo_blender.core.presets import PRESETS, Preset
from genmo.genmo_blender.core.restpose import RestPose
from genmo.runtime.skeleton import JOINT_NAMES
from genmo.tests.core.test_bonemap import named

SIDED = (
    "upperarm_l", "upper_arm.L", "LeftUpperArm", "L_UpperArm", "UpperArm Left", "lUpperArm", "upperArmL",
    "UpperArm-lft", "leftupperarm", "x:y|Left_Upper_Arm", "左UpperArm", "UpperArm.左",
)  # fmt: skip


@pytest.mark.parametrize("name", SIDED)
def test_every_notation_of_a_side(name: str) -> None:
    assert read(name) == BoneName("upperarm", "l")


@pytest.mark.parametrize(
    ("name", "core", "side"),
    [
        ("J_Bip_C_Hips", "jbiphips", ""),
        ("J_Bip_R_Hand", "jbiphand", "r"),
        ("root.x", "root", ""),
        ("c_spine_01.x", "cspine01", ""),
        ("Bip01 R Calf", "bip01calf", "r"),
        ("右足ＩＫ", "足ik", "r"),
        ("lfemur", "lfemur", ""),
        ("LeftHandThumb1", "handthumb1", "l"),
    ],
)
def test_what_is_left_of_a_name(name: str, core: str, side: str) -> None:
    assert read(name) == BoneName(core, side)


def test_the_other_side() -> None:
    names = ("hand_l", "Hand.R", "hand_r", "head")
    assert mirrored("hand_l", names) == "Hand.R"
    assert mirrored("hand_r", names) == "hand_l"
    assert mirrored("head", names) is None
    assert mirrored("hand_l", ("hand_l",)) is None
    assert is_end("HeadTop_End")
    assert not is_end("Bend")


def bones_of(preset: Preset) -> list[str]:
    """All names of a family."""
    names = [*preset.spine, *preset.neck]
    for bone in (*preset.joints.values(), *itertools.chain(*preset.chains.values())):
        names += dict.fromkeys(bone.replace("{s}", side) for side in preset.sides)
    return names


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize(("before", "behind"), [("Bob_", ""), ("", "_jnt"), ("ns:rig_", "_bind"), ("Armature|", "")])
def test_families_with_words_around_their_names(name: str, before: str, behind: str) -> None:
    plain, dressed = bones_of(PRESETS[name]), [before + bone + behind for bone in bones_of(PRESETS[name])]
    expected = apply_preset(name, named(plain)).map
    found = apply_preset(name, named(dressed)).map
    assert found == {joint: tuple(before + bone + behind for bone in bones) for joint, bones in expected.items()}


@pytest.mark.parametrize("left,right", [(".L", ".R"), ("_l", "_r"), ("Left", "Right"), ("_左", "_右")])
@pytest.mark.parametrize("name", ["mixamo", "unreal", "rigify_metarig", "biped", "common"])
def test_families_with_other_notations_of_the_sides(name: str, left: str, right: str) -> None:
    preset = PRESETS[name]
    names = [*preset.spine, *preset.neck]
    for bone in preset.joints.values():
        core = bone.replace("{s} ", "").replace("_{s}", "").replace(".{s}", "").replace("{s}", "")
        names += [core + left, core + right] if "{s}" in bone else [bone]
    mapping = guess_bone_map(named(names))
    assert not mapping.problems
    assert set(JOINT_NAMES) - mapping.map.keys() <= {"spine1"}
    assert mapping.map["l_elbow"][0].endswith(left)


@pytest.mark.parametrize("name", PRESETS)
def test_chains_share_a_joint(name: str) -> None:
    preset = PRESETS[name]
    found = apply_preset(name, named(bones_of(preset))).map
    for joint, further in preset.chains.items():
        bones = [preset.joints[joint], *further]
        assert found[f"l_{joint}"] == tuple(bone.replace("{s}", preset.sides[0]) for bone in bones)


def test_the_first_name_that_exists_counts() -> None:
    names = [bone for bone in bones_of(PRESETS["mmd"]) if "足先EX" not in bone and bone != "センター"]
    mapping = guess_bone_map(named([*names, "左つま先", "右つま先", "腰"]))
    assert mapping.map["l_foot"] == ("左つま先",)
    assert mapping.map["pelvis"] == ("腰",)


@pytest.mark.parametrize("prefix", ["DEF-", "ORG-"])
def test_a_generated_rig_without_its_controls(prefix: str) -> None:
    names = [prefix + bone for bone in bones_of(PRESETS["rigify_metarig"])]
    mapping = guess_bone_map(named(names))
    assert (mapping.preset, mapping.missing, mapping.problems) == ("rigify_metarig", (), ())
    assert mapping.map["r_hip"] == (f"{prefix}thigh.R", f"{prefix}thigh.R.001")


def test_words_of_everyday_in_any_order() -> None:
    parents = {"Spine": "Hip", "Chest": "Spine", "Neck": "Chest", "Head": "Neck"}
    limbs = ("Thigh", "Shin", "Foot"), ("Shoulder", "UpperArm", "ForeArm", "Hand")
    for side, (limb, top) in itertools.product("LR", zip(limbs, ("Hip", "Chest"), strict=True)):
        parents |= {f"{bone}.{side}": f"{above}.{side}" for above, bone in itertools.pairwise(limb)}
        parents[f"{limb[0]}.{side}"] = top
    names = ["Hip", *parents]
    rest = named(names)
    order = np.array([names.index(parents[name]) if name in parents else -1 for name in names])
    rest = RestPose(rest.names, order, rest.heads, rest.tails, rest.matrices)
    mapping = guess_bone_map(rest)
    assert (mapping.preset, mapping.problems) == ("common", ())
    assert mapping.map["spine2"] + mapping.map["spine3"] == ("Spine", "Chest")
    assert mapping.map["l_collar"] == ("Shoulder.L",)
    assert set(mapping.missing) == {"spine1", "l_foot", "r_foot"}
