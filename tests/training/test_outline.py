"""The outline learns what happens when in a sentence, and the coarse network follows it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from genmo.runtime.cues import CUES, cue_channels, no_cues
from genmo.runtime.features import LAYOUT
from genmo.tests.training.ranks import CONFIG, data, write_data
from genmo.training import outline
from genmo.training.captions import CaptionBank
from genmo.training.config import NetworkConfig
from genmo.training.dataset import Sequence, Statistics
from genmo.training.network import Denoiser
from genmo.training.outline import Moments, Outline, outline_span, spans
from genmo.training.train import Trainer

COARSE = dataclasses.replace(CONFIG, network=dataclasses.replace(CONFIG.network, stride=4), lowest_step=600)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Sequence], CaptionBank]:
    folder = tmp_path_factory.mktemp("archive")
    write_data(folder)
    return data(folder)


def moments(loaded: tuple[list[Sequence], CaptionBank]) -> Moments:
    statistics = Statistics.of(loaded[0])
    return Moments(*loaded, statistics.mean, statistics.std)


def test_the_time_is_told_as_the_runtime_tells_it() -> None:
    cues = no_cues(400)
    cues.since_start[50:] = np.arange(350)
    channels = np.zeros((400, CUES.width))
    cue_channels(cues, 30.0, channels)
    expected = outline_span(torch.from_numpy(channels)).numpy()
    since = np.maximum(np.arange(400) - 50, 0)
    np.testing.assert_allclose(spans(since, np.arange(400) >= 50), expected, atol=1e-6)


def test_moments_are_frames_of_the_clips_with_their_sentences(loaded: tuple[list[Sequence], CaptionBank]) -> None:
    drawn = moments(loaded)
    said, span, features, measured = drawn.draw(64, np.random.default_rng(0))
    assert [len(each) for each in (said, span, features, measured)] == [64] * 4
    assert features.shape[1] == LAYOUT.width
    assert not features[:, LAYOUT["heading"]].any()
    assert set(span[:, 0].tolist()) == {0.0, 1.0}
    assert not span[span[:, 0] == 0].any()
    bank = loaded[1]
    known = bank.tokens.astype(np.float32).sum(1) / bank.lengths[:, None]
    distances = np.linalg.norm(said.numpy()[:, None] - known[None], axis=-1)
    assert distances.min(axis=1).max() < 1e-4


def test_it_learns_what_happens_in_the_course_of_a_sentence(loaded: tuple[list[Sequence], CaptionBank]) -> None:
    rising = []
    for item in loaded[0]:
        root = item.root.copy()
        root[:, 1] = 0.5 + 0.005 * np.arange(len(root))
        rising.append(dataclasses.replace(item, root=root))
    statistics = Statistics.of(rising)
    drawn = Moments(rising, loaded[1], statistics.mean, statistics.std)
    trained = outline.train(drawn, loaded[1].tokens.shape[-1], steps=120, batch=128)
    said, *_ = drawn.draw(3, np.random.default_rng(9))
    times = np.array([5, 50, 100])
    with torch.no_grad():
        made = trained(said[:1].repeat(3, 1), torch.from_numpy(spans(times, np.ones(3, bool)))).numpy()
    heights = made * statistics.std + statistics.mean
    np.testing.assert_allclose(heights[:, LAYOUT["root_height"]][:, 0], 0.5 + 0.005 * times, atol=0.06)


def test_a_coarse_network_reads_the_outline_where_a_sentence_applies() -> None:
    torch.manual_seed(4)
    network = Denoiser(NetworkConfig(width=32, layers=2, heads=2, lifter_width=16, text_width=8, stride=4))
    said, reads = torch.randn(2, 64, 8), torch.zeros(2, 64, 1)
    reads[0, :32] = 1.0
    conditions = torch.zeros(2, 64, network.config.conditions)
    outlined = network._outlined(said, reads, conditions)
    assert outlined.shape == (2, 64, LAYOUT.width)
    assert outlined[0, :32].abs().min(-1).values.max() > 0
    assert not outlined[0, 32:].any() and not outlined[1].any()
    assert not any(parameter.requires_grad for parameter in network.outline.parameters())


def test_a_coarse_run_takes_the_outline_of_its_folder_and_keeps_it(
    loaded: tuple[list[Sequence], CaptionBank], tmp_path: Path
) -> None:
    torch.manual_seed(6)
    ready = Outline(COARSE.network.text_width)
    torch.save({"outline": ready.state_dict()}, tmp_path / outline.OUTLINE)
    trainer = Trainer(COARSE, *loaded, tmp_path)
    losses = [trainer.advance()[0].item() for _ in range(40)]
    assert np.mean(losses[-8:]) < np.mean(losses[:8])
    trainer.save()
    (tmp_path / outline.OUTLINE).unlink()
    resumed = Trainer(COARSE, *loaded, tmp_path)
    for name, value in ready.state_dict().items():
        torch.testing.assert_close(resumed.network.outline.state_dict()[name], value)
    saved = torch.load(tmp_path / "model.pt", weights_only=True)["network"]
    Denoiser(COARSE.network).load_state_dict(saved)


def test_a_coarse_run_begins_with_the_weights_of_a_fine_one(
    loaded: tuple[list[Sequence], CaptionBank], tmp_path: Path
) -> None:
    fine, coarse = tmp_path / "fine", tmp_path / "coarse"
    for folder in (fine, coarse):
        folder.mkdir()
    first = Trainer(CONFIG, *loaded, fine)
    for _ in range(3):
        first.advance()
    first.save()
    begun = Trainer(COARSE, *loaded, coarse, begin=fine)
    saved = torch.load(fine / "model.pt", weights_only=True)
    own = begun.weights.state(begun.weights.master)
    torch.testing.assert_close(own["trunk.layers.0.expand.weight"], saved["network"]["trunk.layers.0.expand.weight"])
    assert begun.step == 0
    begun.advance()
    begun.save()
    resumed = Trainer(COARSE, *loaded, coarse, begin=fine)
    assert resumed.step == 1
    torch.testing.assert_close(resumed.weights.master, begun.weights.master)
