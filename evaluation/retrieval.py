"""How well texts and motions find each other, and how like recorded motion generated motion is, from their vectors.

Definitions: TMR (Petrovich et al. 2023, arXiv 2305.00976), HumanML3D (Guo et al. 2022) and Kimodo's benchmark (NVIDIA
2026, kimodo/metrics). Only numpy; the vectors come from `training.retrieval.evaluator`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

KS: Final = (1, 2, 3, 5, 10)
"""Depths of recall in the published tables."""

GALLERY: Final = 32
"""Candidates of HumanML3D's R-precision."""

SAME_TEXT: Final = 0.96
"""Cosine above which two texts are one to Kimodo's benchmark."""

_TIE: Final = 1e-12


def same_text(texts: ArrayLike, threshold: float = SAME_TEXT) -> NDArray[np.bool_]:
    """Which texts count as one, by their vectors.

    Args:
        texts: (N, D) unit vectors.
        threshold: cosine; TMR's protocol "threshold" takes 0.9, Kimodo 0.96.

    Returns:
        (N, N), True on the diagonal.
    """
    vectors = np.asarray(texts, dtype=np.float64)
    return (vectors @ vectors.T > threshold) | np.eye(len(vectors), dtype=bool)


def true_ranks(scores: ArrayLike, same: ArrayLike | None = None) -> Array:
    """Rank of the truth for each query, 1 is best; exact ties take their mean rank.

    Args:
        scores: (N, N) score of query i and candidate j; candidate i is the truth.
        same: (N, N) bool, candidates that are as true as i; the best of them counts. None: only i.

    Returns:
        (N,).

    Raises:
        ValueError: the table is not square.
    """
    table = np.asarray(scores, dtype=np.float64)
    if table.ndim != 2 or table.shape[0] != table.shape[1]:
        raise ValueError(f"scores must be a square table, not {table.shape}")
    true = np.eye(len(table), dtype=bool) if same is None else np.asarray(same, dtype=bool)
    best = np.where(true, table, -np.inf).max(axis=1)[:, None]
    tied = np.abs(table - best) <= _TIE
    better = (table > best) & ~tied
    return better.sum(axis=1) + (tied.sum(axis=1) + 1) / 2


def whole_gallery(queries: ArrayLike, candidates: ArrayLike, same: ArrayLike | None = None) -> dict[str, float]:
    """Recall over all candidates at once.

    Args:
        queries: (N, D) unit vectors, for example of texts.
        candidates: (N, D) unit vectors; row i belongs to query i.
        same: see `true_ranks`.

    Returns:
        R01, R02, R03, R05, R10: share of queries whose truth is among the first k; MedR: median rank.
    """
    ranks = true_ranks(_cosines(queries, candidates), same)
    return {f"R{k:02d}": float((ranks <= k).mean()) for k in KS} | {"MedR": float(np.median(ranks))}


def r_precision(
    queries: ArrayLike,
    candidates: ArrayLike,
    labels: Sequence[object],
    rng: np.random.Generator,
    *,
    size: int = GALLERY,
    rounds: int = 100,
) -> dict[str, float]:
    """Recall in random galleries, averaged: R-precision.

    Two pairs with the same label are never in one gallery, so there is one truth and chance is 1 / size. In each round
    the labels are shuffled and dealt out into full galleries, a random pair for each label; the rest is left out.

    Args:
        queries: (N, D) unit vectors.
        candidates: (N, D) unit vectors; row i belongs to query i.
        labels: N; equal where the pairs cannot be told apart, for example the caption.
        rng: source of the galleries.
        size: candidates of a gallery.
        rounds: how often all labels are dealt out.

    Returns:
        R01, R02, R03.

    Raises:
        ValueError: fewer different labels than a gallery needs.
    """
    table = _cosines(queries, candidates)
    members: dict[object, list[int]] = {}
    for row, label in enumerate(labels):
        members.setdefault(label, []).append(row)
    groups = list(members.values())
    if len(groups) < size:
        raise ValueError(f"{len(groups)} different labels do not fill a gallery of {size}")
    ranks = []
    for _ in range(rounds):
        dealt = [groups[index][rng.integers(len(groups[index]))] for index in rng.permutation(len(groups))]
        for start in range(0, len(dealt) - size + 1, size):
            rows = dealt[start : start + size]
            ranks.append(true_ranks(table[np.ix_(rows, rows)]))
    found = np.concatenate(ranks)
    return {f"R{k:02d}": float((found <= k).mean()) for k in (1, 2, 3)}


def matching_score(texts: ArrayLike, motions: ArrayLike) -> float:
    """Mean distance of each text from its motion (MM-Dist of HumanML3D); (N, D) each, row by row."""
    difference = np.asarray(texts, dtype=np.float64) - np.asarray(motions, dtype=np.float64)
    return float(np.linalg.norm(difference, axis=1).mean())


def fid(first: ArrayLike, second: ArrayLike) -> float:
    """Frechet distance of the normal distributions of two sets of vectors (Heusel et al. 2017, arXiv 1706.08500).

    |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^1/2) with plain covariances over N - 1: nothing is added to their diagonals and
    nothing is shrunk, as Kimodo computes it. The number falls with the size of the sets, and with fewer vectors than
    dimensions the covariances are singular; it then still is a distance, but compares only with others of the same
    size. So both sets must be equally large, and a table must say how large.

    Args:
        first: (N, D), N at least 2.
        second: (N, D).

    Returns:
        0 for equal sets, else more.

    Raises:
        ValueError: sets of different or too small size.
    """
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.ndim != 2 or a.shape != b.shape or len(a) < 2:
        raise ValueError(f"the sets must be equally large, two vectors or more, not {a.shape} and {b.shape}")
    rows = len(a) - 1
    x, y = (a - a.mean(axis=0)) / np.sqrt(rows), (b - b.mean(axis=0)) / np.sqrt(rows)
    # tr (C1 C2)^1/2 = sum of the singular values of X Y^T, with C = X^T X: exact for singular covariances too.
    cross = np.linalg.svd(x @ y.T, compute_uv=False).sum()
    mean = ((a.mean(axis=0) - b.mean(axis=0)) ** 2).sum()
    return float(max(mean + (x**2).sum() + (y**2).sum() - 2.0 * cross, 0.0))


def diversity(motions: ArrayLike, rng: np.random.Generator, pairs: int = 300) -> float:
    """Mean distance of random pairs of different motions (HumanML3D).

    Args:
        motions: (N, D), N at least 2.
        rng: source of the pairs.
        pairs: how many.
    """
    vectors = np.asarray(motions, dtype=np.float64)
    return float(_random_distances(vectors, rng, pairs).mean())


def multimodality(motions: ArrayLike, rng: np.random.Generator, pairs: int = 10) -> float:
    """Mean distance of random pairs of motions made from the same text (HumanML3D).

    Args:
        motions: (N, R, D): R motions of each of N texts, R at least 2.
        rng: source of the pairs.
        pairs: of each text.
    """
    vectors = np.asarray(motions, dtype=np.float64)
    return float(np.mean([_random_distances(group, rng, pairs).mean() for group in vectors]))


def _random_distances(vectors: Array, rng: np.random.Generator, pairs: int) -> Array:
    first = rng.integers(len(vectors), size=pairs)
    second = (first + rng.integers(1, len(vectors), size=pairs)) % len(vectors)
    return np.linalg.norm(vectors[first] - vectors[second], axis=1)


def _cosines(queries: ArrayLike, candidates: ArrayLike) -> Array:
    return np.asarray(queries, dtype=np.float64) @ np.asarray(candidates, dtype=np.float64).T
