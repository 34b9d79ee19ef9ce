"""The apply settings of a character, and the same in the redo panel of genmo.apply_motion."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np
import pytest

from genmo.genmo_blender import applying, armature, bake, properties_apply, takes, tracks
from genmo.genmo_blender.core.output import UPPER_BODY
from genmo.genmo_blender.core.packing import pack
from genmo.tests.blender.characters import new_character
from genmo.tests.core.bodies import walking


def with_take() -> Any:
    """A character with one take."""
    target: Any = new_character()
    motion = walking(30)
    row = tracks.add(target, "takes")
    row.name, row.start, row.frames, row.fps, row.data = "Take 1", 1, motion.frames, motion.fps, pack(motion)
    return target


def counts(action: Any) -> list[int]:
    """Number of keys of each curve."""
    return [len(curve.keyframe_points) for curve in bake.curves_of(action)]


def test_the_operator_takes_what_it_is_not_told_from_the_character() -> None:
    target = with_take()
    assert bpy.ops.genmo.apply_motion() == {"FINISHED"}
    assert set(counts(target.animation_data.action)) == {30}
    target.genmo.apply.keys = "SPARSE"
    assert bpy.ops.genmo.apply_motion() == {"FINISHED"}
    assert np.mean(counts(target.animation_data.action)) < 20
    assert bpy.ops.genmo.apply_motion(keys="DENSE", body="UPPER") == {"FINISHED"}
    action = target.animation_data.action
    assert set(counts(action)) == {30}
    assert len(counts(action)) == 4 * len(UPPER_BODY)
    assert target.genmo.apply.body == "ALL"


def test_a_range_is_merged_by_the_operator() -> None:
    target = with_take()
    assert bpy.ops.genmo.apply_motion() == {"FINISHED"}
    action = target.animation_data.action
    assert bpy.ops.genmo.apply_motion(mode="MERGE", use_range=True, range_start=10, range_stop=20, blend_in=3) == {
        "FINISHED"
    }
    assert set(counts(target.animation_data.action)) == {30}
    assert target.animation_data.action is action
    with pytest.raises(RuntimeError, match="nothing in the range"):
        bpy.ops.genmo.apply_motion(use_range=True, range_start=500, range_stop=600)


def test_metres_and_legs() -> None:
    target = with_take()
    bone_map = tracks.bone_map(target)
    settings = target.genmo.apply
    target.scale = (2.0, 2.0, 2.0)
    bpy.context.view_layer.update()
    size = armature.target(target, bone_map, probe=False).size * armature.metres(target)
    legs = applying.options_of(settings, target, bone_map, root_scale=1.0, cleanup=True)
    settings.travel = "METRES"
    metres = applying.options_of(settings, target, bone_map, root_scale=1.0, cleanup=True)
    assert legs.root_scale == 1.0
    assert metres.root_scale == pytest.approx(1.0 / size)
    assert size == pytest.approx(2.0, rel=0.1)


def test_selected_bones_only() -> None:
    target = with_take()
    target.genmo.apply.body = "SELECTED"
    bpy.ops.object.mode_set(mode="POSE")
    bpy.ops.pose.select_all(action="DESELECT")
    with pytest.raises(RuntimeError, match="Nothing is left"):
        bpy.ops.genmo.apply_motion()
    bpy.ops.pose.select_all(action="SELECT")
    assert bpy.ops.genmo.apply_motion() == {"FINISHED"}
    assert set(properties_apply.SETTINGS) >= {"mode", "body", "root", "keys"}
    assert takes.title(target.genmo.takes[0]) == "Take 1"
