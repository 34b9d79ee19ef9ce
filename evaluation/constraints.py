"""How well a model meets constraints on its own, before the final projection makes them exact, as Kimodo reports it.

Definitions: Kimodo (NVIDIA 2026), kimodo/metrics `ContraintFollow` and its benchmark. A clip's error is the mean over
all its constrained frames and joints; a table's number is the mean over the clips *that have such a constraint*.
Kimodo's tables of April 2026 divided by all clips instead: multiply them by 13/5 (full body), 13/6 (effector) and 13/8
(root path) before comparing. Its root error compares the pelvis with a smoothed path, so that recorded motion has
3.8 cm there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

_MILLIMETRES: Final = 1000.0


@dataclass(frozen=True)
class Summary:
    """The errors of one kind of constraint over many clips, mm.

    Attributes:
        mean: mean over clips of the clip's mean error.
        p95: 95th percentile over clips of the clip's mean error, the one in Kimodo's tables.
        p95_frames: 95th percentile over every single error of all clips.
        clips: how many clips have such a constraint.
    """

    mean: float
    p95: float
    p95_frames: float
    clips: int


def full_body_errors(positions: ArrayLike, frames: ArrayLike, targets: ArrayLike) -> Array:
    """Distance of every joint from its place in the key poses, (K, J) mm.

    Args:
        positions: (T, J, 3) what the model made, metres.
        frames: (K,) keyed frames.
        targets: (K, J, 3) joint positions of the key poses, metres.

    Raises:
        ValueError: shapes that do not fit, or frames outside the motion.
    """
    made, goals = np.asarray(positions, dtype=np.float64), np.asarray(targets, dtype=np.float64)
    keyed = _indices("frames", frames, len(made))
    return _distances(made[keyed], goals)


def effector_errors(positions: ArrayLike, frames: ArrayLike, joints: ArrayLike, targets: ArrayLike) -> Array:
    """Distance of pinned joints from their goals, (K,) mm.

    Args:
        positions: (T, J, 3) what the model made, metres.
        frames: (K,) a frame for each goal.
        joints: (K,) a joint for each goal.
        targets: (K, 3) goals, metres.

    Raises:
        ValueError: shapes that do not fit, or frames or joints that do not exist.
    """
    made, goals = np.asarray(positions, dtype=np.float64), np.asarray(targets, dtype=np.float64)
    held, pinned = _indices("frames", frames, len(made)), _indices("joints", joints, made.shape[1])
    if held.shape != pinned.shape:
        raise ValueError(f"{len(held)} frames but {len(pinned)} joints")
    return _distances(made[held, pinned], goals)


def root_path_errors(roots: ArrayLike, frames: ArrayLike, points: ArrayLike) -> Array:
    """Distance over the ground of the root from its path, (K,) mm.

    Args:
        roots: (T, 3) root positions that the model made, metres, Y up.
        frames: (K,) frames of the path, for a dense path all of them.
        points: (K, 2) x and z of the path on these frames, metres.

    Raises:
        ValueError: shapes that do not fit, or frames outside the motion.
    """
    made, goals = np.asarray(roots, dtype=np.float64), np.asarray(points, dtype=np.float64)
    return _distances(made[_indices("frames", frames, len(made))][:, (0, 2)], goals)


def summaries(clips: Iterable[Mapping[str, ArrayLike]]) -> dict[str, Summary]:
    """The errors of many clips by kind of constraint.

    Args:
        clips: for each clip the errors (any shape, mm) of each kind that it has; an empty array counts as none.

    Returns:
        A summary for each kind that some clip has, over the clips that have it.
    """
    kinds: dict[str, list[Array]] = {}
    for clip in clips:
        for kind, values in clip.items():
            errors = np.asarray(values, dtype=np.float64).ravel()
            if errors.size:
                kinds.setdefault(kind, []).append(errors)
    return {kind: _summary(errors) for kind, errors in kinds.items()}


def _summary(clips: list[Array]) -> Summary:
    means = np.array([errors.mean() for errors in clips])
    singles = np.concatenate(clips)
    p95, p95_frames = (float(np.percentile(values, 95)) for values in (means, singles))
    return Summary(float(means.mean()), p95, p95_frames, len(clips))


def _indices(name: str, values: ArrayLike, count: int) -> Indices:
    indices = np.asarray(values, dtype=np.int64)
    if indices.ndim != 1 or ((indices < 0) | (indices >= count)).any():
        raise ValueError(f"{name}: must be a list of numbers from 0 to {count - 1}")
    return indices


def _distances(made: Array, goals: Array) -> Array:
    if made.shape != goals.shape:
        raise ValueError(f"targets: shape {goals.shape}, expected {made.shape}")
    return _MILLIMETRES * np.linalg.norm(made - goals, axis=-1)
