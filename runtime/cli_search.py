"""`genmo index` and `genmo search`: libraries of clips on the command line."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from .errors import UserError
from .library.index import INDEX_FILE, Hit, Library, open_library
from .pack import DEFAULT_PACK
from .progress import Progress

Verb = Callable[..., argparse.ArgumentParser]
Stop = Callable[[], bool]

OWN_FOLDER: Final = ".genmo-library"
"""Folder of the index inside a library's folder, where no other is named."""


def add_verbs(verbs: Any, verb: Verb, add_json: Callable[[argparse.ArgumentParser], None]) -> None:
    """Add the commands to those of the command line; `verb` and `add_json` are its helpers."""
    index = verb(verbs, "index", _index, "list the clips of folders so that they can be searched")
    index.add_argument("folders", metavar="DIR", type=Path, nargs="+", help="folder with .bvh and .npz clips")
    index.add_argument("--library", metavar="DIR", type=Path, help=f"folder of the index, instead of DIR/{OWN_FOLDER}")
    search = verb(verbs, "search", _search, "find clips by a sentence, or like another motion")
    search.add_argument("text", metavar="TEXT", nargs="?", help="what happens in the clip")
    search.add_argument("--library", metavar="DIR", type=Path, required=True, help="indexed folder, or its index")
    search.add_argument("--like", metavar="MOTION", type=Path, help="motion file that the clips should be like")
    search.add_argument("--limit", metavar="N", type=int, default=10, help="most clips to list")
    search.add_argument("--mirror", action="store_true", help="also find clips whose mirror image fits")
    search.add_argument("--seconds", metavar="LEAST,MOST", type=_range, help="length; either may be left out")
    search.add_argument("--speed", metavar="LEAST,MOST", type=_range, help="locomotion in metres per second")
    search.add_argument("--looped", action="store_true", default=None, help="only loops")
    search.add_argument("--words", metavar="TEXT", default="", help="letters that must be in the name or folder")
    for each in (index, search):
        each.add_argument("--pack", metavar="DIR", type=Path, default=DEFAULT_PACK, help="model pack to use")
        add_json(each)


def library_folder(folder: Path) -> Path:
    """The folder of the index that belongs to a folder: itself, or the one inside it.

    Raises:
        UserError: there is none.
    """
    for candidate in (folder, folder / OWN_FOLDER):
        if (candidate / INDEX_FILE).is_file():
            return candidate
    raise UserError(f"{folder}: is not indexed, run genmo index {folder} first")


def _index(arguments: argparse.Namespace) -> None:
    from .cli import stop_on_interrupt  # the command line imports this module
    from .library import scanning, tasks

    library_at = arguments.library or arguments.folders[0] / OWN_FOLDER
    library = open_library(library_at)
    model = tasks.model_of(str(arguments.pack))
    found = {}
    with stop_on_interrupt() as should_stop:
        for folder in arguments.folders:
            found[str(folder)] = scanning.update(library, folder, model, _report, should_stop).to_json()
    if arguments.json:
        sys.stdout.write(json.dumps({"library": str(library_at), "folders": found}, indent=1) + "\n")
        return
    for name, summary in found.items():
        counts = ", ".join(f"{summary[key]} {key}" for key in ("read", "kept", "removed"))
        sys.stdout.write(f"{name}: {counts}, {len(summary['skipped'])} skipped\n")
        sys.stdout.writelines(f"  skipped {row['place']}: {row['problem']}\n" for row in summary["skipped"])
    sys.stdout.write(f"{library_at}\n")


def _search(arguments: argparse.Namespace) -> None:
    from .exchange.files import load_any
    from .library import tasks

    if (arguments.text is None) == (arguments.like is None):
        raise UserError("Give either a text or --like MOTION")
    library = open_library(library_folder(arguments.library))
    retrieval = tasks.retrieval_of(str(arguments.pack))
    text, like = arguments.text, arguments.like
    query = retrieval.text(text) if text is not None else retrieval.motion(load_any(like)).whole
    wanted = {name: getattr(arguments, name) for name in ("seconds", "speed", "looped", "words")}
    hits = library.search(query, tasks.filters_of(wanted), arguments.limit, mirror=arguments.mirror)
    if arguments.json:
        sys.stdout.write(json.dumps([tasks.hit_json(library, hit) for hit in hits], indent=1) + "\n")
        return
    sys.stdout.writelines(_line(library, hit) for hit in hits)
    if not hits:
        sys.stdout.write("No clip of this library may be found with these filters\n")


def _line(library: Library, hit: Hit) -> str:
    entry = hit.entry
    seconds = "-".join(f"{frame / entry.fps:.1f}" for frame in hit.window)
    remarks = ["mirrored"] * hit.mirrored + ["loop"] * entry.looped
    said = f" ({', '.join(remarks)})" if remarks else ""
    first = f"{hit.score:6.3f}  {entry.name}  {entry.seconds:.1f} s, best {seconds} s{said}"
    return f"{first}\n        {library.clip(entry)}\n"


def _report(progress: Progress) -> None:
    from .cli import show_progress

    show_progress(progress)


def _range(text: str) -> tuple[float | None, float | None]:
    """Two numbers with a comma between them, either of which may be missing."""
    least, comma, most = text.partition(",")
    try:
        if not comma:
            raise ValueError(text)
        return (float(least) if least.strip() else None, float(most) if most.strip() else None)
    except ValueError as error:
        raise argparse.ArgumentTypeError("must be LEAST,MOST, for example 1,5 or ,5") from error
