"""Tempo, strokes and beats: against rhythms that are laid down."""

from __future__ import annotations

import numpy as np
import pytest

from genmo.runtime.media.audio import read_audio
from genmo.runtime.media.music import ENVELOPE, music_features
from genmo.runtime.media.rhythm import beat_frames, onset_peaks, tempo
from genmo.tests.runtime.sounds import LOOP, clicks

FPS = 30.0
RATE = 15360


def envelope_of(frames: np.ndarray, strengths: np.ndarray | float, count: int) -> np.ndarray:
    """Strokes that take one frame to die away, over a little noise (T,)."""
    envelope = 0.02 * np.random.default_rng(0).random(count)
    envelope[frames] += strengths
    envelope[frames[frames + 1 < count] + 1] += 0.3
    return envelope


@pytest.mark.parametrize("beats_per_minute", [75.0, 90.0, 111.7, 120.0, 140.0, 163.0])
def test_tempo_of_clicks(beats_per_minute: float) -> None:
    times = np.arange(0.1, 15.0, 60.0 / beats_per_minute)
    envelope = music_features(clicks(times, 15.0, RATE), RATE)[:, ENVELOPE]
    assert tempo(envelope, FPS) == pytest.approx(beats_per_minute, rel=0.01)


def test_tempo_of_a_real_loop() -> None:
    """One bar of four beats: its length tells the tempo."""
    loop = read_audio(LOOP, RATE)
    envelope = music_features(np.tile(loop, 4), RATE)[:, ENVELOPE]
    assert tempo(envelope, FPS) == pytest.approx(4 * 60 * RATE / len(loop), rel=0.01)


def test_a_bar_of_dotted_strokes_keeps_its_tempo() -> None:
    """3 + 3 + 2 quarters of a beat: two steps of three are 3/4 of a beat, and no step is a beat."""
    strokes = np.rint((np.arange(24)[:, None] * 2 + [0.0, 0.75, 1.5]).ravel() * 15.0).astype(int)
    assert tempo(envelope_of(strokes, 1.0, 720), FPS) == pytest.approx(120.0, rel=0.01)


def test_one_stroke_is_no_tempo() -> None:
    assert tempo(np.eye(1, 300, 150)[0], FPS) == 0.0


@pytest.mark.parametrize("envelope", [np.zeros(0), np.zeros(1), np.zeros(400), np.full(400, 2.0)])
def test_nothing_struck_is_no_rhythm(envelope: np.ndarray) -> None:
    assert tempo(envelope, FPS) == 0.0
    assert onset_peaks(envelope).shape == (0,)
    assert beat_frames(envelope, 0.0, FPS).shape == (0,)
    assert beat_frames(envelope, 120.0, FPS).shape == (0,)


def test_peaks_are_the_strokes() -> None:
    strokes = np.array([0, 7, 20, 24, 50, 99])
    assert np.array_equal(onset_peaks(envelope_of(strokes, 1.0, 100)), strokes)
    faint = envelope_of(strokes, np.array([1.0, 1.0, 1.0, 0.05, 1.0, 1.0]), 100)
    faint[25] = 0.0
    assert np.array_equal(onset_peaks(faint), np.delete(strokes, 3))
    assert np.array_equal(onset_peaks([0.0, 1.0, 1.0, 0.0]), [1]), "a flat top is one stroke"


def test_beats_go_on_where_a_stroke_is_missing() -> None:
    beats = np.arange(5, 300, 15)
    struck = np.delete(beats, [6, 11, 12])
    found = beat_frames(envelope_of(struck, 1.0, 300), 120.0, FPS)
    assert len(found) == len(beats)
    assert np.abs(found - beats).max() <= 1


def test_beats_follow_a_tempo_that_drifts() -> None:
    beats = np.rint(np.cumsum(np.linspace(14.0, 16.5, 20))).astype(int)
    found = beat_frames(envelope_of(beats, 1.0, beats[-1] + 10), 120.0, FPS)
    assert np.array_equal(found, beats)


def test_beats_begin_with_the_music() -> None:
    beats = np.arange(95, 300, 15)
    envelope = envelope_of(beats, 1.0, 300)
    envelope[:90] = 0.0
    found = beat_frames(envelope, 120.0, FPS)
    assert np.abs(found[found >= 90][:, None] - beats).min(axis=1).max() <= 1
    assert (found < 90).sum() <= 1


def test_too_few_frames_for_a_beat() -> None:
    assert beat_frames(np.eye(1, 50)[0], 120.0, 3.0).shape == (0,)
