"""Tasks of the worker (`runtime.tasks`) that run beside Blender's window: progress, cancel, and a call at the end.

In the window a timer looks at them; in background mode, where timers never fire, `start` waits to the end.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import bpy
from bpy.app.handlers import persistent

from ..runtime.progress import Progress
from ..runtime.tasks import TaskResult
from . import checks, generation
from .job import JobState, TaskJob

TICK: Final = 0.1
"""Seconds between two looks at the worker."""


@dataclass(eq=False)
class RunningTask:
    """A task that was started.

    Attributes:
        job: the worker's side, with `state`, `progress`, `error` and `result`.
        label: what it does, for panels.
        on_result: called with the result in Blender's main thread; it must find its data-blocks again by name.
        on_failure: called with one sentence; not called when the task was cancelled.
    """

    job: TaskJob
    label: str
    on_result: Callable[[TaskResult], None]
    on_failure: Callable[[str], None] | None

    @property
    def progress(self) -> Progress | None:
        """The latest step, None before the first."""
        return self.job.progress

    @property
    def state(self) -> JobState:
        """Where it is."""
        return self.job.state

    def cancel(self) -> None:
        """Stop it; nothing is called any more."""
        self.job.cancel()
        _end(self)


_running: list[RunningTask] = []
_messages: dict[str, str] = {}


def running(name: str | None = None) -> tuple[RunningTask, ...]:
    """The tasks in progress, oldest first; only those called `name` if it is given."""
    return tuple(task for task in _running if name in (None, task.job.name))


def message(name: str) -> str:
    """The sentence that the last task of this name failed with, "" when it went well."""
    return _messages.get(name, "")


def start(
    name: str,
    arguments: Mapping[str, Any],
    on_result: Callable[[TaskResult], None],
    *,
    on_failure: Callable[[str], None] | None = None,
    label: str = "",
    wait: bool = False,
) -> RunningTask:
    """Start a task of the worker.

    Args:
        name: see `runtime.tasks`.
        arguments: JSON.
        on_result: see `RunningTask`.
        on_failure: see `RunningTask`.
        label: what it does, for panels.
        wait: return only at the end; always so in background mode.

    Returns:
        The task; when this function has waited, its state is final and its calls have been made.
    """
    task = RunningTask(TaskJob(name, arguments, worker=generation.worker()), label or name, on_result, on_failure)
    _messages.pop(name, None)
    _running.append(task)
    task.job.start()
    if wait or bpy.app.background:
        task.job.wait()
        _end(task)
    elif not bpy.app.timers.is_registered(_tick):
        bpy.app.timers.register(_tick, first_interval=TICK)
    return task


def poll() -> bool:
    """Take in news of the worker; returns whether panels should be drawn again."""
    changed = False
    for task in tuple(_running):
        changed |= task.job.poll()
        if task.job.finished:
            _end(task)
            changed = True
    return changed


def cancel_all() -> None:
    """Stop all tasks: another file is opened, or the extension is switched off."""
    for task in tuple(_running):
        task.cancel()
    _messages.clear()


def _tick() -> float | None:
    if poll():
        checks.redraw()
    return TICK if _running else None


def _end(task: RunningTask) -> None:
    if task not in _running:
        return
    _running.remove(task)
    if task.state is JobState.DONE and task.job.result is not None:
        task.on_result(task.job.result)
    elif task.state is JobState.FAILED:
        _messages[task.job.name] = task.job.error
        if task.on_failure is not None:
            task.on_failure(task.job.error)


@persistent
def on_load(*_arguments: Any) -> None:
    """Another file is about to be opened: nobody there waits for the results."""
    cancel_all()


def attach() -> None:
    """Watch the file."""
    bpy.app.handlers.load_pre.append(on_load)


def detach() -> None:
    """Cancel what runs and stop looking at the worker."""
    bpy.app.handlers.load_pre.remove(on_load)
    cancel_all()
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
