"""Tracks as strips on the timeline: reading them for drawing, and the edits of the strip operators.

A strip is a row of a character's track; nothing is stored beside the rows. Frames are scene frames.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from bpy.types import Object, Scene

from ..runtime.errors import UserError
from . import armature, changes, marks, tracks
from .collect import frame_rate
from .core import strips as core
from .core.strips import Part, Span, Strip
from .properties import joint_label, of_object
from .stubs import Context

TITLES: Final = {
    "prompts": "Prompts",
    "videos": "Video",
    "music": "Music",
    "references": "Reference",
    "pins": "Pins",
    "key_poses": "Key Poses",
}
"""Tracks with ranges or frames, in the order from the top down, and the titles of their lanes."""
MEDIA: Final = frozenset({"videos", "music", "references"})
"""Tracks whose rows show a part of a file."""
_FIXED_COLOURS: Final = {"pins": (0.62, 0.47, 0.16), "key_poses": (0.80, 0.62, 0.24)}
"""Tracks whose strips all have one colour."""

Chosen = tuple[str, int]
"""Track and number of a row."""


def label(track: str, row: Any) -> str:
    """Words on a strip."""
    if track == "prompts":
        return row.text
    if track == "pins":
        return joint_label(row.joint) + (f" at {row.target.name}" if row.target else "")
    return row.name


def span_of(row: Any) -> Span:
    """Start and stop of a row; a key pose is one frame long."""
    return (row.start, row.stop) if hasattr(row, "start") else (row.frame, row.frame + 1)


def put(row: Any, span: Span) -> None:
    """Set start and stop of a row. A key pose that is marked in the action stays: its keys are moved there."""
    if hasattr(row, "start"):
        row.start, row.stop = span
    elif row.source != "ACTION":
        row.frame = span[0]


def of_characters(scene: Scene, active: Object | None) -> list[Strip]:
    """The strips of all characters of a scene; those of the active one come last, so that they are drawn on top."""
    others = [item for item in scene.objects if armature.is_armature(item) and item != active]
    shown = [item for item in others if not of_object(item).is_preview and item.visible_get()]
    found = [strip for item in shown for strip in of_character(item, own=False)]
    return found + (list(of_character(active, own=True)) if active is not None else [])


def of_character(target: Object, *, own: bool) -> Iterator[Strip]:
    """The strips of one character."""
    character, owner = of_object(target), target.name
    for track in TITLES:
        for index, row in enumerate(getattr(character, track)):
            colour = _FIXED_COLOURS[track] if track in _FIXED_COLOURS else tuple(row.colour)
            chosen, is_point = row.select and own, track == "key_poses"
            words = "" if is_point else label(track, row)
            yield Strip((owner, track, index), *span_of(row), words, colour, row.mute, chosen, own, is_point)


def row_of(target: Object, chosen: Chosen) -> Any:
    """The row of a strip.

    Raises:
        UserError: it is not there any more.
    """
    track, index = chosen
    rows = getattr(of_object(target), track)
    if not 0 <= index < len(rows):
        raise UserError("The strip is not there any more")
    return rows[index]


def selected(target: Object) -> list[Chosen]:
    """The selected strips, by track and number."""
    character = of_object(target)
    return [(track, index) for track in TITLES for index, row in enumerate(getattr(character, track)) if row.select]


def require_selected(target: Object) -> list[Chosen]:
    """The selected strips.

    Raises:
        UserError: none is selected.
    """
    chosen = selected(target)
    if not chosen:
        raise UserError("Select a strip on the timeline first")
    return chosen


def all_of(target: Object) -> list[Chosen]:
    """Every strip, in the order of time."""
    character = of_object(target)
    every = [(span_of(row)[0], track, index) for track in TITLES for index, row in enumerate(getattr(character, track))]
    return [(track, index) for _, track, index in sorted(every, key=lambda each: each[0])]


def select(target: Object, chosen: Iterable[Chosen], *, extend: bool = False) -> None:
    """Select strips, and make the last one the active row of its list."""
    wanted = set(chosen)
    for track, index in all_of(target):
        row = row_of(target, (track, index))
        row.select = (track, index) in wanted or (extend and row.select)
    for track, index in wanted:
        setattr(of_object(target), tracks.TRACKS[track], index)
    changes.show()


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a strip was before a drag, and where in its file it began (None without a file)."""

    span: Span
    source: float | None


def origins(target: Object, chosen: Iterable[Chosen]) -> dict[Chosen, Origin]:
    """Where some strips are now."""
    found = {}
    for each in chosen:
        row = row_of(target, each)
        found[each] = Origin(span_of(row), row.source_start if each[0] in MEDIA else None)
    return found


def place(target: Object, scene: Scene, before: Mapping[Chosen, Origin], part: Part, by: int) -> None:
    """Put strips where they were before, moved by some frames, or with one end moved.

    What a file shows on a frame stays on that frame when its strip begins earlier or later.
    """
    for each, origin in before.items():
        row = row_of(target, each)
        put(row, core.moved(origin.span, part, by))
        if origin.source is not None:
            skipped = row.start - origin.span[0] if part == "START" else 0
            row.source_start = _later(each[0], origin.source, skipped, scene)


def _later(track: str, source: float, frames: int, scene: Scene) -> float:
    """Where in its file a strip begins that begins some scene frames later."""
    return max(0.0, source + frames / frame_rate(scene)) if track != "references" else max(0, round(source) + frames)


def edges(target: Object, scene: Scene, moving: Iterable[Chosen]) -> list[int]:
    """Frames that strips snap to: the ends of others, markers, the playhead and the scene's range."""
    still = [each for each in all_of(target) if each not in set(moving)]
    ends = [end for origin in origins(target, still).values() for end in origin.span]
    markers = [marker.frame for marker in scene.timeline_markers]
    return [*ends, *markers, scene.frame_current, scene.frame_start, scene.frame_end + 1]


def split(target: Object, scene: Scene, chosen: Iterable[Chosen], frame: int) -> int:
    """Cut strips at a frame; what follows the cut goes on in its file. Returns how many were cut."""
    cut = 0
    for track, index in sorted(chosen, reverse=True):
        row = row_of(target, (track, index))
        parts = core.split(span_of(row), frame)
        if parts is None:
            continue
        before, after = parts
        second = _insert_copy(target, track, index)
        first = row_of(target, (track, index))
        (first.start, first.stop), (second.start, second.stop) = before, after
        first.select = False
        if track in MEDIA:
            second.source_start = _later(track, first.source_start, frame - first.start, scene)
        cut += 1
    return cut


def duplicate(target: Object, chosen: Iterable[Chosen]) -> list[Chosen]:
    """Copy strips onto their own tracks, behind the others; returns the copies."""
    copies = []
    for track, index in sorted(chosen):
        row = row_of(target, (track, index))
        copy = tracks.add(target, track)
        copy_row(row_of(target, (track, index)), copy)
        marks.cut_off(copy, track)
        row.select = False
        copies.append((track, len(getattr(of_object(target), track)) - 1))
    return copies


def remove(target: Object, chosen: Iterable[Chosen]) -> None:
    """Delete strips."""
    for track, index in sorted(chosen, reverse=True):
        if track == "key_poses":
            marks.unmark(target, row_of(target, (track, index)))
        tracks.remove(target, track, index)


def copy_to(target: Object, others: Iterable[Object], chosen: Iterable[Chosen]) -> int:
    """Copy strips to the same tracks of other characters; returns how many there are."""
    count = 0
    for other in others:
        for track, index in sorted(chosen):
            copy = tracks.add(other, track)
            copy_row(row_of(target, (track, index)), copy)
            marks.cut_off(copy, track)
            count += 1
    return count


def other_characters(context: Context, target: Object, name: str) -> list[Object]:
    """The armature with a name, or without one the other characters that are selected.

    Raises:
        UserError: there is none.
    """
    if name:
        found = context.scene.objects.get(name)
        if found is None or not armature.is_armature(found) or found == target:
            raise UserError(f"There is no other armature '{name}' in this scene")
        return [found]
    others = [item for item in context.selected_objects if armature.is_armature(item) and item != target]
    if not others:
        raise UserError("Select the characters to copy to as well, the one to copy from last")
    return others


def copy_row(source: Any, copy: Any) -> None:
    """Copy the properties of one row to another of the same kind."""
    for each in source.bl_rna.properties:
        if each.identifier != "rna_type" and not each.is_readonly:
            setattr(copy, each.identifier, getattr(source, each.identifier))
    if hasattr(copy, "signature"):  # the keys are marked once: a copy of theirs holds the pose itself
        copy.source, copy.action, copy.signature = "POSE", None, ""


def _insert_copy(target: Object, track: str, index: int) -> Any:
    """A copy of a row, right behind it."""
    rows = getattr(of_object(target), track)
    tracks.add(target, track)
    copy_row(rows[index], rows[len(rows) - 1])
    rows.move(len(rows) - 1, index + 1)
    setattr(of_object(target), tracks.TRACKS[track], index + 1)
    return rows[index + 1]


def markers_from_prompts(target: Object, scene: Scene) -> int:
    """A marker at the start of each prompt, named with its text; markers that are there already stay. Returns how many.

    Raises:
        UserError: there are no prompts.
    """
    prompts = of_object(target).prompts
    if not len(prompts):
        raise UserError("There are no prompts to make markers of")
    there = {(marker.frame, marker.name) for marker in scene.timeline_markers}
    wanted = [(row.start, row.text[:63]) for row in prompts if not row.mute]
    new = [each for each in dict.fromkeys(wanted) if each not in there]
    for frame, text in new:
        scene.timeline_markers.new(text, frame=frame)
    return len(new)
