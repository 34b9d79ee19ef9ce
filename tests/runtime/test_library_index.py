"""The index of a library: search against plain arithmetic, filters, mirror images, files that survive."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from genmo.runtime.errors import UserError
from genmo.runtime.library.index import INDEX_FILE, Entry, Filters, Library, open_library
from genmo.runtime.retrieval import quantized, restored, unit

SIZE, ODD = 32, 8


def entry(number: int, **changes: object) -> Entry:
    values = {
        "place": f"/clips/{number}.bvh", "name": f"clip {number}", "group": "/clips", "content": f"c{number}",
        "stamp": "1", "fps": 30.0, "frames": 100, "seconds": 3.0, "speed": 1.0, "travel": 2.0, "looped": False,
    }  # fmt: skip
    return Entry(**(values | changes))  # type: ignore[arg-type]


def filled(folder: Path, windows: list[int], seed: int = 0, size: int = SIZE) -> Library:
    """A library with this many windows for each clip."""
    library = Library(folder, model="m", odd=ODD)
    vectors = quantized(unit(np.random.default_rng(seed).normal(size=(sum(windows), size)).astype(np.float32)))
    for number, (count, end) in enumerate(zip(windows, np.cumsum(windows), strict=True)):
        starts = np.arange(count) * 150
        library.put(entry(number), vectors[end - count : end], np.stack([starts, starts + 300], axis=1))
    return library


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return filled(tmp_path / "index", [1, 3, 2, 5, 1])


def query(seed: int = 9) -> np.ndarray:
    return unit(np.random.default_rng(seed).normal(size=SIZE))


def test_a_score_is_half_the_mean_and_half_the_best_window(library: Library) -> None:
    wanted = query()
    hits = library.search(wanted)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    for hit in hits:
        first, count = library.rows[hit.entry.content]
        scores = restored(library.vectors[first : first + count]) @ wanted
        assert hit.score == pytest.approx(0.5 * scores.mean() + 0.5 * scores.max(), abs=1e-5)
        assert hit.window == tuple(library.windows[first + int(scores.argmax())])
        np.testing.assert_allclose(library.vectors_of(hit.entry), restored(library.vectors[first : first + count]))
    assert library.search(wanted, limit=2) == hits[:2]
    assert library.search(wanted, limit=0) == []


def test_mirror_images_are_found_without_vectors_of_their_own(library: Library) -> None:
    clip = library.entries["/clips/3.bvh"]
    wanted = library.vectors_of(clip)[2].copy()
    wanted[-ODD:] *= -1.0
    found = library.search(wanted, mirror=True)[0]
    assert found.entry == clip and found.mirrored and found.window == (300, 600)
    straight = next(hit for hit in library.search(wanted) if hit.entry == clip)
    assert straight.score < found.score and not straight.mirrored


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(), {0, 1, 2, 3}),
        (Filters(seconds=(2.0, 4.0)), {1, 2}),
        (Filters(speed=(0.0, 0.5)), {0}),
        (Filters(looped=True), {2}),
        (Filters(looped=False), {0, 1, 3}),
        (Filters(words="FALL"), {3}),
        (Filters(words="/kicks/"), {3}),
        (Filters(seconds=(100.0, 200.0)), set()),
    ],
)
def test_filters(tmp_path: Path, filters: Filters, expected: set[int]) -> None:
    library, vector = Library(tmp_path, odd=ODD), quantized(query()[None])
    window = np.array([[0, 90]])
    library.put(entry(0, seconds=1.0, speed=0.2), vector, window)
    library.put(entry(1, seconds=2.0), vector, window)
    library.put(entry(2, seconds=4.0, looped=True), vector, window)
    library.put(entry(3, seconds=8.0, name="A fall", place="/kicks/fall.npz"), vector, window)
    assert {int(hit.entry.content[1:]) for hit in library.search(query(), filters)} == expected


def test_copies_share_their_vectors_and_are_found_once(library: Library) -> None:
    before = len(library.vectors)
    library.put(entry(7, content="c1"), library.vectors[:1], library.windows[:1])
    library.save()
    assert len(library.vectors) == 12 and before == 0
    found = [hit.entry.place for hit in library.search(query())]
    assert len(found) == 5 and "/clips/7.bvh" not in found
    library.remove(["/clips/1.bvh"])
    library.save()
    assert "/clips/7.bvh" in [hit.entry.place for hit in library.search(query())]


def test_what_is_removed_leaves_no_vectors_and_no_files(library: Library) -> None:
    picture = library.picture(library.entries["/clips/1.bvh"])
    picture.parent.mkdir(parents=True)
    picture.write_bytes(b"png")
    wanted = {hit.entry.place: hit for hit in library.search(query())}
    library.remove(["/clips/1.bvh", "/never/there"])
    library.save()
    assert not picture.exists() and len(library.vectors) == len(library.windows) == 9
    again = {hit.entry.place: hit for hit in open_library(library.folder).search(query())}
    del wanted["/clips/1.bvh"]
    assert again == wanted


def test_an_index_comes_back_from_its_file(library: Library) -> None:
    library.skip("/clips/bad.bvh", "77", "is damaged")
    library.save()
    again = open_library(library.folder)
    assert (again.entries, again.skipped, again.rows) == (library.entries, library.skipped, library.rows)
    assert (again.model, again.odd) == ("m", ODD)
    assert again.stamp("/clips/bad.bvh") == "77" and again.stamp("/clips/2.bvh") == "1" and again.stamp("/x") is None
    assert again.search(query()) == library.search(query())
    assert [path.name for path in library.folder.iterdir()] == [INDEX_FILE]


def test_an_empty_library(tmp_path: Path) -> None:
    library = open_library(tmp_path / "none")
    assert library.search(query()) == []
    library.save()
    assert open_library(tmp_path / "none").entries == {}


@pytest.mark.parametrize("harm", ["cut", "format", "other", "text"])
def test_a_damaged_index_is_refused_with_a_word(library: Library, harm: str) -> None:
    library.save()
    path = library.folder / INDEX_FILE
    if harm == "cut":
        path.write_bytes(path.read_bytes()[:200])
    elif harm == "format":
        np.savez(path, document=np.frombuffer(json.dumps({"format": 99}).encode(), np.uint8))
    elif harm == "other":
        np.savez(path, numbers=np.zeros(3))
    else:
        np.savez(path, document=np.frombuffer(b"{no json", np.uint8))
    with pytest.raises(UserError, match="index again"):
        open_library(library.folder)


def test_searching_ten_thousand_clips_needs_little_memory(tmp_path: Path) -> None:
    filled(tmp_path, [4] * 10_000, size=256).save()
    tracemalloc.start()
    library = open_library(tmp_path)
    hits = library.search(unit(np.random.default_rng(1).normal(size=256)), mirror=True)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(hits) == 50
    assert peak < 100e6
