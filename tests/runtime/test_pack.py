"""Packs: what is read back, what is refused, and with which sentence."""

from __future__ import annotations

import copy
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from genmo.runtime import pack as pack_module
from genmo.runtime.errors import PackError
from genmo.runtime.pack import find_packs, open_pack, read_pack, write_pack_info
from genmo.runtime.pack_info import FORMAT, PackInfo
from genmo.runtime.skeleton import JOINT_NAMES, REST_OFFSETS

CONTENTS = {"denoiser.onnx": b"graph" * 1000, "text_encoder.onnx": b"encoder" * 1000, "vocab.txt": b"[CLS]\n"}
ROLES = {"denoiser": "denoiser.onnx", "text_encoder": "text_encoder.onnx", "vocabulary": "vocab.txt"}


def document() -> dict[str, Any]:
    return {
        "format": 1,
        "id": "test",
        "version": "1.2.0",
        "title": "Test pack",
        "licence": "CC0-1.0",
        "credits": ["Nobody, nothing"],
        "fps": 30.0,
        "skeleton": {"joints": list(JOINT_NAMES), "rest_offsets": [list(offset) for offset in REST_OFFSETS]},
        "layout": {"pose": [0, 2], "height": [2, 3]},
        "conditions": {"pose": [0, 4], "path": [4, 6]},
        "understands": ["prompts", "keyframes"],
        "stats": {"mean": [0.0, 0.5, -1.0], "std": [1.0, 2.0, 3.0]},
        "sampler": {"steps": 10, "guidance": 2.5, "shift": 1.0, "coarse_from": 600, "guided_below": 900},
        "band": 120,
        "text": {"max_tokens": 24, "width": 384},
        "files": {
            role: {"file": name, "size": len(CONTENTS[name]), "sha256": hashlib.sha256(CONTENTS[name]).hexdigest()}
            for role, name in ROLES.items()
        },
    }


def save(folder: Path, info: object) -> None:
    (folder / "pack.json").write_text(json.dumps(info), "utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "packs" / "test"
    path.mkdir(parents=True)
    for name, content in CONTENTS.items():
        (path / name).write_bytes(content)
    save(path, document())
    return path


def message(folder: Path) -> str:
    """The sentence with which the pack is refused; it names a file and is one line."""
    with pytest.raises(PackError) as caught:
        open_pack(folder)
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_open(folder: Path) -> None:
    pack = open_pack(str(folder))
    assert pack.folder == folder
    assert pack.path("denoiser") == folder / "denoiser.onnx"
    assert pack.info.label == "test 1.2.0"
    assert pack.info.layout == {"pose": (0, 2), "height": (2, 3)}
    assert pack.info.stats.std == (1.0, 2.0, 3.0)
    assert pack.info.rest_offsets == REST_OFFSETS
    assert pack.info.sampler.steps == 10 and pack.info.text.width == 384


def test_json_round_trip() -> None:
    info = PackInfo.from_json(document())
    assert json.loads(json.dumps(info.to_json())) == document()
    assert PackInfo.from_json(info.to_json()) == info


def test_written_info_is_read_back(tmp_path: Path) -> None:
    info = replace(PackInfo.from_json(document()), title="Größe 走")
    write_pack_info(tmp_path, info)
    assert read_pack(tmp_path).info == info
    assert [path.name for path in tmp_path.iterdir()] == ["pack.json"]


def test_bad_info_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(PackError, match=r"pack\.fps"):
        write_pack_info(tmp_path, replace(PackInfo.from_json(document()), fps=float("nan")))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda path: path.unlink(), "denoiser.onnx: missing"),
        (lambda path: path.write_bytes(b""), "denoiser.onnx: truncated (0 of 5000 bytes)"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "denoiser.onnx: truncated (4999 of 5000 bytes)"),
        (lambda path: path.write_bytes(path.read_bytes() + b"x"), "denoiser.onnx: too long (5001 of 5000 bytes)"),
        (lambda path: path.write_bytes(b"X" + path.read_bytes()[1:]), "denoiser.onnx: its SHA-256 differs"),
        (lambda path: (path.unlink(), path.mkdir()), "denoiser.onnx: missing"),
    ],
    ids=["missing", "empty", "truncated", "too long", "changed", "a folder"],
)
def test_damaged_file(folder: Path, change: Callable[[Path], object], sentence: str) -> None:
    change(folder / "denoiser.onnx")
    assert sentence in message(folder)
    with pytest.raises(PackError):
        read_pack(folder).path("vocabulary")  # a pack with one bad file gives away none


def test_a_file_that_changes_later_is_noticed(folder: Path) -> None:
    open_pack(folder)
    file = folder / "denoiser.onnx"
    before = file.stat()
    file.write_bytes(b"X" + file.read_bytes()[1:])
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert "SHA-256" in message(folder)


def test_unchanged_files_are_read_once(folder: Path) -> None:
    pack_module._digest.cache_clear()
    for _ in range(3):
        open_pack(folder).path("denoiser")
    assert pack_module._digest.cache_info().misses == len(CONTENTS)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "pack.json: not valid JSON"),
        (b"{", "pack.json: not valid JSON"),
        (b"\xff\xfe\x00", "pack.json: not valid JSON"),
        (b"[" * 100_000, "pack.json: not valid JSON"),
        (b"[]", "pack.json: pack: must be an object, not a list"),
        (b"{}", "pack.json: the pack states no format; this version of GENMO reads format 1"),
        (b'{"format": 2, "news": 1}', "the pack has format 2; this version of GENMO reads format 1"),
        (b'{"format": true}', "the pack has format True; this version of GENMO reads format 1"),
        (b'{"format": 1, "fps": NaN}', "pack.json: not valid JSON (NaN is not a number of JSON)"),
        (b'{"format": 1, "fps": -Infinity}', "(-Infinity is not a number of JSON)"),
    ],
)
def test_damaged_description(folder: Path, content: bytes, sentence: str) -> None:
    (folder / "pack.json").write_bytes(content)
    assert sentence in message(folder)


def test_description_of_absurd_size(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pack_module, "_MAX_INFO_BYTES", 100)
    assert "pack.json: too large" in message(folder)


def test_no_pack(tmp_path: Path) -> None:
    assert message(tmp_path).endswith("not a model pack, it has no pack.json")
    assert "not a model pack" in message(tmp_path / "nowhere")


MISTAKES: list[tuple[tuple[str, ...], Any, str]] = [
    (("colour",), "red", "pack: unknown key 'colour'"),
    (("licens",), "MIT", "did you mean 'licence'?"),
    (("id",), "../x", "pack.id: must be lower-case letters"),
    (("version",), "", "pack.version: must be one line of text"),
    (("title",), "a\nb", "pack.title: must be one line of text"),
    (("credits",), [1], "pack.credits[0]: must be text, not 1"),
    (("fps",), 0, "pack.fps: must be from 1 to 1000, not 0"),
    (("fps",), "30", "pack.fps: must be a number, not '30'"),
    (("fps",), 10**400, "pack.fps: must be a finite number"),
    (("skeleton", "joints"), ["pelvis"], "pack.skeleton.joints: must be the 22 joints"),
    (("skeleton", "rest_offsets"), [[0, 0, 0]], "pack.skeleton.rest_offsets: must have 22 members, not 1"),
    (("layout",), {}, "pack.layout: must not be empty"),
    (("layout",), {"pose": [0, 2], "height": [3, 4]}, "pack.layout.height: must start at 2 and end after it"),
    (("layout",), {"pose": [0, 2], "height": [1, 3]}, "pack.layout.height: must start at 2"),
    (("layout",), {"pose": [0, 0], "height": [0, 3]}, "pack.layout.pose: must start at 0 and end after it"),
    (("layout", "pose"), [0, 1, 2], "pack.layout.pose: must have 2 members, not 3"),
    (("conditions", "pose"), [1, 4], "pack.conditions.pose: must start at 0"),
    (("understands",), ["smell"], "pack.understands[0]: must be one of prompts, keyframes"),
    (("stats", "mean"), [0.0], "pack.stats.mean: must have 3 members like the layout, not 1"),
    (("stats", "std"), [1.0] * 4, "pack.stats.std: must have 3 members like the layout, not 4"),
    (("stats", "std"), [1.0, 0.0, 1.0], "pack.stats.std: must be positive numbers"),
    (("sampler", "steps"), 0, "pack.sampler.steps: must be from 1"),
    (("sampler", "steps"), 1.5, "pack.sampler.steps: must be a whole number"),
    (("band",), True, "pack.band: must be a whole number, not true"),
    (("text", "max_tokens"), 1, "pack.text.max_tokens: must be from 2"),
    (("files",), [], "pack.files: must be an object"),
    (("files", "denoiser", "size"), 0, "pack.files.denoiser.size: must be from 1"),
    (("files", "denoiser", "sha256"), "abc", "pack.files.denoiser.sha256: must be 64"),
    (("files", "denoiser", "md5"), "abc", "pack.files.denoiser: unknown key 'md5'"),
]


@pytest.mark.parametrize(("place", "value", "sentence"), MISTAKES, ids=lambda part: str(part)[:40])
def test_mistakes_in_the_description(folder: Path, place: tuple[str, ...], value: Any, sentence: str) -> None:
    info = document()
    inner = info
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    save(folder, info)
    assert sentence in message(folder)


@pytest.mark.parametrize("key", sorted(document().keys() - {"format", "credits", "conditions", "understands"}))
def test_missing_keys(folder: Path, key: str) -> None:
    info = document()
    del info[key]
    save(folder, info)
    assert f"pack: '{key}' is missing" in message(folder)


@pytest.mark.parametrize("role", ["denoiser", "text_encoder", "vocabulary"])
def test_missing_roles(folder: Path, role: str) -> None:
    info = document()
    del info["files"][role]
    save(folder, info)
    assert f"pack.files: '{role}' is missing" in message(folder)


def test_a_pack_without_prompts_needs_no_text_encoder(folder: Path) -> None:
    info = document()
    info["understands"] = ["keyframes"]
    del info["files"]["text_encoder"], info["files"]["vocabulary"]
    save(folder, info)
    pack = open_pack(folder)
    with pytest.raises(PackError, match=r"no file for 'text_encoder'"):
        pack.path("text_encoder")


@pytest.mark.parametrize(
    "file",
    ["../denoiser.onnx", "/etc/passwd", "a/../../x", "..", ".", "", "a//b", "./x", "..\\x", "C:x", "C:\\x",
     "\\\\host\\x", "a/..", "nul\0l", "a/", "*.onnx"],
)  # fmt: skip
def test_no_file_outside_the_pack(folder: Path, file: str) -> None:
    (folder.parent / "denoiser.onnx").write_bytes(CONTENTS["denoiser.onnx"])
    info = document()
    info["files"]["denoiser"]["file"] = file
    save(folder, info)
    assert "pack.files.denoiser.file: " in message(folder)


def test_files_in_a_subfolder(folder: Path) -> None:
    info = document()
    (folder / "weights").mkdir()
    (folder / "denoiser.onnx").rename(folder / "weights" / "denoiser.onnx")
    info["files"]["denoiser"]["file"] = "weights/denoiser.onnx"
    save(folder, info)
    assert open_pack(folder).path("denoiser").read_bytes() == CONTENTS["denoiser.onnx"]


def test_find_packs(folder: Path, tmp_path: Path) -> None:
    shelf = folder.parent
    for name, change in (("another", {"id": "another"}), ("broken", {"format": 99})):
        (shelf / name).mkdir()
        save(shelf / name, {**copy.deepcopy(document()), **change})
    (shelf / "notes").mkdir()
    problems: dict[str, str] = {}
    packs = find_packs(
        [folder, shelf, tmp_path / "nowhere", shelf / "notes"],
        on_problem=lambda place, error: problems.update({place.name: str(error)}),
    )
    assert [pack.info.id for pack in packs] == ["test", "another"]
    assert list(problems) == ["broken"] and f"reads format {FORMAT}" in problems["broken"]
    assert len(find_packs([str(shelf)])) == 2


def test_a_listed_pack_is_verified_when_it_is_used(folder: Path) -> None:
    (folder / "vocab.txt").write_bytes(b"[SEP]\n")
    (pack,) = find_packs([folder])
    with pytest.raises(PackError, match=r"vocab\.txt: its SHA-256 differs"):
        pack.path("denoiser")
