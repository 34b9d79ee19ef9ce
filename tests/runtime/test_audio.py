"""Reading sound files and resampling: against samples that are known and tones whose shape is."""

from __future__ import annotations

import math
import socket
import sys
import wave
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from genmo.runtime.errors import RequestError, UserError
from genmo.runtime.media import audio
from genmo.runtime.media.audio import read_audio, resample
from genmo.tests.runtime.sounds import LOOP, clicks, encode, tone, wav_bytes, write_wav

RATE = 16000
GOOD = wav_bytes(bytes(2000), code=1, channels=2, rate=RATE, bits=16)


@pytest.mark.parametrize(("width", "step"), [(1, 2**-7), (2, 2**-15), (3, 2**-23), (4, 2**-31)])
def test_integers_of_every_width_are_read(tmp_path: Path, width: int, step: float) -> None:
    """The standard library's own module writes, this one reads."""
    sound = tone(440, 0.1, RATE)
    integers = np.rint(sound * 2.0 ** (8 * width - 1)).astype(np.int64) + (128 if width == 1 else 0)
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(width)
        file.setframerate(RATE)
        file.writeframes(integers.astype("<i8").view(np.uint8).reshape(-1, 8)[:, :width].tobytes())
    found = read_audio(tmp_path / "a.wav", RATE)
    assert found.dtype == np.float32
    assert len(found) == len(sound)
    assert np.abs(found - sound).max() <= step / 2 + 1e-7


@pytest.mark.parametrize(("bits", "kind"), [(32, "<f4"), (64, "<f8")])
def test_floats_may_exceed_full_scale(tmp_path: Path, bits: int, kind: str) -> None:
    sound = 3.0 * tone(440, 0.1, RATE)
    (tmp_path / "a.wav").write_bytes(wav_bytes(sound.astype(kind).tobytes(), code=3, channels=1, rate=RATE, bits=bits))
    assert np.allclose(read_audio(tmp_path / "a.wav", RATE), sound, atol=1e-6)


def test_channels_are_averaged_and_the_long_format_is_known(tmp_path: Path) -> None:
    left, right = tone(440, 0.1, RATE), tone(700, 0.1, RATE, 0.2)
    samples = np.rint(np.stack([left, right, 0 * left], axis=1) * 32767).astype("<i2").tobytes()
    (tmp_path / "a.wav").write_bytes(wav_bytes(samples, code=0xFFFE, channels=3, rate=RATE, bits=16))
    assert np.allclose(read_audio(tmp_path / "a.wav", RATE), (left + right) / 3, atol=1e-4)


def test_a_size_that_was_not_known_when_it_was_written_goes_to_the_end(tmp_path: Path) -> None:
    samples = np.arange(500, dtype="<i2").tobytes()
    data = wav_bytes(samples, code=1, channels=1, rate=RATE, bits=16, size=0xFFFFFFFF)
    (tmp_path / "pipe.wav").write_bytes(data)
    assert np.allclose(read_audio(tmp_path / "pipe.wav", RATE) * 32768, np.arange(500))


def test_a_format_of_an_odd_length(tmp_path: Path) -> None:
    """Chunks begin at even places: a byte of nothing follows."""
    (tmp_path / "a.wav").write_bytes(GOOD[:16] + b"\x11\0\0\0" + GOOD[20:36] + b"\0\0" + GOOD[36:])
    assert len(read_audio(tmp_path / "a.wav", RATE)) == 500


def test_a_few_bytes_less_than_announced_are_forgiven(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(GOOD[:-9])
    assert len(read_audio(tmp_path / "a.wav", RATE)) == 497


def test_long_files_come_in_blocks_that_fit_together(tmp_path: Path) -> None:
    ramp = np.arange(600_000, dtype=np.float32) / 600_000
    (tmp_path / "a.wav").write_bytes(wav_bytes(ramp.tobytes(), code=3, channels=2, rate=RATE, bits=32))
    assert np.array_equal(read_audio(tmp_path / "a.wav", RATE), ramp.reshape(-1, 2).mean(axis=1))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (GOOD[:-1000], "is cut off, 50% of its samples are missing"),
        (GOOD[:40], "is cut off, it has no samples"),
        (GOOD[:20], "is cut off, its format is missing"),
        (GOOD[:16] + b"\xff\xff\xff\xff" + GOOD[20:], "is cut off, it has no samples"),
        (wav_bytes(b"", code=1, channels=1, rate=RATE, bits=16), "has a sound track without samples"),
        (GOOD[:32] + b"\7" + GOOD[33:], "is damaged, 2 channels of 16 bits are not 7 bytes"),
        (wav_bytes(bytes(100), code=1, channels=0, rate=RATE, bits=16), "is damaged, 0 channels"),
        (wav_bytes(bytes(100), code=1, channels=1, rate=0, bits=16), "0 samples per second are not a sound"),
        (wav_bytes(np.full(50, np.nan, "<f4").tobytes(), code=3, channels=1, rate=RATE, bits=32), "are not numbers"),
        (wav_bytes(np.full(50, 1e300, "<f8").tobytes(), code=3, channels=1, rate=RATE, bits=64), "are not numbers"),
        (b"", "is not a sound file or is cut off"),
        (b"words, words, words\n" * 50, "is not a sound file or is cut off"),
    ],
)
def test_bad_files_are_named_in_one_sentence(tmp_path: Path, data: bytes, message: str) -> None:
    file = tmp_path / "song.wav"
    file.write_bytes(data)
    with pytest.raises(RequestError) as error:
        read_audio(file, RATE)
    assert message in str(error.value)
    assert str(error.value).startswith(f"{file}: ")
    assert "\n" not in str(error.value)


def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"nothing\.wav: cannot be read"):
        read_audio(tmp_path / "nothing.wav", RATE)
    with pytest.raises(RequestError, match="cannot be read"):
        read_audio(tmp_path, RATE)


def test_too_long_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audio, "MAX_SECONDS", 60)
    (tmp_path / "a.wav").write_bytes(wav_bytes(bytes(61 * 2000), code=1, channels=1, rate=1000, bits=16))
    with pytest.raises(RequestError, match="is longer than 1 minutes, cut out what is needed"):
        read_audio(tmp_path / "a.wav", RATE)


@pytest.mark.parametrize(
    ("name", "codec", "picture"),
    [
        ("a.flac", "flac", False),
        ("a.mp3", "libmp3lame", False),
        ("a.ogg", "libopus", False),
        ("a.m4a", "aac", False),
        ("a.mp4", "aac", True),
        ("law.wav", "pcm_mulaw", False),
    ],
)
def test_other_formats_sound_the_same_at_the_same_time(tmp_path: Path, name: str, codec: str, picture: bool) -> None:
    sound = clicks(np.array([0.2, 0.55]), 1.0, 48000) + tone(440, 1.0, 48000, 0.1)
    found = read_audio(encode(tmp_path / name, sound, 48000, codec, picture=picture), 48000)
    assert len(found) == pytest.approx(len(sound), abs=1024)
    both = np.zeros((2, 1 << 17))
    both[0, : len(sound)], both[1, : len(found)] = sound, found
    first, second = np.fft.rfft(both)
    assert np.argmax(np.fft.irfft(first.conj() * second)) == 0, "it comes early or late"
    assert np.vdot(both[0], both[1]) > 0.97 * np.linalg.norm(both[0]) * np.linalg.norm(both[1])


def test_the_sound_of_a_video_waits_for_its_picture(tmp_path: Path) -> None:
    sound = tone(440, 0.5, 48000)
    found = read_audio(encode(tmp_path / "a.mp4", sound, 48000, "aac", picture=True, late=0.4), 48000)
    assert not found[: round(0.37 * 48000)].any()
    assert np.abs(found[round(0.42 * 48000) : round(0.8 * 48000)]).max() == pytest.approx(0.5, abs=0.05)


def test_a_video_without_sound(tmp_path: Path) -> None:
    encode(tmp_path / "a.mp4", np.zeros(0), 48000, "", picture=True)
    with pytest.raises(RequestError, match=r"a\.mp4: has no sound"):
        read_audio(tmp_path / "a.mp4", RATE)


@pytest.mark.parametrize("share", [0.02, 0.5, 0.85])
@pytest.mark.parametrize("name", ["a.flac", "a.mp4"])
def test_cut_off_files(tmp_path: Path, name: str, share: float) -> None:
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 2 * 48000)
    file = encode(tmp_path / name, noise, 48000, "aac" if name == "a.mp4" else "flac")
    data = file.read_bytes()
    file.write_bytes(data[: int(share * len(data))])
    with pytest.raises(RequestError, match="is cut off"):
        read_audio(file, RATE)


def test_a_damaged_file(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 2 * 48000)
    file = encode(tmp_path / "a.mp3", noise, 48000, "libmp3lame")
    data = np.frombuffer(file.read_bytes(), np.uint8).copy()
    data[1000:] = np.random.default_rng(1).integers(0, 256, len(data) - 1000)
    file.write_bytes(data.tobytes())
    with pytest.raises(RequestError, match=r"is damaged|is cut off"):
        read_audio(file, RATE)


def test_a_play_list_opens_no_connection(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}/a.ts"
        (tmp_path / "a.m3u8").write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{address}\n#EXT-X-ENDLIST\n")
        with pytest.raises(RequestError):
            read_audio(tmp_path / "a.m3u8", RATE)
        server.settimeout(0)
        with pytest.raises(BlockingIOError):
            server.accept()


def test_names_with_colons_are_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "live: http.flac").write_bytes(LOOP.read_bytes())
    monkeypatch.chdir(tmp_path)
    assert len(read_audio("live: http.flac", RATE)) == len(read_audio(LOOP, RATE))


def test_without_pyav_only_wav_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(UserError, match=r"flac: this format needs PyAV, .* WAV files .* work without it"):
        read_audio(LOOP, RATE)
    sound = tone(440, 0.1, RATE)
    assert np.allclose(read_audio(write_wav(tmp_path / "a.wav", sound, RATE), RATE), sound, atol=1e-4)


RATES = [(44100, 15360), (48000, 15360), (22050, 15360), (8000, 15360), (15360, 44100), (11025, 15360)]


@pytest.mark.parametrize(("rate", "wanted"), RATES)
def test_a_tone_keeps_its_height_place_and_loudness(rate: int, wanted: int) -> None:
    sound = tone(1000, 0.5, rate)
    found = resample(sound, rate, wanted)
    assert found.dtype == np.float32
    assert len(found) == math.ceil(Fraction(len(sound) * wanted, rate))
    inside = slice(wanted // 10, -wanted // 10)
    assert np.abs(found - tone(1000, 0.6, wanted)[: len(found)])[inside].max() < 1e-5


@pytest.mark.parametrize(("rate", "wanted"), RATES[:3])
def test_what_the_new_rate_cannot_hold_is_removed(rate: int, wanted: int) -> None:
    found = resample(tone(1.02 * wanted / 2, 0.5, rate), rate, wanted)
    assert np.abs(found[wanted // 10 : -wanted // 10]).max() < 0.5e-4  # 80 dB down


def test_resampling_of_next_to_nothing() -> None:
    assert resample([], 44100, 15360).shape == (0,)
    assert resample([1.0], 44100, 15360).shape == (1,)
    assert np.array_equal(resample([1.0, -2.0], 8000, 8000), np.array([1.0, -2.0], np.float32))
    level = resample(np.full(3000, 0.3), 44100, 15360)
    assert np.allclose(level[200:-200], 0.3, atol=1e-6)
