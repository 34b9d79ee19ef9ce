"""`blender --command genmo`: verbs, exit codes, one sentence on stderr, nothing written when it fails."""

import json
from pathlib import Path

import bpy
import pytest

from genmo.genmo_blender import command
from genmo.tests.blender.characters import TINY, add_prompt, new_character


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
