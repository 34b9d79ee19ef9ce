"""Work for the worker process other than generating: each task is a function with a name.

A task gets JSON arguments and gives a JSON value and arrays back. It lives in a module of its own, which is imported
when the task is first run, so this table costs nothing and may be read by Blender's process.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Final

from numpy.typing import NDArray

from .errors import RequestError
from .progress import Progress

Report = Callable[[Progress], None]
Stop = Callable[[], bool]


@dataclass(frozen=True, eq=False)
class TaskResult:
    """What a task has found.

    Attributes:
        value: anything that is JSON.
        arrays: plain numbers by name.
    """

    value: Any = None
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)


Task = Callable[[Mapping[str, Any], Report, Stop], TaskResult]
"""A task: arguments, a function to be told of each step, and one that says whether to stop.

It raises UserError for what the user can change, and CancelledError soon after it was told to stop.
"""

TASKS: Final[dict[str, tuple[str, str]]] = {
    "library.index": ("library.tasks", "index"),
    "library.add": ("library.tasks", "add"),
    "library.search": ("library.tasks", "search"),
    "library.similar": ("library.tasks", "similar"),
    "library.match": ("library.tasks", "match"),
    "library.forget": ("library.tasks", "forget"),
    "video.probe": ("people.tasks", "probe"),
    "video.detect": ("people.tasks", "detect"),
    "video.keypoints": ("people.tasks", "keypoints"),
}
"""Name -> module below `runtime` and function."""


def find_task(name: object) -> Task:
    """The function of a task.

    Raises:
        RequestError: there is none of this name.
    """
    if not isinstance(name, str) or name not in TASKS:
        raise RequestError(f"there is no task {name!r}, only {', '.join(sorted(TASKS))}")
    module, function = TASKS[name]
    return getattr(import_module(f"{__package__}.{module}"), function)
