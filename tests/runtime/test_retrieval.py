"""Texts and motions in one space: windows, mirror images, percentiles, and packs that cannot search."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from genmo.runtime import retrieval_features as features
from genmo.runtime.errors import PackError
from genmo.runtime.motion import mirrored, resampled, sliced
from genmo.runtime.pack import open_pack
from genmo.runtime.retrieval import Retrieval, has_retrieval, open_retrieval, quantized, restored, unit, windows_of
from genmo.tests.runtime.motions import random_motion, standing_motion
from genmo.tests.runtime.packs import write_pack
from genmo.tests.runtime.walking import walk

TINY = Path(__file__).parents[1] / "data" / "tiny_pack"


@pytest.fixture(scope="module")
def retrieval() -> Retrieval:
    return open_retrieval(open_pack(TINY))


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        (20, [[0, 20]]),
        (300, [[0, 300]]),
        (301, [[0, 300], [1, 301]]),
        (600, [[0, 300], [150, 450], [300, 600]]),
        (700, [[0, 300], [133, 433], [266, 566], [400, 700]]),
    ],
)
def test_windows_cover_a_motion_with_half_overlaps(frames: int, expected: list[list[int]]) -> None:
    assert windows_of(frames, 300).tolist() == expected


def test_vectors_are_unit_and_do_not_depend_on_place_rate_or_neighbours(retrieval: Retrieval) -> None:
    motion = walk(700)
    found = retrieval.motion(motion)
    assert found.vectors.shape == (4, retrieval.size)
    np.testing.assert_allclose(np.linalg.norm(found.vectors, axis=1), 1.0, rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found.whole), 1.0, rtol=1e-5)
    alone = retrieval.motion(sliced(motion, 133, 433))
    np.testing.assert_allclose(alone.vectors[0], found.vectors[1], atol=5e-3)  # headings at the ends
    double = retrieval.motion(resampled(motion, 60.0))
    assert double.windows[-1, 1] == resampled(motion, 60.0).frames
    assert (double.whole @ found.whole) > 0.999


def test_the_odd_numbers_of_a_mirror_image_change_their_sign(retrieval: Retrieval) -> None:
    motion = random_motion(80)
    found, other = retrieval.motion(motion), retrieval.motion(mirrored(motion))
    assert np.abs(found.vectors[:, -retrieval.odd :]).max() > 1e-3
    np.testing.assert_allclose(retrieval.mirrored(found.vectors), other.vectors, atol=1e-5)
    left, right = retrieval.text("a person turns left"), retrieval.text("a person turns right")
    np.testing.assert_allclose(retrieval.mirrored(left), right, atol=1e-6)
    assert not np.any(retrieval.text("a person walks")[-retrieval.odd :])


@pytest.mark.parametrize("frames", [1, 2, 14])
def test_short_motions_stand_still_at_their_end(retrieval: Retrieval, frames: int) -> None:
    found = retrieval.motion(standing_motion(frames))
    assert found.windows.tolist() == [[0, frames]]
    np.testing.assert_allclose(found.whole, retrieval.motion(standing_motion(15)).whole, atol=1e-5)


def test_a_match_is_a_percentile_among_recorded_motions(retrieval: Retrieval) -> None:
    motion = walk(400)
    text, embedded = retrieval.text("a person walks"), retrieval.motion(walk(400))
    found = retrieval.match("a person walks", motion)
    assert found.score == pytest.approx(float(embedded.whole @ text), abs=1e-5)
    worse = (retrieval.reference @ text < found.score).sum()
    assert found.percentile == pytest.approx(100.0 * worse / len(retrieval.reference))
    best = int((embedded.vectors @ text).argmax())
    assert found.window == tuple(embedded.windows[best])


def test_bytes_keep_directions() -> None:
    vectors = unit(np.random.default_rng(0).normal(size=(50, 256)))
    again = restored(quantized(vectors))
    assert (again * vectors).sum(axis=1).min() > 0.9995


def test_a_pack_without_the_model_says_so(tmp_path: Path) -> None:
    pack = open_pack(write_pack(tmp_path / "pack"))
    assert not has_retrieval(pack)
    with pytest.raises(PackError, match="cannot search"):
        open_retrieval(pack)


def test_a_damaged_model_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "pack"
    folder.mkdir()
    for file in TINY.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    np.savez(folder / "retrieval.npz", frames=np.int64(300))
    document = json.loads((folder / "pack.json").read_text())
    from genmo.runtime.pack import file_entry

    entry = file_entry(folder / "retrieval.npz", "retrieval.npz")
    document["files"]["retrieval"] |= {"size": entry.size, "sha256": entry.sha256}
    (folder / "pack.json").write_text(json.dumps(document))
    with pytest.raises(PackError, match="missing"):
        open_retrieval(open_pack(folder))


def test_reversed_and_faster_features() -> None:
    motion = features.encode(walk(90).positions)
    back = features.reversed_time(motion)
    np.testing.assert_allclose(features.reversed_time(back), features.window(motion, 0, 90), atol=1e-9)
    assert np.allclose(back[0, features.ROOT][[0, 2]], 0.0)
    ahead = slice(features.VELOCITY.start + 2, features.VELOCITY.start + 3)
    assert back[:, ahead].mean() < 0.0 < motion[:, ahead].mean()
    quick = features.faster(motion, 1.5)
    assert len(quick) == 60
    np.testing.assert_allclose(quick[:, ahead].mean(), 1.5 * motion[:, ahead].mean(), rtol=0.02)
    np.testing.assert_allclose(quick[-1, features.ROOT], motion[-1, features.ROOT])
