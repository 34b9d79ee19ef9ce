"""The sound of a file as mono samples: WAV by the standard library, every other format through PyAV (FFmpeg)."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

from ..errors import RequestError, UserError
from .wav import read_wav

Samples = NDArray[np.float32]

MAX_SECONDS: Final = 3600
"""Longer files are refused: an hour of samples is what fits into memory beside the model."""
MIN_RATE: Final = 1000
MAX_RATE: Final = 768_000

_LOUDEST: Final = 1e4
"""Full scale is 1 and float files may exceed it, but not by this much: such numbers are not sound."""
_MISSING_SECONDS: Final = 0.15
_MISSING_SHARE: Final = 0.01
"""How much shorter than announced a good file may be: codecs add and drop a little at both ends."""
_ESTIMATED: Final = ("mp3", "aac", "ac3", "eac3")
"""Formats that do not store their length: FFmpeg guesses it from the bit rate."""

_ZEROS: Final = 48
_ROLL_OFF: Final = 0.94
_TAPER: Final = np.kaiser(8193, 9.0)
"""Low pass of `resample`: 48 zero crossings to each side under a Kaiser window; flat to 0.88 of the lower Nyquist
frequency, and 90 dB down beyond it (Kaiser's formula)."""


def read_audio(path: str | Path, rate: int) -> Samples:
    """The sound of a file, its channels averaged.

    Args:
        path: a WAV file (8, 16, 24, 32-bit integers, 32, 64-bit floats), or anything that FFmpeg reads where PyAV is
            installed: FLAC, MP3, OGG, the first sound track of a video.
        rate: wanted samples per second.

    Returns:
        (N,) samples, full scale is -1..1. Sample 0 falls on the beginning of the file, of a video on its first picture.

    Raises:
        RequestError: the file is missing, has no sound, is cut off, damaged or longer than an hour.
        UserError: PyAV is needed and not installed.
    """
    file = Path(path)
    track = _Track(str(file))
    try:
        with file.open("rb") as stream:
            done = read_wav(stream, str(file), track.add)
    except OSError as error:
        raise RequestError(f"{file}: cannot be read ({error.strerror or error})") from error
    if not done:
        _read_with_av(file, track)
    return resample(track.samples(), track.rate, rate)


def resample(samples: ArrayLike, rate: int, wanted: int) -> Samples:
    """Samples of a sound at another rate, by a band-limited interpolation (windowed sinc, polyphase).

    Args:
        samples: (N,) at `rate`.
        rate: samples per second.
        wanted: samples per second of the result.

    Returns:
        (ceil(N wanted / rate),): sample i is the sound at i / wanted seconds.
    """
    sound = np.ascontiguousarray(samples, dtype=np.float32)
    if rate == wanted or not len(sound):
        return sound
    common = math.gcd(rate, wanted)
    up, down = wanted // common, rate // common
    band = min(1.0, up / down)
    half = math.ceil(_ZEROS / band)
    # Outputs i, i + up, i + 2 up, ... see the same filter, `down` inputs apart. With rows that do not overlap
    # (down >= 2 half) they are one product of a matrix and a vector, without a copy.
    rows_apart = math.ceil(2 * half / down)
    up, down = up * rows_apart, down * rows_apart
    result = np.empty(-(-len(sound) * up // down), np.float32)
    padded = np.pad(sound, (half - 1, half + down))
    windows = sliding_window_view(padded, 2 * half)
    for phase in range(min(up, len(result))):
        first, rest = divmod(phase * down, up)
        outputs = result[phase::up]
        outputs[:] = windows[first::down][: len(outputs)] @ _low_pass(rest / up, half, _ROLL_OFF * band)
    return result


def _low_pass(fraction: float, half: int, cutoff: float) -> Samples:
    """Weights (2 half,) of the inputs 1 - half .. half for an output at `fraction`; `cutoff` 1 is their Nyquist."""
    distances = np.arange(1 - half, half + 1) - fraction
    taper = np.interp(distances / half, np.linspace(-1.0, 1.0, len(_TAPER)), _TAPER)
    weights = np.sinc(cutoff * distances) * taper
    return (weights / weights.sum()).astype(np.float32)


class _Track:
    """Samples of one file, gathered block by block."""

    def __init__(self, place: str) -> None:
        self.rate = 0
        self._place = place
        self._blocks: list[Samples] = []
        self._count = 0

    @property
    def seconds(self) -> float:
        """How much there is already."""
        return self._count / self.rate if self.rate else 0.0

    def add(self, block: NDArray[Any], rate: int) -> None:
        """Append samples (n, channels) of any type at `rate`.

        Raises:
            RequestError: samples that are not sound, another rate than before, or too many.
        """
        if not MIN_RATE <= rate <= MAX_RATE:
            raise RequestError(f"{self._place}: {rate} samples per second are not a sound")
        if self.rate not in (0, rate):
            raise RequestError(f"{self._place}: changes from {self.rate} to {rate} samples per second")
        with np.errstate(over="ignore", invalid="ignore"):
            mono = _full_scale(block).mean(axis=1, dtype=np.float32)
        if not (np.abs(mono) <= _LOUDEST).all():  # NaN too
            raise RequestError(f"{self._place}: is damaged, some of its samples are not numbers or far too loud")
        self.rate = rate
        self._blocks.append(mono)
        self._count += len(mono)
        if self.seconds > MAX_SECONDS:
            raise RequestError(f"{self._place}: is longer than {MAX_SECONDS // 60} minutes, cut out what is needed")

    def samples(self) -> Samples:
        """All samples (N,) so far.

        Raises:
            RequestError: there are none.
        """
        if not self._count:
            raise RequestError(f"{self._place}: has a sound track without samples")
        return np.concatenate(self._blocks)


def _full_scale(block: NDArray[Any]) -> NDArray[Any]:
    """Samples of any type as floats; integers fill -1..1, unsigned ones are centred."""
    if block.dtype.kind == "f":
        return block
    scale = 2.0 ** (8 * block.dtype.itemsize - 1)
    return block.astype(np.float32) / np.float32(scale) - np.float32(block.dtype.kind == "u")


def _read_with_av(file: Path, track: _Track) -> None:
    """Decode the first sound track of any media file."""
    av = _pyav(file)
    try:
        # A whole path is never taken for an address; from a file, FFmpeg follows no addresses of a play list either.
        with av.open(str(file.resolve())) as container:
            if not container.streams.audio:
                raise RequestError(f"{file}: has no sound")
            announced, bad, packets = _decode(av, container, track)
            guessed = container.format.name in _ESTIMATED
    except av.error.FFmpegError as error:
        raise RequestError(f"{file}: is not a sound file or is cut off ({error.strerror})") from error
    if bad > 1 + _MISSING_SHARE * packets:  # a tag in the stream of an MP3 costs one
        raise RequestError(f"{file}: is damaged, {bad} of {packets} parts cannot be decoded")
    missing = announced - track.seconds
    if not guessed and missing > _MISSING_SECONDS + _MISSING_SHARE * announced:
        raise RequestError(f"{file}: is cut off, {missing:.1f} of its {announced:.1f} seconds of sound are missing")


def _decode(av: Any, container: Any, track: _Track) -> tuple[float, int, int]:
    """Fill the track.

    Returns:
        Announced seconds of sound (0 when unknown), packets that could not be decoded, all packets.
    """
    stream = container.streams.audio[0]
    bad = packets = 0
    for packet in container.demux(stream):
        packets += 1
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            bad += 1
            continue
        for frame in frames:
            if not track.rate:
                _wait_for_first(container, frame, track)
            values = frame.to_ndarray()
            channels = frame.layout.nb_channels
            track.add(values.T if frame.format.is_planar else values.reshape(-1, channels), frame.sample_rate)
    announced = float(stream.duration * stream.time_base) if stream.duration else 0.0
    return announced, bad, packets


def _wait_for_first(container: Any, frame: Any, track: _Track) -> None:
    """Silence for as long as the sound of a video begins after its picture."""
    if frame.time is None or container.start_time is None:
        return
    late = min(frame.time - container.start_time / 1e6, MAX_SECONDS)  # FFmpeg's container times are microseconds
    if late > 0:
        track.add(np.zeros((round(late * frame.sample_rate), 1), np.float32), frame.sample_rate)


def _pyav(file: Path) -> Any:
    """The module av.

    Raises:
        UserError: it is not installed or cannot be loaded.
    """
    try:
        import av
    except (ImportError, OSError) as error:
        raise UserError(
            f"{file}: this format needs PyAV, which is not installed here; "
            "uncompressed WAV files (8, 16, 24 or 32 bits) work without it"
        ) from error
    return av
