"""The Quality panel: numbers and faults of takes and of any action, the same as the command line's; repairs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest

from genmo.evaluation.planting import PLANTS, flat_span
from genmo.genmo_blender import fault_marks, judging, library_actions, takes
from genmo.genmo_blender.core.strips import View
from genmo.genmo_blender.ui import quality as panel
from genmo.runtime.cli import main
from genmo.runtime.motion import Motion, save_motion
from genmo.runtime.quality import faults
from genmo.tests.blender.characters import new_character
from genmo.tests.blender.layouts import Sheet, context_of
from genmo.tests.blender.rigs import mixamo_like
from genmo.tests.runtime.clip_folder import waving
from genmo.tests.runtime.walking import walk


def planted(kind: str) -> Motion:
    """A walk with a fault."""
    motion = waving(walk(90), 60.0, 0.5)
    span = flat_span(motion)
    assert span is not None
    return PLANTS[kind](motion, span)


def test_the_numbers_of_a_take_are_those_of_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = takes.keep_clip(new_character(), planted("knee"), "Walk", 1)
    save_motion(takes.motion_of(row), tmp_path / "take.npz")
    assert main(["metrics", "--json", str(tmp_path / "take.npz")]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    numbers = json.loads(row.numbers)
    assert numbers.pop("faults") == told["faults"] != []
    assert numbers == pytest.approx(told["metrics"], rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("make", [new_character, mixamo_like])
def test_an_action_of_any_rig_is_measured_through_the_map(make: Callable[[], Any]) -> None:
    rig = make()
    scene = bpy.context.scene
    scene.render.fps, scene.genmo.cleanup = 30, False
    bpy.ops.genmo.map_bones()
    takes.apply(rig, scene, takes.keep_clip(rig, planted("sink"), "Sunk", 11))
    rig.genmo.takes.clear()
    playing = rig.animation_data.action
    assert bpy.ops.genmo.quality_measure() == {"FINISHED"}
    judged = judging.shown(rig, scene)
    assert judged is not None
    assert (judged.name, judged.is_take, rig.animation_data.action) == (playing.name, False, playing)
    wish = next(fault for fault in faults(planted("sink")) if fault.kind == "sink")
    found = next(span for span in judged.spans if span[0].kind == "sink")
    assert abs(found[1] - (11 + wish.start)) <= 2
    assert abs(found[2] - (11 + wish.stop)) <= 2
    bpy.ops.genmo.quality_jump(frame=found[3])
    assert scene.frame_current == found[3]
    assert bpy.ops.genmo.quality_take() == {"FINISHED"}
    assert judging.shown(rig, scene) is None


def test_fixing_a_take_makes_a_new_one_without_the_fault() -> None:
    target, scene = new_character(), bpy.context.scene
    row = takes.keep_clip(target, planted("slide"), "Walk", 5)
    before = row.data
    judged = judging.shown(target, scene)
    assert judged is not None
    assert [span[0].kind for span in judged.spans] == ["slide"]
    assert bpy.ops.genmo.quality_fix(number=0) == {"FINISHED"}
    assert [each.name for each in target.genmo.takes] == ["Walk", "Walk, fixed"]
    assert target.genmo.takes[0].data == before
    assert judging.faults_of(target.genmo.takes[1].numbers) == ()
    assert target.animation_data.action.frame_range[0] == 5
    with pytest.raises(RuntimeError, match="no such fault"):
        bpy.ops.genmo.quality_fix(number=0)


def test_fixing_an_action_leaves_its_other_frames_and_keeps_the_old_one() -> None:
    target, scene = new_character(), bpy.context.scene
    takes.apply(target, scene, takes.keep_clip(target, planted("knee"), "Walk", 1))
    old = target.animation_data.action
    bpy.ops.genmo.quality_measure()
    number, span = next(each for each in enumerate(judging.shown(target, scene).spans) if each[1][0].kind == "knee")
    before = library_actions.motion_of(target, scene, None)
    assert bpy.ops.genmo.quality_fix(number=number) == {"FINISHED"}
    after = library_actions.motion_of(target, scene, None)
    assert "knee" not in {fault.kind for fault in faults(after)}
    away = np.r_[0 : max(span[1] - 1 - 8, 0), span[2] + 8 : before.frames]
    np.testing.assert_allclose(after.positions[away], before.positions[away], atol=1e-5)
    assert target.animation_data.action != old
    assert old.name in bpy.data.actions
    assert old.use_fake_user


def test_what_cannot_be_measured_is_a_sentence() -> None:
    target = new_character()
    with pytest.raises(RuntimeError, match="has no action"):
        bpy.ops.genmo.quality_measure()
    with pytest.raises(RuntimeError, match="no such fault"):
        bpy.ops.genmo.quality_fix(number=0)
    assert judging.shown(target, bpy.context.scene) is None
    assert judging.faults_of("broken") == judging.faults_of("{}") == judging.faults_of("[1]") == ()


def test_faults_are_marked_on_the_timeline() -> None:
    target, scene = new_character(fps=60), bpy.context.scene
    assert judging.marks(scene, target) == judging.marks(scene, None) == ()
    row = takes.keep_clip(target, planted("knee"), "Walk", 1)
    (fault,) = judging.faults_of(row.numbers)
    assert judging.marks(scene, target) == ((1 + 2 * fault.start, 2 + 2 * (fault.stop - 1), fault.severity),)
    points, colours = fault_marks.corners(((10, 20, 2.0), (30, 31, 9.0)), View(0.0, 2.0, 500.0, 20.0, 80.0))
    assert (points.shape, colours.shape) == ((12, 3), (12, 4))
    assert (points[:6, 0].min(), points[:6, 0].max()) == (19.0, 39.0)
    assert points[:, 1].max() == 80.0
    assert colours[6, 3] == 1.0 > colours[0, 3]


def test_the_panel_lists_faults() -> None:
    target = new_character()
    takes.keep_clip(target, planted("jitter"), "Shaky", 1)
    sheet = Sheet()
    panel.GENMO_PT_quality.draw_character(sheet, sheet.layout, context_of(bpy.context), target)
    assert "Shaky" in sheet.words
    assert any(word.startswith("Jitter, 1 to ") for word in sheet.words)
    assert "Fix" in sheet.words
    assert "Foot Skate" in sheet.words
