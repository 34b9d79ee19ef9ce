"""Strips in the nonlinear animation editor."""

from __future__ import annotations

from typing import Any

from bpy.types import Action


def push_down(item: Any) -> None:
    """Move the object's action, if it has one, into a strip of a track on top, as Blender's button does."""
    data = item.animation_data or item.animation_data_create()
    if data.action is None:
        return
    action, slot = data.action, getattr(data, "action_slot", None)
    first, last = action.curve_frame_range if hasattr(action, "curve_frame_range") else action.frame_range
    data.action = None
    add_strip(item, action, slot, (round(first), max(round(last), round(first) + 1)), (0, 0), hold=True)


def add_strip(
    item: Any, action: Action, slot: Any, span: tuple[int, int], blend: tuple[int, int], *, hold: bool = False
) -> Any:
    """Put an action into a new track above all others; returns the strip.

    Args:
        item: the object.
        action: the action.
        slot: its slot for this object; None where Blender has no slots.
        span: first scene frame and the one after the last.
        blend: frames over which it comes in and goes out.
        hold: show its ends outside of the span.
    """
    data = item.animation_data or item.animation_data_create()
    track = data.nla_tracks.new()
    track.name = action.name
    strip = track.strips.new(action.name, span[0], action)
    if slot is not None and hasattr(strip, "action_slot"):
        strip.action_slot = slot
    strip.action_frame_start, strip.action_frame_end = span[0], max(span[1] - 1, span[0] + 1)
    strip.extrapolation = "HOLD" if hold else "NOTHING"
    strip.blend_type = "REPLACE"
    strip.use_auto_blend = False
    strip.blend_in, strip.blend_out = blend
    return strip
