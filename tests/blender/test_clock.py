"""Scenes with other frame rates, another first frame, a divided rate or a playhead between frames: everything lands
on its frame, from the tracks over the request to the applied action."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from genmo.genmo_blender import bake, collect
from genmo.tests.blender.characters import add_prompt, new_character, turn

CLOCKS = [(24, 1.0), (24, 1.001), (25, 1.0), (30, 1.0), (30, 1.001), (60, 1.0), (12, 0.5)]


def character(fps: int, base: float, first: int) -> bpy.types.Object:
    scene = bpy.context.scene
    target = new_character(fps=fps)
    scene.render.fps_base = base
    scene.frame_start, scene.frame_end = first, first + 99
    scene.frame_set(first)
    return target


def rate() -> float:
    return bpy.context.scene.render.fps / bpy.context.scene.render.fps_base


@pytest.mark.parametrize(("fps", "base"), CLOCKS)
@pytest.mark.parametrize("first", [-20, 0, 1, 1001])
def test_ranges_last_as_long_for_the_model_as_in_the_scene(fps: int, base: float, first: int) -> None:
    target = character(fps, base, first)
    add_prompt(target, "walk", first, first + 40)
    add_prompt(target, "jump", first + 40, first + 100)
    song = target.genmo.music.add()
    song.path, song.start, song.stop = "song.wav", first + 10, first + 90
    made = collect.request_from(target, bpy.context.scene)
    seconds = np.array([40, 100, 10, 90]) / rate()
    walk, jump = made.prompts
    found = np.array([walk.stop, jump.stop, made.music[0].start, made.music[0].stop]) / made.fps
    assert np.abs(found - seconds).max() <= 0.5 / made.fps + 1e-9
    assert walk.start == 0
    assert walk.stop == jump.start
    assert abs(made.frames / made.fps - 100 / rate()) <= 0.5 / made.fps + 1e-9


@pytest.mark.parametrize(("fps", "base", "first"), [(24, 1.001, 101), (25, 1.0, 0), (60, 1.0, -30)])
def test_the_action_lies_where_the_tracks_lie_and_passes_its_keys_on_their_frames(
    fps: int, base: float, first: int
) -> None:
    target = character(fps, base, first)
    add_prompt(target, "a person walks", first, first + 60)
    frames = (first, first + 17, first + 41)
    bends = {frame: (1.0, 0.1 * (index + 1), 0.0, 0.0) for index, frame in enumerate(frames)}
    for frame, bend in bends.items():
        bpy.context.scene.frame_set(frame)
        turn(target, "l_elbow", tuple(np.array(bend) / np.linalg.norm(bend)))
        bpy.ops.genmo.key_pose_add(scope={"LEFT_ARM"})
    bpy.ops.genmo.generate(wait=True)
    action = target.animation_data.action
    assert action.frame_range[0] == first
    assert action.frame_range[1] == pytest.approx(first + 59, abs=1)
    keyed = {point.co.x for curve in bake.curves_of(action) for point in curve.keyframe_points}
    assert all(frame == round(frame) for frame in keyed)
    for frame, bend in bends.items():
        bpy.context.scene.frame_set(frame)
        shown = np.array(target.pose.bones["l_elbow"].rotation_quaternion)
        assert abs(shown @ np.array(bend) / np.linalg.norm(bend)) == pytest.approx(1.0, abs=1e-6)


def test_a_playhead_between_frames_means_the_frame_before() -> None:
    target = character(24, 1.0, 1)
    bpy.context.scene.frame_set(20, subframe=0.75)
    bpy.ops.genmo.prompt_add()
    assert target.genmo.prompts[0].start == 20
    bpy.ops.genmo.strip_select(index=0)
    bpy.ops.genmo.strip_move(frames=-10)
    bpy.ops.genmo.strip_split()
    assert [(row.start, row.stop) for row in target.genmo.prompts] == [(10, 20), (20, 58)]
