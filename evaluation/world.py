"""World-grounded pose errors: how far an estimated motion is from the true one, seen by the camera and in the world.

Protocol: WHAM (2024), the one that GVHMR and GENMO report; the tests hold golden numbers of GENMO's own code. The
functions return one number for each frame, since the protocol averages over all frames of all clips: `averages`.
Published rows are at 30 fps with 24 joints (the 22 and two hands); other joints or rates give other numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genmo.runtime.metrics import FEET
from genmo.runtime.skeleton import INDEX

Array = NDArray[np.float64]

CHUNK: Final = 100
"""Frames that W-MPJPE and WA-MPJPE align together."""

HIPS: Final = (INDEX["l_hip"], INDEX["r_hip"])
"""The joints whose mean the protocol takes for the root."""

STILL: Final = 0.01
"""Metres per frame: a foot that truly moves less stands."""

_MILLIMETRES: Final = 1000.0

UNITS: Final = {
    "mpjpe": "mm",
    "pa_mpjpe": "mm",
    "acceleration": "m/s^2",
    "w_mpjpe": "mm",
    "wa_mpjpe": "mm",
    "rte": "%",
    "jitter": "10 m/s^3",
    "foot_sliding": "mm/frame",
}
"""Every key of `camera_errors` and `world_errors`, and its unit."""


@dataclass(frozen=True, eq=False)
class Similarity:
    """Maps points x to scale * rotation x + offset.

    Attributes:
        scale: (...).
        rotation: (..., 3, 3) proper rotation matrices.
        offset: (..., 3).
    """

    scale: Array
    rotation: Array
    offset: Array

    def apply(self, points: ArrayLike) -> Array:
        """Points (..., N, 3) moved."""
        turned = np.asarray(points, dtype=np.float64) @ np.swapaxes(self.rotation, -1, -2)
        return self.scale[..., None, None] * turned + self.offset[..., None, :]


def similarity(source: ArrayLike, target: ArrayLike, *, scale: bool = True) -> Similarity:
    """The similarity that brings one set of points closest to another (Umeyama 1991).

    Args:
        source: (..., N, 3).
        target: (..., N, 3).
        scale: whether the size may change; False gives the best rigid motion. Where all source points are one, the
            scale is 1.
    """
    x, y = (np.asarray(points, dtype=np.float64) for points in (source, target))
    x_centre, y_centre = x.mean(axis=-2, keepdims=True), y.mean(axis=-2, keepdims=True)
    x, y = x - x_centre, y - y_centre
    left, sizes, right = np.linalg.svd(np.swapaxes(y, -1, -2) @ x)
    signs = np.ones_like(sizes)
    signs[..., 2] = np.where(np.linalg.det(left) * np.linalg.det(right) < 0, -1.0, 1.0)  # no reflection
    turn = (left * signs[..., None, :]) @ right
    spread = np.sum(x * x, axis=(-2, -1))
    growth = np.ones_like(spread)
    if scale:
        np.divide((sizes * signs).sum(axis=-1), spread, out=growth, where=spread > 0)
    offset = y_centre - growth[..., None, None] * (x_centre @ np.swapaxes(turn, -1, -2))
    return Similarity(growth, turn, offset[..., 0, :])


def mpjpe(predicted: ArrayLike, true: ArrayLike, root: Sequence[int] = HIPS) -> Array:
    """Mean distance of the joints after moving the roots onto each other, (T,) mm.

    Args:
        predicted: (T, J, 3) metres; the papers take the camera's space, where a wrong heading counts.
        true: (T, J, 3).
        root: the joints whose mean is the root.

    Raises:
        ValueError: the shapes differ or are others.
    """
    estimate, truth = _rooted(predicted, true, root)
    return _distances(estimate, truth)


def pa_mpjpe(predicted: ArrayLike, true: ArrayLike) -> Array:
    """Mean distance of the joints after aligning each frame on its own by a similarity, (T,) mm.

    Args:
        predicted: (T, J, 3) metres.
        true: (T, J, 3).

    Raises:
        ValueError: the shapes differ or are others.
    """
    estimate, truth = _pair(predicted, true)
    return _distances(similarity(estimate, truth).apply(estimate), truth)


def acceleration_error(predicted: ArrayLike, true: ArrayLike, fps: float, root: Sequence[int] = HIPS) -> Array:
    """Mean difference of the joints' accelerations relative to the root, (T-2,) m/s^2.

    Args:
        predicted: (T, J, 3) metres.
        true: (T, J, 3).
        fps: frames per second.
        root: the joints whose mean is the root.

    Raises:
        ValueError: the shapes differ or are others.
    """
    estimate, truth = _rooted(predicted, true, root)
    return np.linalg.norm(np.diff(estimate - truth, n=2, axis=0), axis=-1).mean(axis=-1) * fps**2


def w_mpjpe(predicted: ArrayLike, true: ArrayLike, chunk: int = CHUNK) -> Array:
    """Mean distance of the joints after aligning the first two frames of each chunk by a similarity, (T,) mm.

    Args:
        predicted: (T, J, 3) metres, world space.
        true: (T, J, 3).
        chunk: frames of a chunk; the last one may be shorter.

    Raises:
        ValueError: the shapes differ or are others.
    """
    return _chunked(predicted, true, chunk, known=2)


def wa_mpjpe(predicted: ArrayLike, true: ArrayLike, chunk: int = CHUNK) -> Array:
    """Mean distance of the joints after aligning each whole chunk by a similarity, (T,) mm; arguments as `w_mpjpe`."""
    return _chunked(predicted, true, chunk, known=chunk)


def rte(predicted: ArrayLike, true: ArrayLike) -> Array:
    """Distance of the roots after one rigid alignment, in percent of the length of the true path.

    Args:
        predicted: (T, 3) root positions, metres, world space.
        true: (T, 3).

    Returns:
        (T,); empty where the true root stands still, since there is nothing to compare with.

    Raises:
        ValueError: the shapes differ or are others.
    """
    estimate, truth = (points[:, 0] for points in _pair(np.expand_dims(predicted, 1), np.expand_dims(true, 1)))
    length = np.linalg.norm(np.diff(truth, axis=0), axis=-1).sum()
    if not length:
        return np.empty(0)
    moved = similarity(estimate, truth, scale=False).apply(estimate)
    return 100.0 * np.linalg.norm(moved - truth, axis=-1) / length


def jitter(positions: ArrayLike, fps: float) -> Array:
    """Mean |third difference| of positions (T, J, 3) x fps^3 / 10, (T-3,) in 10 m/s^3.

    `runtime.metrics.jitter` is its mean over one clip.
    """
    third = np.diff(np.asarray(positions, dtype=np.float64), n=3, axis=0)
    return np.linalg.norm(third, axis=-1).mean(axis=-1) * fps**3 / 10.0


def foot_sliding(predicted: ArrayLike, true: ArrayLike, still: float = STILL) -> Array:
    """How far points of the feet move on the steps on which the true ones stand, (S,) mm per frame.

    Args:
        predicted: (T, P, 3) metres; the papers take four vertices of the SMPL mesh (3216, 3387, 6617, 6787).
        true: (T, P, 3).
        still: metres per frame under which a true point stands; 1 cm in the papers, whose frames are 1/30 s apart.

    Returns:
        One number for each step of each point that stands; empty when none does.

    Raises:
        ValueError: the shapes differ or are others.
    """
    estimate, truth = _pair(predicted, true)
    moved, standing = (np.linalg.norm(np.diff(points, axis=0), axis=-1) for points in (estimate, truth))
    return _MILLIMETRES * moved[standing < still]


def camera_errors(predicted: ArrayLike, true: ArrayLike, fps: float, root: Sequence[int] = HIPS) -> dict[str, Array]:
    """The errors that papers give in the camera's space: mpjpe, pa_mpjpe, acceleration of one clip.

    Args:
        predicted: (T, J, 3) metres.
        true: (T, J, 3).
        fps: frames per second.
        root: the joints whose mean is the root.

    Raises:
        ValueError: the shapes differ or are others.
    """
    return {
        "mpjpe": mpjpe(predicted, true, root),
        "pa_mpjpe": pa_mpjpe(predicted, true),
        "acceleration": acceleration_error(predicted, true, fps, root),
    }


def world_errors(
    predicted: ArrayLike, true: ArrayLike, fps: float, feet: Sequence[int] = FEET, root: int = 0
) -> dict[str, Array]:
    """The errors that papers give in the world's space: w_mpjpe, wa_mpjpe, rte, jitter, foot_sliding of one clip.

    Args:
        predicted: (T, J, 3) metres; the up axis does not matter.
        true: (T, J, 3).
        fps: frames per second.
        feet: the joints that stand for the foot vertices of the papers (`foot_sliding` takes any points).
        root: the joint whose track is compared.

    Raises:
        ValueError: the shapes differ or are others.
    """
    estimate, truth = _pair(predicted, true)
    points = list(feet)
    return {
        "w_mpjpe": w_mpjpe(estimate, truth),
        "wa_mpjpe": wa_mpjpe(estimate, truth),
        "rte": rte(estimate[:, root], truth[:, root]),
        "jitter": jitter(estimate, fps),
        "foot_sliding": foot_sliding(estimate[:, points], truth[:, points]),
    }


def averages(clips: Iterable[Mapping[str, Array]]) -> dict[str, float]:
    """Means over all frames of all clips, so that long clips count more; names without any number are left out."""
    values: dict[str, list[Array]] = {}
    for clip in clips:
        for name, errors in clip.items():
            values.setdefault(name, []).append(errors)
    joined = {name: np.concatenate(errors) for name, errors in values.items()}
    return {name: float(errors.mean()) for name, errors in joined.items() if errors.size}


def _pair(predicted: ArrayLike, true: ArrayLike) -> tuple[Array, Array]:
    estimate, truth = (np.asarray(points, dtype=np.float64) for points in (predicted, true))
    if estimate.shape != truth.shape or truth.ndim != 3 or truth.shape[-1] != 3 or not truth.size:
        raise ValueError(f"positions: shapes {estimate.shape} and {truth.shape}, expected the same (frames, points, 3)")
    return estimate, truth


def _rooted(predicted: ArrayLike, true: ArrayLike, root: Sequence[int]) -> tuple[Array, Array]:
    estimate, truth = (points - points[:, list(root)].mean(axis=1, keepdims=True) for points in _pair(predicted, true))
    return estimate, truth


def _distances(estimate: Array, truth: Array) -> Array:
    """Mean distance of the points in each frame, mm."""
    return _MILLIMETRES * np.linalg.norm(estimate - truth, axis=-1).mean(axis=-1)


def _chunked(predicted: ArrayLike, true: ArrayLike, chunk: int, known: int) -> Array:
    """Distances after aligning each chunk by its first `known` frames."""
    estimate, truth = _pair(predicted, true)
    found = []
    for start in range(0, len(truth), chunk):
        moving, fixed = estimate[start : start + chunk], truth[start : start + chunk]
        fit = similarity(moving[:known].reshape(-1, 3), fixed[:known].reshape(-1, 3))
        found.append(_distances(fit.apply(moving), fixed))
    return np.concatenate(found)
