"""What the fix buttons do to tracks beyond removing a row: leaving something out, and making time."""

from __future__ import annotations

from typing import Any, Final

from bpy.types import Object, Scene

from ..runtime.errors import UserError
from . import changes, marks
from .properties import of_object

_RANGES: Final = ("prompts", "videos", "music", "references", "pins")


def mute(target: Object, track: str, index: int, frame: int) -> None:
    """Leave a row out; of waypoints only the one at the frame.

    Raises:
        UserError: there is no such row any more.
    """
    rows = getattr(of_object(target), track)
    if not 0 <= index < len(rows):
        raise UserError("It is not there any more")
    row = rows[index]
    points = row.waypoints if track == "paths" and row.kind == "WAYPOINTS" else ()
    at_frame = [point for point in points if point.frame == frame]
    for owner in at_frame or [row]:
        owner.mute = True
    changes.mark()


def make_time(target: Object, scene: Scene, frame: int, count: int) -> None:
    """Put time into all tracks of a character: what begins at the frame or later moves, what lies over it grows.

    Args:
        target: the armature.
        scene: whose timeline is meant.
        frame: scene frame before which time is missing.
        count: scene frames to insert.
    """
    character = of_object(target)
    for track in _RANGES:
        for row in getattr(character, track):
            _stretch(row, frame, count)
    for path in character.paths:
        _stretch(path, frame, count)
        for point in path.waypoints:
            point.frame += count if point.frame >= frame else 0
    marks.move_later(target, scene, frame, count)
    changes.mark()


def _stretch(row: Any, frame: int, count: int) -> None:
    if row.start >= frame:
        row.start, row.stop = row.start + count, row.stop + count
    elif row.stop > frame:
        row.stop += count


def trim(target: Object, track: str, index: int) -> None:
    """End the rows of a track where the row begins that lies over them.

    Raises:
        UserError: there is no such row any more.
    """
    rows = getattr(of_object(target), track)
    if not 0 <= index < len(rows):
        raise UserError("It is not there any more")
    row = rows[index]
    for other in rows:
        if other.start < row.start < other.stop:
            other.stop = row.start
        elif other != row and other.start == row.start and other.stop > row.start:
            row.start = min(other.stop, row.stop - 1)
    changes.mark()
