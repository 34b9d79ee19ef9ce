"""The repository itself as the add-on `genmo`, inside Blender's Python module: nothing is installed.

`build.py test` runs this folder once per supported Blender. GENMO_TEST_WHEELS names a folder with the unpacked
onnxruntime wheel of the release, the stand-in for the folder into which Blender unpacks an extension's wheels.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Final

import bpy
import pytest

ROOT: Final = Path(__file__).resolve().parents[2]


class _RepositoryFinder:
    """Import finder that knows one name: `genmo`, the repository."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Return the spec of the repository's package for `genmo`, else None."""
        if name != "genmo":
            return None
        return importlib.util.spec_from_file_location(
            name, ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
        )


sys.meta_path.append(_RepositoryFinder)
if wheels := os.environ.get("GENMO_TEST_WHEELS"):
    sys.path.append(wheels)


@pytest.fixture(scope="session", autouse=True)
def addon() -> Iterator[ModuleType]:
    """The add-on, switched on as Blender does it, and off at the end.

    Yields:
        The module `genmo`.
    """
    assert bpy.ops.preferences.addon_enable(module="genmo") == {"FINISHED"}, "it did not register: see above"
    yield sys.modules["genmo"]
    bpy.ops.preferences.addon_disable(module="genmo")


@pytest.fixture(autouse=True)
def empty_file(addon: ModuleType) -> None:
    """An empty file at Blender's factory settings before each test; the add-on stays on."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True, load_ui=False)
