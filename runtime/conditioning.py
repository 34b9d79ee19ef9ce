"""Constraints on the frame grid -> the condition channels that the base model reads.

Training and generation call the same function, so the network sees at run time exactly what it learnt from.
Values that are known on some frames are interpolated between close ones and fade away from far ones; beside each value
stand its weight (how much to trust it) and an exact flag (the frame itself is constrained).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from . import keypoints
from .cues import CUES, Cues, cue_channels, no_cues
from .features import FeatureLayout, turn_planar
from .skeleton import JOINT_COUNT

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

PIN_JOINTS: Final = ("l_wrist", "r_wrist", "l_ankle", "r_ankle", "l_foot", "r_foot")
"""Joints whose pins the network sees; pins of other joints act through the projection alone."""

CONDITIONS: Final = FeatureLayout(
    {
        "pose": 6 * JOINT_COUNT,  # normalised 6D, interpolated between close keys, times its weight
        "pose_weight": JOINT_COUNT,
        "pose_exact": JOINT_COUNT,
        "pose_near": 4,  # see _nearness: previous key, next key
        "height": 3,  # normalised value times weight, weight, exact
        "path": 4,  # velocity x and z of the straight path in the reference heading frame (m/s), known, exact
        "path_near": 4,
        "heading": 3,  # weight, exact, turning speed of the reference heading (rad/s)
        "pins": 5 * len(PIN_JOINTS),  # x and z from the path, their flag, height, exact
        **CUES.sizes,
    }
)
"""Channels of the constraints, then of the cues (`runtime.cues`)."""

HOLD_FRAMES: Final = 15.0
"""Away from its keys a value's weight falls by e every this many frames."""

LONGEST_GAP: Final = 60
"""Between keys farther apart nothing is interpolated: the body has time to do something else on the way."""

_MOVING: Final = 0.1  # m/s below which a path has no direction of its own


@dataclass(frozen=True, slots=True)
class Observations:
    """What is known of a motion on T frames; rows outside a mask are never read.

    Attributes:
        pose_mask: (T, 22) joints whose rotation is known.
        pose: (T, 22, 6) 6D values; joint 0 is the pelvis without heading (`features.pose_sixd`).
        height_mask: (T,) frames with a known pelvis height.
        heights: (T,) metres.
        path_mask: (T,) frames with a known ground position of the pelvis.
        path: (T, 2) x and z, metres.
        heading_mask: (T,) frames with a known heading.
        headings: (T,) radians.
        pin_mask: (T, 6) frames on which a joint of PIN_JOINTS is held.
        pins: (T, 6, 3) positions, metres.
    """

    pose_mask: Mask
    pose: Array
    height_mask: Mask
    heights: Array
    path_mask: Mask
    path: Array
    heading_mask: Mask
    headings: Array
    pin_mask: Mask
    pins: Array

    @property
    def frames(self) -> int:
        """Number of frames T."""
        return len(self.height_mask)


def empty_observations(frames: int) -> Observations:
    """Observations of `frames` frames with nothing known; the arrays are there to be filled."""
    pins = len(PIN_JOINTS)
    return Observations(
        np.zeros((frames, JOINT_COUNT), bool), np.zeros((frames, JOINT_COUNT, 6)),
        np.zeros(frames, bool), np.zeros(frames),
        np.zeros(frames, bool), np.zeros((frames, 2)),
        np.zeros(frames, bool), np.zeros(frames),
        np.zeros((frames, pins), bool), np.zeros((frames, pins, 3)),
    )  # fmt: skip


def _weights(known: NDArray[np.int64], frames: int) -> Array:
    """(T,): 1 between close known frames, falling off on both sides elsewhere."""
    grid = np.arange(frames)
    before, after = _neighbours(known, frames)
    distance = np.minimum(np.abs(grid - before), np.abs(after - grid))
    close = (before <= grid) & (grid <= after) & (after - before <= LONGEST_GAP)
    return np.where(close, 1.0, np.exp(-distance / HOLD_FRAMES))


def _fading(known: NDArray[np.int64], values: Array, frames: int) -> tuple[Array, Array]:
    """Rows `values[known]` (n, k) on all frames (T, k) and their weights (T,): interpolated or nearest."""
    grid = np.arange(frames)
    before, after = _neighbours(known, frames)
    nearest = np.where(np.abs(grid - before) <= np.abs(after - grid), before, after)
    near = (after - before <= LONGEST_GAP)[:, None]
    return np.where(near, _interpolate(known, values, frames), values[nearest]), _weights(known, frames)


def _neighbours(known: NDArray[np.int64], frames: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Known frames at or before and after each frame (T,); the first or last one where there is none."""
    right = np.searchsorted(known, np.arange(frames), side="right")
    return known[np.maximum(right - 1, 0)], known[np.minimum(right, len(known) - 1)]


def _interpolate(known: NDArray[np.int64], values: Array, frames: int) -> Array:
    """Linear interpolation of rows `values[known]` (n, k) to all frames (T, k), held outside."""
    grid = np.arange(frames)
    before, after = _neighbours(known, frames)
    share = np.clip((grid - before) / np.maximum(after - before, 1), 0.0, 1.0)[:, None]
    return values[before] * (1.0 - share) + values[after] * share


def _nearness(known: NDArray[np.int64], frames: int) -> Array:
    """(T, 4): exp(-d/15) and min(d, 60)/60 to the previous known frame, the same to the next one."""
    grid = np.arange(frames)
    right = np.searchsorted(known, grid, side="right")
    left = np.searchsorted(known, grid, side="left")
    before = np.where(right > 0, grid - known[np.maximum(right - 1, 0)], np.inf)
    after = np.where(left < len(known), known[np.minimum(left, len(known) - 1)] - grid, np.inf)
    columns = [f(d) for d in (before, after) for f in (_fall, _distance)]
    return np.stack(columns, axis=-1)


def _fall(distance: Array) -> Array:
    return np.exp(-distance / HOLD_FRAMES)


def _distance(distance: Array) -> Array:
    return np.minimum(distance, 60.0) / 60.0


def _tangent_headings(velocity: Array, default: float) -> Array:
    """Direction of travel (T,), held where the path stands still, smoothed over half a second."""
    speed = np.linalg.norm(velocity, axis=-1)
    moving = np.flatnonzero(speed > _MOVING)
    if not len(moving):
        return np.full(len(speed), default)
    unit = velocity[moving] / speed[moving, None]
    filled = unit[np.searchsorted(moving, np.arange(len(speed))).clip(max=len(moving) - 1)]
    padded = np.pad(filled, ((7, 7), (0, 0)), mode="edge")
    sums = np.cumsum(np.concatenate([np.zeros((1, 2)), padded]), axis=0)
    smooth = sums[15:] - sums[:-15]
    return np.arctan2(smooth[:, 0], smooth[:, 1])


def reference_headings(known: Observations, fps: float, default: float = 0.0, cues: Cues | None = None) -> Array:
    """Heading that the features are relative to: of the camera, of the keys, along the path, else `default`.

    Args:
        known: the observations.
        fps: frames per second.
        default: radians, where nothing says more.
        cues: the cues; a filmed frame is relative to its camera, and a reference motion brings its headings.

    Returns:
        (T,) radians, continuous.
    """
    mask, values = known.heading_mask, known.headings
    if cues is not None:
        guided = (cues.strength > 0) & ~mask
        mask, values = mask | guided, np.where(guided, cues.reference_headings, values)
        if cues.camera_mask.any():
            mask = mask | cues.camera_mask
            values = np.where(cues.camera_mask, keypoints.camera_headings(cues.cameras), values)
    frames = np.flatnonzero(mask)
    if len(frames):
        rows = np.zeros((known.frames, 1))
        rows[frames, 0] = np.unwrap(values[frames])
        return _interpolate(frames, rows, known.frames)[:, 0]
    points = np.flatnonzero(known.path_mask)
    if len(points) < 2:
        return np.full(known.frames, default)
    return np.unwrap(_tangent_headings(_path_velocity(points, known.path, known.frames, fps)[1], default))


def _path_velocity(points: NDArray[np.int64], path: Array, frames: int, fps: float) -> tuple[Array, Array]:
    """Straight path through the known points (T, 2) and its velocity to the next frame (T, 2)."""
    line = _interpolate(points, path, frames)
    steps = np.diff(line, axis=0, append=line[-1:]) * fps
    return line, steps


def condition_channels(
    known: Observations, references: Array, fps: float, pose_mean: Array, pose_std: Array, cues: Cues | None = None
) -> NDArray[np.float32]:
    """Condition channels of the base model.

    Args:
        known: the observations.
        references: (T,) reference headings, radians.
        fps: frames per second.
        pose_mean: (133,) mean of the 22 x 6 pose values, then of the pelvis height.
        pose_std: (133,) their standard deviations.
        cues: what guides the motion without fixing it.

    Returns:
        (T, CONDITIONS.width) float32.
    """
    out = np.zeros((known.frames, CONDITIONS.width))
    guides = no_cues(known.frames) if cues is None else cues
    _write_pose(out, known, pose_mean[:-1], pose_std[:-1])
    _write_height(out, known, pose_mean[-1], pose_std[-1])
    line = _write_path(out, known, references, fps)
    _write_heading(out, known, references, fps)
    _write_pins(out, known, references, line)
    cue_channels(guides, fps, out[:, CONDITIONS.width - CUES.width :])
    _write_reference(out, known, guides, pose_mean, pose_std)
    return out.astype(np.float32)


def _write_pose(out: Array, known: Observations, mean: Array, std: Array) -> None:
    frames = np.flatnonzero(known.pose_mask.any(axis=1))
    if not len(frames):
        return
    values = (known.pose - mean.reshape(JOINT_COUNT, 6)) / std.reshape(JOINT_COUNT, 6)
    pose = out[:, CONDITIONS["pose"]].reshape(known.frames, JOINT_COUNT, 6)
    weight = out[:, CONDITIONS["pose_weight"]]
    # Joints of one body part share their key frames: interpolate once per distinct set.
    groups = {known.pose_mask[:, joint].tobytes(): [] for joint in range(JOINT_COUNT)}
    for joint in range(JOINT_COUNT):
        groups[known.pose_mask[:, joint].tobytes()].append(joint)
    for key, joints in groups.items():
        keyed = np.flatnonzero(np.frombuffer(key, bool))
        if len(keyed):
            flat, fall = _fading(keyed, values[:, joints].reshape(known.frames, -1), known.frames)
            pose[:, joints] = flat.reshape(known.frames, len(joints), 6) * fall[:, None, None]
            weight[:, joints] = fall[:, None]
    out[:, CONDITIONS["pose"]] = pose.reshape(known.frames, -1)
    out[:, CONDITIONS["pose_weight"]] = weight
    out[:, CONDITIONS["pose_exact"]] = known.pose_mask
    out[:, CONDITIONS["pose_near"]] = _nearness(frames, known.frames)


def _write_height(out: Array, known: Observations, mean: float, std: float) -> None:
    frames = np.flatnonzero(known.height_mask)
    if not len(frames):
        return
    value, weight = _fading(frames, (known.heights[:, None] - mean) / std, known.frames)
    out[:, CONDITIONS["height"]] = np.stack([value[:, 0] * weight, weight, known.height_mask], axis=-1)


def _write_path(out: Array, known: Observations, references: Array, fps: float) -> Array | None:
    points = np.flatnonzero(known.path_mask)
    if not len(points):
        return None
    line, velocity = _path_velocity(points, known.path, known.frames, fps)
    grid = np.arange(known.frames)
    inside = (grid >= points[0]) & (grid < points[-1])
    local = turn_planar(velocity, -references) * inside[:, None]
    out[:, CONDITIONS["path"]] = np.concatenate([local, np.stack([inside, known.path_mask], axis=-1)], axis=-1)
    out[:, CONDITIONS["path_near"]] = _nearness(points, known.frames)
    return line


def _write_heading(out: Array, known: Observations, references: Array, fps: float) -> None:
    rate = np.diff(references, append=references[-1:]) * fps
    frames = np.flatnonzero(known.heading_mask)
    weight = _weights(frames, known.frames) if len(frames) else np.zeros(known.frames)
    out[:, CONDITIONS["heading"]] = np.stack([weight, known.heading_mask, np.clip(rate, -10, 10)], axis=-1)
    turn = np.where(known.heading_mask, known.headings - references, 0.0)
    out[:, CONDITIONS["key_heading"]] = np.stack([np.sin(turn), np.cos(turn)], axis=-1) * known.heading_mask[:, None]


def _write_reference(out: Array, known: Observations, cues: Cues, mean: Array, std: Array) -> None:
    """A reference motion takes the places of the interpolated keys: it knows more of what lies between them."""
    frames = np.flatnonzero(cues.strength > 0)
    if not len(frames):
        return
    strength = cues.strength[frames, None]
    values = (cues.reference_pose[frames].reshape(len(frames), -1) - mean[:-1]) / std[:-1]
    free = ~known.pose_mask[frames]
    pose, weight = CONDITIONS["pose"], CONDITIONS["pose_weight"]
    out[frames, pose] = np.where(np.repeat(free, 6, axis=1), values * strength, out[frames, pose])
    out[frames, weight] = np.where(free, strength, out[frames, weight])
    height = (cues.reference_heights[frames] - mean[-1]) / std[-1]
    guided = np.stack([height * strength[:, 0], strength[:, 0], np.zeros(len(frames))], axis=1)
    exact = known.height_mask[frames, None]
    out[frames, CONDITIONS["height"]] = np.where(exact, out[frames, CONDITIONS["height"]], guided)
    column = CONDITIONS["heading"].start
    out[frames, column] = np.maximum(out[frames, column], np.where(cues.camera_mask[frames], 0.0, strength[:, 0]))


def _write_pins(out: Array, known: Observations, references: Array, line: Array | None) -> None:
    if not known.pin_mask.any():
        return
    mask = known.pin_mask.astype(np.float64)
    planar = np.zeros((*mask.shape, 2))
    if line is not None:
        planar = turn_planar(known.pins[..., ::2] - line[:, None], -references[:, None]) * mask[..., None]
    flag = mask if line is not None else np.zeros_like(mask)
    height = known.pins[..., 1] * mask
    parts = np.stack([planar[..., 0], planar[..., 1], flag, height, mask], axis=-1)
    out[:, CONDITIONS["pins"]] = parts.reshape(known.frames, -1)
