"""What the doctor finds on good and on bad machines."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from genmo.runtime import cli, doctor
from genmo.tests.runtime.packs import write_pack


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    return write_pack(tmp_path / "packs" / "test")


def test_the_doctor_is_content_with_a_good_machine(pack, capsys, monkeypatch):
    monkeypatch.setattr(doctor, "DEFAULT_PACK", pack)
    monkeypatch.setattr(doctor, "LEAST_MEMORY", 0)
    assert cli.main(["doctor"]) == 0
    shown = capsys.readouterr().out
    assert "runs on      CPUExecutionProvider" in shown or "runs on      CUDAExecutionProvider" in shown
    assert f"test 1.2.0: ok ({pack})" in shown
    assert cli.main(["doctor", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["problems"] == []
    assert report["providers"]
    assert report["numpy"] == np.__version__
    assert report["python"] == ".".join(map(str, sys.version_info[:3]))
    assert report["packs"] == [{"folder": str(pack), "label": "test 1.2.0", "problem": ""}]


def test_the_doctor_names_every_problem(pack, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(doctor, "DEFAULT_PACK", tmp_path / "missing")
    monkeypatch.setattr(doctor, "LEAST_MEMORY", 1 << 60)
    monkeypatch.setattr(doctor, "_PROBE", b"no network")
    (pack / "denoiser.onnx").write_bytes(b"damaged!!!")
    assert cli.main(["doctor", "--json", str(pack)]) == 2
    captured = capsys.readouterr()
    problems = json.loads(captured.out)["problems"]
    assert len(problems) == 4
    for problem, words in zip(problems, ["of memory", "ONNX", "missing", "denoiser.onnx"], strict=True):
        assert words in problem
    assert captured.err.count("\n") == 1


def test_the_version_is_that_of_the_extension(capsys):
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"genmo {doctor.extension_version()}\n"
    assert doctor.extension_version() != "unknown"


def test_free_memory_is_a_plausible_number_of_bytes():
    free = doctor.free_memory()
    assert free is None or 1 << 20 < free < 1 << 50
