"""The first look at a video: everybody in it, followed from picture to picture in pieces that belong to one person.

A piece ends rather than go over to somebody else: when the person is lost, when two pieces have come to lie on one
person, at a cut of the film. `runtime.people.identities` puts the pieces together.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import deque
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from ..media.video import Pixels
from .appearance import appearance, difference, typical
from .networks import SURE, Landmarks, Region
from .records import Records, View

Array = NDArray[np.float64]

MOST_PEOPLE: Final = 8
"""At a time; the smallest of a crowd are left out."""

_EVERY: Final = 4
"""Pictures from one search for new people to the next, while somebody is followed."""
_EVERY_EMPTY: Final = 2
_KEPT: Final = 24
"""Pictures that are kept, to follow a new person back to where they came from."""
_MISSES: Final = 4
"""Pictures in a row without a person that end a piece."""
_SAME_PLACE: Final = 0.12
"""Two people whose trunks lie this close, in sizes of the region, are one."""
_COVERED: Final = 0.3
_REMEMBERED: Final = 45
_LEAST_SIZE: Final = 24.0
"""Pixels of a region below which nothing can be recognised."""
_TRUNK: Final = (11, 12, 23, 24)

_CUT: Final = 28.0
"""Mean change of brightness, of 255, that may be a cut."""
_CUT_JUMP: Final = 4.0
"""A cut changes the picture this many times as much as the pictures before did."""
_THUMB: Final = 32


class Networks(Protocol):
    """What is needed of `networks.PoseNetworks`."""

    def detect(self, pixels: Pixels) -> list[tuple[float, Region]]:
        """See `PoseNetworks.detect`."""
        ...

    def landmarks(self, pixels: Pixels, region: Region) -> Landmarks:
        """See `PoseNetworks.landmarks`."""
        ...


@dataclass(eq=False)
class Piece:
    """One person on some pictures, in order.

    Attributes:
        shot: number of cuts before.
        records: where the tracker keeps what it finds.
        frames: numbers of the pictures.
        numbers: of the records there.
        misses: pictures since the last of them.
    """

    shot: int
    records: Records
    frames: list[int] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    misses: int = 0

    @property
    def found(self) -> View[Landmarks]:
        """The landmarks on each picture, in pixels of the reduced picture."""
        return View(self.records.landmarks, self.numbers)

    @property
    def looks(self) -> View[Array]:
        """(5, 3) appearance on each picture."""
        return View(self.records.look, self.numbers)

    def add(self, frame: int, found: Landmarks, look: Array) -> None:
        """Append a picture."""
        self.frames.append(frame)
        self.numbers.append(self.records.add(found, look))
        self.misses = 0

    def add_before(self, frame: int, found: Landmarks, look: Array) -> None:
        """Put a picture in front."""
        self.frames.insert(0, frame)
        self.numbers.insert(0, self.records.add(found, look))

    def at(self, frame: int) -> Landmarks | None:
        """The landmarks on a picture, None where the person is not there."""
        index = bisect_left(self.frames, frame)
        return self.found[index] if index < len(self.frames) and self.frames[index] == frame else None

    @property
    def next_region(self) -> Region:
        """Where to look next: what the network says, moved on as the person moved."""
        latest = self.found[-1].following
        if len(self.found) < 2 or self.misses:
            return latest
        before = self.found[-2].following
        limit = 0.1 * latest.size
        across = float(np.clip(latest.x - before.x, -limit, limit))
        down = float(np.clip(latest.y - before.y, -limit, limit))
        return Region(latest.x + 0.5 * across, latest.y + 0.5 * down, latest.size, latest.slant)

    def recent_look(self) -> Array:
        """What the person looked like lately, (5, 3)."""
        return typical(np.stack(self.looks[-_REMEMBERED:]))


class Tracker:
    """Looks at the pictures of a video in order.

    Attributes:
        pieces: all that have ended or are being followed.
        cuts: numbers of the pictures that begin a new shot.
    """

    def __init__(self, networks: Networks) -> None:
        """Begin with nobody."""
        self.pieces: list[Piece] = []
        self.cuts: list[int] = []
        self._networks = networks
        self._records = Records()
        self._live: list[Piece] = []
        self._thumb: Array | None = None
        self._changes: list[float] = []
        self._searched = -(10**9)
        self._searches = 0
        self._kept: deque[tuple[int, Pixels]] = deque(maxlen=_KEPT)

    def look(self, frame: int, pixels: Pixels) -> None:
        """Take in the next picture (h, w, 3)."""
        if self._is_cut(pixels):
            self.cuts.append(frame)
            self._live.clear()
            self._kept.clear()
            self._searched = -(10**9)
        for piece in list(self._live):
            self._follow(piece, frame, pixels)
        self._part(frame)
        if frame - self._searched >= (_EVERY if self._live else _EVERY_EMPTY):
            self._searched = frame
            self._search(frame, pixels)
        self._kept.append((frame, pixels))

    def _follow(self, piece: Piece, frame: int, pixels: Pixels) -> None:
        region = piece.next_region
        found = self._networks.landmarks(pixels, region) if _is_usable(region, pixels) else None
        if found is not None and found.score >= SURE and _is_usable(found.following, pixels):
            piece.add(frame, found, appearance(pixels, found.points, found.visible))
            return
        piece.misses += 1
        if piece.misses >= _MISSES:
            self._live.remove(piece)
            self._searched = -(10**9)

    def _part(self, frame: int) -> None:
        """Of two pieces on one person only that goes on whose person looks like it."""
        here = [piece for piece in self._live if piece.frames[-1] == frame]
        for index, first in enumerate(here):
            for second in here[index + 1 :]:
                both = first in self._live and second in self._live
                if both and _one(first.found[-1], second.found[-1]):
                    wrong = max((first, second), key=_strangeness)
                    self._live.remove(wrong)
                    wrong.frames.pop()
                    wrong.numbers.pop()
                    if not wrong.frames:
                        self.pieces.remove(wrong)

    def _search(self, frame: int, pixels: Pixels) -> None:
        """Begin a piece for everybody who is not followed.

        Every other time only a square part of the picture is searched, by turns, so that smaller people are found.
        """
        parts = squares(pixels)
        self._searches += 1
        part = parts[self._searches // 2 % len(parts)] if self._searches % 2 == 0 else (0, 0, *pixels.shape[1::-1])
        left, top, right, bottom = part
        for _, seen in self._networks.detect(pixels[top:bottom, left:right]):
            region = replace(seen, x=seen.x + left, y=seen.y + top)
            if len(self._live) >= MOST_PEOPLE:
                return
            known = any(_covers(piece.found[-1].following, region) for piece in self._live)
            if known or not _is_usable(region, pixels):
                continue
            found = self._networks.landmarks(pixels, region)
            if found.score < SURE or any(_one(found, piece.found[-1]) for piece in self._live):
                continue
            piece = Piece(len(self.cuts), self._records)
            piece.add(frame, found, appearance(pixels, found.points, found.visible))
            self._live.append(piece)
            self.pieces.append(piece)
            self._follow_back(piece)

    def _follow_back(self, piece: Piece) -> None:
        """Put the pictures before a new piece in front of it, as far as the person is on them."""
        for frame, pixels in reversed(self._kept):
            first = piece.found[0]
            found = self._networks.landmarks(pixels, first.following)
            taken = (other.at(frame) for other in self.pieces if other is not piece)
            lost = found.score < SURE or not _is_usable(found.following, pixels)
            if lost or any(_one(found, other) for other in taken if other is not None):
                return
            piece.add_before(frame, found, appearance(pixels, found.points, found.visible))

    def _is_cut(self, pixels: Pixels) -> bool:
        """Whether a picture has nothing to do with the one before."""
        thumb = thumbnail(pixels)
        before, self._thumb = self._thumb, thumb
        if before is None:
            return False
        change = float(np.abs(thumb - before).mean())
        usual = max(float(np.median(self._changes[-10:])) if self._changes else 0.0, 1.0)
        cut = change > _CUT and change > _CUT_JUMP * usual
        self._changes = [] if cut else [*self._changes[-10:], change]
        return cut


def squares(pixels: Pixels) -> list[tuple[int, int, int, int]]:
    """Squares (left, top, right, bottom) that cover a picture, two or more, as many as its shape asks for."""
    height, width = pixels.shape[:2]
    short, long = sorted((height, width))
    side = min(short, round(0.75 * long))
    count = max(2, math.ceil(1.5 * long / side) - 1)
    starts = np.linspace(0, long - side, count).astype(int).tolist()
    if width >= height:
        return [(start, 0, start + side, height) for start in starts]
    return [(0, start, width, start + side) for start in starts]


def thumbnail(pixels: Pixels) -> Array:
    """Brightness (32, 32) of a picture, means of its fields."""
    height, width = pixels.shape[:2]
    rows, columns = (np.arange(_THUMB * 4) * side // (_THUMB * 4) for side in (height, width))
    grey = pixels[rows][:, columns].astype(np.float64) @ np.array([0.299, 0.587, 0.114])
    return grey.reshape(_THUMB, 4, _THUMB, 4).mean(axis=(1, 3))


def trunk_centre(found: Landmarks) -> Array:
    """Middle (2,) of shoulders and hips."""
    return found.points[list(_TRUNK)].mean(axis=0)


def _is_usable(region: Region, pixels: Pixels) -> bool:
    """Whether a region is large enough and its centre not far outside the picture."""
    height, width = pixels.shape[:2]
    slack = 0.25 * region.size
    inside = -slack < region.x < width + slack and -slack < region.y < height + slack
    return inside and _LEAST_SIZE < region.size < 8.0 * max(height, width)


def _covers(first: Region, second: Region) -> bool:
    """Whether two regions are of one person."""
    apart = math.hypot(first.x - second.x, first.y - second.y)
    return apart < _COVERED * max(first.size, second.size) and 0.5 < first.size / second.size < 2.0


def _one(first: Landmarks, second: Landmarks) -> bool:
    """Whether the landmarks are of one person."""
    apart = np.linalg.norm(first.points[list(_TRUNK)] - second.points[list(_TRUNK)], axis=1).mean()
    return bool(apart < _SAME_PLACE * min(first.following.size, second.following.size))


def _strangeness(piece: Piece) -> tuple[float, int]:
    """How unlike itself a piece looks on its latest picture; the younger of two equal ones is stranger."""
    if len(piece.looks) < 2:
        return math.inf, piece.frames[0]
    before = typical(np.stack(piece.looks[-_REMEMBERED:-1]))
    return difference(piece.looks[-1], before), piece.frames[0]
