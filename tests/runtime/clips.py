"""Small videos made by the tests themselves: a figure of flat colours, any size, rate, codec and turn."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


def card(number: int, width: int = 64, height: int = 48) -> Pixels:
    """A picture whose brightness tells its number, with a white corner at the upper left."""
    pixels = np.full((height, width, 3), 10 + 5 * (number % 45), np.uint8)
    pixels[: height // 4, : width // 4] = 255
    return pixels


def number_of(pixels: Pixels) -> int:
    """The number of a card, from its middle."""
    height, width = pixels.shape[:2]
    return round((float(pixels[height // 2 - 2 : height // 2 + 2, width // 2 - 2 : width // 2 + 2].mean()) - 10) / 5)


def write_clip(
    path: Path,
    pictures: Sequence[Pixels],
    *,
    fps: float = 30.0,
    times: Sequence[float] | None = None,
    codec: str = "libx264",
    turn: int = 0,
    aspect: Fraction | None = None,
    metadata: dict[str, str] | None = None,
) -> Path:
    """Write a video.

    Args:
        path: its ending chooses the container.
        pictures: (h, w, 3) each.
        fps: pictures per second.
        times: seconds of each picture, for a variable frame rate.
        codec: of FFmpeg.
        turn: degrees counterclockwise that a player shall turn the pictures.
        aspect: width of a pixel by its height.
        metadata: tags of the file.
    """
    height, width = pictures[0].shape[:2]
    with av.open(str(path), "w") as container:
        container.metadata.update(metadata or {})
        stream: Any = container.add_stream(codec, rate=Fraction(fps).limit_denominator(1001))
        stream.width, stream.height = width, height
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.bit_rate = 8_000_000
        base = Fraction(1, 1000) if codec == "libx264" else 1 / Fraction(fps).limit_denominator(1001)
        stream.codec_context.time_base = base
        if codec == "libx264":
            stream.options = {"crf": "10", "preset": "ultrafast"}
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        for index, pixels in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format=stream.pix_fmt)
            seconds = index / fps if times is None else times[index]
            frame.pts, frame.time_base = round(seconds / base), base
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return _turned(path, turn) if turn else path


def write_sound(path: Path) -> Path:
    """A file with sound and no picture."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("aac", rate=16000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 16000
        for packet in [*stream.encode(frame), *stream.encode()]:
            container.mux(packet)
    return path


def _turned(path: Path, degrees: int) -> Path:
    """Write the display matrix into the track header of an MP4 file (ISO/IEC 14496-12, 8.3.2)."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40
    cosine, sine = round(np.cos(np.radians(-degrees))), round(np.sin(np.radians(-degrees)))
    matrix = np.array([cosine, sine, 0, -sine, cosine, 0, 0, 0, 0], np.int64) * 65536
    matrix[8] = 0x40000000
    data[at : at + 36] = matrix.astype(">i4").tobytes()
    path.write_bytes(data)
    return path
