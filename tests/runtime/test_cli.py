"""The command line: exit codes, one sentence for bad input, nothing written when something is wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from genmo.runtime import cli, engine
from genmo.runtime.bvh import read_bvh
from genmo.runtime.errors import CancelledError, RequestError
from genmo.runtime.motion import Motion, load_motion, save_motion
from genmo.runtime.progress import Progress
from genmo.runtime.request import MotionRequest
from genmo.tests.runtime.motions import random_motion, standing_motion
from genmo.tests.runtime.packs import write_pack

REQUEST = {"frames": 8, "prompts": [{"text": "a person wälks", "start": 0, "stop": 8}]}


class FakeEngine:
    """Stands still with the seed as its place, after two steps."""

    devices: ClassVar[list[str]] = []
    on_step: ClassVar[list[Callable[[], None]]] = []

    def __init__(self, pack: Any, device: str) -> None:
        self.devices.append(device)

    def generate(
        self, request: MotionRequest, progress: Callable[[Progress], None], should_stop: Callable[[], bool]
    ) -> list[Motion]:
        for step in (1, 2):
            progress(Progress("Making the motion", step, 2))
            for action in self.on_step:
                action()
            if should_stop():
                raise CancelledError("stopped")
        seeds = range(request.sampling.seed, request.sampling.seed + request.sampling.samples)
        return [standing_motion(request.frames, height=float(seed), request=request) for seed in seeds]


@pytest.fixture
def fake_engine(monkeypatch: pytest.MonkeyPatch) -> type[FakeEngine]:
    monkeypatch.setattr(engine, "Engine", FakeEngine)
    monkeypatch.setattr(FakeEngine, "devices", [])
    monkeypatch.setattr(FakeEngine, "on_step", [])
    return FakeEngine


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    return write_pack(tmp_path / "packs" / "test")


@pytest.fixture
def request_file(tmp_path: Path) -> Path:
    path = tmp_path / "request.json"
    path.write_text(json.dumps(REQUEST), "utf-8")
    return path


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def generate(*words: object) -> int:
    return cli.main(["generate", *map(str, words)])


def refused(capsys: pytest.CaptureFixture[str], *words: object, folder: Path) -> str:
    """The one sentence with which a command line is refused."""
    before = files_in(folder)
    assert cli.main([str(word) for word in words]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("genmo: ")
    assert captured.err.count("\n") == 1
    assert "Traceback" not in captured.err
    assert files_in(folder) == before
    return captured.err


def test_generate_writes_the_motion(fake_engine, request_file, pack, tmp_path, capsys):
    out = tmp_path / "öut.npz"
    assert generate(request_file, "-o", out, "--pack", pack, "--seed", 3, "--device", "cpu") == 0
    motion = load_motion(out)
    assert motion.root_positions[0, 1] == 3.0
    assert motion.request is not None
    assert (motion.request.sampling.seed, motion.request.prompts[0].text) == (3, "a person wälks")
    captured = capsys.readouterr()
    assert captured.out == f"{out}\n"
    assert captured.err == ""
    assert fake_engine.devices == ["cpu"]


def test_several_samples_are_numbered(fake_engine, request_file, pack, tmp_path, capsys):
    before = files_in(tmp_path)
    assert generate(request_file, "-o", tmp_path / "out.v1.npz", "--pack", pack, "--samples", 3) == 0
    names = ["out.v1.0.npz", "out.v1.1.npz", "out.v1.2.npz"]
    assert files_in(tmp_path) - before == set(names)
    assert [load_motion(tmp_path / name).root_positions[0, 1] for name in names] == [0.0, 1.0, 2.0]
    assert capsys.readouterr().out.split() == [str(tmp_path / name) for name in names]


def test_progress_for_programs_is_one_object_a_line(fake_engine, request_file, pack, tmp_path, capsys):
    out = tmp_path / "out.npz"
    assert generate(request_file, "-o", out, "--pack", pack, "--json-progress") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        {"type": "progress", "phase": "Making the motion", "step": 1, "total": 2},
        {"type": "progress", "phase": "Making the motion", "step": 2, "total": 2},
        {"type": "done", "files": [str(out)]},
    ]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"promts": []}, ["promts", "did you mean"]),
        ({"frames": 0}, ["frames"]),
        ({"frames": "many"}, ["frames", "'many'"]),
        ({"prompts": [{"text": "x", "start": 5, "stop": 5}]}, ["prompts[0]", "after"]),
        ({"prompts": []}, []),
        ({"prompts": [{"text": " ", "start": 0, "stop": 8}]}, ["prompts[0]"]),
        ({"prompts": [{"text": "x", "start": 50, "stop": 80}]}, ["prompts[0]"]),
        ({"frames": 100_000}, []),
        ({"music": [{"path": "song.wav", "start": 0, "stop": 8}]}, []),
        ({"sampling": {"seed": -1}}, ["sampling.seed"]),
        ({"sampling": {"samples": 1000}}, []),
        ({"keyframes": [{"frame": 0, "rotations": {"pelvis": [9, 9, 9, 9]}}]}, ["keyframes[0]"]),
    ],
)
def test_bad_requests_are_refused_in_one_sentence(change, words, fake_engine, request_file, pack, tmp_path, capsys):
    request_file.write_text(json.dumps(REQUEST | change))
    out = tmp_path / "out.npz"
    sentence = refused(capsys, "generate", request_file, "-o", out, "--pack", pack, folder=tmp_path)
    for word in words:
        assert word in sentence
    assert fake_engine.devices == []


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"frames": NaN}', "[" * 50_000, "\x00"])
def test_files_that_are_no_requests_are_refused(text, fake_engine, request_file, pack, tmp_path, capsys):
    request_file.write_text(text)
    refused(capsys, "generate", request_file, "-o", tmp_path / "out.npz", "--pack", pack, folder=tmp_path)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "COMMAND"),
        (["walk"], "walk"),
        (["generate"], "REQUEST.json"),
        (["generate", "request.json"], "--output"),
        (["generate", "missing.json", "-o", "out.npz"], "missing.json"),
        (["generate", "request.json", "-o", "out.npz", "--device", "tpu"], "tpu"),
        (["generate", "request.json", "-o", "out.npz", "--seed", "x"], "--seed"),
        (["generate", "request.json", "-o", "out.npz", "--seed", "-4"], "sampling.seed"),
        (["generate", "request.json", "-o", "out.npz", "--samples", "0"], "sampling.samples"),
        (["generate", "request.json", "-o", "out.npz", "--pack", "nowhere"], "nowhere"),
        (["generate", "request.json", "-o", "out.npz", "--json"], "--json"),
        (["generate", "request.json", "-o", "out.fbx"], ".npz"),
        (["generate", "request.json", "-o", "no folder/out.npz"], "cannot be written"),
        (["generate", "request.json", "-o", "request.json/out.npz"], "cannot be written"),
        (["generate", "request.json", "-o", "taken.npz"], "is a folder"),
        (["metrics"], "MOTION.npz"),
        (["metrics", "missing.npz"], "missing.npz"),
        (["metrics", "good.npz", "request.json"], "request.json"),
        (["metrics", "taken.npz"], "taken.npz"),
        (["export", "good.npz", "-o", "out.fbx"], ".bvh"),
        (["export", "good.npz", "-o", "no folder/out.bvh"], "cannot be written"),
        (["export", "missing.npz", "-o", "out.bvh"], "missing.npz"),
        (["estimate", "clip.mp4"], "estimate"),
    ],
)
def test_bad_command_lines_are_refused(words, sentence, fake_engine, request_file, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken.npz").mkdir()
    save_motion(random_motion(), tmp_path / "good.npz")
    assert sentence in refused(capsys, *words, folder=tmp_path)
    assert fake_engine.devices == []


def test_a_folder_that_refuses_files_is_found_out_before_the_work(
    fake_engine, request_file, pack, tmp_path, capsys, monkeypatch
):
    def refuse(**where: Path) -> None:
        assert where == {"dir": tmp_path}
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    words = ("generate", request_file, "-o", tmp_path / "out.npz", "--pack", pack)
    assert "out.npz: cannot be written (Read-only file system)" in refused(capsys, *words, folder=tmp_path)
    assert fake_engine.devices == []


def test_a_failure_while_writing_leaves_nothing(fake_engine, request_file, pack, tmp_path, capsys, monkeypatch):
    saved = []

    def full_after_one(motion: Motion, path: Path) -> None:
        if saved:
            raise OSError(28, "No space left on device")
        saved.append(path)
        save_motion(motion, path)

    monkeypatch.setattr(cli, "save_motion", full_after_one)
    (tmp_path / "out.0.npz").write_text("old")
    words = ("generate", request_file, "-o", tmp_path / "out.npz", "--pack", pack, "--samples", 2)
    assert "No space left" in refused(capsys, *words, folder=tmp_path)
    assert (tmp_path / "out.0.npz").read_text() == "old"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_cancels_at_the_next_step(number, fake_engine, request_file, pack, tmp_path, capsys, monkeypatch):
    before = files_in(tmp_path)
    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    fake_engine.on_step.append(lambda: os.kill(os.getpid(), number))
    assert generate(request_file, "-o", tmp_path / "out.npz", "--pack", pack) == 3
    assert capsys.readouterr().err == "genmo: cancelled, nothing was written\n"
    assert files_in(tmp_path) == before
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == handlers


def test_a_second_interrupt_cancels_at_once(fake_engine, request_file, pack, tmp_path, monkeypatch):
    def twice() -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        raise AssertionError("not reached")

    fake_engine.on_step.append(twice)
    assert generate(request_file, "-o", tmp_path / "out.npz", "--pack", pack) == 3
    assert not (tmp_path / "out.npz").exists()


def test_an_interrupt_during_the_last_step_counts(fake_engine, request_file, pack, tmp_path, monkeypatch):
    def deaf(self: object, request: MotionRequest, progress: object, should_stop: object) -> list[Motion]:
        signal.raise_signal(signal.SIGINT)
        return [standing_motion(request.frames)]

    monkeypatch.setattr(fake_engine, "generate", deaf)
    assert generate(request_file, "-o", tmp_path / "out.npz", "--pack", pack) == 3
    assert not (tmp_path / "out.npz").exists()


def test_faults_of_ours_are_not_hidden(fake_engine, request_file, pack, tmp_path, monkeypatch):
    def break_down() -> None:
        raise ZeroDivisionError

    fake_engine.on_step.append(break_down)
    with pytest.raises(ZeroDivisionError):
        generate(request_file, "-o", tmp_path / "out.npz", "--pack", pack)
    assert not (tmp_path / "out.npz").exists()


def test_metrics_for_people_and_programs(tmp_path, capsys):
    paths = [str(tmp_path / "a.npz"), str(tmp_path / "b.npz")]
    for seed, path in enumerate(paths):
        save_motion(random_motion(seed=seed), path)
    assert cli.main(["metrics", *paths]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"{paths[0]}\n  foot_skate")
    assert paths[1] in shown
    assert cli.main(["metrics", *paths, "--json"]) == 0
    measured = json.loads(capsys.readouterr().out)
    assert [entry["file"] for entry in measured] == paths
    assert all(np.isfinite(value) for entry in measured for value in entry["metrics"].values())
    assert measured[0]["metrics"] != measured[1]["metrics"]


def test_export_writes_bvh(tmp_path, capsys):
    motion = random_motion()
    save_motion(motion, tmp_path / "a.npz")
    out = tmp_path / "a.BVH"
    assert cli.main(["export", str(tmp_path / "a.npz"), "-o", str(out)]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    np.testing.assert_allclose(read_bvh(out).positions, motion.positions, atol=1e-4)


def test_packs_lists_good_and_broken_ones(pack, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(cli, "DEFAULT_PACK", tmp_path / "nothing" / "base")
    assert cli.main(["packs"]) == 0
    assert "no packs" in capsys.readouterr().out
    broken = pack.parent / "broken"
    broken.mkdir()
    (broken / "pack.json").write_text("{")
    assert cli.main(["packs", str(pack.parent)]) == 0
    shown = capsys.readouterr().out
    assert f"test 1.2.0: Test pack (CC0-1.0)\n  {pack}\n" in shown
    assert str(broken) in shown
    assert cli.main(["packs", str(pack.parent), "--json"]) == 0
    good, bad = json.loads(capsys.readouterr().out)
    assert (good["folder"], good["id"], good["understands"]) == (
        str(pack),
        "test",
        ["prompts", "keyframes", "pins", "path"],
    )
    assert bad["folder"] == str(broken)
    assert "not valid JSON" in bad["problem"]


@pytest.mark.parametrize("words", [["--help"], ["generate", "--help"], ["doctor", "-h"]])
def test_help_is_no_error(words, capsys):
    assert cli.main(words) == 0
    assert "usage: genmo" in capsys.readouterr().out


def test_an_output_that_nobody_reads_is_no_fault(tmp_path, monkeypatch):
    class Gone:
        def write(self, *text: object) -> int:
            raise BrokenPipeError

        writelines = flush = write

    monkeypatch.setattr(sys, "stdout", Gone())
    assert cli.main(["packs", str(tmp_path)]) == 3


def test_output_files_are_refused_when_read_only(tmp_path, monkeypatch):
    path = tmp_path / "out.npz"
    path.touch()
    monkeypatch.setattr(os, "access", lambda file, mode: False)
    with pytest.raises(Exception, match="read-only"):
        cli.check_writable([path])


def run(*words: str, code: str = "") -> subprocess.CompletedProcess[str]:
    start = ["-c", code] if code else ["-m", "genmo.runtime"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONIOENCODING": "ascii"}
    return subprocess.run(
        [sys.executable, *start, *words], capture_output=True, text=True, timeout=60, check=False, env=environment
    )


def test_the_module_runs_as_a_program(tmp_path):
    done = run("metrics", str(tmp_path / "wälk.npz"))
    assert (done.returncode, done.stdout) == (2, "")
    assert "w\\xe4lk.npz: cannot be read" in done.stderr
    assert run("packs").returncode == 0


def test_a_fault_of_ours_exits_with_1_and_a_traceback():
    code = "from genmo.runtime import cli\ncli.find_packs = None\nraise SystemExit(cli.main(['packs']))"
    done = run(code=code)
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_request_errors_of_the_engine_are_bad_input(fake_engine, request_file, pack, tmp_path, capsys, monkeypatch):
    def refuse() -> None:
        raise RequestError("prompts[0]: two\nlines")

    fake_engine.on_step.append(refuse)
    words = ("generate", request_file, "-o", tmp_path / "out.npz", "--pack", pack)
    assert refused(capsys, *words, folder=tmp_path) == "genmo: prompts[0]: two lines\n"
