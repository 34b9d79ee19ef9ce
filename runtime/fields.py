"""Typed reading of one JSON object: every wrong value becomes a sentence that names its place."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any, TypeVar

from .errors import RequestError

T = TypeVar("T")

_REQUIRED: Any = object()


def at(place: str, key: str | int) -> str:
    """Place of a member: "prompts" and 1 make "prompts[1]", "prompts[1]" and "text" make "prompts[1].text"."""
    if isinstance(key, int):
        return f"{place}[{key}]"
    return f"{place}.{key}" if place else key


def mapping(value: object, place: str, keys: Sequence[str] | None = None) -> Mapping[str, Any]:
    """`value` if it is a JSON object whose keys are all among `keys` (None: any text).

    Raises:
        RequestError: not an object, or an unknown key.
    """
    where = place or "request"
    if not isinstance(value, Mapping):
        raise RequestError(f"{where}: must be an object, not {_shown(value)}")
    for key in value:
        if not isinstance(key, str):
            raise RequestError(f"{where}: keys must be text, not {_shown(key)}")
        if keys is not None and key not in keys:
            close = difflib.get_close_matches(key, keys, n=1)
            hint = f" (did you mean {close[0]!r}?)" if close else ""
            raise RequestError(f"{where}: unknown key {key!r}{hint}")
    return value


def items(value: object, place: str, size: int | None = None) -> Sequence[Any]:
    """`value` if it is a JSON list (of `size` members).

    Raises:
        RequestError: not a list, or of another size.
    """
    if not isinstance(value, list | tuple):
        raise RequestError(f"{place}: must be a list, not {_shown(value)}")
    if size is not None and len(value) != size:
        raise RequestError(f"{place}: must have {size} members, not {len(value)}")
    return value


def integer(value: object, place: str, low: int, high: int) -> int:
    """A whole number from `low` to `high`; a bool is not a number.

    Raises:
        RequestError: anything else.
    """
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise RequestError(f"{place}: must be a whole number, not {_shown(value)}")
    if not low <= int(value) <= high:
        raise RequestError(f"{place}: must be from {low} to {high}, not {_shown(int(value))}")
    return int(value)


def number(value: object, place: str, low: float = -1e6, high: float = 1e6) -> float:
    """A finite number from `low` to `high`; a bool is not a number.

    Raises:
        RequestError: anything else.
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        raise RequestError(f"{place}: must be a number, not {_shown(value)}")
    try:
        result = float(value)
    except OverflowError:
        result = math.inf
    if not low <= result <= high:  # NaN too
        wanted = f"from {low:g} to {high:g}" if math.isfinite(result) else "a finite number"
        raise RequestError(f"{place}: must be {wanted}, not {_shown(value)}")
    return result


def text(value: object, place: str) -> str:
    """Text that can be written as UTF-8.

    Raises:
        RequestError: not text, or text with half characters (lone surrogates) or NUL.
    """
    if not isinstance(value, str):
        raise RequestError(f"{place}: must be text, not {_shown(value)}")
    if "\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
        raise RequestError(f"{place}: contains characters that are not text")
    return value


def flag(value: object, place: str) -> bool:
    """True or false.

    Raises:
        RequestError: anything else.
    """
    if not isinstance(value, bool):
        raise RequestError(f"{place}: must be true or false, not {_shown(value)}")
    return value


def numbers(value: object, place: str, size: int) -> tuple[float, ...]:
    """`size` finite numbers.

    Raises:
        RequestError: anything else.
    """
    return tuple(number(member, at(place, index)) for index, member in enumerate(items(value, place, size)))


def vector2(value: object, place: str) -> tuple[float, float]:
    """Two finite numbers; raises RequestError."""
    x, z = numbers(value, place, 2)
    return x, z


def vector3(value: object, place: str) -> tuple[float, float, float]:
    """Three finite numbers; raises RequestError."""
    x, y, z = numbers(value, place, 3)
    return x, y, z


def vector4(value: object, place: str) -> tuple[float, float, float, float]:
    """Four finite numbers (a quaternion, w first); raises RequestError."""
    w, x, y, z = numbers(value, place, 4)
    return w, x, y, z


class Fields:
    """One JSON object with known keys; values are read by key with the functions above.

    Args:
        value: the parsed JSON object.
        place: its place in the document, "" for the document itself.
        keys: every key that is allowed.

    Raises:
        RequestError: not an object, or an unknown key.
    """

    def __init__(self, value: object, place: str, keys: Sequence[str]) -> None:
        self.place = place
        self._values = mapping(value, place, keys)

    def get(self, key: str, read: Callable[..., T], *limits: float, default: T = _REQUIRED) -> T:
        """Value of `key` read by `read(value, place, *limits)`; a missing key gives `default`, if there is one."""
        if key not in self._values:
            if default is _REQUIRED:
                raise RequestError(f"{self.place or 'request'}: {key!r} is missing")
            return default
        return read(self._values[key], at(self.place, key), *limits)

    def maybe(self, key: str, read: Callable[..., T], *limits: float) -> T | None:
        """Like `get`, but null or a missing key give None."""
        if self._values.get(key) is None:
            return None
        return self.get(key, read, *limits)

    def list(self, key: str, read: Callable[[Any, str], T], *, needed: bool = False) -> tuple[T, ...]:
        """Members of the list at `key`, each read by `read(value, place)`; without the key empty, unless `needed`."""
        place = at(self.place, key)
        members = self.get(key, items) if needed else self.get(key, items, default=())
        return tuple(read(member, at(place, index)) for index, member in enumerate(members))


def _shown(value: object) -> str:
    """A short picture of a wrong value for a sentence."""
    names = {True: "true", False: "false", None: "null"}
    if value is None or isinstance(value, bool):
        return names[value]
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, int) and abs(value) > 10**18:
        return "a number with too many digits"
    shown = repr(value)
    return shown if len(shown) <= 40 else shown[:37] + "..."
