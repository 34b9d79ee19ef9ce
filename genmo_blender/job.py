"""A generation, or another task, that runs in the worker process, seen from Blender: start, poll from a timer, cancel.

Nothing here imports bpy or the engine, and nothing but `wait` ever waits.
"""

from __future__ import annotations

import itertools
import queue
import time
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from ..runtime.errors import ERRORS_BY_NAME, CancelledError, UserError, WireError
from ..runtime.motion import Motion
from ..runtime.progress import Progress
from ..runtime.request import MotionRequest
from ..runtime.tasks import TaskResult
from ..runtime.wire import Kind
from .worker_process import Connection, Done, Event, Failure, Inbox, Worker, worker_environment

__all__ = ["Job", "JobState", "TaskJob", "Worker", "WorkerJob", "close_worker", "shared_worker", "worker_environment"]

_IDS: Final = itertools.count(1)


class JobState(StrEnum):
    """Where a job is; the last three are final."""

    IDLE = "idle"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class WorkerJob:
    """Something on its way through the worker: see `Job` and `TaskJob`.

    Args:
        worker: whose process runs it, None for the one that all jobs share.

    Attributes:
        id: unique within this process.
        state: see `JobState`; changed only by `start`, `poll`, `wait` and `cancel`.
        progress: the latest news, None before the first.
        error: "" or the sentence that tells why the job failed.
        details: "" or traceback and last words of the worker, for a report.
    """

    def __init__(self, worker: Worker | None) -> None:
        self.id: Final = next(_IDS)
        self.state = JobState.IDLE
        self.progress: Progress | None = None
        self.error = ""
        self.details = ""
        self._worker = shared_worker() if worker is None else worker
        self._connection: Connection | None = None
        self._inbox: Inbox = queue.SimpleQueue()

    @property
    def finished(self) -> bool:
        """Whether the state is final."""
        return self.state in (JobState.DONE, JobState.FAILED, JobState.CANCELLED)

    def start(self) -> None:
        """Send the job, starting the worker if needed; returns at once. A failure to start is in `state`."""
        if self.state is not JobState.IDLE:
            raise RuntimeError("a job is started once")
        self.state = JobState.RUNNING
        try:
            self._connection = self._worker.start()
            self._inbox = self._connection.subscribe(self.id)
            self._connection.send({**self._message(), "id": self.id})
        except (UserError, WireError) as error:
            self._fail(Failure(type(error).__name__, str(error)))

    def poll(self) -> bool:
        """Take in what has arrived, without waiting.

        Returns:
            Whether anything has changed, so that panels are to be redrawn.
        """
        changed = False
        while self.state is JobState.RUNNING:
            try:
                self._handle(self._inbox.get_nowait())
            except queue.Empty:
                break
            changed = True
        return changed

    def cancel(self) -> None:
        """Stop the job; it is cancelled at once and the worker follows at its next step. Else does nothing."""
        if self.state is JobState.RUNNING and self._connection is not None:
            self.state = JobState.CANCELLED
            self._connection.cancel(self.id)

    def wait(self, timeout: float | None = None) -> bool:
        """Block until the job is finished, for background mode.

        Args:
            timeout: seconds, None for no limit.

        Returns:
            Whether it is finished.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while self.state is JobState.RUNNING:
            rest = None if deadline is None else max(0.0, deadline - time.monotonic())
            try:
                self._handle(self._inbox.get(timeout=rest))
            except queue.Empty:
                break
        return self.finished

    def _message(self) -> dict[str, Any]:
        """What is sent to the worker, without the id."""
        return {}

    def _take(self, event: Motion | TaskResult) -> None:
        """Keep something that the job was started for."""

    def _missing(self, samples: int) -> str:
        """A sentence about what did not arrive although the worker is done, "" when all is there."""
        return ""

    def _handle(self, event: Event) -> None:
        match event:
            case Progress():
                self.progress = event
            case Motion() | TaskResult():
                self._take(event)
            case Done(samples) if not self._missing(samples):
                self.state = JobState.DONE
            case Done(samples):
                self._fail(Failure("WireError", self._missing(samples)))
            case Failure():
                self._fail(event)

    def _fail(self, failure: Failure) -> None:
        error = ERRORS_BY_NAME.get(failure.error, Exception)
        if issubclass(error, CancelledError):
            self.state = JobState.CANCELLED
            return
        self.state = JobState.FAILED
        self.details = failure.details
        if failure.error == "MemoryError":
            self.error = "The memory does not suffice: ask for fewer frames or samples, or close other programs"
        elif issubclass(error, UserError) or failure.error == "WorkerDied":
            self.error = failure.message
        else:
            self.error = f"The motion model failed, which is a fault of GENMO: {failure.error}: {failure.message}"


class Job(WorkerJob):
    """One request on its way through the worker.

    Args:
        request: what to generate.
        pack: folder of the model pack, "" for the one inside the extension.
        device: "auto", "cpu" or "cuda".
        worker: whose process runs it, None for the one that all jobs share.

    Attributes:
        motions: the samples that have arrived; for the others see `WorkerJob`.
    """

    def __init__(
        self, request: MotionRequest, *, pack: str | Path = "", device: str = "auto", worker: Worker | None = None
    ) -> None:
        super().__init__(worker)
        self.request: Final = request
        self.motions: list[Motion] = []
        self._pack = str(pack)
        self._device = device

    def _message(self) -> dict[str, Any]:
        request = self.request.to_json()
        return {"type": Kind.GENERATE, "pack": self._pack, "device": self._device, "request": request}

    def _take(self, event: Motion | TaskResult) -> None:
        if isinstance(event, Motion):
            self.motions.append(event)

    def _missing(self, samples: int) -> str:
        return "" if samples == len(self.motions) else f"{len(self.motions)} of {samples} motions arrived"


class TaskJob(WorkerJob):
    """One task (`runtime.tasks`) on its way through the worker.

    Args:
        name: of the task.
        arguments: JSON.
        worker: whose process runs it, None for the one that all jobs share.

    Attributes:
        result: what it has found, None before the end; for the others see `WorkerJob`.
    """

    def __init__(self, name: str, arguments: Mapping[str, Any], *, worker: Worker | None = None) -> None:
        super().__init__(worker)
        self.name: Final = name
        self.arguments: Final = dict(arguments)
        self.result: TaskResult | None = None

    def _message(self) -> dict[str, Any]:
        return {"type": Kind.TASK, "task": self.name, "arguments": self.arguments}

    def _take(self, event: Motion | TaskResult) -> None:
        if isinstance(event, TaskResult):
            self.result = event

    def _missing(self, samples: int) -> str:
        return "" if self.result is not None else "the task ended without a result"


_shared: Worker | None = None
_shared_paths: tuple[str, ...] = ()


def shared_worker(extra_paths: Sequence[str | Path] | None = None) -> Worker:
    """The worker of this Blender, not started yet when nobody has used it.

    Args:
        extra_paths: see `worker_environment`; others than before end the old process. None keeps them.
    """
    global _shared, _shared_paths
    if extra_paths is not None and tuple(map(str, extra_paths)) != _shared_paths:
        close_worker()
        _shared_paths = tuple(map(str, extra_paths))
    if _shared is None:
        _shared = Worker(_shared_paths)
    return _shared


def close_worker() -> None:
    """End the shared worker's process; called when the extension is switched off."""
    global _shared
    if _shared is not None:
        _shared.close()
        _shared = None
