"""The extension zips: one per platform, with the ONNX Runtime wheels of every Blender generation and PyAV's one wheel.

Stage a clean copy -> add the wheels to the manifest *in the stage* -> Blender's own builder -> Blender's own
validator -> look into each zip, because the builder drops the wheels of other platforms without a word, down to none.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from . import environments
from .places import CACHE, DIST, ROOT, av_requirement, blender_versions, manifest, onnxruntime_requirement
from .shell import BuildError, must, say


@dataclass(frozen=True, slots=True)
class Platform:
    """An operating system and processor that the extension supports.

    Attributes:
        name: Blender's name for it.
        pip: pip's `--platform`.
        mark: what the file name of its wheels contains.
    """

    name: str
    pip: str
    mark: str


PLATFORMS: Final = (
    Platform("linux-x64", "manylinux_2_28_x86_64", "manylinux"),
    Platform("windows-x64", "win_amd64", "win_amd64"),
    Platform("macos-arm64", "macosx_14_0_arm64", "_arm64"),
    Platform("macos-x64", "macosx_13_0_x86_64", "_x86_64"),
)
PYTHONS: Final = ("311", "313")
"""Blender 4.2 to 5.0 has Python 3.11, from 5.1 on 3.13. Blender unpacks only what fits, so one zip has both."""

SHIPPED: Final = ("__init__.py", "LICENSE", "blender_manifest.toml", "genmo_blender", "operators", "runtime")
"""What goes from the repository into a zip; with `wheels`, all that a zip may have at its top."""

NEVER: Final = ("__pycache__", ".pyc", "/tests/", "training/", ".git/")
"""Parts of names that must not occur in a zip."""

LARGEST_ZIP: Final = 150e6
"""Bytes: the pack (45 MB), the pose models (9 MB), ONNX Runtime twice (36 MB), PyAV (36 MB), and room to grow."""

_STABLE: Final = "-abi3-"
"""What the name of a wheel contains that every Python from its own on can load."""


def current_platform() -> Platform:
    """Return the platform of this machine.

    Raises:
        BuildError: when the extension does not support it.
    """
    system = {"linux": "linux", "win32": "windows", "darwin": "macos"}.get(sys.platform, sys.platform)
    machine = "arm64" if platform.machine().lower() in {"arm64", "aarch64"} else "x64"
    return _platform(f"{system}-{machine}")


def _platform(name: str) -> Platform:
    """Return the platform with this name."""
    for candidate in PLATFORMS:
        if candidate.name == name:
            return candidate
    names = ", ".join(candidate.name for candidate in PLATFORMS)
    raise BuildError(f"There is no package for {name}; the platforms are {names}.")


def package(names: Sequence[str] = ()) -> list[Path]:
    """Build the zips into `dist/` and check them.

    Args:
        names: platforms to build for, all when empty.

    Returns:
        One zip per platform.

    Raises:
        BuildError: when a download, the builder, the validator or one of our own checks fails.
    """
    platforms = [_platform(name) for name in names] or list(PLATFORMS)
    builder = _builder()
    wheels = [wheel for each in platforms for wheel in _wheels(each)]
    with tempfile.TemporaryDirectory(prefix="genmo-package-") as temporary:
        stage, built = Path(temporary, "stage"), Path(temporary, "built")
        built.mkdir()
        _stage(stage, platforms, wheels)
        log = CACHE / "logs" / "package.log"
        command = [*builder, "build", "--source-dir", stage, "--output-dir", built, "--split-platforms"]
        must(command, seconds=300, what="Blender's extension builder", log=log)
        zips = sorted(built.glob("*.zip"))
        if len(zips) != len(platforms):
            raise BuildError(f"The builder made {len(zips)} zips for {len(platforms)} platforms.")
        for each in platforms:
            path = _of_platform(zips, each)
            must([*builder, "validate", path], seconds=120, what=f"validating {path.name}", log=log)
            _inspect(path, each)
        DIST.mkdir(exist_ok=True)
        return [Path(shutil.move(path, DIST / path.name)) for path in zips]


def _builder() -> list[str | Path]:
    """Return the command of Blender's own extension tool, from the newest bpy module that this machine can have."""
    for version in reversed(blender_versions()):
        python = environments.blender(version)
        if python is not None:
            pattern = "**/site-packages/bpy/*/scripts/addons_core/bl_pkg/cli/blender_ext.py"
            tool = next(python.parents[1].glob(pattern), None)
            if tool is not None:
                return [python, tool]
    raise BuildError("No bpy module has Blender's extension tool blender_ext.py.")


def _wheels(target: Platform) -> list[Path]:
    """Download the wheels of a platform, unless an earlier run has; return their paths."""
    found = []
    for requirement, python, abi in (
        *((onnxruntime_requirement(), python, f"cp{python}") for python in PYTHONS),
        (av_requirement(), PYTHONS[0], "abi3"),
    ):
        folder = CACHE / "wheels" / requirement / f"{target.name}-{abi}"
        if not list(folder.glob("*.whl")):
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
            choice = ["--platform", target.pip, "--python-version", python, "--abi", abi]
            log = CACHE / "logs" / f"wheel-{requirement}-{target.name}-{abi}.log"
            what = f"downloading {requirement} for {target.name} and Python {python}"
            must([*pip, *choice, "--dest", folder, requirement], seconds=600, what=what, log=log)
        found += folder.glob("*.whl")
    return found


def unpacked_wheel(python: str) -> Path:
    """Unpack the release's wheels of this machine into one folder, as Blender does at installation.

    Args:
        python: "3.11".

    Returns:
        The folder with the packages `onnxruntime` and `av`.
    """
    abi = "cp" + python.replace(".", "")
    target = current_platform()
    folder = CACHE / "unpacked" / f"{onnxruntime_requirement()}+{av_requirement()}" / f"{target.name}-{abi}"
    if not folder.is_dir():
        temporary = folder.with_name(f"{folder.name}.{os.getpid()}")
        for wheel in _wheels(target):
            if abi in wheel.name or _STABLE in wheel.name:
                with zipfile.ZipFile(wheel) as archive:
                    archive.extractall(temporary)
        temporary.rename(folder)
    return folder


def _stage(stage: Path, platforms: Iterable[Platform], wheels: Iterable[Path]) -> None:
    """Copy what the zips need into an empty folder and complete its manifest."""
    skip = shutil.ignore_patterns("__pycache__", "*.pyc")
    for name in SHIPPED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, stage / name, ignore=skip)
        else:
            stage.mkdir(exist_ok=True)
            shutil.copy2(ROOT / name, stage / name)
    (stage / "wheels").mkdir()
    for wheel in wheels:
        shutil.copy2(wheel, stage / "wheels" / wheel.name)
    text = (stage / "blender_manifest.toml").read_text("utf-8")
    listed = "".join(f'  "./wheels/{path.name}",\n' for path in sorted((stage / "wheels").iterdir()))
    names = ", ".join(f'"{each.name}"' for each in platforms)
    addition = f"platforms = [{names}]\nwheels = [\n{listed}]\n\n[permissions]"
    completed = text.replace("[permissions]", addition, 1)
    tomllib.loads(completed)
    (stage / "blender_manifest.toml").write_text(completed, "utf-8")


def _of_platform(zips: Iterable[Path], target: Platform) -> Path:
    """Return the zip of a platform by its name, genmo-0.3.0-linux_x64.zip."""
    ending = target.name.replace("-", "_") + ".zip"
    for path in zips:
        if path.name.endswith(ending):
            return path
    raise BuildError(f"The builder made no zip for {target.name}.")


def _inspect(path: Path, target: Platform) -> None:
    """Look into a zip and report its size.

    Raises:
        BuildError: for a file that must not be there, a missing part, wheels of another platform, or too many bytes.
    """
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    top = {name.split("/")[0] for name in names}
    if top != {*SHIPPED, "wheels"}:
        raise BuildError(f"{path.name} has {sorted(top)} at its top, not {sorted({*SHIPPED, 'wheels'})}.")
    stray = [name for name in names if any(mark in name for mark in NEVER)]
    if stray:
        raise BuildError(f"{path.name} must not have {stray[0]}.")
    wheels = [name for name in names if name.startswith("wheels/") and name.endswith(".whl")]
    pinned = [name for name in wheels if _STABLE not in name]
    expected = all(any(f"-cp{python}-" in name for name in pinned) for python in PYTHONS)
    if len(pinned) != len(PYTHONS) or not expected or not all(target.mark in name for name in wheels):
        raise BuildError(f"{path.name} has the wheels {wheels}, not one per Python of {target.name}.")
    if len(wheels) != len(PYTHONS) + 1:
        raise BuildError(f"{path.name} has the wheels {wheels}, not PyAV's one for all Pythons.")
    for part in ("base", "pose"):
        if not any(name.startswith(f"runtime/packs/{part}/") for name in names):
            raise BuildError(f"{path.name} lacks runtime/packs/{part}.")
    size = path.stat().st_size
    if size > LARGEST_ZIP:
        raise BuildError(f"{path.name} has {size / 1e6:.0f} MB, more than {LARGEST_ZIP / 1e6:.0f}.")
    say(f"dist/{path.name}: {size / 1e6:.1f} MB, {len(names)} files, version {manifest()['version']}")
