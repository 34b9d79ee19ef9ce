"""The handle of the worker process (`runtime.worker`): start it, talk to it without ever waiting, end it.

Two daemon threads per process move the bytes: one writes what is sent, one reads and decodes what arrives and puts it
into the inbox of its job. They touch nothing of Blender. Threads rather than non-blocking pipes, because pipes behave
alike only when they block: on Windows they can be peeked at but not written without waiting, and so one path serves
and is tested for all systems, and neither a large motion nor a large request costs Blender's main thread any time.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib.util
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from ..runtime.errors import UserError, WireError
from ..runtime.motion import Motion
from ..runtime.progress import Progress
from ..runtime.tasks import TaskResult
from ..runtime.wire import Kind, Message, MessageReader, encode_message, motion_from

CLOSE_SECONDS: Final = 1.0
"""The process may take this long to end by itself before it is killed."""
CANCEL_SECONDS: Final = 5.0
"""A cancelled job may block the next one for this long before the process is replaced."""

_EXTENSION: Final = Path(__file__).resolve().parents[1]
_CHUNK: Final = 2**20
_STDERR_TAIL: Final = 4096


@dataclass(frozen=True, slots=True)
class Done:
    """A job has sent all of its motions."""

    samples: int


@dataclass(frozen=True, slots=True)
class Failure:
    """A job has ended without result.

    Attributes:
        error: class name of the exception, or "WorkerDied".
        message: its text; a whole sentence when the error is a UserError or "WorkerDied".
        details: traceback or last words of the process, for a report.
    """

    error: str
    message: str
    details: str = ""


Event = Progress | Motion | TaskResult | Done | Failure
Inbox = queue.SimpleQueue[Event]


def worker_environment(extra_paths: Sequence[str | Path] = ()) -> dict[str, str]:
    """Environment of the worker process: this Python's packages, none of the user's Python settings, no telemetry.

    Args:
        extra_paths: folders whose packages come first, e.g. with the user's onnxruntime-gpu.
    """
    paths = [str(_EXTENSION), *map(str, extra_paths)]
    paths += [path for path in sys.path if "site-packages" in path]  # the extension's wheels are in one of them
    paths += filter(None, map(_package_folder, ("numpy", "onnxruntime", "av")))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return environment | {
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths)),
        "PYTHONNOUSERSITE": "1",
        "PYTHONUTF8": "1",
        "PYTHONIOENCODING": "utf-8:backslashreplace",
        "ORT_DISABLE_TELEMETRY": "1",
    }


def worker_command() -> list[str]:
    """Command line of the worker: Blender's own Python, which must not import from the current folder (-P).

    Raises:
        UserError: this Blender has no Python program.
    """
    return [_python(), "-P", "-m", "runtime.worker"]


class Connection:
    """One life of the worker process; made by `Worker.start`.

    Args:
        command: program and arguments.
        environment: environment variables.

    Raises:
        OSError: the program cannot be started.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._lock = threading.Lock()
        self._inboxes: dict[int, Inbox] = {}
        self._stopping: dict[int, float] = {}
        self._death: Failure | None = None
        self._outgoing: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._stderr = _stderr_file()
        self._process = subprocess.Popen(
            command,
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr or subprocess.DEVNULL,
            env=dict(environment),
            **_own_process_group(),
        )
        self._threads = [threading.Thread(target=target, daemon=True) for target in (self._write, self._read)]
        for thread in self._threads:
            thread.start()

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether jobs can still be sent."""
        return self._death is None and self._process.poll() is None

    @property
    def stuck(self) -> bool:
        """Whether a cancelled job has not stopped in time."""
        with self._lock:
            return any(time.monotonic() - since > CANCEL_SECONDS for since in self._stopping.values())

    def send(self, header: Mapping[str, Any]) -> None:
        """Send a message; returns at once.

        Raises:
            WireError: the header is not JSON.
        """
        self._outgoing.put(encode_message(header))

    def subscribe(self, job_id: int) -> Inbox:
        """The inbox of a job: its events in order, the last one a Done or a Failure."""
        inbox: Inbox = queue.SimpleQueue()
        with self._lock:
            self._inboxes[job_id] = inbox
            if self._death is not None:
                inbox.put(self._death)
        return inbox

    def cancel(self, job_id: int) -> None:
        """Tell the process to stop a job and drop whatever still comes from it."""
        with self._lock:
            if self._inboxes.pop(job_id, None) is None:
                return
            self._stopping[job_id] = time.monotonic()
        self.send({"type": Kind.CANCEL, "id": job_id})

    def kill(self) -> None:
        """End the process the hard way; returns at once."""
        self._process.kill()

    def close(self) -> None:
        """End the process by closing its stdin; kills it when that takes too long."""
        self._outgoing.put(None)
        try:
            self._process.wait(CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
        for thread in self._threads:
            thread.join(CLOSE_SECONDS)

    def _write(self) -> None:
        stdin = self._process.stdin
        assert stdin is not None
        with contextlib.suppress(OSError), stdin:  # the reading thread tells why the process is gone
            while (data := self._outgoing.get()) is not None:
                rest = memoryview(data)
                while rest:
                    rest = rest[stdin.write(rest) :]

    def _read(self) -> None:
        error: str | None = "the answers cannot be read"
        try:
            error = self._receive()
        finally:  # whatever has happened, the jobs must hear of the end
            if error is not None:
                self._process.kill()
            self._outgoing.put(None)
            self._bury(self._exit_code(), error)

    def _receive(self) -> str | None:
        """Deliver messages until the stream ends; returns what broke it, if anything did."""
        stdout = self._process.stdout
        assert stdout is not None
        reader = MessageReader()
        with stdout:
            while reader.error is None and (data := stdout.read(_CHUNK)):
                for message in reader.feed(data):
                    self._deliver(message)
        return reader.error

    def _exit_code(self) -> int:
        """Exit code of the process, which has said its last word."""
        try:
            return self._process.wait(CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def _deliver(self, message: Message) -> None:
        """Put a message into the inbox of its job; one that belongs to no job in particular fails all."""
        event = _event(message)
        if event is None:
            return
        job_id = message.header.get("id")
        ended = isinstance(event, Done | Failure)
        with self._lock:
            if isinstance(job_id, int):
                inboxes = [self._inboxes[job_id]] if job_id in self._inboxes else []
                over = [job_id] if ended else []
            else:
                inboxes = list(self._inboxes.values()) if ended else []
                over = list(self._inboxes) if ended else []
            for job in over:
                self._inboxes.pop(job, None)
                self._stopping.pop(job, None)
        for inbox in inboxes:
            inbox.put(event)

    def _bury(self, code: int, error: str | None) -> None:
        """Tell every job that the process is gone."""
        last_words = _tail(self._stderr)
        death = Failure("WorkerDied", _death_sentence(code, error, last_words), last_words)
        with self._lock:
            self._death = death
            inboxes = list(self._inboxes.values())
            self._inboxes.clear()
        for inbox in inboxes:
            inbox.put(death)


class Worker:
    """The worker process as the jobs see it: started when needed, and again after it has died.

    Args:
        extra_paths: see `worker_environment`.
        command: what to run, None for `worker_command()`.
    """

    def __init__(self, extra_paths: Sequence[str | Path] = (), command: Sequence[str] | None = None) -> None:
        self._extra_paths = tuple(extra_paths)
        self._command = command
        self._connection: Connection | None = None

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._connection is not None and self._connection.alive

    @property
    def pid(self) -> int | None:
        """Process id, None when it does not run."""
        return self._connection.pid if self._connection is not None and self._connection.alive else None

    def start(self) -> Connection:
        """The running process, started now if there is none or the old one no longer listens; does not wait for it.

        Raises:
            UserError: it cannot be started.
        """
        if self._connection is not None and self._connection.stuck:
            self._connection.kill()
        elif self._connection is not None and self._connection.alive:
            return self._connection
        else:
            atexit.unregister(self.close)
            atexit.register(self.close)
        try:
            command = self._command or worker_command()
            self._connection = Connection(command, worker_environment(self._extra_paths))
        except OSError as error:
            raise UserError(f"The motion model's process cannot be started ({error.strerror or error})") from error
        return self._connection

    def kill(self) -> None:
        """End the process the hard way, if it runs; its jobs fail."""
        if self._connection is not None:
            self._connection.kill()

    def close(self) -> None:
        """End the process, if it runs; takes a moment at most. A later `start` starts a new one."""
        atexit.unregister(self.close)
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _event(message: Message) -> Event | None:
    """What a message means to a job; None when it means nothing (ready, pong)."""
    header = message.header
    try:
        match message.kind:
            case Kind.PROGRESS:
                return Progress(str(header["phase"]), int(header["step"]), int(header["total"]))
            case Kind.MOTION:
                return motion_from(message)
            case Kind.RESULT:
                return TaskResult(header["value"], message.arrays)
            case Kind.DONE:
                return Done(int(header["samples"]))
            case Kind.FAILURE:
                return Failure(str(header["error"]), str(header["message"]), str(header.get("traceback", "")))
            case Kind.MALFORMED:
                return Failure(WireError.__name__, str(header["message"]))
    except (KeyError, TypeError, ValueError, WireError, UserError) as error:
        return Failure(WireError.__name__, f"a {message.kind} message cannot be read: {error}")
    return None


def _death_sentence(code: int, error: str | None, last_words: str) -> str:
    if error is not None:
        return f"The motion model's process sent something unreadable ({error}): generate again to restart it"
    if code == -9:  # SIGKILL; Windows has no such thing
        return (
            "The motion model's process was killed, most often because memory ran out: generate again, "
            "with fewer frames or samples if it happens again"
        )
    how = f"was stopped by signal {-code}" if code < 0 else f"ended with exit code {code}"
    last_line = last_words.strip().rpartition("\n")[2]
    because = f" ({last_line})" if last_line else ""
    return (
        f"The motion model's process {how}{because}: generate again to restart it, "
        "with the device CPU if it happens again"
    )


def _stderr_file() -> BinaryIO | None:
    """A nameless file for what the process prints, None where no temporary file can be made."""
    try:
        return tempfile.TemporaryFile("a+b")
    except OSError:
        return None


def _tail(file: BinaryIO | None) -> str:
    """The end of what the dead process printed; closes the file."""
    if file is None:
        return ""
    with file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - _STDERR_TAIL))
        return file.read().decode("utf-8", "replace")


def _own_process_group() -> dict[str, Any]:
    """Arguments that keep Ctrl-C in Blender's terminal away from the worker, and its console window off the screen."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def _python() -> str:
    """Blender's Python program; some builds name Blender itself in `sys.executable`."""
    name = "python.exe" if sys.platform == "win32" else f"bin/python{sys.version_info.major}.{sys.version_info.minor}"
    candidates = [Path(sys.executable or "."), Path(sys.prefix, name), Path(sys.base_prefix, name)]
    for path in candidates:
        if "python" in path.name.lower() and path.is_file():
            return str(path)
    raise UserError("Blender's Python program is missing: install Blender from blender.org")


def _package_folder(name: str) -> str | None:
    """The folder that holds a package, without importing it."""
    spec = importlib.util.find_spec(name)
    return str(Path(spec.origin).parents[1]) if spec is not None and spec.origin else None
