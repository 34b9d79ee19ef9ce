"""What somebody corrects by hand of the keypoints of a video: stretches to leave out, and single points put right.

Edits are JSON, so that they are kept beside the video in a Blender file:

    {"masks":  [{"person": 0, "start": 1.2, "stop": 1.8, "joints": ["l_wrist"]}],       no "joints": all of them
     "points": [{"person": 0, "time": 2.5, "joint": "r_ankle", "x": 512.0, "y": 660.5}],  shown pixels
     "sides":  [{"person": 0, "start": 3.0, "stop": 3.4}]}                               left and right exchanged

They change keypoints only: what the networks found stays as it is, and is not looked for again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..errors import RequestError
from ..fields import integer, items, mapping, number
from ..keypoints import KEYPOINTS, SIDES

Array = NDArray[np.float64]

REACH: Final = 0.25
"""Seconds before and after a point that was put right, over which the correction fades."""


@dataclass(frozen=True, slots=True)
class Mask:
    """Keypoints of a person that do not count on seconds `[start, stop)`; without joints, all of them."""

    person: int
    start: float
    stop: float
    joints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Point:
    """A keypoint of a person that lies elsewhere at a time: shown pixels."""

    person: int
    time: float
    joint: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Sides:
    """Seconds `[start, stop)` on which left and right of a person are exchanged."""

    person: int
    start: float
    stop: float


@dataclass(frozen=True, slots=True)
class Edits:
    """All corrections of one video."""

    masks: tuple[Mask, ...] = ()
    points: tuple[Point, ...] = ()
    sides: tuple[Sides, ...] = ()

    @classmethod
    def from_json(cls, value: object) -> Edits:
        """Read edits.

        Raises:
            RequestError: something is missing, unknown or no number; one sentence.
        """
        data = mapping(value, "edits", ("masks", "points", "sides"))
        masks, points, sides = (items(data.get(name, []), name) for name in ("masks", "points", "sides"))
        return cls(
            tuple(_mask(each, f"masks[{index}]") for index, each in enumerate(masks)),
            tuple(_point(each, f"points[{index}]") for index, each in enumerate(points)),
            tuple(_sides(each, f"sides[{index}]") for index, each in enumerate(sides)),
        )


def edited(points: Array, times: Array, edits: Edits, person: int) -> Array:
    """Keypoints (n, 17, 3) at times (n,) of a person with the edits made."""
    result = points.copy()
    for each in edits.sides:
        if each.person == person:
            during = _during(times, each.start, each.stop)
            result[during] = result[during][:, list(SIDES)]
    for joint in dict.fromkeys(each.joint for each in edits.points if each.person == person):
        _put_right(result, times, [each for each in edits.points if (each.person, each.joint) == (person, joint)])
    for each in edits.masks:
        if each.person == person:
            during = np.flatnonzero(_during(times, each.start, each.stop))
            columns = [KEYPOINTS.index(joint) for joint in each.joints] or list(range(len(KEYPOINTS)))
            result[during[:, None], columns, 2] = 0.0
    return result


def _during(times: Array, start: float, stop: float) -> NDArray[np.bool_]:
    return (times >= start - 1e-6) & (times < stop - 1e-6)


def _put_right(points: Array, times: Array, corrections: list[Point]) -> None:
    """Move one keypoint to where it was put, and what lies between by what lies between the corrections."""
    joint = KEYPOINTS.index(corrections[0].joint)
    corrections = sorted(corrections, key=lambda each: each.time)
    at = np.array([each.time for each in corrections])
    nearest = np.abs(times[:, None] - at).argmin(axis=0)
    moved = np.array([[each.x, each.y] for each in corrections]) - points[nearest, joint, :2]
    for axis in (0, 1):
        points[:, joint, axis] += np.interp(times, at, moved[:, axis]) * _fade(times, at)
    points[nearest, joint, 2] = 1.0


def _fade(times: Array, at: Array) -> Array:
    """1 between corrections that are close in time and at them, falling to 0 within `REACH` elsewhere."""
    away = np.abs(times[:, None] - at).min(axis=1)
    result = np.clip(1.0 - away / REACH, 0.0, 1.0)
    for before, after in pairwise(at.tolist()):
        if after - before <= 2 * REACH:
            result[(times >= before) & (times <= after)] = 1.0
    return result


def _mask(value: object, place: str) -> Mask:
    data = mapping(value, place, ("person", "start", "stop", "joints"))
    joints = items(data.get("joints", []), f"{place}.joints")
    named = tuple(_joint(each, f"{place}.joints[{index}]") for index, each in enumerate(joints))
    return Mask(*_span(data, place), named)


def _point(value: object, place: str) -> Point:
    data = mapping(value, place, ("person", "time", "joint", "x", "y"))
    time, x, y = (number(data.get(name), f"{place}.{name}") for name in ("time", "x", "y"))
    return Point(_person(data, place), time, _joint(data.get("joint"), f"{place}.joint"), x, y)


def _sides(value: object, place: str) -> Sides:
    return Sides(*_span(mapping(value, place, ("person", "start", "stop")), place))


def _span(data: Mapping[str, Any], place: str) -> tuple[int, float, float]:
    start, stop = (number(data.get(name), f"{place}.{name}") for name in ("start", "stop"))
    return _person(data, place), start, stop


def _person(data: Mapping[str, Any], place: str) -> int:
    return integer(data.get("person", 0), f"{place}.person", 0, 1000)


def _joint(value: object, place: str) -> str:
    if value not in KEYPOINTS:
        raise RequestError(f"{place}: {value!r} is none of the keypoints {', '.join(KEYPOINTS)}")
    return str(value)
