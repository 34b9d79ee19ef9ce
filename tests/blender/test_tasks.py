"""Tasks of the worker started from Blender: in the background they are done when `start` returns."""

from __future__ import annotations

from pathlib import Path

import bpy
import pytest

from genmo.genmo_blender import tasks
from genmo.genmo_blender.job import JobState


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """A grey video of eight pictures in the one format that needs no encoder, YUV4MPEG2."""
    width, height = 64, 48
    picture = b"FRAME\n" + bytes([120]) * (width * height) + bytes([128]) * (width * height // 2)
    path = tmp_path / "grey film.y4m"
    path.write_bytes(f"YUV4MPEG2 W{width} H{height} F24:1 Ip A1:1 C420jpeg\n".encode() + picture * 8)
    return path


@pytest.fixture(autouse=True)
def kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The worker is started with the environment of this process; a worker that runs already keeps its own."""
    monkeypatch.setenv("GENMO_CACHE", str(tmp_path / "kept"))


def test_a_task_is_done_when_start_returns(film: Path) -> None:
    results = []
    task = tasks.start("video.probe", {"path": str(film)}, results.append, label="Looking at the film")
    assert (task.state, tasks.running(), tasks.message("video.probe")) == (JobState.DONE, (), "")
    (result,) = results
    assert result.value == {"width": 64, "height": 48, "fps": 24.0, "seconds": pytest.approx(1 / 3), "focal_px": None}


def test_a_film_without_people_is_looked_at(film: Path) -> None:
    results = []
    task = tasks.start("video.detect", {"path": str(film)}, results.append)
    assert task.job.error == ""
    assert results[0].value["people"] == []
    assert results[0].arrays["thumbnails"].shape == (0, 128, 128, 3)
    assert task.progress is not None
    assert task.progress.step == task.progress.total


def test_a_failure_is_a_sentence_and_no_result(tmp_path: Path) -> None:
    results, failures = [], []
    tasks.start("video.probe", {"path": str(tmp_path / "none.mp4")}, results.append, on_failure=failures.append)
    assert results == []
    assert failures == [tasks.message("video.probe")]
    assert "none.mp4: is missing" in failures[0]
    tasks.start("no such task", {}, results.append, on_failure=failures.append)
    assert "no task 'no such task'" in failures[1]


def test_another_file_forgets_what_runs(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a window, where `start` does not wait."""
    monkeypatch.setattr(tasks.TaskJob, "wait", lambda self: False)
    results = []
    task = tasks.start("video.detect", {"path": str(film)}, results.append, on_failure=results.append)
    running = tasks.running("video.detect")
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True, load_ui=False)
    assert results == []
    assert running in ((), (task,))
    assert tasks.running() == ()
