"""Where things are, and what pyproject.toml and blender_manifest.toml say."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
DEV: Final = ROOT / ".venv"
DIST: Final = ROOT / "dist"
OUT: Final = ROOT / "out"
BASE_PACK: Final = ROOT / "runtime" / "packs" / "base"
POSE_MODELS: Final = ROOT / "runtime" / "packs" / "pose"
CACHE: Final = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "genmo-build"
"""Everything here can be deleted at any time: the next run makes it again."""


@dataclass(frozen=True, slots=True)
class BlenderVersion:
    """A Blender that the tests run on, as PyPI's bpy module.

    Attributes:
        version: "5.0.1".
        python: the Python it is built for, "3.11".
        numpy: the numpy version that this Blender's release bundles.
    """

    version: str
    python: str
    numpy: str


@cache
def project() -> dict[str, Any]:
    """Return pyproject.toml as a dict."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


@cache
def manifest() -> dict[str, Any]:
    """Return blender_manifest.toml as a dict."""
    return tomllib.loads((ROOT / "blender_manifest.toml").read_text("utf-8"))


def blender_versions() -> list[BlenderVersion]:
    """Return the supported Blenders, oldest first."""
    table = project()["tool"]["genmo"]["blender"]
    return [BlenderVersion(version, row["python"], row["numpy"]) for version, row in table.items()]


def onnxruntime_requirement() -> str:
    """Return the pinned requirement, e.g. "onnxruntime==1.23.2"."""
    return _pinned("onnxruntime")


def av_requirement() -> str:
    """Return the pinned requirement of PyAV, e.g. "av==18.1.0"."""
    return _pinned("av")


def _pinned(name: str) -> str:
    """Return a requirement of the runtime; the wheels of these are in the zips, numpy is Blender's own."""
    return next(line for line in project()["project"]["dependencies"] if line.startswith(f"{name}=="))


def in_environment(folder: Path, program: str) -> Path:
    """Return the path of a program inside a virtual environment, on this operating system."""
    return folder / "Scripts" / f"{program}.exe" if os.name == "nt" else folder / "bin" / program
