"""Where a motion is bad, frame by frame: sliding feet, a sunk body, jitter, broken knees, impossible joints.

Each kind of fault has a curve that is 1 where the worst recorded motion still is: the limits are calibrated on clean
motion capture (docs/quality.md has the numbers and the command). Contacts are not needed, so that any animation can be
judged: a foot that lies flat on the floor should stand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from . import inverse_kinematics as ik
from . import metrics, rotation
from .ground import Ground, heights_at
from .mbench import mbench, to_mbench
from .metrics import measure
from .motion import Motion, resampled
from .request import MotionRequest
from .skeleton import CONTACT_JOINTS, FLOOR_OFFSET, INDEX

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

FPS: Final = 30.0
"""The rate at which motions are judged; others are resampled first."""

UNITS: Final = metrics.UNITS | {"mbench_penetration": "m", "mbench_floating": "", "mbench_sliding": "m/frame"}
"""Every key that `numbers` may give, and its unit."""

KINDS: Final = ("slide", "sink", "jitter", "knee", "joint")

SLIDE: Final = 0.5
"""Metres per second of a foot flat on the floor."""
SINK: Final = 0.06
"""Metres of a joint under the height that a flat sole has its ball at."""
JITTER: Final = 100.0
JITTER_SHARE: Final = 0.8
"""10 m/s^3 of the joints seen from the pelvis, and their third by their first difference: both must be passed."""
KNEE_BACK: Final = 15.0
KNEE_SIDE: Final = 45.0
"""Degrees of a knee bent forwards, and bent sideways."""
JOINTS: Final[Mapping[str, float]] = {"spine2": 70.0, "spine3": 50.0, "neck": 80.0, "l_foot": 60.0, "r_foot": 60.0}
"""Degrees that a joint may be turned from the T-pose."""

_SPAN: Final = 2
"""Frames on each side over which speeds are measured: jitter is no slide."""
_FLAT: Final = (0.095, 0.045)
"""Heights in metres of ankle and ball under which a foot is flat on the floor."""
_WINDOW: Final = 7
"""Frames over which jitter is judged."""
_STILL: Final = 0.002
"""Metres per frame: slower joints cannot be told from noise of the measurement."""
_SHORTEST: Final = {"slide": 4, "sink": 3, "jitter": 2, "knee": 1, "joint": 2}
"""Frames: what is over sooner is not seen."""
_GAP: Final = 4
_LEGS: Final = (ik.LEFT_LEG, ik.RIGHT_LEG)
_LOW_FOOT: Final = 0.10  # metres
_SLOW_FOOT: Final = 0.15  # m/s; Kimodo's contact detector, as in `metrics`


@dataclass(frozen=True, slots=True)
class Fault:
    """A stretch of a motion that is bad.

    Attributes:
        kind: one of KINDS.
        start: first frame.
        stop: frame after the last.
        severity: how many times the limit the worst frame is; above 1.
        worst: that frame.
    """

    kind: str
    start: int
    stop: int
    severity: float
    worst: int

    def to_json(self) -> dict[str, Any]:
        """The same as JSON."""
        return asdict(self)


def curves(motion: Motion, ground: Ground | None = None) -> dict[str, Array]:
    """How bad each frame is.

    Args:
        motion: at 30 frames per second; see `faults` for others.
        ground: what the feet stand on; None for the floor.

    Returns:
        Kind -> (T,), 1 at the limit.
    """
    positions = motion.positions
    if ground is not None:
        positions = positions - heights_at(ground, positions)[..., None] * np.array([0.0, 1.0, 0.0])
    turns = rotation.to_axis_angle(motion.local_rotations)
    depth = np.maximum(FLOOR_OFFSET - positions[..., 1], 0.0).max(axis=1)
    return {
        "slide": np.max([_slide(positions[:, [leg.end, leg.tip]]) for leg in _LEGS], axis=0) / SLIDE,
        "sink": depth / SINK,
        "jitter": _jitter(positions - positions[:, :1]),
        "knee": np.max([_knee(turns[:, leg.middle]) for leg in _LEGS], axis=0),
        "joint": np.max([_angle(turns[:, INDEX[name]]) / most for name, most in JOINTS.items()], axis=0),
    }


def _slide(points: Array) -> Array:
    """Speed (T,) in m/s over the floor of a foot (T, 2, 3: ankle, ball) where it is flat on it, else 0.

    The slower of the two counts: a foot that rolls turns about one of them.
    """
    count = len(points)
    frames = np.arange(count)
    before, after = np.maximum(frames - _SPAN, 0), np.minimum(frames + _SPAN, count - 1)
    steps = np.linalg.norm((points[after] - points[before])[..., ::2], axis=-1)
    speeds = steps.min(axis=1) / np.maximum(after - before, 1) * FPS
    flat: Mask = np.logical_and.reduce(points[..., 1] < _FLAT, axis=1)
    # Flat throughout the time in which the speed was measured.
    return np.where(flat & flat[before] & flat[after], speeds, 0.0)


def _jitter(local: Array) -> Array:
    """Jitter (T,) by its limit, of joints (T, J, 3) seen from the pelvis."""
    if len(local) < 4:
        return np.zeros(len(local))
    third = np.linalg.norm(np.diff(local, n=3, axis=0), axis=-1).mean(axis=1)
    first = np.linalg.norm(np.diff(local, axis=0), axis=-1).mean(axis=1)
    third, first = _spread(third, len(local), 1), _spread(first, len(local), 0)
    amount = third * FPS**3 / 10.0 / JITTER
    share = third / (first + _STILL) / JITTER_SHARE
    return np.minimum(amount, share)


def _spread(values: Array, count: int, before: int) -> Array:
    """Mean over _WINDOW frames, as (count,) with the first value for frame `before`."""
    padded = np.concatenate([np.full(before, values[0]), values, np.full(count - before - len(values), values[-1])])
    half = _WINDOW // 2
    sums = np.cumsum(np.concatenate([[0.0], padded]))
    frames = np.arange(count)
    first, last = np.maximum(frames - half, 0), np.minimum(frames + half + 1, count)
    return (sums[last] - sums[first]) / (last - first)


def _knee(turns: Array) -> Array:
    """How wrongly a knee with rotation vectors (T, 3) is bent, by its limits; it should turn about +X only."""
    degrees = np.degrees(turns)
    return np.maximum(-degrees[:, 0] / KNEE_BACK, np.abs(degrees[:, 2]) / KNEE_SIDE)


def _angle(turns: Array) -> Array:
    return np.degrees(np.linalg.norm(turns, axis=-1))


def faults(motion: Motion, ground: Ground | None = None) -> list[Fault]:
    """Where a motion is bad.

    Args:
        motion: at any rate.
        ground: what the feet stand on; None takes that of the motion's request, or the floor.

    Returns:
        Stretches in frames of the motion, by their start.
    """
    if ground is None and motion.request is not None:
        ground = motion.request.ground
    judged = motion if motion.fps == FPS else resampled(motion, FPS)
    ratio, found = motion.fps / FPS, list[Fault]()
    for kind, curve in curves(judged, ground).items():
        for start, stop in stretches(curve > 1.0, _SHORTEST[kind]):
            worst = start + int(curve[start:stop].argmax())
            first, last, at = (min(round(frame * ratio), motion.frames - 1) for frame in (start, stop - 1, worst))
            found.append(Fault(kind, first, last + 1, round(float(curve[worst]), 3), at))
    return sorted(found, key=lambda fault: (fault.start, KINDS.index(fault.kind)))


def stretches(flags: Mask, shortest: int) -> list[tuple[int, int]]:
    """Half-open ranges of set frames (T,), joined over short gaps, without those that have few set frames."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    joined: list[list[int]] = []
    for start, stop in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if joined and start - joined[-1][1] <= _GAP:
            joined[-1][1] = stop
        else:
            joined.append([start, stop])
    return [(start, stop) for start, stop in joined if flags[start:stop].sum() >= shortest]


def flat_feet(motion: Motion) -> Mask:
    """Frames (T, 2) on which the left and the right foot are flat on the floor."""
    heights = motion.positions[:, [[leg.end, leg.tip] for leg in _LEGS], 1]
    return np.logical_and.reduce(heights < _FLAT, axis=-1)


def numbers(motion: Motion, request: MotionRequest | None = None) -> dict[str, float]:
    """All that is measured on a motion as a whole: `metrics.measure`, and the rest of MBench's five numbers.

    Args:
        motion: what was made.
        request: what was asked for; None takes that of the motion.

    Returns:
        Name -> number, with the units in `UNITS`; see `metrics.measure`, and `mbench.MBench` for mbench_penetration,
        mbench_floating and mbench_sliding.

    Raises:
        RequestError: the request counts another frame rate than the motion.
    """
    bench = mbench(to_mbench(motion.positions, motion.fps))
    rest = {"penetration": bench.penetration, "floating": bench.floating, "sliding": bench.sliding}
    return measure(motion, request) | {f"mbench_{name}": value for name, value in rest.items()}


def with_contacts(motion: Motion) -> Motion:
    """The motion with contacts of heels and balls found from its positions: lower than 10 cm and slower than 0.15 m/s.

    For animation that has none; a motion with contacts is returned as it is.
    """
    if motion.contacts.any() or motion.frames < 2:
        return motion
    points = motion.positions[:, [INDEX[name] for name in CONTACT_JOINTS[:4]]]
    speeds = np.linalg.norm(np.diff(points, axis=0), axis=-1) * motion.fps
    speeds = np.concatenate([speeds, speeds[-1:]])
    contacts = np.zeros(motion.contacts.shape)
    contacts[:, :4] = (points[..., 1] < _LOW_FOOT) & (speeds < _SLOW_FOOT)
    return replace(motion, contacts=contacts)
