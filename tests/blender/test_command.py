"""`blender --command genmo`: verbs, exit codes, one sentence on stderr, nothing written when it fails."""

import json
from pathlib import Path

import bpy
import pytest

from genmo.genmo_blender import command, takes
from genmo.tests.blender.characters import TINY, add_prompt, new_character
from genmo.tests.blender.test_marks import animated
from genmo.tests.blender.test_pins import animate, empty


def generate(*words: object) -> int:
    return command.run(["generate", "--armature", "GENMO Character", "--pack", str(TINY), *map(str, words)])


def test_the_tracks_of_the_scene_are_generated_and_saved(tmp_path: Path) -> None:
    target = new_character()
    add_prompt(target)
    assert generate("--from-scene", "--save", tmp_path / "out.blend", "--seed", 7) == 0
    assert [item.name for item in tmp_path.iterdir()] == ["out.blend"]
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "out.blend"))
    saved = bpy.data.objects["GENMO Character"]
    assert saved.genmo.takes[0].seed == 7
    assert tuple(saved.animation_data.action.frame_range) == pytest.approx((1, 40))


def test_a_request_from_a_file(tmp_path: Path) -> None:
    new_character()
    bpy.context.scene.frame_start = 101
    document = {"frames": 30, "prompts": [{"text": "a person waves", "start": 0, "stop": 30}], "sampling": {"steps": 2}}
    (tmp_path / "request.json").write_text(json.dumps(document))
    assert generate("--request", tmp_path / "request.json", "--save", tmp_path / "out.blend") == 0
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "out.blend"))
    action = bpy.data.objects["GENMO Character"].animation_data.action
    assert action.name == "a person waves"
    assert tuple(action.frame_range) == pytest.approx((101, 130))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--save", "out.txt"], ".blend"),
        (["--save", "out.blend", "--request", "nowhere.json"], "nowhere.json"),
        (["--save", "out.blend", "--pack", "nowhere"], "nowhere"),
        (["--save", "out.blend", "--seed", "-1"], "seed"),
        (["--save", "nowhere/out.blend"], "nowhere"),
        (["--frobnicate"], "--save"),
        (["--save", "out.blend", "--armature", "Nobody"], "GENMO Character"),
    ],
)
def test_bad_input_is_one_sentence(
    words: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    add_prompt(new_character())
    capsys.readouterr()
    assert generate(*words) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1
    assert "Traceback" not in error
    assert not list(tmp_path.iterdir())


def test_the_other_verbs_are_the_runtimes(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.run(["packs", str(TINY)]) == 0
    assert "tiny" in capsys.readouterr().out
    assert command.run(["frobnicate"]) == 2


def test_marked_keys_and_moving_pins_are_read_headless(tmp_path: Path) -> None:
    target = animated()
    handle = empty(location=(0.3, -0.3, 1.1))
    animate(handle, (1, 21), ((0.3, -0.3, 1.1), (0.5, -0.3, 1.3)))
    bpy.context.scene.frame_set(5)
    bpy.ops.genmo.key_poses_mark(where="ALL")
    bpy.ops.genmo.pin_add(joint="l_wrist", target="Handle", frames=10)
    target.genmo.key_poses[1].mute = True
    assert generate("--from-scene", "--save", tmp_path / "out.blend") == 0
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "out.blend"))
    saved, scene = bpy.data.objects["GENMO Character"], bpy.context.scene
    request = takes.request_of(saved.genmo.takes[0])
    assert request is not None
    assert [key.frame for key in request.keyframes] == [0, 20]
    assert len(request.pins) == 10
    for frame in range(5, 15):
        scene.frame_set(frame)
        wrist = saved.matrix_world @ saved.pose.bones["l_wrist"].head
        assert (wrist - bpy.data.objects["Handle"].matrix_world.translation).length < 1e-3
