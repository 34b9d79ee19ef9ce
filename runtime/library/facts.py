"""Facts of a clip by which a library is filtered: how long, how fast, whether it loops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .. import rotation
from ..motion import Motion

Array = NDArray[np.float64]

SWAY_SECONDS: Final = 1.0
"""Movements of the pelvis to and fro within this time are no locomotion."""

LOOP_SECONDS: Final = 0.5
"""Shorter clips are no loops."""
LOOP_DISTANCE: Final = 0.05
LOOP_SPEED: Final = 0.35
"""Metres, and metres per second, by which the joints may differ on average between the end and the start of a loop."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is measured on a clip.

    Attributes:
        seconds: from the first frame to the end of the last.
        speed: of locomotion, metres per second over the ground.
        travel: metres over the ground from the start to the end.
        looped: whether the end goes on into the start.
    """

    seconds: float
    speed: float
    travel: float
    looped: bool


def facts_of(motion: Motion) -> Facts:
    """Measure a clip."""
    ground = motion.root_positions[:, ::2]
    return Facts(
        seconds=round(motion.seconds, 4),
        speed=round(_speed(ground, motion.fps), 4),
        travel=round(float(np.linalg.norm(ground[-1] - ground[0])), 4),
        looped=_looped(motion),
    )


def _speed(ground: Array, fps: float) -> float:
    """Mean speed of the pelvis without its sway: of the mean place over SWAY_SECONDS."""
    width = min(round(SWAY_SECONDS * fps), len(ground) - 1)
    if width < 1:
        return 0.0
    sums = np.cumsum(np.concatenate([np.zeros((1, 2)), ground]), axis=0)
    places = (sums[width:] - sums[:-width]) / width
    return float(np.linalg.norm(np.diff(places, axis=0), axis=1).mean() * fps)


def _looped(motion: Motion) -> bool:
    """Whether the pose after the last frame could be the first one, wherever it stands and faces."""
    if motion.seconds < LOOP_SECONDS or motion.frames < 4:
        return False
    ends = [_canonical(motion, frame) for frame in (0, 1, motion.frames - 2, motion.frames - 1)]
    first, second, before, last = ends
    start_speed, end_speed = (second - first) * motion.fps, (last - before) * motion.fps
    # A loop's last frame is the first one again, or the one before it: what one more step leads to.
    distances = [np.linalg.norm(end - first, axis=-1).mean() for end in (last, last + end_speed / motion.fps)]
    difference = np.linalg.norm(end_speed - start_speed, axis=-1).mean()
    return bool(min(distances) < LOOP_DISTANCE and difference < LOOP_SPEED)


def _canonical(motion: Motion, frame: int) -> Array:
    """Joints (22, 3) of a frame, seen from the pelvis' place on the ground and its heading."""
    heading = rotation.heading(motion.local_rotations[frame, 0])
    places = motion.positions[frame] - motion.root_positions[frame] * [1.0, 0.0, 1.0]
    return rotation.rotate(rotation.about_y(-np.asarray(heading)), places)
