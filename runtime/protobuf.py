"""Protocol buffers, as far as the files of models need them: numbered fields of a message, nothing executed."""

from __future__ import annotations

from collections.abc import Iterator

Value = int | memoryview


def message(data: bytes | memoryview) -> Iterator[tuple[int, Value]]:
    """Number and value of each field of a message.

    Args:
        data: the message.

    Yields:
        Numbers as int, everything else as a view of its bytes (text, bytes, messages, 4 and 8 byte values).

    Raises:
        ValueError: the message is cut off or none.
    """
    view, at = memoryview(data), 0
    while at < len(view):
        tag, at = varint(view, at)
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            value, at = varint(view, at)
            yield number, value
            continue
        if kind == 2:
            size, at = varint(view, at)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise ValueError("it has an unknown kind of field")
        if at + size > len(view):
            raise ValueError("it is cut off")
        yield number, view[at : at + size]
        at += size


def varint(view: memoryview, at: int) -> tuple[int, int]:
    """A number of variable length at a place, and the place after it.

    Raises:
        ValueError: it is cut off or too long.
    """
    value = shift = 0
    while True:
        if at >= len(view) or shift > 63:
            raise ValueError("it is cut off")
        byte = view[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def integers(value: Value) -> list[int]:
    """The numbers of a repeated field, packed or not; they are signed 64-bit ones."""
    if isinstance(value, int):
        return [_signed(value)]
    found, at = [], 0
    while at < len(value):
        number, at = varint(value, at)
        found.append(_signed(number))
    return found


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def content(value: Value) -> memoryview:
    """The bytes of a field.

    Raises:
        TypeError: it is a number.
    """
    if isinstance(value, int):
        raise TypeError("it has a number where bytes are expected")
    return value


def text(value: Value) -> str:
    """The text of a field.

    Raises:
        TypeError, ValueError: it is no text.
    """
    return bytes(content(value)).decode("utf-8")
