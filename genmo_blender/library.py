"""The library of clips: the index is kept and searched by the worker; hits are kept here until the next search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import bpy
from bpy.app.handlers import persistent
from bpy.types import Object, Scene

from ..runtime.errors import UserError
from ..runtime.library.index import INDEX_FILE
from ..runtime.tasks import TaskResult
from . import library_actions, library_pictures, packs, takes, tasks
from .collect_media import motion_file
from .properties import of_scene
from .properties_library import PAGE

INDEX: Final = "library.index"
ADD: Final = "library.add"
SEARCH: Final = "library.search"
SIMILAR: Final = "library.similar"
TASKS: Final = (INDEX, ADD, SEARCH, SIMILAR)
FOLDER: Final = ".genmo-library"
LIMIT: Final = 100
"""Most hits of a search."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A clip that was found; see `runtime.library.tasks.hit_json`."""

    name: str
    place: str
    group: str
    score: float
    window: tuple[int, int]
    mirrored: bool
    fps: float
    frames: int
    seconds: float
    speed: float
    travel: float
    looped: bool
    picture: str
    motion: str


@dataclass(slots=True)
class _State:
    hits: tuple[Hit, ...] = ()
    asked: str = ""
    news: str = ""
    skipped: tuple[str, ...] = ()


_state = _State()


def hits() -> tuple[Hit, ...]:
    """What the last search has found, the best first."""
    return _state.hits


def asked() -> str:
    """What was searched for, in words; "" before the first search."""
    return _state.asked


def news() -> str:
    """What the last indexing did, "" before it."""
    return _state.news


def skipped() -> tuple[str, ...]:
    """Sentences about clips that cannot be read."""
    return _state.skipped


def folders(scene: Scene) -> list[str]:
    """The folders that are indexed.

    Raises:
        UserError: one of them is none.
    """
    found = [bpy.path.abspath(row.path) for row in of_scene(scene).library.folders if row.path]
    for folder in found:
        if not Path(folder).is_dir():
            raise UserError(f"'{folder}' is not a folder")
    return found


def index_folder(scene: Scene) -> Path:
    """Where the index is kept: chosen, else in the first folder, else beside the .blend, else until Blender ends."""
    settings = of_scene(scene).library
    if settings.index:
        return Path(bpy.path.abspath(settings.index))
    chosen = [row.path for row in settings.folders if row.path]
    if chosen:
        return Path(bpy.path.abspath(chosen[0])) / FOLDER
    return Path(bpy.path.abspath("//") if bpy.data.filepath else bpy.app.tempdir) / FOLDER


def index(scene: Scene) -> None:
    """Start to bring the index up to date: folders in the worker, then the actions of this file.

    Raises:
        UserError: there is nothing to index, or a folder is none.
    """
    _check_idle()
    given = folders(scene)
    clips, left_out = library_actions.written(scene) if of_scene(scene).library.use_actions else ([], [])
    if not given and not clips:
        raise UserError("Add a folder with clips, or an armature with mapped bones and actions")
    common = {"library": str(index_folder(scene)), "pack": str(packs.folder_of(scene))}
    _state.news, _state.skipped = "", tuple(left_out)
    handed = {**common, "group": library_actions.group(), "clips": clips, "complete": True}

    def done(result: TaskResult) -> None:
        _note(result.value.values())
        if of_actions:
            tasks.start(ADD, handed, lambda added: _note([added.value]), label="Indexing actions")

    of_actions = bool(clips)
    tasks.start(INDEX, {**common, "folders": given}, done, label="Indexing clips")


def _note(summaries: Any) -> None:
    """Add what an update did to the news."""
    parts = [_state.news] if _state.news else []
    for found in summaries:
        kept = f", {found['kept']} unchanged" if found["kept"] else ""
        gone = f", {found['removed']} removed" if found["removed"] else ""
        bad = f", {len(found['skipped'])} skipped" if found["skipped"] else ""
        parts.append(f"{found['read']} read{kept}{gone}{bad}")
        _state.skipped += tuple(f"{Path(row['place']).name}: {row['problem']}" for row in found["skipped"])
    _state.news = "; ".join(parts)


def filters(scene: Scene) -> dict[str, Any]:
    """The filters of the panel as the tasks take them."""
    row = of_scene(scene).library
    looped = {"ANY": None, "LOOPS": True, "OTHERS": False}[row.looped]
    return {
        "seconds": [row.seconds_least, row.seconds_most or None],
        "speed": [row.speed_least, row.speed_most or None],
        "looped": looped,
        "words": row.words.strip(),
    }


def search(scene: Scene, text: str) -> None:
    """Start to search for clips by a text.

    Raises:
        UserError: there is no text or no index yet.
    """
    if not text.strip():
        raise UserError("Type what the clip shows")
    _find(scene, SEARCH, {"text": text.strip()}, f"for '{text.strip()}'")


def similar(scene: Scene, target: Object, take: int) -> None:
    """Start to search for clips that are like a take; -1 is the active one.

    Raises:
        UserError: there is no such take, or no index yet.
    """
    row = takes.find(target, take)
    _find(scene, SIMILAR, {"motion": str(motion_file(row.data, row.frames, row.fps))}, f"like {row.name}")


def _find(scene: Scene, task: str, question: Mapping[str, Any], words: str) -> None:
    _check_idle()
    folder = index_folder(scene)
    if not (folder / INDEX_FILE).exists():
        raise UserError("There is no index yet: press Index first")
    common = {"library": str(folder), "pack": str(packs.folder_of(scene)), "limit": LIMIT}
    common |= {"mirror": of_scene(scene).library.mirror, "filters": filters(scene)}
    name = scene.name

    def done(result: TaskResult) -> None:
        rows = (dict(row, window=tuple(row["window"])) for row in result.value["hits"])
        _state.hits, _state.asked = tuple(Hit(**row) for row in rows), words
        shown = bpy.data.scenes.get(name)
        if shown is not None:
            of_scene(shown).library.page = of_scene(shown).library.active_hit = 0

    tasks.start(task, {**common, **question}, done, label="Searching")


def running() -> tasks.RunningTask | None:
    """The task of the library that is in progress, None if none is."""
    return next((task for name in TASKS for task in tasks.running(name)), None)


def message() -> str:
    """The sentence that the last task failed with, "" if it went well."""
    return next((said for name in TASKS if (said := tasks.message(name))), "")


def _check_idle() -> None:
    if running() is not None:
        raise UserError("The library is busy: wait or cancel")


def cancel() -> None:
    """Stop what runs; what was indexed so far is kept."""
    task = running()
    if task is not None:
        task.cancel()
        _state.news = "Stopped; what was indexed so far is kept"


def hit(scene: Scene, number: int) -> Hit:
    """A hit by its number; -1 is the active one.

    Raises:
        UserError: there is no such hit.
    """
    chosen = of_scene(scene).library.active_hit if number < 0 else number
    if chosen >= len(_state.hits):
        raise UserError("Search for a clip first" if not _state.hits else "There is no such clip")
    return _state.hits[chosen]


def page_of(scene: Scene) -> range:
    """Numbers of the hits that are shown."""
    first = min(of_scene(scene).library.page * PAGE, max(len(_state.hits) - 1, 0) // PAGE * PAGE)
    return range(first, min(first + PAGE, len(_state.hits)))


@persistent
def on_load(*_arguments: Any) -> None:
    """Another file is about to be opened."""
    _state.hits, _state.asked, _state.news, _state.skipped = (), "", "", ()


def attach() -> None:
    """Begin to keep pictures and watch the file."""
    library_pictures.attach()
    bpy.app.handlers.load_pre.append(on_load)


def detach() -> None:
    """Forget everything."""
    bpy.app.handlers.load_pre.remove(on_load)
    library_pictures.detach()
    on_load()
