"""The cues of a request: what guides its motion without fixing it (`runtime.cues`).

A reference motion, like a camera that is not level, lives in a world of its own: only what happens in it counts, not
which way it faces. Its headings are turned into the world of the constraints where there are any; else it goes on
from the reference before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import features
from .alignment import turn_to_constraints
from .constraints import constraints_from
from .cues import Cues, no_cues
from .errors import RequestError, UserError
from .features import LAYOUT
from .films import Film, films_from
from .motion import load_motion, resampled
from .request import MotionRequest, Prompt, Reference

Array = NDArray[np.float64]


def cues_from(request: MotionRequest, fps: float, films: Sequence[Film] | None = None) -> Cues:
    """Cues of a request.

    Args:
        request: with ranges in model frames; parts outside `[0, frames)` are left out.
        fps: frames per second of the model.
        films: its videos, if they have been read already.

    Returns:
        Cues of `request.frames` frames. Where two ranges of one kind overlap, the later one in the request counts.

    Raises:
        UserError: a file cannot be read or does not reach its range; one sentence.
    """
    cues = no_cues(request.frames)
    if not (request.loop or any(held.start <= 0 for held in request.held)):
        _write_spans(cues, request.prompts)
    write_films(cues, films_from(request, fps) if films is None else films)
    if request.reference:
        _write_references(cues, request, fps)
    if request.music:
        from .media.music import music_channels  # may load PyAV

        values, mask = music_channels(request.music, request.frames, fps)
        cues.music[:], cues.music_mask[:] = values, np.asarray(mask) > 0
    return cues


def _write_spans(cues: Cues, prompts: Sequence[Prompt]) -> None:
    """Time since the start on the frames of prompts that begin the motion, so that it begins as people begin it.

    A later prompt goes on from another motion, which no recorded clip shows, and so does the first one after held poses
    or in a loop. The end is not told: a motion that must be over in time is played faster than people move.
    """
    for prompt in prompts:
        if prompt.start <= 0:
            at = np.arange(min(prompt.stop, cues.frames))
            cues.since_start[at] = at - prompt.start


def write_films(cues: Cues, films: Sequence[Film]) -> None:
    """Write the channels of filmed frames, in place."""
    for film in films:
        at = film.frames
        cues.keypoints[at], cues.visible[at] = film.slopes, film.visible
        cues.cameras[at], cues.camera_mask[at], cues.gravity_mask[at] = film.cameras, True, film.level


def _write_references(cues: Cues, request: MotionRequest, fps: float) -> None:
    constraints = constraints_from(request)
    end: float | None = None
    headings: dict[int, Array] = {}
    found = {
        index: _excerpt(reference, request.frames, fps, f"reference[{index}]")
        for index, reference in enumerate(request.reference)
        if reference.strength > 0.0 and reference.start < request.frames and reference.stop > 0
    }
    for index in sorted(found, key=lambda each: found[each].start):
        excerpt = found[index]
        turn = turn_to_constraints(excerpt.headings, excerpt.track, excerpt.start, constraints)
        if turn is None:
            turn = 0.0 if end is None else end - excerpt.headings[0]
        headings[index] = excerpt.headings + turn
        end = float(headings[index][-1])
    for index, excerpt in found.items():
        at = slice(excerpt.start, excerpt.start + len(excerpt.track))
        cues.strength[at] = request.reference[index].strength
        cues.reference_pose[at], cues.reference_heights[at] = excerpt.pose, excerpt.heights
        cues.reference_velocity[at], cues.reference_headings[at] = excerpt.velocity, headings[index]


@dataclass(frozen=True, eq=False)
class _Excerpt:
    """A reference motion on n frames from `start`; fields as in `Cues`, and the ground positions `track` (n, 2)."""

    start: int
    pose: Array
    heights: Array
    velocity: Array
    headings: Array
    track: Array


def _excerpt(reference: Reference, frames: int, fps: float, place: str) -> _Excerpt:
    """The part of a motion file that falls on frames of the request."""
    try:
        motion = resampled(load_motion(reference.path), fps)
    except UserError as error:
        raise RequestError(f"{place}: {error}") from error
    start, stop = max(reference.start, 0), min(reference.stop, frames)
    first = reference.source_start + start - reference.start
    taken = slice(first, first + stop - start)
    if first >= motion.frames:
        raise RequestError(f"{place}: '{reference.path}' has {motion.frames} frames and ends before the range begins")
    headings, pose = features.pose_sixd(motion.local_rotations)
    values = features.encode(motion.root_positions, motion.local_rotations, motion.contacts, headings, fps)
    return _Excerpt(
        start,
        pose[taken],
        motion.root_positions[taken, 1],
        values[taken, LAYOUT["root_velocity"]],
        np.unwrap(headings)[taken],
        motion.root_positions[taken, ::2],
    )
