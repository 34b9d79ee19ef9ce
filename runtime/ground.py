"""Ground that is not flat: heights on a grid, an optional part of a request (`MotionRequest.ground`).

Motions are made over a flat floor, which is what the model knows. `flattened` takes the ground out of a request before
that, `runtime.terrain` puts the feet on it afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import fields
from .errors import RequestError
from .fields import Fields
from .smoothing import hold

if TYPE_CHECKING:
    from .request import Keyframe, MotionRequest

Array = NDArray[np.float64]

EDGE: Final = 0.08
"""Metres: neighbouring heights that differ by more, and by more than their distance, are the edge of a step."""
_MOST: Final = 250_000
_CALM: Final = 8.0
"""Frames over which the level below the body changes."""


@dataclass(frozen=True, slots=True)
class Ground:
    """Heights of the ground in model space.

    Attributes:
        origin: (x, z) of the first height, metres.
        step: metres between neighbouring heights.
        heights: rows along z; each row holds the heights along x, metres. Beyond its edges the ground goes on as there.
    """

    origin: tuple[float, float]
    step: float
    heights: tuple[tuple[float, ...], ...]


def read_ground(value: object, place: str) -> Ground:
    """The member "ground" of a request; raises RequestError."""
    data = Fields(value, place, Ground.__match_args__)

    def row(member: object, where: str) -> tuple[float, ...]:
        return fields.numbers(member, where, len(fields.items(member, where)))

    heights = data.list("heights", row, needed=True)
    if not heights or not heights[0] or any(len(other) != len(heights[0]) for other in heights):
        raise RequestError(f"{place}.heights: must be rows of the same length")
    if len(heights) * len(heights[0]) > _MOST:
        raise RequestError(f"{place}.heights: has more than {_MOST} members")
    return Ground(data.get("origin", fields.vector2), data.get("step", fields.number, 1e-3, 1e3), heights)


def heights_at(ground: Ground, points: ArrayLike) -> Array:
    """Heights (...) of the ground below points (..., 2) or (..., 3): straight on slopes, sharp at edges of steps."""
    places = np.asarray(points, dtype=np.float64)
    places = places[..., [0, -1]]
    grid = np.array(ground.heights)
    cells = (places - np.array(ground.origin)) / ground.step
    cells = np.clip(cells, 0.0, np.array([grid.shape[1] - 1, grid.shape[0] - 1]))
    low = np.floor(cells).astype(np.int64)
    high = np.minimum(low + 1, [grid.shape[1] - 1, grid.shape[0] - 1])
    share = cells - low
    corners = np.stack(
        [grid[low[..., 1], low[..., 0]], grid[low[..., 1], high[..., 0]],
         grid[high[..., 1], low[..., 0]], grid[high[..., 1], high[..., 0]]], axis=-1,
    )  # fmt: skip
    x, z = share[..., 0], share[..., 1]
    weights = np.stack([(1 - x) * (1 - z), x * (1 - z), (1 - x) * z, x * z], axis=-1)
    nearest = np.take_along_axis(corners, weights.argmax(axis=-1)[..., None], axis=-1)[..., 0]
    return np.where(np.ptp(corners, axis=-1) > max(EDGE, ground.step), nearest, np.sum(corners * weights, axis=-1))


def flattened(request: MotionRequest) -> MotionRequest:
    """The request as it would be over a flat floor: key poses, pins and kept poses come down by the ground below them.

    Args:
        request: with a ground.
    """
    ground = request.ground
    if ground is None:
        return request
    level = _level(request, ground)
    pins = [
        replace(pin, position=_lowered(pin.position, _below_pin(pin.joint, pin.start, pin.position, ground, level)))
        for pin in request.pins
    ]
    held = [
        replace(
            each,
            root_positions=each.root_positions
            and tuple(
                _lowered(place, float(level[np.clip(each.start + index, 0, request.frames - 1)]))
                for index, place in enumerate(each.root_positions)
            ),
        )
        for each in request.held
    ]
    keys = [_flat_key(key, ground) for key in request.keyframes]
    return replace(request, ground=None, pins=tuple(pins), held=tuple(held), keyframes=tuple(keys))


def _flat_key(key: Keyframe, ground: Ground) -> Keyframe:
    root = key.root_position
    return key if root is None else replace(key, root_position=_lowered(root, float(heights_at(ground, root))))


def _lowered(place: tuple[float, float, float], height: float) -> tuple[float, float, float]:
    return place[0], place[1] - height, place[2]


def _below_pin(joint: str, frame: int, place: Sequence[float], ground: Ground, level: Array) -> float:
    """Height that counts below a pin: a foot stands there, a hand belongs to a body that stands nearby."""
    stands = joint.endswith(("ankle", "foot"))
    return float(heights_at(ground, place) if stands else level[np.clip(frame, 0, len(level) - 1)])


def _level(request: MotionRequest, ground: Ground) -> Array:
    """Height (T,) of the ground below the body where a request says where that is, and between such frames."""
    values, known = np.zeros((request.frames, 1)), np.zeros(request.frames, dtype=bool)
    places = [(key.frame, key.root_position) for key in request.keyframes if key.root_position is not None]
    if request.path is not None:
        places += [(frame, (x, 0.0, z)) for frame, (x, z) in zip(request.path.frames, request.path.points, strict=True)]
    for held in request.held:
        places += [(held.start + index, place) for index, place in enumerate(held.root_positions or ())]
    for frame, place in places:
        if 0 <= frame < request.frames:
            values[frame], known[frame] = heights_at(ground, place), True
    if not known.any():
        for pin in request.pins:
            frame = min(max(pin.start, 0), request.frames - 1)
            values[frame], known[frame] = heights_at(ground, pin.position), True
    return hold(values, known, _CALM)[:, 0]
