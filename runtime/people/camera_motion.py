"""How a camera turned, from the background of its pictures.

Each picture is laid on an earlier one, the reference, by a turn of the camera that makes their brightness agree where
the reference has edges (Gauss-Newton on three angles, coarse to fine, robust; Baker and Matthews 2004, inverse
compositional). Only what lies outside of people counts. References change when little of them is left in the picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .. import rotation
from ..media.video import Pixels
from .networks import Region
from .records import Rows

Array = NDArray[np.float64]

STILL: Final = 0.004
"""Radians that a camera may seem to turn while it stands still: about a quarter of a degree."""

_LONGEST_SIDE: Final = 320
_LEVELS: Final = 3
_CELLS: Final = (16, 12)
_PER_CELL: Final = 12
_EDGE: Final = 4.0
"""Change of brightness a pixel, of 255, from which on a pixel is an edge."""
_FEWEST: Final = 60
_STEPS: Final = (8, 5, 5)
_CLOSE: Final = 1e-5
_NOISE: Final = 6.0
"""Differences of brightness beyond which pixels lose weight."""
_AGREES: Final = 15.0
_LEFT: Final = 0.55
"""Share of the reference's edges that must be found again to go on with it."""
_LOST: Final = 0.3
_FARTHEST: Final = 0.15
"""Radians from a reference from which on a new one is taken."""


@dataclass(frozen=True, eq=False)
class _Level:
    """Edges of a reference at one resolution: where, how bright, and how brightness changes with the three angles."""

    rays: Array
    values: Array
    slopes: Array


class CameraTurns:
    """Looks at the pictures of a video in order.

    Attributes:
        rotations: rows of nine, a matrix for each picture so far: turns directions of the camera (x right, y down,
            z forward) into those of the camera at the first picture of the shot.
        agreement: for each picture the share of the background that a turn explains, 0..1.
    """

    def __init__(self, focal: float) -> None:
        """Begin a video whose focal length is `focal` times the longer side of the picture."""
        self.rotations = Rows(9)
        self.agreement: list[float] = []
        self._focal = focal
        self._levels: list[_Level] = []
        self._reference = np.eye(3)
        self._turn = np.zeros(3)

    def look(self, pixels: Pixels, people: Sequence[Region], *, cut: bool) -> None:
        """Take in the next picture (h, w, 3) with its people; after a cut everything begins anew."""
        images = _pyramid(pixels)
        if cut or not len(self.rotations):
            self._refer(images, pixels.shape, people, np.eye(3))
            self._note(np.eye(3), 1.0)
            return
        turn, share = self._aligned(images, self._turn)
        if share < _LEFT:  # what was a good beginning for a steady camera may be a bad one for a shaken one
            other, its_share = self._aligned(images, np.zeros(3))
            turn, share = (other, its_share) if its_share > share else (turn, share)
        if share < _LOST:
            turn = self._turn
        current = self._reference @ rotation.to_matrix(rotation.from_axis_angle(turn))
        self._turn = turn
        self._note(current, share)
        if share < _LEFT or float(np.linalg.norm(turn)) > _FARTHEST:
            self._refer(images, pixels.shape, people, current)

    def _note(self, turned: Array, share: float) -> None:
        self.rotations.add(turned)
        self.agreement.append(share)

    def _refer(
        self, images: list[Array], shape: tuple[int, ...], people: Sequence[Region], turned: Array
    ) -> None:
        """Take a picture as the reference."""
        self._levels = [_edges(image, self._focal, shape, people) for image in images]
        self._reference, self._turn = turned, np.zeros(3)

    def _aligned(self, images: list[Array], start: Array) -> tuple[Array, float]:
        """The turn (3,) of a picture against the reference, and the share of its edges that agree."""
        turn, share = start.copy(), 0.0
        for image, level, steps in zip(images[::-1], self._levels[::-1], _STEPS, strict=True):
            if len(level.values) < _FEWEST:
                continue
            for _ in range(steps):
                step, share = self._step(image, level, turn)
                turn = turn - step
                if float(np.abs(step).max()) < _CLOSE:
                    break
        return turn, share

    def _step(self, image: Array, level: _Level, turn: Array) -> tuple[Array, float]:
        """A step (3,) of the turn, and the share of edges that agree before it."""
        matrix = rotation.to_matrix(rotation.from_axis_angle(turn))
        seen = level.rays @ matrix  # the inverse turn: directions of the reference in those of this picture
        focal = self._focal * max(image.shape)
        depth = np.maximum(seen[:, 2], 0.1)
        x = seen[:, 0] / depth * focal + (image.shape[1] - 1) / 2.0
        y = seen[:, 1] / depth * focal + (image.shape[0] - 1) / 2.0
        inside = (x >= 0) & (x <= image.shape[1] - 1) & (y >= 0) & (y <= image.shape[0] - 1) & (seen[:, 2] > 0.1)
        if inside.sum() < _FEWEST:
            return np.zeros(3), 0.0
        missing = _at(image, x[inside], y[inside]) - level.values[inside]
        missing -= np.median(missing)  # the exposure has changed
        weights = 1.0 / (1.0 + (missing / _NOISE) ** 2)
        slopes = level.slopes[inside]
        normal = slopes.T @ (slopes * weights[:, None]) + 1e-6 * np.eye(3)
        share = float((np.abs(missing) < _AGREES).sum()) / len(level.values)
        step = np.linalg.solve(normal, slopes.T @ (weights * missing))
        return np.asarray(step, dtype=np.float64), share


def stands_still(rotations: Array) -> bool:
    """Whether rotations (N, 3, 3) of one shot are those of a camera that does not turn."""
    traces = np.trace(rotations, axis1=1, axis2=2)
    angles = np.arccos(np.clip((traces - 1.0) / 2.0, -1.0, 1.0))
    return bool(np.quantile(angles, 0.95) < STILL)


def _pyramid(pixels: Pixels) -> list[Array]:
    """Brightness at three resolutions, finest first: its green, which is most of it, averaged over squares.

    Of large squares every other pixel will do, which is four times as fast.
    """
    side = max(1, -(-max(pixels.shape[:2]) // _LONGEST_SIDE))
    step = 2 if side % 2 == 0 else 1
    images = [_halved(pixels[::step, ::step, 1].astype(np.float64), side // step)]
    while len(images) < _LEVELS:
        images.append(_halved(images[-1], 2) if min(images[-1].shape) >= 16 else images[-1])
    return images


def _halved(image: Array, side: int) -> Array:
    rows, columns = image.shape[0] // side, image.shape[1] // side
    return image[: rows * side, : columns * side].reshape(rows, side, columns, side).mean(axis=(1, 3))


def _edges(image: Array, focal_share: float, shape: tuple[int, ...], people: Sequence[Region]) -> _Level:
    """The strongest edges of each field of a picture that lie outside of people."""
    down, across = np.gradient(image, axis=0), np.gradient(image, axis=1)
    strength = np.hypot(down, across)
    strength[[0, -1]] = strength[:, [0, -1]] = 0.0
    scale = image.shape[1] / shape[1]
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
    for person in people:
        near = np.hypot(columns - person.x * scale, rows - person.y * scale) < 0.55 * person.size * scale
        strength[near] = 0.0
    fields = (rows * _CELLS[1] // image.shape[0]) * _CELLS[0] + columns * _CELLS[0] // image.shape[1]
    order = np.argsort(-strength, axis=None)
    order = order[strength.ravel()[order] > _EDGE]
    by_field = order[np.argsort(fields.ravel()[order], kind="stable")]
    field = fields.ravel()[by_field]
    rank = np.arange(len(field)) - np.searchsorted(field, field)
    y, x = np.unravel_index(by_field[rank < _PER_CELL], image.shape)
    focal = focal_share * max(image.shape)
    rays = np.stack([(x - (image.shape[1] - 1) / 2.0) / focal, (y - (image.shape[0] - 1) / 2.0) / focal], axis=-1)
    # A turn of the camera by w moves what is seen in direction (a, b, 1) by these amounts for each of its axes.
    a, b = rays[:, 0], rays[:, 1]
    moved_x = np.stack([a * b, -(1.0 + a * a), b], axis=-1) * focal
    moved_y = np.stack([1.0 + b * b, -a * b, -a], axis=-1) * focal
    slopes = across[y, x][:, None] * moved_x + down[y, x][:, None] * moved_y
    return _Level(np.concatenate([rays, np.ones((len(rays), 1))], axis=1), image[y, x], slopes)


def _at(image: Array, x: Array, y: Array) -> Array:
    """Brightness between pixels, bilinear."""
    left = np.minimum(x.astype(np.int64), image.shape[1] - 2)
    top = np.minimum(y.astype(np.int64), image.shape[0] - 2)
    right, low = x - left, y - top
    upper = image[top, left] * (1.0 - right) + image[top, left + 1] * right
    lower = image[top + 1, left] * (1.0 - right) + image[top + 1, left + 1] * right
    return upper * (1.0 - low) + lower * low
