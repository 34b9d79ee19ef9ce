"""Reads the PNG files that `runtime.library.strips` writes: RGBA, eight bits, no filters (ISO/IEC 15948)."""

from __future__ import annotations

import struct
import zlib
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...runtime.errors import UserError

_START: Final = b"\x89PNG\r\n\x1a\n"
_KIND: Final = (8, 6, 0, 0, 0)
"""Bits, RGBA, deflate, adaptive filters, not interlaced."""
_MOST: Final = 1 << 24
"""Pixels."""


def read(data: bytes) -> NDArray[np.uint8]:
    """The picture (H, W, 4) in a file.

    Raises:
        UserError: it is damaged, or another kind of PNG.
    """
    try:
        if data[:8] != _START:
            raise UserError("is not a PNG file")
        chunks, at = dict[bytes, bytes](), 8
        while at < len(data):
            size, name = struct.unpack_from(">I4s", data, at)
            chunks[name] = chunks.get(name, b"") + data[at + 8 : at + 8 + size]
            at += size + 12
        width, height, *kind = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
        if tuple(kind) != _KIND or not 0 < width * height <= _MOST:
            raise UserError("is another kind of PNG file")
        size = height * (1 + 4 * width)
        rows = np.frombuffer(zlib.decompressobj().decompress(chunks[b"IDAT"], size), np.uint8)
        rows = rows.reshape(height, 1 + 4 * width)
    except (struct.error, zlib.error, KeyError, ValueError) as error:
        raise UserError("is a damaged PNG file") from error
    if rows[:, 0].any():
        raise UserError("is another kind of PNG file")
    return rows[:, 1:].reshape(height, width, 4).copy()
