"""A video looked at: who is in it, where their landmarks are, and how the camera turned.

Two looks: the first finds and follows everybody; then the regions around each person are smoothed over time, and the
second takes the landmarks anew in these, because a restless region makes restless landmarks. The second look also
follows the background. Both are kept (`runtime.people.store`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..errors import CancelledError, RequestError
from ..media.video import Pixels, VideoInfo, pictures, probe
from ..progress import Progress
from . import store
from .camera_motion import CameraTurns
from .identities import Person, people
from .networks import LANDMARKS, PoseNetworks, Region, sampled
from .records import Rows
from .tracking import Tracker

Array = NDArray[np.float64]
Report = Callable[[Progress], None]
Stop = Callable[[], bool]

FINDING, FOLLOWING = "Finding people", "Following people"
"""Phases, in order."""
THUMBNAIL: Final = 128
"""Pixels of a side of the picture of a person."""

LONGEST: Final = 3600.0
"""Seconds of the longest video."""
_CALM_SECONDS: Final = 0.08
"""Of the Gaussian with which regions are smoothed."""
_BRIDGED: Final = 0.35
"""Seconds without a person that the second look tries to fill."""


@dataclass(frozen=True, eq=False)
class Track:
    """One person.

    Attributes:
        frames: (n,) numbers of the pictures, rising.
        points: (n, 33, 2) landmarks in shown pixels.
        visible: (n, 33) 0..1.
        thumbnail: (128, 128, 3) picture of the person.
    """

    frames: NDArray[np.int64]
    points: Array
    visible: Array
    thumbnail: Pixels


@dataclass(frozen=True, eq=False)
class Footage:
    """A video with its people.

    Attributes:
        info: size, frame rate and what else the file says.
        times: (N,) seconds of the pictures that were looked at.
        cuts: numbers of the pictures that begin a new shot.
        tracks: people, the most prominent first.
        rotations: (N, 3, 3) turn directions of the camera into those at the beginning of the shot.
        agreement: (N,) share of the background that they explain.
        focal_px: focal length that they are right for.
    """

    info: VideoInfo
    times: Array
    cuts: tuple[int, ...]
    tracks: tuple[Track, ...]
    rotations: Array
    agreement: Array
    focal_px: float

    @property
    def seconds(self) -> float:
        """How long the pictures last."""
        step = float(np.median(np.diff(self.times))) if len(self.times) > 1 else 1.0 / 30.0
        return float(self.times[-1]) + step

    def shots(self) -> list[tuple[int, int]]:
        """Half-open ranges of pictures between cuts."""
        return list(pairwise([0, *self.cuts, len(self.times)]))


def _never() -> bool:
    return False


def _silent(_: Progress) -> None:
    return None


def look_at(
    path: str, report: Report = _silent, should_stop: Stop = _never, *, series_fps: float | None = None
) -> Footage:
    """Find and follow the people in a video, or remember them from an earlier look.

    Args:
        path: video, folder of pictures or one of a series.
        report: told of every picture.
        should_stop: asked at every picture.
        series_fps: pictures per second of a series.

    Raises:
        RequestError: the file is missing, damaged or no video; one sentence. Nobody in it is no error.
        UserError: PyAV or ONNX Runtime is missing.
        CancelledError: `should_stop` said so; finished looks are kept.
    """
    info = probe(path, series_fps)
    key = store.fingerprint(path, series_fps)
    first = store.load(key, "people")
    second = store.load(key, "tracks") if first is not None else None
    if first is not None and second is not None:
        return _footage(info, first, second)
    look = _Look(path, info, report, should_stop, series_fps)
    if first is None:
        first = look.first()
        store.save(key, "people", first)
    second = look.second(first)
    store.save(key, "tracks", second)
    return _footage(info, first, second)


def focal_of(info: VideoInfo) -> float:
    """Focal length in pixels that the file tells, else the length of the diagonal, as of a usual wide lens."""
    return info.focal_px or float(np.hypot(info.width, info.height))


class _Look:
    """Both looks at one video."""

    def __init__(self, path: str, info: VideoInfo, report: Report, stop: Stop, series_fps: float | None) -> None:
        self._path, self._info, self._report, self._stop, self._series_fps = path, info, report, stop, series_fps
        self._networks = PoseNetworks()

    def first(self) -> dict[str, NDArray[Any]]:
        """Find everybody: times (N,), cuts, and for person k frames, regions (n, 5) of the reduced picture."""
        tracker, times = Tracker(self._networks), []
        size = (1, 1)
        for index, picture in enumerate(self._pictures(FINDING, self._expected())):
            tracker.look(index, picture.pixels)
            times.append(picture.time)
            size = (picture.pixels.shape[1], picture.pixels.shape[0])
            if picture.time > LONGEST:
                raise RequestError(f"{self._path}: is longer than {LONGEST / 60:.0f} minutes, cut out what is needed")
        if not times:
            raise RequestError(f"{self._path}: has no picture that can be read")
        found = people(tracker.pieces, np.array(times), size)
        arrays: dict[str, NDArray[Any]] = {
            "times": np.array(times), "cuts": np.array(tracker.cuts, np.int64), "count": np.array(len(found)),
        }  # fmt: skip
        for number, person in enumerate(found):
            frames, regions = _regions(person, np.array(times), tracker.cuts)
            arrays[f"frames_{number}"], arrays[f"regions_{number}"] = frames, regions
            arrays[f"portrait_{number}"] = np.array(_best(person))
        return arrays

    def second(self, first: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Landmarks of everybody in calm regions, pictures of them, and the turns of the camera."""
        count, cuts = int(first["count"]), set(first["cuts"].tolist())
        where = [dict(zip(first[f"frames_{k}"].tolist(), first[f"regions_{k}"], strict=True)) for k in range(count)]
        kept = [Rows(1 + 3 * LANDMARKS) for _ in range(count)]
        portraits = [np.zeros((THUMBNAIL, THUMBNAIL, 3), np.uint8) for _ in range(count)]
        turns = CameraTurns(focal_of(self._info) / max(self._info.width, self._info.height))
        for index, picture in enumerate(self._pictures(FOLLOWING, len(first["times"]))):
            here = {k: Region.from_array(places[index]) for k, places in enumerate(where) if index in places}
            for k, region in here.items():
                found = self._networks.landmarks(picture.pixels, region)
                kept[k].add([index], found.points * picture.scale, found.visible * found.score)
                if index == int(first[f"portrait_{k}"]):
                    view = sampled(picture.pixels, replace(region, slant=0.0), THUMBNAIL, black_outside=True)
                    portraits[k] = (view * 255.0).astype(np.uint8)
            turns.look(picture.pixels, list(here.values()), cut=index in cuts)
        arrays: dict[str, NDArray[Any]] = {
            "rotations": turns.rotations.array().reshape(-1, 3, 3), "agreement": np.array(turns.agreement),
        }  # fmt: skip
        for k, rows in enumerate(kept):
            frames, points, visible = np.split(rows.array(), [1, 1 + 2 * LANDMARKS], axis=1)
            arrays[f"frames_{k}"] = frames[:, 0].astype(np.int64)
            arrays[f"points_{k}"] = points.astype(np.float32).reshape(-1, LANDMARKS, 2)
            arrays[f"visible_{k}"] = visible.astype(np.float32)
            arrays[f"thumbnail_{k}"] = portraits[k]
        return arrays

    def _expected(self) -> int:
        """About how many pictures there will be."""
        fps = self._info.fps or 30.0
        while fps > 45.0:
            fps /= 2.0
        return max(1, round(self._info.seconds * fps))

    def _pictures(self, phase: str, total: int) -> Iterable[Any]:
        """The pictures, with progress and a look at whether to stop."""
        self._report(Progress(phase, 0, total))
        for index, picture in enumerate(pictures(self._path, series_fps=self._series_fps)):
            if self._stop():
                raise CancelledError("stopped")
            yield picture
            self._report(Progress(phase, min(index + 1, total), total))
        self._report(Progress(phase, total, total))


def _best(person: Person) -> int:
    """The picture on which a person is seen best."""
    worth = [found.score * found.following.size * float(found.visible.mean()) ** 2 for found in person.found]
    return person.frames[int(np.argmax(worth))]


def _regions(person: Person, times: Array, cuts: list[int]) -> tuple[NDArray[np.int64], Array]:
    """Pictures (n,) of a person, short gaps filled, and calm regions (n, 5) there, see `Region.as_array`."""
    frames = np.array(person.frames)
    values = np.stack([found.following.as_array() for found in person.found])
    shots = np.searchsorted(cuts, frames, side="right")
    breaks = np.flatnonzero((np.diff(times[frames]) > _BRIDGED) | (np.diff(shots) > 0)) + 1
    parts = []
    for run in np.split(np.arange(len(frames)), breaks):
        grid = np.arange(int(frames[run[0]]), int(frames[run[-1]]) + 1)
        filled = np.stack([np.interp(grid, frames[run], column) for column in values[run].T], axis=-1)
        parts.append((grid, _calm(times[grid], filled)))
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def _calm(times: Array, values: Array) -> Array:
    """Values (n, k) smoothed over time, without lag."""
    result = np.empty_like(values)
    for index, time in enumerate(times):
        near = slice(*np.searchsorted(times, [time - 4 * _CALM_SECONDS, time + 4 * _CALM_SECONDS]))
        weights = np.exp(-0.5 * ((times[near] - time) / _CALM_SECONDS) ** 2)
        # A straight line through the neighbours rather than their mean: at the ends, that does not lag behind.
        apart = times[near] - time
        design = np.stack([np.ones_like(apart), apart], axis=-1) * np.sqrt(weights)[:, None]
        fitted = np.linalg.lstsq(design, values[near] * np.sqrt(weights)[:, None], rcond=None)[0]
        result[index] = fitted[0]
    return result


def _footage(info: VideoInfo, first: dict[str, NDArray[Any]], second: dict[str, NDArray[Any]]) -> Footage:
    tracks = tuple(
        Track(
            second[f"frames_{k}"],
            second[f"points_{k}"].astype(np.float64),
            second[f"visible_{k}"].astype(np.float64),
            second[f"thumbnail_{k}"],
        )
        for k in range(int(first["count"]))
    )
    cuts = tuple(first["cuts"].tolist())
    rotations, agreement = second["rotations"], second["agreement"]
    return Footage(info, first["times"], cuts, tracks, rotations, agreement, focal_of(info))
