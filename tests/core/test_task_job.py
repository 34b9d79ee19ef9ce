"""Tasks of the worker process as Blender uses them, without Blender. `tests/data/fake_worker.py` has the task."""

from __future__ import annotations

import time

import numpy as np
import pytest

from genmo.genmo_blender.job import JobState, TaskJob, Worker
from genmo.runtime.errors import RequestError
from genmo.runtime.progress import Progress
from genmo.runtime.tasks import TASKS, find_task
from genmo.tests.core.test_job import SECONDS, request, started, worker

__all__ = ["worker"]


def run(worker: Worker, name: str = "echo", **arguments: object) -> TaskJob:
    job = TaskJob(name, arguments, worker=worker)
    job.start()
    assert job.wait(SECONDS)
    return job


def test_a_task_brings_its_value_and_arrays(worker):
    job = run(worker, path="Grüße.mp4", numbers=[1, 2.5])
    assert (job.state, job.error) == (JobState.DONE, "")
    assert job.progress == Progress("Echoing", 1, 2)
    assert job.result is not None
    assert job.result.value == {"path": "Grüße.mp4", "numbers": [1, 2.5]}
    np.testing.assert_array_equal(job.result.arrays["squares"], [0, 1, 4])


def test_tasks_and_motions_wait_for_each_other(worker):
    first = TaskJob("echo", {}, worker=worker)
    first.start()
    second = started(worker)
    assert second.wait(SECONDS)
    assert first.wait(SECONDS)
    assert (first.state, second.state) == (JobState.DONE, JobState.DONE)
    assert second.motions[0].request == request()


def test_what_goes_wrong_is_told(worker):
    assert run(worker, do="refuse").error == "This file cannot be read"
    fault = run(worker, do="fault")
    assert "fault of GENMO: ValueError: unexpected" in fault.error
    assert "Traceback" in fault.details
    assert "no task 'nonsense'" in run(worker, "nonsense").error
    assert run(worker).state is JobState.DONE


def test_a_task_is_cancelled_at_once_and_the_worker_lives_on(worker):
    job = TaskJob("echo", {"do": "stop"}, worker=worker)
    job.start()
    deadline = time.monotonic() + SECONDS
    while job.progress is None and time.monotonic() < deadline:
        job.poll()
    job.cancel()
    assert job.state is JobState.CANCELLED
    before = worker.pid
    assert run(worker).state is JobState.DONE
    assert worker.pid == before


def test_every_task_is_there():
    for name in TASKS:
        assert callable(find_task(name))
    with pytest.raises(RequestError, match="no task"):
        find_task(["echo"])
