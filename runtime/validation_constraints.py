"""Key poses, pins and paths that contradict each other, or that no body can follow.

Times in the sentences are seconds from the start of the motion: they mean the same at every frame rate of a scene.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .constraints import between_points
from .problem import Fix, Problem, ProblemKind
from .request import Keyframe, MotionRequest, Pin
from .rotation import identity, normalize
from .skeleton import INDEX, JOINT_COUNT, JOINT_NAMES, PARENTS, forward_kinematics, rest_offsets

Array = NDArray[np.float64]

MAX_ROOT_SPEED: Final = 12.0
"""Metres per second; the fastest people run 12.4 m/s."""

_SAME_PLACE: Final = 0.01  # metres
_BESIDE: Final = 0.05
"""Metres by which a path that was drawn by hand may pass beside a key pose without a word about it."""
_APART: Final = 0.15
"""Metres between a pin and a keyed joint: rigs of other proportions than the model's may show less than it does."""
_WORDS: Final = {"keyframes": "the key pose", "held": "the kept motion", "pins": "the pin", "path": "the path"}
"""The lists that set the pelvis; where they disagree the earlier one here is met (`runtime.constraints`)."""


def _limb_lengths() -> tuple[float, ...]:
    lengths: list[float] = []
    for offset, parent in zip(rest_offsets(), PARENTS, strict=True):
        lengths.append(lengths[parent] + float(np.linalg.norm(offset)) if parent >= 0 else 0.0)
    return tuple(lengths)


_LIMB_LENGTHS: Final = _limb_lengths()
"""The longest distance in metres from the pelvis to each joint."""


@dataclass(frozen=True, slots=True)
class _Place:
    """A frame on which the pelvis is set; `y` is NaN where the height is free."""

    frame: int
    position: tuple[float, float, float]
    where: tuple[str, int]


@dataclass(frozen=True, slots=True)
class _Run:
    """Pins of one joint that follow each other without a pause, as one that follows something that moves."""

    joint: str
    pins: tuple[tuple[int, Pin], ...]

    @property
    def start(self) -> int:
        """First frame."""
        return self.pins[0][1].start

    @property
    def stop(self) -> int:
        """Frame after the last."""
        return self.pins[-1][1].stop


def constraint_problems(request: MotionRequest) -> Iterator[Problem]:
    """Problems of key poses, pins and the path of a request whose form is right, in no order."""
    yield from _root(request)
    runs = _runs(request.pins)
    yield from _reach(request, runs)
    yield from _pin_pairs(request)
    yield from _pins_in_time(request, runs)
    yield from _keys_against_pins(request)


def seconds(request: MotionRequest, frame: int) -> str:
    """Time of a frame for a sentence."""
    return f"{frame / request.fps:.2f} s"


def _runs(pins: Sequence[Pin]) -> list[_Run]:
    """The pins in runs; in the order of the request, in which a moving pin is written."""
    groups: list[list[tuple[int, Pin]]] = []
    for index, pin in enumerate(pins):
        last = groups[-1][-1][1] if groups else None
        if last is not None and last.joint == pin.joint and last.stop == pin.start:
            groups[-1].append((index, pin))
        else:
            groups.append([(index, pin)])
    return [_Run(group[0][1].joint, tuple(group)) for group in groups]


def _places(request: MotionRequest) -> list[_Place]:
    """Where the pelvis is set, by frame: key poses, points of the path, pins of the pelvis."""
    places = [
        _Place(frame, held.root_positions[frame - held.start], ("held", index))
        for index, held in enumerate(request.held)
        if held.root_positions is not None
        for frame in (held.start, held.stop - 1)
    ]
    places += [
        _Place(key.frame, key.root_position, ("keyframes", index))
        for index, key in enumerate(request.keyframes)
        if key.root_position is not None
    ]
    if request.path:
        points = zip(request.path.frames, request.path.points, strict=True)
        places += [_Place(frame, (x, np.nan, z), ("path", index)) for index, (frame, (x, z)) in enumerate(points)]
    for index, pin in enumerate(request.pins):
        if pin.joint == "pelvis":
            places += [_Place(frame, pin.position, ("pins", index)) for frame in (pin.start, pin.stop - 1)]
    return sorted(places, key=lambda place: place.frame)


def _distances(first: ArrayLike, second: ArrayLike) -> Array:
    """Metres (...) between positions (..., 3), over the ground where one of the heights is NaN."""
    return np.linalg.norm(np.nan_to_num(np.subtract(first, second)), axis=-1)


def _root(request: MotionRequest) -> Iterator[Problem]:
    """Places of the pelvis that contradict each other or are too far apart for the time between them."""
    hurry: list[tuple[_Place, _Place, float]] = []
    for before, after in pairwise(_places(request)):
        distance = float(_distances(before.position, after.position))
        names = (before.where[0], after.where[0])
        if before.frame < after.frame and distance > MAX_ROOT_SPEED * (after.frame - before.frame) / request.fps:
            hurry.append((before, after, distance))
        elif before.frame == after.frame and distance > _BESIDE and names != ("keyframes", "keyframes"):
            loser = max(before, after, key=lambda place: list(_WORDS).index(place.where[0]))
            met, other = sorted(names, key=list(_WORDS).index)
            message = (
                f"At {seconds(request, after.frame)} {_WORDS[met]} and {_WORDS[other]} put the pelvis "
                f"{distance:.2f} m apart, {_WORDS[met]} is met"
            )
            yield Problem(ProblemKind.CONFLICT, message, "warning", Fix.MUTE, loser.where, loser.frame)
    for stretch in _stretches(hurry):
        first, last = stretch[0][0], stretch[-1][1]
        yield _too_fast(request, first.frame, last.frame, sum(distance for *_, distance in stretch), last.where)


def _stretches(hurry: list[tuple[_Place, _Place, float]]) -> list[list[tuple[_Place, _Place, float]]]:
    """Pairs of places that follow each other, joined: a curve that is too fast is so on every frame."""
    result: list[list[tuple[_Place, _Place, float]]] = []
    for pair in hurry:
        if result and result[-1][-1][1] is pair[0]:
            result[-1].append(pair)
        else:
            result.append([pair])
    return result


def _reach(request: MotionRequest, runs: Sequence[_Run]) -> Iterator[Problem]:
    """Pins that no limb can meet from where the pelvis is set at that time or near it."""
    frames, positions = _root_track(request)
    if not len(frames):
        return
    for run in runs:
        length, worst = _LIMB_LENGTHS[INDEX[run.joint]], (0.0, 0.0, 0, 0, ("pins", 0))
        for index, pin in run.pins:
            beyond = _distances(positions, pin.position) - length
            gaps = np.maximum(np.maximum(pin.start - frames, frames - pin.stop + 1), 0)
            excess = beyond - MAX_ROOT_SPEED * gaps / request.fps - _SAME_PLACE
            near = int(np.argmax(np.where(gaps == 0, 1e9, 0.0) * (excess > 0) + excess))  # at the same time first
            rank = float(excess[near]) + (1e9 if gaps[near] == 0 and excess[near] > 0 else 0.0)
            if excess[near] > 0 and rank > worst[0]:
                worst = rank, float(beyond[near]), int(frames[near]), int(gaps[near]), ("pins", index)
        rank, missing, frame, gap, where = worst
        if rank <= 0.0:
            continue
        pin = request.pins[where[1]]
        if gap > 0:
            first, last = (frame, pin.start) if frame < pin.start else (pin.stop - 1, frame)
            yield _too_fast(request, first, last, missing, where)
        else:
            message = f"The pin is {missing:.2f} m out of reach at {seconds(request, frame)}"
            yield Problem(ProblemKind.OUT_OF_REACH, message, fix=Fix.MUTE, where=where, at=frame)


def _root_track(request: MotionRequest) -> tuple[NDArray[np.int64], Array]:
    """Frames (N,) on which the pelvis is set, a dense path in full, and its positions (N, 3)."""
    places = _places(request)
    frames = np.array([place.frame for place in places], dtype=np.int64)
    positions = np.array([place.position for place in places]).reshape(-1, 3)
    path = request.path
    if path is None or not path.dense or len(path.frames) < 2:
        return frames, positions
    between = np.arange(max(path.frames[0], 0), min(path.frames[-1] + 1, request.frames))
    ground = between_points(np.array(path.frames), np.array(path.points), between)
    way = np.insert(ground, 1, np.nan, axis=-1)
    return np.concatenate([frames, between]), np.concatenate([positions, way])


def _pin_pairs(request: MotionRequest) -> Iterator[Problem]:
    """Pins that hold at the same time but contradict each other."""
    order = sorted(range(len(request.pins)), key=lambda index: request.pins[index].start)
    for rank, index in enumerate(order):
        first = request.pins[index]
        for other in order[rank + 1 :]:
            second = request.pins[other]
            if second.start >= first.stop:
                break
            distance = float(_distances(first.position, second.position))
            reach = _LIMB_LENGTHS[INDEX[first.joint]] + _LIMB_LENGTHS[INDEX[second.joint]]
            where, when = ("pins", other), seconds(request, second.start)
            if first.joint == second.joint and distance > _SAME_PLACE:
                message = f"Another pin holds the same joint {distance:.2f} m away at {when}"
                yield Problem(ProblemKind.CONFLICT, message, "warning", Fix.REMOVE, where)
            elif distance > reach + _SAME_PLACE:
                message = f"Another pin holds {first.joint} {distance:.2f} m away at {when}, no body is that long"
                yield Problem(ProblemKind.OUT_OF_REACH, message, fix=Fix.MUTE, where=where)


def _pins_in_time(request: MotionRequest, runs: Sequence[_Run]) -> Iterator[Problem]:
    """Pins one after the other, too far apart for the time between them."""
    order = sorted((run for run in runs if run.joint != "pelvis"), key=lambda run: run.start)
    for before, after in pairwise(order):
        last, (index, pin) = before.pins[-1][1], after.pins[0]
        frames = pin.start - last.stop + 1
        if frames <= 0:
            continue
        reach = _LIMB_LENGTHS[INDEX[last.joint]] + _LIMB_LENGTHS[INDEX[pin.joint]]
        way = float(_distances(last.position, pin.position)) - reach
        if way > MAX_ROOT_SPEED * frames / request.fps:
            yield _too_fast(request, last.stop - 1, pin.start, way, ("pins", index))


def _keys_against_pins(request: MotionRequest) -> Iterator[Problem]:
    """Key poses that put a joint far from its pin."""
    keys = [key for key in request.keyframes if key.root_position is not None and "pelvis" in key.joints]
    if not keys or not request.pins:
        return
    turns = identity(len(keys), JOINT_COUNT)
    for row, key in enumerate(keys):
        for joint in key.joints:
            turns[row, INDEX[joint]] = normalize(key.rotations[joint])
    positions, _ = forward_kinematics(np.array([key.root_position for key in keys]), turns, rest_offsets())
    for index, pin in enumerate(request.pins):
        for row, key in enumerate(keys):
            if not (pin.start <= key.frame < pin.stop and _decided(key, pin.joint)):
                continue
            distance = float(_distances(positions[row, INDEX[pin.joint]], pin.position))
            if pin.joint != "pelvis" and distance > _APART:
                message = (
                    f"At {seconds(request, key.frame)} the key pose puts {pin.joint} {distance:.2f} m from its pin, "
                    "the key pose is met"
                )
                yield Problem(ProblemKind.CONFLICT, message, "warning", Fix.MUTE, ("pins", index), key.frame)


def _decided(key: Keyframe, joint: str) -> bool:
    """Whether a key pose sets all joints between the pelvis and a joint."""
    above = PARENTS[INDEX[joint]]
    while above >= 0:
        if JOINT_NAMES[above] not in key.joints:
            return False
        above = PARENTS[above]
    return True


def _too_fast(request: MotionRequest, first: int, last: int, distance: float, where: tuple[str, int]) -> Problem:
    speed, needed = distance * request.fps / (last - first), distance / MAX_ROOT_SPEED
    message = (
        f"{distance:.1f} m between {seconds(request, first)} and {seconds(request, last)} are {speed:.0f} m/s, "
        f"a person needs at least {needed:.1f} s"
    )
    more = math.ceil(needed * request.fps) - (last - first)
    return Problem(ProblemKind.TOO_FAST, message, "warning", Fix.RETIME, where, last, max(more, 1))
