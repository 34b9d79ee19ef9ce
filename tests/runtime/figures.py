"""Flat figures for stand-in networks: a person is a square of one colour, with landmarks around its middle."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from genmo.runtime.people.networks import Landmarks, Region

Pixels = NDArray[np.uint8]
Colour = tuple[int, int, int]

RED: Colour = (200, 30, 30)
GREEN: Colour = (30, 200, 30)
BLUE: Colour = (30, 30, 220)
HALF = 12
"""Half of a side of the square; the region around it is four times as wide as this."""
BACKGROUND = 90


def scene(*figures: tuple[Colour, float, float], width: int = 200, height: int = 120) -> Pixels:
    """A picture with figures (colour, x, y); later ones hide earlier ones. Nothing of it depends on chance."""
    rows, columns = np.mgrid[:height, :width]
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[:] = (BACKGROUND + 30 * ((rows // 8 + columns // 8) % 2))[..., None]
    for colour, x, y in figures:
        near = (np.abs(columns - x) <= HALF) & (np.abs(rows - y) <= HALF)
        pixels[near] = colour
    return pixels


def landmarks_at(x: float, y: float, *, score: float = 0.99, size: float = 4.0 * HALF) -> Landmarks:
    """A body whose trunk is around a place: 33 landmarks within the square."""
    places = np.zeros((33, 2))
    places[:] = [x, y]
    parts = {(11, 23): (-0.5, 0.0), (12, 24): (0.5, 0.0)}
    for joints, (across, _) in parts.items():
        places[list(joints), 0] += across * HALF
    places[[11, 12], 1] -= 0.7 * HALF
    places[[23, 24], 1] += 0.2 * HALF
    places[[25, 27], 0] -= 0.4 * HALF
    places[[26, 28], 0] += 0.4 * HALF
    places[[25, 26], 1] += 0.5 * HALF
    places[[27, 28], 1] += 0.9 * HALF
    return Landmarks(score, places, np.ones(33), np.zeros((33, 3)), Region(x, y, size, 0.0))


class Squares:
    """What `PoseNetworks` does, for figures of known colours."""

    def __init__(self, *colours: Colour) -> None:
        self.colours, self.looks, self.searches = colours, 0, 0

    def detect(self, pixels: Pixels) -> list[tuple[float, Region]]:
        self.searches += 1
        found = [self._middle(pixels, colour, None) for colour in self.colours]
        return [(0.9, Region(place[0], place[1], 4.0 * HALF, 0.0)) for place in found if place is not None]

    def landmarks(self, pixels: Pixels, region: Region) -> Landmarks:
        """The figure nearest to the middle of the region, as a real network would choose it."""
        self.looks += 1
        places = [self._middle(pixels, colour, region) for colour in self.colours]
        near = [place for place in places if place is not None]
        if not near:
            return landmarks_at(region.x, region.y, score=0.1)
        best = min(near, key=lambda place: np.hypot(place[0] - region.x, place[1] - region.y))
        return landmarks_at(*best)

    def _middle(self, pixels: Pixels, colour: Colour, region: Region | None) -> tuple[float, float] | None:
        here = (np.abs(pixels.astype(int) - colour) < 40).all(axis=2)
        if region is not None:
            rows, columns = np.mgrid[: pixels.shape[0], : pixels.shape[1]]
            here &= (np.abs(columns - region.x) < region.size / 2) & (np.abs(rows - region.y) < region.size / 2)
        y, x = np.nonzero(here)
        return (float(x.mean()), float(y.mean())) if len(x) > 0.4 * (2 * HALF) ** 2 else None


def tracked(pictures: Sequence[Pixels], *colours: Colour):
    """The tracker after it has seen some pictures."""
    from genmo.runtime.people.tracking import Tracker

    tracker = Tracker(Squares(*colours))
    for index, pixels in enumerate(pictures):
        tracker.look(index, pixels)
    return tracker
