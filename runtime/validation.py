"""What does not make sense in a well-formed request, as sentences for people with a hint at the remedy.

Times in the sentences are seconds from the start of the motion: they mean the same at every frame rate of a scene.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path as FilePath
from typing import Final, Protocol

import numpy as np

from .errors import RequestError
from .problem import Fix, Problem, ProblemKind
from .request import MotionRequest, Music, Pin, Prompt, Quaternion, Reference, Video
from .skeleton import INDEX, JOINT_NAMES
from .validation_constraints import constraint_problems, seconds
from .validation_modes import mode_problems

__all__ = ["Fix", "PackFacts", "Problem", "ProblemKind", "problems", "raise_errors"]

Span = Prompt | Pin | Video | Music | Reference

MAX_FRAMES: Final = 20_000
MAX_SAMPLES: Final = 16

_SPAN_LISTS: Final = ("prompts", "pins", "videos", "music", "reference")
_CONDITIONS: Final = {"prompts": "prompts", "videos": "videos", "music": "music", "reference": "reference motion"}


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


def problems(
    request: MotionRequest, pack_info: PackFacts | None = None, *, form: bool = True
) -> tuple[Problem, ...]:
    """Everything that does not make sense in a request, errors first.

    Args:
        request: read from JSON or built in Python; its form is checked again.
        pack_info: the pack that will run it, None to leave the pack's limits out.
        form: check the form; without it, a request whose form is known to be right is checked in a tenth of the time.

    Returns:
        Problems, never an exception.
    """
    found = [*_whole(request), *_spans(request), *_keyframes(request), *_pins(request), *_media(request)]
    found += mode_problems(request)
    malformed = _malformed(request) if form else None
    if malformed is None:
        found += [*_path(request), *constraint_problems(request)]
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
    if not any(getattr(request, name) for name in (*_SPAN_LISTS, "keyframes", "path", "held", "vary")):
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
                message = f"Reaches beyond the motion's {seconds(request, request.frames)}, the rest is ignored"
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


def _pack(request: MotionRequest, pack_info: PackFacts) -> Iterator[Problem]:
    if request.fps != pack_info.fps:
        message = f"The model makes {pack_info.fps:g} frames per second, the request counts {request.fps:g}"
        yield Problem(ProblemKind.WRONG_RATE, message)
    for name, words in _CONDITIONS.items():
        if getattr(request, name) and name not in pack_info.understands:
            message = f"This model does not understand {words}"
            yield Problem(ProblemKind.NOT_UNDERSTOOD, message, fix=Fix.CHOOSE_PACK, where=(name, 0))


def _outside(request: MotionRequest, where: tuple[str, int]) -> Problem:
    message = f"Lies outside the motion's {seconds(request, request.frames)}"
    return Problem(ProblemKind.OUTSIDE, message, fix=Fix.REMOVE, where=where)


def _unknown_joint(joint: str, where: tuple[str, int]) -> Problem:
    message = f"Unknown joint '{joint}', the joints are {', '.join(JOINT_NAMES)}"
    return Problem(ProblemKind.UNKNOWN_JOINT, message, fix=Fix.REMOVE, where=where)


def _bad_rotation(quaternion: Quaternion) -> bool:
    return not abs(float(np.linalg.norm(quaternion)) - 1.0) < 1e-3  # NaN is bad too


def _not_unit(what: str, where: tuple[str, int]) -> Problem:
    return Problem(ProblemKind.NOT_UNIT, f"{what} is not a unit quaternion", fix=Fix.NORMALIZE, where=where)
