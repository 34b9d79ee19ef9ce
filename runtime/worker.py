"""The worker process: `python -P -m runtime.worker`, with the extension's folder on PYTHONPATH.

It reads messages (`runtime.wire`) from stdin and answers on stdout:

    generate {id, request, pack?, device?}  ->  progress {id, phase, step, total}..., motion {id, index}...,
                                                done {id, samples}  or  failure {id, error, message, traceback}
    task {id, task, arguments}              ->  progress..., result {id, value} with arrays, done {id, samples: 0},
                                                or failure; see `runtime.tasks`
    cancel {id}                             ->  the running or waiting job fails with CancelledError
    ping {id?}                              ->  pong {id, busy: id of the running job or null}
    quit, or the end of stdin               ->  the process ends at once

`ready {version, pid}` comes first. Jobs run one after another; the other messages are answered meanwhile. A message
that cannot be understood is answered by `failure` with id null. The process lives no longer than its parent: when
that dies, stdin ends.
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol

from .errors import CancelledError, RequestError, UserError, WireError
from .motion import Motion
from .progress import Progress
from .request import MotionRequest
from .tasks import find_task
from .wire import VERSION, Kind, Message, MessageReader, motion_message, write_message

EXIT_DONE: Final = 0
EXIT_STREAM_LOST: Final = 4
EXIT_SECONDS: Final = 0.25
"""A job may take this long to stop by itself when the parent is gone."""
KEPT_ENGINES: Final = 2

_CHUNK: Final = 2**18

JobId = int | str


class EngineLike(Protocol):
    """What the worker needs of `engine.Engine`."""

    def generate(
        self,
        request: MotionRequest,
        progress: Callable[[Progress], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> list[Motion]:
        """See `engine.Engine.generate`."""
        ...


EngineFactory = Callable[[str, str], EngineLike]
"""Makes the engine for a pack folder ("" for the default) and a device."""


class _ParentGoneError(Exception):
    """Nobody reads the answers any more."""


class Server:
    """Runs jobs on the calling thread while a second thread reads the messages.

    Args:
        stdin: unbuffered binary stream whose `read` returns what is there.
        stdout: binary stream for the answers.
        make_engine: called when a pack is used for the first time on a device.
    """

    def __init__(self, stdin: BinaryIO, stdout: BinaryIO, make_engine: EngineFactory) -> None:
        self._stdin = stdin
        self._stdout = stdout
        self._make_engine = make_engine
        self._engines: dict[tuple[str, str, int], EngineLike] = {}
        self._jobs: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._stops: dict[JobId, threading.Event] = {}
        self._running: tuple[JobId, EngineLike] | None = None
        self._jobs_lock = threading.Lock()
        self._answer_lock = threading.Lock()
        self._finished = threading.Event()
        self._exit_code = EXIT_DONE

    def run(self) -> int:
        """Serve until `quit` or the end of stdin.

        Returns:
            Exit code: 0, or 4 when stdin held something else than messages.
        """
        reader = threading.Thread(target=self._read, name="reader", daemon=True)
        try:
            self._answer(Kind.READY, version=VERSION, pid=os.getpid())
            reader.start()
            while (message := self._jobs.get()) is not None:
                self._run_job(message)
        except _ParentGoneError:
            return EXIT_DONE
        finally:
            self._finished.set()
        reader.join()
        return self._exit_code

    # Reader thread

    def _read(self) -> None:
        try:
            self._read_messages()
        except _ParentGoneError:
            return
        finally:
            with self._jobs_lock:
                for job_id in self._stops:
                    self._stop(job_id)
            self._jobs.put(None)
            if not self._finished.wait(EXIT_SECONDS):
                os._exit(self._exit_code)  # the job is deep in native code, and nobody is left to wait for it

    def _read_messages(self) -> None:
        reader = MessageReader()
        while reader.error is None:
            data = self._stdin.read(_CHUNK)
            if not data:
                return
            for message in reader.feed(data):
                if message.kind == Kind.QUIT:
                    return
                self._receive(message)
        self._exit_code = EXIT_STREAM_LOST
        self._answer_failure(None, WireError(f"{reader.error}; the worker stops"))

    def _receive(self, message: Message) -> None:
        job_id = message.header.get("id")
        try:
            match message.kind:
                case Kind.GENERATE | Kind.TASK:
                    self._accept(message)
                case Kind.CANCEL:
                    self._cancel(job_id)
                case Kind.PING:
                    running = self._running
                    self._answer(Kind.PONG, id=job_id, busy=running[0] if running else None)
                case Kind.MALFORMED:
                    self._answer_failure(None, WireError(str(message.header.get("message"))))
                case other:
                    self._answer_failure(None, WireError(f"unknown message type {other!r}"))
        except WireError as error:
            self._answer_failure(None, error)

    def _accept(self, message: Message) -> None:
        """Put a job in the queue."""
        job_id = message.header.get("id")
        if not isinstance(job_id, int | str):
            raise WireError("'id' of a job must be a number or text")
        with self._jobs_lock:
            if job_id in self._stops:
                raise WireError(f"a job with the id {job_id!r} is already there")
            self._stops[job_id] = threading.Event()
        self._jobs.put(message)

    def _cancel(self, job_id: object) -> None:
        """Stop a job; one that is done already, or was never known, is no error."""
        if not isinstance(job_id, int | str):
            raise WireError("'id' of a job must be a number or text")
        with self._jobs_lock:
            if job_id in self._stops:
                self._stop(job_id)

    def _stop(self, job_id: JobId) -> None:
        """Ask a job to stop: between two steps, or inside one if the engine can. The lock is held."""
        self._stops[job_id].set()
        if self._running is not None and self._running[0] == job_id:
            terminate = getattr(self._running[1], "terminate", None)
            if callable(terminate):
                terminate()

    # Main thread

    def _run_job(self, message: Message) -> None:
        job_id: JobId = message.header["id"]
        stop = self._stops[job_id]
        failure: BaseException | None = None
        samples = 0
        try:
            run = self._run_task if message.kind == Kind.TASK else self._generate
            samples = run(job_id, message.header, stop)
        except _ParentGoneError:
            raise
        except Exception as error:  # the border of the process: every error is told to the other side
            failure = error
        with self._jobs_lock:
            self._running = None
            del self._stops[job_id]
        if failure is None:
            self._answer(Kind.DONE, id=job_id, samples=samples)
        else:
            self._answer_failure(job_id, failure)

    def _generate(self, job_id: JobId, header: Mapping[str, Any], stop: threading.Event) -> int:
        """Run one job and send its motions; returns their number."""
        pack, device = header.get("pack") or "", header.get("device") or "auto"
        if not isinstance(pack, str) or not isinstance(device, str):
            raise RequestError("'pack' and 'device' must be text")
        request = MotionRequest.from_json(header.get("request", {}))
        _raise_if_set(stop)
        engine = self._engine(pack, device)
        with self._jobs_lock:
            self._running = (job_id, engine)
        _raise_if_set(stop)

        motions = engine.generate(request, progress=self._reporter(job_id), should_stop=stop.is_set)
        _raise_if_set(stop)
        for index, motion in enumerate(motions):
            motion_header, arrays = motion_message(motion)
            self._write({**motion_header, "id": job_id, "index": index}, arrays)
        return len(motions)

    def _run_task(self, job_id: JobId, header: Mapping[str, Any], stop: threading.Event) -> int:
        """Run one task and send its result; returns the number of its motions, none."""
        task, arguments = find_task(header.get("task")), header.get("arguments", {})
        if not isinstance(arguments, Mapping):
            raise RequestError("'arguments' of a task must be an object")
        _raise_if_set(stop)
        result = task(arguments, self._reporter(job_id), stop.is_set)
        _raise_if_set(stop)
        self._write({"type": Kind.RESULT, "id": job_id, "value": result.value}, result.arrays)
        return 0

    def _reporter(self, job_id: JobId) -> Callable[[Progress], None]:
        """What tells the other side of the steps of a job."""

        def report(progress: Progress) -> None:
            place = {"phase": progress.phase, "step": progress.step, "total": progress.total}
            self._answer(Kind.PROGRESS, id=job_id, **place)

        return report

    def _engine(self, pack: str, device: str) -> EngineLike:
        """The engine of this pack and device, loaded at its first use and again when the pack has changed."""
        key = (pack, device, _stamp(pack))
        if key not in self._engines:
            while len(self._engines) >= KEPT_ENGINES:
                del self._engines[next(iter(self._engines))]
            self._engines[key] = self._make_engine(pack, device)
        return self._engines[key]

    # Both

    def _answer(self, kind: Kind, **members: object) -> None:
        self._write({"type": kind, **members})

    def _answer_failure(self, job_id: JobId | None, error: BaseException) -> None:
        expected = isinstance(error, UserError | CancelledError)
        self._answer(
            Kind.FAILURE,
            id=job_id,
            error=type(error).__name__,
            message=str(error),
            traceback="" if expected else "".join(traceback.format_exception(error)),
        )

    def _write(self, header: Mapping[str, Any], arrays: Mapping[str, Any] | None = None) -> None:
        try:
            with self._answer_lock:
                write_message(self._stdout, header, arrays)
        except OSError as error:
            raise _ParentGoneError from error


def serve(stdin: BinaryIO, stdout: BinaryIO, make_engine: EngineFactory) -> int:
    """Serve one parent until it is gone; returns the exit code. See `Server`."""
    return Server(stdin, stdout, make_engine).run()


def open_engine(pack: str, device: str) -> EngineLike:
    """The real engine.

    Raises:
        PackError: the pack cannot be used.
    """
    from .pack import DEFAULT_PACK, open_pack

    opened = open_pack(pack or DEFAULT_PACK)
    from .engine import Engine  # slow to import, so only for a pack that is there

    return Engine(opened, device)


def main(make_engine: EngineFactory = open_engine) -> None:
    """Serve the process that started this one; never returns."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is meant for the parent, and its death ends stdin
    code = serve(*take_pipes(), make_engine)
    sys.stderr.flush()
    os._exit(code)  # skips the static destructors of native libraries, which crash or hang with some drivers


def take_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Keep stdin and stdout for messages alone.

    Whatever prints, native libraries and child processes included, then prints to stderr. Whatever reads stdin finds
    it empty. That also avoids a hang on Windows: loading a DLL queries the standard input, which blocks while
    another thread reads from that pipe.

    Returns:
        Unbuffered stdin and buffered stdout.
    """
    stdin, stdout = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return open(stdin, "rb", buffering=0), open(stdout, "wb")


def _raise_if_set(stop: threading.Event) -> None:
    if stop.is_set():
        raise CancelledError("cancelled")


def _stamp(pack: str) -> int:
    """Changes when the pack's description does; 0 when there is none (opening the pack then says so)."""
    try:
        return (Path(pack) / "pack.json").stat().st_mtime_ns if pack else 0
    except (OSError, ValueError):
        return 0


if __name__ == "__main__":
    main()
