"""Tracks are saved with the file and survive loading."""

from pathlib import Path

import bpy
import pytest

from genmo.tests.blender.characters import add_prompt, new_character, turn


def test_tracks_survive_saving_and_loading(tmp_path: Path) -> None:
    target = new_character()
    add_prompt(target)
    turn(target, "l_elbow", (0.8, 0.6, 0.0, 0.0))
    bpy.ops.genmo.key_pose_add(scope={"LEFT_ARM", "ROOT"})
    bpy.ops.genmo.pin_add(joint="r_wrist", frames=7)
    bpy.ops.genmo.path_add()
    rotations = [tuple(row) for row in target.genmo.key_poses[0].rotations]
    place = tuple(target.genmo.pins[0].position)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "tracks.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "tracks.blend"))
    state = bpy.data.objects["GENMO Character"].genmo
    assert (state.prompts[0].text, state.prompts[0].start, state.prompts[0].stop) == ("a person walks forward", 1, 41)
    assert state.key_poses[0].scope == {"LEFT_ARM", "ROOT"}
    assert [tuple(row) for row in state.key_poses[0].rotations] == rotations
    assert all(state.key_poses[0].known)
    assert tuple(state.pins[0].position) == place
    assert (state.pins[0].start, state.pins[0].stop) == (1, 8)
    assert len(state.paths[0].waypoints) == 1
    assert bpy.context.scene.genmo.steps == 2


def test_a_file_is_opened_and_saved_without_the_add_on_and_loses_nothing(tmp_path: Path) -> None:
    path = str(tmp_path / "tracks.blend")
    target = new_character()
    add_prompt(target)
    target.genmo.prompts[0].colour = (1.0, 0.0, 0.0)
    target.genmo.music.add().name = "song"
    bpy.ops.genmo.pin_add(joint="r_wrist", frames=7)
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.preferences.addon_disable(module="genmo")
    try:
        bpy.ops.wm.open_mainfile(filepath=path)
        bpy.context.scene.frame_set(7)
        assert not hasattr(bpy.data.objects["GENMO Character"], "genmo")
        bpy.ops.wm.save_as_mainfile(filepath=path)
    finally:
        bpy.ops.preferences.addon_enable(module="genmo")
    bpy.ops.wm.open_mainfile(filepath=path)
    state = bpy.data.objects["GENMO Character"].genmo
    assert (state.prompts[0].text, state.prompts[0].stop) == ("a person walks forward", 41)
    assert tuple(state.prompts[0].colour) == (1.0, 0.0, 0.0)
    assert state.music[0].name == "song"
    assert (state.pins[0].joint, state.pins[0].stop) == ("r_wrist", 8)


def test_seeds_that_int_properties_cannot_hold_are_clamped() -> None:
    settings = bpy.context.scene.genmo
    settings.seed = 2**31 - 1
    assert settings.seed == 2**31 - 1
    with pytest.raises((ValueError, OverflowError)):
        settings.seed = 2**31
    settings.samples = 99
    assert settings.samples == 16
