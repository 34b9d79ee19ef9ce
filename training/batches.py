"""Endless batches of samples, drawn in the training process or by worker processes."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from genmo.runtime.features import LAYOUT
from genmo.training.captions import CaptionBank
from genmo.training.config import TrainConfig
from genmo.training.dataset import Sequence, Statistics, load_sequences
from genmo.training.events import all_texts
from genmo.training.tasks import Sample, TaskSampler

Batch = dict[str, Tensor]

STACKED: Final = ("target", "conditions", "references", "joints", "path", "valid", "measured", "window", "filmed")
"""Arrays of a `Sample` that a batch holds under the same name, with the batch first."""


class Batches(IterableDataset[Batch]):
    """Draws batches for ever; each worker process is a `TaskSampler` with a seed of its own.

    Workers are forked where the system can do that well (Linux): they read the clips in the memory of the training
    process, nothing is copied. Elsewhere each worker loads them again from the cache folder.
    """

    def __init__(
        self, sequences: list[Sequence], statistics: Statistics, bank: CaptionBank, config: TrainConfig,
        origin: tuple[int, ...], cache: Path,
    ) -> None:  # fmt: skip
        """Keep what a worker needs.

        Args:
            sequences: clips of the train split.
            statistics: of the features.
            bank: captions; a batch holds their rows.
            config: batch size, frames, dropout, shares.
            origin: numbers that seed the samples, beside the worker's own.
            cache: folder where `load_sequences` left the clips.
        """
        self._sequences: list[Sequence] | None = sequences
        self._statistics, self._config, self._origin, self._cache = statistics, config, origin, cache
        texts = sorted(set(all_texts(sequences)))
        self._rows = {"": -1, **dict(zip(texts, bank.rows(texts).tolist(), strict=True))}

    def __getstate__(self) -> dict[str, Any]:
        """State without the clips, for systems that cannot fork."""
        return {**self.__dict__, "_sequences": None}

    def __iter__(self) -> Iterator[Batch]:
        """Yield batches: STACKED, `caption` (B,) rows of the bank or -1, `regression` (B,) share of its task."""
        if self._sequences is None:
            self._sequences = load_sequences(self._cache, "train", self._cache)
        worker = get_worker_info()
        rng = np.random.default_rng([*self._origin, 0 if worker is None else worker.id])
        end = LAYOUT["root_height"].stop
        tasks = TaskSampler(
            self._sequences, self._config.frames, self._statistics.mean[:end], self._statistics.std[:end], rng,
            text_dropout=self._config.text_dropout, tasks=self._config.tasks,
        )  # fmt: skip
        while True:
            yield self._collate([tasks.draw() for _ in range(self._config.batch)])

    def _collate(self, samples: list[Sample]) -> Batch:
        batch = {name: torch.from_numpy(np.stack([getattr(each, name) for each in samples])) for name in STACKED}
        batch["caption"] = torch.tensor([self._rows[each.caption] for each in samples])
        shares = self._config.regression_shares
        batch["regression"] = torch.tensor([shares.get(each.task, 0.0) for each in samples])
        return batch


def open_stream(batches: Batches, workers: int, device: torch.device) -> Iterator[Batch]:
    """Start drawing: batches on the CPU, in pinned memory when they are meant for a GPU.

    Args:
        batches: what to draw.
        workers: processes, 0 to draw in this one.
        device: where the batches will go.
    """
    context = None
    if workers:
        context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    loader = DataLoader(
        batches, batch_size=None, num_workers=workers, pin_memory=device.type == "cuda",
        multiprocessing_context=context, worker_init_fn=_apart,
    )  # fmt: skip
    return iter(loader)


def _apart(_worker: int) -> None:
    """Leave signals to the whole group (`timeout`, Ctrl-C, torchrun) to the training process: it ends its workers."""
    if hasattr(os, "setsid"):
        os.setsid()
