"""Recorded motion to measure against: the clips of a split, windows of them, the statistics that scores divide by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from genmo.runtime import rotation, skeleton
from genmo.runtime.motion import Motion, sliced
from genmo.training.archive import Archive, Clip, usable
from genmo.training.dataset import FPS, sequence_from

Array = NDArray[np.float64]
Item = TypeVar("Item")

QUICK_SHARE: Final = 10
"""A quick run takes one clip of this many."""

UNEVEN: Final = "odd_floor"
"""Flag of clips with stairs, chairs or ledges: heights over the floor mean nothing there."""

_STATISTICS_SHARE: Final = 8
_STATISTICS_WINDOW, _STATISTICS_STEP, _FACING_FRAME = 50, 20, 9
"""Windows that LAFAN1's benchmark takes its statistics from, and the last of its 10 known frames."""


@dataclass(frozen=True, eq=False)
class Recording:
    """A recorded clip.

    Attributes:
        name: id of the clip, with the first frame for a window of it.
        captions: sentences that describe the whole clip.
        level: whether the floor is flat at height 0.
        motion: 30 fps, with the contacts that were annotated.
    """

    name: str
    captions: tuple[str, ...]
    level: bool
    motion: Motion


@dataclass(frozen=True, eq=False)
class Material:
    """Everything that is read from the archive.

    Attributes:
        recordings: clips of the measured split.
        deviation: (22, 3) standard deviation of the joint positions of training windows (`position_deviation`).
    """

    recordings: list[Recording]
    deviation: Array


def load_material(data: Path, *, split: str = "val", quick: bool = False) -> Material:
    """Read the archive.

    Args:
        data: folder of the archive (`training.archive`).
        split: whose clips are measured.
        quick: take only a tenth of the clips, evenly spread, four at least.

    Raises:
        ValueError: the split has no usable clip, or there is no training clip for the statistics.
    """
    archive = Archive(data)
    clips = [clip for clip in map(archive.clip, range(len(archive))) if usable(clip)]
    measured = [clip for clip in clips if clip.split == split]
    training = [clip for clip in clips if clip.split == "train"][::_STATISTICS_SHARE]
    if not measured or not training:
        raise ValueError(f"{data}: no clips of the split {split!r}, or none to train on")
    chosen = spread(measured, max(len(measured) // QUICK_SHARE, 4)) if quick else measured
    recordings = [recording(clip) for clip in chosen]
    return Material(recordings, position_deviation([recording(clip).motion for clip in training]))


def recording(clip: Clip) -> Recording:
    """A clip of the archive as a motion."""
    local = rotation.continuous(rotation.from_axis_angle(clip.rotations.astype(np.float64)))
    contacts = sequence_from(clip, mirrored=False).contacts.astype(np.float64)
    motion = Motion(FPS, clip.root.astype(np.float64), local, contacts)
    return Recording(clip.name, clip.captions, UNEVEN not in clip.flags, motion)


def spread(items: Sequence[Item], count: int) -> list[Item]:
    """`count` of the items, evenly spread; all of them where there are fewer."""
    if count >= len(items):
        return list(items)
    return [items[index] for index in np.linspace(0, len(items) - 1, count).round().astype(int)]


def windows(recordings: Sequence[Recording], shortest: int, longest: int, count: int) -> list[Recording]:
    """Stretches of clips, one after the other in each clip, `count` of them evenly spread over all.

    Args:
        recordings: clips.
        shortest: frames; what is left of a clip after its last whole window is taken if it has this many.
        longest: frames of a window.
        count: the most windows.
    """
    found = []
    for item in recordings:
        for start in range(0, item.motion.frames - shortest + 1, longest):
            stop = min(start + longest, item.motion.frames)
            part = sliced(item.motion, start, stop)
            found.append(Recording(f"{item.name}@{start}", item.captions, item.level, part))
    return spread(found, count)


def facing(root: Array, local: Array, frame: int) -> tuple[Array, Array]:
    """Windows turned about Y to face +Z at a frame, with the mean ground position of the root at the origin.

    Args:
        root: (N, T, 3).
        local: (N, T, 22, 4).
        frame: at which the pelvis faces +Z.

    Returns:
        The same shapes.
    """
    turn = rotation.about_y(-rotation.heading(local[:, frame, 0]))[:, None]
    centred = root - root.mean(axis=1, keepdims=True) * np.array([1.0, 0.0, 1.0])
    turned = local.copy()
    turned[:, :, 0] = rotation.multiply(turn, local[:, :, 0])
    return rotation.rotate(turn, centred), turned


def position_deviation(motions: Sequence[Motion]) -> Array:
    """Standard deviation (22, 3) of the joint positions in windows of 50 frames, every 20 frames, as LAFAN1 takes it.

    Each window has its mean ground position at the origin and faces +Z at its tenth frame; the score in-betweening
    is normalised by it. No axis of a joint has less than 1 mm.
    """
    found = []
    for motion in motions:
        starts = range(0, motion.frames - _STATISTICS_WINDOW + 1, _STATISTICS_STEP)
        rows = np.array([np.arange(start, start + _STATISTICS_WINDOW) for start in starts], dtype=int)
        if len(rows):
            root, local = facing(motion.root_positions[rows], motion.local_rotations[rows], _FACING_FRAME)
            found.append(skeleton.forward_kinematics(root, local)[0].reshape(-1, skeleton.JOINT_COUNT, 3))
    return np.maximum(np.concatenate(found).std(axis=0), 1e-3)
