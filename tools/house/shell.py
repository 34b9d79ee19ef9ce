"""Running other programs, each under a time limit, and telling the person in front what goes on."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from .places import ROOT

TIMED_OUT: Final = 124
"""Exit status of a program that ran past its limit, as coreutils' timeout has it."""


class BuildError(Exception):
    """The work cannot go on; the message is one sentence for the person at the terminal."""


def say(line: str) -> None:
    """Write one line to the terminal at once, also when the output goes to a file."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def run(
    command: Sequence[str | Path],
    *,
    seconds: float,
    environment: Mapping[str, str] | None = None,
    folder: Path = ROOT,
    log: Path | None = None,
) -> int:
    """Run a program to its end or its time limit.

    Args:
        command: program and arguments.
        seconds: the limit; the program and its children are killed after it.
        environment: variables added to this process's own.
        folder: working directory.
        log: file that takes stdout and stderr; None leaves them on the terminal.

    Returns:
        The exit status, negative for a signal, `TIMED_OUT` after the limit.
    """
    arguments = [str(part) for part in command]
    variables = os.environ | dict(environment or {})
    output = None if log is None else log.open("wb")
    try:
        process = subprocess.Popen(
            arguments,
            cwd=folder,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=None if output is None else subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            return TIMED_OUT
        finally:
            _kill(process)
    finally:
        if output is not None:
            output.close()


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a process and whatever it started, if any of it still lives."""
    if os.name == "nt":
        process.kill()
    else:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def must(command: Sequence[str | Path], *, seconds: float, what: str, log: Path, **options: Mapping[str, str]) -> None:
    """Run a program that has to succeed, quietly.

    Raises:
        BuildError: with `what`, the exit status and the end of the log.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    status = run(command, seconds=seconds, log=log, environment=options.get("environment"))
    if status != 0:
        reason = f"did not end within {seconds:.0f} s" if status == TIMED_OUT else f"failed with status {status}"
        raise BuildError(f"{what} {reason}:\n{tail(log)}")


def tail(log: Path, lines: int = 25) -> str:
    """Return the last lines of a log file."""
    return "\n".join(log.read_text("utf-8", "replace").splitlines()[-lines:])
