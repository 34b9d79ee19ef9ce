"""What the model hears of music: 35 numbers per frame, in the layout of EDGE's baseline features.

The layout (Tseng, Castellon, Liu: EDGE, CVPR 2023): onset envelope, 20 MFCC, 12 chroma, onset peaks, beats. Envelope
and MFCC are defined as in librosa, which EDGE calls. What differs: the envelope is one frame earlier, which puts beats
on the frame on which they are heard (librosa's come one frame of 1/30 s late); chroma comes from the short-time Fourier
transform instead of a constant-Q transform; onset peaks and beats are those of `rhythm`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

from ..request import Music
from .audio import Samples, read_audio, resample
from .rhythm import beat_frames, onset_peaks, tempo

Array = NDArray[np.float64]
Features = NDArray[np.float32]

WIDTH: Final = 35
ENVELOPE: Final = 0
MFCC: Final = slice(1, 21)
CHROMA: Final = slice(21, 33)
PEAKS: Final = 33
BEATS: Final = 34

HOP: Final = 512
"""Samples per frame: the analysis runs at 512 fps samples per second, 15360 Hz at 30 frames."""

_WINDOW: Final = 2048
_CHROMA_WINDOW: Final = 4096  # neighbouring notes are told apart from A2 on
_MELS: Final = 128
_DYNAMIC_RANGE: Final = 80.0  # dB
_FAINTEST: Final = 1e-10  # power
_BLOCK: Final = 512  # frames that are transformed at once
_LEAD: Final = 2  # frames before the sound, see _onset_envelope
_CHROMA_FRAMES: Final = 41  # of smoothing

_LEAST_ENVELOPE: Final = 0.5  # dB
_LEAST_MFCC: Final = 1.0  # dB
"""Less variation than this is noise and is not scaled up to unit size."""
_CHROMA_SCALE: Final = math.sqrt(12.0)
_LIMIT: Final = 5.0


def raw_channels(music: Sequence[Music], frames: int, fps: float) -> tuple[Features, Features]:
    """As `music_channels`, but the features as they are, which is how EDGE's baseline and GENMO take them."""
    return _laid_out(music, frames, fps, _raw_file_features)


def music_channels(music: Sequence[Music], frames: int, fps: float) -> tuple[Features, Features]:
    """The music of a whole request as the network reads it.

    Features are computed over a whole file and normalised over it (`normalise_music`), then laid on the model frames:
    frame `start` hears the frame of the file nearest to `source_start`. So the same second of a song looks the same
    wherever it is placed. Where ranges overlap the later one of the list is heard. Beyond the end of a file there is
    no music: the mask is 0 there, or an earlier range goes on to be heard.

    Args:
        music: ranges of the request; parts outside `[0, frames)` are left out.
        frames: T.
        fps: frames per second.

    Returns:
        Normalised features (T, 35), zero without music, and the mask (T,): 1 where there is music, else 0.

    Raises:
        RequestError, UserError: a file cannot be read, see `read_audio`.
    """
    return _laid_out(music, frames, fps, _file_features)


def _laid_out(
    music: Sequence[Music], frames: int, fps: float, of_file: Callable[[str, tuple[int, int], float], Features]
) -> tuple[Features, Features]:
    """Features of files on the frames of a request, and where there are any."""
    features, mask = np.zeros((frames, WIDTH), np.float32), np.zeros(frames, np.float32)
    for track in music:
        start, stop = max(track.start, 0), min(track.stop, frames)
        if start >= stop:
            continue
        first = round(track.source_start * fps) + start - track.start
        source = of_file(track.path, _stamp(track.path), fps)[first:][: stop - start]
        features[start : start + len(source)] = source
        mask[start : start + len(source)] = 1.0
    return features, mask


def _stamp(path: str) -> tuple[int, int]:
    """What changes when a file is written again: its time and size; zeros when there is none."""
    try:
        status = Path(path).stat()
    except OSError:
        return 0, 0  # reading it will say why
    return status.st_mtime_ns, status.st_size


@lru_cache(maxsize=4)
def _file_features(path: str, stamp: tuple[int, int], fps: float) -> Features:
    """Normalised features of a whole file, read-only; kept, since the next take is mostly of the same music."""
    features = normalise_music(_raw_file_features(path, stamp, fps))
    features.flags.writeable = False
    return features


@lru_cache(maxsize=4)
def _raw_file_features(path: str, stamp: tuple[int, int], fps: float) -> Features:
    """Features of a whole file as they are, read-only."""
    rate = round(fps * HOP)
    features = np.asarray(music_features(read_audio(path, rate), rate, fps), np.float32)
    features.flags.writeable = False
    return features


def normalise_music(features: ArrayLike) -> Features:
    """Features at about unit scale, whatever the loudness and the timbre of a recording.

    The constants are fixed, the statistics are those of the file: that makes the values independent of the level at
    which it was recorded and of its equaliser, and keeps quiet and loud music alike for the network.

    * Envelope: divided by its standard deviation, so 0 stays 0 and strong onsets are about 3.
    * MFCC: each coefficient less its mean, divided by its standard deviation.
    * Chroma: times sqrt(12), so that 12 equally strong notes are 1 each.
    * Peaks and beats: 0 or 1 as they are.

    Standard deviations below 0.5 dB (envelope) and 1 dB (MFCC) count as that much; all values are cut at +-5.

    Args:
        features: (T, 35) of a whole file (`music_features`).

    Returns:
        (T, 35); zero for silence.
    """
    result = np.array(features, dtype=np.float32)
    if not len(result):
        return result
    result[:, ENVELOPE] /= max(float(result[:, ENVELOPE].std()), _LEAST_ENVELOPE)
    mfcc = result[:, MFCC].astype(np.float64)
    result[:, MFCC] = (mfcc - mfcc.mean(axis=0)) / np.maximum(mfcc.std(axis=0), _LEAST_MFCC)
    result[:, CHROMA] *= _CHROMA_SCALE
    return np.clip(result, -_LIMIT, _LIMIT)


def music_features(samples: ArrayLike, rate: int, fps: float = 30.0) -> Features:
    """The 35 features of each frame of a recording.

    Args:
        samples: (N,) mono, full scale -1..1.
        rate: samples per second.
        fps: frames per second.

    Returns:
        (T, 35) with T = ceil(N fps / rate); frame t is centred at t / fps seconds. Column 0: onset envelope, mean
        rise of the 128 mel bands in dB per frame; 1..20: MFCC in dB; 21..32: chroma C, C#, ... B, of unit length or
        0 in silence; 33: 1 where something is struck; 34: 1 on beats. Silence is 0 but for the first MFCC.
    """
    wanted = round(fps * HOP)
    sound = resample(samples, rate, wanted)
    frames = -(-len(sound) // HOP)
    features = np.zeros((frames, WIDTH), np.float32)
    if not frames:
        return features
    mel = _mel_levels(np.pad(sound, (_LEAD * HOP, 0)), wanted)
    envelope = _onset_envelope(mel)
    features[:, ENVELOPE] = envelope
    features[:, MFCC] = mel[_LEAD:] @ _cosines(20)
    features[:, CHROMA] = _chroma(sound, wanted)
    features[onset_peaks(envelope), PEAKS] = 1.0
    features[beat_frames(envelope, tempo(envelope, fps), fps), BEATS] = 1.0
    return features


def _spectra(sound: Samples, size: int) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """Power spectra (n, size / 2 + 1) of windows centred on the frames, block by block, and their frames."""
    frames = -(-len(sound) // HOP)
    padded = np.pad(sound, (size // 2, size // 2 + HOP))
    windows = sliding_window_view(padded, size)[::HOP][:frames]
    taper = np.hanning(size + 1)[:-1].astype(np.float32)
    for start in range(0, frames, _BLOCK):
        block = np.fft.rfft(windows[start : start + _BLOCK] * taper)
        yield slice(start, start + len(block)), (np.abs(block) ** 2).astype(np.float32)


def _mel_levels(sound: Samples, rate: int) -> NDArray[np.float32]:
    """Levels (T, 128) of mel bands in dB, those 80 dB under the loudest raised to that."""
    bands = _mel_bands(rate)
    power = np.concatenate([spectra @ bands for _, spectra in _spectra(sound, _WINDOW)])
    levels = 10.0 * np.log10(np.maximum(power, np.float32(_FAINTEST)))
    return np.maximum(levels, levels.max() - _DYNAMIC_RANGE)


def _mel_bands(rate: int) -> NDArray[np.float32]:
    """Weights (1025, 128) of triangular bands of equal area on Slaney's mel scale (Auditory Toolbox, 1998)."""
    knee, slope = 1000.0, 27.0 / math.log(6.4)  # linear below, logarithmic above: 15 mel at 1 kHz
    top = rate / 2.0
    highest = top * 3.0 / 200.0 if top < knee else 15.0 + slope * math.log(top / knee)
    mels = np.linspace(0.0, highest, _MELS + 2)
    edges = np.where(mels < 15.0, mels * 200.0 / 3.0, knee * np.exp((mels - 15.0) / slope))
    frequencies = np.arange(_WINDOW // 2 + 1)[:, None] * rate / _WINDOW
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    rising, falling = (frequencies - low) / (middle - low), (high - frequencies) / (high - middle)
    return (np.maximum(0.0, np.minimum(rising, falling)) * 2.0 / (high - low)).astype(np.float32)


def _cosines(count: int) -> NDArray[np.float32]:
    """The first `count` columns of the orthonormal cosine transform (type II) of 128 values."""
    waves = np.cos(np.pi * np.arange(count) * (np.arange(_MELS)[:, None] + 0.5) / _MELS)
    waves[:, 0] /= math.sqrt(2.0)
    return (waves * math.sqrt(2.0 / _MELS)).astype(np.float32)


def _onset_envelope(mel: NDArray[np.float32]) -> Array:
    """Mean rise (T,) of the mel bands (T + 2, 128) that begin two frames before the sound."""
    # The long window rises before what it hears: two frames on, a stroke falls on its own frame.
    envelope = np.maximum(mel[1:-1] - mel[:-2], 0.0).mean(axis=1, dtype=np.float64)
    # All sound begins out of nothing, also where a song was cut: that is no stronger than any stroke.
    envelope[:_LEAD] = np.minimum(envelope[:_LEAD], envelope[_LEAD:].max(initial=0.0))
    return envelope


def _chroma(sound: Samples, rate: int) -> NDArray[np.float32]:
    """Strength (T, 12) of the notes C to B: energy-normalised, quantised and smoothed (CENS, Mueller 2005)."""
    weights = _note_weights(rate)
    shares = np.zeros((-(-len(sound) // HOP), 12), np.float32)
    for frames, spectra in _spectra(sound, _CHROMA_WINDOW):
        shares[frames] = np.sqrt(spectra) @ weights
    total = shares.sum(axis=1, keepdims=True)
    shares /= np.where(total > _FAINTEST, total, np.inf)
    steps = sum(0.25 * (shares > threshold) for threshold in (0.05, 0.1, 0.2, 0.4))
    smooth = np.hanning(_CHROMA_FRAMES + 2)[1:-1]
    padded = np.pad(steps, ((_CHROMA_FRAMES // 2, _CHROMA_FRAMES // 2), (0, 0)))
    notes = sliding_window_view(padded, _CHROMA_FRAMES, axis=0) @ (smooth / smooth.sum())
    length = np.linalg.norm(notes, axis=1, keepdims=True)
    return (notes / np.where(length > 0, length, 1.0)).astype(np.float32)


def _note_weights(rate: int) -> NDArray[np.float32]:
    """Share (2049, 12) of each frequency in the notes C to B, tuned to A = 440 Hz; the middle octaves count most."""
    frequencies = np.arange(1, _CHROMA_WINDOW // 2 + 1) * rate / _CHROMA_WINDOW
    notes = 12.0 * np.log2(frequencies / 440.0) + 9.0  # C is 0
    apart = (notes[:, None] - np.arange(12) + 6.0) % 12.0 - 6.0
    bin_width = np.maximum(1.0, 12.0 * np.log2(1.0 + rate / _CHROMA_WINDOW / frequencies))[:, None]
    octaves = np.log2(frequencies / 32.7)[:, None]  # above C1
    weights = np.exp(-0.5 * (2.0 * apart / bin_width) ** 2 - 0.5 * ((octaves - 4.5) / 2.0) ** 2)
    return np.concatenate([np.zeros((1, 12)), weights]).astype(np.float32)
