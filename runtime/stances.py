"""Where feet stand: planted intervals of heel and ball from the contact channels, and one spot on the floor for each.

The ankle stands for the heel. Intervals of one foot that overlap belong to one stance (heel strike, flat foot, heel
off); their spots are a foot's length apart, so that the foot can be on both at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from . import rotation
from .skeleton import FLOOR_OFFSET
from .smoothing import hold

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

ANKLE_FLOOR: Final = 0.06
"""Lowest height of the ankle joint above the floor, metres (1 % of the training data's contacts are lower)."""
CONTACT: Final = 0.5
"""Probability of contact above which a point is planted."""
_OFF: Final = 0.4
_SHORTEST: Final = 3
_GAP: Final = 2
"""Frames: shorter intervals are flicker, and so are shorter pauses in an interval."""
_FARTHEST: Final = 0.2
"""Metres: a foot that strays farther from its spot is not standing; the interval is split where it is fastest."""
_STEP: Final = 5
"""Frames around such a split on which the foot is free to move."""
_GLIDE: Final = 6.0
"""Frames that the speed of a foot takes to settle where keys put it on different spots."""
_ON_FLOOR: Final = (0.02, 0.06)
"""Metres: a ball that floats less than the first is put on the floor; above the second it stands on something."""

HEEL: Final = 0
BALL: Final = 1


@dataclass(slots=True)
class Interval:
    """Frames `[start, stop)` on which the heel or the ball of a foot stands on a spot (3,)."""

    point: int
    start: int
    stop: int
    spot: Array


@dataclass(frozen=True, slots=True)
class Stances:
    """Spots of one foot on T frames.

    Attributes:
        planted: (T, 2) whether heel and ball stand.
        spots: (T, 2, 3) where, metres; only the planted ones count.
    """

    planted: Mask
    spots: Array


def planted_frames(contacts: Array) -> Mask:
    """Frames on which a point is planted.

    Args:
        contacts: (T,) probability of contact.

    Returns:
        (T,): from where contact rises over 0.5 to where it falls below 0.4, without flicker.
    """
    planted = np.zeros(len(contacts), dtype=bool)
    last = -_GAP - 1
    for start, stop in _runs(contacts > _OFF):
        if contacts[start:stop].max() <= CONTACT:
            continue
        planted[last if start - last <= _GAP else start : stop] = True
        last = stop
    return _long_runs(planted)


def _runs(flags: Mask) -> list[tuple[int, int]]:
    """Half-open ranges of the frames that are set."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(start), int(stop)) for start, stop in zip(edges[::2], edges[1::2], strict=True)]


def _long_runs(flags: Mask) -> Mask:
    result = np.zeros_like(flags)
    for start, stop in _runs(flags):
        result[start:stop] = stop - start >= _SHORTEST
    return result


def stances(points: Array, contacts: Array, fixed: Mask) -> Stances:
    """Planted frames and spots of one foot.

    Args:
        points: (T, 2, 3) positions of the ankle and the ball, metres.
        contacts: (T, 2) probabilities of contact.
        fixed: (T,) frames on which a constraint decides where the foot is; they decide the spot.

    Returns:
        Stances with the spots that need the least correction, none of them below the floor.
    """
    planted, spots = np.zeros(contacts.shape, dtype=bool), np.zeros(points.shape)
    for group in _groups(points, contacts, fixed):
        _settle(group, points, fixed)
        for member in group:
            frames = slice(member.start, member.stop)
            planted[frames, member.point] = True
            # Two keys in one stance may put the foot on two spots: then it has to glide from one to the other.
            strays = points[frames, member.point] - member.spot
            spots[frames, member.point] = member.spot + hold(strays, fixed[frames], _GLIDE)
    return Stances(planted, spots)


def _groups(points: Array, contacts: Array, fixed: Mask) -> list[list[Interval]]:
    """Intervals in groups that follow without a pause, their spots a foot's length apart within a group."""
    planted = np.stack([planted_frames(contacts[:, point]) for point in (HEEL, BALL)], axis=1)
    planted = _without_steps(points, planted)
    intervals = [
        Interval(point, start, stop, points[start:stop, point].mean(axis=0))
        for point in (HEEL, BALL)
        for start, stop in _runs(_long_runs(planted[:, point]))
    ]
    groups: list[list[Interval]] = []
    for interval in sorted(intervals, key=lambda member: member.start):
        if not groups or interval.start - max(member.stop for member in groups[-1]) > _GAP:
            groups.append([])
        _link(interval, groups[-1], points, fixed)
        groups[-1].append(interval)
    return groups


def _without_steps(points: Array, planted: Mask) -> Mask:
    """The planted frames (T, 2) without those on which the foot steps to another spot, whatever its contacts say."""
    result = planted.copy()
    waiting = _runs(planted[:, HEEL] | planted[:, BALL])
    while waiting:
        start, stop = waiting.pop()
        if stop - start < _SHORTEST or not _strays(points[start:stop], result[start:stop]):
            continue
        speed = np.linalg.norm(np.diff(points[start:stop], axis=0), axis=-1).max(axis=1)
        middle = start + int(speed.argmax())
        before, after = max(middle - _STEP // 2, start), min(middle + 1 + _STEP // 2, stop)
        result[before:after] = False
        waiting += [(start, before), (after, stop)]
    return result


def _strays(points: Array, planted: Mask) -> bool:
    """Whether the heel or the ball is ever far from its mean place while planted."""
    for point in (HEEL, BALL):
        places = points[planted[:, point], point]
        if len(places) and np.linalg.norm(places - places.mean(axis=0), axis=-1).max() > _FARTHEST:
            return True
    return False


def _link(interval: Interval, group: list[Interval], points: Array, fixed: Mask) -> None:
    """Moves the spot to a foot's length from that of an interval of the other end of the foot."""
    for other in reversed(group):
        start, stop = max(interval.start, other.start), min(interval.stop, other.stop)
        if other.point == interval.point or start - stop > _GAP:
            continue
        shared = slice(start, stop) if start < stop else slice(stop - 1, start + 1)
        feet = points[shared, interval.point] - points[shared, other.point]
        length = np.linalg.norm(feet[0])
        feet = feet[fixed[shared]] if fixed[shared].any() else feet
        interval.spot = other.spot + length * rotation.normalize(feet.mean(axis=0))
        return


def _settle(group: list[Interval], points: Array, fixed: Mask) -> None:
    """Moves all spots of a group together: least correction, not under the floor; constrained frames decide."""
    frames = [np.arange(member.start, member.stop) for member in group]
    decided = any(fixed[part].any() for part in frames)
    rests = [
        points[part[fixed[part]] if decided else part, member.point] - member.spot
        for part, member in zip(frames, group, strict=True)
    ]
    move = np.concatenate(rests).mean(axis=0)
    for member in group:
        member.spot = member.spot + move
    if not decided:
        lift = _to_floor(group)
        for member in group:
            member.spot = member.spot + np.array([0.0, lift, 0.0])


def _to_floor(group: list[Interval]) -> float:
    """Metres by which a group has to rise so that its balls are on the floor and nothing is below it."""
    balls = [float(member.spot[1]) - FLOOR_OFFSET for member in group if member.point == BALL]
    ankles = [float(member.spot[1]) - ANKLE_FLOOR for member in group if member.point == HEEL]
    lift = 0.0
    if balls:
        lowest = min(balls)
        floating = np.clip((lowest - _ON_FLOOR[0]) / (_ON_FLOOR[1] - _ON_FLOOR[0]), 0.0, 1.0)
        lift = -lowest * (1.0 - floating * floating * (3.0 - 2.0 * floating) if lowest > 0.0 else 1.0)
    return lift + max(0.0, *(-(height + lift) for height in ankles), 0.0)
