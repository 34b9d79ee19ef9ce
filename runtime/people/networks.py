"""The two networks that find people and their landmarks in a picture: MediaPipe Pose (BlazePose), Apache-2.0.

The files are made by `tools/make_pose_models.py`. What surrounds the networks follows MediaPipe's published graphs:
a detector on the whole picture gives a hip centre and a point that tells size and slant of the body; the landmark
network looks at the turned square around them and gives 33 body landmarks and the next such square.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..backends.onnx import Session, create_session
from ..errors import PackError
from ..media.video import Pixels
from ..pack import verified
from ..pack_info import PackFile

Array = NDArray[np.float64]
Float = NDArray[np.float32]

FOLDER: Final = Path(__file__).parents[1] / "packs" / "pose"
LANDMARKS: Final = 33
SURE: Final = 0.5
"""Scores above this are people."""

_DETECTOR_SIZE, _CROP_SIZE, _MAP_SIZE = 224, 256, 64
_STRIDES: Final = (8, 16, 32, 32, 32)
_SAME_BOX: Final = 0.3
_WIDER: Final = 1.25
"""The square is this much wider than the circle around the body."""
_WINDOW: Final = 9
"""Cells of the heat map, across, around a landmark that are averaged."""


@dataclass(frozen=True, slots=True)
class Region:
    """A turned square of a picture: centre x and y, side, in pixels, and the slant of the body in radians."""

    x: float
    y: float
    size: float
    slant: float

    def as_array(self) -> Array:
        """(5,): x, y, logarithm of the size, cosine and sine of the slant; may be averaged."""
        return np.array([self.x, self.y, math.log(self.size), math.cos(self.slant), math.sin(self.slant)])

    @classmethod
    def from_array(cls, values: Array) -> Region:
        """The inverse of `as_array`."""
        x, y, size, cosine, sine = (float(value) for value in values)
        return cls(x, y, math.exp(size), math.atan2(sine, cosine))

    @classmethod
    def around(cls, centre: Array, edge: Array) -> Region:
        """The square whose inner circle, a quarter smaller, has this centre and goes through `edge`, the body's top."""
        across, down = (edge - centre).tolist()
        size = max(2.0 * _WIDER * math.hypot(across, down), 2.0)
        return cls(float(centre[0]), float(centre[1]), size, math.atan2(across, -down))


@dataclass(frozen=True, eq=False, slots=True)
class Landmarks:
    """One person in one picture.

    Attributes:
        score: 0..1, whether there is a person.
        points: (33, 2) pixels.
        visible: (33,) 0..1, whether a landmark is in the picture and not hidden.
        world: (33, 3) metres from the middle of the hips, x right, y down, z away from the camera; a rough guess.
        following: where to look in the next picture.
    """

    score: float
    points: Array
    visible: Array
    world: Array
    following: Region


class PoseNetworks:
    """Detector and landmark network, loaded; used from one thread."""

    def __init__(self, threads: int | None = None, folder: Path = FOLDER) -> None:
        """Load both from the extension.

        Raises:
            PackError: a file is missing or damaged.
            UserError: ONNX Runtime is missing.
        """
        files = _files(folder)
        self._detector: Session = create_session(verified(folder, files["detector"]), "cpu", threads)
        self._landmarks: Session = create_session(verified(folder, files["landmarks"]), "cpu", threads)
        self._anchors = _anchors()

    def detect(self, pixels: Pixels) -> list[tuple[float, Region]]:
        """People in a picture (h, w, 3), the surest first, with their scores."""
        height, width = pixels.shape[:2]
        side = max(width, height)
        whole = Region(width / 2.0, height / 2.0, float(side), 0.0)
        given = sampled(pixels, whole, _DETECTOR_SIZE, black_outside=True) * np.float32(2.0) - np.float32(1.0)
        found = self._detector.run({"picture": given[None]})
        scores = _sigmoid(found["scores"][0, :, 0].astype(np.float64))
        sure = np.flatnonzero(scores >= SURE)
        values = found["boxes"][0, sure].astype(np.float64).reshape(-1, 6, 2) / _DETECTOR_SIZE
        values[:, [0, 2, 3, 4, 5]] += self._anchors[sure][:, None]
        corner = np.array([width - side, height - side]) / 2.0
        return [
            (score, Region.around(points[2] * side + corner, points[3] * side + corner))
            for score, points in _distinct(scores[sure], values)
        ]

    def landmarks(self, pixels: Pixels, region: Region) -> Landmarks:
        """The person in a region of a picture (h, w, 3)."""
        given = sampled(pixels, region, _CROP_SIZE, black_outside=False)
        found = self._landmarks.run({"picture": given[None]})
        values = found["landmarks"][0].astype(np.float64).reshape(-1, 5)
        inside = _refined(values[:, :2] / _CROP_SIZE, found["heat"][0])
        cosine, sine = math.cos(region.slant), math.sin(region.slant)
        turn = np.array([[cosine, -sine], [sine, cosine]])
        points = (inside - 0.5) @ turn.T * region.size + [region.x, region.y]
        world = found["world"][0].astype(np.float64).reshape(-1, 3)[:LANDMARKS]
        return Landmarks(
            score=float(found["score"].ravel()[0]),
            points=points[:LANDMARKS],
            visible=np.minimum(*_sigmoid(values[:LANDMARKS, 3:5]).T),
            world=np.concatenate([world[:, :2] @ turn.T, world[:, 2:]], axis=1),
            following=Region.around(points[LANDMARKS], points[LANDMARKS + 1]),
        )


def sampled(pixels: Pixels, region: Region, size: int, *, black_outside: bool) -> Float:
    """A region of a picture as the networks want it.

    Pixel i of the result lies at (i / size - 1/2) of the region's side from its centre, between four pixels, without a
    low pass: MediaPipe's convention. Half a pixel more moves landmarks by 1 to 2 pixels.

    Args:
        pixels: (h, w, 3), at least 2 x 2.
        region: where.
        size: pixels of a side of the result.
        black_outside: beyond the picture there is black, else its edge goes on.

    Returns:
        (size, size, 3) float32, 0..1.
    """
    height, width = pixels.shape[:2]
    grid = (np.arange(size, dtype=np.float32) / size - 0.5) * region.size
    cosine, sine = math.cos(region.slant), math.sin(region.slant)
    x = region.x + cosine * grid[None, :] - sine * grid[:, None]
    y = region.y + sine * grid[None, :] + cosine * grid[:, None]
    left = np.clip(x, 0, width - 2).astype(np.int32)
    top = np.clip(y, 0, height - 2).astype(np.int32)
    across = np.clip(x - left, 0, 1).astype(np.float32)[..., None]
    down = np.clip(y - top, 0, 1).astype(np.float32)[..., None]
    flat, at = pixels.reshape(-1, 3), top * width + left
    corners = [flat.take(at + step, axis=0).astype(np.float32) for step in (0, 1, width, width + 1)]
    upper = corners[0] + (corners[1] - corners[0]) * across
    lower = corners[2] + (corners[3] - corners[2]) * across
    upper += (lower - upper) * down
    if black_outside:
        upper *= ((x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1))[..., None]
    upper *= np.float32(1.0 / 255.0)
    return upper


def _files(folder: Path) -> dict[str, PackFile]:
    """The files by role, as `models.json` describes them."""
    path = folder / "models.json"
    try:
        entries = json.loads(path.read_text("utf-8"))["files"]
        return {role: PackFile(entry["file"], entry["bytes"], entry["sha256"]) for role, entry in entries.items()}
    except OSError as error:
        raise PackError(f"{path}: cannot be read ({error.strerror or error}), install the extension again") from error
    except (ValueError, KeyError, TypeError) as error:
        raise PackError(f"{path}: is damaged, install the extension again") from error


def _sigmoid(values: Array) -> Array:
    return 1.0 / (1.0 + np.exp(-np.clip(values, -80.0, 80.0)))


def _anchors() -> Array:
    """Centres (2254, 2) of the detector's cells, 0..1: two for each layer and cell, layers of one stride together."""
    result = []
    for stride in dict.fromkeys(_STRIDES):
        cells = _DETECTOR_SIZE // stride
        y, x = np.mgrid[:cells, :cells]
        centres = np.stack([(x + 0.5) / cells, (y + 0.5) / cells], axis=-1).reshape(-1, 2)
        result.append(np.repeat(centres, 2 * _STRIDES.count(stride), axis=0))
    return np.concatenate(result)


def _distinct(scores: Array, values: Array) -> list[tuple[float, Array]]:
    """Boxes (n, 6, 2), centre, size and four points, that overlap are averaged by their scores."""
    low, high = values[:, 0] - values[:, 1] / 2.0, values[:, 0] + values[:, 1] / 2.0
    areas = (high - low).prod(axis=1)
    rest, result = np.argsort(-scores), []
    while len(rest):
        best = rest[0]
        common = np.minimum(high[best], high[rest]) - np.maximum(low[best], low[rest])
        shared = np.maximum(common, 0.0).prod(axis=1)
        same = shared / (areas[best] + areas[rest] - shared + 1e-9) > _SAME_BOX
        same[0] = True
        weights = scores[rest[same]] / scores[rest[same]].sum()
        result.append((float(scores[best]), np.einsum("n,nij->ij", weights, values[rest[same]])))
        rest = rest[~same]
    return result


def _refined(points: Array, heat: Float) -> Array:
    """Landmarks (39, 2), 0..1, moved to the centre of their heat maps (64, 64, 39) where these are sure."""
    result = points.copy()
    reach = _WINDOW // 2
    cells = np.floor(points * _MAP_SIZE).astype(int)
    for index, (column, row) in enumerate(cells.tolist()):
        if not (0 <= column < _MAP_SIZE and 0 <= row < _MAP_SIZE):
            continue
        top, left = max(0, row - reach), max(0, column - reach)
        part = _sigmoid(heat[top : row + reach + 1, left : column + reach + 1, index].astype(np.float64))
        if part.max() >= SURE:
            total = part.sum() * _MAP_SIZE
            result[index, 0] = part.sum(axis=0) @ np.arange(left, left + part.shape[1]) / total
            result[index, 1] = part.sum(axis=1) @ np.arange(top, top + part.shape[0]) / total
    return result
