"""Retrieval measures against cases whose answer is known: perfect and random vectors, normal distributions."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from genmo.evaluation import retrieval

DATA = Path(__file__).parents[1] / "data"


def unit(rows: int, width: int, seed: int) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(rows, width))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def gaussian(rows: int, mean: np.ndarray, deviation: np.ndarray, seed: int) -> np.ndarray:
    """Vectors whose sample mean and covariance are exactly these."""
    raw = np.random.default_rng(seed).normal(size=(rows, len(mean)))
    raw -= raw.mean(axis=0)
    white = np.linalg.solve(np.linalg.cholesky(np.cov(raw, rowvar=False)), raw.T).T
    return white * deviation + mean


def test_perfect_vectors_are_always_first() -> None:
    vectors = unit(100, 16, 0)
    found = retrieval.r_precision(vectors, vectors, range(100), np.random.default_rng(0))
    assert found == {"R01": 1.0, "R02": 1.0, "R03": 1.0}
    everything = retrieval.whole_gallery(vectors, vectors)
    assert everything["R01"] == everything["MedR"] == 1.0


def test_random_vectors_are_right_by_chance() -> None:
    texts, motions = unit(1600, 64, 1), unit(1600, 64, 2)
    found = retrieval.r_precision(texts, motions, range(1600), np.random.default_rng(0), rounds=20)
    assert found["R01"] == pytest.approx(1 / 32, abs=0.01)
    assert found["R03"] == pytest.approx(3 / 32, abs=0.02)
    assert retrieval.whole_gallery(texts, motions)["MedR"] == pytest.approx(800, abs=80)


def test_ranks_count_what_is_better_and_share_ties() -> None:
    scores = [[0.9, 0.1, 0.2], [0.8, 0.3, 0.1], [0.5, 0.5, 0.5]]
    np.testing.assert_array_equal(retrieval.true_ranks(scores), [1.0, 2.0, 2.0])


def test_the_best_of_equal_texts_is_the_truth() -> None:
    scores = [[0.1, 0.9, 0.5], [0.9, 0.1, 0.5], [0.9, 0.8, 0.1]]
    same = np.array([[1, 1, 0], [1, 1, 0], [0, 0, 1]], dtype=bool)
    np.testing.assert_array_equal(retrieval.true_ranks(scores, same), [1.0, 1.0, 3.0])


def test_ranks_need_a_square_table() -> None:
    with pytest.raises(ValueError, match="square"):
        retrieval.true_ranks(np.zeros((2, 3)))


def test_equal_labels_are_never_in_one_gallery() -> None:
    """Motions 0..31 and 32..63 are the same, so galleries with both would be right only half of the time."""
    vectors = np.tile(unit(32, 16, 3), (2, 1))
    labels = [f"text {row % 32}" for row in range(64)]
    found = retrieval.r_precision(vectors, vectors, labels, np.random.default_rng(0), rounds=5)
    assert found["R01"] == 1.0
    with pytest.raises(ValueError, match="31 different labels"):
        retrieval.r_precision(vectors[:31], vectors[:31], labels[:31], np.random.default_rng(0))


def test_same_text_is_a_cosine_above_the_threshold() -> None:
    texts = np.array([[1.0, 0.0], [0.97, np.sqrt(1 - 0.97**2)], [0.92, np.sqrt(1 - 0.92**2)]])
    first = retrieval.same_text(texts)[0]
    assert first.tolist() == [True, True, False]
    assert retrieval.same_text(texts, 0.9)[0].tolist() == [True, True, True]


def test_fid_of_two_normal_distributions_is_the_closed_form() -> None:
    one, other = np.array([1.0, 0.5, 2.0]), np.array([0.5, 0.5, 3.0])
    mean = np.array([0.3, -1.0, 0.2])
    found = retrieval.fid(gaussian(50, mean, one, 0), gaussian(50, np.zeros(3), other, 1))
    assert found == pytest.approx((mean**2).sum() + ((one - other) ** 2).sum(), rel=1e-9)


def test_fid_of_turned_covariances_is_the_closed_form() -> None:
    """tr (C1 C2)^1/2 = sqrt(tr C1 C2 + 2 sqrt det C1 C2) in two dimensions."""
    turn = np.array([[0.8, -0.6], [0.6, 0.8]])
    first = gaussian(40, np.zeros(2), np.array([2.0, 0.5]), 0)
    second = gaussian(40, np.zeros(2), np.array([1.0, 3.0]), 1) @ turn.T
    a, b = np.cov(first, rowvar=False), np.cov(second, rowvar=False)
    root = np.sqrt(np.trace(a @ b) + 2 * np.sqrt(np.linalg.det(a) * np.linalg.det(b)))
    assert retrieval.fid(first, second) == pytest.approx(np.trace(a) + np.trace(b) - 2 * root, rel=1e-9)


def test_fid_is_zero_for_equal_sets_even_with_fewer_vectors_than_dimensions() -> None:
    vectors = unit(10, 64, 0)
    assert retrieval.fid(vectors, vectors[::-1]) == pytest.approx(0.0, abs=1e-12)
    assert retrieval.fid(vectors, unit(10, 64, 1)) > 0.5


@pytest.mark.parametrize("sizes", [(10, 9), (1, 1)])
def test_fid_compares_only_sets_of_one_size(sizes: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="equally large"):
        retrieval.fid(unit(sizes[0], 4, 0), unit(sizes[1], 4, 1))


def test_measures_agree_with_published_code() -> None:
    """Numbers of Kimodo's own functions on the same random vectors (nv-tlabs/kimodo @301d3a1)."""
    stored = np.load(DATA / "retrieval_golden.npz")
    expected = json.loads((DATA / "retrieval_golden.json").read_text("utf-8"))
    text, motion, truth = (stored[name] for name in ("text", "motion", "gt_motion"))
    for name, same in (("plain", None), ("with_duplicates_0.99", retrieval.same_text(text))):
        found = retrieval.whole_gallery(text, motion, same)
        for key, value in found.items():
            assert (value if key == "MedR" else round(100 * value, 2)) == expected[name][key], (name, key)
    for name, pair in (("gen_gt", (motion, truth)), ("gen_text", (motion, text)), ("gt_text", (truth, text))):
        assert retrieval.fid(*pair) == pytest.approx(expected[f"FID_{name}"], rel=1e-6)


def test_matching_score_is_a_mean_distance() -> None:
    assert retrieval.matching_score([[0.0, 0.0], [1.0, 1.0]], [[3.0, 4.0], [1.0, 0.0]]) == pytest.approx(3.0)


def test_diversity_of_random_unit_vectors() -> None:
    """Independent directions are 90 degrees apart on average: distance sqrt 2. Equal ones have none."""
    rng = np.random.default_rng(0)
    assert retrieval.diversity(unit(500, 256, 0), rng, pairs=2000) == pytest.approx(np.sqrt(2), rel=0.01)
    assert retrieval.diversity(np.ones((5, 3)), rng) == 0.0
    assert retrieval.diversity([[0.0], [1.0]], rng) == pytest.approx(1.0), "a motion is never paired with itself"


def test_multimodality_looks_only_within_a_text() -> None:
    groups = np.zeros((3, 4, 2))
    groups[:, :, 0] = np.array([0.0, 10.0, 20.0])[:, None]
    assert retrieval.multimodality(groups, np.random.default_rng(0)) == 0.0
    groups[:, ::2, 1] = 2.0
    assert 0.0 < retrieval.multimodality(groups, np.random.default_rng(0), pairs=200) < 2.0
