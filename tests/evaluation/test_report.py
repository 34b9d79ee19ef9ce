"""The whole evaluation of a tiny pack on a made-up archive: every key is there, the report holds what was measured."""

from __future__ import annotations

import ast
import json
import math
import re
from pathlib import Path

import pytest
import torch

from genmo.evaluation import report
from genmo.evaluation.__main__ import main
from genmo.evaluation.bench import DEFAULT_PRESET, PRESETS
from genmo.evaluation.findings import Findings, Table
from genmo.evaluation.report import HEADINGS, MET, MISSED, OPEN, PICTURES, TARGETS, Target
from genmo.tests.training.archives import made_up_clip, write_archive
from genmo.tools.make_tiny_pack import TEXT_WIDTH
from genmo.training.retrieval.config import RetrievalConfig
from genmo.training.retrieval.network import RetrievalNetwork

ROOT = Path(__file__).parents[2]
TINY = ROOT / "tests" / "data" / "tiny_pack"
CAPTIONS = ("a person walks", "a person waves to the left", "someone jumps", "a man sits down", "a kick", "a turn")


@pytest.fixture(scope="module")
def arguments(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("evaluation")
    write_archive(folder, [made_up_clip(130 + 10 * seed, seed) for seed in range(6)])
    names = [f"made_{index}" for index in range(6)]
    rows = [{"id": name, "split": "train" if index > 3 else "val", "flags": []} for index, name in enumerate(names)]
    told = [{"id": name, "captions": [caption]} for name, caption in zip(names, CAPTIONS, strict=True)]
    for name, lines in (("clips", rows), ("captions", told)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    config = RetrievalConfig(width=32, motion_layers=1, text_layers=1, heads=2, text_width=TEXT_WIDTH)
    torch.manual_seed(0)
    torch.save({"network": RetrievalNetwork(config).state_dict(), "config": config.to_json()}, folder / "model.pt")
    return [
        "--data", str(folder), "--pack", str(TINY), "--evaluator", str(folder / "model.pt"), "--quick",
        "--out", str(folder / "out"),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def folder(arguments: list[str]) -> Path:
    """The report of a whole run."""
    main(arguments)
    return Path(arguments[-1])


@pytest.fixture(scope="module")
def results(folder: Path) -> dict:
    return json.loads((folder / report.JSON_NAME).read_text())


def test_every_target_has_a_finite_number(results: dict) -> None:
    for target in TARGETS:
        assert math.isfinite(results[target.group][target.key]), f"{target.group}/{target.key}"


def test_every_section_has_tables_of_finite_numbers(results: dict) -> None:
    assert set(results["sections"]) == set(HEADINGS)
    groups = set(results) - {"about", "sections"}
    assert groups == {
        "data", "video", "inbetween", "text", "mbench", "constraints", "music", "speed", "size", "retrieval",
    }  # fmt: skip
    assert all(math.isfinite(value) for group in groups for value in results[group].values())
    for name, section in results["sections"].items():
        assert section["tables"], name
        assert all(len(row) == len(table["columns"]) for table in section["tables"] for row in table["rows"])


def test_delivered_motion_is_exact(results: dict) -> None:
    for kind in ("full_body", "root_path"):
        for words in ("with_text", "without_text"):
            assert results["constraints"][f"{kind}_{words}_delivered_mm"] < 0.01
            assert results["constraints"][f"{kind}_{words}_mm"] > 1.0, "a random network meets nothing by itself"


def test_the_report_shows_every_target_and_every_picture(folder: Path, results: dict) -> None:
    text = (folder / report.MARKDOWN_NAME).read_text("utf-8")
    for target in TARGETS:
        value = results[target.group][target.key]
        row = next(line for line in text.splitlines() if line.startswith(f"| {target.group}/{target.key} |"))
        assert report.number(value) in row
        assert target.verdict(value) in row
    shown = re.findall(r"!\[[^]]+\]\(([^)]+)\)", text)
    assert {Path(name).stem for name in shown} == set(PICTURES)
    for name in shown:
        assert (folder / name).read_bytes().startswith(b"\x89PNG")
    assert all(f"## {heading}\n" in text for heading, *_ in HEADINGS.values())


def test_sections_that_are_not_measured_again_are_kept(arguments: list[str], folder: Path, results: dict) -> None:
    main([*arguments, "--only", "data"])
    again = json.loads((folder / report.JSON_NAME).read_text())
    assert again["data"] == results["data"]
    assert again["speed"] == results["speed"]  # times never come out the same twice
    stale = {**results, "about": {**results["about"], "denoiser_sha256": "of another pack"}}
    (folder / report.JSON_NAME).write_text(json.dumps(stale))
    main([*arguments, "--only", "data"])
    anew = json.loads((folder / report.JSON_NAME).read_text())
    assert set(anew) == {"about", "data", "sections"}
    assert OPEN in (folder / report.MARKDOWN_NAME).read_text("utf-8")
    assert not list((folder / report.IMAGES).iterdir()), "pictures of the other pack"


def test_an_unknown_section_is_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit, match="vidoe"):
        main([*arguments, "--only", "vidoe"])


def test_a_target_is_met_at_its_bounds_and_open_without_a_number() -> None:
    both = Target("text", "jerk", "", 0.8, 1.2)
    verdicts = [both.verdict(value) for value in (0.79, 0.8, 1.2, 1.21, None)]
    assert verdicts == [MISSED, MET, MET, MISSED, OPEN]
    assert both.wish == ">= 0.8 and <= 1.2"
    assert Target("speed", "clip", "", None, 1.5).verdict(-3.0) == MET


def test_numbers_that_are_none_become_null_and_a_dash() -> None:
    found = Findings()
    found.add("text", r1=0.123456789, fid=float("nan"))
    found.tables.append(Table("A table", ["", "value"], [["row", float("inf")], ["other", 1234.5678]]))
    results: dict = {}
    report.merge(results, "text", found, 1.0)
    assert results["text"] == {"r1": 0.123457, "fid": None}
    rows = results["sections"]["text"]["tables"][0]["rows"]
    assert rows == [["row", None], ["other", 1234.57]]
    assert [report.number(row[1]) for row in rows] == ["-", "1235"]
    assert [report.number(value) for value in (3.0, 45.25, 1.234, 0.5678, 0.01084)] == [
        "3", "45.2", "1.23", "0.568", "0.0108",
    ]  # fmt: skip


def test_presets_are_those_of_the_extension() -> None:
    tree = ast.parse((ROOT / "genmo_blender" / "properties.py").read_text("utf-8"))
    values = [node.value for node in ast.walk(tree) if isinstance(node, ast.AnnAssign) and node.value is not None
              and ast.unparse(node.target) == "QUALITY_STEPS"]  # fmt: skip
    assert {name.lower(): steps for name, steps in ast.literal_eval(values[0]).items()} == PRESETS
    assert DEFAULT_PRESET in PRESETS
