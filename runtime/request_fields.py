"""Readers of the values that several parts of a request share: frames, ranges, joints and their rotations."""

from __future__ import annotations

from typing import Final, Literal

from . import fields
from .errors import RequestError
from .fields import Fields
from .skeleton import JOINT_NAMES

MAX_FRAMES: Final = 1_000_000
"""Frames and frame numbers beyond this are a slip of the keyboard, not a request."""

Quaternion = tuple[float, float, float, float]


def frame(value: object, place: str) -> int:
    """A frame number, which may be negative; raises RequestError."""
    return fields.integer(value, place, -MAX_FRAMES, MAX_FRAMES)


def frame_range(data: Fields) -> tuple[int, int]:
    """`start` and `stop` of an object.

    Raises:
        RequestError: one is missing, or the range is empty.
    """
    start, stop = data.get("start", frame), data.get("stop", frame)
    if stop <= start:
        raise RequestError(f"{data.place}: stop {stop} must be after start {start}")
    return start, stop


def joint(value: object, place: str) -> str:
    """Name of a joint; raises RequestError."""
    name = fields.text(value, place)
    if name not in JOINT_NAMES:
        raise RequestError(f"{place}: unknown joint {name!r}, the joints are {', '.join(JOINT_NAMES)}")
    return name


def joints(value: object, place: str) -> tuple[str, ...] | Literal["all"]:
    """Names of joints, each once, or "all"; raises RequestError."""
    if value == "all":
        return "all"
    names = tuple(joint(name, fields.at(place, index)) for index, name in enumerate(fields.items(value, place)))
    if len(set(names)) != len(names):
        raise RequestError(f"{place}: lists a joint twice")
    return names


def rotations(value: object, place: str) -> dict[str, Quaternion]:
    """Joint -> quaternion, w first; raises RequestError."""
    members = fields.mapping(value, place)
    return {joint(name, place): fields.vector4(member, fields.at(place, name)) for name, member in members.items()}


def file_name(value: object, place: str) -> str:
    """Name of a file; raises RequestError."""
    name = fields.text(value, place)
    if not name.strip():
        raise RequestError(f"{place}: must name a file")
    return name
