"""Folders of clips of mixed formats: read once, re-read when changed, survived when broken, stopped in between."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from genmo.runtime.errors import CancelledError, UserError
from genmo.runtime.exchange.files import FORMATS, load_any, save_any
from genmo.runtime.library import scanning
from genmo.runtime.library.index import Library, open_library
from genmo.runtime.library.scanning import Clip, Model
from genmo.runtime.motion import Motion
from genmo.runtime.progress import Progress
from genmo.runtime.retrieval import Embedded, unit
from genmo.tests.runtime.motions import random_motion
from genmo.tests.runtime.walking import walk

CLIPS = 300


def embed(motion: Motion) -> Embedded:
    """A vector that says which motion it is."""
    vector = np.concatenate([motion.local_rotations.mean(axis=0).ravel(), motion.root_positions.mean(axis=0)])
    return Embedded(np.array([[0, motion.frames]]), unit(vector[None]))


class Counting:
    """A model that counts what it is asked for."""

    def __init__(self, name: str = "first") -> None:
        self.calls = 0
        self.model = Model(name, 3, self)

    def __call__(self, motion: Motion) -> Embedded:
        self.calls += 1
        return embed(motion)


def write_clips(folder: Path, count: int, seed: int = 0) -> list[Path]:
    """Clips of all formats, in sub-folders."""
    kinds, paths = list(FORMATS), []
    for number in range(count):
        kind = kinds[number % len(kinds)]
        path = folder / f"part {number % 3}" / f"{kind}_{number}{FORMATS[kind][0]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        save_any(random_motion(4, seed=seed + number), path, kind)
        paths.append(path)
    return paths


def test_three_hundred_clips_of_mixed_formats(tmp_path: Path) -> None:
    folder = tmp_path / "clips"
    paths = write_clips(folder, CLIPS)
    broken = {
        "cut.npz": paths[1].read_bytes()[:500], "empty.bvh": b"", "words.bvh": b"HIERARCHY of", "not.npz": b"PK??",
        "robot.bvh": b"HIERARCHY\nROOT base\n{\nOFFSET 0 0 0\nCHANNELS 3 Xrotation Yrotation Zrotation\n}\n"
        b"MOTION\nFrames: 1\nFrame Time: 0.03\n0 0 0\n",
    }  # fmt: skip
    for name, data in broken.items():
        (folder / name).write_bytes(data)
    np.savez(folder / "numbers.npz", values=np.zeros(3))
    (folder / ".hidden").mkdir()
    (folder / ".hidden" / "x.bvh").write_bytes(b"")
    counting, steps = Counting(), list[Progress]()
    library = Library(tmp_path / "index")
    found = scanning.update(library, folder, counting.model, steps.append)
    assert (found.read, found.kept, found.removed) == (CLIPS, 0, 0)
    assert {Path(place).name for place, _ in found.skipped or []} == {*broken, "numbers.npz"}
    assert all(sentence and not sentence.startswith("/") for _, sentence in found.skipped or [])
    assert steps[0] == Progress("Indexing clips", 0, CLIPS + 6) and steps[-1].step == CLIPS + 6
    assert counting.calls == CLIPS
    again = open_library(library.folder)
    for path in paths[::37]:
        best = again.search(embed(load_any(path)).vectors[0])[0]
        assert best.entry.place == str(path) and best.score > 0.999
        assert again.picture(best.entry).read_bytes()[:4] == b"\x89PNG"
    second = scanning.update(again, folder, counting.model)
    assert (second.read, second.kept, counting.calls) == (0, CLIPS, CLIPS)
    assert second.to_json()["skipped"] == found.to_json()["skipped"]


def test_only_what_changed_is_read_again(tmp_path: Path) -> None:
    folder, counting = tmp_path / "clips", Counting()
    paths = write_clips(folder, 12)
    library = Library(tmp_path / "index")
    scanning.update(library, folder, counting.model)
    save_any(random_motion(4, seed=500), paths[0])
    paths[1].unlink()
    moved = paths[2].rename(paths[2].with_name("moved.npz"))
    os.utime(paths[3], ns=(1, 1))  # touched, but the same
    (folder / "broken.bvh").write_text("HIERARCHY")
    found = scanning.update(library, folder, counting.model)
    assert (found.read, found.kept, found.removed) == (3, 9 - 1, 2)
    assert counting.calls == 13
    assert str(moved) in library.entries and str(paths[2]) not in library.entries
    save_any(random_motion(4, seed=501), folder / "broken.bvh")
    assert scanning.update(library, folder, counting.model).read == 1
    assert not library.skipped and len(library.entries) == 12


def test_folders_do_not_disturb_each_other(tmp_path: Path) -> None:
    first, second, library = tmp_path / "walks", tmp_path / "walks 2", Library(tmp_path / "index")
    write_clips(first, 3)
    write_clips(second, 2, seed=50)
    for folder in (first, second, first):
        scanning.update(library, folder, Counting().model)
    assert len(library.entries) == 5
    assert {entry.group for entry in library.entries.values()} == {str(first), str(second)}


def test_stopping_keeps_what_was_read(tmp_path: Path) -> None:
    folder, counting = tmp_path / "clips", Counting()
    write_clips(folder, 10)
    with pytest.raises(CancelledError):
        scanning.update(Library(tmp_path / "index"), folder, counting.model, should_stop=lambda: counting.calls == 4)
    library = open_library(tmp_path / "index")
    assert len(library.entries) == 4
    assert scanning.update(library, folder, counting.model).read == 6
    assert counting.calls == 10


def test_another_model_reads_everything_again(tmp_path: Path) -> None:
    folder, library = tmp_path / "clips", Library(tmp_path / "index")
    write_clips(folder, 3)
    scanning.update(library, folder, Counting("old").model)
    scanning.add(library, [Clip(walk(30), "scene: Walk", "Walk", "1")], "scene", Counting("old").model)
    new = Counting("new")
    assert scanning.update(library, folder, new.model).read == 3
    assert new.calls == 4 and library.model == "new" and len(library.entries) == 4


def test_motions_that_are_handed_over_are_kept(tmp_path: Path) -> None:
    library, counting = Library(tmp_path / "index"), Counting()
    clips = [Clip(random_motion(5, seed=seed), f"a.blend: {seed}", f"Action {seed}", "1") for seed in range(3)]
    assert scanning.add(library, clips, "a.blend", counting.model).read == 3
    entry = library.entries["a.blend: 1"]
    np.testing.assert_array_equal(load_any(library.clip(entry)).root_positions, clips[1].motion.root_positions)
    found = scanning.add(library, clips[:2], "a.blend", counting.model, complete=True)
    assert (found.removed, counting.calls) == (1, 3)
    assert set(open_library(library.folder).entries) == {"a.blend: 0", "a.blend: 1"}
    assert len(list((library.folder / "clips").iterdir())) == 2


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a folder"):
        scanning.update(Library(tmp_path / "index"), tmp_path / "nowhere", Counting().model)


def test_the_index_may_lie_inside_its_folder(tmp_path: Path) -> None:
    write_clips(tmp_path, 2)
    library = Library(tmp_path / "index of mine")
    scanning.add(library, [Clip(walk(30), "scene: Walk", "Walk", "1")], "scene", Counting().model)
    assert scanning.update(library, tmp_path, Counting().model).read == 2
    assert scanning.update(library, tmp_path, Counting().model).kept == 2
