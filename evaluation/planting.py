"""Faults that are planted in motions, and how many of them `runtime.quality` finds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from genmo.runtime import inverse_kinematics as ik
from genmo.runtime import quality, rotation
from genmo.runtime.motion import Motion
from genmo.runtime.skeleton import INDEX

Array = NDArray[np.float64]
Span = tuple[int, int]

SLID: Final = 0.20
SUNK: Final = 0.15
"""Metres."""
SHAKEN: Final = 5.0
BENT: Final = 55.0
BROKEN: Final = 35.0
"""Degrees: of noise on every joint, of a knee sideways, and of one forwards."""

LENGTH: Final = 16
"""Frames of a fault."""


def bump(span: Span, frames: int) -> Array:
    """(T,) from 0 to 1 and back within a span."""
    start, stop = span
    values = np.zeros(frames)
    values[start:stop] = np.sin(np.pi * (np.arange(stop - start) + 0.5) / (stop - start)) ** 2
    return values


def flat_span(motion: Motion) -> Span | None:
    """A span in the longest time that the left foot stands flat; None if that is short."""
    heights = motion.positions[:, [INDEX["l_ankle"], INDEX["l_foot"]], 1]
    still = np.linalg.norm(np.gradient(motion.positions[:, INDEX["l_foot"]], axis=0), axis=1) * motion.fps < 0.15
    runs = quality.stretches((heights < (0.095, 0.045)).all(axis=1) & still, LENGTH)
    if not runs:
        return None
    start, stop = max(runs, key=lambda run: run[1] - run[0])
    middle = (start + stop) // 2
    return middle - LENGTH // 2, middle + LENGTH // 2


def slid(motion: Motion, span: Span) -> Motion:
    """The left foot is drawn over the floor and back while it stands."""
    leg, frames = ik.LEFT_LEG, motion.frames
    ahead = rotation.rotate(rotation.about_y(rotation.heading(motion.local_rotations[:, 0])), np.array([0.0, 0.0, 1.0]))
    base, middle, end = (motion.positions[:, joint] for joint in leg.joints)
    target = end + SLID * bump(span, frames)[:, None] * ahead
    hinge = rotation.rotate(motion.world_rotations[:, leg.upper], np.array(leg.hinge))
    upper, lower = ik.two_bone(base, middle, end, target, hinge)
    local = motion.local_rotations.copy()
    turns = ik.local_rotations(leg, motion.world_rotations, upper, lower, motion.world_rotations[:, leg.end])
    for joint, turn in turns.items():
        local[slice(*span), joint] = turn[slice(*span)]
    return replace(motion, local_rotations=local)


def sunk(motion: Motion, span: Span) -> Motion:
    """The body goes down through the floor and comes back."""
    down = SUNK * bump(span, motion.frames)[:, None] * np.array([0.0, 1.0, 0.0])
    return replace(motion, root_positions=motion.root_positions - down)


def shaken(motion: Motion, span: Span) -> Motion:
    """All joints but the pelvis shake."""
    random, local = np.random.default_rng(span[0]), motion.local_rotations.copy()
    noise = rotation.from_axis_angle(np.radians(SHAKEN) * random.normal(size=(span[1] - span[0], 21, 3)))
    local[slice(*span), 1:] = rotation.multiply(local[slice(*span), 1:], noise)
    return replace(motion, local_rotations=local)


def broken(motion: Motion, span: Span) -> Motion:
    """The left knee bends forwards or, where the span begins on an odd frame, sideways."""
    turns = rotation.to_axis_angle(motion.local_rotations[:, INDEX["l_knee"]])
    wrong = np.array([0.0, 0.0, np.radians(BENT)] if span[0] % 2 else [-np.radians(BROKEN), 0.0, 0.0])
    share, local = bump(span, motion.frames)[:, None], motion.local_rotations.copy()
    local[:, INDEX["l_knee"]] = rotation.from_axis_angle(turns * (1.0 - share) + share * wrong)
    return replace(motion, local_rotations=local)


PLANTS: Final[dict[str, Callable[[Motion, Span], Motion]]] = {
    "slide": slid, "sink": sunk, "jitter": shaken, "knee": broken,
}  # fmt: skip
"""Kind of fault -> what plants it."""


def count(motions: Sequence[Motion]) -> dict[str, Any]:
    """Plant each kind of fault in each motion and count what is found.

    Returns:
        For each kind: planted, found (a fault of this kind overlaps the span), frames (mean share of the span or of
        what was flagged that is both); false (faults of this kind in the motions as they were); precision, recall.
    """
    rows: dict[str, Any] = {}
    clean = [quality.faults(motion) for motion in motions]
    for kind, plant in PLANTS.items():
        found, shares, planted = 0, [], 0
        for motion, before in zip(motions, clean, strict=True):
            span = flat_span(motion)
            if span is None or any(_overlap((fault.start, fault.stop), span) for fault in before):
                continue
            planted += 1
            flagged = [
                (fault.start, fault.stop) for fault in quality.faults(plant(motion, span))
                if fault.kind == kind and _overlap((fault.start, fault.stop), span)
            ]  # fmt: skip
            found += bool(flagged)
            shares += [_overlap(each, span) / (max(each[1], span[1]) - min(each[0], span[0])) for each in flagged[:1]]
        false = sum(fault.kind == kind for faults in clean for fault in faults)
        rows[kind] = {
            "planted": planted, "found": found, "false": false, "frames": round(float(np.mean(shares or [0.0])), 3),
            "recall": found / max(planted, 1), "precision": found / max(found + false, 1),
        }  # fmt: skip
    return rows


def _overlap(first: Span, second: Span) -> int:
    return max(0, min(first[1], second[1]) - max(first[0], second[0]))
