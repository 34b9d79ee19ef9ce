"""Music supervision without music: the motion's own beats, and made-up music that is struck on them.

No recorded dance with its music is free to ship weights of. What a dancer does with music is mostly to reach still
points on its beats, and those points every motion has: the network learns to put them where the beats channel says,
and, since everything else in the made-up features is random, to pay no heed to timbre and harmony.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

from genmo.runtime.media.music import BEATS, CHROMA, ENVELOPE, MFCC, PEAKS, WIDTH

Float = NDArray[np.float32]
Frames = NDArray[np.int64]

SMOOTH_SECONDS: Final = 5.0 / 60.0
"""Gaussian over the speed: the 5 frames at 60 fps of the published evaluations."""
APART_SECONDS: Final = 10.0 / 60.0
"""A beat is the slowest moment this far to both sides: the 10 frames at 60 fps of AIST++."""
LEAST_DIP: Final = 0.02
"""m/s by which a beat is slower than the movement around it: less is the noise of standing."""

_PERIODS: Final = np.geomspace(9.0, 32.0, 48)  # frames at 30 fps: 200 to 56 beats per minute
_PRIOR: Final = np.exp(-0.5 * (np.log2(_PERIODS / 15.0) / 0.9) ** 2)  # as in runtime.media.rhythm.tempo
_CAUGHT: Final = 2.5  # frames between the grid and a beat of the motion
_DROPPED: Final = 0.1
_FILLED: Final = 0.5
_JITTER: Final = 0.4
_SILENT_BEATS: Final = 0.12

# Measured on three loops and on made-up patterns (normalised features): what a stroke looks like, and what MFCC do.
_STROKE: Final = np.array([0.2, 1.0, 0.35, 0.1, 0.03], np.float32)
_STRENGTH: Final = (2.4, 1.1)
_HUM: Final = 0.1
_LOUDNESS_GAIN: Final = 0.4
_TIMBRE_GAIN: Final = 0.2
_FAST, _SLOW, _CHORD = 3, 40, 20  # frames between the turns of a random walk


def kinematic_beats(joints: ArrayLike, fps: float) -> NDArray[np.bool_]:
    """Frames on which a motion comes to rest for a moment: the local minima of its mean joint speed.

    Source: Li et al., AI Choreographer (AIST++), ICCV 2021, section 5; smoothed as in Siyao et al., Bailando, CVPR
    2022. Unlike there, the speed is centred on its frame, and a minimum must be 2 cm/s deep on both sides.

    Args:
        joints: (T, 22, 3) world positions, metres; positions relative to the pelvis give the beats of the limbs.
        fps: frames per second.

    Returns:
        (T,) True on beats; never on the first or last frame.
    """
    positions = np.asarray(joints)
    if len(positions) < 3:
        return np.zeros(len(positions), dtype=bool)
    speed = np.linalg.norm(np.gradient(positions, 1.0 / fps, axis=0), axis=-1).mean(axis=-1)
    deviation = SMOOTH_SECONDS * fps
    reach = int(3.0 * deviation + 0.5)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2)
    speed = np.convolve(np.pad(speed, reach, mode="edge"), weights / weights.sum(), "valid")
    apart = max(round(APART_SECONDS * fps), 1)
    around = sliding_window_view(np.pad(speed, apart, mode="edge"), 2 * apart + 1)
    before, after = around[:, :apart], around[:, apart + 1 :]
    beats = (speed < before.min(axis=1)) & (speed <= after.min(axis=1))  # the first of equal ones
    beats &= np.minimum(before.max(axis=1), after.max(axis=1)) - speed > LEAST_DIP
    beats[[0, -1]] = False
    return beats


def synthetic_music(beats: ArrayLike, rng: np.random.Generator, frames: int) -> Float:
    """Features of music that does not exist, to which a motion with these beats could have been danced.

    The most regular series of the motion's beats becomes the beats of the music: some are dropped, some come a frame
    early or late, and in every second piece the beats between, on which the body goes on moving, are struck as well.
    Strokes on parts of the beat are added. MFCC and chroma are random walks that answer to the strokes at random.

    Args:
        beats: (N,) the motion's beats (`kinematic_beats`) at 30 fps; frames from N on have none.
        rng: source of all randomness.
        frames: T.

    Returns:
        (T, 35) in the space of `runtime.media.music.normalise_music`.
    """
    danced = np.flatnonzero(np.asarray(beats, dtype=bool)[:frames])
    grid, period = _regular(danced, rng, frames)
    struck = _beats_of_music(danced, grid, rng, frames)
    strokes = np.zeros(frames, np.float32)
    strokes[_parts_of_beats(grid, period, rng, frames)] = 1.0
    strokes[struck] = rng.random(len(struck)) >= _SILENT_BEATS
    strokes[1:] *= strokes[:-1] == 0  # two on neighbouring frames are heard as one
    strength = strokes * np.clip(_normal(rng, frames) * _STRENGTH[1] + _STRENGTH[0], 0.6, 5.0)
    envelope = np.convolve(strength, _STROKE)[1 : frames + 1] + _HUM * np.abs(_normal(rng, frames))
    features = np.zeros((frames, WIDTH), np.float32)
    features[:, ENVELOPE] = np.minimum(envelope, 5.0)
    features[:, MFCC] = _timbre(features[:, ENVELOPE], rng)
    features[:, CHROMA] = _harmony(frames, rng)
    features[:, PEAKS] = strokes
    features[struck, BEATS] = 1.0
    return features


def _regular(danced: Frames, rng: np.random.Generator, frames: int) -> tuple[NDArray[np.float64], float]:
    """Times of a steady beat that meets most of the danced ones, and its period, in frames.

    A period fits as well as the danced beats, wound around a circle of that period, point the same way.
    """
    anchors = danced if len(danced) else rng.integers(0, frames, 1)
    arrows = np.exp(2j * np.pi * anchors / _PERIODS[:, None]).mean(axis=1)
    best = int(np.argmax(np.abs(arrows) * _PRIOR * rng.uniform(0.7, 1.0, len(_PERIODS))))
    period = float(_PERIODS[best])
    start = float(np.angle(arrows[best])) / (2.0 * np.pi) % 1.0 * period
    return np.arange(start, frames - 0.5, period), period


def _beats_of_music(danced: Frames, grid: NDArray[np.float64], rng: np.random.Generator, frames: int) -> Frames:
    """Frames of the music's beats: danced ones near the grid, and the grid's own where it is filled."""
    steps = np.rint(grid).astype(np.int64)
    met = np.zeros(len(grid), dtype=bool)
    if len(danced):
        nearest = danced[np.abs(danced - grid[:, None]).argmin(axis=1)]
        met = np.abs(nearest - grid) <= _CAUGHT
        steps = np.where(met, nearest, steps)
    kept = (met | (rng.random() < _FILLED)) & (rng.random(len(grid)) >= _DROPPED)
    late = (rng.random(len(grid)) < _JITTER) * rng.choice((-1, 1), len(grid))
    return np.unique((steps + late)[kept].clip(0, frames - 1))


def _parts_of_beats(grid: NDArray[np.float64], period: float, rng: np.random.Generator, frames: int) -> Frames:
    """Frames of strokes on halves and quarters of the beat; how many differs from piece to piece."""
    parts = (grid[:, None] + period * np.array([0.25, 0.5, 0.75])).ravel()
    share = rng.random() * np.tile([0.8, 1.0, 0.8], len(grid))
    chosen = np.rint(parts[rng.random(len(parts)) < share]).astype(np.int64)
    return chosen[chosen < frames]


def _timbre(envelope: Float, rng: np.random.Generator) -> Float:
    """MFCC (T, 20): walks of about unit variance; a stroke makes it louder and colours the others at random."""
    count = MFCC.stop - MFCC.start
    gains = _TIMBRE_GAIN * _normal(rng, count)
    gains[0] = _LOUDNESS_GAIN
    frames = len(envelope)
    walks = _walks(frames, count, _FAST, rng) + 0.4 * _walks(frames, count, _SLOW, rng)
    noise = 0.3 * _normal(rng, frames, count)
    return np.clip(walks + noise + (envelope[:, None] - envelope.mean()) * gains, -5.0, 5.0)


def _harmony(frames: int, rng: np.random.Generator) -> Float:
    """Chroma (T, 12): a key that leans on some notes, and chords that change slowly."""
    key = 1.0 + rng.uniform(0.1, 1.5) * _normal(rng, 12)
    chords = rng.uniform(0.1, 1.0) * _walks(frames, 12, _CHORD, rng)
    notes = np.maximum(key + chords, 0.02)
    return notes * np.sqrt(12.0 / (notes**2).sum(axis=1, keepdims=True))


def _walks(frames: int, count: int, step: int, rng: np.random.Generator) -> Float:
    """Walks (T, count) that turn every `step` frames, with variance 1 at the turns."""
    lines = _lines(frames, step)
    return lines @ _normal(rng, lines.shape[1], count)


@lru_cache(maxsize=16)
def _lines(frames: int, step: int) -> Float:
    """Weights (T, K) that draw straight lines through K values, `step` frames apart."""
    turns = np.arange(0, frames + step, step)
    return np.maximum(0.0, 1.0 - np.abs(np.arange(frames)[:, None] - turns) / step).astype(np.float32)


def _normal(rng: np.random.Generator, *shape: int) -> Float:
    return rng.standard_normal(shape, dtype=np.float32)
