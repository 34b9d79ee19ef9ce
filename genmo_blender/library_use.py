"""What a clip of the library becomes on a character: a take, a reference motion, or key poses."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any, Final

import numpy as np
from bpy.types import Object, Scene
from numpy.typing import NDArray

from ..runtime import rotation, skeleton
from ..runtime.errors import UserError
from ..runtime.exchange.files import load_any
from ..runtime.library import strips
from ..runtime.motion import Motion, mirrored, sliced
from ..runtime.quality import with_contacts
from . import armature, library_pictures, media, takes, tracks
from .collect import frame_rate
from .core.retarget import ModelPose
from .library import Hit
from .properties import WHOLE_BODY

_LEG: Final = [skeleton.INDEX[name] for name in ("l_knee", "l_ankle", "r_knee", "r_ankle")]


def read(hit: Hit, *, only_window: bool) -> Motion:
    """The motion of a hit, mirrored if it was found so.

    Args:
        hit: what was found.
        only_window: only the part that fits best.

    Raises:
        UserError: the clip is gone or damaged.
    """
    motion = load_any(hit.motion)
    if only_window:
        start, stop = (min(max(frame, 0), motion.frames) for frame in hit.window)
        if stop <= start:
            raise UserError(f"'{hit.name}' has changed since it was indexed: index again")
        motion = sliced(motion, start, stop)
    return mirrored(motion) if hit.mirrored else motion


def take(target: Object, scene: Scene, hit: Hit, *, only_window: bool) -> Any:
    """A new take of the clip, from the playhead on, starting where the character is now; returns its row.

    Raises:
        UserError: the clip or the rig cannot be read.
    """
    motion = with_contacts(_placed(target, read(hit, only_window=only_window)))
    return takes.keep_clip(target, motion, hit.name, scene.frame_current)


def reference(target: Object, scene: Scene, hit: Hit, *, only_window: bool) -> Any:
    """The clip as a reference motion from the playhead on; returns its row.

    Raises:
        UserError: the clip cannot be read.
    """
    motion = _of_model_size(read(hit, only_window=only_window))
    return media.add_reference_motion(target, scene, hit.name, motion)


def key_poses(target: Object, scene: Scene, hit: Hit, count: int, *, only_window: bool) -> int:
    """Poses of the clip, evenly spread, as key poses from the playhead on; returns how many.

    Raises:
        UserError: the clip or the rig cannot be read.
    """
    motion = _placed(target, _of_model_size(read(hit, only_window=only_window)))
    ratio = frame_rate(scene) / motion.fps
    frames = np.unique(np.linspace(0, motion.frames - 1, min(count, motion.frames)).round().astype(int))
    for frame in frames:
        row = tracks.add(target, "key_poses")
        row.frame, row.scope = scene.frame_current + round(frame * ratio), WHOLE_BODY
        row.name = f"{hit.name}, {frame / motion.fps:.1f} s"
        tracks.store_pose(row, ModelPose(motion.root_positions[frame], motion.local_rotations[frame], frozenset()))
    return len(frames)


def _placed(target: Object, motion: Motion) -> Motion:
    """The motion turned and moved over the ground, so that it begins where the character is now."""
    now = armature.read_pose(target, tracks.bone_map(target))
    first = motion.local_rotations[0, 0]
    turn = rotation.about_y(rotation.heading(np.asarray(now.rotations)[0]) - rotation.heading(first))
    flat = np.array([1.0, 0.0, 1.0])
    roots = rotation.rotate(turn, motion.root_positions - motion.root_positions[0] * flat)
    local = motion.local_rotations.copy()
    local[:, 0] = rotation.multiply(turn, local[:, 0])
    return replace(motion, root_positions=roots + np.asarray(now.root_position) * flat, local_rotations=local)


def _of_model_size(motion: Motion) -> Motion:
    """The motion on the model's own skeleton: longer legs carry the pelvis higher and farther."""
    offsets = skeleton.rest_offsets()
    ratio = float(np.linalg.norm(offsets[_LEG], axis=1).sum() / np.linalg.norm(motion.rest_offsets[_LEG], axis=1).sum())
    return replace(motion, root_positions=motion.root_positions * ratio, rest_offsets=offsets)


def window_icons(hit: Hit) -> tuple[int, ...]:
    """Icons of the part of a clip that fits best; none if the clip cannot be read any more."""
    return library_pictures.icons(f"{hit.motion} {hit.window} {hit.mirrored}", lambda: _window_picture(hit))


@lru_cache(maxsize=8)
def _window_picture(hit: Hit) -> NDArray[np.uint8]:
    try:
        return strips.strip(read(hit, only_window=True))
    except UserError:
        return np.zeros((1, library_pictures.PARTS, 4), np.uint8)
