"""Put the user's scene back as it was: mode, active object, selection and frame."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import bpy
from bpy.types import Object

from .stubs import Context


@dataclass(frozen=True, slots=True)
class _Saved:
    """The state by name: references to objects do not survive an undo."""

    active: str | None
    mode: Any  # one of the stubs' literals
    selected: tuple[str, ...]
    frame: int
    subframe: float


def _save(context: Context) -> _Saved:
    active = context.view_layer.objects.active
    return _Saved(
        active=None if active is None else active.name,
        mode="OBJECT" if active is None else active.mode,
        selected=tuple(item.name for item in context.view_layer.objects if item.select_get()),
        frame=context.scene.frame_current,
        subframe=context.scene.frame_subframe,
    )


def _restore(context: Context, saved: _Saved) -> None:
    objects = context.view_layer.objects
    active = objects.get(saved.active) if saved.active is not None else None
    if objects.active is not active or (active is not None and active.mode != saved.mode):
        _leave_mode(context)
    for item in objects:
        if item.select_get() != (item.name in saved.selected):
            item.select_set(item.name in saved.selected)
    objects.active = active
    if active is not None and active.mode != saved.mode:
        bpy.ops.object.mode_set(mode=saved.mode)
    scene = context.scene
    if (scene.frame_current, scene.frame_subframe) != (saved.frame, saved.subframe):
        scene.frame_set(saved.frame, subframe=saved.subframe)


def _leave_mode(context: Context) -> None:
    active = context.view_layer.objects.active
    if active is not None and active.mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")


@contextmanager
def preserved(context: Context) -> Iterator[None]:
    """Restore mode, active object, selection and frame at the end, also after an error."""
    saved = _save(context)
    try:
        yield
    finally:
        _restore(context, saved)


@contextmanager
def in_mode(context: Context, item: Object, mode: Any) -> Iterator[None]:
    """Make an object active and switch to a mode inside the block; everything is restored at the end.

    Args:
        context: Blender's context.
        item: the object.
        mode: "OBJECT", "POSE" or "EDIT".
    """
    with preserved(context):
        if context.view_layer.objects.active is not item:
            _leave_mode(context)
            context.view_layer.objects.active = item
        if item.mode != mode:
            bpy.ops.object.mode_set(mode=mode)
        yield
