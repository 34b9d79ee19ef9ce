"""Random cues of a training window: a filmed person, music, a reference motion, the span of the caption."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from genmo.runtime import keypoints
from genmo.runtime.cues import Cues
from genmo.runtime.features import turn_planar
from genmo.runtime.skeleton import INDEX
from genmo.training.beats import kinematic_beats, synthetic_music
from genmo.training.cameras import detect, film, smooth_noise
from genmo.training.dataset import FPS, Sequence

Array = NDArray[np.float64]
Rows = NDArray[np.int64]

_SPINE: Final = tuple(INDEX[name] for name in ("spine1", "spine2", "spine3", "neck", "head"))


def world_joints(item: Sequence, rows: Rows) -> Array:
    """Joint positions (T, 22, 3) in the world of the frames `rows` (T,)."""
    joints = item.joints[rows].astype(np.float64)
    headings = item.headings[rows].astype(np.float64)[:, None]
    joints[..., ::2] = turn_planar(joints[..., ::2], headings) + item.root[rows][:, None, ::2]
    return joints


def heading_free_heads(poses: NDArray[np.float32]) -> Array:
    """Rotations (N, 3, 3) of the head of 6D poses (N, 22, 6), pelvis without heading."""
    pose = poses[:, (0, *_SPINE)].astype(np.float64)
    chain = np.empty((*pose.shape[:2], 3, 3))
    # The data's rows are unit vectors at right angles already, so the third one is all that is missing.
    chain[..., 0, :], chain[..., 1, :] = pose[..., :3], pose[..., 3:]
    (a, b, c), (d, e, f) = np.moveaxis(pose[..., :3], -1, 0), np.moveaxis(pose[..., 3:], -1, 0)
    chain[..., 2, 0], chain[..., 2, 1], chain[..., 2, 2] = b * f - c * e, c * d - a * f, a * e - b * d
    turned = chain[:, 0]
    for joint in range(1, chain.shape[1]):
        turned = turned @ chain[:, joint]
    return turned


def head_rotations(item: Sequence, rows: Rows) -> Array:
    """World rotations (T, 3, 3) of the head."""
    turned = heading_free_heads(item.pose[rows])
    headings = item.headings[rows].astype(np.float64)
    sine, cosine = np.sin(headings)[:, None], np.cos(headings)[:, None]
    x, z = turned[:, 0].copy(), turned[:, 2].copy()
    turned[:, 0], turned[:, 2] = cosine * x + sine * z, cosine * z - sine * x
    return turned


def _stretch(rng: np.random.Generator, usable: int) -> slice:
    """Mostly the whole window, else at least a third of it."""
    if rng.random() >= 0.25:
        return slice(0, usable)
    length = int(rng.integers(usable // 3, usable + 1))
    start = int(rng.integers(0, usable - length + 1))
    return slice(start, start + length)


def film_window(rng: np.random.Generator, cues: Cues, item: Sequence, rows: Rows, usable: int) -> None:
    """Let a virtual camera film the window, or a part of it.

    Args:
        rng: source of all randomness.
        cues: of T frames, filled in place.
        item: the clip.
        rows: (T,) frames of the clip that the window shows.
        usable: frames of the window inside the clip.
    """
    points = keypoints.coco_points(world_joints(item, rows), head_rotations(item, rows))
    view = film(points, item.root[rows].astype(np.float64), rng)
    noise = float(rng.choice([0.0, 1.0], p=[0.2, 0.8]))
    part = _stretch(rng, usable)
    slopes, visible = detect(view, rng, noise=noise)
    cues.keypoints[:], cues.cameras[:] = slopes, view.cameras
    cues.visible[part], cues.camera_mask[part] = visible[part], True
    cues.gravity_mask[part] = rng.random() < 0.6


def play_music(rng: np.random.Generator, cues: Cues, item: Sequence, rows: Rows, usable: int) -> None:
    """Music whose beats are beats of the motion; arguments as in `film_window`."""
    beats = kinematic_beats(world_joints(item, rows), FPS)
    cues.music[:] = synthetic_music(beats, rng, len(rows))
    cues.music_mask[:usable] = True


def show_reference(rng: np.random.Generator, cues: Cues, item: Sequence, rows: Rows, usable: int) -> None:
    """A disturbed copy of the motion; the less strength, the more it is disturbed.

    Timing, poses, travel and headings drift, as they do between two performances (ViMoGen corrupts its references in
    the same spirit: noise, blends with neighbours, dropped frames). Arguments as in `film_window`.
    """
    frames, strength = len(rows), float(rng.uniform(0.15, 1.0))
    change = 1.0 - strength
    warp = 14.0 * change * smooth_noise(rng, frames, 1, 5)[:, 0]
    taken = rows[np.clip(np.round(np.arange(frames) + warp), 0, usable - 1).astype(np.int64)]
    drift = rng.standard_normal((1, 22, 6)) + smooth_noise(rng, frames, 132, 6).reshape(frames, 22, 6)
    cues.reference_pose[:] = item.pose[taken] + 0.12 * change * drift
    cues.reference_heights[:] = item.root[taken, 1] + 0.03 * change * rng.standard_normal()
    pace = 1.0 + 0.3 * change * rng.standard_normal()
    cues.reference_velocity[:] = item.velocity[taken] * pace
    cues.reference_headings[:] = item.headings[taken] + 0.5 * change * smooth_noise(rng, frames, 1, 4)[:, 0]
    part = _stretch(rng, usable)
    cues.strength[part] = strength


def state_span(rng: np.random.Generator, cues: Cues, item: Sequence, rows: Rows, usable: int) -> None:
    """Tell, sometimes, where the captioned motion begins and ends; arguments as in `film_window`.

    A caption tells of a whole clip and a window shows a part of it. Without this, "sits down" would mean sitting.
    """
    at = np.arange(len(rows)) + rows[0]
    if rng.random() < 0.85:
        cues.since_start[:usable] = at[:usable]
    if rng.random() < 0.45:
        cues.until_end[:usable] = len(item.root) - at[:usable]
