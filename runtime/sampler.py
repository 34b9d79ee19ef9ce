"""The denoising loop: deterministic DDIM over few steps, guidance on text and music, projection of every estimate.

Schedule and update: genmo.md section 6 (cosine schedule of 1000 steps, x0-prediction, eta 0). Each estimate of the
clean motion goes through `refine`, which puts the constraints exactly (DESIGN section 5); the next step then starts
from the corrected estimate, so that the rest of the body follows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from .errors import CancelledError

Float = NDArray[np.float32]
TRAINING_STEPS: Final = 1000


class Denoise(Protocol):
    """Estimates clean features (T, F) of noisy ones at a training step."""

    def __call__(self, noisy: Float, step: int, *, told: bool) -> Float:
        """Return the estimate; `told=False` hides prompts and music, which guidance amplifies."""
        ...


def alphas_bar() -> NDArray[np.float64]:
    """(1000,) cumulative share of the signal: the published betas, multiplied up."""
    grid = (np.arange(TRAINING_STEPS + 1) / TRAINING_STEPS + 0.008) / 1.008 * np.pi / 2
    smooth = np.cos(grid) ** 2
    betas = np.minimum(1.0 - smooth[1:] / smooth[:-1], 0.999)
    return np.cumprod(1.0 - betas, dtype=np.float64)


def timesteps(count: int) -> NDArray[np.int64]:
    """(count,) training steps from 999 down to 0, evenly spaced and rounded; one step is 999 alone."""
    if count < 1:
        raise ValueError("a sampler needs at least one step")
    return np.round(np.linspace(TRAINING_STEPS - 1, 0, count)).astype(np.int64)


def regress(denoise: Denoise, frames: int, width: int) -> Float:
    """The estimate (T, F) of one evaluation without noise: what the conditions alone say (genmo.md section 6)."""
    return denoise(np.zeros((frames, width), np.float32), TRAINING_STEPS - 1, told=True)


def sample(
    denoise: Denoise,
    noise: Float,
    *,
    steps: int,
    guidance: float,
    refine: Callable[[Float], Float],
    on_step: Callable[[int], None],
    should_stop: Callable[[], bool],
) -> Float:
    """Clean features from noise.

    Args:
        denoise: the network.
        noise: (T, F) standard normal.
        steps: network evaluations (twice that with guidance).
        guidance: weight of prompts and music; 1 evaluates the network once a step.
        refine: puts the constraints into an estimate (T, F).
        on_step: called with the number of finished steps.
        should_stop: asked before every evaluation.

    Returns:
        (T, F): the refined estimate of the last step.

    Raises:
        CancelledError: when `should_stop` answers yes.
    """
    shares = alphas_bar()
    schedule = timesteps(steps)
    x, estimate = noise, noise
    for done, step in enumerate(schedule):
        estimate = refine(_guided(denoise, x, int(step), guidance, should_stop))
        if done + 1 < steps:
            share, following = shares[step], shares[schedule[done + 1]]
            error = (x - np.sqrt(share) * estimate) / np.sqrt(1.0 - share)
            x = (np.sqrt(following) * estimate + np.sqrt(1.0 - following) * error).astype(np.float32)
        on_step(done + 1)
    return estimate


def _guided(denoise: Denoise, x: Float, step: int, guidance: float, should_stop: Callable[[], bool]) -> Float:
    """Guided estimate u + guidance (c - u): the one that is told of prompts and music, pushed away from the other."""
    if should_stop():
        raise CancelledError("stopped")
    told = denoise(x, step, told=True)
    if guidance == 1.0:
        return told
    if should_stop():
        raise CancelledError("stopped")
    untold = denoise(x, step, told=False)
    return (untold + guidance * (told - untold)).astype(np.float32)
