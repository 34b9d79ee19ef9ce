"""The user's scene is put back as it was."""

from __future__ import annotations

import bpy
import pytest

from genmo.genmo_blender import workspace
from genmo.tests.blender import rigs


def state() -> tuple:
    """All that must come back."""
    layer = rigs.CONTEXT.view_layer
    active = layer.objects.active
    return (
        active.name if active else None,
        active.mode if active else None,
        sorted(item.name for item in layer.objects if item.select_get()),
        rigs.CONTEXT.scene.frame_current,
        rigs.CONTEXT.scene.frame_subframe,
    )


@pytest.fixture
def scene() -> rigs.Rig:
    """Two rigs; the first is active and in Pose Mode, an empty is selected too."""
    first, second = rigs.mixamo_like(), rigs.genmo_like()
    empty = bpy.data.objects.new("Empty", None)
    rigs.CONTEXT.scene.collection.objects.link(empty)
    second.select_set(False)
    first.select_set(True)
    empty.select_set(True)
    rigs.CONTEXT.view_layer.objects.active = first
    bpy.ops.object.mode_set(mode="POSE")
    rigs.CONTEXT.scene.frame_set(7, subframe=0.5)
    return second


def test_everything_comes_back(scene: rigs.Rig) -> None:
    before = state()
    with workspace.preserved(rigs.CONTEXT):
        bpy.ops.object.mode_set(mode="OBJECT")
        rigs.CONTEXT.view_layer.objects.active = scene
        scene.select_set(True)
        bpy.data.objects["Empty"].select_set(False)
        rigs.CONTEXT.scene.frame_set(99)
    assert state() == before


def test_another_objects_edit_mode(scene: rigs.Rig) -> None:
    before = state()
    with workspace.in_mode(rigs.CONTEXT, scene, "EDIT"):
        assert scene.mode == "EDIT"
        assert rigs.CONTEXT.view_layer.objects.active is scene
    assert state() == before


def test_after_an_error_too(scene: rigs.Rig) -> None:
    before = state()
    with pytest.raises(ValueError, match="oops"), workspace.in_mode(rigs.CONTEXT, scene, "POSE"):
        raise ValueError("oops")
    assert state() == before


def test_a_deleted_active_object_is_survived(scene: rigs.Rig) -> None:
    with workspace.preserved(rigs.CONTEXT):
        bpy.ops.object.mode_set(mode="OBJECT")
        bpy.data.objects.remove(rigs.CONTEXT.view_layer.objects.active)
    assert rigs.CONTEXT.view_layer.objects.active is None


def test_nothing_active() -> None:
    before = state()
    with workspace.preserved(rigs.CONTEXT):
        rigs.mixamo_like()
    assert state() == before
