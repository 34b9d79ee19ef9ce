"""Edits of a character's media tracks: music and reference motions. Operators call these; frames are scene frames."""

from pathlib import Path
from typing import Any, Final

import bpy
import numpy as np
from bpy.types import Action, Object, Scene

from ..runtime import skeleton
from ..runtime.errors import UserError
from ..runtime.motion import Motion, load_motion
from . import changes, takes, tracks
from .collect import frame_rate
from .sampling import Sampler

SOUND_FILES: Final = "*.wav;*.flac;*.mp3;*.ogg;*.m4a;*.aac;*.opus"
MOTION_FILES: Final = "*.npz"
_MAX_ACTION_FRAMES: Final = 20_000


def add_music(target: Object, scene: Scene, path: str) -> Any:
    """Music from the playhead on, up to the end of the scene.

    Raises:
        UserError: there is no such file.
    """
    _check_file(path)
    row = tracks.add(target, "music")
    row.name, row.path = Path(path).stem, path
    row.start, row.stop = scene.frame_current, max(scene.frame_end + 1, scene.frame_current + round(frame_rate(scene)))
    return row


def add_reference_file(target: Object, scene: Scene, path: str) -> Any:
    """A motion file to stay close to, from the playhead on for as long as it is.

    Raises:
        UserError: the file cannot be read.
    """
    _check_file(path)
    motion = load_motion(bpy.path.abspath(path))
    return _reference(target, scene, Path(path).stem, motion.seconds, path=path)


def add_reference_take(target: Object, scene: Scene, take: int) -> Any:
    """A take to stay close to; -1 is the active one.

    Raises:
        UserError: there is no such take.
    """
    source = takes.find(target, take)
    return _keep(target, scene, source.name, takes.motion_of(source))


def add_reference_action(target: Object, scene: Scene) -> Any:
    """The character's present animation over the scene's range to stay close to: later edits do not change it.

    Raises:
        UserError: the character has no action, or the rig cannot be read.
    """
    data = target.animation_data
    if data is None or data.action is None:
        raise UserError(f"'{target.name}' has no action to stay close to")
    start, stop = (round(frame) for frame in data.action.frame_range)
    return _keep(target, scene, data.action.name, motion_of_action(target, scene, start, stop + 1))


def add_reference_motion(target: Object, scene: Scene, name: str, motion: Motion) -> Any:
    """A motion to stay close to, kept in the .blend, from the playhead on for as long as it is."""
    return _keep(target, scene, name, motion)


def motion_of_action(target: Object, scene: Scene, start: int, stop: int, action: Action | None = None) -> Motion:
    """The poses that the character shows on scene frames [start, stop), at the scene's rate; the playhead stays.

    Another action than the one that it plays may be given. The motion has no contacts.

    Raises:
        UserError: the rig cannot be read, or the range is too long.
    """
    if not 0 < stop - start <= _MAX_ACTION_FRAMES:
        raise UserError(f"The action has {stop - start} frames; between 1 and {_MAX_ACTION_FRAMES} can be read")
    with Sampler(scene) as sampler:
        poses = sampler.poses(target, tracks.bone_map(target), range(start, stop), action)
    return Motion(
        fps=frame_rate(scene),
        root_positions=np.array([pose.root_position for pose in poses]),
        local_rotations=np.array([pose.rotations for pose in poses]),
        contacts=np.zeros((len(poses), len(skeleton.CONTACT_JOINTS))),
    )


def _keep(target: Object, scene: Scene, name: str, motion: Motion) -> Any:
    row = _reference(target, scene, name, motion.seconds)
    row.data, row.frames, row.fps = takes.pack(motion), motion.frames, motion.fps
    changes.mark()
    return row


def _reference(target: Object, scene: Scene, name: str, seconds: float, *, path: str = "") -> Any:
    row = tracks.add(target, "references")
    row.name, row.path = name, path
    row.start, row.stop = scene.frame_current, scene.frame_current + max(1, round(seconds * frame_rate(scene)))
    return row


def _check_file(path: str) -> None:
    if not path or not Path(bpy.path.abspath(path)).is_file():
        raise UserError(f"There is no file '{path}'" if path else "Choose a file")
