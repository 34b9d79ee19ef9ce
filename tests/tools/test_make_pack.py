"""Putting a pack together from loose files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from genmo.runtime.errors import PackError, UserError
from genmo.runtime.pack import open_pack
from genmo.runtime.skeleton import JOINT_NAMES, REST_OFFSETS
from genmo.tools.make_pack import main, make_pack

INFO: dict[str, Any] = {
    "id": "test",
    "version": "1",
    "title": "Test",
    "licence": "CC0-1.0",
    "fps": 30,
    "skeleton": {"joints": JOINT_NAMES, "rest_offsets": REST_OFFSETS},
    "layout": {"pose": (0, 2)},
    "understands": ["prompts"],
    "stats": {"mean": [0, 0], "std": [1, 1]},
    "sampler": {"steps": 4, "guidance": 1},
    "band": 60,
    "text": {"max_tokens": 24, "width": 32},
}


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    names = {"denoiser": "denoiser.onnx", "text_encoder": "text_encoder.onnx", "vocabulary": "vocab.txt"}
    paths = {}
    for role, name in names.items():
        paths[role] = tmp_path / role / name
        paths[role].parent.mkdir()
        paths[role].write_text(role * 100)
    return paths


def test_make_and_open(tmp_path: Path, files: dict[str, Path]) -> None:
    made = make_pack(tmp_path / "a" / "pack", INFO, files)
    opened = open_pack(tmp_path / "a" / "pack")
    assert opened == made
    assert opened.path("vocabulary").read_text() == "vocabulary" * 100
    assert sorted(path.name for path in opened.folder.iterdir()) == [
        "denoiser.onnx", "pack.json", "text_encoder.onnx", "vocab.txt",
    ]  # fmt: skip


def test_weights_beside_the_graph(tmp_path: Path, files: dict[str, Path]) -> None:
    weights = tmp_path / "denoiser.onnx.data"
    weights.write_bytes(b"weights")
    pack = make_pack(tmp_path / "pack", INFO, {**files, "denoiser_weights": weights})
    assert pack.path("denoiser_weights") == tmp_path / "pack" / "denoiser.onnx.data"


def test_make_again_over_an_older_pack(tmp_path: Path, files: dict[str, Path]) -> None:
    folder = tmp_path / "pack"
    make_pack(folder, INFO, files)
    files["denoiser"].write_text("new")
    make_pack(folder, {**INFO, "version": "2"}, files)
    assert open_pack(folder).info.version == "2"
    assert open_pack(folder).path("denoiser").read_text() == "new"


def test_files_that_lie_in_the_folder_already(tmp_path: Path, files: dict[str, Path]) -> None:
    folder = tmp_path / "pack"
    folder.mkdir()
    inside = {role: path.rename(folder / path.name) for role, path in files.items()}
    make_pack(folder, INFO, inside)
    assert open_pack(folder).path("denoiser").read_text() == "denoiser" * 100


@pytest.mark.parametrize("info", [{}, {**INFO, "fps": float("nan")}, {**INFO, "stats": {"mean": [0], "std": [1]}}])
def test_nothing_is_written_for_a_wrong_info(tmp_path: Path, files: dict[str, Path], info: dict[str, Any]) -> None:
    with pytest.raises(PackError):
        make_pack(tmp_path / "pack", info, files)
    assert not (tmp_path / "pack").exists()


def test_two_files_of_one_name(tmp_path: Path, files: dict[str, Path]) -> None:
    with pytest.raises(PackError, match="different names"):
        make_pack(tmp_path / "pack", INFO, {**files, "other": files["denoiser"]})


def test_missing_file(tmp_path: Path, files: dict[str, Path]) -> None:
    files["denoiser"].unlink()
    with pytest.raises(UserError, match=r"denoiser\.onnx: No such file"):
        make_pack(tmp_path / "pack", INFO, files)


def test_command_line(tmp_path: Path, files: dict[str, Path], capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "info.json").write_text(json.dumps(INFO))
    arguments = [str(tmp_path / "pack"), "--info", str(tmp_path / "info.json")]
    for role, path in files.items():
        arguments += ["--file", f"{role}={path}"]
    main(arguments)
    assert open_pack(tmp_path / "pack").info.id == "test"

    (tmp_path / "info.json").write_text("{}")
    for wrong in (arguments, [*arguments, "--file", "nothing"]):
        with pytest.raises(SystemExit) as caught:
            main(wrong)
        assert caught.value.code == 2
    assert "'id' is missing" in capsys.readouterr().err
