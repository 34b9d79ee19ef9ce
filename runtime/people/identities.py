"""Who is who: pieces of tracks (`runtime.people.tracking`) put together to people, over crossings, gaps and cuts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .appearance import difference, typical
from .networks import Landmarks
from .tracking import Piece, trunk_centre

Array = NDArray[np.float64]

LEAST_SECONDS: Final = 0.4
"""Somebody who is seen for less than this is left out, unless the video itself is that short."""

_LONGEST_GAP: Final = 10.0
_SIDE: Final = 12
"""Pictures of a piece that tell how it looks and moves at its ends."""
_CONTACT: Final = 0.5
"""Two people closer than this, in sizes of their regions, may be confused."""
_CLEAR: Final = 0.7
"""Exchanged tails must look this much more alike than those as they are."""
_CLEAR_BY: Final = 8.0
_WARDROBE: Final = 50.0
"""Difference of looks that counts as much as being as far away as a person can have gone."""
_SPEED: Final = 2.0
"""Sizes of the region that a person covers in a second at most."""
_GROWTH: Final = 0.8
_ALIKE: Final = 1.0
"""Cost up to which two pieces are one person."""
_ALIKE_INSIDE: Final = 2.3
"""Likewise where one ends and the other begins in the middle of the picture: people do not come out of nothing."""
_ALIKE_OVER_CUT: Final = 0.4


@dataclass(frozen=True)
class Person:
    """Somebody in the video.

    Attributes:
        pieces: in order of time, without common pictures.
    """

    pieces: tuple[Piece, ...]

    @property
    def frames(self) -> list[int]:
        """Numbers of the pictures, rising."""
        return [frame for piece in self.pieces for frame in piece.frames]

    @property
    def found(self) -> list[Landmarks]:
        """The landmarks there."""
        return [found for piece in self.pieces for found in piece.found]

    @property
    def looks(self) -> Array:
        """(5, 3) typical appearance."""
        return typical(np.stack([look for piece in self.pieces for look in piece.looks]))

    @property
    def prominence(self) -> float:
        """How much of the film is this person's: lengths of the body, summed over the pictures."""
        return float(sum(found.score * found.following.size for found in self.found))


def people(pieces: list[Piece], times: Array, size: tuple[int, int]) -> list[Person]:
    """The people of a video, the most prominent first.

    Args:
        pieces: of the tracker; changed where tails are exchanged.
        times: (N,) seconds of the pictures.
        size: width and height of the pictures.
    """
    for first, second in combinations(pieces, 2):
        _uncross(first, second)
    pieces = [piece for piece in pieces if piece.frames]
    chains = _linked(sorted(pieces, key=lambda piece: piece.frames[0]), times, size)
    least = min(LEAST_SECONDS, 0.5 * float(times[-1] - times[0])) if len(times) else 0.0
    step = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    found = [Person(tuple(chain)) for chain in chains]
    lasting = [person for person in found if len(person.frames) * step >= least]
    return sorted(lasting, key=lambda person: -person.prominence)


def _uncross(first: Piece, second: Piece) -> None:
    """Exchange the tails of two pieces that went over to each other's person while they were close."""
    common = sorted(set(first.frames) & set(second.frames))
    close = [frame for frame in common if _apart(first, second, frame) < _CONTACT]
    if not close:
        return
    start, stop = close[0], close[-1] + 1
    looks = [(_looks(piece, before=start), _looks(piece, after=stop)) for piece in (first, second)]
    if any(len(part) < 3 for pair in looks for part in pair):
        return
    (first_before, first_after), (second_before, second_after) = [
        (typical(before), typical(after)) for before, after in looks
    ]
    same = difference(first_before, first_after) + difference(second_before, second_after)
    crossed = difference(first_before, second_after) + difference(second_before, first_after)
    if crossed < _CLEAR * same and same - crossed > _CLEAR_BY:
        nearest = min(close, key=lambda frame: _apart(first, second, frame))
        _exchange(first, second, nearest)


def _apart(first: Piece, second: Piece, frame: int) -> float:
    """Distance of two people on a picture, in sizes of their regions."""
    one, other = first.at(frame), second.at(frame)
    assert one is not None
    assert other is not None
    size = max(one.following.size, other.following.size)
    return float(np.linalg.norm(trunk_centre(one) - trunk_centre(other))) / size


def _looks(piece: Piece, *, before: int | None = None, after: int | None = None) -> Array:
    """Appearances (n, 5, 3) of a piece on the pictures nearest to a place."""
    if before is not None:
        return np.array([x for frame, x in zip(piece.frames, piece.looks, strict=True) if frame < before][-_SIDE:])
    return np.array([x for frame, x in zip(piece.frames, piece.looks, strict=True) if frame >= (after or 0)][:_SIDE])


def _exchange(first: Piece, second: Piece, frame: int) -> None:
    """Give each piece the other's pictures from `frame` on."""
    cuts = [next((i for i, f in enumerate(piece.frames) if f >= frame), len(piece.frames)) for piece in (first, second)]
    for name in ("frames", "numbers"):
        one, other = getattr(first, name), getattr(second, name)
        tails = one[cuts[0] :], other[cuts[1] :]
        one[cuts[0] :], other[cuts[1] :] = tails[1], tails[0]


def _linked(pieces: list[Piece], times: Array, size: tuple[int, int]) -> list[list[Piece]]:
    """Chains of pieces: the pairs that fit best are joined first."""
    costs = [
        (cost, i, j)
        for i, before in enumerate(pieces)
        for j, after in enumerate(pieces)
        if i != j and (cost := _cost(before, after, times, size)) is not None
    ]
    following: dict[int, int] = {}
    preceding: dict[int, int] = {}
    for _, i, j in sorted(costs):
        if i not in following and j not in preceding:
            following[i], preceding[j] = j, i
    chains = []
    for start in range(len(pieces)):
        if start in preceding:
            continue
        chain = [start]
        while chain[-1] in following:
            chain.append(following[chain[-1]])
        chains.append([pieces[index] for index in chain])
    return chains


def _cost(before: Piece, after: Piece, times: Array, size: tuple[int, int]) -> float | None:
    """How unlikely it is that the person of one piece goes on in another; None when it is not believed."""
    last, first = before.frames[-1], after.frames[0]
    gap = float(times[first] - times[last]) if first > last else -1.0
    if gap <= 0.0 or gap > _LONGEST_GAP:
        return None
    looks = difference(typical(_looks(before, before=last + 1)), typical(_looks(after, after=first))) / _WARDROBE
    if before.shot != after.shot:
        return 10.0 + looks if looks < _ALIKE_OVER_CUT else None
    one, other = before.found[-1], after.found[0]
    larger = max(one.following.size, other.following.size)
    reach = larger * (0.3 + _SPEED * gap)
    away = float(np.linalg.norm(trunk_centre(other) - trunk_centre(one))) / reach
    grown = abs(math.log(other.following.size / one.following.size)) / _GROWTH
    cost = looks + away + grown
    inside = not (_at_edge(one, size) or _at_edge(other, size))
    return cost if cost < (_ALIKE_INSIDE if inside else _ALIKE) and away < 1.0 else None


def _at_edge(found: Landmarks, size: tuple[int, int]) -> bool:
    """Whether a person is about to leave the picture, or has just come in."""
    centre, margin = trunk_centre(found), 0.2 * found.following.size
    return not (margin < centre[0] < size[0] - margin and margin < centre[1] < size[1] - margin)
