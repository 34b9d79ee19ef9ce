"""The index of a library: one archive with the entries and the vectors of their windows, and a folder of pictures.

Vectors belong to a content (a hash), entries to a place: two copies of a clip share their vectors, and a file that was
moved is not read again. All of it is numpy; nothing here needs the model.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError
from ..files import DAMAGE, read_arrays, replace_file

Vectors = NDArray[np.float32]

INDEX_FILE: Final = "index.npz"
PICTURES: Final = "strips"
CLIPS: Final = "clips"
"""Inside the folder of an index: the archive, stick-figure strips, motions that came from no motion file."""

FORMAT: Final = 1

_MOST_BYTES: Final = 2**31
_CHUNK: Final = 8192
_MEAN_SHARE: Final = 0.5
"""A clip's score is this share of the mean over its windows, and else its best window."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A clip of a library.

    Attributes:
        place: where it comes from: the path of its file, or what its maker calls it ("walk.blend: action Walk").
        name: for people.
        group: whose clips belong together and are listed again together, for example the folder that was indexed.
        content: hash of what it holds; its picture and vectors have this name.
        stamp: changes when the source changes; for files size and time of change.
        fps: of the source.
        frames: of the source.
        seconds: see `facts.Facts`, as the following.
        speed: metres per second.
        travel: metres.
        looped: whether it loops.
    """

    place: str
    name: str
    group: str
    content: str
    stamp: str
    fps: float
    frames: int
    seconds: float
    speed: float
    travel: float
    looped: bool


@dataclass(frozen=True, slots=True)
class Filters:
    """Which clips may be found.

    Attributes:
        seconds: shortest and longest length.
        speed: slowest and fastest locomotion, m/s.
        looped: only loops (True), none (False), or both (None).
        words: letters that must be in the name or place, any case.
    """

    seconds: tuple[float, float] = (0.0, float("inf"))
    speed: tuple[float, float] = (0.0, float("inf"))
    looped: bool | None = None
    words: str = ""

    def allow(self, entry: Entry) -> bool:
        """Whether an entry may be found."""
        return (
            self.seconds[0] <= entry.seconds <= self.seconds[1]
            and self.speed[0] <= entry.speed <= self.speed[1]
            and (self.looped is None or entry.looped == self.looped)
            and (not self.words or self.words.lower() in f"{entry.name}\n{entry.place}".lower())
        )


@dataclass(frozen=True, slots=True)
class Hit:
    """A clip that was found.

    Attributes:
        entry: the clip.
        score: cosine, higher is better.
        window: first frame and end of the part that fits best.
        mirrored: whether the clip fits with left and right exchanged.
    """

    entry: Entry
    score: float
    window: tuple[int, int]
    mirrored: bool = False


@dataclass
class Library:
    """Entries and vectors in memory.

    Attributes:
        folder: of the index.
        model: identifies the model that made the vectors; "" before the first.
        entries: by place.
        skipped: place -> (stamp, sentence) of what could not be read.
        rows: content -> first row and number of its windows.
        vectors: (R, E) of `retrieval.quantized`.
        windows: (R, 2) first frame and end.
        odd: how many numbers of a vector are odd under mirroring.
    """

    folder: Path
    model: str = ""
    entries: dict[str, Entry] = field(default_factory=dict)
    skipped: dict[str, tuple[str, str]] = field(default_factory=dict)
    rows: dict[str, tuple[int, int]] = field(default_factory=dict)
    vectors: NDArray[np.int8] = field(default_factory=lambda: np.zeros((0, 0), np.int8))
    windows: NDArray[np.int32] = field(default_factory=lambda: np.zeros((0, 2), np.int32))
    odd: int = 0
    _waiting: list[tuple[NDArray[np.int8], NDArray[np.int32]]] = field(default_factory=list)

    def put(self, entry: Entry, vectors: NDArray[np.int8] | None = None, windows: NDArray[Any] | None = None) -> None:
        """Add or replace an entry; vectors and windows only for a content that has none yet."""
        if vectors is not None and windows is not None and entry.content not in self.rows:
            first = len(self.vectors) + sum(len(part) for part, _ in self._waiting)
            self.rows[entry.content] = (first, len(vectors))
            self._waiting.append((vectors, np.asarray(windows, np.int32)))
        self.entries[entry.place] = entry
        self.skipped.pop(entry.place, None)

    def skip(self, place: str, stamp: str, sentence: str) -> None:
        """Remember that something cannot be read, until it changes."""
        self.entries.pop(place, None)
        self.skipped[place] = (stamp, sentence)

    def remove(self, places: Iterable[str]) -> None:
        """Forget places; their vectors go at the next `save` if no other place has them."""
        for place in places:
            self.entries.pop(place, None)
            self.skipped.pop(place, None)

    def stamp(self, place: str) -> str | None:
        """The stamp of the last reading of a place, None if it is unknown."""
        if place in self.entries:
            return self.entries[place].stamp
        return self.skipped[place][0] if place in self.skipped else None

    def picture(self, entry: Entry) -> Path:
        """Where the stick-figure strip of a clip lies."""
        return self.folder / PICTURES / f"{entry.content}.png"

    def clip(self, entry: Entry) -> Path:
        """The motion file of a clip that was handed over, else the file it comes from."""
        kept = self.folder / CLIPS / f"{entry.content}.npz"
        return kept if kept.exists() else Path(entry.place)

    def vectors_of(self, entry: Entry) -> Vectors:
        """(W, E) unit vectors of a clip's windows."""
        self._settle()
        first, count = self.rows[entry.content]
        return _restored(self.vectors[first : first + count])

    def search(
        self, query: Vectors, filters: Filters = Filters(), limit: int = 50, *, mirror: bool = False
    ) -> list[Hit]:
        """The clips that fit best.

        Args:
            query: (E,) unit vector of a text or a motion.
            filters: which clips may be found.
            limit: most hits.
            mirror: also try the clips with left and right exchanged.

        Returns:
            The best first; a content that lies in several places is found once.
        """
        self._settle()
        allowed: dict[str, Entry] = {}
        for entry in self.entries.values():
            if entry.content in self.rows and filters.allow(entry):
                allowed.setdefault(entry.content, entry)
        if not allowed or not limit:
            return []
        entries = list(allowed.values())
        places = np.array([self.rows[content] for content in allowed])
        even, odd = self._scores(query)
        scores, tops = _of_clips(even + odd, places)
        flipped = np.zeros(len(scores), bool)
        if mirror:
            others, other_tops = _of_clips(even - odd, places)
            flipped = others > scores
            scores, tops = np.where(flipped, others, scores), np.where(flipped, other_tops, tops)
        hits = []
        for row in np.argsort(-scores, kind="stable")[:limit]:
            start, stop = self.windows[tops[row]].tolist()
            hits.append(Hit(entries[row], float(scores[row]), (start, stop), bool(flipped[row])))
        return hits

    def _scores(self, query: Vectors) -> tuple[Vectors, Vectors]:
        """Cosines (R,) of all windows, the even and the odd part; in pieces, so that memory stays small."""
        width = self.vectors.shape[1]
        weights = np.zeros((width, 2), np.float32)
        weights[: width - self.odd, 0] = query[: width - self.odd]
        weights[width - self.odd :, 1] = query[width - self.odd :]
        out = np.zeros((len(self.vectors), 2), np.float32)
        for start in range(0, len(self.vectors), _CHUNK):
            part = self.vectors[start : start + _CHUNK].astype(np.float32)
            lengths = np.sqrt(np.einsum("ij,ij->i", part, part))
            out[start : start + _CHUNK] = (part @ weights) / lengths[:, None]
        return out[:, 0], out[:, 1]

    def _settle(self) -> None:
        """Join what was put since the last time."""
        if self._waiting:
            parts = [part for part, _ in self._waiting]
            self.vectors = np.concatenate([self.vectors, *parts] if len(self.vectors) else parts)
            self.windows = np.concatenate([self.windows, *(windows for _, windows in self._waiting)])
            self._waiting.clear()

    def save(self) -> None:
        """Write the index under a temporary name first; vectors and pictures that nobody needs go.

        Raises:
            UserError: the folder cannot be written.
        """
        self._settle()
        used = {entry.content for entry in self.entries.values()}
        gone = self.rows.keys() - used
        if gone:
            self._drop(gone)
        document = {
            "format": FORMAT, "model": self.model, "odd": self.odd, "rows": self.rows, "skipped": self.skipped,
            "entries": [list(asdict(entry).values()) for entry in self.entries.values()],
        }  # fmt: skip
        text = np.frombuffer(json.dumps(document, ensure_ascii=False).encode(), np.uint8)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"{self.folder}: cannot be written ({error.strerror or error})") from error
        arrays = {"document": text, "vectors": self.vectors, "windows": self.windows}
        replace_file(self.folder / INDEX_FILE, lambda stream: np.savez(stream, **arrays))

    def _drop(self, contents: Iterable[str]) -> None:
        for content in contents:
            del self.rows[content]
            for path in (self.folder / PICTURES / f"{content}.png", self.folder / CLIPS / f"{content}.npz"):
                path.unlink(missing_ok=True)
        kept = list(self.rows.items())
        rows = np.concatenate([np.arange(first, first + count) for _, (first, count) in kept] or [np.zeros(0, int)])
        firsts = np.cumsum([0, *(count for _, (_, count) in kept)]).tolist()
        self.rows = {content: (first, count) for (content, (_, count)), first in zip(kept, firsts[:-1], strict=True)}
        self.vectors, self.windows = self.vectors[rows], self.windows[rows]


def open_library(folder: Path | str) -> Library:
    """The index in a folder; an empty one if there is none.

    Raises:
        UserError: it is damaged, or of another format.
    """
    path = Path(folder) / INDEX_FILE
    if not path.exists():
        return Library(Path(folder))
    try:
        arrays = read_arrays(path, _MOST_BYTES)
        document = json.loads(arrays["document"].tobytes())
        if document["format"] != FORMAT:
            raise UserError("is an index of another version: delete it and index again")
        return Library(
            Path(folder), document["model"], {row[0]: Entry(*row) for row in document["entries"]},
            {place: (stamp, sentence) for place, (stamp, sentence) in document["skipped"].items()},
            {content: (first, count) for content, (first, count) in document["rows"].items()},
            arrays["vectors"], arrays["windows"], document["odd"],
        )  # fmt: skip
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    except (KeyError, TypeError, *DAMAGE) as error:
        raise UserError(f"{path}: is damaged, delete it and index again") from error


def _of_clips(scores: Vectors, places: NDArray[np.int64]) -> tuple[Vectors, NDArray[np.int64]]:
    """Score (K,) and best row (K,) of each clip, from the scores (R,) of all windows and (K, 2) first row and count."""
    firsts, counts = places[:, 0], places[:, 1]
    starts = np.r_[0, np.cumsum(counts)[:-1]]
    rows = np.repeat(firsts - starts, counts) + np.arange(counts.sum())
    chosen = scores[rows]
    best = np.maximum.reduceat(chosen, starts)
    mean = np.add.reduceat(chosen, starts) / counts
    # The first window of each clip that reaches its best score.
    reached = np.flatnonzero(chosen == np.repeat(best, counts))
    owners = np.repeat(np.arange(len(counts)), counts)[reached]
    tops = rows[reached[np.unique(owners, return_index=True)[1]]]
    return (_MEAN_SHARE * mean + (1.0 - _MEAN_SHARE) * best).astype(np.float32), tops


def renamed(entry: Entry, place: str, name: str, stamp: str, group: str) -> Entry:
    """The same content at another place."""
    return replace(entry, place=place, name=name, stamp=stamp, group=group)


def _restored(stored: NDArray[np.int8]) -> Vectors:
    values = stored.astype(np.float32)
    return values / np.linalg.norm(values, axis=1, keepdims=True)
