"""The numbers of the retrieval model, with a model whose answers are known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from genmo.evaluation.retrieval_model import left_right, retrieval_numbers
from genmo.runtime import retrieval_features as features
from genmo.training.retrieval.data import Clip

COUNT = 40


class Oracle:
    """Reads the number of the clip, and its side, from the features and from the text; `sides` False ignores sides."""

    def __init__(self, *, sides: bool = True) -> None:
        self._sides = sides

    def features(self, motions: Sequence[np.ndarray]) -> np.ndarray:
        return np.stack([self._vector(abs(motion[1, 0]), motion[1, 0] > 0) for motion in motions])

    def text(self, texts: Sequence[str], encoder: None) -> np.ndarray:
        return np.stack([self._vector(float(text.split()[-1]), "right" not in text) for text in texts])

    def _vector(self, number: float, left: bool) -> np.ndarray:
        vector = np.zeros(2 * COUNT + 2)
        vector[2 * round(number) + (0 if left or not self._sides else 1)] = 1.0
        return vector


def clips() -> list[Clip]:
    made = []
    for number in range(1, COUNT + 1):
        motion = np.zeros((3, features.WIDTH), np.float16)
        motion[:, 0] = number
        side = "left " if number % 4 == 0 else ""
        made.append(Clip(str(number), motion, (f"turn {side}{number}",), ()))
    return made


def test_a_model_that_knows_everything_finds_everything() -> None:
    found = retrieval_numbers(Oracle(), clips(), None, "originals")
    assert found["clips"] == COUNT
    for direction in ("text_to_motion", "motion_to_text"):
        assert all(found[direction][key] == 1.0 for key in ("r1_of32", "r3_of32", "r1_all", "r10_all", "median_rank"))
    assert (found["left_right"], found["left_right_pairs"]) == (1.0, COUNT // 4)


def test_a_model_that_ignores_sides_tells_none_apart() -> None:
    assert left_right(Oracle(sides=False), clips(), None, "originals") == (0.0, COUNT // 4)


def test_clips_without_such_captions_are_left_out() -> None:
    assert left_right(Oracle(), clips(), None, "written") == (0.0, 0)
    with pytest.raises(ValueError, match="no clip"):
        retrieval_numbers(Oracle(), clips(), None, "written")
