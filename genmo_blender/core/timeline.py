"""Scene frames against model frames: two clocks that share one starting point.

The scene may run at 24, 25, 30, 60 or any other rate; the model has its own (30). Ranges are half-open on both.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...runtime import rotation
from ...runtime.errors import UserError

Array = NDArray[np.float64]

_MAX_FRAMES = 1_000_000


@dataclass(frozen=True, slots=True)
class Timeline:
    """The clock of a scene beside the clock of the model.

    Attributes:
        scene_fps: frames per second of the scene (`render.fps / render.fps_base`).
        start: scene frame of model frame 0.
        model_fps: frames per second of the model.
    """

    scene_fps: float
    start: int = 1
    model_fps: float = 30.0

    def __post_init__(self) -> None:
        for rate in (self.scene_fps, self.model_fps):
            if not (math.isfinite(rate) and rate > 0.0):
                raise UserError(f"A frame rate must be above zero, not {rate}")

    @property
    def _ratio(self) -> float:
        return self.model_fps / self.scene_fps

    def model_frame(self, scene_frame: float) -> int:
        """Model frame nearest to a scene frame; halves go up."""
        return math.floor((scene_frame - self.start) * self._ratio + 0.5)

    def scene_frame(self, model_frame: float) -> float:
        """Scene frame, usually not a whole one, at which a model frame plays."""
        return self.start + model_frame / self._ratio

    def nearest_scene_frame(self, model_frame: int) -> int:
        """The whole scene frame that shows a model frame, or is closest to it."""
        middle = math.floor(self.scene_frame(model_frame) + 0.5)
        shown = [frame for frame in (middle, middle - 1, middle + 1) if self.model_frame(frame) == model_frame]
        return shown[0] if shown else middle

    def model_range(self, start: float, stop: float) -> tuple[int, int]:
        """Half-open model range of a half-open scene range; at least one frame long."""
        first = self.model_frame(start)
        return first, max(first + 1, self.model_frame(stop))

    def model_count(self, scene_frames: float) -> int:
        """Model frames that last as long as so many scene frames (at least 1)."""
        return max(1, math.floor(scene_frames * self._ratio + 0.5))

    def scene_count(self, model_frames: int) -> int:
        """Scene frames that last as long as so many model frames (at least 1).

        Raises:
            UserError: more than a million.
        """
        count = max(1, math.floor(model_frames / self._ratio + 0.5))
        if count > _MAX_FRAMES:
            raise UserError(f"The motion would be {count} scene frames long, more than {_MAX_FRAMES}")
        return count

    def sample_times(self, model_frames: int, key_frames: Iterable[int] = ()) -> Array:
        """Model times at which the scene frames `start`, `start + 1`, ... show the motion.

        A key pose belongs to a whole scene frame and to a whole model frame, which seldom coincide. Time is bent by
        less than half a model frame around the keys, so that each key is shown exactly at its scene frame.

        Args:
            model_frames: length of the motion.
            key_frames: scene frames that carry keys; those outside the motion are ignored.

        Returns:
            (N,) non-decreasing model times within [0, model_frames - 1].
        """
        count = self.scene_count(model_frames)
        times: Array = np.arange(float(count)) * self._ratio
        inside = sorted({frame for frame in key_frames if 0 <= frame - self.start < count})
        if inside:
            at = np.array(inside) - self.start
            shifts = np.array([self.model_frame(frame) for frame in inside]) - times[at]
            times = times + np.interp(np.arange(count), at, shifts)
        return np.clip(times, 0.0, model_frames - 1.0)


def _brackets(count: int, times: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64], Array]:
    t = np.clip(np.asarray(times, dtype=np.float64), 0.0, count - 1.0)
    low = np.minimum(np.floor(t).astype(np.int64), max(count - 2, 0))
    return low, np.minimum(low + 1, count - 1), t - low


def resample_values(values: ArrayLike, times: ArrayLike) -> Array:
    """Linear interpolation of (T, ...) values at frame times (N,): (N, ...)."""
    array = np.asarray(values, dtype=np.float64)
    low, high, weights = _brackets(len(array), times)
    w = weights.reshape(-1, *(1,) * (array.ndim - 1))
    return array[low] * (1.0 - w) + array[high] * w


def resample_rotations(quaternions: ArrayLike, times: ArrayLike) -> Array:
    """Spherical interpolation of (T, J, 4) quaternions at frame times (N,): (N, J, 4)."""
    array = np.asarray(quaternions, dtype=np.float64)
    low, high, weights = _brackets(len(array), times)
    if not weights.any():
        return array[low].copy()
    return rotation.slerp(array[low], array[high], weights[:, None])
