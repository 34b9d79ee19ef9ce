"""The processes of one training run: one alone, or those that torchrun started, each with its own device."""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, distributed

Made = TypeVar("Made")

_PATIENCE = datetime.timedelta(hours=2)
"""How long the others wait while the first process prepares the data."""


def choose_device(name: str, local_rank: int = 0) -> torch.device:
    """The device called "auto", "cpu" or "cuda"; "auto" is the GPU when there is one.

    Args:
        name: what the user asks for.
        local_rank: number of this process on its machine, which takes the GPU of that number.

    Raises:
        ValueError: "cuda" without a GPU that torch can use, or fewer GPUs than processes.
    """
    if name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    if local_rank >= torch.cuda.device_count():
        raise ValueError(f"process {local_rank} needs a GPU of its own, torch sees {torch.cuda.device_count()}")
    return torch.device("cuda", local_rank)


class Team:
    """What the processes of a run tell each other.

    Attributes:
        rank: number of this process; 0 writes logs and checkpoints, and its clock counts.
        size: number of processes.
        device: of this process.
    """

    def __init__(self, device: torch.device, rank: int = 0, size: int = 1) -> None:
        """Describe this process; `join` does it from the environment."""
        self.device, self.rank, self.size = device, rank, size

    @staticmethod
    def join(device: str) -> Team:
        """The team that torchrun describes in the environment, or a team of one; see `choose_device`."""
        size = int(os.environ.get("WORLD_SIZE", "1"))
        chosen = choose_device(device, int(os.environ.get("LOCAL_RANK", "0")))
        if chosen.type == "cuda":
            torch.cuda.set_device(chosen)
        if size == 1:
            return Team(chosen)
        # Clocks travel between CPUs, gradients between GPUs.
        backend = "gloo" if chosen.type == "cpu" else "cpu:gloo,cuda:nccl"
        distributed.init_process_group(backend, timeout=_PATIENCE)
        return Team(chosen, distributed.get_rank(), size)

    def leave(self) -> None:
        """Close the connections."""
        if self.size > 1:
            distributed.destroy_process_group()

    def average(self, values: Tensor) -> None:
        """Replace `values`, in place, by their mean over all processes."""
        if self.size > 1:
            distributed.all_reduce(values)
            values.div_(self.size)

    def agree(self, seconds: float, *, stop: bool) -> tuple[float, bool]:
        """Seconds of rank 0, and whether any process wants to stop: the same answer for all."""
        if self.size == 1:
            return seconds, stop
        told = torch.tensor([seconds if self.rank == 0 else 0.0, float(stop)], dtype=torch.float64)
        distributed.all_reduce(told, distributed.ReduceOp.MAX)
        return told[0].item(), bool(told[1].item())

    def first_alone(self, make: Callable[[], Made]) -> Made:
        """Call `make` on rank 0, then on all others: what it leaves on the disk is made once."""
        if self.rank == 0:
            made = make()
            self.agree(0.0, stop=False)
            return made
        self.agree(0.0, stop=False)
        return make()
