"""Which model packs there are and which one a scene uses."""

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from bpy.types import PropertyGroup, Scene

from ..runtime.errors import PackError
from ..runtime.pack import DEFAULT_PACK, ModelPack, find_packs, read_pack
from ..runtime.pack_info import PackInfo
from . import preferences
from .stubs import Context


def available() -> list[ModelPack]:
    """The built-in pack and those in the folders of the preferences; reads only their descriptions."""
    return find_packs([DEFAULT_PACK, *preferences.pack_folders()])


def search(_owner: PropertyGroup, context: Context, text: str) -> Iterable[tuple[str, str]]:
    """Packs whose id or title contains the typed text, for the search field of `Scene.genmo.pack`."""
    wanted = text.lower()
    rows = [(pack.info.id, pack.info.title) for pack in available()]
    return [row for row in rows if wanted in row[0].lower() or wanted in row[1].lower()]


def folder_of(scene: Scene) -> Path:
    """Folder of the pack that a scene has chosen, by id or by path.

    Raises:
        PackError: there is no such pack.
    """
    chosen = cast("Any", scene).genmo.pack.strip()
    if not chosen:
        return DEFAULT_PACK
    for pack in available():
        if pack.info.id == chosen:
            return pack.folder
    if Path(chosen).is_dir():
        return Path(chosen)
    raise PackError(f"The model pack '{chosen}' is not in the folders of the preferences")


def info_of(scene: Scene) -> PackInfo:
    """Description of the scene's pack, read again only when the file has changed.

    Raises:
        PackError: there is no such pack, or its description is damaged.
    """
    folder = folder_of(scene)
    try:
        stamp = (folder / "pack.json").stat().st_mtime_ns
    except OSError as error:
        raise PackError(f"{folder}: there is no model pack here") from error
    return _info(folder, stamp)


@lru_cache(maxsize=16)
def _info(folder: Path, _stamp: int) -> PackInfo:
    return read_pack(folder).info
