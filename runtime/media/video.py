"""The pictures of a video, one after another and with their times: everything that PyAV (FFmpeg) reads.

Times come from the time stamps, so a variable frame rate needs nothing special; turned phone videos and pixels that
are not square come out as players show them. Pictures are given one at a time: memory does not grow with the length.
A folder of pictures, or one of a numbered series, is a video as well.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..errors import RequestError
from .pyav import load_pyav

Pixels = NDArray[np.uint8]

SERIES_FPS: Final = 30.0
"""Pictures per second of a series, unless somebody says otherwise."""
LONGEST_SIDE: Final = 1280
"""Pixels to which larger pictures are reduced: people are looked at in 256 pixels anyway."""
CLOSEST: Final = 1.0 / 45.0
"""Seconds that pictures lie apart at least: of 50 and 60 a second every other one is given."""
PICTURE_TYPES: Final = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".exr")

_DIAGONAL_35MM: Final = math.hypot(36.0, 24.0)
_FOCAL_KEYS: Final = ("com.apple.quicktime.camera.focal_length.35mm_equivalent", "focal_length_35mm_film")
_MOST_BAD: Final = 0.5
_THREADS: Final = 4
_MOST_PIXELS: Final = 16384 * 16384


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What a video says about itself.

    Attributes:
        width: of the picture as it is shown, pixels.
        height: likewise.
        fps: pictures per second on the average, 0 when unknown.
        seconds: length as announced, 0 when unknown.
        focal_px: focal length in the shown pixels, None when unknown.
    """

    width: int
    height: int
    fps: float
    seconds: float
    focal_px: float | None


@dataclass(frozen=True, eq=False, slots=True)
class Picture:
    """One picture.

    Attributes:
        time: seconds after the first picture of the file.
        pixels: (h, w, 3) RGB, reduced to `LONGEST_SIDE`.
        scale: shown pixels per pixel of `pixels`, (2,) across and down.
    """

    time: float
    pixels: Pixels
    scale: NDArray[np.float64]


def probe(path: str | Path, series_fps: float | None = None) -> VideoInfo:
    """What a video is, without reading it.

    Args:
        path: video, folder of pictures, or one picture of a numbered series.
        series_fps: pictures per second if it is a series.

    Raises:
        RequestError: the file is missing, damaged or has no picture; one sentence.
        UserError: PyAV is not installed.
    """
    files = series(Path(path))
    with _Source(files[0] if files else Path(path)) as source:
        first = next(source.frames(), None)
        if first is None:
            raise RequestError(f"{path}: has no picture that can be read")
        fps = source.fps if files is None else series_fps or SERIES_FPS
        seconds = source.seconds if files is None else len(files) / fps
        width, height = _shown_size(first, source.aspect)
        return VideoInfo(width, height, fps, seconds, source.focal_px(math.hypot(width, height)))


def pictures(
    path: str | Path, *, start: float = 0.0, stop: float = math.inf, series_fps: float | None = None
) -> Iterator[Picture]:
    """The pictures of a video in order, at most 45 a second.

    Args:
        path: video, folder of pictures, or one picture of a numbered series.
        start: seconds; pictures before are left out.
        stop: seconds; so are pictures from here on.
        series_fps: pictures per second if it is a series.

    Raises:
        RequestError: as `probe`, or more than half of the file cannot be decoded.
        UserError: PyAV is not installed.
    """
    last, reformatter = -math.inf, _reformatter()
    for time, frame, aspect in _timed_frames(Path(path), start, series_fps or SERIES_FPS):
        if time >= stop:
            return
        if time < start - 1e-6 or time - last < CLOSEST:
            continue
        last = time
        yield _picture(time, frame, aspect, reformatter)


def series(path: Path) -> list[Path] | None:
    """The files of a series of pictures in order, None when `path` is something else.

    A folder gives its pictures by name; a picture gives those beside it that differ in their last number only, without
    gaps from the lowest to the highest around it.

    Raises:
        RequestError: a folder without pictures.
    """
    if path.is_dir():
        found = sorted(file for file in path.iterdir() if file.suffix.lower() in PICTURE_TYPES)
        if not found:
            raise RequestError(f"{path}: is a folder without pictures")
        return found
    if path.suffix.lower() not in PICTURE_TYPES or not path.is_file():
        return None
    number = re.search(r"(\d+)$", path.stem)
    if number is None:
        return [path]
    head = path.stem[: number.start()]
    numbered: dict[int, Path] = {}
    for file in path.parent.glob(f"*{path.suffix}"):
        tail = file.stem.removeprefix(head)
        if file.stem.startswith(head) and tail.isdecimal():
            numbered[int(tail)] = file
    first = last = int(number.group())
    while first - 1 in numbered:
        first -= 1
    while last + 1 in numbered:
        last += 1
    return [numbered[index] for index in range(first, last + 1)]


def _timed_frames(path: Path, start: float, series_fps: float) -> Iterator[tuple[float, Any, float]]:
    """Times, frames of PyAV and the aspect of their pixels."""
    files = series(path)
    if files is None:
        with _Source(path) as source:
            for time, frame in source.timed_frames(start):
                yield time, frame, source.aspect
        return
    size: tuple[int, int] | None = None
    for index, file in enumerate(files):
        with _Source(file) as source:
            frame = next(source.frames(), None)
            if frame is None:
                raise RequestError(f"{file}: has no picture that can be read")
            if size not in (None, _shown_size(frame)):
                raise RequestError(f"{file}: is of another size than the pictures before it")
            size = _shown_size(frame)
            yield index / series_fps, frame, 1.0


class _Source:
    """An opened file; a context manager."""

    def __init__(self, path: Path) -> None:
        """Open the file.

        Raises:
            RequestError: it is missing, damaged or has no picture.
        """
        self._av = load_pyav(f"{path}: videos and pictures are read by PyAV")
        self._path = path
        if not path.exists():
            raise RequestError(f"{path}: is missing")
        if path.is_file() and not path.stat().st_size:
            raise RequestError(f"{path}: is empty")
        still = path.suffix.lower() in PICTURE_TYPES and path.suffix.lower() != ".webp"
        options = {"protocol_whitelist": "file"} | ({"pattern_type": "none"} if still else {})
        try:
            # A whole path is never taken for an address, and no play list leads out of this machine.
            self._container = self._av.open(str(path.resolve()), options=options)
        except (self._av.error.FFmpegError, OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise RequestError(f"{path}: is not a video, or is damaged ({reason})") from error
        moving = [each for each in self._container.streams.video if not _is_cover(each)]
        if not moving:
            what = "sound" if self._container.streams.audio else "other data"
            self._container.close()
            raise RequestError(f"{path}: has no picture, only {what}")
        self._stream = moving[0]
        self._stream.thread_type = "AUTO"
        self._stream.codec_context.thread_count = _THREADS

    def __enter__(self) -> _Source:
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    @property
    def fps(self) -> float:
        """Pictures per second, 0 when unknown."""
        rate = self._stream.average_rate or self._stream.guessed_rate
        return float(rate) if rate else 0.0

    @property
    def seconds(self) -> float:
        """Announced length, 0 when unknown."""
        if self._stream.duration:
            return float(self._stream.duration * self._stream.time_base)
        return (self._container.duration or 0) / 1e6  # FFmpeg's container times are microseconds

    @property
    def aspect(self) -> float:
        """Width of a pixel by its height."""
        aspect = self._stream.sample_aspect_ratio
        return float(aspect) if aspect and 0.1 < aspect < 10.0 else 1.0

    def focal_px(self, diagonal: float) -> float | None:
        """Focal length that a phone has written into the file, for a picture of this diagonal in pixels."""
        for tags in (self._container.metadata, self._stream.metadata):
            for key, value in tags.items():
                if key.lower() in _FOCAL_KEYS:
                    try:
                        millimetres = float(Fraction(str(value).strip()))
                    except (ValueError, ZeroDivisionError):
                        continue
                    if 4.0 <= millimetres <= 2000.0:
                        return millimetres / _DIAGONAL_35MM * diagonal
        return None

    def frames(self) -> Iterator[Any]:
        """All frames; parts that cannot be decoded are passed over, unless they are most of the file."""
        bad = packets = 0
        for packet in self._packets():
            packets += 1
            try:
                decoded = packet.decode()
            except (self._av.error.FFmpegError, ValueError):
                bad += 1
                continue
            yield from (frame for frame in decoded if 0 < frame.width * frame.height <= _MOST_PIXELS)
        if bad > 1 and bad > _MOST_BAD * packets:
            raise RequestError(f"{self._path}: is damaged, {bad} of {packets} parts cannot be decoded")

    def timed_frames(self, start: float) -> Iterator[tuple[float, Any]]:
        """Frames with seconds after the first one of the file, rising; begins at or before `start`."""
        stream = self._stream
        base, step = float(stream.time_base or 0.0), 1.0 / (self.fps or 25.0)
        zero = None if stream.start_time is None else stream.start_time * base
        if start > 1.0 and zero is not None and base:
            try:
                self._container.seek(int((zero + start) / base), stream=stream)
            except self._av.error.FFmpegError:
                self._container.seek(0)
        last = -math.inf
        for frame in self.frames():
            stamp = None if frame.pts is None else frame.pts * base
            if zero is None:
                zero = stamp or 0.0
            time = last + step if stamp is None else stamp - zero
            if math.isinf(time):
                time = 0.0
            if time > last:  # damaged files repeat and reverse stamps
                last = time
                yield time, frame

    def _packets(self) -> Iterator[Any]:
        """Packets up to the end or to where the file cannot be read on."""
        try:
            yield from self._container.demux(self._stream)
        except (self._av.error.FFmpegError, OSError):
            return


def _reformatter() -> Any:
    """Turns frames into RGB pictures; one for all, since making one costs as much as the picture."""
    load_pyav("Videos and pictures are read by PyAV")
    from av.video.reformatter import VideoReformatter

    return VideoReformatter()


def _is_cover(stream: Any) -> bool:
    """Whether a stream is the picture on the cover of a song."""
    return "attached_pic" in str(getattr(stream, "disposition", "")).lower()


def _turns(frame: Any) -> int:
    """Quarter turns to the left after which a picture is upright."""
    return round(frame.rotation / 90.0) % 4


def _square(frame: Any, aspect: float) -> tuple[int, int]:
    """Width and height of the stored picture when its pixels, of this aspect, are made square."""
    return max(1, round(frame.width * aspect)), frame.height


def _shown_size(frame: Any, aspect: float = 1.0) -> tuple[int, int]:
    """Width and height of a picture as it is shown."""
    width, height = _square(frame, aspect)
    return (height, width) if _turns(frame) % 2 else (width, height)


def _picture(time: float, frame: Any, aspect: float, reformatter: Any) -> Picture:
    width, height = _square(frame, aspect)
    share = min(1.0, LONGEST_SIDE / max(width, height))
    # A resized picture has to be at least 2 pixels in each direction, to interpolate between them.
    small = max(2, round(width * share)), max(2, round(height * share))
    pixels = reformatter.reformat(frame, small[0], small[1], format="rgb24", interpolation="AREA").to_ndarray()
    scale = np.array([width / small[0], height / small[1]])
    turns = _turns(frame)
    if turns:
        pixels = np.ascontiguousarray(np.rot90(pixels, turns))
        scale = scale[::-1] if turns % 2 else scale
    return Picture(time, pixels, scale)
