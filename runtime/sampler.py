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


def timesteps(count: int, shift: float = 1.0) -> NDArray[np.int64]:
    """Training steps from 999 down to 0; one step is 999 alone.

    Frames are so alike that the course of a motion is decided at the noisy end: a shift above 1 puts more of the steps
    there (s u / (1 + (s - 1) u) of evenly spaced u, Esser et al., ICML 2024).

    Args:
        count: of the steps.
        shift: 1 spaces them evenly.

    Returns:
        (count,) rounded.
    """
    if count < 1:
        raise ValueError("a sampler needs at least one step")
    even = np.linspace(1.0, 0.0, count)
    return np.round((TRAINING_STEPS - 1) * shift * even / (1.0 + (shift - 1.0) * even)).astype(np.int64)


def partial_timesteps(count: int, level: float, shift: float = 1.0) -> NDArray[np.int64]:
    """Training steps from `level` of the schedule down to 0, about as far apart as `count` steps of all of it."""
    highest = level / (shift - (shift - 1.0) * level)  # the even number that is shifted to `level`
    even = np.linspace(highest, 0.0, max(2, int(np.ceil(count * highest))))
    steps = (TRAINING_STEPS - 1) * shift * even / (1.0 + (shift - 1.0) * even)
    return np.unique(np.round(steps).astype(np.int64))[::-1]


def variation(strength: float) -> tuple[float, float]:
    """How a motion is varied so that it changes evenly with the strength (measured, docs/modes.md).

    Returns:
        The level to which the motion is noised, and the share of the change that is kept: even a little noise costs
        what the network does not reproduce, some centimetres.
    """
    return 1.0 - (1.0 - strength) ** 2, min(1.0, 2.5 * strength)


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
    initial: Float | None = None,
    level: float = 1.0,
    shift: float = 1.0,
    guided_below: int = TRAINING_STEPS,
    step_on: Callable[[Float, Float, float, float], Float] | None = None,
) -> Float:
    """Clean features from noise, or from features that are noised in part.

    Args:
        denoise: the network.
        noise: (T, F) standard normal.
        steps: network evaluations (twice that with guidance).
        guidance: weight of prompts and music; 1 evaluates the network once a step.
        guided_below: first step without guidance.
        refine: puts the constraints into an estimate (T, F).
        on_step: called with the number of finished steps.
        should_stop: asked before every evaluation.
        initial: (T, F) features to stay close to, None for noise alone (SDEdit, Meng et al. 2022).
        level: above 0 and at most 1, how far along the schedule they are noised.
        shift: of the steps, see `timesteps`.
        step_on: how noisy features go on, None for `stepped`.

    Returns:
        (T, F): the refined estimate of the last step.

    Raises:
        CancelledError: when `should_stop` answers yes.
    """
    shares = alphas_bar()
    schedule = timesteps(steps, shift) if initial is None else partial_timesteps(steps, level, shift)
    x, estimate = noise, noise
    if initial is not None:
        share = shares[schedule[0]]
        x = (np.sqrt(share) * initial + np.sqrt(1.0 - share) * noise).astype(np.float32)
    for done, step in enumerate(schedule):
        scale = guidance if step < guided_below else 1.0
        estimate = refine(_guided(denoise, x, int(step), scale, should_stop))
        if done + 1 < len(schedule):
            x = (step_on or stepped)(x, estimate, float(shares[step]), float(shares[schedule[done + 1]]))
        on_step(done + 1)
    return estimate


def stepped(x: Float, estimate: Float, share: float, following: float) -> Float:
    """The noisy features (T, F) one step on: from a share of the signal `share` to `following`."""
    error = (x - np.sqrt(share) * estimate) / np.sqrt(1.0 - share)
    return (np.sqrt(following) * estimate + np.sqrt(1.0 - following) * error).astype(np.float32)


def stepped_as_published(x: Float, estimate: Float, share: float, following: float) -> Float:
    """The same in the published order of float32 operations, whose rounding makes 1e-5 of the last steps."""
    back, scale = np.float32(np.sqrt(1.0 / share)), np.float32(np.sqrt(1.0 / share - 1.0))
    error = (back * x - estimate) / scale
    ahead = np.float32(following)
    return (estimate * np.sqrt(ahead) + np.sqrt(np.float32(1.0) - ahead) * error).astype(np.float32)


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
