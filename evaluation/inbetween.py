"""Motion in-betweening as LAFAN1 scores it: L2P, L2Q, NPSS, and the two baselines that every paper beats.

Definitions: Harvey et al. 2020, "Robust motion in-betweening", with the numbers of the LAFAN1 dataset's own benchmark.
A clip is 10 past frames, n missing ones and the target, the first frame after them; only the missing frames are scored.
Positions and quaternions are global (`skeleton.forward_kinematics`). A rotation's two quaternions count as different:
`continued` chooses the one that follows the past, as the dataset's own are chosen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genmo.runtime import rotation

Array = NDArray[np.float64]

PAST: Final = 10
"""Frames that are known before the gap."""

GAPS: Final = (5, 15, 30, 45)
"""Missing frames of the published tables, at 30 fps."""


@dataclass(frozen=True)
class Scores:
    """One row of a table; lower is better.

    Attributes:
        l2p: distance of the normalised positions of a frame's joints.
        l2q: distance of the quaternions of a frame's joints.
        npss: difference of the power spectra of the quaternions.
    """

    l2p: float
    l2q: float
    npss: float


def scores(
    predicted_positions: ArrayLike,
    predicted_rotations: ArrayLike,
    true_positions: ArrayLike,
    true_rotations: ArrayLike,
    deviation: ArrayLike,
) -> Scores:
    """All three scores of the missing frames.

    Args:
        predicted_positions: (N, n, J, 3) global positions.
        predicted_rotations: (N, n, J, 4) global quaternions, w first.
        true_positions: (N, n, J, 3).
        true_rotations: (N, n, J, 4).
        deviation: (J, 3) standard deviation of the global positions of the training data.

    Raises:
        ValueError: shapes that do not fit, or a deviation that is not above 0.
    """
    return Scores(
        l2p(predicted_positions, true_positions, deviation),
        l2q(predicted_rotations, true_rotations),
        npss(predicted_rotations, true_rotations),
    )


def l2p(predicted: ArrayLike, true: ArrayLike, deviation: ArrayLike) -> float:
    """Mean over clips and frames of the distance between all normalised joint positions of a frame as one vector.

    Args:
        predicted: (N, n, J, 3) global positions; the unit cancels out, and so does the mean of the training data.
        true: (N, n, J, 3).
        deviation: (J, 3) standard deviation of the global positions of the training data.

    Raises:
        ValueError: shapes that do not fit, or a deviation that is not above 0.
    """
    estimate, truth = _pair(predicted, true, 3)
    width = np.asarray(deviation, dtype=np.float64)
    if width.shape != truth.shape[2:] or not (width > 0).all():
        raise ValueError(f"deviation: shape {width.shape}, expected {truth.shape[2:]} numbers above 0")
    return float(np.sqrt((((estimate - truth) / width) ** 2).sum(axis=(2, 3))).mean())


def l2q(predicted: ArrayLike, true: ArrayLike) -> float:
    """Mean over clips and frames of the distance between all joint quaternions of a frame as one vector.

    Args:
        predicted: (N, n, J, 4) global quaternions; signs count, see `continued`.
        true: (N, n, J, 4).

    Raises:
        ValueError: shapes that do not fit.
    """
    estimate, truth = _pair(predicted, true, 4)
    return float(np.sqrt(((estimate - truth) ** 2).sum(axis=(2, 3))).mean())


def npss(predicted: ArrayLike, true: ArrayLike) -> float:
    """Normalised power spectrum similarity (Gopalakrishnan et al. 2019), as LAFAN1 computes it.

    The power of a number over time is the squared *real part* of its Fourier transform: a tone's phase counts. Each
    spectrum is divided by its sum and cumulated; the score is the area between the two curves, averaged over the
    numbers of all clips with the true power as the weight.

    Args:
        predicted: (N, n, J, 4) global quaternions; signs count, see `continued`.
        true: (N, n, J, 4).

    Returns:
        0 for the truth. A number without any power has a curve of zeros.

    Raises:
        ValueError: shapes that do not fit, or a truth without any power.
    """
    pair = _pair(predicted, true, 4)
    spectra = [np.fft.fft(values.reshape(*values.shape[:2], -1), axis=1).real ** 2 for values in pair]
    totals = [power.sum(axis=1) for power in spectra]  # (N, J * 4)
    curves = [
        np.cumsum(power / np.where(total > 0, total, 1.0)[:, None], axis=1)
        for power, total in zip(spectra, totals, strict=True)
    ]
    weights = totals[1]
    if not weights.any():
        raise ValueError("true: there is no power in it")
    return float((np.abs(curves[0] - curves[1]).sum(axis=1) * weights).sum() / weights.sum())


def zero_velocity(roots: ArrayLike, rotations: ArrayLike, missing: int, past: int = PAST) -> tuple[Array, Array]:
    """The baseline that freezes the last known pose.

    Args:
        roots: (N, T, 3) root positions of whole clips.
        rotations: (N, T, J, 4) local quaternions.
        missing: frames between the past and the target.
        past: known frames before them.

    Returns:
        Roots (N, missing, 3) and local quaternions (N, missing, J, 4).

    Raises:
        ValueError: shapes that do not fit, or clips that end before the target.
    """
    places, turns = _clips(roots, rotations, missing, past)
    frozen = np.full(missing, past - 1)
    return places[:, frozen], turns[:, frozen]


def interpolation(roots: ArrayLike, rotations: ArrayLike, missing: int, past: int = PAST) -> tuple[Array, Array]:
    """The baseline that goes straight from the last known pose to the target.

    The root goes linearly, local rotations by slerp on the shorter way (LAFAN1 blends close ones linearly, which
    differs by less than 5e-5). Arguments, results and errors are those of `zero_velocity`.
    """
    places, turns = _clips(roots, rotations, missing, past)
    weights = np.arange(1, missing + 1) / (missing + 1)
    first, last = past - 1, past + missing
    between = places[:, first, None] + weights[:, None] * (places[:, last] - places[:, first])[:, None]
    return between, rotation.slerp(turns[:, first, None], turns[:, last, None], weights[:, None])


def continued(rotations: ArrayLike, before: ArrayLike) -> Array:
    """Quaternions (N, n, J, 4) with the signs that follow `before` (N, J, 4), the last known ones, without a jump."""
    joined = np.concatenate([np.asarray(before, dtype=np.float64)[:, None], np.asarray(rotations)], axis=1)
    return rotation.continuous(joined, axis=1)[:, 1:]


def _pair(predicted: ArrayLike, true: ArrayLike, width: int) -> tuple[Array, Array]:
    estimate, truth = (np.asarray(values, dtype=np.float64) for values in (predicted, true))
    if estimate.shape != truth.shape or truth.ndim != 4 or truth.shape[-1] != width or not truth.size:
        shape = f"(clips, frames, joints, {width})"
        raise ValueError(f"shapes {estimate.shape} and {truth.shape}, expected the same {shape}")
    return estimate, truth


def _clips(roots: ArrayLike, rotations: ArrayLike, missing: int, past: int) -> tuple[Array, Array]:
    places, turns = (np.asarray(values, dtype=np.float64) for values in (roots, rotations))
    if places.ndim != 3 or turns.ndim != 4 or places.shape != (*turns.shape[:2], 3) or turns.shape[-1] != 4:
        raise ValueError(f"roots {places.shape} and rotations {turns.shape}: expected (N, T, 3) and (N, T, J, 4)")
    if past < 1 or missing < 1 or turns.shape[1] <= past + missing:
        raise ValueError(f"{turns.shape[1]} frames do not hold {past} past ones, {missing} missing ones and the target")
    return places, turns
