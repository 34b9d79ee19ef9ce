"""Beats of a motion against oscillations whose still points are known, and the music that is made up for them."""

from __future__ import annotations

import numpy as np
import pytest

from genmo.evaluation.beats import beat_closeness
from genmo.runtime.media.audio import read_audio
from genmo.runtime.media.music import BEATS, CHROMA, ENVELOPE, MFCC, PEAKS, WIDTH, music_features, normalise_music
from genmo.tests.runtime.sounds import LOOP
from genmo.training.beats import kinematic_beats, synthetic_music

FPS = 30.0


def swaying(frames: int, period: float, fps: float = FPS, size: float = 0.3) -> np.ndarray:
    """All joints sway together (T, 22, 3); the body is still twice in a period, first after a quarter of it."""
    joints = np.zeros((frames, 22, 3))
    joints[..., 0] = size * np.sin(2 * np.pi * np.arange(frames)[:, None] / fps / period)
    return joints


@pytest.mark.parametrize("fps", [24.0, 30.0, 60.0])
def test_still_points_are_beats(fps: float) -> None:
    found = np.flatnonzero(kinematic_beats(swaying(round(6 * fps), 1.2, fps), fps))
    expected = np.arange(0.3, 6.0, 0.6) * fps
    assert len(found) == len(expected)
    assert np.abs(found - expected).max() <= 0.5 + 1e-9


def test_a_held_pose_between_moves_is_one_beat() -> None:
    way = np.concatenate([np.linspace(0, 1, 30), np.full(9, 1.0), np.linspace(1, 0, 30)])
    joints = np.zeros((len(way), 22, 3))
    joints[..., 2] = way[:, None]
    assert np.flatnonzero(kinematic_beats(joints, FPS)).tolist() == pytest.approx([34], abs=1)


def test_where_and_how_it_is_danced_does_not_matter() -> None:
    random = np.random.default_rng(0)
    periods, phases = random.uniform(0.6, 2.0, (2, 1, 22, 3)) * [[[[1.0]]], [[[3.0]]]]
    joints = 0.2 * np.sin(2 * np.pi * np.arange(200)[:, None, None] / FPS / periods + phases)
    turn, _ = np.linalg.qr(random.normal(size=(3, 3)))
    assert kinematic_beats(joints, FPS).sum() > 3
    assert np.array_equal(kinematic_beats(joints, FPS), kinematic_beats(joints @ turn + [1.0, 0.0, -3.0], FPS))


def test_steady_motion_and_the_noise_of_standing_have_no_beats() -> None:
    walk = np.arange(100)[:, None, None] * np.array([0.03, 0.0, 0.01]) + np.zeros((1, 22, 1))
    noise = np.random.default_rng(0).normal(scale=2e-4, size=(300, 22, 3))
    for joints in (walk, noise, np.zeros((50, 22, 3)), swaying(200, 1.2, size=0.002)):
        assert not kinematic_beats(joints, FPS).any()


@pytest.mark.parametrize("frames", [0, 1, 2, 3, 9])
def test_short_motions(frames: int) -> None:
    beats = kinematic_beats(swaying(9, 0.3)[:frames], FPS)
    assert beats.shape == (frames,)
    assert beats.dtype == bool
    assert not beats[:1].any()
    assert not beats[-1:].any()


def pieces(beats: np.ndarray, count: int = 200, frames: int = 128) -> np.ndarray:
    random = np.random.default_rng(0)
    return np.stack([synthetic_music(beats, random, frames) for _ in range(count)])


def test_made_up_music_keeps_to_the_motion() -> None:
    """Every beat of the music is close to one of the motion, but where silence is danced through."""
    danced = kinematic_beats(swaying(128, 1.2), FPS)
    music = pieces(danced)[..., BEATS] > 0.5
    counts = music.sum(axis=1)
    assert np.percentile(counts, 5) >= 2
    assert counts.max() <= 16
    near = [beat_closeness(each, danced) for each in music]
    far = [beat_closeness(each, np.roll(danced, 9)) for each in music]
    assert np.mean(near) > 0.8
    assert np.mean(far) < 0.3


def test_the_beats_of_the_music_are_regular() -> None:
    """Out of a crowd of still points one series is chosen, in steps of one beat or several."""
    random = np.random.default_rng(1)
    danced = np.zeros(128, dtype=bool)
    danced[4::15] = True
    danced[random.choice(128, 5)] = True
    on_series = [np.flatnonzero(each[:, BEATS]) for each in pieces(danced)]
    errors = np.abs((np.concatenate(on_series) - 4 + 7) % 15 - 7)
    assert (errors <= 2).mean() > 0.75


def test_beats_come_early_late_or_not_at_all() -> None:
    danced = np.zeros(128, dtype=bool)
    danced[7::15] = True
    music = pieces(danced, 1000)[..., BEATS] > 0.5
    on_beats = music[:, danced].mean()
    next_to = music[:, np.roll(danced, 1)].mean()
    before = music[:, np.roll(danced, -1)].mean()
    assert 0.2 < on_beats < 0.8
    assert 0.05 < next_to < 0.3
    assert 0.05 < before < 0.3


def test_strokes_are_heard() -> None:
    music = pieces(kinematic_beats(swaying(128, 1.2), FPS))
    peaks = music[..., PEAKS] > 0.5
    assert set(np.unique(music[..., [PEAKS, BEATS]])) == {0.0, 1.0}
    assert not (peaks[:, 1:] & peaks[:, :-1]).any(), "strokes on neighbouring frames"
    envelope = music[..., ENVELOPE]
    assert envelope[peaks].mean() > 2.0
    assert np.median(envelope[~peaks]) < 0.5
    after = envelope[:, 2:][peaks[:, :-2] & ~peaks[:, 1:-1] & ~peaks[:, 2:]]
    assert after.mean() < 0.3 * envelope[peaks].mean(), "a stroke dies away"
    beats = music[..., BEATS] > 0.5
    assert 0.8 < peaks[beats].mean() < 0.97, "some beats are silent"
    assert (peaks & ~beats).sum() > 0.3 * peaks.sum(), "off-beats"


def test_made_up_music_looks_like_music() -> None:
    """Against a real loop, both in the space of the network."""
    real = normalise_music(music_features(np.tile(read_audio(LOOP, 15360), 4), 15360))
    made = pieces(kinematic_beats(swaying(128, 1.2), FPS), 100)
    assert made.dtype == np.float32
    assert made[..., ENVELOPE].std() == pytest.approx(real[:, ENVELOPE].std(), rel=0.3)
    assert made[..., ENVELOPE].mean() == pytest.approx(real[:, ENVELOPE].mean(), rel=0.5)
    assert made[..., MFCC].std() == pytest.approx(real[:, MFCC].std(), rel=0.2)
    assert np.allclose(np.linalg.norm(made[..., CHROMA], axis=-1), np.linalg.norm(real[0, CHROMA]), atol=1e-3)
    assert made.min(axis=(0, 1))[CHROMA].min() >= 0.0
    for lag, tolerance in ((1, 0.15), (2, 0.25)):
        assert steadiness(made[..., MFCC], lag) == pytest.approx(steadiness(real[None, :, MFCC], lag), abs=tolerance)
    assert steadiness(made[..., CHROMA], 1) > 0.9


def steadiness(values: np.ndarray, lag: int) -> float:
    """Mean autocorrelation of the columns of (N, T, C)."""
    centred = values - values.mean(axis=1, keepdims=True)
    product = (centred[:, :-lag] * centred[:, lag:]).mean(axis=1)
    return float((product / centred.var(axis=1)).mean())


def test_timbre_and_harmony_tell_nothing_of_the_beats() -> None:
    """But for loudness, which rises on strokes, they are as often up as down."""
    music = pieces(kinematic_beats(swaying(128, 1.2), FPS), 400)
    beats = music[..., BEATS] > 0.5
    others = np.delete(music, [ENVELOPE, MFCC.start, PEAKS, BEATS], axis=-1)
    difference = others[beats].mean(axis=0) - others[~beats].mean(axis=0)
    assert np.abs(difference).max() < 0.12


@pytest.mark.parametrize(("danced", "frames"), [(0, 128), (1, 128), (1, 1), (3, 40), (200, 128), (0, 1), (5, 3)])
def test_any_number_of_beats_and_frames(danced: int, frames: int) -> None:
    beats = np.zeros(max(danced, 1), dtype=bool)
    beats[:danced] = True
    for music in pieces(beats, 20, frames):
        assert music.shape == (frames, WIDTH)
        assert np.isfinite(music).all()
        assert np.abs(music).max() <= 5.0


def test_the_generator_decides_everything() -> None:
    beats = kinematic_beats(swaying(128, 1.2), FPS)
    first, again = (synthetic_music(beats, np.random.default_rng(3), 128) for _ in range(2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, synthetic_music(beats, np.random.default_rng(4), 128))
