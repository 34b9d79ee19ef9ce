"""The actions of the open file as clips: read through the bone maps of its armatures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import bpy
from bpy.types import Action, Object, Scene

from ..runtime.errors import UserError
from ..runtime.motion import Motion, save_motion
from . import armature, media, tracks
from .bake import curves_of
from .properties import of_object

FITS: Final = 0.5
"""Share of a rig's mapped bones that an action must move to be one of its."""


def group() -> str:
    """What the clips of this file belong to in an index."""
    return f"actions of {bpy.data.filepath or 'an unsaved file'}"


def place(action: Action) -> str:
    """What an action is called in an index."""
    return f"{bpy.data.filepath or 'unsaved file'}: action {action.name}"


def pairs(scene: Scene) -> Iterator[tuple[Object, Action]]:
    """The actions that fit an armature of the scene with mapped bones, each with the armature that it fits best."""
    rigs = [item for item in scene.objects if armature.is_armature(item) and not of_object(item).is_preview]
    mapped = {item: {bone for bones in tracks.bone_map(item).values() for bone in bones} for item in rigs}
    for action in bpy.data.actions:
        moved = _moved(action)
        fits = [(_fit(item, action, bones, moved), item) for item, bones in mapped.items() if bones]
        best = max(fits, key=lambda pair: pair[0], default=(0.0, None))
        if best[1] is not None and best[0] >= FITS:
            yield best[1], action


def _moved(action: Action) -> set[str]:
    paths = (curve.data_path for curve in curves_of(action))
    return {path.split('"')[1] for path in paths if path.startswith('pose.bones["') and path.count('"') > 1}


def _fit(item: Object, action: Action, bones: set[str], moved: set[str]) -> float:
    """Share of the mapped bones that an action moves; the armature that plays it comes first."""
    data = item.animation_data
    return len(bones & moved) / len(bones) + (data is not None and data.action == action and bool(bones & moved))


def motion_of(target: Object, scene: Scene, action: Action | None) -> Motion:
    """What a character shows in an action, without contacts; None takes what it shows now.

    Raises:
        UserError: there is no action, the rig cannot be read, or the action is too long.
    """
    data = target.animation_data
    chosen = action or (data.action if data else None)
    if chosen is None:
        raise UserError(f"'{target.name}' has no action")
    start, stop = (round(frame) for frame in chosen.frame_range)
    return media.motion_of_action(target, scene, start, stop + 1, chosen)


def written(scene: Scene) -> tuple[list[dict[str, Any]], list[str]]:
    """Motion files of all actions, as the task `library.add` takes them, and sentences about those left out.

    The files go with this Blender.

    Raises:
        UserError: a file cannot be written.
    """
    clips, left_out = [], []
    for number, (target, action) in enumerate(pairs(scene)):
        try:
            motion = motion_of(target, scene, action)
        except UserError as error:
            left_out.append(f"{action.name}: {error}")
            continue
        path = Path(bpy.app.tempdir) / f"genmo-action-{number}.npz"
        save_motion(motion, path)
        clips.append({"motion": str(path), "place": place(action), "name": action.name, "stamp": ""})
    return clips, left_out
