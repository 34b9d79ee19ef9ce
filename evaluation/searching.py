"""Search: does the pack's retrieval model find recorded motion by its captions, and how fast is a large library?

Clips of the split "val", whose captions the model has never read. Queries are texts unless a row says otherwise.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from genmo.evaluation.bench import Bench
from genmo.evaluation.clips import Recording
from genmo.evaluation.findings import Cell, Findings, Table
from genmo.evaluation.retrieval_model import retrieval_numbers
from genmo.runtime import retrieval_features as features
from genmo.runtime.library.index import Entry, Library, open_library
from genmo.runtime.retrieval import Retrieval, has_retrieval, open_retrieval, quantized, unit
from genmo.training.retrieval.contrary import contrary
from genmo.training.retrieval.data import Clip

Vectors = NDArray[np.float32]

LARGE: Final = 10_000
WINDOWS: Final = 4
"""Clips of the library whose search is timed, and windows of each."""

_TIMES: Final = 20
_NAMES: Final = ("r1_of32", "r2_of32", "r3_of32", "r1_all", "r3_all", "r5_all", "r10_all", "median_rank")


class PackEvaluator:
    """A pack's model in the shape of `training.retrieval.evaluator.Evaluator`."""

    def __init__(self, retrieval: Retrieval) -> None:
        """Use an open model."""
        self._retrieval = retrieval

    def features(self, motions: Sequence[NDArray[np.floating]]) -> Vectors:
        """Vectors (N, E) of motions, given as features (T, WIDTH)."""
        return np.stack([self._retrieval.encoded(motion).whole for motion in motions])

    def text(self, texts: Sequence[str], encoder: Any = None) -> Vectors:
        """Vectors (N, E) of texts."""
        return np.stack([self._retrieval.text(text) for text in texts])


def measure(bench: Bench) -> Findings:
    """All numbers of search: the group "retrieval"."""
    found = Findings()
    if not has_retrieval(bench.engine.pack):
        found.left_out.append("The pack has no retrieval model.")
        return found
    found.add("retrieval", **large_library(bench.few(LARGE, 100)))
    clips = [_clip(item) for item in bench.recordings if item.captions]
    evaluator = PackEvaluator(open_retrieval(bench.engine.pack))
    numbers = retrieval_numbers(evaluator, clips, None, "written")
    told, pairs = contraries(evaluator, clips)
    found.add("retrieval", clips=numbers["clips"], left_right=numbers["left_right"], contrary=told)
    found.add("retrieval", **{name: numbers["text_to_motion"][name] for name in _NAMES})
    found.add("retrieval", **{f"motion_{name}": numbers["motion_to_text"][name] for name in _NAMES})
    heads = {"r1_of32": "R@1 of 32", "r2_of32": "R@2 of 32", "r3_of32": "R@3 of 32", "r1_all": "R@1", "r3_all": "R@3",
             "r5_all": "R@5", "r10_all": "R@10", "median_rank": "median rank"}  # fmt: skip
    rows: list[list[Cell]] = [
        [title, *(numbers[direction][name] for name in _NAMES)]
        for title, direction in (("text finds motion", "text_to_motion"), ("motion finds text", "motion_to_text"))
    ]
    found.tables.append(Table(
        "Search", ["", *heads.values()], rows,
        f"{numbers['clips']} clips, a random one of their captions each, averaged over 20 draws; the last five columns "
        f"are of the whole gallery. Sides are told apart in {numbers['left_right']:.1%} of the questions about "
        f"{numbers['left_right_pairs']} captions, and {told:.1%} of {pairs} captions fit better than nearly the same "
        "words with another direction, speed, height or order.",
    ))  # fmt: skip
    return found


def contraries(evaluator: Any, clips: Sequence[Clip]) -> tuple[float, int]:
    """Share of captions that fit their motion better than the same words turned round, and how many there are."""
    pairs = [(clip, text, wrong) for clip in clips for text in clip.written if (wrong := contrary(text))]
    if not pairs:
        return 0.0, 0
    motions = evaluator.features([clip.features for clip, _, _ in pairs])
    right, wrong = evaluator.text([text for _, text, _ in pairs]), evaluator.text([text for _, _, text in pairs])
    return float(((motions * right).sum(axis=1) > (motions * wrong).sum(axis=1)).mean()), len(pairs)


def large_library(clips: int) -> dict[str, float]:
    """Milliseconds of a search in a library of so many random clips, seconds to open it, and its megabytes."""
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        library = Library(Path(folder), odd=64)
        vectors = quantized(unit(rng.normal(size=(clips * WINDOWS, 256)).astype(np.float32)))
        for number in range(clips):
            rows = slice(number * WINDOWS, (number + 1) * WINDOWS)
            entry = Entry(f"{number}.npz", str(number), "", str(number), "", 30.0, 750, 25.0, 1.0, 2.0, False)
            library.put(entry, vectors[rows], np.zeros((WINDOWS, 2)))
        library.save()
        begun = time.perf_counter()
        opened = open_library(folder)
        seconds = time.perf_counter() - begun
    times = []
    for _ in range(_TIMES):
        query = unit(rng.normal(size=256))
        begun = time.perf_counter()
        opened.search(query, mirror=True)
        times.append(time.perf_counter() - begun)
    megabytes = (opened.vectors.nbytes + opened.windows.nbytes) / 1e6
    return {"search_ms": 1e3 * min(times), "open_s": seconds, "index_mb": megabytes, "library_clips": float(clips)}


def _clip(item: Recording) -> Clip:
    values = features.encode(item.motion.positions).astype(np.float16)
    return Clip(item.name, values, (), item.captions)
