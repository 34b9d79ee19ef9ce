"""Put a model pack together: copy its files, add their sizes and checksums, write `pack.json` last.

    python -m genmo.tools.make_pack DESTINATION --info INFO.json --file denoiser=PATH --file text_encoder=PATH ...

INFO.json is a `pack.json` (docs/packs.md) without "format" and "files".
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from genmo.runtime.errors import PackError, UserError
from genmo.runtime.files import replace_file
from genmo.runtime.pack import ModelPack, file_entry, open_pack, write_pack_info
from genmo.runtime.pack_info import FORMAT, PackInfo


def make_pack(destination: Path | str, info: Mapping[str, Any], files: Mapping[str, Path | str]) -> ModelPack:
    """Write a pack into a folder, which is created if missing; its older files of the same names are replaced.

    Args:
        destination: folder of the pack.
        info: the document of `pack.json` without "format" and "files".
        files: role -> file, e.g. "denoiser" -> ".../denoiser.onnx"; each keeps its own name, so weights in a file
            beside a graph, which the graph names, need only a role of their own. It may already lie in the folder.

    Returns:
        The pack, verified.

    Raises:
        PackError: the info is incomplete or wrong, or two files have one name; nothing is written.
        UserError: a file cannot be read or written.
    """
    folder = Path(destination)
    sources = {role: Path(path) for role, path in files.items()}
    names = [path.name for path in sources.values()]
    if len(set(names)) != len(names):
        raise PackError(f"{folder}: the files of a pack need different names, not {', '.join(sorted(names))}")
    try:
        entries = {role: asdict(file_entry(path, path.name)) for role, path in sources.items()}
        complete = PackInfo.from_json({**info, "format": FORMAT, "files": entries})
        folder.mkdir(parents=True, exist_ok=True)
        for path in sources.values():
            _place(path, folder / path.name)
    except OSError as error:
        raise UserError(f"{error.filename}: {error.strerror}") from error
    write_pack_info(folder, complete)
    return open_pack(folder)


def _place(source: Path, target: Path) -> None:
    """Copy a file unless it is there already."""
    if target.exists() and target.samefile(source):
        return
    with source.open("rb") as stream:
        replace_file(target, lambda output: shutil.copyfileobj(stream, output))


def _role_and_path(argument: str) -> tuple[str, Path]:
    role, separator, path = argument.partition("=")
    if not (role and separator and path):
        raise argparse.ArgumentTypeError("must be ROLE=PATH")
    return role, Path(path)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; a mistake of the user ends it with exit status 2 and one sentence."""
    parser = argparse.ArgumentParser(prog="make_pack", description="Put a model pack together.")
    parser.add_argument("destination", type=Path, help="folder of the pack")
    parser.add_argument("--info", type=Path, required=True, help="pack.json without format and files")
    parser.add_argument("--file", type=_role_and_path, action="append", required=True, metavar="ROLE=PATH")
    options = parser.parse_args(arguments)
    try:
        make_pack(options.destination, json.loads(options.info.read_text("utf-8")), dict(options.file))
    except (UserError, OSError, ValueError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
