"""Two processes under torchrun train one network: the mean of their gradients is that of the joined batch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from genmo.tests.training.ranks import CONFIG, STEPS, data, write_data
from genmo.training.team import choose_device
from genmo.training.train import Trainer


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which two processes have trained."""
    folder = tmp_path_factory.mktemp("team")
    write_data(folder)
    (folder / "run").mkdir()
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2",
               "-m", "genmo.tests.training.ranks", str(folder)]  # fmt: skip
    done = subprocess.run(
        command, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def told(folder: Path) -> list[dict[str, Any]]:
    return [torch.load(folder / f"rank{rank}.pt", weights_only=True) for rank in range(2)]


def test_all_processes_hold_the_same_weights(told: list[dict[str, Any]]) -> None:
    assert [each["size"] for each in told] == [2, 2]
    assert torch.equal(told[0]["start"], told[1]["start"])
    assert torch.equal(told[0]["end"], told[1]["end"])
    assert not torch.equal(told[0]["start"], told[0]["end"])


def test_processes_draw_different_samples_and_noise(told: list[dict[str, Any]]) -> None:
    for name in ("clean", "noisy", "conditions"):
        assert not torch.equal(told[0]["inputs"][name], told[1]["inputs"][name]), name


def test_the_mean_gradient_is_that_of_the_joined_batch(folder: Path, told: list[dict[str, Any]]) -> None:
    joined = {name: torch.cat([each["inputs"][name] for each in told]) for name in told[0]["inputs"]}
    assert joined["valid"].all()  # else each process would weigh its frames by another mean
    sequences, bank = data(folder)
    alone = Trainer(CONFIG, sequences, bank, folder / "alone")
    torch.testing.assert_close(alone.weights.master, told[0]["start"], rtol=0, atol=0)
    alone.differentiate(joined)
    expected = alone.weights.gradient.clone()
    assert torch.equal(told[0]["gradient"], told[1]["gradient"])
    # The trunk computes in bfloat16, which keeps 8 bits: sums in another order differ by as much.
    assert (told[0]["gradient"] - expected).norm() < 0.01 * expected.norm()
    own = alone_gradient(alone, told[0]["inputs"])
    assert (own - expected).norm() > 0.1 * expected.norm()  # one process alone has another one


def alone_gradient(trainer: Trainer, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    trainer.weights.spread()
    trainer.differentiate(inputs)
    return trainer.weights.gradient.clone()


def test_the_clock_of_the_first_counts_and_any_may_stop(told: list[dict[str, Any]]) -> None:
    assert [tuple(each["clock"]) for each in told] == [(100.0, True)] * 2


def test_one_process_goes_on_where_two_stopped(folder: Path, told: list[dict[str, Any]]) -> None:
    sequences, bank = data(folder)
    trainer = Trainer(CONFIG, sequences, bank, folder / "run")
    assert trainer.step == STEPS
    assert torch.equal(trainer.weights.master, told[0]["end"])
    trainer.advance()
    assert torch.isfinite(trainer.weights.master).all()


def test_devices_are_chosen_by_name() -> None:
    assert choose_device("cpu") == torch.device("cpu")
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert choose_device("auto").type == expected
    with pytest.raises(ValueError, match="needs a GPU of its own"):
        choose_device("cuda", local_rank=torch.cuda.device_count())
