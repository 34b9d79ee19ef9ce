"""The mapping editor's operators, as a user presses them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import bpy
import pytest

from genmo.genmo_blender import mapping, tracks
from genmo.genmo_blender.core.bonemap import BY_SHAPE
from genmo.genmo_blender.core.mapping_state import State
from genmo.genmo_blender.ui.mapping import ICONS
from genmo.runtime.errors import UserError
from genmo.tests.blender import rig_zoo, rigs


def rows(item: rigs.Rig) -> dict[str, str]:
    """The rows of the map as they are stored."""
    return {row.name: row.bones for row in item.genmo.bones}


def select(item: rigs.Rig, *names: str) -> None:
    """Select bones in Pose Mode."""
    rigs.CONTEXT.view_layer.objects.active = item
    bpy.ops.object.mode_set(mode="POSE")
    bpy.ops.pose.select_all(action="DESELECT")
    for name in names:
        bone = item.pose.bones[name]
        (bone if hasattr(bone, "select") else bone.bone).select = True


def test_unnamed_bones_are_mapped_by_shape_and_named_ones_by_family() -> None:
    item = rig_zoo.build("unnamed", mesh=False)
    assert bpy.ops.genmo.map_bones() == {"FINISHED"}
    assert (item.genmo.preset, mapping.label(item.genmo.preset)) == (BY_SHAPE, "By Shape")
    assert all(rows(item).values())
    states, sentences = mapping.states(item)
    assert {each.state for each in states} == {State.MAPPED}
    assert not sentences
    rig_zoo.build("mmd", mesh=False)
    assert bpy.ops.genmo.map_bones(preset=BY_SHAPE) == {"FINISHED"}
    assert mapping.label("mmd") == "MMD"


def test_selected_bones_are_taken_parents_first() -> None:
    item = rig_zoo.build("many_bones", mesh=False)
    tracks.map_bones(item)
    select(item, "upperarm02.L", "upperarm01.L")
    assert bpy.ops.genmo.bones_pick(joint="l_shoulder") == {"FINISHED"}
    assert rows(item)["l_shoulder"] == "upperarm01.L, upperarm02.L"
    select(item, "upperarm02.L")
    bpy.ops.genmo.bones_pick(joint="l_elbow")
    assert rows(item)["l_elbow"] == "upperarm02.L"
    assert rows(item)["l_shoulder"] == "upperarm01.L", "a bone belongs to one joint"
    select(item, "foot.L", "foot.R")
    with pytest.raises(RuntimeError, match="not in one line"):
        bpy.ops.genmo.bones_pick(joint="l_ankle")
    select(item)
    with pytest.raises(RuntimeError, match="Select the bones"):
        bpy.ops.genmo.bones_pick(joint="l_ankle")


@pytest.mark.parametrize("name", ["many_bones", "unnamed"])
def test_one_side_is_mapped_as_the_other(name: str) -> None:
    item = rig_zoo.build(name, mesh=False)
    tracks.map_bones(item)
    before = rows(item)
    for row in item.genmo.bones:
        if row.name.startswith("r_"):
            row.bones = ""
    assert bpy.ops.genmo.bones_mirror(side="LEFT") == {"FINISHED"}
    assert rows(item) == before
    for row in item.genmo.bones:
        if row.name.startswith("l_"):
            row.bones = ""
    assert bpy.ops.genmo.bones_mirror(side="RIGHT") == {"FINISHED"}
    assert rows(item) == before
    bpy.ops.genmo.bones_clear()
    assert not any(rows(item).values())
    with pytest.raises(RuntimeError, match="left side is mapped"):
        bpy.ops.genmo.bones_mirror(side="LEFT")


def test_a_map_travels_in_a_file(tmp_path: Path) -> None:
    item = rig_zoo.build("a_pose", mesh=False)
    tracks.map_bones(item)
    before = rows(item)
    assert bpy.ops.genmo.bone_map_export(filepath=str(tmp_path / "mine")) == {"FINISHED"}
    saved = tmp_path / "mine.json"
    assert json.loads(saved.read_text("utf-8"))["joints"]["l_hip"] == ["thigh_l"]
    other = rig_zoo.build("stubs", mesh=False)
    assert bpy.ops.genmo.bone_map_import(filepath=str(saved)) == {"FINISHED"}
    assert rows(other) == before
    assert mapping.label(other.genmo.preset) == "From File"
    alien = rig_zoo.build("mmd", mesh=False)
    with pytest.raises(RuntimeError, match="none of the bones"):
        bpy.ops.genmo.bone_map_import(filepath=str(saved))
    assert not alien.genmo.bones
    saved.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RuntimeError, match="cannot be read"):
        bpy.ops.genmo.bone_map_import(filepath=str(saved))
    with pytest.raises(RuntimeError, match="No bones are mapped"):
        bpy.ops.genmo.bone_map_export(filepath=str(tmp_path / "none"))
    assert not (tmp_path / "none.json").exists()


def test_states_follow_the_rows() -> None:
    item = rig_zoo.build("few_bones", mesh=False)
    tracks.map_bones(item)
    found = {each.joint: each for each in mapping.states(item)[0]}
    assert found["l_foot"].state is State.OPTIONAL
    assert "toes" in found["l_foot"].text
    next(row for row in item.genmo.bones if row.name == "l_knee").bones = "nix"
    found = {each.joint: each for each in mapping.states(item)[0]}
    assert found["l_knee"].state is State.WRONG
    bpy.ops.object.mode_set(mode="EDIT")
    with pytest.raises(UserError, match="Edit Mode"):
        mapping.states(item)


def test_the_icons_of_the_editor_exist() -> None:
    function: Any = bpy.types.UILayout.bl_rna.functions["label"]
    assert {*ICONS.values(), "MOD_MIRROR", "RESTRICT_SELECT_OFF", "LINKED"} <= {
        *function.parameters["icon"].enum_items.keys()
    }


def test_a_t_pose_is_stored_and_forgotten() -> None:
    item = rig_zoo.build("model", mesh=False)
    with pytest.raises(RuntimeError, match="No bone is mapped"):
        bpy.ops.genmo.use_as_t_pose()
    tracks.map_bones(item)
    item.data.pose_position = "REST"
    with pytest.raises(RuntimeError, match="rest position"):
        bpy.ops.genmo.use_as_t_pose()
    item.data.pose_position = "POSE"
    assert bpy.ops.genmo.use_as_t_pose() == {"FINISHED"}
    assert set(json.loads(item.genmo.t_pose)) == set(rows(item))
    assert bpy.ops.genmo.forget_t_pose() == {"FINISHED"}
    assert not item.genmo.t_pose


def test_a_broken_t_pose_counts_as_none() -> None:
    item = rig_zoo.build("model", mesh=False)
    tracks.map_bones(item)
    for text in ("{", "[]", '{"head": 3}', '{"head": {"turn": [1, 2], "head": [0, 0, 0]}}', '{"tail": {}}'):
        item.genmo.t_pose = text
        assert not mapping.rest_hints.of_object(item, mapping.armature.rest_pose(item), tracks.bone_map(item)).t_pose


def test_an_overridden_character_keeps_its_map(tmp_path: Path) -> None:
    rig_zoo.build("mmd", mesh=False)
    library, scene = tmp_path / "library.blend", tmp_path / "scene.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(library))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True, load_ui=False)
    libraries: Any = bpy.data.libraries
    with libraries.load(str(library), link=True) as (there, here):
        here.objects = list(there.objects)
    item = here.objects[0].override_create()
    rigs.CONTEXT.scene.collection.objects.link(item)
    rigs.CONTEXT.view_layer.objects.active = item
    assert bpy.ops.genmo.map_bones() == {"FINISHED"}
    bpy.ops.genmo.use_as_t_pose()
    before = rows(item)
    assert before["pelvis"] == "センター"
    bpy.ops.wm.save_as_mainfile(filepath=str(scene))
    bpy.ops.wm.open_mainfile(filepath=str(scene))
    item = next(each for each in bpy.data.objects if each.override_library)
    assert rows(item) == before
    assert item.genmo.t_pose
