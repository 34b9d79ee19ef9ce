"""Libraries as the worker and the command line use them, with the tiny pack's model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from genmo.runtime.cli import main
from genmo.runtime.errors import CancelledError, PackError, RequestError
from genmo.runtime.exchange.files import FORMATS, load_any, save_any
from genmo.runtime.library.index import open_library
from genmo.runtime.motion import save_motion
from genmo.runtime.progress import Progress
from genmo.runtime.tasks import find_task
from genmo.tests.runtime.motions import random_motion
from genmo.tests.runtime.packs import write_pack
from genmo.tests.runtime.walking import walk

TINY = str(Path(__file__).parents[1] / "data" / "tiny_pack")


def run(name: str, *, stop: bool = False, **arguments: Any) -> Any:
    """The value of a task of the library."""
    steps = list[Progress]()
    return find_task(f"library.{name}")({"pack": TINY, **arguments}, steps.append, lambda: stop).value


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """Four clips, one of each format, and a broken one."""
    folder = tmp_path / "clips"
    folder.mkdir()
    for number, (kind, (suffix, _)) in enumerate(FORMATS.items()):
        save_any(random_motion(30, seed=number), folder / f"{kind}{suffix}", kind)
    (folder / "broken.bvh").write_text("HIERARCHY")
    return folder


def names(found: Mapping[str, Any]) -> set[str]:
    return {hit["name"] for hit in found["hits"]}


def test_index_search_and_forget(tmp_path: Path, clips: Path) -> None:
    library = str(tmp_path / "index")
    found = run("index", library=library, folders=[str(clips)])[str(clips)]
    assert (found["read"], found["kept"], len(found["skipped"])) == (4, 0, 1)
    assert found["skipped"][0]["place"] == str(clips / "broken.bvh") and found["skipped"][0]["problem"]
    hits = run("search", library=library, text="a person walks")
    assert names(hits) == {"bvh", "genmo", "amass", "kimodo"} and hits["clips"] == 4
    assert json.loads(json.dumps(hits)) == hits
    for hit in hits["hits"]:
        assert Path(hit["picture"]).read_bytes().startswith(b"\x89PNG")
        assert load_any(hit["motion"]).frames == hit["frames"] == 30
        assert hit["window"] == [0, 30]
    assert len(run("search", library=library, text="a kick", limit=2)["hits"]) == 2
    assert names(run("search", library=library, text="a kick", filters={"words": "ama"})) == {"amass"}
    assert names(run("search", library=library, text="a kick", filters={"seconds": [2, None]})) == set()
    like = run("similar", library=library, motion=str(clips / "genmo.npz"))["hits"][0]
    assert like["name"] == "genmo" and like["score"] > 0.99
    assert run("forget", library=library, places=[like["place"], "nowhere"]) == {"removed": 1}
    assert len(run("search", library=library, text="a kick")["hits"]) == 3


def test_motions_are_handed_over(tmp_path: Path) -> None:
    library = str(tmp_path / "index")
    save_motion(walk(40), tmp_path / "temporary.npz")
    row = {"motion": str(tmp_path / "temporary.npz"), "place": "a.blend: Walk", "name": "Walk", "stamp": "7"}
    gone = {"motion": str(tmp_path / "gone.npz"), "place": "a.blend: Gone", "name": "Gone", "stamp": "8"}
    found = run("add", library=library, group="a.blend", clips=[row, gone])
    assert found["read"] == 1 and [each["place"] for each in found["skipped"]] == ["a.blend: Gone"]
    (tmp_path / "temporary.npz").unlink()
    assert open_library(library).stamp("a.blend: Walk") == "7" and open_library(library).stamp("a.blend: Gone") == "8"
    hit = run("search", library=library, text="a walk", mirror=True)["hits"][0]
    assert hit["place"] == "a.blend: Walk" and load_any(hit["motion"]).frames == 40
    save_motion(random_motion(5), tmp_path / "kept.npz")
    kept = {**row, "motion": str(tmp_path / "kept.npz"), "place": "a.blend: Kept"}
    with pytest.raises(CancelledError):
        run("add", stop=True, library=library, group="a.blend", clips=[kept], complete=True)
    assert "a.blend: Walk" in open_library(library).entries


def test_a_motion_is_matched_with_a_text(tmp_path: Path) -> None:
    save_motion(walk(400), tmp_path / "walk.npz")
    found = run("match", motion=str(tmp_path / "walk.npz"), text="a person walks")
    assert -1.0 <= found["score"] <= 1.0 and 0.0 <= found["percentile"] <= 100.0
    assert found["window"] in ([0, 300], [100, 400])


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("search", {"library": "x"}),
        ("search", {"library": "x", "text": 5}),
        ("search", {"library": "x", "text": "walk", "filters": {"size": 3}}),
        ("index", {"folders": []}),
    ],
)
def test_wrong_arguments_are_named(name: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(RequestError):
        run(name, **arguments)


def test_a_pack_that_cannot_search_says_so(tmp_path: Path) -> None:
    pack = write_pack(tmp_path / "pack")
    with pytest.raises(PackError, match="cannot search"):
        run("search", library=str(tmp_path), text="walk", pack=str(pack))


def test_the_command_line(tmp_path: Path, clips: Path, capsys: pytest.CaptureFixture) -> None:
    pack = ["--pack", TINY]
    assert main(["search", "walk", "--library", str(clips), *pack]) == 2
    assert "run genmo index" in capsys.readouterr().err
    assert main(["index", str(clips), *pack]) == 0
    said = capsys.readouterr().out
    assert "4 read, 0 kept, 0 removed, 1 skipped" in said and "broken.bvh" in said
    assert main(["index", str(clips), "--json", *pack]) == 0
    assert json.loads(capsys.readouterr().out)["folders"][str(clips)]["kept"] == 4
    assert main(["search", "a walk", "--library", str(clips), "--limit", "3", *pack]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 6
    like = ["--like", str(clips / "bvh.bvh"), "--json", "--mirror", "--speed", ",50", "--seconds", "0.5,"]
    assert main(["search", "--library", str(clips), *like, *pack]) == 0
    assert json.loads(capsys.readouterr().out)[0]["name"] == "bvh"
    assert main(["search", "walk", "--library", str(clips), "--words", "nothing", *pack]) == 0
    assert "No clip" in capsys.readouterr().out
    for wrong in (["walk", *like], ["walk", "--speed", "fast"], []):
        assert main(["search", "--library", str(clips), *wrong, *pack]) == 2
        assert capsys.readouterr().err.startswith("genmo: ")
