"""`build.py test`: the checks and the test suites, each in its own process, summed into one closing line."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

from . import environments, packaging, parts, window
from .places import CACHE, ROOT, BlenderVersion, blender_versions, in_environment
from .shell import TIMED_OUT, BuildError, must, run, say

PLAIN_SUITES: Final = (
    "tests/test_layers.py",
    "tests/test_style.py",
    "tests/runtime",
    "tests/core",
    "tests/training",
    "tests/evaluation",
    "tests/evaluation",
    "tests/tools",
)
PLAIN_SECONDS: Final = 900
BLENDER_SECONDS: Final = 420
"""Limit of one suite on one Blender: a bpy that hangs at exit must not hang the run."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one suite came to.

    Attributes:
        name: of the suite, for the table at the end.
        passed: number of tests; a linter counts as one.
        failed: number of tests, or 1 for a suite that crashed, timed out or ran no test.
        skipped: number of tests.
        seconds: of wall clock.
        note: why the numbers are not the whole story; empty otherwise.
    """

    name: str
    passed: int
    failed: int
    skipped: int
    seconds: float
    note: str = ""


def test(*, quick: bool, windows: bool, versions: Sequence[str]) -> bool:
    """Set up what is missing, run everything, print the table and the closing line `N passed, N failed`.

    Args:
        quick: leave Blender out: linters and the tests without bpy.
        windows: also drive a real Blender window.
        versions: Blender versions to run on, e.g. "5.0.1" or "4.2"; empty means all.

    Returns:
        True when nothing failed.
    """
    chosen = [] if quick else _chosen(versions)
    outcomes: list[Outcome] = []
    # The downloads of the Blenders (400 MB each) overlap with the tests that need none; one at a time: two cores.
    with ThreadPoolExecutor(max_workers=1) as pool:
        python = environments.development()
        blenders = [(version, pool.submit(environments.blender, version)) for version in chosen]
        parts.prepare(python)
        outcomes += _checks(python)
        outcomes.append(run_pytest("without Blender", python, PLAIN_SUITES, seconds=PLAIN_SECONDS))
        if chosen or windows:
            pack = _result_of("tiny pack", lambda: _tiny_pack(python), outcomes)
            zip_path = _result_of("package", _package, outcomes)
            for version, made in blenders:
                outcomes += _on_blender(version, made, pack, zip_path)
            if windows and zip_path and pack:
                outcomes.append(_in_window(zip_path, pack))
    return _report(outcomes)


def _chosen(versions: Sequence[str]) -> list[BlenderVersion]:
    """Return the supported Blenders that the given prefixes select."""
    supported = blender_versions()
    if not versions:
        return supported
    for wanted in versions:
        if not any(_selects(wanted, each) for each in supported):
            names = ", ".join(each.version for each in supported)
            raise BuildError(f"Blender {wanted} is not among the supported versions: {names}.")
    return [each for each in supported if any(_selects(wanted, each) for wanted in versions)]


def _selects(wanted: str, candidate: BlenderVersion) -> bool:
    """Tell whether "4.2" or "4.2.23" means this version."""
    return f"{candidate.version}.".startswith(f"{wanted}.")


def _checks(python: Path) -> list[Outcome]:
    """Run ruff and pyright; each counts as one test."""
    folder = python.parents[1]
    ruff = [in_environment(folder, "ruff"), "check", "."]
    pyright = [in_environment(folder, "pyright"), "--pythonpath", python]
    return [_check("ruff", ruff), _check("pyright", pyright)]


def _check(name: str, command: Sequence[str | Path]) -> Outcome:
    """Run a program whose exit status is the whole answer."""
    say(f"--- {name}")
    started = time.monotonic()
    failed = run(command, seconds=PLAIN_SECONDS) != 0
    return Outcome(name, int(not failed), int(failed), 0, time.monotonic() - started)


def run_pytest(
    name: str,
    python: Path,
    paths: Sequence[str],
    *,
    seconds: float,
    environment: Mapping[str, str] | None = None,
) -> Outcome:
    """Run pytest on those of the paths that exist and read its JUnit report.

    Args:
        name: of the suite.
        python: interpreter with pytest.
        paths: folders, relative to the repository.
        seconds: time limit.
        environment: variables to add.

    Returns:
        The counts; at least one failure when pytest crashed, ran too long or found nothing.
    """
    say(f"--- {name}")
    started = time.monotonic()
    present = [path for path in paths if (ROOT / path).exists()]
    with tempfile.TemporaryDirectory(prefix="genmo-report-") as folder:
        report = Path(folder, "junit.xml")
        command = [python, "-m", "pytest", "-q", "--color=no", "--durations=5", f"--junitxml={report}", *present]
        status = run(command, seconds=seconds, environment=environment)
        passed, failed, skipped = read_junit(report)
    note = ""
    if status == TIMED_OUT:
        note = f"did not end within {seconds:.0f} s"
    elif passed + failed == 0:
        note = f"ran no test, exit status {status}"
    elif status != 0 and failed == 0:
        note = f"all tests passed, but the exit status was {status}"
    if note:
        failed += 1
    return Outcome(name, passed, failed, skipped, time.monotonic() - started, note)


def read_junit(report: Path) -> tuple[int, int, int]:
    """Read a JUnit report.

    Returns:
        Tests passed, failed (errors included) and skipped; zeros when there is no readable report.
    """
    try:
        suites = ElementTree.parse(report).getroot().iter("testsuite")
    except (OSError, ElementTree.ParseError):
        return 0, 0, 0
    total = failed = skipped = 0
    for suite in suites:
        total += int(suite.get("tests", 0))
        failed += int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        skipped += int(suite.get("skipped", 0))
    return max(0, total - failed - skipped), failed, skipped


def _result_of(name: str, make: Callable[[], Path], outcomes: list[Outcome]) -> Path | None:
    """Make a file that later suites need; this counts as a test, and a failure leaves only those suites out.

    Returns:
        The file, None when it could not be made.
    """
    say(f"--- {name}")
    started = time.monotonic()
    try:
        path = make()
    except BuildError as error:
        say(str(error))
        outcomes.append(Outcome(name, 0, 1, 0, time.monotonic() - started, "could not be made"))
        return None
    outcomes.append(Outcome(name, 1, 0, 0, time.monotonic() - started))
    return path


def _package() -> Path:
    """Build the zip of this machine's platform."""
    return packaging.package([packaging.current_platform().name])[0]


def _tiny_pack(python: Path) -> Path:
    """Make the tiny random pack that lets the installed add-on run every step in seconds; return its folder."""
    folder = CACHE / "tiny_pack"
    command = [python, "-m", "genmo.tools.make_tiny_pack", folder]
    must(command, seconds=300, what="making the tiny pack", log=CACHE / "logs" / "tiny_pack.log")
    return folder


def _on_blender(
    version: BlenderVersion, made: Future[Path | None], pack: Path | None, zip_path: Path | None
) -> list[Outcome]:
    """Run both Blender suites on one version: the repository in place, then the installed zip."""
    name = f"Blender {version.version}"
    try:
        python = made.result()
    except BuildError as error:
        say(str(error))
        return [Outcome(name, 0, 1, 0, 0.0, "its environment could not be made")]
    if python is None:
        note = f"left out: no Python {version.python} here"
        say(f"--- {name} {note}")
        return [Outcome(name, 0, 0, 0, 0.0, note)]
    common = {"GENMO_TEST_PACK": str(pack or "")}
    in_place = common | {"GENMO_TEST_WHEELS": str(packaging.unpacked_wheel(version.python))}
    suites = [("in place", "tests/blender", in_place)]
    if zip_path:
        suites.append(("the zip", "tests/extension", common | {"GENMO_TEST_ZIP": str(zip_path)}))
    return [
        run_pytest(f"{name}, {title}", python, [folder], seconds=BLENDER_SECONDS, environment=variables)
        for title, folder, variables in suites
    ]


def _in_window(zip_path: Path, pack: Path) -> Outcome:
    """Drive a real window with the built zip."""
    say("--- Blender window")
    started = time.monotonic()
    try:
        passed, failed = window.drive(zip_path, pack)
    except BuildError as error:
        return Outcome("Blender window", 0, 1, 0, time.monotonic() - started, str(error))
    return Outcome("Blender window", passed, failed, 0, time.monotonic() - started)


def _report(outcomes: Sequence[Outcome]) -> bool:
    """Print the table and, last, the closing line; return True when nothing failed."""
    say("")
    for each in outcomes:
        skipped = f", {each.skipped} skipped" if each.skipped else ""
        note = f"  ({each.note})" if each.note else ""
        counts = f"{each.passed} passed, {each.failed} failed{skipped}"
        say(f"{each.name:34} {counts:32} {each.seconds:6.0f} s{note}")
    passed = sum(each.passed for each in outcomes)
    failed = sum(each.failed for each in outcomes)
    say(f"{passed} passed, {failed} failed")
    return failed == 0 and passed > 0
