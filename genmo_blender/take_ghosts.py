"""Takes as ghosts: wire copies of the armature that play a take, while the character stays as it is."""

from __future__ import annotations

from typing import Any, Final

import bpy
from bpy.types import Object, Scene

from ..runtime.errors import UserError
from . import takes, tracks
from .core.output import Output
from .properties import of_object

NAME: Final = "GENMO Preview"
COLOURS: Final = ((0.25, 0.55, 1.0, 1.0), (1.0, 0.5, 0.1, 1.0))
"""Colours of the two takes that are compared."""
_TAKE: Final = "genmo_take"
"""Property of a ghost with the name of its take."""


def show(target: Object, scene: Scene, row: Any, *, colour: int = 0) -> Object:
    """Show a take on a ghost beside those that are there.

    Raises:
        UserError: the take or the rig cannot be used.
    """
    number = list(of_object(target).takes).index(row)
    before = target.animation_data.action if target.animation_data else None
    ghost: Any = target.copy()
    ghost.name = NAME
    ghost.animation_data_clear()
    ghost.display_type, ghost.show_in_front = "WIRE", True
    ghost.color, ghost[_TAKE] = COLOURS[colour], row.name
    for home in target.users_collection:
        home.objects.link(ghost)
    state = of_object(ghost)
    state.is_preview = True
    try:
        action = takes.apply(ghost, scene, state.takes[number], output=Output(), base=before)
    except UserError:
        _remove(ghost)
        raise
    action.name, action.use_fake_user = NAME, False
    for track in tracks.TRACKS:
        getattr(state, track).clear()
    ghost.hide_select = True
    return ghost


def preview(target: Object, scene: Scene, row: Any) -> Object:
    """Show a take on a ghost in place of earlier ones.

    Raises:
        UserError: the take or the rig cannot be used.
    """
    clear()
    return show(target, scene, row)


def compare(target: Object, scene: Scene, first: Any, second: Any) -> str:
    """Show the other one of two takes, or the first one if neither is shown; returns its name.

    Raises:
        UserError: a take or the rig cannot be used.
    """
    names = (first.name, second.name)
    ghosts = {ghost.get(_TAKE): ghost for ghost in shown()}
    if set(ghosts) == set(names):
        visible = 1 if ghosts[names[1]].hide_viewport else 0
    else:
        clear()
        ghosts = {row.name: show(target, scene, row, colour=number) for number, row in enumerate((first, second))}
        visible = 0
    for number, name in enumerate(names):
        ghosts[name].hide_viewport = number != visible
    return names[visible]


def shown() -> list[Any]:
    """All ghosts in the file."""
    return [item for item in bpy.data.objects if of_object(item).is_preview and item.library is None]


def clear() -> bool:
    """Remove all ghosts with their actions; returns whether there were any."""
    ghosts = shown()
    for ghost in ghosts:
        _remove(ghost)
    return bool(ghosts)


def _remove(ghost: Object) -> None:
    action = ghost.animation_data.action if ghost.animation_data else None
    bpy.data.objects.remove(ghost)
    if action is not None and not action.users:
        bpy.data.actions.remove(action)
