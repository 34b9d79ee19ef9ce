"""One framed message: the only thing that Blender and the worker process say to each other.

A message is a fixed prefix, a JSON header and the raw bytes of its arrays:

    magic b"GNMO" | version uint32 | header size uint32 | payload size uint64 | header (UTF-8 JSON) | payload

all little-endian. The header is an object with a text "type"; its member "arrays" lists name, dtype and shape of the
arrays, which follow one another in the payload in C order. Only plain numbers travel: nothing is ever unpickled.

A damaged header or array list spoils one message, since its end is known; a damaged prefix spoils the stream.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from .errors import RequestError, WireError
from .motion import Motion
from .request import MotionRequest

MAGIC: Final = b"GNMO"
VERSION: Final = 1
MAX_HEADER_BYTES: Final = 64 * 2**20
MAX_PAYLOAD_BYTES: Final = 2 * 2**30
MAX_DIMENSIONS: Final = 8

_PREFIX: Final = struct.Struct("<4sIIQ")
_CHUNK: Final = 2**20
_DTYPES: Final = frozenset(["|b1", "|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f2", "<f4", "<f8"])
_MOTION_ARRAYS: Final = ("root_positions", "local_rotations", "contacts", "rest_offsets")
_OPTIONAL_ARRAYS: Final = ("camera_rotations", "camera_positions", "keypoints_2d")

Header = dict[str, Any]
Arrays = Mapping[str, NDArray[Any]]


class Kind(StrEnum):
    """Types of messages: the first five go to the worker, the others come from it.

    MALFORMED never travels: a reader gives it in place of a message that it could not decode.
    """

    GENERATE = "generate"
    TASK = "task"
    CANCEL = "cancel"
    PING = "ping"
    QUIT = "quit"
    READY = "ready"
    PONG = "pong"
    PROGRESS = "progress"
    MOTION = "motion"
    RESULT = "result"
    DONE = "done"
    FAILURE = "failure"
    MALFORMED = "malformed"


class FramingError(WireError):
    """The stream is lost: where the next message begins is not known."""


@dataclass(frozen=True)
class Message:
    """A message that has arrived.

    Attributes:
        header: the JSON object, without its "arrays".
        arrays: read-only arrays by name.
    """

    header: Header
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """What the message is, usually one of `Kind`."""
        return self.header["type"]


def encode_message(header: Mapping[str, Any], arrays: Arrays | None = None) -> bytes:
    """Bytes of one message.

    Args:
        header: JSON-serialisable, with a text "type" and without "arrays".
        arrays: arrays of numbers or booleans of any shape.

    Raises:
        WireError: the header is not JSON, an array is not of plain numbers, or the message is too large.
    """
    if not isinstance(header.get("type"), str) or "arrays" in header:
        raise WireError("a header has a text 'type' and no 'arrays' of its own")
    listed, parts = [], []
    for name, values in (arrays or {}).items():
        array = np.asarray(values)
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)
        if array.dtype.str not in _DTYPES:
            raise WireError(f"array {name!r}: {array.dtype} cannot be sent, only plain numbers")
        listed.append({"name": name, "dtype": array.dtype.str, "shape": array.shape})
        parts.append(array.tobytes())
    try:
        # NaN is let through: the request's own reader then names the place where it stands.
        text = json.dumps({**header, "arrays": listed}, separators=(",", ":")).encode("ascii")
    except (TypeError, ValueError, RecursionError) as error:
        raise WireError(f"the header is not JSON: {error}") from error
    payload_size = sum(map(len, parts))
    _check_sizes(len(text), payload_size)
    return b"".join((_PREFIX.pack(MAGIC, VERSION, len(text), payload_size), text, *parts))


def write_message(stream: BinaryIO, header: Mapping[str, Any], arrays: Arrays | None = None) -> None:
    """Write one message to a blocking binary stream, raw or buffered, and flush it.

    Raises:
        WireError: as `encode_message`; nothing is written then.
        OSError: the other side is gone.
    """
    rest = memoryview(encode_message(header, arrays))
    while rest:  # a raw pipe may take only a part
        rest = rest[stream.write(rest) :]
    stream.flush()


def read_message(stream: BinaryIO) -> Message | None:
    """Read one message from a blocking binary stream; None at its end.

    Raises:
        FramingError: the stream ends inside a message or holds something else.
        WireError: this message is damaged; the next one can be read.
    """
    prefix = _read_up_to(stream, _PREFIX.size)
    if not prefix:
        return None
    if len(prefix) < _PREFIX.size:
        raise FramingError("the stream ended inside a message")
    header_size, payload_size = _sizes(prefix)
    body = _read_up_to(stream, header_size + payload_size)
    if len(body) < header_size + payload_size:
        raise FramingError("the stream ended inside a message")
    return _decode(body[:header_size], body[header_size:])


class MessageReader:
    """Puts messages together from pieces of a byte stream.

    Attributes:
        error: None, or a sentence: the stream is lost and nothing more will come out of it.
    """

    def __init__(self) -> None:
        self.error: str | None = None
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Message]:
        """Take in some bytes and return the messages that are now complete.

        A message that cannot be decoded becomes one of kind MALFORMED with a "message"; never raises.
        """
        self._buffer += data
        messages: list[Message] = []
        while self.error is None:
            message = self._next()
            if message is None:
                break
            messages.append(message)
        return messages

    def _next(self) -> Message | None:
        if len(self._buffer) < _PREFIX.size:
            return None
        try:
            header_size, payload_size = _sizes(bytes(self._buffer[: _PREFIX.size]))
        except FramingError as error:
            self.error = str(error)
            self._buffer.clear()
            return None
        start, stop = _PREFIX.size + header_size, _PREFIX.size + header_size + payload_size
        if len(self._buffer) < stop:
            return None
        with memoryview(self._buffer) as view:  # slices of the buffer itself would be copied twice
            header, payload = bytes(view[_PREFIX.size : start]), bytes(view[start:stop])
        del self._buffer[:stop]
        try:
            return _decode(header, payload)
        except WireError as error:
            return Message({"type": Kind.MALFORMED, "message": str(error)})


def motion_message(motion: Motion) -> tuple[Header, dict[str, NDArray[Any]]]:
    """Header and arrays of a message of kind MOTION."""
    header = {
        "type": Kind.MOTION,
        "fps": motion.fps,
        "pack": motion.pack,
        "request": None if motion.request is None else motion.request.to_json(),
        "focal_px": motion.focal_px,
    }
    names = [*_MOTION_ARRAYS, *(name for name in _OPTIONAL_ARRAYS if getattr(motion, name) is not None)]
    return header, {name: getattr(motion, name) for name in names}


def motion_from(message: Message) -> Motion:
    """The motion in a message of kind MOTION.

    Raises:
        WireError: a part is missing.
        UserError: a part is not what a motion has there (see `Motion` and `MotionRequest.from_json`).
    """
    header, arrays = message.header, message.arrays
    missing = [name for name in _MOTION_ARRAYS if name not in arrays]
    if missing or not isinstance(header.get("fps"), int | float):
        raise WireError(f"a motion arrived without {', '.join(missing) or 'fps'}")
    request, focal = header.get("request"), header.get("focal_px")
    if request is not None and not isinstance(request, Mapping):
        raise RequestError("request: must be an object")
    return Motion(
        fps=header["fps"],
        request=None if request is None else MotionRequest.from_json(request),
        pack=str(header.get("pack", "")),
        focal_px=float(focal) if isinstance(focal, int | float) else None,
        **{name: arrays[name] for name in (*_MOTION_ARRAYS, *_OPTIONAL_ARRAYS) if name in arrays},
    )


def _sizes(prefix: bytes) -> tuple[int, int]:
    magic, version, header_size, payload_size = _PREFIX.unpack(prefix)
    if magic != MAGIC:
        raise FramingError(f"the stream holds something else than messages: {prefix!r}")
    if version != VERSION:
        raise FramingError(f"the other side speaks version {version}, not {VERSION}: restart Blender after an update")
    _check_sizes(header_size, payload_size)
    return header_size, payload_size


def _check_sizes(header_size: int, payload_size: int) -> None:
    for name, size, limit in (("header", header_size, MAX_HEADER_BYTES), ("payload", payload_size, MAX_PAYLOAD_BYTES)):
        if size > limit:
            raise FramingError(f"the {name} of a message has {size} bytes, more than the {limit} that are allowed")


def _read_up_to(stream: BinaryIO, size: int) -> bytes:
    """`size` bytes, or fewer at the end of the stream; memory grows with what arrives, not with what was promised."""
    parts, missing = [], size
    while missing:
        part = stream.read(min(missing, _CHUNK))
        if not part:
            break
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def _decode(text: bytes, payload: bytes) -> Message:
    try:
        header = json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise WireError(f"the header of a message is not JSON: {error}") from error
    if not isinstance(header, dict) or not isinstance(header.get("type"), str):
        raise WireError("the header of a message is not an object with a text 'type'")
    return Message(header, _arrays(header.pop("arrays", []), payload))


def _arrays(listed: object, payload: bytes) -> dict[str, NDArray[Any]]:
    if not isinstance(listed, list):
        raise WireError("'arrays' of a message is not a list")
    arrays: dict[str, NDArray[Any]] = {}
    start = 0
    for entry in listed:
        name, dtype, shape = _checked_entry(entry)
        stop = start + math.prod(shape) * dtype.itemsize
        if name in arrays or stop > len(payload):
            raise WireError(f"array {name!r} of a message is listed twice or is longer than the message")
        array = np.frombuffer(payload, dtype, math.prod(shape), start) if stop > start else np.empty(0, dtype)
        arrays[name] = np.require(array.reshape(shape), requirements="A")
        start = stop
    if start != len(payload):
        raise WireError(f"{len(payload) - start} bytes of a message belong to no array")
    return arrays


def _checked_entry(entry: object) -> tuple[str, np.dtype[Any], tuple[int, ...]]:
    if not isinstance(entry, dict):
        raise WireError("an entry of 'arrays' of a message is not an object")
    name, dtype, shape = entry.get("name"), entry.get("dtype"), entry.get("shape")
    if not isinstance(name, str):
        raise WireError("an array of a message has no name")
    if not isinstance(dtype, str) or dtype not in _DTYPES:
        raise WireError(f"array {name!r} of a message has a type that is not allowed: {dtype!r}")
    if not isinstance(shape, list) or len(shape) > MAX_DIMENSIONS or not all(map(_is_size, shape)):
        raise WireError(f"array {name!r} of a message has no proper shape")
    if math.prod(size for size in shape if size) > MAX_PAYLOAD_BYTES:  # an empty one must be countable as well
        raise WireError(f"array {name!r} of a message is too large")
    return name, np.dtype(dtype), tuple(shape)


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
