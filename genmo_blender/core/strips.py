"""Strips on a timeline: which lane each lies on, where it is on the screen, what the mouse is over, how it may move.

Screen places are pixels of one region, x to the right and y up. Frames are scene frames, ranges half-open.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

Part = Literal["START", "STOP", "BOTH"]
Key = tuple[str, str, int]
"""Owner, track and row number of a strip."""
Span = tuple[int, int]
"""First frame, and the frame after the last."""
Colour = tuple[float, float, float]

HIGHEST: Final = 22.0
LOWEST: Final = 9.0
"""Limits of a lane's height, before the scale of the user interface."""
_GAP: Final = 2.0
_GRIP: Final = 6.0
"""Pixels at either end of a strip that take hold of the end."""
_EDGE: Final = 1.5
_POINT: Final = 4.0
"""Half the width of what stands for one frame."""
_MUTED: Final = 0.35
_OTHERS: Final = 0.3
_LANE: Final = 0.22
_DARK: Final = np.array((0.55, 0.55, 0.55, 1.0), np.float32)
_CHOSEN: Final = np.array((1.0, 1.0, 1.0, 0.95), np.float32)
"""Edges of strips: a darker colour, or white where they are selected."""


@dataclass(frozen=True, slots=True)
class Strip:
    """A range of a track as it is drawn.

    Attributes:
        key: whose it is.
        start: first frame.
        stop: frame after the last.
        label: words on it.
        colour: display RGB, 0..1.
        mute: it is left out of the request.
        select: it is selected.
        own: it is the active character's.
        point: it stands for one frame, as a key does: it has no ends to drag.
    """

    key: Key
    start: int
    stop: int
    label: str = ""
    colour: Colour = (0.3, 0.3, 0.3)
    mute: bool = False
    select: bool = False
    own: bool = True
    point: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """A region of a timeline editor.

    Attributes:
        origin: x of frame 0.
        per_frame: pixels from one frame to the next.
        width: of the region.
        bottom: lowest y that lanes may use.
        top: highest y that lanes may use.
        scale: scale of the user interface.
    """

    origin: float
    per_frame: float
    width: float
    bottom: float
    top: float
    scale: float = 1.0

    def x(self, frame: float) -> float:
        """Pixel of a frame."""
        return self.origin + frame * self.per_frame

    def frame(self, x: float) -> float:
        """Frame, usually not a whole one, of a pixel."""
        return (x - self.origin) / self.per_frame


@dataclass(frozen=True, slots=True)
class Box:
    """A strip and its rectangle in pixels."""

    strip: Strip
    left: float
    right: float
    bottom: float
    top: float


@dataclass(frozen=True, slots=True)
class Lane:
    """A lane over the whole width: its title and height range in pixels."""

    title: str
    bottom: float
    top: float
    own: bool = True


@dataclass(frozen=True, slots=True)
class Layout:
    """Everything that is drawn: lanes from the top down, and the strips that can be seen."""

    lanes: tuple[Lane, ...] = ()
    boxes: tuple[Box, ...] = ()

    def covers(self, y: float) -> bool:
        """Whether a height is within the lanes."""
        return bool(self.lanes) and self.lanes[-1].bottom <= y <= self.lanes[0].top


@dataclass(frozen=True, slots=True)
class Hit:
    """What the mouse is over: a strip, and whether one of its ends."""

    strip: Strip
    part: Part


def lanes_of(spans: Sequence[Span]) -> list[int]:
    """Number of the lane for each span, so that spans on one lane do not overlap; as few lanes as can be."""
    numbers = [0] * len(spans)
    ends: list[int] = []
    for index in sorted(range(len(spans)), key=lambda each: (spans[each][0], each)):
        start, stop = spans[index]
        free = next((lane for lane, end in enumerate(ends) if end <= start), len(ends))
        ends[free : free + 1] = [max(stop, start + 1)]
        numbers[index] = free
    return numbers


def arrange(strips: Sequence[Strip], view: View, titles: Mapping[str, str]) -> Layout:
    """Lanes for the active character's tracks, then one dim lane for each other character.

    Args:
        strips: of all characters.
        view: where to.
        titles: track -> title of its lanes, in the order from the top down.
    """
    groups = [(title, [each for each in strips if each.own and each.key[1] == name]) for name, title in titles.items()]
    others = dict.fromkeys(each.key[0] for each in strips if not each.own)
    groups += [(name, [each for each in strips if not each.own and each.key[0] == name]) for name in others]
    rows = [(title, members, lanes_of([(each.start, each.stop) for each in members])) for title, members in groups]
    rows = [row for row in rows if row[1]]
    count = sum(max(row[2]) + 1 for row in rows)
    if not count:
        return Layout()
    height = min(HIGHEST * view.scale, max(LOWEST * view.scale, (view.top - view.bottom) / count))
    top = view.bottom + height * count
    lanes, boxes = [], []
    for title, members, numbers in rows:
        for number in range(max(numbers) + 1):
            low = top - height * (number + 1)
            lanes.append(Lane(title if number == 0 else "", low, low + height, members[0].own))
        for strip, number in zip(members, numbers, strict=True):
            box = _box(strip, view, top - height * (number + 1), height)
            if box.right >= 0.0 and box.left <= view.width:
                boxes.append(box)
        top -= height * (max(numbers) + 1)
    return Layout(tuple(lanes), tuple(boxes))


def _box(strip: Strip, view: View, bottom: float, height: float) -> Box:
    inset = min(_GAP * view.scale, height / 4)
    left, right = view.x(strip.start), view.x(max(strip.stop, strip.start + 1))
    if strip.point:
        left, right = left - _POINT * view.scale, left + _POINT * view.scale
    return Box(strip, left, right, bottom + inset / 2, bottom + height - inset / 2)


def hit(layout: Layout, view: View, x: float, y: float) -> Hit | None:
    """The strip under a place, or None. A selected strip comes before one that it touches."""
    under = [each for each in layout.boxes if each.left <= x <= each.right and each.bottom <= y <= each.top]
    if not under:
        return None
    box = next((each for each in under if each.strip.select), under[-1])
    if box.strip.point or not box.strip.own:
        return Hit(box.strip, "BOTH")
    grip = min(_GRIP * view.scale, (box.right - box.left) / 4)
    part: Part = "START" if x <= box.left + grip else "STOP" if x >= box.right - grip else "BOTH"
    return Hit(box.strip, part)


def moved(span: Span, part: Part, by: int) -> Span:
    """A span moved, or with one end moved; it is never shorter than one frame."""
    start, stop = span
    match part:
        case "START":
            return min(start + by, stop - 1), stop
        case "STOP":
            return start, max(stop + by, start + 1)
        case _:
            return start + by, stop + by


def snapped(spans: Iterable[Span], part: Part, by: int, targets: Iterable[int], reach: float) -> int:
    """A move that brings an end onto a target, if that needs less than `reach` frames more or less; else `by`."""
    places = np.array(sorted(set(targets)), dtype=np.float64)
    ends = [end for start, stop in spans for end in {"START": (start,), "STOP": (stop,)}.get(part, (start, stop))]
    if not len(places) or not ends:
        return by
    gaps = places[None] - (np.array(ends, dtype=np.float64)[:, None] + by)
    nearest = gaps.ravel()[np.abs(gaps).argmin()]
    return by + round(float(nearest)) if abs(nearest) <= reach else by


def split(span: Span, frame: int) -> tuple[Span, Span] | None:
    """The two parts of a span before and from a frame; None when the frame is not inside."""
    start, stop = span
    return ((start, frame), (frame, stop)) if start < frame < stop else None


def rectangles(layout: Layout, view: View) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What is to be filled, in the order of drawing.

    Returns:
        Rectangles (N, 4) as left, bottom, right, top in pixels, and their colours (N, 4) with alpha.
    """
    lanes = np.array([(0.0, lane.bottom, view.width, lane.top) for lane in layout.lanes], np.float32).reshape(-1, 4)
    shades = np.zeros((len(lanes), 4), np.float32)
    shades[:, 3] = [_LANE if lane.own else _LANE / 2 for lane in layout.lanes]
    if not layout.boxes:
        return lanes, shades
    bodies = np.array([(each.left, each.bottom, each.right, each.top) for each in layout.boxes], np.float32)
    fills = np.array([(*each.strip.colour, _alpha(each.strip)) for each in layout.boxes], np.float32)
    chosen = np.array([each.strip.select for each in layout.boxes])
    lines = np.where(chosen[:, None], _CHOSEN, fills * _DARK).astype(np.float32)
    shapes = np.repeat(bodies[:, None], 5, axis=1)
    edge = _EDGE * view.scale
    shapes[:, 1, 2] = bodies[:, 0] + edge  # left
    shapes[:, 2, 0] = bodies[:, 2] - edge  # right
    shapes[:, 3, 3] = bodies[:, 1] + edge  # bottom
    shapes[:, 4, 1] = bodies[:, 3] - edge  # top
    colours = np.repeat(lines[:, None], 5, axis=1)
    colours[:, 0] = fills
    return np.concatenate([lanes, shapes.reshape(-1, 4)]), np.concatenate([shades, colours.reshape(-1, 4)])


def _alpha(strip: Strip) -> float:
    return (0.9 if strip.own else _OTHERS) * (_MUTED if strip.mute else 1.0)


def triangles(shapes: NDArray[np.float32], colours: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
    """Two triangles for each rectangle: corners (6 N, 2) and their colours (6 N, 4)."""
    corners = shapes[:, [[0, 1], [2, 1], [2, 3], [0, 1], [2, 3], [0, 3]]]
    return corners.reshape(-1, 2), np.repeat(colours, 6, axis=0)
