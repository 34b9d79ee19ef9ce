"""Music features: against librosa's numbers on a real loop, tones and clicks whose answer is known, and silence."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from genmo.runtime.errors import RequestError
from genmo.runtime.media import music
from genmo.runtime.media.audio import read_audio
from genmo.runtime.media.music import (
    BEATS,
    CHROMA,
    ENVELOPE,
    MFCC,
    PEAKS,
    WIDTH,
    music_channels,
    music_features,
    normalise_music,
)
from genmo.runtime.request import Music
from genmo.tests.runtime.sounds import LOOP, clicks, tone, write_wav

RATE = 15360
FPS = 30.0


@pytest.fixture(scope="module")
def loop() -> np.ndarray:
    return read_audio(LOOP, RATE)


def test_envelope_and_mfcc_are_those_of_librosa(loop: np.ndarray) -> None:
    """Its envelope comes a frame later, and is 0 where nothing went before."""
    with np.load(LOOP.with_name("librosa.npz")) as golden:
        envelope, mfcc = golden["envelope"], golden["mfcc"]
    features = music_features(loop, RATE)
    assert features.shape == (len(mfcc), WIDTH)
    assert features.dtype == np.float32
    assert np.abs(features[:, MFCC] - mfcc).max() < 1e-3
    assert np.abs(features[2:-1, ENVELOPE] - envelope[3:]).max() < 1e-4


@pytest.mark.parametrize("rate", [RATE, 44100])
def test_every_click_is_a_beat_within_one_frame(rate: int) -> None:
    times = np.arange(0.25, 9.9, 0.5)  # 120 beats per minute
    features = music_features(clicks(times, 10.0, rate), rate, FPS)
    beats, peaks = np.flatnonzero(features[:, BEATS]), np.flatnonzero(features[:, PEAKS])
    assert len(features) == 300
    for found in (beats, peaks):
        assert len(found) == len(times)
        assert np.abs(found - FPS * times).max() <= 1.0
    assert np.abs(np.argsort(features[:, ENVELOPE])[-len(times) :, None] - FPS * times).min(axis=1).max() <= 1.0


def test_music_that_begins_with_a_stroke_begins_with_a_beat() -> None:
    features = music_features(clicks(np.arange(0.0, 6.0, 0.5), 6.0, RATE), RATE)
    assert features[0, BEATS] == features[0, PEAKS] == 1.0
    assert features[0, ENVELOPE] == pytest.approx(features[:, ENVELOPE].max())


def test_other_frame_rates_tell_the_same_times() -> None:
    times = np.arange(0.25, 9.9, 0.5)
    features = music_features(clicks(times, 10.0, 48000), 48000, 24.0)
    assert len(features) == 240
    assert np.abs(np.flatnonzero(features[:, BEATS]) - 24.0 * times).max() <= 1.0


@pytest.mark.parametrize(
    ("frequency", "note"), [(261.63, 0), (277.18, 1), (329.63, 4), (440.0, 9), (493.88, 11), (880.0, 9), (123.47, 11)]
)
def test_a_tone_is_its_note(frequency: float, note: int) -> None:
    chroma = music_features(tone(frequency, 1.0, RATE), RATE)[:, CHROMA]
    assert (chroma.argmax(axis=1) == note).all()
    assert np.allclose(np.linalg.norm(chroma, axis=1), 1.0, atol=1e-5)
    assert (chroma[:, note] > 0.75).all()
    assert (np.delete(chroma, [note - 1, note, (note + 1) % 12], axis=1) < 0.1).all()


def test_a_steady_tone_has_no_strokes() -> None:
    features = music_features(tone(440.0, 4.0, RATE), RATE)
    assert not features[5:, PEAKS].any()


@pytest.mark.parametrize("samples", [1, 511, 512, 513, 2 * RATE])
def test_silence_is_finite_and_becomes_zero(samples: int) -> None:
    features = music_features(np.zeros(samples), RATE)
    assert features.shape == (-(-samples // 512), WIDTH)
    assert np.isfinite(features).all()
    rest = np.delete(features, MFCC.start, axis=1)
    assert np.abs(rest).max() < 1e-4, "only the first MFCC, the level, has a value in silence"
    assert np.abs(normalise_music(features)).max() < 1e-4


def test_no_sound_at_all() -> None:
    assert music_features([], RATE).shape == (0, WIDTH)
    assert normalise_music(np.zeros((0, WIDTH))).shape == (0, WIDTH)


@pytest.mark.parametrize("fps", [1.0, 7.3, 1000.0])
def test_strange_frame_rates_are_finite(loop: np.ndarray, fps: float) -> None:
    features = music_features(loop[:8000], RATE, fps)
    assert len(features) == pytest.approx(8000 / RATE * fps, abs=1)
    assert np.isfinite(features).all()


def test_normalised_features_have_unit_scale(loop: np.ndarray) -> None:
    features = normalise_music(music_features(np.tile(loop, 4), RATE))
    assert features.dtype == np.float32
    assert np.allclose(features[:, MFCC].mean(axis=0), 0.0, atol=1e-4)
    assert np.allclose(features[:, MFCC].std(axis=0), 1.0, atol=0.05)
    assert features[:, ENVELOPE].std() == pytest.approx(1.0, abs=0.05)
    assert features[:, ENVELOPE].min() >= 0.0
    assert np.sqrt((features[:, CHROMA] ** 2).mean()) == pytest.approx(1.0, abs=1e-4)
    assert np.abs(features).max() <= 5.0


def test_loudness_changes_next_to_nothing(loop: np.ndarray) -> None:
    """Down to 1/30 of the loudness, nearly the noise of a 16-bit recording."""
    loud = normalise_music(music_features(loop, RATE))
    faint = normalise_music(music_features(loop / 30.0, RATE))
    assert np.abs(loud - faint).max() < 0.02
    assert np.array_equal(loud[:, BEATS], faint[:, BEATS])


def test_noise_is_not_scaled_up_to_music() -> None:
    """A hum with faint noise is nearly as flat as silence; strokes in it would be far above."""
    noise = tone(220.0, 4.0, RATE) + 1e-6 * np.random.default_rng(0).normal(size=4 * RATE)
    assert normalise_music(music_features(noise, RATE))[5:-5, ENVELOPE].max() < 1.0


@pytest.fixture
def song(tmp_path: Path, loop: np.ndarray) -> Path:
    return write_wav(tmp_path / "song.wav", np.tile(loop, 2), RATE)  # 115 frames


def file_features(path: Path) -> np.ndarray:
    return normalise_music(music_features(read_audio(path, RATE), RATE))


def test_ranges_hear_their_part_of_the_file(song: Path) -> None:
    whole = file_features(song)
    features, mask = music_channels([Music(str(song), 10, 40, 1.0)], 60, FPS)
    assert features.shape == (60, WIDTH)
    assert features.dtype == mask.dtype == np.float32
    assert np.array_equal(features[10:40], whole[30:60])
    assert np.array_equal(mask, (np.arange(60) // 10 % 6 >= 1) & (np.arange(60) < 40))
    assert not features[mask == 0].any()


def test_ranges_reach_over_both_ends_of_the_motion(song: Path) -> None:
    whole = file_features(song)
    features, mask = music_channels([Music(str(song), -20, 500)], 50, FPS)
    assert np.array_equal(features, whole[20:70])
    assert mask.all()


def test_beyond_the_end_of_the_file_there_is_no_music(song: Path) -> None:
    features, mask = music_channels([Music(str(song), 0, 100, 3.0)], 100, FPS)
    left = len(file_features(song)) - 90
    assert mask.sum() == left
    assert mask[:left].all()
    assert not features[left:].any()
    assert not music_channels([Music(str(song), 0, 100, 60.0)], 100, FPS)[1].any()


def test_the_later_of_two_ranges_is_heard(song: Path, tmp_path: Path) -> None:
    other = write_wav(tmp_path / "other.wav", clicks(np.arange(0.1, 1.9, 0.4), 2.0, 22050), 22050)
    first, second = file_features(song), file_features(other)
    features, mask = music_channels([Music(str(song), 0, 100), Music(str(other), 20, 100)], 100, FPS)
    assert np.array_equal(features[:20], first[:20])
    assert np.array_equal(features[20:80], second)
    assert np.array_equal(features[80:], first[80:100]), "the other one has ended"
    assert mask.all()


def test_no_music_and_music_outside(song: Path) -> None:
    for ranges in ([], [Music(str(song), 50, 90)], [Music("missing.wav", -9, 0)]):
        features, mask = music_channels(ranges, 30, FPS)
        assert features.shape == (30, WIDTH)
        assert not features.any()
        assert not mask.any()


def test_a_bad_file_is_an_error_of_the_request() -> None:
    with pytest.raises(RequestError, match=r"missing\.wav: cannot be read"):
        music_channels([Music("missing.wav", 0, 10)], 30, FPS)


def test_a_file_is_read_again_only_when_it_changed(song: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = []

    def counted(path: str, rate: int) -> np.ndarray:
        reads.append(path)
        return read_audio(path, rate)

    monkeypatch.setattr(music, "read_audio", counted)
    ranges = [Music(str(song), 0, 20), Music(str(song), 20, 40)]
    before, _ = music_channels(ranges, 40, FPS)
    before[:] = 9.0  # the caller may do with its arrays what it likes
    assert music_channels(ranges, 40, FPS)[0].max() <= 5.0
    assert len(reads) == 1
    write_wav(song, tone(440, 1.0, RATE), RATE)
    os.utime(song, ns=(1, 1))
    assert music_channels(ranges, 40, FPS)[1].sum() == 40.0
    assert len(reads) == 2
