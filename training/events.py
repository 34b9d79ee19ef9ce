"""What happens when: single actions inside long clips, found in the motion itself, each with sentences of its own.

A caption tells of a whole clip: "sits down on a stool and stands up again" says neither when, nor that a window of its
middle shows no more than sitting. Where the motion leaves no doubt, and the captions of the clip speak of it, the
window gets its own sentence: descents to a seat and rises from it, kicks, jumps, waving hands, punches.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from genmo.runtime.features import turn_planar
from genmo.runtime.skeleton import INDEX
from genmo.training.dataset import FPS, Sequence

Array = NDArray[np.float64]

LONGEST: Final = 128
"""Frames after which an event ends in any case."""

TALLEST: Final = 1.1
"""Pelvis height, in metres, above which somebody has climbed something and does not stand on the floor."""

_SIDES: Final = {"l": "left", "r": "right"}


@dataclass(frozen=True)
class Event:
    """One action in a clip.

    Attributes:
        kind: key of FINDERS.
        start: frame at which it begins.
        stop: frame at which something else begins, at most LONGEST later.
        captions: sentences that tell of it.
    """

    kind: str
    start: int
    stop: int
    captions: tuple[str, ...]


def find_events(item: Sequence) -> list[Event]:
    """All events of a clip, by kind and time."""
    said = " ".join(item.captions).lower()
    found = [event for pattern, finder in FINDERS.values() if re.search(pattern, said) for event in finder(item)]
    return [event for event in found if event.stop - event.start >= 20]


def events_by_kind(sequences: list[Sequence]) -> dict[str, list[tuple[Sequence, Event]]]:
    """Every event of the clips, with its clip, by kind."""
    found: dict[str, list[tuple[Sequence, Event]]] = {kind: [] for kind in FINDERS}
    for item in sequences:
        for event in find_events(item):
            found[event.kind].append((item, event))
    return found


def all_texts(sequences: list[Sequence]) -> Iterator[str]:
    """Every sentence that a sample may show: captions of clips and of events."""
    for item in sequences:
        yield from item.captions
        for event in find_events(item):
            yield from event.captions


def _world(item: Sequence, joint: str) -> Array:
    """(T, 3) position of a joint."""
    at = item.joints[:, INDEX[joint]].astype(np.float64)
    ground = turn_planar(at[:, ::2], item.headings) + item.root[:, ::2]
    return np.stack([ground[:, 0], at[:, 1], ground[:, 1]], axis=-1)


def _runs(mask: NDArray[np.bool_], least: int) -> list[tuple[int, int]]:
    """Half-open ranges of at least `least` frames where the mask is set."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a >= least]


def _levels(item: Sequence) -> tuple[Array, float, float]:
    height = item.root[:, 1].astype(np.float64)
    return height, float(np.percentile(height, 95)), float(np.percentile(height, 3))


def _sits_down(item: Sequence) -> list[Event]:
    """From standing to a seat: the pelvis falls by 10 cm or more and rests there for a second."""
    height, high, low = _levels(item)
    if not 0.7 < high < TALLEST or high - low < 0.1:
        return []
    events = []
    for start, stop in _runs(height < 0.35 * high + 0.65 * low, int(FPS)):
        before = np.flatnonzero(height[:start] > high - 0.2 * (high - low))
        if len(before) and start - before[-1] < 3 * FPS:
            begin = max(int(before[-1]) - 4, 0)
            low_one = float(np.median(height[start:stop]))
            seat = "on a low stool" if low_one < 0.45 else "on a chair" if low_one < 0.62 else "on a high stool"
            words = ("a person sits down", "someone sits down", f"a person sits down {seat}")
            events.append(Event("sit down", begin, min(stop, begin + LONGEST), words))
    return events


def _stands_up(item: Sequence) -> list[Event]:
    """The same the other way round."""
    height, high, low = _levels(item)
    if not 0.7 < high < TALLEST or high - low < 0.1:
        return []
    events = []
    for start, stop in _runs(height < 0.35 * high + 0.65 * low, int(FPS)):
        after = np.flatnonzero(height[stop:] > high - 0.2 * (high - low))
        if len(after) and after[0] < 3 * FPS:
            begin = max(stop - int(0.6 * FPS), start)
            words = ("a person stands up", "a person gets up from a seat", "someone sitting stands up")
            events.append(Event("stand up", begin, min(len(height), begin + LONGEST, stop + int(after[0]) + 60), words))
    return events


def _peaks(values: Array, least: float, apart: int) -> list[int]:
    """Frames of local maxima of at least `least`, the highest first among those less than `apart` frames apart."""
    chosen: list[int] = []
    for frame in np.argsort(-values):
        if values[frame] < least:
            break
        if all(abs(frame - other) >= apart for other in chosen):
            chosen.append(int(frame))
    return sorted(chosen)


def _swings(item: Sequence, end: str, root: str, least: float) -> list[int]:
    """Frames at which a limb's end moves away from the body fastest, metres a second."""
    reach = _world(item, end) - _world(item, root)
    speed = np.linalg.norm(np.gradient(reach, axis=0), axis=-1) * FPS
    smooth = np.convolve(speed, np.ones(3) / 3, mode="same")
    return _peaks(smooth, least, int(0.8 * FPS))


def _strokes(
    item: Sequence, kind: str, limb: tuple[str, str], least: float, words: Callable[[str], tuple[str, ...]]
) -> list[Event]:
    """Fast single strokes of a limb (end and root), each from two thirds of a second before its peak to the next."""
    end, root = limb
    found = sorted(
        (frame, side) for side in _SIDES for frame in _swings(item, f"{side}_{end}", f"{side}_{root}", least)
    )
    events = []
    for index, (frame, side) in enumerate(found):
        start = max(frame - 22, 0)
        last = found[index + 1][0] - 12 if index + 1 < len(found) else len(item.root)
        events.append(Event(kind, start, min(last, start + LONGEST, len(item.root)), words(_SIDES[side])))
    return events


def _kicks(item: Sequence) -> list[Event]:
    def words(side: str) -> tuple[str, ...]:
        return (
            "a person kicks", "someone kicks",
            f"a person kicks with the {side} leg", f"a person kicks with the {side} foot",
        )  # fmt: skip

    return [event for event in _strokes(item, "kick", ("foot", "hip"), 5.0, words) if _lifts(item, event)]


def _lifts(item: Sequence, event: Event) -> bool:
    """Whether a foot rises above the other by a knee's height: a kick and not a step."""
    part = item.joints[event.start : min(event.start + 45, event.stop)]
    gap = np.abs(part[:, INDEX["l_foot"], 1] - part[:, INDEX["r_foot"], 1])
    return bool(gap.max() > 0.35)


def _punches(item: Sequence) -> list[Event]:
    def words(side: str) -> tuple[str, ...]:
        return (
            "a person punches", f"a person punches with the {side} hand",
            f"a person throws a punch with the {side} arm",
        )  # fmt: skip

    return _strokes(item, "punch", ("wrist", "shoulder"), 4.5, words)


def _jumps(item: Sequence) -> list[Event]:
    """Flights of both feet that bend before and land after."""
    feet = np.stack([item.joints[:, INDEX[name], 1] for name in ("l_foot", "r_foot")]).astype(np.float64)
    floor = np.percentile(feet, 5)
    events = []
    flights = _runs(feet.min(axis=0) > floor + 0.10, 5)
    for index, (start, stop) in enumerate(flights):
        if stop - start > 30:
            continue
        begin = max(start - 26, flights[index - 1][1] if index else 0)
        last = flights[index + 1][0] - 20 if index + 1 < len(flights) else len(item.root)
        way = float(np.linalg.norm(item.root[stop - 1, ::2] - item.root[start, ::2]))
        manner = ("jumps forward", "leaps forward") if way > 0.45 else ("jumps up", "jumps in place")
        words = ("a person jumps", "someone jumps", *(f"a person {each}" for each in manner))
        events.append(Event("jump", begin, max(min(last, begin + LONGEST), stop + 10), words))
    return [event for event in events if event.stop <= len(item.root)]


def _waves(item: Sequence) -> list[Event]:
    """A raised hand that goes to and fro while the body stands."""
    events = []
    chest = item.joints[:, INDEX["spine3"]].astype(np.float64)
    for side in ("l", "r"):
        hand = item.joints[:, INDEX[f"{side}_wrist"]].astype(np.float64)
        raised = hand[:, 1] > chest[:, 1]
        for start, stop in _runs(raised, 25):
            across = hand[start:stop, 0]
            sideways = across - np.convolve(np.pad(across, 7, "edge"), np.ones(15) / 15, "valid")
            turns = int((np.diff(np.sign(np.diff(sideways))) != 0).sum())
            if sideways.std() > 0.025 and 3 <= turns * FPS / (stop - start) <= 12 and turns >= 3:
                begin, word = max(start - 15, 0), _SIDES[side]
                words = (
                    "a person waves", "a person waves hello", f"a person waves with the {word} hand",
                    f"someone waves the {word} hand",
                )  # fmt: skip
                events.append(Event("wave", begin, min(stop + 15, begin + LONGEST, len(hand)), words))
    return events


_SITS: Final = r"\b(sits?|sitting|seat|chair)\b"

FINDERS: Final[dict[str, tuple[str, Callable[[Sequence], list[Event]]]]] = {
    "sit down": (_SITS, _sits_down),
    "stand up": (_SITS, _stands_up),
    "kick": (r"^(?!.*(breakdanc|cartwheel|flip)).*\bkick", _kicks),
    "jump": (r"\b(jump|hop|leap)", _jumps),
    "wave": (r"^(?!.*(bird|danc|monkey)).*\b(wave|waves|waving|greet|greets|hello|goodbye|traffic)\b", _waves),
    "punch": (r"\b(punch|box)", _punches),
}
"""Kind of event -> what the captions must speak of, and what finds it."""
