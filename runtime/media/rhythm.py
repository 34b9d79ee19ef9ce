"""Rhythm of music from its onset envelope: tempo, strokes and beats."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Frames = NDArray[np.int64]

_USUAL_TEMPO: Final = 120.0
_TEMPO_SPREAD: Final = 0.9  # octaves
_SLOWEST, _FASTEST = 40.0, 260.0
_TEMPO_SECONDS: Final = 8.0
_REPEATS: Final = (1, 2, 4, 8)  # beats
_REPEAT_WEIGHTS: Final = (2.0, 1.0, 1.0, 1.0)
_SILENCE: Final = 1e-10
_STANDING_OUT: Final = 0.07
_TIGHTNESS: Final = 100.0
"""Ellis's weight of a steady tempo against strong onsets."""


def tempo(envelope: ArrayLike, fps: float) -> float:
    """Tempo of a piece: the beat that repeats best after 1, 2, 4 and 8 beats, those near 120 per minute preferred.

    Source: the autocorrelation of the onset envelope, summed over multiples of the beat (Davies and Plumbley,
    Context-Dependent Beat Tracking, 2007), times a log-normal prior (Ellis, Beat Tracking by Dynamic Programming,
    2007); the sum over windows of 8 seconds, one second apart. Without the multiples, syncopated loops are taken for
    5/4 or 2/3 of their tempo.

    Args:
        envelope: (T,) onset envelope.
        fps: frames per second.

    Returns:
        Beats per minute, 40 to 260, at times half or twice of what a person would count; 0 if nothing is struck
        or nothing repeats.
    """
    onsets = np.asarray(envelope, dtype=np.float64)
    if not len(onsets):
        return 0.0
    width = max(round(_TEMPO_SECONDS * fps), 4)
    taper = np.hanning(width)
    padded = np.pad(onsets - onsets.mean(), (width // 2, width))
    windows = sliding_window_view(padded, width)[: len(onsets) : max(round(fps), 1)]
    level = windows @ taper / taper.sum()  # what never changes would repeat at every lag
    repeats = _autocorrelation((windows - level[:, None]) * taper).sum(axis=0)
    if repeats[0] <= _SILENCE:
        return 0.0
    repeats /= repeats[0]
    overlap = _autocorrelation(taper)
    repeats /= np.maximum(overlap / overlap[0], 0.05)  # the taper leaves less to compare at long lags
    candidates = np.geomspace(_SLOWEST, _FASTEST, 600)
    lags = 60.0 * fps / candidates[:, None] * _REPEATS
    scores = np.interp(lags, np.arange(width), repeats, right=0.0) @ _REPEAT_WEIGHTS
    scores *= np.exp(-0.5 * (np.log2(candidates / _USUAL_TEMPO) / _TEMPO_SPREAD) ** 2)
    best = int(np.argmax(scores))
    return float(candidates[best]) if scores[best] > 0 else 0.0


def _autocorrelation(values: Array) -> Array:
    """Autocorrelation (..., W) of values (..., W), lag 0 first."""
    width = values.shape[-1]
    return np.fft.irfft(np.abs(np.fft.rfft(values, 2 * width)) ** 2)[..., :width]


def onset_peaks(envelope: ArrayLike) -> Frames:
    """Frames (n,) of the strokes: higher than both neighbours, and standing out of the 7 frames around them.

    Args:
        envelope: (T,) onset envelope; a stroke stands out by 7 % of the highest one (the threshold of librosa).
    """
    onsets = np.asarray(envelope, dtype=np.float64)
    span = float(np.ptp(onsets)) if len(onsets) else 0.0
    if span <= 0:
        return np.zeros(0, np.int64)
    height = (onsets - onsets.min()) / span
    around = sliding_window_view(np.pad(height, 3), 7)
    stands_out = height >= around.mean(axis=1) + _STANDING_OUT
    return np.flatnonzero(stands_out & (height > around[:, 2]) & (height >= around[:, 4]))


def beat_frames(envelope: ArrayLike, beats_per_minute: float, fps: float) -> Frames:
    """Frames (n,) of the beats: the series of strong onsets whose steps are closest to the tempo.

    Source: Ellis, Beat Tracking by Dynamic Programming, 2007.

    Args:
        envelope: (T,) onset envelope.
        beats_per_minute: tempo; 0 gives no beats.
        fps: frames per second; with less than two frames a beat there are no beats.
    """
    onsets = np.asarray(envelope, dtype=np.float64)
    deviation = float(onsets.std()) if len(onsets) else 0.0
    period = 60.0 * fps / beats_per_minute if beats_per_minute > 0 else 0.0
    if period < 2.0 or deviation <= 0:
        return np.zeros(0, np.int64)
    reach = np.arange(-int(period), int(period) + 1)
    bumps = np.convolve(onsets / deviation, np.exp(-0.5 * (32.0 * reach / period) ** 2))
    strength = bumps[int(period) :][: len(onsets)]
    steps = np.arange(-round(2.0 * period), -round(period / 2.0) + 1)
    penalty = -_TIGHTNESS * np.log(-steps / period) ** 2
    total, before = strength.copy(), np.full(len(strength), -1)
    first = int(np.argmax(strength >= 0.01 * strength.max()))  # beats begin with the music
    for frame in range(len(strength)):
        reached = frame + steps
        scores = penalty + np.where(reached >= 0, total[np.maximum(reached, 0)], 0.0)
        best = int(np.argmax(scores))
        total[frame] += scores[best]
        if frame >= first:
            before[frame] = max(reached[best], -1)
    return _followed_back(total, before)


def _followed_back(total: Array, before: Frames) -> Frames:
    """Frames of the best series: from the last good end through each beat's predecessor."""
    inner = total[1:-1]
    tops = 1 + np.flatnonzero((inner > total[:-2]) & (inner >= total[2:]))
    ends = tops[2.0 * total[tops] > np.median(total[tops])] if len(tops) else tops
    frame = int(ends[-1]) if len(ends) else -1
    found = []
    while frame >= 0:
        found.append(frame)
        frame = int(before[frame])
    return np.array(found[::-1], dtype=np.int64)
