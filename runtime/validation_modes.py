"""What does not make sense in the held poses, the variation or the loop of a request (`runtime.modes`)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from .modes import held_arrays
from .problem import Fix, Problem, ProblemKind
from .request import MotionRequest

SHORTEST_LOOP: Final = 10
"""Frames; a third of a second is the quickest running step."""


def mode_problems(request: MotionRequest) -> Iterator[Problem]:
    """Problems of `held`, `vary` and `loop`, in no order."""
    yield from _held(request)
    if request.vary is not None and not Path(request.vary.path).is_file():
        yield Problem(ProblemKind.MISSING_FILE, f"The file '{request.vary.path}' does not exist", where=("vary", 0))
    if request.loop:
        yield from _loop(request)


def _held(request: MotionRequest) -> Iterator[Problem]:
    for index, held in enumerate(request.held):
        where = ("held", index)
        if held.stop <= 0 or held.start >= request.frames:
            message = "The kept poses lie outside the motion"
            yield Problem(ProblemKind.OUTSIDE, message, fix=Fix.REMOVE, where=where)
        rotations, _ = held_arrays(held)
        if rotations.size and not np.abs(np.linalg.norm(rotations, axis=-1) - 1.0).max() < 1e-3:  # NaN is bad too
            yield Problem(ProblemKind.NOT_UNIT, "A kept rotation is not a unit quaternion", where=where)


def _loop(request: MotionRequest) -> Iterator[Problem]:
    if request.frames < SHORTEST_LOOP + 1:
        seconds = (SHORTEST_LOOP + 1) / request.fps
        yield Problem(ProblemKind.NO_LOOP, f"A loop must be {seconds:.1f} s or longer")
    for name, words in (("videos", "follow a video"), ("reference", "follow a reference motion")):
        if getattr(request, name):
            yield Problem(ProblemKind.NO_LOOP, f"A loop cannot {words}", where=(name, 0))
    if request.loop != "in_place":
        return
    places = request.path or request.pins or any(key.root_position for key in request.keyframes)
    if places or any(held.root_positions for held in request.held):
        message = "A loop in place goes nowhere: remove the path, the pins and the places of the pelvis, or let it move"
        yield Problem(ProblemKind.NO_LOOP, message)
