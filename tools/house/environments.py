"""The virtual environments: one for development, one per Blender version. All are made on demand and kept."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Final

from .places import CACHE, DEV, ROOT, BlenderVersion, av_requirement, in_environment, onnxruntime_requirement, project
from .shell import BuildError, must, say

if sys.platform != "win32":
    import fcntl

INSTALL_SECONDS: Final = 1500
"""A cold download of torch or bpy over a slow line."""


@cache
def find_python(version: str) -> Path | None:
    """Return an interpreter of this version that works here, or None.

    Each candidate is started: pyenv puts a `python3.13` on PATH that fails unless that version is selected.

    Args:
        version: "3.11".
    """
    on_path = shutil.which(f"python{version}")
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    candidates = [sys.executable, on_path, f"/usr/bin/python{version}", f"/usr/local/bin/python{version}"]
    candidates += sorted(map(str, pyenv.glob(f"{version}.*/bin/python")), reverse=True)
    question = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"
    for candidate in filter(None, candidates):
        try:
            command = [candidate, "-c", question]
            answer = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        except OSError:
            continue
        if answer.stdout.strip() == version:
            return Path(candidate).resolve()
    return None


@contextlib.contextmanager
def _alone(name: str) -> Iterator[None]:
    """Keep two runs of build.py from making the same environment at once; Windows has to do without."""
    folder = CACHE / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("w") as stream:
        if sys.platform != "win32":
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _prepare(folder: Path, python: Path, installs: Sequence[Sequence[str]]) -> Path:
    """Make a virtual environment unless the one in `folder` was made from the same requirements.

    Args:
        folder: where it goes; an outdated one is deleted.
        python: the interpreter to base it on.
        installs: argument lists for `pip install`, one after the other.

    Returns:
        Its interpreter.

    Raises:
        BuildError: when the environment cannot be made; nothing half-made counts as ready.
    """
    interpreter = in_environment(folder, "python")
    recipe = hashlib.sha256(repr((str(python), str(folder), installs)).encode()).hexdigest()
    ready = folder / ".ready"
    with _alone(folder.name):
        if not (ready.is_file() and ready.read_text() == recipe and interpreter.exists()):
            _make(folder, python, interpreter, installs)
            ready.write_text(recipe)
    return interpreter


def _make(folder: Path, python: Path, interpreter: Path, installs: Sequence[Sequence[str]]) -> None:
    """Make a virtual environment from nothing; see `_prepare`."""
    say(f"making {folder} ...")
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    log = CACHE / "logs" / f"{folder.name.lstrip('.')}.log"
    must([python, "-m", "venv", folder], seconds=120, what=f"making {folder}", log=log)
    for arguments in installs:
        pip = [interpreter, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments]
        must(pip, seconds=INSTALL_SECONDS, what=f"installing into {folder}", log=log)


def development() -> Path:
    """Make `.venv`: the pinned tools, and this folder installed in place as `genmo`.

    Returns:
        Its interpreter.

    Raises:
        BuildError: when there is no Python 3.11 or an installation fails.
    """
    python = find_python("3.11")
    if python is None:
        raise BuildError("Python 3.11 is needed (with the venv module), and none was found on this machine.")
    pins = [onnxruntime_requirement(), av_requirement(), *project()["project"]["optional-dependencies"]["dev"]]
    interpreter = _prepare(DEV, python, [pins, ["--no-deps", "--editable", str(ROOT)]])
    link = DEV / "import" / "genmo"
    # pyright cannot follow an editable installation's import hook; it can follow a link.
    if os.name != "nt" and not link.exists():
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(ROOT, target_is_directory=True)
    return interpreter


def blender(version: BlenderVersion) -> Path | None:
    """Make the environment of one Blender version: its bpy module and what Blender bundles beside it.

    Returns:
        Its interpreter, or None where this machine has no Python of the version that this bpy is built for.

    Raises:
        BuildError: when an installation fails.
    """
    python = find_python(version.python)
    if python is None:
        return None
    pins = [f"bpy=={version.version}", f"numpy=={version.numpy}", *project()["tool"]["genmo"]["beside_bpy"]]
    # --no-deps: bpy's own list has packages that Blender does not need. No cache: the wheels are 400 MB each.
    return _prepare(CACHE / f"bpy-{version.version}", python, [["--no-deps", "--no-cache-dir", *pins]])
