"""Sound files for tests: WAV written by hand, everything else by PyAV, and music whose beats are known."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

LOOP = Path(__file__).parents[1] / "data" / "music" / "loop_breakbeat.flac"


def tone(frequency: float, seconds: float, rate: int, level: float = 0.5) -> np.ndarray:
    """A sine (N,)."""
    return level * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)


def clicks(times: np.ndarray, seconds: float, rate: int) -> np.ndarray:
    """Short strokes of 1 kHz at the given seconds (N,)."""
    sound = np.zeros(round((seconds + 1) * rate))
    stroke = tone(1000, 0.1, rate) * np.exp(-np.arange(rate // 10) / rate * 100)
    for time in times:
        start = round(time * rate)
        sound[start : start + len(stroke)] += stroke
    return sound[: round(seconds * rate)]


def wav_bytes(data: bytes, *, code: int, channels: int, rate: int, bits: int, size: int | None = None) -> bytes:
    """A RIFF file with a list of an odd length before the samples; `size` is what it says of `data`."""
    frame = channels * bits // 8
    if code == 0xFFFE:  # PCM by its long name
        extra = struct.pack("<HHI16s", 22, bits, 0, bytes.fromhex("0100000000001000800000aa00389b71"))
    else:
        extra = b""
    head = struct.pack("<HHIIHH", code, channels, rate, rate * frame, frame, bits) + extra
    chunks = b"fmt " + struct.pack("<I", len(head)) + head + b"LIST" + struct.pack("<I", 3) + b"abc\0"
    chunks += b"data" + struct.pack("<I", len(data) if size is None else size) + data
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WAVE" + chunks


def write_wav(path: Path, sound: np.ndarray, rate: int) -> Path:
    """Write a sound (N,) or (N, channels) as 16-bit PCM."""
    samples = np.rint(np.clip(sound, -1, 1) * 32767).astype("<i2")
    channels = 1 if sound.ndim == 1 else sound.shape[1]
    path.write_bytes(wav_bytes(samples.tobytes(), code=1, channels=channels, rate=rate, bits=16))
    return path


def encode(path: Path, sound: np.ndarray, rate: int, codec: str, *, late: float = 0.0, picture: bool = False) -> Path:
    """Write a sound (N,) with PyAV in the format of the file's ending.

    Args:
        path: file to write.
        sound: samples (N,).
        rate: samples per second.
        codec: FFmpeg's name of the encoder, "" for no sound.
        late: seconds after the beginning at which the sound starts.
        picture: whether there is a video of one second as well.
    """
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=25, width=32, height=32, pix_fmt="yuv420p") if picture else None
        stream = container.add_stream(codec, rate=rate, layout="mono") if codec else None  # before the first packet
        for number in range(25 if video else 0):
            image = av.VideoFrame.from_ndarray(np.zeros((48, 32), np.uint8), format="yuv420p")
            image.pts, image.time_base = number, Fraction(1, 25)
            container.mux(video.encode(image))
        if video:
            container.mux(video.encode(None))
        if stream is None:
            return path
        samples = np.rint(sound * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), round(late * rate)
        resampler = av.AudioResampler(stream.format, "mono", rate, frame_size=stream.frame_size or 1024)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    return path
