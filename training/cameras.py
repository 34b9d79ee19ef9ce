"""Virtual cameras and the 2D keypoints that a detector would report: the video side of the training data.

Camera kinds and their noise follow the published training (genmo.md section 11): static, hand-held, tracking and
orbiting cameras; keypoints with a bias a clip, jitter, drop-outs, hidden spans, cut-off bodies and swapped sides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from genmo.runtime import keypoints

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

KINDS: Final = {"static": 0.45, "hand-held": 0.2, "tracking": 0.2, "orbiting": 0.15}
"""Share of each kind of camera."""

_FIGURE = 1.7  # metres that must fit the picture
_SIDES: Final = ((5, 7, 9), (11, 13, 15))
"""Keypoints of the left arm and leg; the right ones follow each by one."""


@dataclass(frozen=True)
class View:
    """A filmed stretch of T frames.

    Attributes:
        slopes: (T, 17, 2) true keypoints as slopes of rays.
        cameras: (T, 3, 3) world to camera.
        places: (T, 3) of the camera, metres.
        field: half the picture's height and width, slopes (2,).
    """

    slopes: Array
    cameras: Array
    places: Array
    field: Array


def smooth_noise(rng: np.random.Generator, frames: int, columns: int, knots: int) -> Array:
    """(T, columns) random walk of unit size through `knots` random values."""
    values = rng.standard_normal((knots, columns))
    at = np.linspace(0, knots - 1, frames)
    low = np.minimum(at.astype(np.int64), knots - 2)
    share = (at - low)[:, None]
    share = share * share * (3.0 - 2.0 * share)
    return values[low] * (1.0 - share) + values[low + 1] * share


def look_at(places: Array, targets: Array, roll: Array) -> Array:
    """World-to-camera rotations (T, 3, 3) from places to targets (T, 3), rolled by (T,) radians."""
    forward = targets - places
    forward = forward / np.sqrt((forward**2).sum(axis=-1, keepdims=True))
    across, depth = -forward[:, 2], forward[:, 0]
    length = np.maximum(np.sqrt(across**2 + depth**2), 1e-6)
    right = np.stack([across / length, np.zeros(len(forward)), depth / length], axis=-1)
    # The cross product of forward and right, whose height is 0.
    x, y, z = forward[:, 0], forward[:, 1], forward[:, 2]
    down = np.stack([y * right[:, 2], z * right[:, 0] - x * right[:, 2], -y * right[:, 0]], axis=-1)
    cosine, sine = np.cos(roll)[:, None], np.sin(roll)[:, None]
    cameras = np.empty((len(forward), 3, 3))
    cameras[:, 0], cameras[:, 1], cameras[:, 2] = cosine * right + sine * down, cosine * down - sine * right, forward
    return cameras


def film(points: Array, root: Array, rng: np.random.Generator) -> View:
    """Film a motion with a random camera.

    Args:
        points: (T, 17, 3) COCO keypoints in the world, metres.
        root: (T, 3) pelvis.
        rng: source of all randomness.
    """
    frames = len(root)
    kind = str(rng.choice(list(KINDS), p=list(KINDS.values())))
    half = np.tan(np.radians(rng.uniform(15.0, 38.0)))
    aspect = float(rng.choice([16 / 9, 4 / 3, 1.0, 9 / 16]))
    follows = kind in ("tracking", "orbiting")
    centre = root.mean(axis=0)
    spread = 0.0 if follows else np.linalg.norm(root - centre, axis=1).max()
    distance = _FIGURE / (2.0 * half * rng.uniform(0.35, 0.95)) + rng.uniform(0.5, 1.1) * spread
    turn = rng.uniform(-np.pi, np.pi) + np.zeros(frames)
    tilt = rng.uniform(-0.12, 0.5)
    if kind == "orbiting":
        turn = turn + np.cumsum(0.35 * smooth_noise(rng, frames, 1, 3)[:, 0] + rng.uniform(-0.5, 0.5)) / 30.0
    base = _smoothed(root, 45) if follows else np.tile(centre, (frames, 1))
    arm = np.stack([np.sin(turn) * np.cos(tilt), np.full(frames, np.sin(tilt)), np.cos(turn) * np.cos(tilt)], -1)
    places = base + arm * distance
    aim = base
    if kind == "tracking" and rng.random() < 0.5:
        places = np.tile(places[frames // 2], (frames, 1))  # a pan from one place
    if kind != "static":
        places = places + 0.06 * smooth_noise(rng, frames, 3, 6)
        aim = aim + (0.04 * distance * smooth_noise(rng, frames, 3, 8))
    aim = aim + rng.standard_normal(3) * np.array([0.12, 0.08, 0.12]) * distance * half
    places[:, 1] = np.maximum(places[:, 1], 0.15)
    roll = np.full(frames, 0.03 * rng.standard_normal())
    if kind != "static":
        roll = roll + 0.015 * smooth_noise(rng, frames, 1, 8)[:, 0]
    cameras = look_at(places, aim, roll)
    slopes, _ = keypoints.project(points, cameras, places)
    return View(slopes, cameras, places, half * np.array([max(aspect, 1.0), max(1.0 / aspect, 1.0)]))


def _smoothed(values: Array, window: int) -> Array:
    """Moving average (T, k) over `window` frames, ends held."""
    half = window // 2
    held = np.clip(np.arange(-half - 1, len(values) + half), 0, len(values) - 1)
    sums = np.cumsum(values[held], axis=0)
    return (sums[window:] - sums[:-window]) / window


def detect(view: View, rng: np.random.Generator, *, noise: float = 1.0) -> tuple[Array, Mask]:
    """What a detector reports of a view.

    Args:
        view: the filmed stretch.
        rng: source of all randomness.
        noise: 0 reports the true points, 1 those of an ordinary detector.

    Returns:
        slopes (T, 17, 2) and visibility (T, 17).
    """
    frames = len(view.slopes)
    inside = np.abs(view.slopes) < view.field
    visible = inside[..., 0] & inside[..., 1]
    if noise == 0.0:
        return view.slopes.copy(), visible
    size = keypoints.boxes(view.slopes, np.ones_like(visible))[:, 2, None, None]
    level = noise * rng.uniform(0.0, 1.0)
    offsets = 0.008 * level * rng.standard_normal((1, 17, 2))
    offsets = offsets + 0.008 * level * smooth_noise(rng, frames, 34, max(frames // 5, 2)).reshape(frames, 17, 2)
    offsets = offsets + 0.006 * level * rng.standard_normal((frames, 17, 2))
    peaks = rng.random((frames, 17)) < 0.004 * noise
    offsets[peaks] += 0.06 * rng.standard_normal((int(peaks.sum()), 2))
    slopes = view.slopes + offsets * size
    _swap_sides(slopes, rng, noise)
    return slopes, visible & ~_hidden(frames, rng, noise)


def _span(rng: np.random.Generator, frames: int, longest: int) -> slice:
    start = int(rng.integers(0, frames))
    return slice(start, start + int(rng.integers(1, longest)))


def _swap_sides(slopes: Array, rng: np.random.Generator, noise: float) -> None:
    """Left and right limbs change places for a few frames, as detectors do on side views."""
    if rng.random() < 0.15 * noise:
        left = np.array(_SIDES[rng.integers(2)])
        span = _span(rng, len(slopes), 8)
        slopes[span, left], slopes[span, left + 1] = slopes[span, left + 1].copy(), slopes[span, left].copy()


def _hidden(frames: int, rng: np.random.Generator, noise: float) -> Mask:
    """(T, 17) keypoints lost: single ones, limbs behind things, whole spans, half bodies."""
    lost = rng.random((frames, 17)) < 0.03 * noise * rng.random()
    if rng.random() < 0.45 * noise:
        for _ in range(int(rng.integers(1, 4))):
            lost[_span(rng, frames, 30), rng.random(17) < 0.25] = True
    if rng.random() < 0.35 * noise:
        lost[_span(rng, frames, 30)] = True
    if rng.random() < 0.06 * noise:
        lost[:, 13:] = True
    return lost
