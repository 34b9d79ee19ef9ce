"""MBench's five motion-quality numbers: jitter, penetration, floating, sliding, dynamic degree.

Definitions: MBench (ViMoGen 2025), mbench/motion_quality; the tests hold golden numbers of its code. Computed here in
float64 (the published code: float32), without its smoothing of the motion before scoring. Beware of published rows:
MBench's own formatter writes Y-up files where its metric reads Z-up ones, so penetration, floating and sliding of its
own pipeline are wrong. Read the five together: a body that glides above the floor slides 0 but floats.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .metrics import mbench_motion
from .skeleton import INDEX, JOINT_COUNT

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

FPS: Final = 20.0
"""The frame rate that all five numbers are defined at."""

TOES: Final = (INDEX["l_foot"], INDEX["r_foot"])

_SLOW_TOE: Final = 0.01  # m/frame
_LOW_TOE: Final = 0.02  # metres
_SUNK: Final = -0.005  # metres
_ROOT_MOVES: Final = 1e-3  # m/frame
_TOE_MOVES: Final = 1.2e-4  # m/frame
_STANCE_RATES: Final = (0.6, 1.75)
_CARRIED_RATE: Final = 0.4
_RUN: Final = 4  # frames, the shortest time in the air that is looked at
_PEAKS: Final = 2
_SMALL: Final = 1e-6


@dataclass(frozen=True)
class MBench:
    """Motion quality of one motion; lower is better, except for `dynamic`.

    Attributes:
        jitter: Jitter_Degree, mean second difference of the joints in the world plus relative to the pelvis, m/frame^2.
        penetration: Ground_Penetration, mean depth of toes that are more than 5 mm below the floor, m.
        floating: Foot_Floating, frames whose feet are carried along by the body, over all frames; may exceed 1.
        sliding: Foot_Sliding, mean step over the ground of toes in contact, m/frame.
        dynamic: Dynamic_Degree, mean first difference, in the world plus relative to the pelvis, m/frame.
    """

    jitter: float
    penetration: float
    floating: float
    sliding: float
    dynamic: float


def mbench(positions: ArrayLike) -> MBench:
    """The five numbers of one motion.

    Args:
        positions: (T, 22, 3) joints in the order of `skeleton.JOINT_NAMES`, metres, Z up, floor at z = 0, 20 fps: what
            `to_mbench` gives.

    Raises:
        ValueError: another shape, or no frame.
    """
    joints = _checked(positions)
    toes = joints[:, TOES]
    contact = _contacts(toes)
    heights = toes[..., 2]
    sunk = heights[heights < _SUNK]
    ground_steps = np.linalg.norm(_steps(toes)[..., :2], axis=-1)
    jitter, dynamic = mbench_motion(joints)
    return MBench(
        jitter=jitter,
        penetration=float(np.abs(sunk).mean()) if sunk.size else 0.0,
        floating=_floating(joints[:, 0], toes, contact),
        sliding=float(((ground_steps * contact).sum(axis=0) / (contact.sum(axis=0) + _SMALL)).mean()),
        dynamic=dynamic,
    )


def to_mbench(positions: ArrayLike, fps: float) -> Array:
    """Joint positions as `mbench` wants them: 20 fps, Z up. Nothing is smoothed and the floor stays at height 0.

    Args:
        positions: (T, 22, 3) metres, Y up.
        fps: their frames per second.

    Returns:
        (T', 22, 3) linearly resampled, as long or up to one frame shorter; the body faces -Y as Blender's does.

    Raises:
        ValueError: another shape, no frame, or `fps` is not above 0.
    """
    joints = _checked(positions)
    if not 0 < fps < np.inf:
        raise ValueError(f"fps: must be above 0, not {fps}")
    last = len(joints) - 1
    times = np.minimum(np.arange(int(last / fps * FPS + 1e-6) + 1) * (fps / FPS), last)
    below = np.minimum(times.astype(int), max(last - 1, 0))
    weights = (times - below)[:, None, None]
    x, y, z = np.moveaxis(joints[below] * (1.0 - weights) + joints[np.minimum(below + 1, last)] * weights, -1, 0)
    return np.stack([x, -z, y], axis=-1)


def _checked(positions: ArrayLike) -> Array:
    joints = np.asarray(positions, dtype=np.float64)
    if joints.ndim != 3 or joints.shape[1:] != (JOINT_COUNT, 3) or not len(joints):
        raise ValueError(f"positions: has shape {joints.shape}, expected (frames, {JOINT_COUNT}, 3)")
    return joints


def _steps(track: Array) -> Array:
    """Differences to the next frame, the last one twice so that each frame has one; 0 for a single frame."""
    steps = np.diff(track, axis=0)
    return np.concatenate([steps, steps[-1:]]) if len(steps) else np.zeros_like(track)


def _contacts(toes: Array) -> Mask:
    """(T, 2) toes that are slow or low: a fast one close to the floor counts as standing too."""
    return (np.linalg.norm(_steps(toes), axis=-1) < _SLOW_TOE) | (toes[..., 2] < _LOW_TOE)


def _floating(root: Array, toes: Array, contact: Mask) -> float:
    """Foot_Floating of (T, 3), (T, 2, 3), (T, 2): three kinds of suspicious frames, each counted on its own."""
    root_steps = np.linalg.norm(_steps(root), axis=-1)
    rates = np.linalg.norm(_steps(toes - root[:, None]), axis=-1) / (root_steps + _SMALL)[:, None]
    low, high = _STANCE_RATES
    toes_move = np.linalg.norm(_steps(toes), axis=-1) > _TOE_MOVES
    # A standing toe moves back under the body as fast as the body moves on: a rate of about 1.
    bad = toes_move & ((rates < low) | (rates > high)) & (root_steps >= _ROOT_MOVES)[:, None]
    stance = (contact.any(axis=1) & (bad | ~contact).all(axis=1)).sum()
    carried = sum(_carried(rates[run, toe], root_steps[run]) for toe in (0, 1) for run in _runs(~contact[:, toe]))
    flights = _runs(~contact[:, 0] & ~contact[:, 1])
    wobbling = sum(flight.stop - flight.start for flight in flights if _wobbles(toes[flight, 0]))
    return float((stance + carried / 2 + wobbling) / len(root))


def _carried(rates: Array, root_steps: Array) -> int:
    """Frames of a toe's time in the air in which it hangs below a body that moves."""
    resting = (root_steps < _ROOT_MOVES).mean() > 0.5
    return 0 if resting else int((rates < _CARRIED_RATE).sum())


def _wobbles(toe: Array) -> bool:
    """Whether a toe (n, 3) in the air turns to and fro about the straight way from where it left to where it lands."""
    way = toe[1:] - toe[0]
    directions = way / (np.linalg.norm(way, axis=-1, keepdims=True) + _SMALL)
    return _peaks(np.arccos(np.clip(directions @ directions[-1], -1.0, 1.0))) > _PEAKS


def _runs(flags: Mask) -> list[slice]:
    """Unbroken runs of true values that are long enough to judge."""
    edges = np.flatnonzero(np.diff(flags.astype(int), prepend=0, append=0))
    return [slice(start, stop) for start, stop in edges.reshape(-1, 2).tolist() if stop - start >= _RUN]


def _peaks(values: Array) -> int:
    """Number of local maxima, a flat top counting once and the ends never: len(scipy.signal.find_peaks(values)[0])."""
    slopes = np.sign(np.diff(values))
    slopes = slopes[slopes != 0]
    return int(((slopes[:-1] > 0) & (slopes[1:] < 0)).sum())
