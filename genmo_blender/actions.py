"""Actions that work modes change: the old one is kept, and a loop goes on for ever."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import bpy
from bpy.types import Action, Object

from ..runtime.errors import UserError
from .bake import check_writable, curves_of

_CHANGED: Final = "genmo_changed"
"""Property of an action that a work mode has made or changed: the next change needs no further copy."""


@contextmanager
def changed(target: Object, merges: bool, base: Action | None = None) -> Iterator[None]:
    """Let a block change the character's action; a copy is put in its place first, once, and the old one is kept.

    Args:
        target: the armature.
        merges: whether the block changes the action; else nothing is done.
        base: action to copy instead of the character's own.

    Raises:
        UserError: whatever the block raises; the old action is back then.
    """
    check_writable(target)
    data = target.animation_data
    old = data.action if data else None
    source = base or old
    if not merges or source is None or (source == old and source.get(_CHANGED)):
        yield
        return
    copy: Any = source.copy()
    copy[_CHANGED] = True
    slot = _slot_name(target, source)
    _assign(target, copy, slot)
    try:
        yield
    except UserError:
        _assign(target, old, slot)
        bpy.data.actions.remove(copy)
        raise
    if old is not None and old.library is None:
        old.use_fake_user = True


def _slot_name(target: Object, source: Action) -> str:
    """Identifier of the slot that the character plays, "" before there were slots or with another action."""
    data: Any = target.animation_data
    own = getattr(data, "action_slot", None) if data and data.action == source else None
    return own.identifier if own else f"OB{target.name}"


def _assign(target: Object, action: Any, slot: str) -> None:
    data: Any = target.animation_data or target.animation_data_create()
    data.action = action
    if action is not None and hasattr(action, "slots") and len(action.slots):
        data.action_slot = next((each for each in action.slots if each.identifier == slot), action.slots[0])


def repeat(action: Action, first: int, last: int) -> None:
    """Let an action whose last frame shows its first pose go on for ever; what travels travels on.

    Args:
        action: the loop.
        first: its first frame.
        last: the frame on which it is back.
    """
    action.use_frame_range = action.use_cyclic = True
    action.frame_start, action.frame_end = first, last
    for curve in curves_of(action):
        if len(curve.keyframe_points) < 2:
            continue
        modifier: Any = next((each for each in curve.modifiers if each.type == "CYCLES"), None)
        modifier = modifier or curve.modifiers.new("CYCLES")
        mode = "REPEAT_OFFSET" if curve.data_path.endswith("location") else "REPEAT"
        modifier.mode_before = modifier.mode_after = mode
