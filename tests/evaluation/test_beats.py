"""Beat alignment against sums that are done by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from genmo.evaluation.beats import SIGMA, beat_alignment, beat_closeness
from genmo.runtime.media.music import BEATS, WIDTH


def onehot(frames: list[int], count: int = 100) -> np.ndarray:
    beats = np.zeros(count, dtype=bool)
    beats[frames] = True
    return beats


def test_closeness_is_the_published_sum() -> None:
    """AIST++: (1 / m) sum of exp(-min |t - t'|^2 / (2 sigma^2)) with sigma = 3."""
    first, second = onehot([10, 40, 70]), onehot([10, 43, 90])
    assert SIGMA == 3.0
    assert beat_closeness(first, second) == pytest.approx((1.0 + math.exp(-0.5) + math.exp(-200.0 / 9.0)) / 3.0)
    assert beat_closeness(second, first) == pytest.approx((1.0 + math.exp(-0.5) + math.exp(-200.0 / 9.0)) / 3.0)


def test_each_average_forgives_the_other_side_its_spare_beats() -> None:
    few, many = onehot([30]), onehot(list(range(0, 100, 10)))
    assert beat_closeness(few, many) == 1.0
    assert beat_closeness(many, few) == pytest.approx(0.1, abs=0.002)


def test_the_nearest_beat_counts_on_either_side() -> None:
    for other in ([44, 50], [50, 56], [44, 50, 56]):
        assert beat_closeness(onehot([47]), onehot(other)) == pytest.approx(math.exp(-0.5))
        assert beat_closeness(onehot([53]), onehot(other)) == pytest.approx(math.exp(-0.5))


def test_sigma_is_in_frames() -> None:
    assert beat_closeness(onehot([10]), onehot([16]), sigma=6.0) == pytest.approx(math.exp(-0.5))


def test_without_beats_there_is_no_alignment() -> None:
    assert beat_closeness(onehot([]), onehot([5])) == 0.0
    assert beat_closeness(onehot([5]), onehot([])) == 0.0


def test_different_lengths_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="must both be"):
        beat_closeness(onehot([1], 10), onehot([1], 11))
    with pytest.raises(ValueError, match="must both be"):
        beat_alignment(np.zeros((10, 22, 3)), np.zeros((11, WIDTH)), 30.0)


def swaying(frames: int, period: int, start: int) -> np.ndarray:
    """Still on frames start, start + period, ..."""
    joints = np.zeros((frames, 22, 3))
    joints[..., 1] = 0.2 * np.cos(np.pi * (np.arange(frames)[:, None] - start) / period)
    return joints


def test_a_dance_on_the_beat_scores_one_and_off_the_beat_little() -> None:
    music = np.zeros((181, WIDTH), np.float32)
    music[8::15, BEATS] = 1.0
    on = beat_alignment(swaying(181, 15, 8), music, 30.0)
    assert on["beat_align_music"] == pytest.approx(1.0)
    assert on["beat_align_motion"] == pytest.approx(1.0)
    assert on["motion_beats"] == on["music_beats"] == 12.0
    off = beat_alignment(swaying(181, 15, 15), music, 30.0)
    assert off["beat_align_music"] == pytest.approx(math.exp(-49.0 / 18.0), abs=0.02)
    assert off["beat_align_motion"] == pytest.approx(math.exp(-49.0 / 18.0), abs=0.02)


def test_dancing_every_second_beat_halves_one_of_the_scores() -> None:
    music = np.zeros((241, WIDTH), np.float32)
    music[15:240:15, BEATS] = 1.0
    scores = beat_alignment(swaying(241, 30, 0), music, 30.0)
    assert scores["beat_align_motion"] == pytest.approx(1.0)
    assert scores["beat_align_music"] == pytest.approx(7.0 / 15.0, abs=0.01)
