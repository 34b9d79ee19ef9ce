"""Numbers of many pictures, kept in few large blocks.

Thousands of small arrays that live on between large ones that do not keep the memory of a process from being used
again: ten minutes of video then take gigabytes. So what is kept of a picture is copied into a block that grows by
doubling.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .appearance import PARTS
from .networks import LANDMARKS, Landmarks, Region

Array = NDArray[np.float64]
T = TypeVar("T")

_POINTS, _VISIBLE, _WORLD = 2 * LANDMARKS, LANDMARKS, 3 * LANDMARKS
_LOOK = 3 * PARTS


class Rows:
    """Rows of equally many numbers; they can be added, not removed."""

    def __init__(self, width: int) -> None:
        """Begin empty."""
        self._block = np.zeros((64, width))
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, *parts: ArrayLike) -> int:
        """Append a row made of some arrays, one after another; returns its number."""
        if self._count == len(self._block):
            self._block = np.concatenate([self._block, np.zeros_like(self._block)])
        np.concatenate([np.ravel(part) for part in parts], out=self._block[self._count])
        self._count += 1
        return self._count - 1

    def __getitem__(self, number: int) -> Array:
        """A row; it must not be written to, nor kept beyond the next `add`."""
        return self._block[: self._count][number]

    def array(self) -> Array:
        """All rows (n, width), copied."""
        return self._block[: self._count].copy()


class Records:
    """Landmarks and appearances by number."""

    def __init__(self) -> None:
        """Begin empty."""
        self._rows = Rows(_POINTS + _VISIBLE + _WORLD + _LOOK + 5)

    def add(self, found: Landmarks, look: Array) -> int:
        """Keep what was found of a person on a picture; returns its number."""
        region = found.following
        place = [found.score, region.x, region.y, region.size, region.slant]
        return self._rows.add(found.points, found.visible, found.world, look, place)

    def landmarks(self, number: int) -> Landmarks:
        """The landmarks of a number."""
        points, visible, world, _, place = np.split(self._rows[number].copy(), _ENDS)
        score, x, y, size, slant = place.tolist()
        return Landmarks(score, points.reshape(-1, 2), visible, world.reshape(-1, 3), Region(x, y, size, slant))

    def look(self, number: int) -> Array:
        """The appearance (5, 3) of a number."""
        return self._rows[number][_ENDS[2] : _ENDS[3]].reshape(PARTS, 3).copy()


_ENDS = np.cumsum([_POINTS, _VISIBLE, _WORLD, _LOOK]).tolist()


class View(Sequence[T], Generic[T]):
    """A list whose members are made when they are asked for."""

    def __init__(self, make: Callable[[int], T], numbers: Sequence[int]) -> None:
        """Members are `make` of the numbers."""
        self._make, self._numbers = make, numbers

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, index: int) -> T: ...

    @overload
    def __getitem__(self, index: slice) -> list[T]: ...

    def __getitem__(self, index: int | slice) -> T | list[T]:
        """One member, or a list of some."""
        if isinstance(index, slice):
            return [self._make(number) for number in self._numbers[index]]
        return self._make(self._numbers[index])
