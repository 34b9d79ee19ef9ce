"""Which armature the panels and operators are about."""

from bpy.types import Armature, Object

from .properties import of_object
from .stubs import Context


def character_of(context: Context) -> Object | None:
    """The active armature, or the armature that moves the active mesh; None when there is neither.

    A preview is nobody's character.
    """
    active = context.active_object
    if active is None:
        return None
    candidate = active if isinstance(active.data, Armature) else active.find_armature()
    return candidate if candidate is not None and not of_object(candidate).is_preview else None
