"""The worker process with an engine that does what the first prompt says; started by the tests of worker and job.

Without Blender and without a pack it obeys, dawdles, prints, crashes and dies as the real ones might.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from genmo.runtime import tasks
from genmo.runtime.errors import CancelledError, PackError, UserError
from genmo.runtime.motion import Motion
from genmo.runtime.progress import Progress
from genmo.runtime.request import MotionRequest
from genmo.runtime.tasks import Report, Stop, TaskResult
from genmo.runtime.worker import main


class FakeEngine:
    """Makes motions that stand still; `root_positions` has the seed as its first number."""

    def __init__(self, pack: str, device: str) -> None:
        if pack == "broken":
            raise PackError("broken: not a model pack")
        self._name = f"{pack} {device} {id(self)}"
        self._forever = threading.Event()

    def generate(
        self,
        request: MotionRequest,
        progress: Callable[[Progress], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> list[Motion]:
        assert progress is not None
        assert should_stop is not None
        task = request.prompts[0].text if request.prompts else ""
        progress(Progress(task, 0, 3))
        if task == "until stopped":
            while not should_stop():
                self._forever.wait(0.001)
        elif task == "until terminated":  # deep in native code: only `terminate` helps
            self._forever.wait()
            self._forever.clear()
        elif task in TASKS:
            TASKS[task]()
        for step in range(3):
            progress(Progress("Moving", step + 1, 3))
        return [self._motion(request, sample) for sample in range(request.sampling.samples)]

    def terminate(self) -> None:
        self._forever.set()

    def _motion(self, request: MotionRequest, sample: int) -> Motion:
        count = request.frames
        root_positions = np.full((count, 3), float(request.sampling.seed + sample))
        rotations = np.tile([1.0, 0.0, 0.0, 0.0], (count, 22, 1))
        return Motion(30.0, root_positions, rotations, np.zeros((count, 6)), request=request, pack=self._name)


def write_to_every_stream() -> None:
    sys.stdout.write("printed\n")
    os.write(1, b"\x00\xff written \x00")
    os.system("echo shouted")
    assert sys.stdin.read() == ""


def fail() -> None:
    raise ValueError("ünexpected \udcff")


def run_out_of_memory() -> None:
    raise MemoryError


def never_return() -> None:
    threading.Event().wait()


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def leave() -> None:
    os.write(2, b"x" * 10_000 + "\nlast wörds\n".encode())
    os._exit(7)


def spoil_the_stream() -> None:
    for descriptor in range(3, 32):  # one of them is the pipe
        with contextlib.suppress(OSError):
            os.write(descriptor, b"garbage garbage garbage garbage")
    never_return()


TASKS: Final = {
    "print": write_to_every_stream,
    "fault": fail,
    "memory": run_out_of_memory,
    "deaf": never_return,
    "die": die,
    "exit": leave,
    "garbage": spoil_the_stream,
}


def echo(arguments: Mapping[str, Any], report: Report, should_stop: Stop) -> TaskResult:
    """Gives back what it was given, or does what "do" says."""
    report(Progress("Echoing", 1, 2))
    match arguments.get("do"):
        case "stop":
            while not should_stop():
                threading.Event().wait(0.001)
            raise CancelledError("stopped")
        case "refuse":
            raise UserError("This file cannot be read")
        case "fault":
            raise ValueError("unexpected")
    return TaskResult(dict(arguments), {"squares": np.arange(3) ** 2})


if __name__ == "__main__":
    tasks.TASKS["echo"] = ("echo", "echo")
    sys.modules["genmo.runtime.echo"] = sys.modules["__main__"]
    main(FakeEngine)
