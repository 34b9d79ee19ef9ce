"""Reading clips into a library: what changed in a folder, and motions that are handed over."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from ..errors import CancelledError, UserError
from ..exchange.files import READABLE, load_any
from ..motion import Motion, save_motion
from ..progress import Progress
from ..retrieval import Embedded, quantized
from . import facts, strips
from .index import CLIPS, PICTURES, Entry, Library, renamed

Report = Callable[[Progress], None]
Stop = Callable[[], bool]
Embed = Callable[[Motion], Embedded]

PHASE: Final = "Indexing clips"
_SAVE_EVERY: Final = 200
"""Files after which the index is written, so that a crash costs little."""


@dataclass(frozen=True, slots=True)
class Model:
    """What makes vectors.

    Attributes:
        name: identifies the model; vectors of another one are made again.
        odd: see `Library.odd`.
        embed: a motion into its windows and vectors.
    """

    name: str
    odd: int
    embed: Embed


@dataclass(frozen=True, slots=True)
class Clip:
    """A motion that is handed over, for example an action of a Blender file.

    Attributes:
        motion: the motion.
        place: what its maker calls it, unique in the library.
        name: for people.
        stamp: changes when the source changes; see `Library.stamp`.
    """

    motion: Motion
    place: str
    name: str
    stamp: str


@dataclass
class Summary:
    """What an update did.

    Attributes:
        read: clips whose vectors were made.
        kept: clips that had not changed.
        removed: clips that are gone.
        skipped: (place, sentence) of what cannot be read, this time or earlier.
    """

    read: int = 0
    kept: int = 0
    removed: int = 0
    skipped: list[tuple[str, str]] | None = None

    def to_json(self) -> dict[str, Any]:
        """The same for the wire and the command line."""
        skipped = [{"place": place, "problem": sentence} for place, sentence in self.skipped or []]
        return {"read": self.read, "kept": self.kept, "removed": self.removed, "skipped": skipped}


def clip_files(folder: Path) -> Iterator[Path]:
    """All files below a folder that may be clips, in a steady order; hidden folders are left out."""
    for base, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if Path(name).suffix.lower() in READABLE and not name.startswith("."):
                yield Path(base) / name


def update(
    library: Library, folder: Path, model: Model, report: Report | None = None, should_stop: Stop | None = None
) -> Summary:
    """Bring the clips of a folder up to date; only files that changed are read.

    Args:
        library: index to change; it is saved now and then, and at the end.
        folder: of clips, with its sub-folders; another one than those of the index.
        model: makes the vectors.
        report: is told of each file.
        should_stop: says whether to stop.

    Raises:
        UserError: the folder does not exist, or the index cannot be written.
        CancelledError: stopped; what was read so far is kept.
    """
    root = folder.resolve()
    if not root.is_dir():
        raise UserError(f"{folder}: is not a folder")
    _use(library, model)
    own = library.folder.resolve()
    files = [path for path in clip_files(root) if own not in path.parents]
    group, summary = str(root), Summary()
    present = {str(path) for path in files}
    gone = [place for place in (*library.entries, *library.skipped) if _inside(place, root) and place not in present]
    summary.removed = len(gone)
    known = {entry.content: entry for entry in library.entries.values()}  # those that moved, too
    library.remove(gone)
    for number, path in enumerate(files):
        _tell(library, number, len(files), report, should_stop)
        if _update_file(library, path, group, model, known):
            summary.read += 1
            if summary.read % _SAVE_EVERY == 0:
                library.save()
        else:
            summary.kept += 1
    library.save()
    if report is not None:
        report(Progress(PHASE, max(len(files), 1), max(len(files), 1)))
    summary.skipped = [(place, said) for place, (_, said) in library.skipped.items() if place in present]
    summary.kept -= sum(1 for place, _ in summary.skipped)
    return summary


def add(
    library: Library, clips: Sequence[Clip], group: str, model: Model, report: Report | None = None,
    should_stop: Stop | None = None, *, complete: bool = False,
) -> Summary:  # fmt: skip
    """Put motions that were handed over into a library, with a copy of each; saves the index.

    Args:
        library: index to change.
        clips: the motions.
        group: that they belong to, for example "actions of walk.blend".
        model: makes the vectors.
        report: is told of each clip.
        should_stop: says whether to stop.
        complete: whether these are all of the group, so that its others are gone.

    Raises:
        UserError: the index cannot be written.
        CancelledError: stopped; what was read so far is kept.
    """
    _use(library, model)
    summary, places = Summary(), {clip.place for clip in clips}
    for number, clip in enumerate(clips):
        _tell(library, number, len(clips), report, should_stop)
        content = content_of_motion(clip.motion)
        _put(library, clip.motion, clip.place, clip.name, group, content, clip.stamp, model)
        kept = library.folder / CLIPS / f"{content}.npz"
        if not kept.exists():
            _make(kept.parent)
            save_motion(clip.motion, kept)
        summary.read += 1
    if complete:
        gone = [entry.place for entry in library.entries.values() if entry.group == group and entry.place not in places]
        library.remove(gone)
        summary.removed = len(gone)
    library.save()
    return summary


def _tell(library: Library, number: int, total: int, report: Report | None, should_stop: Stop | None) -> None:
    """Report a step, or save and stop."""
    if should_stop is not None and should_stop():
        library.save()
        raise CancelledError("stopped; what was read so far is kept")
    if report is not None:
        report(Progress(PHASE, number, total))


def content_of_motion(motion: Motion) -> str:
    """Hash of what a motion shows."""
    found = hashlib.sha256(np.float64(motion.fps).tobytes())
    for array in (motion.root_positions, motion.local_rotations, motion.rest_offsets):
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()[:32]


def stamp_of(path: Path) -> str:
    """What changes when a file changes: its size and time of change.

    Raises:
        OSError: it is gone.
    """
    status = path.stat()
    return f"{status.st_size}-{status.st_mtime_ns}"


def _update_file(library: Library, path: Path, group: str, model: Model, known: dict[str, Entry]) -> bool:
    """Bring one file up to date; whether it had to be read and could be. `known` has an entry for each content."""
    place, stamp = str(path), ""
    try:
        stamp = stamp_of(path)
        if library.stamp(place) == stamp:
            return False
        with path.open("rb") as stream:
            content = hashlib.file_digest(stream, "sha256").hexdigest()[:32]
        if content in known and content in library.rows:
            library.put(renamed(known[content], place, path.stem, stamp, group))
            return True
        motion = load_any(path)
    except OSError as error:
        library.skip(place, "", f"cannot be read ({error.strerror or error})")
        return False
    except UserError as error:
        library.skip(place, stamp, str(error).removeprefix(f"{path}: "))
        return False
    _put(library, motion, place, path.stem, group, content, stamp, model)
    known[content] = library.entries[place]
    return True


def _put(
    library: Library, motion: Motion, place: str, name: str, group: str, content: str, stamp: str, model: Model
) -> None:
    measured = facts.facts_of(motion)
    entry = Entry(
        place, name, group, content, stamp, motion.fps, motion.frames, measured.seconds, measured.speed,
        measured.travel, measured.looped,
    )  # fmt: skip
    if content in library.rows:
        library.put(entry)
        return
    found = model.embed(motion)
    library.put(entry, quantized(found.vectors), found.windows)
    _make(library.folder / PICTURES)
    strips.write_strip(motion, library.picture(entry))


def _use(library: Library, model: Model) -> None:
    """Vectors of another model are worthless: everything is read again."""
    if library.model == model.name:
        return
    handed = [entry for entry in library.entries.values() if library.clip(entry) != Path(entry.place)]
    library.entries, library.skipped, library.rows = {}, {}, {}
    library.vectors, library.windows = np.zeros((0, 0), np.int8), np.zeros((0, 2), np.int32)
    library.model, library.odd = model.name, model.odd
    for entry in handed:
        motion = load_any(library.folder / CLIPS / f"{entry.content}.npz")
        _put(library, motion, entry.place, entry.name, entry.group, entry.content, entry.stamp, model)


def _inside(place: str, root: Path) -> bool:
    return place.startswith(str(root) + os.sep)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error.strerror or error})") from error
