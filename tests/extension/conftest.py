"""The zip that users get, installed by Blender's own extension manager, as `bl_ext.user_default.genmo`.

`build.py test` names the zip in GENMO_TEST_ZIP, and in GENMO_TEST_PACK a model pack so small that it answers at once.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Final

import bpy
import pytest

MODULE: Final = "bl_ext.user_default.genmo"


@pytest.fixture(scope="session", autouse=True)
def installed() -> Iterator[None]:
    """Install and enable the zip; at the end the extension is removed, as a user would."""
    bpy.ops.extensions.package_install_files(
        filepath=os.environ["GENMO_TEST_ZIP"], repo="user_default", enable_on_install=True
    )
    assert MODULE in bpy.context.preferences.addons
    yield
    repositories = [repository.module for repository in bpy.context.preferences.extensions.repos]
    bpy.ops.extensions.package_uninstall(repo_index=repositories.index("user_default"), pkg_id="genmo")


@pytest.fixture(autouse=True)
def empty_file(installed: None) -> None:
    """An empty file before each test; the extension stays on."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True, load_ui=False)


@pytest.fixture(scope="session")
def module() -> str:
    """The name under which Blender has imported the extension."""
    return MODULE


@pytest.fixture
def part() -> Callable[[str], ModuleType]:
    """A function that returns a module of the installed extension, e.g. part("genmo_blender.job")."""
    return lambda name: importlib.import_module(f"{MODULE}.{name}")


@pytest.fixture
def tiny_pack() -> Path:
    """Folder of a pack with a tiny random network: every step of a generation, in no time."""
    return Path(os.environ["GENMO_TEST_PACK"])


@pytest.fixture
def character(tiny_pack: Path) -> bpy.types.Object:
    """A new character with one prompt over 40 frames, in a scene that uses the tiny pack."""
    bpy.ops.genmo.character_add()
    target = bpy.context.object
    bpy.ops.genmo.prompt_add()
    prompt = target.genmo.prompts[0]
    prompt.text, prompt.start, prompt.stop = "a person walks forward", 1, 41
    settings = bpy.context.scene.genmo
    settings.pack, settings.apply_when_done = str(tiny_pack), False
    return target
