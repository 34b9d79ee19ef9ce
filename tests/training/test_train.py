"""Training runs from an archive to a checkpoint: losses fall, runs resume, workers draw, signals end a run well."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from genmo.runtime.base_model import BLOCKED
from genmo.tests.training.ranks import CONFIG, data, write_data
from genmo.training.batches import STACKED, Batches, open_stream
from genmo.training.captions import CaptionBank
from genmo.training.config import NetworkConfig, TrainConfig
from genmo.training.curves import read_curves
from genmo.training.dataset import Sequence, Statistics
from genmo.training.network import Denoiser, attend
from genmo.training.team import Team
from genmo.training.train import COLUMNS, Trainer, main

CONFIGS = Path(__file__).resolve().parents[2] / "training" / "configs"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    write_data(folder)
    return folder


@pytest.fixture(scope="module")
def loaded(folder: Path) -> tuple[list[Sequence], CaptionBank]:
    return data(folder)


def test_losses_fall_and_the_run_resumes(loaded: tuple[list[Sequence], CaptionBank], tmp_path: Path) -> None:
    trainer = Trainer(CONFIG, *loaded, tmp_path)
    first = [trainer.advance()[0].item() for _ in range(60)]
    assert np.mean(first[-8:]) < 0.7 * np.mean(first[:8])
    trainer.save()
    resumed = Trainer(CONFIG, *loaded, tmp_path)
    assert resumed.step == 60
    torch.testing.assert_close(resumed.weights.master, trainer.weights.master)
    assert np.mean([resumed.advance()[0].item() for _ in range(8)]) < np.mean(first[:8])
    state = torch.load(tmp_path / "model.pt", weights_only=True)
    assert TrainConfig.from_json(state["config"]) == CONFIG


def test_a_restart_draws_other_samples(loaded: tuple[list[Sequence], CaptionBank], tmp_path: Path) -> None:
    trainer = Trainer(CONFIG, *loaded, tmp_path)
    begun = next(trainer._stream)["target"]
    trainer.step = 7
    trainer.save()
    assert not torch.equal(next(Trainer(CONFIG, *loaded, tmp_path)._stream)["target"], begun)


def test_a_run_ends_with_its_clock_and_writes_its_log(
    loaded: tuple[list[Sequence], CaptionBank], tmp_path: Path
) -> None:
    config = dataclasses.replace(CONFIG, batch=1, network=NetworkConfig(width=8, layers=1, heads=1, text_width=16))
    trainer = Trainer(config, *loaded, tmp_path)
    trainer.run(lambda: trainer.step >= 100)
    assert (trainer.step, trainer.seconds > 0.0) == (100, True)
    header, row = (tmp_path / "losses.csv").read_text().splitlines()
    assert header == ",".join(COLUMNS)
    assert row.startswith("100,")
    (rate,) = read_curves(tmp_path / "losses.csv").values["learning_rate"]
    assert 0.0 < rate <= config.learning_rate
    over = Trainer(dataclasses.replace(config, minutes=trainer.seconds / 120.0), *loaded, tmp_path)
    over.run()
    assert over.step == 100  # the clock counts over restarts


def batches(loaded: tuple[list[Sequence], CaptionBank], folder: Path, origin: tuple[int, ...] = (0, 0, 0)) -> Batches:
    sequences, bank = loaded
    return Batches(sequences, Statistics.of(sequences), bank, CONFIG, origin, folder / "cache")


def test_batches_are_tensors_of_all_a_step_reads(loaded: tuple[list[Sequence], CaptionBank], folder: Path) -> None:
    batch = next(iter(batches(loaded, folder)))
    assert set(batch) == {*STACKED, "caption", "regression"}
    assert {len(value) for value in batch.values()} == {CONFIG.batch}
    assert all(isinstance(value, torch.Tensor) for value in batch.values())
    shares = set(CONFIG.regression_shares.values()) | {0.0}
    assert {round(share, 4) for share in batch["regression"].tolist()} <= shares


def test_workers_draw_samples_of_their_own(loaded: tuple[list[Sequence], CaptionBank], folder: Path) -> None:
    stream = open_stream(batches(loaded, folder), 2, torch.device("cpu"))
    drawn = [next(stream)["target"] for _ in range(4)]
    for first in range(4):
        for second in range(first):
            assert not torch.equal(drawn[first], drawn[second])
    alone = next(open_stream(batches(loaded, folder), 0, torch.device("cpu")))
    assert torch.equal(alone["target"], drawn[0])  # the first worker draws what a process alone would
    other = next(iter(batches(loaded, folder, origin=(0, 0, 1))))
    assert not torch.equal(other["target"], drawn[0])


def test_a_copy_for_another_process_reads_the_clips_again(
    loaded: tuple[list[Sequence], CaptionBank], folder: Path
) -> None:
    original = batches(loaded, folder)
    copied = Batches.__new__(Batches)
    copied.__dict__.update(original.__getstate__())
    assert copied._sequences is None
    assert torch.equal(next(iter(copied))["target"], next(iter(original))["target"])


def test_a_terminated_run_saves_what_it_has(folder: Path, tmp_path: Path) -> None:
    script = (
        "from genmo.training import train\n"
        "from genmo.tests.training.ranks import RandomEncoder\n"
        "train.open_encoder = lambda folder: RandomEncoder()\n"
        "train.REPORT_STEPS = 1\n"
        "train.main()"
    )
    (tmp_path / "config.json").write_text(dataclasses.replace(CONFIG, workers=1).to_json())
    options = ["--data", folder, "--out", tmp_path, "--text-encoder", folder, "--config", tmp_path / "config.json"]
    process = subprocess.Popen(
        [sys.executable, "-c", script, *map(str, options), "--device", "cpu"], start_new_session=True,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    log = tmp_path / "losses.csv"
    end = time.monotonic() + 240.0
    while process.poll() is None and time.monotonic() < end:
        if log.exists() and log.read_text().count("\n") > 2:
            break
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGTERM)  # the whole group, workers too, as `timeout` does
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors.decode()
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["step"] >= 2


def test_configurations_survive_json_and_refuse_unknown_keys() -> None:
    changed = dataclasses.replace(CONFIG, batch=7)
    assert TrainConfig.from_json(changed.to_json()) == changed
    with pytest.raises(TypeError, match="bach"):
        TrainConfig.from_json('{"bach": 7}')


def test_the_configuration_for_a_gpu_has_the_size_it_promises() -> None:
    config = TrainConfig.load(CONFIGS / "gpu.json")
    assert config.workers > 0
    assert config.network.width % config.network.heads == 0
    with torch.device("meta"):
        weights = sum(value.numel() for value in Denoiser(config.network).parameters())
    assert 25e6 < weights < 30e6


def test_a_step_leaves_nothing_on_the_cpu(
    loaded: tuple[list[Sequence], CaptionBank], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On torch's device without memory: a tensor that is made on the CPU inside a step is an error there."""
    plain = torch.optim.AdamW
    monkeypatch.setattr(torch.optim, "AdamW", lambda weights, *, fused, **options: plain(weights, **options))
    trainer = Trainer(CONFIG, *loaded, tmp_path, Team(torch.device("meta")))
    assert trainer.advance().device.type == "meta"
    assert {value.device.type for value in trainer.network.parameters()} == {"meta"}
    trainer._table = trainer._table.new_ones(1000, device="cpu")
    with pytest.raises(RuntimeError, match="device"):
        trainer.advance()


def test_attention_on_a_gpu_is_the_fused_call_and_gives_the_written_out_numbers() -> None:
    torch.manual_seed(0)
    query, key, value = torch.randn(3, 2, 4, 12, 8)
    bias = torch.where(torch.rand(2, 1, 12, 12) < 0.3, BLOCKED, 0.0)
    fused = torch.nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
    torch.testing.assert_close(attend(query, key, value, bias), fused, rtol=1e-4, atol=1e-5)
    with FakeTensorMode():  # shapes and types of a GPU, without one
        query = torch.zeros(2, 4, 128, 64, dtype=torch.bfloat16, device="cuda:0")
        text = torch.zeros(2, 4, 25, 64, dtype=torch.bfloat16, device="cuda:0")
        for other in (query, text):
            bias = torch.zeros(2, 1, 128, other.shape[2], device="cuda:0")
            mixed = attend(query, other, other, bias)
            assert (mixed.shape, mixed.dtype, mixed.device) == (query.shape, query.dtype, query.device)


def test_a_gpu_that_is_not_there_is_one_sentence(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    options = ["--data", folder, "--out", tmp_path / "run", "--text-encoder", folder, "--device", "cuda"]
    with pytest.raises(SystemExit, match="needs a GPU of its own, torch sees 0"):
        main([str(option) for option in options])
    assert not (tmp_path / "run").exists()
