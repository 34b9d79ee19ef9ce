"""Tasks of the worker for libraries: index, add, forget, search, similar, match (`runtime.tasks`)."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..errors import RequestError, UserError
from ..motion import load_motion
from ..pack import DEFAULT_PACK, open_pack
from ..progress import Progress
from ..retrieval import MOTION_ROLE, Retrieval, open_retrieval
from ..tasks import TaskResult
from . import scanning
from .index import INDEX_FILE, Filters, Hit, Library, open_library

Arguments = Mapping[str, Any]
Report = Callable[[Progress], None]
Stop = Callable[[], bool]


def index(arguments: Arguments, report: Report, should_stop: Stop) -> TaskResult:
    """Bring folders up to date: {library, folders, pack?} -> a `Summary` for each folder, by its name."""
    library, model = _library(arguments), model_of(_text(arguments, "pack", ""))
    found = {}
    for folder in arguments.get("folders", ()):
        found[str(folder)] = scanning.update(library, Path(folder), model, report, should_stop).to_json()
    return TaskResult(found)


def add(arguments: Arguments, report: Report, should_stop: Stop) -> TaskResult:
    """Put motion files of another program's clips into a library, copies of which it keeps.

    {library, group, clips: [{motion: file, place, name, stamp}], complete?, pack?} -> `Summary`. A file that cannot be
    read is listed as skipped.
    """
    library, model = _library(arguments), model_of(_text(arguments, "pack", ""))
    group, rows = _text(arguments, "group"), list(arguments.get("clips", ()))
    clips, broken = [], list[tuple[str, str, str]]()
    for row in rows:
        place = _text(row, "place")
        try:
            motion = load_motion(_text(row, "motion"))
            clips.append(scanning.Clip(motion, place, _text(row, "name"), _text(row, "stamp")))
        except UserError as error:
            broken.append((place, _text(row, "stamp"), str(error)))
    complete = bool(arguments.get("complete"))
    taken = scanning.add(library, clips, group, model, report, should_stop, complete=complete)
    for each in broken:
        library.skip(*each)
    if broken:
        library.save()
    taken.skipped = [(place, sentence) for place, _, sentence in broken]
    return TaskResult(taken.to_json())


def forget(arguments: Arguments, report: Report, should_stop: Stop) -> TaskResult:
    """Take clips out of a library: {library, places} -> {removed}."""
    library = _library(arguments)
    places = [place for place in arguments.get("places", ()) if place in library.entries or place in library.skipped]
    library.remove(places)
    library.save()
    return TaskResult({"removed": len(places)})


def search(arguments: Arguments, report: Report, should_stop: Stop) -> TaskResult:
    """Find clips by a text: {library, text, pack?, limit?, mirror?, filters?} -> {hits: [...]}; see `hit_json`."""
    library, retrieval = _library(arguments), retrieval_of(_text(arguments, "pack", ""))
    return _found(library, arguments, retrieval.text(_text(arguments, "text")))


def similar(arguments: Arguments, report: Report, should_stop: Stop) -> TaskResult:
    """Find clips like a motion: {library, motion: file, pack?, limit?, mirror?, filters?} -> {hits: [...]}."""
    library, retrieval = _library(arguments), retrieval_of(_text(arguments, "pack", ""))
    return _found(library, arguments, retrieval.motion(load_motion(_text(arguments, "motion"))).whole)


def match(arguments: Arguments, report: Report, should_stop: Stop) -> TaskResult:
    """How well a motion fits a text: {motion: file, text, pack?} -> {score, percentile, window}."""
    retrieval = retrieval_of(_text(arguments, "pack", ""))
    found = retrieval.match(_text(arguments, "text"), load_motion(_text(arguments, "motion")))
    return TaskResult({"score": found.score, "percentile": found.percentile, "window": list(found.window)})


def hit_json(library: Library, hit: Hit) -> dict[str, Any]:
    """A hit for the wire and the command line: what it is, why, and where its picture and motion lie."""
    entry = hit.entry
    return {
        "name": entry.name, "place": entry.place, "group": entry.group, "score": round(hit.score, 4),
        "window": list(hit.window), "mirrored": hit.mirrored, "fps": entry.fps, "frames": entry.frames,
        "seconds": entry.seconds, "speed": entry.speed, "travel": entry.travel, "looped": entry.looped,
        "picture": str(library.picture(entry)), "motion": str(library.clip(entry)),
    }  # fmt: skip


def filters_of(values: Mapping[str, Any]) -> Filters:
    """Filters of JSON: seconds and speed as [least, most] with null for no bound, looped, words.

    Raises:
        RequestError: an unknown name, or a value of another kind.
    """
    unknown = values.keys() - {"seconds", "speed", "looped", "words"}
    if unknown:
        raise RequestError(f"filters: there is no {', '.join(sorted(unknown))}")
    found: dict[str, Any] = {}
    for name in ("seconds", "speed"):
        if values.get(name) is not None:
            least, most = values[name]
            found[name] = (0.0 if least is None else float(least), float("inf") if most is None else float(most))
    return Filters(**found, looped=values.get("looped"), words=str(values.get("words", "")))


def retrieval_of(pack: str) -> Retrieval:
    """The retrieval model of a pack's folder, "" for the default; loaded once for each state of the pack."""
    opened = open_pack(pack or DEFAULT_PACK)
    return _retrieval(str(opened.folder), _model_name(opened.info.files))


def model_of(pack: str) -> scanning.Model:
    """What makes the vectors of a library, from a pack's folder."""
    retrieval, opened = retrieval_of(pack), open_pack(pack or DEFAULT_PACK)
    return scanning.Model(_model_name(opened.info.files), retrieval.odd, retrieval.motion)


def _model_name(files: Mapping[str, Any]) -> str:
    return files[MOTION_ROLE].sha256 if MOTION_ROLE in files else ""


@functools.lru_cache(maxsize=1)
def _retrieval(folder: str, name: str) -> Retrieval:
    return open_retrieval(open_pack(folder))


def _found(library: Library, arguments: Arguments, query: Any) -> TaskResult:
    filters = filters_of(arguments.get("filters") or {})
    hits = library.search(query, filters, int(arguments.get("limit", 50)), mirror=bool(arguments.get("mirror")))
    return TaskResult({"hits": [hit_json(library, hit) for hit in hits], "clips": len(library.entries)})


def _library(arguments: Arguments) -> Library:
    """The index that a task names; read again only when its file has changed."""
    folder = Path(_text(arguments, "library"))
    path = folder / INDEX_FILE
    stamp = scanning.stamp_of(path) if path.exists() else ""
    return _opened(str(folder), stamp)


@functools.lru_cache(maxsize=2)
def _opened(folder: str, stamp: str) -> Library:
    return open_library(folder)


def _text(values: Mapping[str, Any], name: str, default: str | None = None) -> str:
    value = values.get(name, default)
    if not isinstance(value, str):
        raise RequestError(f"{name}: must be text")
    return value
