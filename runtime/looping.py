"""Motions that close: time as a circle for the network, and a motion of one period that goes round.

One period of P frames is denoised as a circle: the network sees it with both ends continued by the other one, and what
it says of the same frame at both ends is faded over, so there is no seam. The headings of the features are periodic,
so a loop ends in the direction in which it began; the place may move on by a step from period to period. Constraints
and the clean-up of the feet see some periods in a row, of which the middle one is kept.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from .constraints import Constraints, no_constraints
from .loops import MIDDLE, PERIODS
from .sampler import Denoise

Number = TypeVar("Number", bound=np.generic)
Float = NDArray[np.float32]
Array = NDArray[np.float64]

_MARGIN: Final = 80
"""Frames by which the circle is continued at both ends: the reach of the attention and half of the fade."""
_FADE: Final = 16
"""Frames to each side of the seam over which what was said at both ends is faded over."""


class Circle:
    """P frames in a circle, seen as a stretch of frames that goes round beyond both ends."""

    def __init__(self, period: int) -> None:
        """Lay the circle of `period` frames out.

        Attributes:
            rows: (W,) frame of the circle at each place of the stretch.
        """
        self.period = period
        self.rows = np.arange(-_MARGIN, period + _MARGIN) % period
        fade = min(_FADE, period // 2)
        places = np.arange(-_MARGIN, period + _MARGIN) + 0.5
        rise = np.clip((places + fade) / (2.0 * fade), 0.0, 1.0)
        fall = np.clip((period + fade - places) / (2.0 * fade), 0.0, 1.0)
        self._weights = np.minimum(rise, fall)[:, None]

    def folded(self, values: NDArray[np.floating]) -> Float:
        """Values of the stretch (W, n) brought together on the circle (P, n)."""
        result = np.zeros((self.period, values.shape[1]))
        np.add.at(result, self.rows, self._weights * values)
        return result.astype(np.float32)


class CircularDenoiser:
    """A denoiser of the stretch as a denoiser of the circle; see `sampler.Denoise`."""

    def __init__(self, denoiser: Denoise, circle: Circle) -> None:
        """Keep both."""
        self._denoiser, self._circle = denoiser, circle

    def __call__(self, noisy: Float, step: int, *, told: bool) -> Float:
        """Estimate the clean features (P, F)."""
        return self._circle.folded(self._denoiser(noisy[self._circle.rows], step, told=told))


def periods(values: NDArray[Number]) -> NDArray[Number]:
    """(P, ...) repeated to (PERIODS P, ...)."""
    return np.concatenate([values] * PERIODS)


def step_of(constraints: Constraints, root: Array) -> Array:
    """How far (3,) a loop moves on in one period, height 0.

    Args:
        constraints: of P + 1 frames; places at both ends decide.
        root: (PERIODS P, 3) the estimate, which decides else.
    """
    period = constraints.frames - 1
    step = root[period] - root[0]
    both = constraints.root_mask[0] & constraints.root_mask[period]
    asked = constraints.root_positions[period] - constraints.root_positions[0]
    return np.where(both, asked, step) * np.array([1.0, 0.0, 1.0])


def repeated(constraints: Constraints, step: Array) -> Constraints:
    """Constraints of `PERIODS` periods; the middle one has those of the request.

    Args:
        constraints: of P + 1 frames; what they say of the last one is said of the first one of the next period.
        step: (3,) how far the loop moves on in one period.
    """
    period = constraints.frames - 1
    result = no_constraints(PERIODS * period)
    for part in range(PERIODS):
        away = (part - MIDDLE) * step
        _copy_frame(constraints, period, result, part * period, away - step)
        for frame in range(period):
            _copy_frame(constraints, frame, result, part * period + frame, away)
    pins = tuple(
        replace(pin, start=pin.start + part * period, stop=min(pin.stop, period) + part * period,
                position=pin.position + (part - MIDDLE) * step)
        for part in range(PERIODS) for pin in constraints.pins if pin.start < period
    )  # fmt: skip
    return replace(result, pins=pins)


def anchored(constraints: Constraints, root: Array, step: Array) -> Constraints:
    """Repeated constraints that also fix where each period begins, or the clean-up would move them apart.

    Args:
        constraints: of `PERIODS` periods.
        root: (3,) where the middle period begins.
        step: (3,) how far the loop moves on in one period.
    """
    period = constraints.frames // PERIODS
    mask, positions = constraints.root_mask.copy(), constraints.root_positions.copy()
    for part in range(PERIODS):
        free = ~mask[part * period] & np.array([True, False, True])
        positions[part * period, free] = (root + (part - MIDDLE) * step)[free]
        mask[part * period] |= free
    return replace(constraints, root_mask=mask, root_positions=positions)


def _copy_frame(source: Constraints, frame: int, result: Constraints, at: int, shift: Array) -> None:
    posed, placed = source.pose_mask[frame], source.root_mask[frame]
    result.pose_mask[at] |= posed
    result.pose_rotations[at, posed] = source.pose_rotations[frame, posed]
    result.root_mask[at] |= placed
    result.root_positions[at, placed] = (source.root_positions[frame] + shift)[placed]
    if source.heading_mask[frame]:
        result.heading_mask[at], result.headings[at] = True, source.headings[frame]
