"""Jobs and their worker process as Blender uses them, without Blender. `tests/data/fake_worker.py` has the engine."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from genmo.genmo_blender import job as job_module
from genmo.genmo_blender import worker_process
from genmo.genmo_blender.job import Job, JobState, Worker, close_worker, shared_worker, worker_environment
from genmo.runtime import wire
from genmo.runtime.progress import Progress
from genmo.runtime.request import MotionRequest, Prompt, Sampling

ROOT = Path(__file__).parents[2]
FAKE = ROOT / "tests" / "data" / "fake_worker.py"
SECONDS = 20.0
"""A deadline against hanging, never a pause."""


@pytest.fixture
def worker() -> Iterator[Worker]:
    started = Worker([path for path in sys.path if path], [sys.executable, "-P", str(FAKE)])
    yield started
    started.close()


def request(task: str = "", frames: int = 4, samples: int = 1, seed: int = 0) -> MotionRequest:
    return MotionRequest(frames, prompts=(Prompt(task, 0, frames),), sampling=Sampling(seed=seed, samples=samples))


def started(worker: Worker, task: str = "", **more: int) -> Job:
    job = Job(request(task, **more), worker=worker)
    job.start()
    return job


def until_running(job: Job) -> None:
    """Poll until the engine has said its first word."""
    deadline = time.monotonic() + SECONDS
    while job.progress is None:
        job.poll()
        assert job.state is JobState.RUNNING, job.error
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_a_job_brings_its_motions(worker):
    job = Job(request("Grüße 🚶", samples=3, seed=7), pack=Path("some") / "päck", device="cpu", worker=worker)
    assert (job.state, job.finished, job.poll()) == (JobState.IDLE, False, False)
    job.start()
    assert job.state is JobState.RUNNING
    assert job.wait(SECONDS)
    assert (job.state, job.error) == (JobState.DONE, "")
    assert job.progress == Progress("Moving", 3, 3)
    assert [motion.root_positions[0, 0] for motion in job.motions] == [7.0, 8.0, 9.0]
    assert job.motions[0].request == job.request
    assert job.motions[0].pack.startswith(f"{Path('some') / 'päck'} cpu")
    assert not job.poll()


def test_polling_alone_brings_a_job_to_its_end(worker):
    job = started(worker)
    deadline = time.monotonic() + SECONDS
    changes = 0
    while not job.finished and time.monotonic() < deadline:
        changes += job.poll()
        time.sleep(0.001)
    assert job.state is JobState.DONE
    assert changes


def test_a_large_motion_costs_the_polling_thread_no_time(worker):
    job = Job(request("x" * 2_000_000, frames=20_000), worker=worker)
    job.start()
    longest = 0.0
    deadline = time.monotonic() + SECONDS
    while not job.finished and time.monotonic() < deadline:
        began = time.thread_time()
        job.poll()
        longest = max(longest, time.thread_time() - began)
        time.sleep(0.001)
    assert job.state is JobState.DONE
    assert job.motions[0].frames == 20_000
    assert longest < 0.005


def test_a_process_that_does_not_listen_blocks_nothing():
    """A request that is far larger than a pipe would be waited for until the end of time."""
    worker = Worker(command=[sys.executable, "-c", "import threading; threading.Event().wait()"])
    job = started(worker, "x" * 2_000_000)
    assert not job.poll()
    job.cancel()
    assert job.state is JobState.CANCELLED
    worker.close()
    assert not worker.alive


def test_wait_gives_up_after_its_timeout(worker):
    job = started(worker, "until stopped")
    assert not job.wait(0.0)
    assert not job.wait(0.05)
    assert job.state is JobState.RUNNING


def test_a_job_starts_once(worker):
    job = started(worker)
    with pytest.raises(RuntimeError):
        job.start()


def test_cancel_is_immediate_and_the_next_job_runs_in_the_same_process(worker):
    first = started(worker, "until stopped")
    until_running(first)
    pid = worker.pid
    first.cancel()
    assert first.state is JobState.CANCELLED
    second = started(worker, seed=3)
    assert second.wait(SECONDS)
    assert (second.state, worker.pid) == (JobState.DONE, pid)
    assert [motion.root_positions[0, 0] for motion in second.motions] == [3.0]


def test_cancel_with_nothing_to_cancel_does_nothing(worker):
    job = Job(request(), worker=worker)
    job.cancel()
    assert job.state is JobState.IDLE
    assert not worker.alive
    job.start()
    assert job.wait(SECONDS)
    job.cancel()
    assert job.state is JobState.DONE
    running = started(worker, "until stopped")
    running.cancel()
    running.cancel()
    assert (running.state, running.error, running.finished) == (JobState.CANCELLED, "", True)
    assert running.wait()


def test_answers_to_cancelled_jobs_reach_no_other_job(worker):
    jobs = []
    for number in range(12):
        job = started(worker, samples=2, seed=number * 10)
        jobs.append(job)
        if number % 3:
            job.cancel()
    for number, job in enumerate(jobs):
        assert job.wait(SECONDS)
        expected = [] if number % 3 else [number * 10.0, number * 10.0 + 1]
        assert [motion.root_positions[0, 0] for motion in job.motions] == expected


def test_two_jobs_at_once_keep_apart(worker):
    first, second = started(worker, "until stopped"), started(worker, seed=5)
    until_running(first)
    assert not second.wait(0.01)
    first.cancel()
    assert second.wait(SECONDS)
    assert second.motions[0].root_positions[0, 0] == 5.0


def test_a_cancelled_job_that_does_not_stop_is_left_behind(worker, monkeypatch):
    monkeypatch.setattr(worker_process, "CANCEL_SECONDS", 0.0)
    deaf = started(worker, "deaf")
    until_running(deaf)
    pid = worker.pid
    deaf.cancel()
    after = started(worker)
    assert after.wait(SECONDS)
    assert after.state is JobState.DONE
    assert worker.pid != pid


@pytest.mark.parametrize(
    ("task", "sentence", "details"),
    [
        ("die", "was killed, most often because memory ran out", ""),
        ("exit", "exit code 7 (last wörds)", "last wörds"),
        ("garbage", "something unreadable", ""),
    ],
)
def test_a_worker_that_dies_is_told_and_replaced(worker, task, sentence, details):
    job = started(worker, task)
    waiting = started(worker)
    assert job.wait(SECONDS)
    assert job.state is JobState.FAILED
    assert sentence in job.error
    assert "enerate again" in job.error
    assert details in job.details
    assert len(job.details) <= 4096
    assert waiting.wait(SECONDS)
    assert waiting.state is JobState.FAILED
    after = started(worker)
    assert after.wait(SECONDS)
    assert after.state is JobState.DONE


def test_a_worker_killed_between_jobs_is_replaced(worker):
    first = started(worker)
    assert first.wait(SECONDS)
    connection = worker.start()
    worker.kill()
    assert connection.subscribe(0).get(timeout=SECONDS) is not None
    assert not worker.alive
    second = started(worker)
    assert second.wait(SECONDS)
    assert second.state is JobState.DONE


def test_a_job_sent_to_a_dead_connection_fails(worker):
    connection = worker.start()
    worker.kill()
    inbox = connection.subscribe(1)
    connection.send({"type": "generate", "id": 1})
    assert isinstance(inbox.get(timeout=SECONDS), worker_process.Failure)
    assert isinstance(connection.subscribe(2).get(timeout=SECONDS), worker_process.Failure)


@pytest.mark.parametrize(
    ("task", "pack", "sentence", "has_details"),
    [
        ("", "broken", "broken: not a model pack", False),
        ("memory", "", "The memory does not suffice", True),
        ("fault", "", "a fault of GENMO: ValueError: ünexpected", True),
    ],
)
def test_errors_of_the_engine_become_sentences(worker, task, pack, sentence, has_details):
    job = Job(request(task), pack=pack, worker=worker)
    job.start()
    assert job.wait(SECONDS)
    assert job.state is JobState.FAILED
    assert sentence in job.error
    assert bool(job.details) == has_details
    assert worker.alive


def test_a_program_that_cannot_be_started_fails_the_job(tmp_path):
    job = started(Worker(command=[str(tmp_path / "no python")]))
    assert job.state is JobState.FAILED
    assert "cannot be started" in job.error


def test_a_request_that_is_too_large_fails_the_job(worker, monkeypatch):
    monkeypatch.setattr(wire, "MAX_HEADER_BYTES", 1000)
    job = started(worker, "x" * 1000)
    assert job.state is JobState.FAILED
    assert "more than the 1000" in job.error


def test_a_broken_reader_fails_the_job(worker, monkeypatch):
    def break_down(self: object, data: bytes) -> list:
        raise MemoryError

    monkeypatch.setattr(wire.MessageReader, "feed", break_down)
    monkeypatch.setattr(threading, "excepthook", lambda arguments: None)
    job = started(worker)
    assert job.wait(SECONDS)
    assert job.state is JobState.FAILED
    assert "cannot be read" in job.error


def test_a_program_that_is_no_worker_fails_the_job():
    for program in ("print('hello, this is not a worker')", "raise SystemExit('no module named numpy')"):
        worker = Worker(command=[sys.executable, "-c", program])
        job = started(worker)
        assert job.wait(SECONDS)
        assert job.state is JobState.FAILED
        assert "process" in job.error
        worker.close()


def test_close_ends_the_process_even_when_it_is_busy(worker):
    job = started(worker, "deaf")
    until_running(job)
    connection = worker.start()
    began = time.monotonic()
    worker.close()
    assert time.monotonic() - began < 5.0
    assert not connection.alive
    assert worker.pid is None
    assert job.wait(SECONDS)
    assert job.state is JobState.FAILED
    worker.close()


def test_the_shared_worker_is_closed_and_made_anew(monkeypatch):
    monkeypatch.setattr(job_module, "_shared", None)
    monkeypatch.setattr(job_module, "_shared_paths", ())
    first = shared_worker()
    assert shared_worker() is first
    assert not first.alive
    close_worker()
    close_worker()
    second = shared_worker()
    assert second is not first
    assert shared_worker([]) is second
    third = shared_worker(["gpu"])
    assert third is not second
    assert shared_worker() is third
    assert shared_worker([Path("gpu")]) is third
    close_worker()


def test_the_process_ends_with_the_python_that_started_it():
    """With a busy worker, without a call of close, and without anything said at exit."""
    code = (
        "import sys\n"
        "from genmo.genmo_blender.job import Job, Worker\n"
        "from genmo.runtime.request import MotionRequest, Prompt\n"
        f"worker = Worker([path for path in sys.path if path], [sys.executable, '-P', {str(FAKE)!r}])\n"
        "job = Job(MotionRequest(3, prompts=(Prompt('deaf', 0, 3),)), worker=worker)\n"
        "job.start()\n"
        "while job.progress is None: job.wait(0.001)\n"
        "print(worker.pid)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        timeout=SECONDS,
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert (done.returncode, done.stderr) == (0, b"")
    with pytest.raises(ProcessLookupError):
        os.kill(int(done.stdout), 0)


def test_the_environment_has_the_packages_of_this_python_and_nothing_of_the_user(monkeypatch, tmp_path):
    wheels = str(tmp_path / "extensions" / ".local" / "lib" / "python3.11" / "site-packages")
    monkeypatch.setattr(sys, "path", [*sys.path, wheels, str(tmp_path / "scripts" / "modules")])
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    monkeypatch.setenv("PYTHONSTARTUP", "/nowhere")
    monkeypatch.setenv("SOMETHING_ELSE", "kept")
    environment = worker_environment([tmp_path / "gpu"])
    paths = environment["PYTHONPATH"].split(os.pathsep)
    assert paths[:2] == [str(ROOT), str(tmp_path / "gpu")]
    assert wheels in paths
    assert str(tmp_path / "scripts" / "modules") not in paths
    assert str(Path(np.__file__).parents[1]) in paths
    assert len(set(paths)) == len(paths)
    assert "PYTHONHOME" not in environment
    assert "PYTHONSTARTUP" not in environment
    assert environment["SOMETHING_ELSE"] == "kept"
    assert environment["ORT_DISABLE_TELEMETRY"] == environment["PYTHONNOUSERSITE"] == "1"
    assert environment["PYTHONIOENCODING"].startswith("utf-8")


def test_the_real_worker_is_found_and_refuses_a_folder_that_is_no_pack(tmp_path, monkeypatch):
    (tmp_path / "numpy.py").write_text("raise SystemExit('imported from the current folder')")
    monkeypatch.chdir(tmp_path)
    worker = Worker()
    job = Job(request(), pack=tmp_path, worker=worker)
    job.start()
    assert job.wait(SECONDS)
    worker.close()
    assert job.state is JobState.FAILED
    assert "not a model pack" in job.error


def test_blenders_python_is_found_when_the_program_is_blender(monkeypatch, tmp_path):
    program = tmp_path / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    program.parent.mkdir()
    program.touch()
    monkeypatch.setattr(sys, "executable", str(tmp_path / "blender"))
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert worker_process.worker_command()[0] == str(program)
    program.unlink()
    monkeypatch.setattr(sys, "base_prefix", str(tmp_path))
    job = started(Worker())
    assert job.state is JobState.FAILED
    assert "Python program is missing" in job.error
