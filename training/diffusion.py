"""The cosine noise schedule (genmo.md section 6)."""

from __future__ import annotations

import torch
from torch import Tensor

from genmo.runtime.sampler import alphas_bar


def alpha_table() -> Tensor:
    """(1000,) cumulative signal share by step, the runtime's own table."""
    return torch.from_numpy(alphas_bar()).float()


def add_noise(clean: Tensor, step: Tensor, noise: Tensor, table: Tensor) -> Tensor:
    """x_t of clean features (B, T, F) at steps (B,)."""
    share = table[step][:, None, None]
    return share.sqrt() * clean + (1.0 - share).sqrt() * noise
