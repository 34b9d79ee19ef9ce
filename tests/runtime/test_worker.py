"""The worker as a real process, spoken to over its pipes. `tests/data/fake_worker.py` has its engine."""

from __future__ import annotations

import io
import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from genmo.runtime.motion import Motion
from genmo.runtime.wire import Message, encode_message, motion_from, read_message, write_message
from genmo.runtime.worker import EXIT_STREAM_LOST, serve

ROOT = Path(__file__).parents[2]
FAKE = ROOT / "tests" / "data" / "fake_worker.py"
SECONDS = 20.0
"""A deadline against hanging, never a pause."""


def environment() -> dict[str, str]:
    paths = [str(ROOT), *filter(None, sys.path)]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths), "PYTHONIOENCODING": "utf-8"}


class Child:
    """A worker process with the calls of its parent."""

    def __init__(self, *command: str) -> None:
        self.process = subprocess.Popen(
            command, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
        )
        self.watchdog = threading.Timer(SECONDS, self.process.kill)
        self.watchdog.start()

    def send(self, **header: object) -> None:
        self.raw(encode_message(header))

    def raw(self, data: bytes) -> None:
        assert self.process.stdin is not None
        rest = memoryview(data)
        while rest:
            rest = rest[self.process.stdin.write(rest) :]

    def generate(self, job_id: int | str, task: str, frames: int = 4, samples: int = 1, **header: object) -> None:
        request = {
            "frames": frames,
            "prompts": [{"text": task, "start": 0, "stop": frames}],
            "sampling": {"seed": 5, "samples": samples},
        }
        self.send(type="generate", id=job_id, request=request, **header)

    def next(self) -> Message:
        assert self.process.stdout is not None
        message = read_message(self.process.stdout)  # type: ignore[arg-type]
        assert message is not None, self.end()
        return message

    def until(self, *kinds: str) -> list[Message]:
        """Messages up to the first of these kinds."""
        messages = [self.next()]
        while messages[-1].kind not in kinds:
            messages.append(self.next())
        return messages

    def end(self) -> tuple[int, str]:
        """Close stdin; exit code and stderr."""
        assert self.process.stdin is not None
        assert self.process.stderr is not None
        if not self.process.stdin.closed:
            self.process.stdin.close()
        words = self.process.stderr.read().decode("utf-8", "replace")
        code = self.process.wait()
        self.watchdog.cancel()
        return code, words


@pytest.fixture
def child() -> Iterator[Child]:
    started = Child(sys.executable, "-P", str(FAKE))
    assert started.next().kind == "ready"
    yield started
    started.end()
    assert started.process.stdout is not None
    started.process.stdout.close()


def test_a_job_gives_progress_motions_and_done(child):
    child.generate("first", "", samples=3, pack="some pack", device="cpu")
    messages = child.until("done", "failure")
    assert [message.kind for message in messages] == ["progress"] * 4 + ["motion"] * 3 + ["done"]
    assert {message.header["id"] for message in messages} == {"first"}
    assert messages[3].header == {"type": "progress", "id": "first", "phase": "Moving", "step": 3, "total": 3}
    assert [message.header["index"] for message in messages[4:7]] == [0, 1, 2]
    assert [motion_from(message).root_positions[0, 0] for message in messages[4:7]] == [5.0, 6.0, 7.0]
    assert messages[-1].header["samples"] == 3


def test_the_engine_stays_loaded_per_pack_and_device(child):
    names = []
    for pack, device in [("a", "cpu"), ("a", "cpu"), ("b", "cpu"), ("a", "auto"), ("a", "auto")]:
        child.generate(1, "", pack=pack, device=device)
        names.append(child.until("done")[-2].header["pack"])
    assert names[0] == names[1]
    assert names[3] == names[4]
    assert len(set(names)) == 3


def test_prints_of_any_kind_stay_out_of_the_messages(child):
    child.generate(1, "print")
    assert child.until("done", "failure")[-1].kind == "done"
    code, words = child.end()
    assert code == 0
    assert "printed" in words
    assert "shouted" in words
    assert "written" in words


@pytest.mark.parametrize("task", ["until stopped", "until terminated"])
def test_cancel_stops_the_running_job_and_the_next_one_runs(child, task):
    child.generate(1, task)
    child.until("progress")
    child.send(type="cancel", id=1)
    failure = child.until("failure", "done", "motion")[-1].header
    assert (failure["id"], failure["error"], failure["traceback"]) == (1, "CancelledError", "")
    child.generate(2, "")
    assert child.until("done", "failure")[-1].header == {"type": "done", "id": 2, "samples": 1}


def test_cancel_of_a_waiting_job_leaves_the_running_one_alone(child):
    child.generate(1, "until stopped")
    child.until("progress")
    child.generate(2, "")
    child.generate(3, "")
    child.send(type="cancel", id=2)
    child.send(type="cancel", id=1)
    messages = child.until("done")
    assert [(m.kind, m.header["id"]) for m in messages if m.kind != "progress"] == [
        ("failure", 1),
        ("failure", 2),
        ("motion", 3),
        ("done", 3),
    ]


def test_cancel_of_unknown_and_finished_jobs_says_nothing(child):
    child.generate(1, "")
    child.until("done")
    for job_id in (1, 1, 99, "x"):
        child.send(type="cancel", id=job_id)
    child.send(type="ping", id="p")
    assert child.next().header == {"type": "pong", "id": "p", "busy": None}


def test_ping_is_answered_while_a_job_runs(child):
    child.generate(8, "until stopped")
    child.until("progress")
    child.send(type="ping")
    assert child.next().header == {"type": "pong", "id": None, "busy": 8}
    child.send(type="cancel", id=8)
    child.until("failure")


def test_errors_are_told_and_survived(child):
    cases = [
        ("fault", {}, "ValueError", "ünexpected \udcff", True),
        ("memory", {}, "MemoryError", "", True),
        ("", {"pack": "broken"}, "PackError", "broken: not a model pack", False),
        ("", {"pack": 3}, "RequestError", "'pack' and 'device' must be text", False),
        ("", {"pack": "a\0b"}, None, None, None),
    ]
    for task, header, error, message, has_traceback in cases:
        child.generate(1, task, **header)
        answer = child.until("failure", "done")[-1].header
        if error is not None:
            assert (answer["error"], answer["message"], bool(answer["traceback"])) == (error, message, has_traceback)


def test_wrong_requests_are_named(child):
    child.send(type="generate", id=1, request={"frames": 10, "promts": []})
    answer = child.next().header
    assert (answer["id"], answer["error"]) == (1, "RequestError")
    assert "promts" in answer["message"]
    child.send(type="generate", id=1, request=[])
    assert child.next().header["error"] == "RequestError"
    child.send(type="generate", id=1)
    assert "frames" in child.next().header["message"]
    child.send(type="generate", id=1, request={"frames": float("nan")})
    assert "frames" in child.next().header["message"]


@pytest.mark.parametrize(
    "header",
    [
        {"type": "generate", "request": {"frames": 3}},
        {"type": "generate", "id": [1], "request": {"frames": 3}},
        {"type": "cancel", "id": {}},
        {"type": "shout"},
        {"type": "malformed"},
        {"type": "done", "id": 1},
    ],
)
def test_messages_without_sense_are_answered_and_survived(child, header):
    child.send(**header)
    answer = child.next().header
    assert (answer["id"], answer["error"]) == (None, "WireError")
    child.send(type="ping", id=[{"deep": None}])
    assert child.next().header["id"] == [{"deep": None}]


def test_an_id_in_use_is_refused(child):
    child.generate(1, "until stopped")
    child.until("progress")
    child.generate(1, "")
    assert "already" in child.next().header["message"]
    child.send(type="cancel", id=1)
    child.until("failure")


def test_a_damaged_body_is_answered_and_survived(child):
    child.raw(b"GNMO" + bytes([1, 0, 0, 0, 3, 0, 0, 0]) + bytes(8) + b"{{{")
    assert "not JSON" in child.next().header["message"]
    child.send(type="ping")
    assert child.next().kind == "pong"


@pytest.mark.parametrize("busy", [False, True])
def test_a_lost_stream_ends_the_worker_with_a_sentence(child, busy):
    if busy:
        child.generate(1, "deaf")
        child.until("progress")
    child.raw(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    answer = child.next().header
    assert (answer["id"], answer["error"]) == (None, "WireError")
    assert "something else than messages" in answer["message"]
    assert child.process.wait() == EXIT_STREAM_LOST


@pytest.mark.parametrize("task", ["", "until stopped", "deaf"])
@pytest.mark.parametrize("farewell", ["close", "quit"])
def test_the_worker_ends_with_its_parent_even_when_busy(child, task, farewell):
    child.generate(1, task)
    child.until("progress")
    if farewell == "quit":
        child.send(type="quit")
        assert child.process.wait() == 0
    assert child.end() == (0, "")


def test_the_worker_ends_when_its_parent_is_killed():
    parent = (
        "import subprocess, sys, os, signal\n"
        f"child = subprocess.Popen([sys.executable, '-P', {str(FAKE)!r}], stdin=subprocess.PIPE)\n"
        "child.stdin.write(sys.stdin.buffer.read())\n"
        "child.stdin.flush()\n"
        "os.close(1)\n"
        "signal.pause()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment()
    )
    assert process.stdin is not None
    assert process.stdout is not None
    job = {"frames": 3, "prompts": [{"text": "deaf", "start": 0, "stop": 3}]}
    write_message(process.stdin, {"type": "generate", "id": 1, "request": job})  # type: ignore[arg-type]
    process.stdin.close()
    watchdog = threading.Timer(SECONDS, process.kill)
    watchdog.start()
    ready = read_message(process.stdout)  # type: ignore[arg-type]
    assert ready is not None
    assert read_message(process.stdout) is not None  # type: ignore[arg-type] # the worker is busy
    process.kill()
    # Only the worker still holds the other end of this pipe: its end is the worker's end.
    os.set_blocking(process.stdout.fileno(), True)
    assert process.stdout.read() == b""
    assert process.wait() == -9
    watchdog.cancel()


def test_a_reader_that_goes_away_ends_the_worker(child):
    assert child.process.stdout is not None
    child.generate(1, "until stopped")
    child.until("progress")
    child.process.stdout.close()
    child.send(type="ping")
    assert child.process.wait() == 0


def test_the_real_worker_starts_from_the_extension_folder_without_blender(tmp_path):
    (tmp_path / "numpy.py").write_text("raise SystemExit('imported from the current folder')")
    child = Child(sys.executable, "-P", "-X", "importtime", "-m", "runtime.worker")
    assert child.next().header["pid"] == child.process.pid
    child.send(type="generate", id=1, pack=str(tmp_path), request={"frames": 3})
    failure = child.next().header
    assert failure["error"] == "PackError"
    assert str(tmp_path) in failure["message"]
    code, words = child.end()
    assert code == 0
    assert "numpy" in words
    assert "bpy" not in words
    child.process.stdout.close()  # type: ignore[union-attr]


class NoEngine:
    """An engine that is never asked."""

    def generate(
        self, request: object, progress: object = None, should_stop: Callable[[], bool] | None = None
    ) -> list[Motion]:
        raise AssertionError


def test_random_bytes_and_flipped_bits_never_break_the_server():
    generator = random.Random(3)
    clean = b"".join(
        encode_message(header)
        for header in (
            {"type": "ping", "id": 1},
            {"type": "generate", "id": 1, "request": {"frames": 0}},
            {"type": "cancel", "id": 1},
            {"type": "generate", "id": 2},
        )
    )
    for attempt in range(400):
        data = bytearray(clean if attempt % 4 else generator.randbytes(100))
        for _ in range(generator.randint(0, 3)):
            data[generator.randrange(len(data))] ^= 1 << generator.randrange(8)
        answers = io.BytesIO()
        assert serve(io.BytesIO(data[: generator.randint(0, len(data))]), answers, lambda pack, device: NoEngine()) in (
            0,
            4,
        )
        answers.seek(0)
        while (message := read_message(answers)) is not None:
            assert message.kind in ("ready", "pong", "failure")
            assert message.header.get("error") in (None, "WireError", "RequestError", "CancelledError")
