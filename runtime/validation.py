"""What does not make sense in a well-formed request, as sentences for people with a hint at the remedy.

Times in the sentences are seconds from the start of the motion: they mean the same at every frame rate of a scene.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from pathlib import Path as FilePath
from typing import Final, Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .constraints import between_points
from .errors import RequestError
from .request import MotionRequest, Music, Pin, Prompt, Quaternion, Reference, Video
from .skeleton import INDEX, JOINT_NAMES, PARENTS, rest_offsets

Span = Prompt | Pin | Video | Music | Reference

MAX_FRAMES: Final = 20_000
MAX_SAMPLES: Final = 16
MAX_ROOT_SPEED: Final = 12.0
"""Metres per second; the fastest people run 12.4 m/s."""

_SAME_PLACE: Final = 0.01  # metres
_SPAN_LISTS: Final = ("prompts", "pins", "videos", "music", "reference")
_CONDITIONS: Final = {"prompts": "prompts", "videos": "videos", "music": "music", "reference": "reference motion"}
_WORDS: Final = {"keyframes": "the key pose", "pins": "the pin", "path": "the path"}
"""The lists that set the pelvis; where they disagree the earlier one here is met (`runtime.constraints`)."""


def _limb_lengths() -> tuple[float, ...]:
    lengths: list[float] = []
    for offset, parent in zip(rest_offsets(), PARENTS, strict=True):
        lengths.append(lengths[parent] + float(np.linalg.norm(offset)) if parent >= 0 else 0.0)
    return tuple(lengths)


_LIMB_LENGTHS: Final = _limb_lengths()
"""The longest distance in metres from the pelvis to each joint."""


class ProblemKind(StrEnum):
    """What is wrong."""

    MALFORMED = "malformed"
    NOTHING_ASKED = "nothing_asked"
    TOO_LONG = "too_long"
    TOO_MANY_SAMPLES = "too_many_samples"
    WRONG_RATE = "wrong_rate"
    NEEDS_VIDEO = "needs_video"
    EMPTY_PROMPT = "empty_prompt"
    EMPTY_RANGE = "empty_range"
    OUTSIDE = "outside"
    UNKNOWN_JOINT = "unknown_joint"
    NOT_UNIT = "not_unit"
    SET_TWICE = "set_twice"
    CONFLICT = "conflict"
    TOO_FAST = "too_fast"
    OUT_OF_REACH = "out_of_reach"
    NOT_UNDERSTOOD = "not_understood"
    MISSING_FILE = "missing_file"
    CAMERA_LENGTH = "camera_length"


class Fix(StrEnum):
    """A remedy that the panel can offer as a button."""

    REMOVE = "remove"
    CLIP = "clip"
    NORMALIZE = "normalize"
    ADD_PROMPT = "add_prompt"
    CHOOSE_PACK = "choose_pack"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that does not make sense.

    Attributes:
        kind: what is wrong.
        message: one sentence for people.
        severity: an "error" stops the request, after a "warning" it can run.
        fix: a remedy (a value of `Fix`), None when only the user can tell.
        where: name of the request's list and index in it ("path" counts its points), None for the whole.
    """

    kind: ProblemKind
    message: str
    severity: Literal["error", "warning"] = "error"
    fix: str | None = None
    where: tuple[str, int] | None = None

    def __str__(self) -> str:
        place = f"{self.where[0]}[{self.where[1]}]: " if self.where else ""
        return place + self.message


class PackFacts(Protocol):
    """The part of `pack.PackInfo` that is asked here."""

    @property
    def fps(self) -> float:
        """Frames per second of the model."""
        ...

    @property
    def understands(self) -> Sequence[str]:
        """Names of the request's lists that the model reads: "prompts", "videos", "music", "reference"."""
        ...


def problems(request: MotionRequest, pack_info: PackFacts | None = None) -> tuple[Problem, ...]:
    """Everything that does not make sense in a request, errors first.

    Args:
        request: read from JSON or built in Python; its form is checked again.
        pack_info: the pack that will run it, None to leave the pack's limits out.

    Returns:
        Problems, never an exception.
    """
    found = [*_whole(request), *_spans(request), *_keyframes(request), *_pins(request), *_media(request)]
    malformed = _malformed(request)
    if malformed is None:
        found += [*_path(request), *_root(request), *_reach(request), *_pin_pairs(request)]
    elif not any(problem.severity == "error" for problem in found):
        found.append(malformed)
    if pack_info is not None:
        found += _pack(request, pack_info)
    return tuple(sorted(found, key=lambda problem: problem.severity != "error"))


def raise_errors(request: MotionRequest, pack_info: PackFacts | None = None) -> None:
    """Refuse a request that has errors.

    Raises:
        RequestError: the sentence of the first error.
    """
    for problem in problems(request, pack_info):
        if problem.severity == "error":
            raise RequestError(str(problem))


def _malformed(request: MotionRequest) -> Problem | None:
    try:
        MotionRequest.from_json(request.to_json())
    except RequestError as error:
        return Problem(ProblemKind.MALFORMED, str(error))
    return None


def _whole(request: MotionRequest) -> Iterator[Problem]:
    if request.frames > MAX_FRAMES:
        yield Problem(ProblemKind.TOO_LONG, f"{request.frames} frames are too many, the most is {MAX_FRAMES}")
    if request.sampling.samples > MAX_SAMPLES:
        message = f"{request.sampling.samples} samples are too many, the most is {MAX_SAMPLES}"
        yield Problem(ProblemKind.TOO_MANY_SAMPLES, message)
    if not any(getattr(request, name) for name in (*_SPAN_LISTS, "keyframes", "path")):
        message = "Nothing is asked for: add a prompt, a key pose, a pin, a path, a video or music"
        yield Problem(ProblemKind.NOTHING_ASKED, message, fix=Fix.ADD_PROMPT)
    if request.sampling.mode == "estimate" and not request.videos:
        yield Problem(ProblemKind.NEEDS_VIDEO, "The mode 'estimate' follows a video, but there is none")


def _spans(request: MotionRequest) -> Iterator[Problem]:
    """Ranges that are empty or not on the motion's frames."""
    for name in _SPAN_LISTS:
        members: Sequence[Span] = getattr(request, name)
        for where, span in (((name, index), member) for index, member in enumerate(members)):
            if span.stop <= span.start:
                yield Problem(ProblemKind.EMPTY_RANGE, "The end is not after the start", fix=Fix.REMOVE, where=where)
            elif span.stop <= 0 or span.start >= request.frames:
                yield _outside(request, where)
            elif span.start < 0 or span.stop > request.frames:
                message = f"Reaches beyond the motion's {_seconds(request, request.frames)}, the rest is ignored"
                yield Problem(ProblemKind.OUTSIDE, message, "warning", Fix.CLIP, where)
    for index, prompt in enumerate(request.prompts):
        if not prompt.text.strip():
            yield Problem(ProblemKind.EMPTY_PROMPT, "The prompt has no words", fix=Fix.REMOVE, where=("prompts", index))


def _keyframes(request: MotionRequest) -> Iterator[Problem]:
    seen: set[tuple[int, str]] = set()
    for index, keyframe in enumerate(request.keyframes):
        where = ("keyframes", index)
        if not 0 <= keyframe.frame < request.frames:
            yield _outside(request, where)
        for joint in keyframe.joints:
            if joint not in INDEX:
                yield _unknown_joint(joint, where)
        for joint, quaternion in keyframe.rotations.items():
            if _bad_rotation(quaternion):
                yield _not_unit(f"The rotation of {joint}", where)
        parts = [*keyframe.joints, *(["position of the pelvis"] if keyframe.root_position else [])]
        twice = [part for part in parts if (keyframe.frame, part) in seen]
        seen.update((keyframe.frame, part) for part in parts)
        if twice:
            more = f" and {len(twice) - 1} more" if len(twice) > 1 else ""
            message = f"An earlier key pose on the same frame sets {twice[0]}{more} too, this one is met"
            yield Problem(ProblemKind.SET_TWICE, message, "warning", Fix.REMOVE, where)


def _pins(request: MotionRequest) -> Iterator[Problem]:
    for index, pin in enumerate(request.pins):
        if pin.joint not in INDEX:
            yield _unknown_joint(pin.joint, ("pins", index))
        if pin.rotation is not None and _bad_rotation(pin.rotation):
            yield _not_unit("The rotation of the pin", ("pins", index))


def _media(request: MotionRequest) -> Iterator[Problem]:
    """Files that are not there, cameras that do not fit, two files at one time."""
    for name in ("videos", "music", "reference"):
        members: Sequence[Video | Music | Reference] = getattr(request, name)
        for index, member in enumerate(members):
            if not FilePath(member.path).is_file():
                message = f"The file '{member.path}' does not exist"
                yield Problem(ProblemKind.MISSING_FILE, message, where=(name, index))
            if any(member.start < other.stop and other.start < member.stop for other in members[:index]):
                message = f"Another one of the {name} covers the same time, only one can be followed there"
                yield Problem(ProblemKind.CONFLICT, message, "warning", Fix.REMOVE, (name, index))
    for index, video in enumerate(request.videos):
        rotations = video.camera.rotations if video.camera else None
        if rotations is None:
            continue
        if len(rotations) != video.stop - video.start:
            message = f"The camera has {len(rotations)} rotations for {video.stop - video.start} frames"
            yield Problem(ProblemKind.CAMERA_LENGTH, message, where=("videos", index))
        if any(_bad_rotation(quaternion) for quaternion in rotations):
            yield _not_unit("A rotation of the camera", ("videos", index))


def _path(request: MotionRequest) -> Iterator[Problem]:
    for index, frame in enumerate(request.path.frames if request.path else ()):
        if not 0 <= frame < request.frames:
            yield _outside(request, ("path", index))


@dataclass(frozen=True, slots=True)
class _Place:
    """A frame on which the pelvis is set; `y` is NaN where the height is free."""

    frame: int
    position: tuple[float, float, float]
    where: tuple[str, int]


def _places(request: MotionRequest) -> list[_Place]:
    """Where the pelvis is set, by frame: key poses, points of the path, pins of the pelvis."""
    places = [
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


def _distances(first: ArrayLike, second: ArrayLike) -> NDArray[np.float64]:
    """Metres (...) between positions (..., 3), over the ground where one of the heights is NaN."""
    return np.linalg.norm(np.nan_to_num(np.subtract(first, second)), axis=-1)


def _root(request: MotionRequest) -> Iterator[Problem]:
    """Places of the pelvis that contradict each other or are too far apart for the time between them."""
    for before, after in pairwise(_places(request)):
        distance = float(_distances(before.position, after.position))
        names = (before.where[0], after.where[0])
        if before.frame < after.frame:
            if distance > MAX_ROOT_SPEED * (after.frame - before.frame) / request.fps:
                yield _too_fast(request, before.frame, after.frame, distance, after.where)
        elif distance > _SAME_PLACE and names != ("keyframes", "keyframes"):  # those are SET_TWICE
            met, other = sorted(names, key=list(_WORDS).index)
            message = (
                f"At {_seconds(request, after.frame)} {_WORDS[met]} and {_WORDS[other]} put the pelvis "
                f"{distance:.2f} m apart, {_WORDS[met]} is met"
            )
            yield Problem(ProblemKind.CONFLICT, message, "warning", where=after.where)


def _reach(request: MotionRequest) -> Iterator[Problem]:
    """Pins that no limb can meet from where the pelvis is set at that time or near it."""
    frames, positions = _root_track(request)
    if not len(frames):
        return
    for index, pin in enumerate(request.pins):
        beyond = _distances(positions, pin.position) - _LIMB_LENGTHS[INDEX[pin.joint]]
        gaps = np.maximum(np.maximum(pin.start - frames, frames - pin.stop + 1), 0)
        excess = beyond - MAX_ROOT_SPEED * gaps / request.fps - _SAME_PLACE
        worst = int(np.argmax(np.where(gaps == 0, 1e9, 0.0) * (excess > 0) + excess))  # at the same time first
        if excess[worst] <= 0:
            continue
        frame, where = int(frames[worst]), ("pins", index)
        if gaps[worst] > 0:
            first, last = (frame, pin.start) if frame < pin.start else (pin.stop - 1, frame)
            yield _too_fast(request, first, last, float(beyond[worst]), where)
        else:
            message = f"The pin is {beyond[worst]:.2f} m out of reach at {_seconds(request, frame)}"
            yield Problem(ProblemKind.OUT_OF_REACH, message, where=where)


def _root_track(request: MotionRequest) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
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
            where, when = ("pins", other), _seconds(request, second.start)
            if first.joint == second.joint and distance > _SAME_PLACE:
                message = f"Another pin holds the same joint {distance:.2f} m away at {when}"
                yield Problem(ProblemKind.CONFLICT, message, "warning", Fix.REMOVE, where)
            elif distance > reach + _SAME_PLACE:
                message = f"Another pin holds {first.joint} {distance:.2f} m away at {when}, no body is that long"
                yield Problem(ProblemKind.OUT_OF_REACH, message, where=where)


def _pack(request: MotionRequest, pack_info: PackFacts) -> Iterator[Problem]:
    if request.fps != pack_info.fps:
        message = f"The model makes {pack_info.fps:g} frames per second, the request counts {request.fps:g}"
        yield Problem(ProblemKind.WRONG_RATE, message)
    for name, words in _CONDITIONS.items():
        if getattr(request, name) and name not in pack_info.understands:
            message = f"This model does not understand {words}"
            yield Problem(ProblemKind.NOT_UNDERSTOOD, message, fix=Fix.CHOOSE_PACK, where=(name, 0))


def _outside(request: MotionRequest, where: tuple[str, int]) -> Problem:
    message = f"Lies outside the motion's {_seconds(request, request.frames)}"
    return Problem(ProblemKind.OUTSIDE, message, fix=Fix.REMOVE, where=where)


def _unknown_joint(joint: str, where: tuple[str, int]) -> Problem:
    message = f"Unknown joint '{joint}', the joints are {', '.join(JOINT_NAMES)}"
    return Problem(ProblemKind.UNKNOWN_JOINT, message, fix=Fix.REMOVE, where=where)


def _bad_rotation(quaternion: Quaternion) -> bool:
    return not abs(float(np.linalg.norm(quaternion)) - 1.0) < 1e-3  # NaN is bad too


def _not_unit(what: str, where: tuple[str, int]) -> Problem:
    return Problem(ProblemKind.NOT_UNIT, f"{what} is not a unit quaternion", fix=Fix.NORMALIZE, where=where)


def _too_fast(request: MotionRequest, first: int, last: int, distance: float, where: tuple[str, int]) -> Problem:
    speed, needed = distance * request.fps / (last - first), distance / MAX_ROOT_SPEED
    message = (
        f"{distance:.1f} m between {_seconds(request, first)} and {_seconds(request, last)} are {speed:.0f} m/s, "
        f"a person needs at least {needed:.1f} s"
    )
    return Problem(ProblemKind.TOO_FAST, message, "warning", where=where)


def _seconds(request: MotionRequest, frame: int) -> str:
    return f"{frame / request.fps:.2f} s"
