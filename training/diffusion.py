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


def draw_steps(uniform: Tensor, shift: float, lowest: int, highest: int) -> Tensor:
    """Steps of the schedule for uniform numbers (B,), more of them at the noisy end.

    A motion is so alike from frame to frame that its course shows through noise that hides any single frame: what a
    text asks for is decided in the noisiest twentieth of the schedule. So the steps are shifted as for large images
    (Hoogeboom et al., "Simple diffusion", ICML 2023; in the form of Esser et al., ICML 2024: s u / (1 + (s - 1) u)).

    Args:
        uniform: 0..1.
        shift: 1 leaves them even.
        lowest: step that may be drawn.
        highest: likewise.

    Returns:
        (B,) integers from `lowest` to `highest`.
    """
    shifted = shift * uniform / (1.0 + (shift - 1.0) * uniform)
    return (lowest + shifted * (highest + 1 - lowest)).long().clamp_max(highest)
