"""Tasks hide what they say: samples are pieces of the data, and every kind of condition is drawn and flagged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from genmo.runtime import features
from genmo.runtime.conditioning import CONDITIONS
from genmo.tests.training.archives import made_up_clip, write_archive
from genmo.training.dataset import FPS, Sequence, Statistics, load_sequences
from genmo.training.tasks import TASKS, Sample, TaskSampler

FRAMES = 64


@pytest.fixture(scope="module")
def sequences(tmp_path_factory: pytest.TempPathFactory) -> list[Sequence]:
    folder: Path = tmp_path_factory.mktemp("archive")
    write_archive(folder, [made_up_clip(frames, seed) for seed, frames in enumerate((120, 120, 90, 40))])
    return load_sequences(folder, "train", folder / "cache")


@pytest.fixture(scope="module")
def drawn(sequences: list[Sequence]) -> list[Sample]:
    tasks = sampler(sequences)
    return [tasks.draw() for _ in range(400)]


def sampler(sequences: list[Sequence], seed: int = 0) -> TaskSampler:
    statistics = Statistics.of(sequences)
    rng = np.random.default_rng(seed)
    return TaskSampler(sequences, FRAMES, statistics.mean[:133], statistics.std[:133], rng, text_dropout=0.1)


def test_samples_are_pieces_of_the_data(drawn: list[Sample]) -> None:
    for sample in drawn[:40]:
        inside = slice(0, int(sample.valid.sum()))
        root, local, _ = features.decode(sample.target, sample.references, FPS)
        np.testing.assert_allclose(root[inside, 1], 0.87, atol=1e-4)
        steps = np.linalg.norm(np.diff(root[inside, ::2], axis=0), axis=1)
        np.testing.assert_allclose(steps, np.hypot(0.02, 0.01), atol=1e-4)
        assert np.isfinite(sample.conditions).all()
        assert np.isfinite(local).all()


def test_short_clips_are_padded_and_say_so(drawn: list[Sample]) -> None:
    lengths = {int(sample.valid.sum()) for sample in drawn}
    assert max(lengths) == FRAMES
    assert min(lengths) <= 40
    for sample in drawn:
        assert not sample.filmed[sample.valid == 0].any()


def test_every_task_is_drawn_as_often_as_it_says(drawn: list[Sample]) -> None:
    for task, share in TASKS.items():
        found = np.mean([sample.task == task for sample in drawn])
        assert found == pytest.approx(share, abs=0.08), task


def test_samples_cover_all_conditions(drawn: list[Sample]) -> None:
    known = np.stack([np.abs(sample.conditions).max(axis=0) for sample in drawn])
    for name in CONDITIONS.sizes:
        share = (known[:, CONDITIONS[name]].max(axis=1) > 0).mean()
        assert 0.02 < share < 0.99, name
    assert 0.2 < np.mean([sample.caption == "" for sample in drawn]) < 0.55
    assert any(0 < sample.window.sum() < FRAMES for sample in drawn)


def test_a_task_brings_its_own_conditions(drawn: list[Sample]) -> None:
    brings = {"video": "view", "reference": "reference", "music": "music"}
    for sample in drawn:
        for task, group in brings.items():
            assert sample.conditions[:, CONDITIONS[group]].any() == (sample.task == task), task
        assert sample.filmed.any() == (sample.task == "video")
        if sample.task == "text":
            assert not sample.conditions[:, CONDITIONS["pose_weight"]].any()


def test_the_same_seed_draws_the_same_and_another_seed_does_not(sequences: list[Sequence]) -> None:
    first, again, other = (sampler(sequences, seed) for seed in (3, 3, 4))
    for _ in range(5):
        one, two, three = first.draw(), again.draw(), other.draw()
        np.testing.assert_array_equal(one.conditions, two.conditions)
        assert not np.array_equal(one.target, three.target)
