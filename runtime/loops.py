"""Motions that go round: a loop of P frames is kept as P + 1 frames whose last pose is the first one."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from . import rotation
from .motion import Motion

PERIODS: Final = 5
"""How many periods in a row constraints, clean-up and rigs see; the middle one is kept."""
MIDDLE: Final = PERIODS // 2
"""Periods before the middle one."""
_RESTING: Final = 0.05
"""Metres per second; slower than this a loop in place has not moved anyway, and its feet stand."""


def middle_period(motion: Motion) -> Motion:
    """The middle one of `PERIODS` periods as a motion of P + 1 frames whose last pose is exactly the first one."""
    period = motion.frames // PERIODS
    taken = slice(MIDDLE * period, (MIDDLE + 1) * period + 1)
    root, local = motion.root_positions[taken].copy(), motion.local_rotations[taken].copy()
    share = np.arange(period + 1) / period
    root[:, 1] -= (root[-1, 1] - root[0, 1]) * share
    # What is left after the clean-up is a hair's breadth; a turn of the same size per frame does not show.
    missing = rotation.to_axis_angle(rotation.multiply(rotation.conjugate(local[-1]), local[0]))
    local = rotation.multiply(local, rotation.from_axis_angle(missing * share[:, None, None]))
    contacts = motion.contacts[taken].copy()
    contacts[-1] = contacts[0]
    return replace(motion, root_positions=root, local_rotations=local, contacts=contacts)


def in_place(motion: Motion) -> Motion:
    """A closed motion that stays on the spot: the way of one period is taken out evenly, as on a treadmill."""
    way = (motion.root_positions[-1] - motion.root_positions[0]) * np.array([1.0, 0.0, 1.0])
    share = np.arange(motion.frames)[:, None] / (motion.frames - 1)
    seconds = (motion.frames - 1) / motion.fps
    stands = float(np.linalg.norm(way)) < _RESTING * seconds
    contacts = motion.contacts if stands else np.zeros_like(motion.contacts)  # a foot on a treadmill does not stand
    return replace(motion, root_positions=motion.root_positions - way * share, contacts=contacts)


def repeated_motion(motion: Motion, count: int) -> Motion:
    """A loop played `count` times; each round goes on where the one before ended.

    Args:
        motion: P + 1 frames, the last pose is the first one.
        count: at least 1.

    Returns:
        count P + 1 frames, without a request.
    """
    period = motion.frames - 1
    way = (motion.root_positions[-1] - motion.root_positions[0]) * np.array([1.0, 0.0, 1.0])
    rounds = np.repeat(np.arange(count), period)[:, None] * way
    rows = np.append(np.arange(count * period) % period, period)
    shift = np.concatenate([rounds, (count - 1) * way[None]])
    return Motion(
        fps=motion.fps, root_positions=motion.root_positions[rows] + shift,
        local_rotations=motion.local_rotations[rows], contacts=motion.contacts[rows],
        rest_offsets=motion.rest_offsets, pack=motion.pack,
    )  # fmt: skip
