"""One thing that does not make sense in a request, for people and for buttons that repair it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


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
    NO_LOOP = "no_loop"


class Fix(StrEnum):
    """A remedy that the panel can offer as a button."""

    REMOVE = "remove"
    CLIP = "clip"
    NORMALIZE = "normalize"
    ADD_PROMPT = "add_prompt"
    CHOOSE_PACK = "choose_pack"
    MUTE = "mute"
    RETIME = "retime"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that does not make sense.

    Attributes:
        kind: what is wrong.
        message: one sentence for people.
        severity: an "error" stops the request, after a "warning" it can run.
        fix: a remedy (a value of `Fix`), None when only the user can tell.
        where: name of the request's list and index in it ("path" counts its points), None for the whole.
        at: frame that it is about, None where there is no one frame.
        frames: frames that are missing before `at`, 0 where time is not the matter.
    """

    kind: ProblemKind
    message: str
    severity: Literal["error", "warning"] = "error"
    fix: str | None = None
    where: tuple[str, int] | None = None
    at: int | None = None
    frames: int = 0

    def __str__(self) -> str:
        place = f"{self.where[0]}[{self.where[1]}]: " if self.where else ""
        return place + self.message
