"""Takes: finished motions that are kept in the .blend, shown as a ghost, and put onto the character.

A take holds its motion as text: 16-bit quaternions as differences over time, float32 root positions, 8-bit contacts,
deflated and written in base 85, about 60 kB for ten seconds. Quaternions lose at most 0.004 degrees.
"""

import base64
import json
import zlib
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final

import bpy
import numpy as np
from bpy.types import Action, Object, Scene

from ..runtime import rotation
from ..runtime.errors import MotionError, UserError
from ..runtime.metrics import DATA_LEVELS, PROMISES, measure
from ..runtime.motion import Motion
from ..runtime.request import MotionRequest
from ..runtime.skeleton import CONTACT_JOINTS, JOINT_COUNT
from . import bake, tracks
from .collect import Collected, frame_rate
from .core.retarget import Options
from .properties import MAX_SEED, of_object, of_scene

PREVIEW_NAME: Final = "GENMO Preview"
_QUATERNION_SCALE: Final = 32767
_MAX_FRAMES: Final = 1_000_000


def pack(motion: Motion) -> str:
    """The root positions, rotations and contacts of a motion as text; see the module for what is lost."""
    quaternions = rotation.continuous(motion.local_rotations)
    steps = np.rint(quaternions * _QUATERNION_SCALE).astype("<i2")
    steps[1:] = np.diff(steps, axis=0)  # wraps around in 16 bits, and so does the sum in `unpack`
    roots = motion.root_positions.astype("<f4")
    offsets = motion.rest_offsets.astype("<f4")
    contacts = np.rint(np.clip(motion.contacts, 0.0, 1.0) * 255).astype(np.uint8)
    parts = (offsets, roots, np.ascontiguousarray(np.moveaxis(steps, 0, -1)), contacts)
    return base64.b85encode(zlib.compress(b"".join(part.tobytes() for part in parts), 6)).decode("ascii")


def unpack(text: str, frames: int, fps: float, **members: Any) -> Motion:
    """The motion that `pack` wrote.

    Args:
        text: what `pack` gave.
        frames: length of the motion.
        fps: its frame rate.
        members: further members of the Motion.

    Raises:
        MotionError: the text is damaged.
    """
    counts = (JOINT_COUNT * 3 * 4, frames * 3 * 4, frames * JOINT_COUNT * 4 * 2, frames * len(CONTACT_JOINTS))
    if not 0 < frames <= _MAX_FRAMES:
        raise MotionError("The take is damaged: its length makes no sense")
    try:
        data = zlib.decompressobj().decompress(base64.b85decode(text), sum(counts) + 1)
    except (ValueError, zlib.error) as error:
        raise MotionError("The take is damaged and cannot be read") from error
    if len(data) != sum(counts):
        raise MotionError("The take is damaged: its data has another length")
    ends = np.cumsum((0, *counts))
    offsets, roots, steps, contacts = (data[a:b] for a, b in pairwise(ends))
    deltas = np.frombuffer(steps, "<i2").reshape(JOINT_COUNT, 4, frames)
    quaternions = np.moveaxis(np.cumsum(deltas, axis=-1, dtype=np.int16), -1, 0) / _QUATERNION_SCALE
    return Motion(
        fps=fps,
        root_positions=np.frombuffer(roots, "<f4").reshape(frames, 3).astype(np.float64),
        local_rotations=rotation.normalize(quaternions),
        contacts=np.frombuffer(contacts, np.uint8).reshape(frames, len(CONTACT_JOINTS)) / 255.0,
        rest_offsets=np.frombuffer(offsets, "<f4").reshape(JOINT_COUNT, 3).astype(np.float64),
        **members,
    )


def keep(target: Object, motion: Motion, collected: Collected, index: int) -> Any:
    """Add a finished motion, sample number `index` of its request, to a character's takes; returns the row."""
    row = tracks.add(target, "takes")
    row.name = _free_name(target)
    row.seed, row.sample = min(collected.request.sampling.seed, MAX_SEED), index
    row.start = collected.timeline.start
    row.frames, row.fps, row.pack = motion.frames, motion.fps, motion.pack
    row.request = json.dumps(collected.request.to_json())
    row.key_frames = json.dumps(collected.key_frames)
    row.numbers = json.dumps(measure(motion, collected.request))
    row.data = pack(motion)
    return row


def motion_of(row: Any) -> Motion:
    """The motion of a take.

    Raises:
        UserError: the take is damaged.
    """
    try:
        request = MotionRequest.from_json(json.loads(row.request)) if row.request else None
    except ValueError as error:
        raise MotionError(f"The take '{row.name}' is damaged: its request cannot be read") from error
    return unpack(row.data, row.frames, row.fps, request=request, pack=row.pack)


def find(target: Object, take: int) -> Any:
    """A take by number; -1 gives the active one.

    Raises:
        UserError: there is none.
    """
    rows = of_object(target).takes
    row = tracks.active(target, "takes") if take < 0 else (rows[take] if take < len(rows) else None)
    if row is None:
        raise UserError("There is no such take" if len(rows) else "There is no take yet: press Generate")
    return row


def apply(target: Object, scene: Scene, row: Any, *, start: int | None = None, root_scale: float = 1.0) -> Action:
    """Put a take onto its character as a new action; the old action is kept.

    Args:
        target: the armature.
        scene: whose frame rate counts.
        row: a take.
        start: scene frame to begin at, None for where it was made.
        root_scale: how far the character travels, 1 = as far as its legs suggest.

    Raises:
        UserError: the take or the rig cannot be used.
    """
    shift = 0 if start is None else start - row.start
    return bake.apply_motion(
        target,
        motion_of(row),
        tracks.bone_map(target),
        start=row.start + shift,
        fps=frame_rate(scene),
        name=title(row),
        options=Options(root_scale=root_scale, foot_lock=of_scene(scene).cleanup, floor=of_scene(scene).cleanup),
        key_frames=[frame + shift for frame in _key_frames(row)],
    )


def preview(target: Object, scene: Scene, row: Any) -> Object:
    """Show a take on a wire copy of the armature, in place of an earlier preview; the character stays as it is.

    Raises:
        UserError: the take or the rig cannot be used.
    """
    clear_preview()
    ghost = target.copy()
    ghost.name = PREVIEW_NAME
    ghost.animation_data_clear()
    ghost.display_type, ghost.show_in_front = "WIRE", True
    for home in target.users_collection:
        home.objects.link(ghost)
    state = of_object(ghost)
    state.is_preview = True
    try:
        action = apply(ghost, scene, of_object(ghost).takes[row.name])
    except UserError:
        clear_preview()
        raise
    action.name, action.use_fake_user = PREVIEW_NAME, False
    for track in tracks.TRACKS:
        getattr(state, track).clear()
    ghost.hide_select = True
    return ghost


def clear_preview() -> bool:
    """Remove all wire copies with their actions; returns whether there were any."""
    ghosts = [item for item in bpy.data.objects if of_object(item).is_preview and item.library is None]
    for ghost in ghosts:
        action = ghost.animation_data.action if ghost.animation_data else None
        bpy.data.objects.remove(ghost)
        if action is not None and not action.users:
            bpy.data.actions.remove(action)
    return bool(ghosts)


def title(row: Any) -> str:
    """Name for the action of a take: its first prompt, else its own name."""
    try:
        prompts = json.loads(row.request).get("prompts", []) if row.request else []
    except ValueError:
        prompts = []
    return prompts[0]["text"] if prompts else row.name


@dataclass(frozen=True, slots=True)
class Number:
    """One line of the quality read-out.

    Attributes:
        label: what is measured.
        value: with its unit.
        level: the same of recorded motion, or what was promised; for comparison.
        is_worse: whether it is worse than nine in ten recorded motions, or than promised.
    """

    label: str
    value: str
    level: str
    is_worse: bool


@lru_cache(maxsize=64)
def numbers(text: str) -> tuple[Number, ...]:
    """The quality read-out in `take.numbers`, for the panel."""
    try:
        values = json.loads(text) if text else {}
    except ValueError:
        return ()
    return tuple(_number(values[key], key, label, form) for key, label, form in _READ_OUT if key in values)


def _number(value: float, key: str, label: str, form: str) -> Number:
    median, limit = DATA_LEVELS.get(key, (None, PROMISES.get(key)))
    level = f"recorded {median:g}" if median is not None else f"at most {limit:g}"
    return Number(label, form.format(value), level, limit is not None and value > limit)


_READ_OUT: Final = (
    ("foot_skate_contact", "Foot Skate", "{:.1f} cm/s"),
    ("penetration_max", "Floor Penetration", "{:.1f} cm"),
    ("jitter", "Jitter", "{:.1f}"),
    ("key_position_error_mm", "Key Pose Error", "{:.2f} mm"),
    ("key_rotation_error_deg", "Key Turn Error", "{:.2f}°"),
    ("pin_error_mm", "Pin Error", "{:.2f} mm"),
    ("path_error_mm", "Path Error", "{:.2f} mm"),
)


def _key_frames(row: Any) -> list[int]:
    try:
        return [int(frame) for frame in json.loads(row.key_frames)] if row.key_frames else []
    except (TypeError, ValueError) as error:
        raise MotionError(f"The take '{row.name}' is damaged: its key frames cannot be read") from error


def _free_name(target: Object) -> str:
    taken = {row.name for row in of_object(target).takes}
    number = 1
    while f"Take {number}" in taken:
        number += 1
    return f"Take {number}"
