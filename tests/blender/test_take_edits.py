"""Takes beside each other: stars, names, comparison, and what they were made from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import bpy
import pytest

from genmo.genmo_blender import collect, generation, modes, snapshot, take_ghosts, takes, tracks
from genmo.genmo_blender.core import work
from genmo.runtime.errors import MotionError
from genmo.tests.blender.characters import add_prompt, new_character
from genmo.tests.runtime.walking import walk

CONTEXT: Any = bpy.context
OPERATORS: Any = bpy.ops


def kept(target: Any, frames: int = 40, plan: str = "") -> Any:
    """A take of a walk, as if generated from what is on the tracks."""
    collected = generation.replace(collect.collect(target, CONTEXT.scene), plan=plan, tracks=snapshot.of(target))
    return takes.keep(target, walk(frames), collected, 0)


def busy_character() -> Any:
    """A character with something on every track that a script can fill."""
    target = new_character()
    add_prompt(target, "a person walks", 1, 41)
    add_prompt(target, "a person waves", 41, 81)
    target.genmo.prompts[1].mute = True
    CONTEXT.scene.frame_set(11)
    bpy.ops.genmo.key_pose_add(scope={"LEFT_ARM", "ROOT"})
    door = bpy.data.objects.new("Door", None)
    CONTEXT.scene.collection.objects.link(door)
    pin = tracks.add_pin(target, CONTEXT.scene, "r_wrist", 12, door)
    pin.use_rotation = True
    CONTEXT.scene.frame_set(1)
    path = tracks.add_path(target, CONTEXT.scene, None)
    path.waypoints[0].frame = 1
    CONTEXT.scene.frame_set(60)
    tracks.add_waypoint(target, CONTEXT.scene, path, door)
    return target


def test_the_tracks_come_back_as_they_were() -> None:
    target = busy_character()
    before, request = snapshot.of(target), collect.request_from(target, CONTEXT.scene)
    row = kept(target)
    CONTEXT.scene.genmo.seed = 77
    for track in ("prompts", "key_poses", "pins", "paths"):
        getattr(target.genmo, track).clear()
    add_prompt(target, "something else")
    assert OPERATORS.genmo.take_reopen(take=0) == {"FINISHED"}
    assert snapshot.of(target) == before
    assert collect.request_from(target, CONTEXT.scene) == request
    assert target.genmo.pins[0].target.name == "Door"
    assert CONTEXT.scene.genmo.seed == row.seed
    assert len(target.genmo.takes) == 1


def test_objects_that_are_gone_are_named() -> None:
    target = busy_character()
    kept(target)
    bpy.data.objects.remove(bpy.data.objects["Door"])
    names = snapshot.restore(target, target.genmo.takes[0].tracks)
    assert names == ["Door", "Door"]
    assert target.genmo.pins[0].target is None


def test_a_request_without_its_tracks_is_opened_too() -> None:
    target = busy_character()
    row = kept(target)
    row.tracks = ""
    request = takes.request_of(row)
    assert OPERATORS.genmo.take_reopen(take=0) == {"FINISHED"}
    assert [(prompt.text, prompt.start, prompt.stop) for prompt in target.genmo.prompts] == [("a person walks", 1, 41)]
    assert collect.request_from(target, CONTEXT.scene).keyframes == request.keyframes
    row.request = ""
    with pytest.raises(RuntimeError, match="does not know"):
        OPERATORS.genmo.take_reopen(take=0)


def test_damaged_tracks_are_a_sentence_and_nothing_is_lost() -> None:
    target = busy_character()
    row = kept(target)
    before = snapshot.of(target)
    for damaged in ("{", "[]", '{"prompts": 3}', "2:nothing"):
        row.tracks = damaged
        with pytest.raises(MotionError, match="damaged"):
            snapshot.restore(target, row.tracks)
        assert snapshot.of(target) == before


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (work.Plan(), {"mode": "NEW"}),
        (work.Plan(work.Mode.RANGE, 5, 9, text="jump"), {"mode": "RANGE", "start": 5, "stop": 9, "text": "jump"}),
        (work.Plan(work.Mode.LAYER, 5, 9, modes.SCOPES["TORSO"][1]), {"mode": "LAYER", "parts": {"TORSO"}}),
        (work.Plan(work.Mode.EXTEND, 41, 71), {"mode": "EXTEND", "frames": 30}),
        (work.Plan(work.Mode.LOOP, 1, 34), {"mode": "LOOP", "length": 32, "in_place": False}),
        (work.Plan(source="Take 1", strength=0.25), {"mode": "VARY", "strength": 0.25}),
    ],
)
def test_reopening_restores_the_work_mode(plan: work.Plan, expected: dict[str, object]) -> None:
    target = new_character()
    add_prompt(target)
    kept(target, plan=plan.to_text())
    OPERATORS.genmo.take_reopen()
    settings = CONTEXT.scene.genmo.work
    assert {name: getattr(settings, name) for name in expected} == expected


def test_stars_names_and_clearing() -> None:
    target = new_character()
    add_prompt(target)
    for _ in range(3):
        kept(target, 4)
    OPERATORS.genmo.take_star(take=1)
    assert [row.starred for row in target.genmo.takes] == [False, True, False]
    OPERATORS.genmo.take_rename(take=1, name="  Good   one ")
    OPERATORS.genmo.take_rename(take=2, name="Good one")
    OPERATORS.genmo.take_rename(take=0, name="")
    assert [row.name for row in target.genmo.takes] == ["Take 1", "Good one", "Good one 2"]
    OPERATORS.genmo.takes_clear()
    assert [row.name for row in target.genmo.takes] == ["Good one"]
    OPERATORS.genmo.take_star(take=0)
    OPERATORS.genmo.takes_clear()
    assert not target.genmo.takes


def test_comparing_shows_one_and_then_the_other_and_touches_nothing() -> None:
    target = new_character()
    add_prompt(target)
    with pytest.raises(RuntimeError, match="two takes"):
        OPERATORS.genmo.take_compare()
    kept(target)
    kept(target, 30)
    bpy.ops.genmo.apply_motion(take=0)
    action = target.animation_data.action
    seen = []
    for _ in range(3):
        assert OPERATORS.genmo.take_compare(take=1, other=0) == {"FINISHED"}
        ghosts = take_ghosts.shown()
        seen.append([ghost["genmo_take"] for ghost in ghosts if not ghost.hide_viewport])
        assert len(ghosts) == 2
    assert seen == [["Take 2"], ["Take 1"], ["Take 2"]]
    assert target.animation_data.action == action
    with pytest.raises(RuntimeError, match="different"):
        OPERATORS.genmo.take_compare(take=0, other=0)
    bpy.ops.genmo.preview_clear()
    assert not take_ghosts.shown()
    assert [each for each in bpy.data.actions if each.users] == [action]


def test_a_ghost_of_a_change_shows_the_whole_action() -> None:
    target = new_character()
    add_prompt(target, stop=81)
    kept(target, 80)
    bpy.ops.genmo.apply_motion(take=0)
    kept(target, 80, work.Plan(work.Mode.RANGE, 30, 50, merge=True).to_text())
    action = target.animation_data.action
    assert bpy.ops.genmo.take_preview(take=1) == {"FINISHED"}
    (ghost,) = take_ghosts.shown()
    assert tuple(ghost.animation_data.action.frame_range) == (1, 80)
    assert target.animation_data.action == action


def test_a_take_goes_to_the_nla() -> None:
    target = new_character()
    add_prompt(target)
    kept(target)
    assert OPERATORS.genmo.apply_motion(take=0, mode="NLA") == {"FINISHED"}
    (track,) = [track for track in target.animation_data.nla_tracks if track.strips]
    assert (track.strips[0].frame_start, track.strips[0].frame_end) == (1, 40)


def test_everything_of_a_take_survives_saving(tmp_path: Path) -> None:
    target = busy_character()
    row = kept(target, plan=work.Plan(work.Mode.RANGE, 5, 9, merge=True, text="ü").to_text())
    row.starred = True
    OPERATORS.genmo.take_rename(take=0, name="Best")
    names = ("name", "starred", "plan", "tracks", "request", "data", "numbers", "key_frames", "seed", "start", "frames")
    before = {name: getattr(row, name) for name in names}
    request = takes.request_of(row)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "takes.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "takes.blend"))
    row = bpy.data.objects["GENMO Character"].genmo.takes[0]
    assert {name: getattr(row, name) for name in names} == before
    assert takes.request_of(row) == request
    CONTEXT.view_layer.objects.active = bpy.data.objects["GENMO Character"]
    assert OPERATORS.genmo.take_reopen(take=0) == {"FINISHED"}


def test_ten_seconds_of_a_change_are_small_in_the_file() -> None:
    target = new_character()
    add_prompt(target, stop=301)
    kept(target, 300)
    bpy.ops.genmo.apply_motion(take=0)
    settings = modes.Settings(source="FRAMES", start=100, stop=160, parts=frozenset({"RIGHT_ARM"}))
    for mode, most in ((work.Mode.RANGE, 20_000), (work.Mode.LAYER, 60_000)):
        collected = modes.collected(mode, target, CONTEXT.scene, settings)
        row = takes.keep(target, walk(collected.request.frames), collected, 0)
        assert len(row.request) < most
        assert json.loads(takes.unpack_text(row.request))["held"]
    assert len(target.genmo.takes[0].data) < 40_000
