"""The estimate of a filmed person fitted to the film: keypoints met, planted feet still, the floor where they stand.

Least squares over all frames of a stretch, solved by Gauss-Newton steps: a camera whose places are known sees the
keypoints; planted heels and balls do not move; planted balls that are near the floor are on it; the pose stays near the
estimate, and what is changed of it changes smoothly (second differences). Long films are fitted stretch by stretch,
each held where the one before it ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from . import bodies
from .bodies import FEET, TURNED, WIDTH, body_points
from .fitting import solve_blocks
from .keypoints import KEYPOINTS
from .skeleton import FLOOR_OFFSET, JOINT_NAMES
from .stances import planted_frames

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

STRETCH: Final = 300
"""Frames that are fitted at once."""
_OVERLAP: Final = 40
_HELD: Final = 12
"""Frames at the beginning of a stretch that stay as the one before it has them."""
_HOLD: Final = 1e8

_STEPS: Final = 4
"""Gauss-Newton steps with the feet free, and as many with the feet planted."""
_SEEN_ERROR: Final = 0.02
"""Metres across the line of sight by which keypoints are off."""
_OUTLIER: Final = 0.06
"""Metres beyond which a keypoint is not believed."""
_FACE_TRUST: Final = 0.3
"""Weight of each of the five points of the face, which say the same of the body."""
_SPOT_ERROR: Final = 0.0015
"""Metres that a planted foot may move in a frame."""
_FLOOR_ERROR: Final = 0.01
_NEAR_FLOOR: Final = 0.12
"""Metres above and below the floor within which a planted ball is meant to be on it."""
_FAST: Final = 0.5
"""Metres a second of a foot, as it is seen, whose contact is half believed."""
_SIDE: Final = 3
"""Frames to each side over which that speed is measured, so that jitter is none."""
_CALM_ROOT: Final = 4e5
_CALM_TURNS: Final = 6e3
"""Stiffness, 1/m^2 and 1/rad^2 over frames to the fourth, of the second differences of what is changed."""
_LEVEL: Final = 1e2
"""Of the change of the pelvis itself, 1/m^2: so that a frame without keypoints has an answer."""

_SPREADS: Final = {"pelvis": 0.15, "spine": 0.08, "neck": 0.15, "head": 0.2, "collar": 0.12, "ankle": 0.15}
_SPREAD: Final = 0.3
"""Radians by which the estimate of a joint is off; less where several joints share a bend."""


@dataclass(frozen=True, eq=False)
class Sight:
    """What a camera saw of a body on T frames.

    Attributes:
        cameras: (T, 3, 3) rotations from the world to the camera.
        places: (T, 3) of the camera in the world.
        slopes: (T, 17, 2) viewing rays of the keypoints.
        weights: (T, 17) confidence, 0 for hidden ones.
    """

    cameras: Array
    places: Array
    slopes: Array
    weights: Array

    def cut(self, first: int, last: int) -> Sight:
        """Frames `[first, last)`."""
        part = slice(first, last)
        return Sight(self.cameras[part], self.places[part], self.slopes[part], self.weights[part])


def refined(
    root: Array, local: Array, contacts: Array, offsets: Array, sight: Sight, fps: float
) -> tuple[Array, Array, Array]:
    """A motion fitted to what was seen.

    Args:
        root: (T, 3) of the estimate, where the camera sees it.
        local: (T, 22, 4) of the estimate.
        contacts: (T, 6) probabilities of the estimate.
        offsets: (22, 3) rest offsets.
        sight: what was seen.
        fps: frames per second.

    Returns:
        root, local, and contacts without those of feet that are seen to move.
    """
    count, first = len(root), 0
    result = root.copy(), local.copy(), contacts.copy()
    while True:
        part = slice(first, min(count, first + STRETCH))
        held = np.arange(part.stop - first) < (_HELD if first else 0)
        fit = _Fit(root[part], local[part], contacts[part], offsets, sight.cut(first, part.stop), fps, held)
        for each, fitted in zip(result, fit.solve(result[0][part], result[1][part]), strict=True):
            each[part][~held] = fitted[~held]
        if part.stop == count:
            return result
        first = part.stop - _OVERLAP


@dataclass(eq=False)
class _System:
    """Normal equations: blocks of each frame, between neighbours, between next neighbours (diagonal), right side."""

    own: Array
    next: Array
    after: Array
    right: Array


class _Fit:
    """One stretch."""

    def __init__(
        self, root: Array, local: Array, contacts: Array, offsets: Array, sight: Sight, fps: float, held: Mask
    ) -> None:
        self._root, self._local, self._contacts = root, local, contacts
        self._offsets, self._sight, self._fps, self._held = offsets, sight, fps, held
        face = np.array([_FACE_TRUST if name in KEYPOINTS[:5] else 1.0 for name in KEYPOINTS])
        self._trust = sight.weights * face
        self._prior = np.concatenate([np.full(3, _LEVEL), np.repeat([1.0 / _spread(j) ** 2 for j in TURNED], 3)])
        self._stiff = np.concatenate([np.full(3, _CALM_ROOT), np.full(WIDTH - 3, _CALM_TURNS)])

    def solve(self, root: Array, local: Array) -> tuple[Array, Array, Array]:
        """The fitted root, rotations and contacts; begins at `root` and `local`, which held frames keep."""
        free = np.zeros((len(root), 4))
        for _ in range(_STEPS):
            root, local = self._step(root, local, free)
        contacts = self._believed(root, local)
        planted = np.stack([planted_frames(column) for column in contacts[:, :4].T], axis=1) * contacts[:, :4]
        for _ in range(_STEPS):
            root, local = self._step(root, local, planted)
        return root, local, contacts

    def _believed(self, root: Array, local: Array) -> Array:
        """The contacts (T, 6), less where a foot moves although it is said to stand."""
        feet = body_points(root, local, self._offsets).places[:, len(KEYPOINTS) :]
        if len(feet) < 2:
            return self._contacts
        width = min(2 * _SIDE, len(feet) - 1)
        before = np.clip(np.arange(len(feet)) - _SIDE, 0, len(feet) - 1 - width)
        speed = np.linalg.norm(feet[before + width] - feet[before], axis=-1) * (self._fps / width)
        result = self._contacts.copy()
        result[:, :4] /= 1.0 + (speed / _FAST) ** 2
        return result

    def _step(self, root: Array, local: Array, planted: Array) -> tuple[Array, Array]:
        points = body_points(root, local, self._offsets)
        change = bodies.apart(root, local, self._root, self._local)
        count = len(root)
        system = _System(
            np.zeros((count, WIDTH, WIDTH)), np.zeros((count, WIDTH, WIDTH)), np.zeros((count, WIDTH)),
            np.zeros((count, WIDTH)),
        )  # fmt: skip
        self._see(system, points)
        _plant(system, points, planted)
        self._stay(system, change)
        step = _solved(system)
        step[self._held] = 0.0
        return bodies.moved_body(root, local, np.clip(step, -0.5, 0.5))

    def _see(self, system: _System, points: bodies.Points) -> None:
        """Keypoints are seen where they are."""
        sight, count = self._sight, len(KEYPOINTS)
        seen = np.einsum("tij,tkj->tki", sight.cameras, points.places[:, :count] - sight.places[:, None])
        moved = np.einsum("tij,tkjn->tkin", sight.cameras, points.slopes[:, :count])
        misses = seen[..., :2] - sight.slopes * seen[..., 2:]
        moved = moved[:, :, :2] - sight.slopes[..., None] * moved[:, :, 2:]
        sizes = np.linalg.norm(misses, axis=-1)
        weights = self._trust / _SEEN_ERROR**2 / (1.0 + (sizes / _OUTLIER) ** 2) * (seen[..., 2] > 0.1)
        _add(system, moved.reshape(len(moved), -1, WIDTH), misses.reshape(len(misses), -1), np.repeat(weights, 2, 1))

    def _stay(self, system: _System, change: Array) -> None:
        """What is changed of the estimate is small and smooth; held frames do not move."""
        count = len(change)
        index = np.arange(WIDTH)
        system.own[:, index, index] += self._prior
        system.right -= self._prior * change
        system.own[:, index, index] += _HOLD * self._held[:, None]
        if count < 3:
            return
        bent = change[2:] - 2.0 * change[1:-1] + change[:-2]
        for offset, weight in ((0, 1.0), (1, -2.0), (2, 1.0)):
            part = slice(offset, count - 2 + offset)
            system.own[part, index, index] += weight**2 * self._stiff
            system.right[part] -= weight * self._stiff * bent
        system.next[: count - 2, index, index] -= 2.0 * self._stiff
        system.next[1 : count - 1, index, index] -= 2.0 * self._stiff
        system.after[: count - 2] += self._stiff


def _spread(joint: int) -> float:
    name = JOINT_NAMES[joint]
    return next((spread for part, spread in _SPREADS.items() if part in name), _SPREAD)


def _add(system: _System, slopes: Array, misses: Array, weights: Array) -> None:
    """Put conditions (T, c) of single frames, with derivatives (T, c, WIDTH) and weights (T, c), into the equations."""
    weighted = slopes * weights[..., None]
    system.own += weighted.transpose(0, 2, 1) @ slopes
    system.right -= np.einsum("tcn,tc->tn", weighted, misses)


def _plant(system: _System, points: bodies.Points, planted: Array) -> None:
    """Planted feet (T, 4) do not move from a frame to the next, and planted balls near the floor are on it."""
    if not planted.any():
        return
    feet, slopes = points.places[:, len(KEYPOINTS) :], points.slopes[:, len(KEYPOINTS) :]
    both = np.repeat(np.minimum(planted[1:], planted[:-1]) / _SPOT_ERROR**2, 3, axis=1)
    moved = np.diff(feet, axis=0).reshape(len(feet) - 1, -1)
    one, other = slopes[:-1].reshape(len(both), -1, WIDTH), slopes[1:].reshape(len(both), -1, WIDTH)
    weighted_one, weighted_other = one * both[..., None], other * both[..., None]
    system.own[:-1] += weighted_one.transpose(0, 2, 1) @ one
    system.own[1:] += weighted_other.transpose(0, 2, 1) @ other
    system.next[:-1] -= weighted_one.transpose(0, 2, 1) @ other
    system.right[:-1] += np.einsum("tcn,tc->tn", weighted_one, moved)
    system.right[1:] -= np.einsum("tcn,tc->tn", weighted_other, moved)
    balls = [FEET.index(joint) for joint in FEET if JOINT_NAMES[joint].endswith("foot")]
    height = feet[:, balls, 1] - FLOOR_OFFSET
    near = planted[:, balls] * (np.abs(height) < _NEAR_FLOOR) / _FLOOR_ERROR**2
    _add(system, slopes[:, balls, 1], height, near)


def _solved(system: _System) -> Array:
    """The step (T, WIDTH): frames in pairs make the equations block tridiagonal."""
    count = len(system.right)
    pairs = -(-count // 2)
    blocks = np.zeros((pairs, 2, WIDTH, 2, WIDTH))
    upper = np.zeros((pairs, 2, WIDTH, 2, WIDTH))
    own = np.tile(np.eye(WIDTH), (2 * pairs, 1, 1))
    own[:count] = system.own
    following = np.zeros((2 * pairs, WIDTH, WIDTH))
    following[: count - 1] = system.next[: count - 1]
    after = np.zeros((2 * pairs, WIDTH))
    after[: max(count - 2, 0)] = system.after[: max(count - 2, 0)]
    blocks[:, 0, :, 0], blocks[:, 1, :, 1] = own[0::2], own[1::2]
    blocks[:, 0, :, 1], blocks[:, 1, :, 0] = following[0::2], following[0::2].transpose(0, 2, 1)
    index = np.arange(WIDTH)
    upper[:, 0, index, 0, index] = after[0::2]
    upper[:, 1, index, 1, index] = after[1::2]
    upper[:, 1, :, 0] = following[1::2]
    right = np.zeros((2 * pairs, WIDTH))
    right[:count] = system.right
    size = 2 * WIDTH
    result = solve_blocks(blocks.reshape(-1, size, size), upper.reshape(-1, size, size), right.reshape(-1, size))
    return result.reshape(-1, WIDTH)[:count]
