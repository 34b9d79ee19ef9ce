"""The work modes on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import pytest

from genmo.genmo_blender import command
from genmo.genmo_blender.core import work
from genmo.tests.blender.characters import TINY, add_prompt, new_character

NAME = "GENMO Character"


def generate(*words: object) -> int:
    return command.run(["generate", "--armature", NAME, "--pack", str(TINY), *map(str, words)])


def animated() -> Any:
    target = new_character()
    add_prompt(target, stop=61)
    bpy.ops.genmo.generate(wait=True)
    return target


def saved(path: Path) -> tuple[Any, work.Plan]:
    bpy.ops.wm.open_mainfile(filepath=str(path))
    target = bpy.data.objects[NAME]
    return target, work.plan_from(target.genmo.takes[-1].plan)


@pytest.mark.parametrize(
    ("words", "plan", "last"),
    [
        (["--mode", "range", "--start", "20", "--stop", "40", "--prompt", "jump"], ("RANGE", 20, 40, "jump"), 60),
        (["--mode", "extend", "--frames", "15"], ("EXTEND", 61, 76, ""), 75),
        (["--mode", "loop", "--frames", "30", "--in-place"], ("LOOP", 1, 32, ""), 31),
        (["--mode", "pose", "--frame", "7", "--prompt", "sit"], ("POSE", 7, 8, "sit"), 60),
        (
            ["--mode", "layer", "--start", "20", "--stop", "40", "--parts", "left-arm", "torso"],
            ("LAYER", 20, 40, ""),
            60,
        ),
        (["--mode", "vary", "--take", "0", "--strength", "0.2"], ("NEW", 0, 0, ""), 60),
    ],
)
def test_every_mode_runs_headless(words: list[str], plan: tuple[object, ...], last: int, tmp_path: Path) -> None:
    animated()
    assert generate(*words, "--save", tmp_path / "out.blend") == 0
    target, found = saved(tmp_path / "out.blend")
    assert (found.mode, found.start, found.stop, found.text) == plan
    assert target.animation_data.action.frame_range[1] == last
    assert len(target.genmo.takes) == 2


def test_filling_in_between_headless(tmp_path: Path) -> None:
    new_character()
    for frame in (5, 30):
        bpy.context.scene.frame_set(frame)
        bpy.ops.genmo.key_pose_add()
    assert generate("--mode", "in-between", "--save", tmp_path / "out.blend") == 0
    target, plan = saved(tmp_path / "out.blend")
    assert plan.mode is work.Mode.BETWEEN
    assert tuple(target.animation_data.action.frame_range) == (5, 30)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--mode", "range", "--start", "20"], "belong together"),
        (["--mode", "extend", "--frames", "0"], "at least 1"),
        (["--mode", "vary", "--strength", "2"], "from 0 to 1"),
        (["--mode", "layer", "--parts", "tail"], "'tail'"),
        (["--mode", "extend"], "no action"),
        (["--mode", "spin"], "invalid choice"),
    ],
)
def test_bad_settings_are_one_sentence(
    words: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add_prompt(new_character())
    capsys.readouterr()
    assert generate(*words, "--save", tmp_path / "out.blend") == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())
