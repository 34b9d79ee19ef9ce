"""The operators as scripts and buttons use them, with the real worker and a tiny random model."""

import bpy
import numpy as np
import pytest

from genmo.genmo_blender import armature, generation, tracks
from genmo.runtime import rotation
from genmo.tests.blender.characters import add_prompt, new_character, turn


def test_prompts_are_added_at_the_playhead_up_to_the_next_one() -> None:
    target = new_character()
    add_prompt(target, start=41, stop=80)
    bpy.context.scene.frame_set(21)
    bpy.ops.genmo.prompt_add(text="a person jumps")
    prompt = target.genmo.prompts[1]
    assert (prompt.text, prompt.start, prompt.stop) == ("a person jumps", 21, 41)
    bpy.context.scene.frame_set(101)
    bpy.ops.genmo.prompt_add()
    assert (target.genmo.prompts[2].start, target.genmo.prompts[2].stop) == (101, 161)
    bpy.ops.genmo.prompt_remove(index=0)
    assert [row.start for row in target.genmo.prompts] == [21, 101]


def test_prompts_from_markers() -> None:
    target = new_character()
    scene = bpy.context.scene
    scene.frame_end = 200
    for name, frame in (("a person turns", 90), ("a person walks", 10)):
        scene.timeline_markers.new(name, frame=frame)
    bpy.ops.genmo.prompts_from_markers()
    found = [(row.text, row.start, row.stop) for row in target.genmo.prompts]
    assert found == [("a person walks", 10, 90), ("a person turns", 90, 201)]
    scene.timeline_markers.clear()
    with pytest.raises(RuntimeError, match="no markers"):
        bpy.ops.genmo.prompts_from_markers()


def test_the_same_key_pose_twice_is_one() -> None:
    target = new_character()
    bpy.ops.genmo.key_pose_add()
    turn(target, "l_elbow", (0.8, 0.6, 0.0, 0.0))
    bpy.ops.genmo.key_pose_add()
    assert len(target.genmo.key_poses) == 1
    bpy.context.scene.frame_set(9)
    bpy.ops.genmo.key_pose_jump()
    assert bpy.context.scene.frame_current == 1
    bpy.ops.genmo.key_pose_remove()
    assert not target.genmo.key_poses
    with pytest.raises(RuntimeError, match="no key pose"):
        bpy.ops.genmo.key_pose_update()


def test_the_body_mesh_stands_for_its_armature() -> None:
    target = new_character()
    bpy.context.view_layer.objects.active = next(item for item in bpy.data.objects if item.type == "MESH")
    bpy.ops.genmo.prompt_add()
    assert len(target.genmo.prompts) == 1


def test_generate_makes_takes_and_applies_the_first() -> None:
    target = new_character(fps=24)
    add_prompt(target)
    bpy.context.scene.genmo.samples = 2
    bpy.context.scene.genmo.seed = 5
    bpy.context.scene.genmo.new_seed = True
    before = bpy.context.scene.frame_current, bpy.context.scene.frame_end, target.mode
    assert bpy.ops.genmo.generate(wait=True) == {"FINISHED"}
    assert [(row.seed, row.sample) for row in target.genmo.takes] == [(5, 0), (5, 1)]
    assert target.genmo.takes[0].data != target.genmo.takes[1].data
    assert tuple(target.animation_data.action.frame_range) == pytest.approx((1, 40), abs=1)
    assert (bpy.context.scene.frame_current, bpy.context.scene.frame_end, target.mode) == before
    assert bpy.context.scene.genmo.seed == 6
    assert generation.running() is None


@pytest.mark.parametrize("fps", [24, 30, 60])
def test_key_poses_are_met_on_the_rig(fps: int) -> None:
    """The promise of the whole way: pose -> request -> model -> retarget -> action -> pose."""
    target = new_character(fps=fps)
    add_prompt(target, start=1, stop=61)
    bends = {7: (0.9, 0.3, 0.1, 0.2), 40: (0.8, 0.0, 0.6, 0.0)}
    heads = {}
    for frame, bend in bends.items():
        bpy.context.scene.frame_set(frame)
        turn(target, "l_shoulder", bend)
        turn(target, "r_knee", (0.95, 0.312, 0.0, 0.0))
        bpy.ops.genmo.key_pose_add()
        heads[frame] = {bone.name: np.array(bone.head) for bone in target.pose.bones}
    bpy.ops.genmo.generate(wait=True)
    mapping = tracks.bone_map(target)
    for row in target.genmo.key_poses:
        bpy.context.scene.frame_set(row.frame)
        found = {bone.name: np.array(bone.head) for bone in target.pose.bones}
        worst = max(np.linalg.norm(found[name] - heads[row.frame][name]) for name in found)
        assert worst < 0.001
        pose = armature.read_pose(target, mapping)
        kept = rotation.normalize(np.array([tuple(value) for value in row.rotations]))
        assert np.degrees(rotation.angle(pose.rotations, kept)).max() < 0.1


def test_an_impossible_request_is_refused_with_a_sentence() -> None:
    target = new_character()
    with pytest.raises(RuntimeError, match="Nothing is asked for"):
        bpy.ops.genmo.generate(wait=True)
    add_prompt(target)
    target.genmo.bones.clear()
    with pytest.raises(RuntimeError, match="not mapped"):
        bpy.ops.genmo.generate(wait=True)
    assert generation.running() is None
    assert bpy.ops.genmo.map_bones() == {"FINISHED"}
    assert bpy.ops.genmo.generate(wait=True) == {"FINISHED"}


def test_cancel_answers_at_once_and_changes_nothing() -> None:
    target = new_character()
    add_prompt(target, stop=601)
    bpy.context.scene.genmo.steps = 1000
    generation.begin(target, bpy.context.scene)
    assert not bpy.ops.genmo.generate.poll()
    assert bpy.ops.genmo.cancel() == {"FINISHED"}
    assert generation.running() is None
    assert not target.genmo.takes
    assert generation.deliver() == "Cancelled"
    assert not bpy.ops.genmo.cancel.poll()


def test_a_renamed_character_still_gets_its_motion() -> None:
    target = new_character()
    add_prompt(target)
    generation.begin(target, bpy.context.scene)
    target.name = "Somebody"
    generation.wait()
    assert "Somebody" in generation.deliver()
    assert len(target.genmo.takes) == 1


def test_a_deleted_character_is_a_sentence() -> None:
    target = new_character()
    add_prompt(target)
    generation.begin(target, bpy.context.scene)
    bpy.data.objects.remove(target)
    generation.wait()
    with pytest.raises(generation.UserError, match="was deleted"):
        generation.deliver()
    assert generation.deliver() == "Cancelled"


def test_opening_another_file_cancels_the_job() -> None:
    target = new_character()
    add_prompt(target, stop=601)
    bpy.context.scene.genmo.steps = 1000
    generation.begin(target, bpy.context.scene)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True, load_ui=False)
    assert generation.running() is None
