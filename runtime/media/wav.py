"""WAV files by the standard library alone: uncompressed samples as integers or floats.

Source: Microsoft and IBM, Multimedia Programming Interface and Data Specifications 1.0 (RIFF, 1991), and Microsoft's
WAVEFORMATEXTENSIBLE for what is more than 16 bits or two channels.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from ..errors import RequestError

Add = Callable[[NDArray[Any], int], None]
"""Takes samples (n, channels), integers or floats, and their rate in Hz."""

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_KINDS: Final = {
    (_PCM, 8): "u1",
    (_PCM, 16): "<i2",
    (_PCM, 24): "u1",  # three bytes each, see _samples
    (_PCM, 32): "<i4",
    (_FLOAT, 32): "<f4",
    (_FLOAT, 64): "<f8",
}
_UNKNOWN_SIZE: Final = 0x7FFFF000
"""Programs that write to a pipe cannot know the size and put this or more: the samples go on to the end."""
_FORGIVEN: Final = 0.01
"""Share of the announced samples that may be missing: some programs miscount by a few bytes."""
_FORMAT_BYTES: Final = 40
_BLOCK: Final = 1 << 18


@dataclass(frozen=True, slots=True)
class _Format:
    """Coding of the samples: its code, channels, rate in Hz, and bytes and bits of one sample."""

    code: int
    channels: int
    rate: int
    frame_bytes: int
    bits: int


def read_wav(stream: BinaryIO, place: str, add: Add) -> bool:
    """Read the samples of a WAV file.

    Args:
        stream: the open file, at its beginning.
        place: name of the file for error messages.
        add: called with one block of samples after the other; integers are left-aligned.

    Returns:
        False, without a call of `add`, when this is no WAV file or its samples are compressed.

    Raises:
        RequestError: the file is cut off or contradicts itself.
    """
    start = stream.read(12)
    if start[:4] != b"RIFF" or start[8:] != b"WAVE":
        return False
    coding: _Format | None = None
    while True:
        header = stream.read(8)
        if len(header) < 8:
            raise RequestError(f"{place}: is cut off, it has no samples")
        name, size = header[:4], int.from_bytes(header[4:], "little")
        if name == b"data" and coding is not None:
            break
        if name == b"fmt ":
            coding = _format(stream.read(min(size, _FORMAT_BYTES)), place)
            stream.seek(-min(size, _FORMAT_BYTES), 1)
        stream.seek(size + size % 2, 1)  # chunks begin at even places
    if (coding.code, coding.bits) not in _KINDS:
        return False
    _read_samples(stream, size, coding, place, add)
    return True


def _format(data: bytes, place: str) -> _Format:
    if len(data) < 16:
        raise RequestError(f"{place}: is cut off, its format is missing")
    code, channels, rate, _, frame_bytes, bits = struct.unpack("<HHIIHH", data[:16])
    if code == _EXTENSIBLE and len(data) >= 26:
        (code,) = struct.unpack("<H", data[24:26])
    if (code, bits) in _KINDS and (channels == 0 or frame_bytes != channels * bits // 8):
        raise RequestError(f"{place}: is damaged, {channels} channels of {bits} bits are not {frame_bytes} bytes")
    return _Format(code, channels, rate, frame_bytes, bits)


def _read_samples(stream: BinaryIO, size: int, coding: _Format, place: str, add: Add) -> None:
    """Hand on `size` bytes of samples block by block."""
    left = size - size % coding.frame_bytes
    while left > 0:
        data = stream.read(min(left, _BLOCK * coding.frame_bytes))
        whole = len(data) - len(data) % coding.frame_bytes
        if whole:
            add(_samples(data[:whole], coding), coding.rate)
        left -= len(data)
        if not data and size < _UNKNOWN_SIZE and left > _FORGIVEN * size:
            raise RequestError(f"{place}: is cut off, {left / size:.0%} of its samples are missing")
        if not data:
            return


def _samples(data: bytes, coding: _Format) -> NDArray[Any]:
    """Samples (n, channels); 24-bit ones become the upper bytes of 32-bit ones."""
    values = np.frombuffer(data, _KINDS[coding.code, coding.bits])
    if coding.bits == 24:
        wide = np.zeros((len(values) // 3, 4), np.uint8)
        wide[:, 1:] = values.reshape(-1, 3)
        values = wide.view("<i4")
    return values.reshape(-1, coding.channels)
