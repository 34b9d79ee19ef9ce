"""The tracks of a character as text, kept with each take, so that what was asked for can be opened again.

Rows are read property by property, so that new properties need nothing here; objects and other data-blocks are kept by
name. Takes themselves are not part of it. Older takes, and those of a request from a file, have only their request.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

import bpy
from bpy.types import Object

from ..runtime.errors import MotionError
from ..runtime.request import MotionRequest
from ..runtime.skeleton import JOINT_NAMES
from . import changes
from .core.packing import pack_text, unpack_text
from .core.timeline import Timeline
from .properties import SCOPES, of_object
from .tracks import TRACKS

_PASSED_OVER: Final = frozenset({"rna_type", "select"})


def of(target: Object) -> str:
    """The tracks of a character as text."""
    character = of_object(target)
    rows = {track: [_values(row) for row in getattr(character, track)] for track in _tracks()}
    return pack_text(json.dumps(rows))


def restore(target: Object, text: str) -> list[str]:
    """Put the tracks back as they were; returns the names of objects that are not there any more.

    Raises:
        MotionError: the text is damaged.
    """
    try:
        rows = json.loads(unpack_text(text))
        tracks = {track: [dict(row) for row in rows.get(track, [])] for track in _tracks()}
    except (ValueError, TypeError, AttributeError) as error:
        raise MotionError("The take is damaged: its tracks cannot be read") from error
    character, missing = of_object(target), list[str]()
    for track, members in tracks.items():
        collection = getattr(character, track)
        collection.clear()
        for values in members:
            _fill(collection.add(), values, missing)
        setattr(character, TRACKS[track], 0)
    changes.mark()
    changes.show()
    return missing


def restore_request(target: Object, request: MotionRequest, timeline: Timeline) -> None:
    """Put the prompts, key poses and media of a request onto the tracks, in place of what is there.

    Pins and paths are places of the model's space by then, without the objects that they came from: they are left out.
    """
    character = of_object(target)
    for track in _tracks():
        getattr(character, track).clear()
        setattr(character, TRACKS[track], 0)
    for prompt in request.prompts:
        row = _spanned(character.prompts.add(), prompt, timeline)
        row.text = prompt.text
    for key in request.keyframes:
        _add_key(character.key_poses.add(), key, timeline)
    for name, track in (("videos", "videos"), ("music", "music"), ("reference", "references")):
        for member in getattr(request, name):
            row = _spanned(getattr(character, track).add(), member, timeline)
            row.path, row.name = member.path, bpy.path.basename(member.path)
    changes.mark()
    changes.show()


def _tracks() -> Iterable[str]:
    return [track for track in TRACKS if track != "takes"]


def _values(row: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for member in row.bl_rna.properties:
        name = member.identifier
        if name in _PASSED_OVER:
            continue
        value = getattr(row, name)
        if member.type == "COLLECTION":
            found[name] = [_values(item) for item in value]
        elif member.type == "POINTER":
            found[name] = None if value is None else value.name
        elif member.type == "ENUM" and member.is_enum_flag:
            found[name] = sorted(value)
        elif getattr(member, "is_array", False):
            found[name] = _plain(value)
        else:
            found[name] = value
    return found


def _plain(value: Any) -> Any:
    return value if isinstance(value, bool | int | float | str) else [_plain(part) for part in value]


def _fill(row: Any, values: dict[str, Any], missing: list[str]) -> None:
    members = {member.identifier: member for member in row.bl_rna.properties}
    for name, value in values.items():
        member: Any = members.get(name)
        if member is None or name in _PASSED_OVER:
            continue
        if member.type == "COLLECTION":
            getattr(row, name).clear()
            for item in value:
                _fill(getattr(row, name).add(), item, missing)
        elif member.type == "POINTER":
            found = None if value is None else _data_block(member, value)
            setattr(row, name, found)
            if value is not None and found is None:
                missing.append(value)
        elif member.type == "ENUM" and member.is_enum_flag:
            setattr(row, name, set(value))
        elif not member.is_readonly:
            setattr(row, name, value)


def _data_block(member: Any, name: str) -> Any:
    """A data-block by name, of the kind that a pointer wants."""
    kinds = {"Object": bpy.data.objects, "Action": bpy.data.actions, "MovieClip": bpy.data.movieclips,
             "Text": bpy.data.texts, "Sound": bpy.data.sounds}  # fmt: skip
    found: Any = kinds.get(member.fixed_type.identifier)
    return None if found is None else found.get(name)


def _spanned(row: Any, span: Any, timeline: Timeline) -> Any:
    row.start, row.stop = round(timeline.scene_frame(span.start)), round(timeline.scene_frame(span.stop))
    return row


def _add_key(row: Any, key: Any, timeline: Timeline) -> None:
    joints = set(key.joints)
    scope = {name for name, (_, members) in SCOPES.items() if joints & set(members)}
    if key.root_position is None:
        scope.discard("ROOT")
    row.frame, row.scope = timeline.nearest_scene_frame(key.frame), scope
    row.rotations = [key.rotations.get(name, (1.0, 0.0, 0.0, 0.0)) for name in JOINT_NAMES]
    row.root_position = key.root_position or (0.0, 0.0, 0.0)
    row.known = [name in joints for name in JOINT_NAMES]
