"""Model packs: a folder with `pack.json` and the files of a model (format: docs/packs.md).

A pack is used only after the size and the SHA-256 of each of its files agree with `pack.json`. Nothing in it is ever
executed or unpickled: the files are ONNX graphs, which hold standard operators only, and plain text.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .errors import PackError
from .files import replace_file
from .pack_info import PackFile, PackInfo

PACK_FILE: Final = "pack.json"
DEFAULT_PACK: Final = Path(__file__).parent / "packs" / "base"
"""The pack inside the extension."""

_MAX_INFO_BYTES: Final = 16 * 2**20


@dataclass(frozen=True, slots=True)
class ModelPack:
    """A pack in a folder. Its files are verified before a path to one of them is given away."""

    folder: Path
    info: PackInfo

    def path(self, name: str) -> Path:
        """Path of the file in the role `name`, e.g. "denoiser", after `verify`.

        Raises:
            PackError: the pack has no such file, or is damaged.
        """
        if name not in self.info.files:
            raise PackError(f"{self.folder / PACK_FILE}: the pack has no file for {name!r}")
        self.verify()
        return self.folder / self.info.files[name].file

    def verify(self) -> None:
        """Compare size and SHA-256 of every file with the info; unchanged files are read once per process.

        Raises:
            PackError: a file is missing, unreadable or differs.
        """
        for entry in self.info.files.values():
            _verify_file(self.folder / entry.file, entry)


def read_pack(folder: Path | str) -> ModelPack:
    """The pack in `folder`, with only its `pack.json` read; its files are verified when they are first used.

    Raises:
        PackError: there is no `pack.json`, or it is damaged or of another format.
    """
    path = Path(folder) / PACK_FILE
    try:
        with path.open("rb") as stream:
            data = stream.read(_MAX_INFO_BYTES + 1)
    except FileNotFoundError as error:
        raise PackError(f"{path.parent}: not a model pack, it has no {PACK_FILE}") from error
    except OSError as error:
        raise PackError(f"{path}: cannot be read ({error.strerror or error})") from error
    if len(data) > _MAX_INFO_BYTES:
        raise PackError(f"{path}: too large for the description of a pack")
    try:
        document = json.loads(data, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError
        raise PackError(f"{path}: not valid JSON ({error})") from error
    try:
        return ModelPack(path.parent, PackInfo.from_json(document))
    except PackError as error:
        raise PackError(f"{path}: {error}") from error


def open_pack(folder: Path | str) -> ModelPack:
    """The pack in `folder`, verified.

    Raises:
        PackError: as `read_pack`; or a file is missing, truncated or has another checksum.
    """
    pack = read_pack(folder)
    pack.verify()
    return pack


def find_packs(
    folders: Iterable[Path | str], on_problem: Callable[[Path, PackError], None] | None = None
) -> list[ModelPack]:
    """The packs in some folders, for lists; quick, because nothing but `pack.json` is read.

    Args:
        folders: each is a pack itself or holds packs; missing ones are skipped.
        on_problem: called with folder and error for each pack whose `pack.json` cannot be used.

    Returns:
        Packs in the order of `folders`, then by folder name; none twice.
    """
    found: dict[Path, ModelPack] = {}
    for folder in _pack_folders(folders):
        if folder.resolve() in found:
            continue
        try:
            found[folder.resolve()] = read_pack(folder)
        except PackError as error:
            if on_problem is not None:
                on_problem(folder, error)
    return list(found.values())


def write_pack_info(folder: Path | str, info: PackInfo) -> None:
    """Write `pack.json` into `folder`, under a temporary name first.

    Raises:
        PackError: the info would not be read back.
        UserError: the file cannot be written.
    """
    document = info.to_json()
    PackInfo.from_json(document)
    text = json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    replace_file(Path(folder) / PACK_FILE, lambda stream: stream.write(text.encode()))


def file_entry(path: Path, file: str) -> PackFile:
    """The entry of a file on disk that lies, or will lie, at `file` inside a pack.

    Raises:
        OSError: it cannot be read.
    """
    status = path.stat()
    return PackFile(file, status.st_size, _digest(path, status.st_mtime_ns, status.st_size))


@functools.lru_cache(maxsize=256)
def _digest(path: Path, modified: int, size: int) -> str:
    """SHA-256 of a file; `modified` and `size` are there so that a changed file is read again."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def verified(folder: Path, entry: PackFile) -> Path:
    """The path of a file that is not part of a pack, after its size and checksum have been compared.

    Raises:
        PackError: it is missing, unreadable or differs.
    """
    _verify_file(folder / entry.file, entry)
    return folder / entry.file


def _verify_file(path: Path, entry: PackFile) -> None:
    if not path.is_file():
        raise PackError(f"{path}: missing, copy the pack again")
    try:
        size = path.stat().st_size
        if size != entry.size:
            kind = "truncated" if size < entry.size else "too long"
            raise PackError(f"{path}: {kind} ({size} of {entry.size} bytes), copy the pack again")
        if file_entry(path.absolute(), entry.file) != entry:
            raise PackError(f"{path}: its SHA-256 differs from {PACK_FILE}, it is damaged: copy the pack again")
    except OSError as error:
        raise PackError(f"{path}: cannot be read ({error.strerror or error})") from error


def _pack_folders(folders: Iterable[Path | str]) -> Iterable[Path]:
    """Folders that hold a `pack.json`: the given ones, else those directly inside them."""
    for folder in map(Path, folders):
        if (folder / PACK_FILE).is_file():
            yield folder
        else:
            try:
                yield from sorted(path.parent for path in folder.glob(f"*/{PACK_FILE}"))
            except OSError:
                continue  # a folder that may not be read holds no packs for this user


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number of JSON")
