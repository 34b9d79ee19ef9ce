"""Pinned hands and feet on a rig: many short pins of one joint are one hold that moves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...runtime.request import Pin
from ...runtime.skeleton import INDEX

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

HELD_JOINTS: Final = frozenset(("l_wrist", "r_wrist", "l_ankle", "r_ankle", "l_foot", "r_foot"))


@dataclass(frozen=True, slots=True)
class Hold:
    """A pinned hand or foot: its joint must be at its pin.

    Attributes:
        joint: a wrist, an ankle or a foot.
        start: first model frame.
        stop: model frame after the last.
        places: one place (x, y, z) in model space for each model frame of the range; () where the model's joint is.
    """

    joint: str
    start: int
    stop: int
    places: Sequence[tuple[float, float, float]] = ()


def holds_of(pins: Iterable[Pin]) -> list[Hold]:
    """The pins of hands and feet; those of one joint that follow each other without a pause are joined.

    Of two that cover the same frame the later one in the request counts, as in `runtime.constraints`.
    """
    places: dict[str, dict[int, tuple[float, float, float]]] = {}
    for pin in pins:
        if pin.joint in HELD_JOINTS:
            places.setdefault(pin.joint, {}).update(dict.fromkeys(range(pin.start, pin.stop), pin.position))
    return [hold for joint, at in places.items() for hold in _runs(joint, at)]


def _runs(joint: str, places: Mapping[int, tuple[float, float, float]]) -> list[Hold]:
    frames = np.array(sorted(places))
    parts = np.split(frames, np.flatnonzero(np.diff(frames) > 1) + 1)
    return [Hold(joint, int(part[0]), int(part[-1]) + 1, tuple(places[int(frame)] for frame in part)) for part in parts]


def covered(frames: Array, holds: Iterable[Hold]) -> dict[str, Mask]:
    """Joint -> (T,) which of the model times `frames` (T,) lie within one of its holds."""
    result: dict[str, Mask] = {}
    for hold in holds:
        inside = (frames >= hold.start) & (frames <= hold.stop - 1)
        result[hold.joint] = result.get(hold.joint, False) | inside
    return result


def placed(positions: Array, frames: Array, holds: Iterable[Hold]) -> Array:
    """Joint positions (T, 22, 3) at model times (T,) with the held joints at their pins.

    Between two model frames the joint of an interpolated pose is not where the pin is, and a pin that moves does not
    move in a straight line: so its places are interpolated by themselves.
    """
    result = positions.copy()
    for hold in holds:
        if hold.places:
            inside = np.flatnonzero((frames >= hold.start) & (frames <= hold.stop - 1))
            result[inside, INDEX[hold.joint]] = _between(np.array(hold.places), frames[inside] - hold.start)
    return result


def _between(places: Array, times: Array) -> Array:
    """Cubics through places (n, 3) at whole times, read at times (m,): Catmull and Rom (1974), ends continued."""
    if len(places) == 1:
        return np.repeat(places, len(times), axis=0)
    padded = np.concatenate([2.0 * places[:1] - places[1:2], places, 2.0 * places[-1:] - places[-2:-1]])
    if len(places) > 2:  # a parabola through three places is nearer than a straight line through two
        padded[0] = 3.0 * places[0] - 3.0 * places[1] + places[2]
        padded[-1] = 3.0 * places[-1] - 3.0 * places[-2] + places[-3]
    first = np.minimum(np.floor(times).astype(np.int64), len(places) - 2)
    t = (times - first)[:, None]
    before, start, stop, after = (padded[first + shift] for shift in range(4))
    slope = 0.5 * (stop - before)
    goal = 0.5 * (after - start)
    return (
        (2.0 * t**3 - 3.0 * t**2 + 1.0) * start
        + (t**3 - 2.0 * t**2 + t) * slope
        + (3.0 * t**2 - 2.0 * t**3) * stop
        + (t**3 - t**2) * goal
    )
