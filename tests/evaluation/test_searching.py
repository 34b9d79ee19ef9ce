"""The section about search: with a model whose answers are known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from genmo.evaluation.searching import contraries, large_library
from genmo.runtime import retrieval_features as features
from genmo.training.retrieval.data import Clip


class Reader:
    """Tells "forward" from "backward" by the sign of the first column, or ignores it."""

    def __init__(self, sign: float) -> None:
        self._sign = sign

    def features(self, motions: Sequence[np.ndarray]) -> np.ndarray:
        return np.array([[self._sign * motion[0, 0], 1.0] for motion in motions])

    def text(self, texts: Sequence[str]) -> np.ndarray:
        return np.array([[1.0 if "forward" in text else -1.0, 1.0] for text in texts])


def clips() -> list[Clip]:
    made = []
    for number, (way, word) in enumerate(((1.0, "forward"), (-1.0, "backward"))):
        motion = np.zeros((3, features.WIDTH), np.float16)
        motion[:, 0] = way
        made.append(Clip(str(number), motion, (), (f"a person walks {word}", "someone steps " + word, "a wave")))
    return made


def test_sentences_that_are_wrong_fit_worse() -> None:
    told, pairs = contraries(Reader(1.0), [clips()[0]])
    assert pairs == 2  # "runs forward" is as much forward as "walks forward"
    assert told == 0.5
    assert contraries(Reader(-1.0), clips())[0] == 0.0
    assert contraries(Reader(1.0), []) == (0.0, 0)


def test_a_large_library_is_measured() -> None:
    found = large_library(50)
    assert found["library_clips"] == 50.0
    assert found["index_mb"] == 50 * 4 * (256 + 8) / 1e6
    assert all(value > 0.0 for value in found.values())
