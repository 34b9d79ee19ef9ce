"""What this machine has for the runtime, found out by trying it: `genmo doctor`.

Trying loads ONNX Runtime into this process, which is why Blender's window must not call it.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
import tempfile
import tomllib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from .errors import PackError, UserError
from .pack import DEFAULT_PACK, find_packs, open_pack

RUNTIMES: Final = ("onnxruntime", "onnxruntime-gpu", "onnxruntime-directml")
"""Packages that all bring the module `onnxruntime`: only one of them can be installed."""

LEAST_MEMORY: Final = 1 << 30
"""Free bytes below which long requests fail."""

_PROBE: Final = (
    b'\x08\x07:5\n\x0e\n\x01x\n\x01x\x12\x01y"\x03Add\x12\x01gZ\x0f\n\x01x\x12\n\n\x08\x08\x01\x12\x04\n\x02\x08\x01'
    b"b\x0f\n\x01y\x12\n\n\x08\x08\x01\x12\x04\n\x02\x08\x01B\x04\n\x00\x10\r"
)
"""y = x + x as an ONNX file, for one number."""


@dataclass(frozen=True, slots=True)
class PackReport:
    """One pack: its folder, its id and version ("" when unreadable), and "" or what is wrong with it."""

    folder: str
    label: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What was found.

    Attributes:
        genmo: version of the extension.
        python: version of Python.
        executable: its program.
        system: operating system and processor type.
        cores: logical processors.
        free_memory: bytes that can still be used, None when unknown.
        numpy: version of numpy.
        onnxruntime: installed packages of ONNX Runtime -> version.
        providers: execution providers that ran a network here, the preferred one first.
        packs: the model packs.
        problems: one sentence each, for everything that keeps GENMO from working.
    """

    genmo: str
    python: str
    executable: str
    system: str
    cores: int
    free_memory: int | None
    numpy: str
    onnxruntime: dict[str, str]
    providers: tuple[str, ...]
    packs: tuple[PackReport, ...]
    problems: tuple[str, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """The report as JSON."""
        return asdict(self)


def examine(folders: Iterable[Path | str] = ()) -> Report:
    """Look at everything and try it. Takes a second; never raises for what it finds.

    Args:
        folders: packs, or folders of packs, beside the default pack.
    """
    problems: list[str] = []
    runtimes = _installed(RUNTIMES)
    if len(runtimes) > 1:
        problems.append(f"{' and '.join(runtimes)} exclude each other: uninstall all but one")
    free = free_memory()
    if free is not None and free < LEAST_MEMORY:
        problems.append(f"Only {free >> 20} MB of memory are free: close other programs")
    providers = _running_providers(problems)
    packs = _pack_reports(folders)
    problems += [pack.problem for pack in packs if pack.problem]
    return Report(
        genmo=extension_version(),
        python=platform.python_version(),
        executable=sys.executable,
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        cores=os.cpu_count() or 1,
        free_memory=free,
        numpy=np.__version__,
        onnxruntime=runtimes,
        providers=providers,
        packs=packs,
        problems=tuple(problems),
    )


def extension_version() -> str:
    """Version in the extension's manifest, "unknown" where the runtime was installed without it."""
    manifest = Path(__file__).parents[1] / "blender_manifest.toml"
    try:
        return str(tomllib.loads(manifest.read_text(encoding="utf-8"))["version"])
    except (OSError, ValueError, KeyError):
        return "unknown"


def free_memory() -> int | None:
    """Bytes of memory that programs can still get, None when the system does not tell."""
    if sys.platform == "win32":
        import ctypes

        # MEMORYSTATUSEX: its own size and the load in percent (both 32 bits), then total and free physical bytes, ...
        status = (ctypes.c_uint64 * 8)(64)
        return status[2] if ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)) else None
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
        available = next(line for line in text.splitlines() if line.startswith("MemAvailable:"))
        return int(available.split()[1]) * 1024
    except (OSError, ValueError, StopIteration):
        return None


def _installed(names: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _running_providers(problems: list[str]) -> tuple[str, ...]:
    """Run a tiny network; what does not work is added to `problems`."""
    from .backends.onnx import create_session

    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "probe.onnx"
            path.write_bytes(_PROBE)
            session = create_session(path, "auto")
            result = session.run({"x": np.ones(1, np.float32)})["y"]
            providers = session.providers
            del session  # on Windows the file is in use until then
    except UserError as error:
        problems.append(str(error))
        return ()
    except OSError as error:
        problems.append(f"No temporary file can be written ({error.strerror or error})")
        return ()
    if result.tolist() != [2.0]:
        problems.append(f"ONNX Runtime calculates wrongly with {', '.join(providers)}")
    return providers


def _pack_reports(folders: Iterable[Path | str]) -> tuple[PackReport, ...]:
    reports: list[PackReport] = []

    def report_problem(folder: Path, error: PackError) -> None:
        reports.append(PackReport(str(folder), problem=str(error)))

    for pack in find_packs([DEFAULT_PACK, DEFAULT_PACK.parent, *folders], report_problem):
        try:
            pack.verify()
            problem = ""
        except PackError as error:
            problem = str(error)
        reports.append(PackReport(str(pack.folder), pack.info.label, problem))
    if not any(Path(report.folder) == DEFAULT_PACK for report in reports):
        try:
            open_pack(DEFAULT_PACK)
        except PackError as error:
            reports.insert(0, PackReport(str(DEFAULT_PACK), problem=str(error)))
    return tuple(reports)
