"""Whether a motion keeps to the beat of its music: the Beat Alignment Score of dance generation.

Each beat is worth exp(-d^2 / (2 sigma^2)), d frames from the nearest beat of the other side. Two averages are published
under one name:

* over the motion's beats: Li et al., AI Choreographer (AIST++), ICCV 2021, section 5, and its released code;
* over the music's beats: Siyao et al., Bailando, CVPR 2022, which EDGE and most later tables follow.

The first rewards few, well placed beats of the body, the second many. AIST++ sets sigma = 3 frames at 60 fps; work at
30 fps keeps the 3 frames, as is done here, so numbers of both rates are not comparable. The beats of the body are those
of `training.beats.kinematic_beats`.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from genmo.runtime.media.music import BEATS
from genmo.training.beats import kinematic_beats

SIGMA: Final = 3.0
"""Frames."""


def beat_closeness(beats: ArrayLike, others: ArrayLike, sigma: float = SIGMA) -> float:
    """Mean of exp(-d^2 / (2 sigma^2)) over beats, d frames from each to the nearest of the others.

    Args:
        beats: (T,) true or 1 on the beats that are averaged over.
        others: (T,) true or 1 on the beats they are compared with.
        sigma: tolerance in frames.

    Returns:
        1 where every beat is met exactly; 0 if either has no beats, as in the code of AIST++.

    Raises:
        ValueError: the two do not have the same frames.
    """
    first, second = np.asarray(beats, dtype=bool), np.asarray(others, dtype=bool)
    if first.shape != second.shape or first.ndim != 1:
        raise ValueError(f"beats {first.shape} and others {second.shape} must both be (T,)")
    if not (first.any() and second.any()):
        return 0.0
    places = np.flatnonzero(second)
    distances = np.abs(np.flatnonzero(first)[:, None] - places).min(axis=1)
    return float(np.exp(-0.5 * (distances / sigma) ** 2).mean())


def beat_alignment(joints: ArrayLike, music: ArrayLike, fps: float, sigma: float = SIGMA) -> dict[str, float]:
    """Both Beat Alignment Scores of a motion and its music.

    Args:
        joints: (T, 22, 3) world positions, metres.
        music: (T, 35) features, normalised or not; only the beats are read.
        fps: frames per second of both.
        sigma: tolerance in frames.

    Returns:
        beat_align_motion: mean over the motion's beats (AIST++); beat_align_music: mean over the music's (Bailando,
        EDGE); motion_beats and music_beats: how many there are.

    Raises:
        ValueError: the two do not have the same frames.
    """
    motion_beats = kinematic_beats(joints, fps)
    music_beats = np.asarray(music)[:, BEATS] > 0.5
    return {
        "beat_align_motion": beat_closeness(motion_beats, music_beats, sigma),
        "beat_align_music": beat_closeness(music_beats, motion_beats, sigma),
        "motion_beats": float(motion_beats.sum()),
        "music_beats": float(music_beats.sum()),
    }
