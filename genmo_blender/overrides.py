"""Lets characters that are linked from another file and overridden keep their tracks, map and takes.

Blender saves, and lets change, only those properties of an overridden object that are declared overridable. All of
ours are, so this is said once for all classes and not at each property.

What was changed is found by comparing with the linked object. Where that one has no properties of ours yet, Blender
(4.2 to 5.2) compares the whole group with nothing and then cannot load what it saved. Reading the linked object's
group creates it, empty, so it is read before Blender compares.
"""

from collections.abc import Iterable
from typing import Any, Final

import bpy
from bpy.app.handlers import persistent
from bpy.types import Object

PLAIN: Final = frozenset({"LIBRARY_OVERRIDABLE"})
ROWS: Final = frozenset({"LIBRARY_OVERRIDABLE", "USE_INSERTION"})
"""For collections: rows may be added on the overridden object."""


def make_overridable(groups: Iterable[type]) -> None:
    """Declare all properties of property groups overridable; call it before they are registered."""
    for group in groups:
        annotations: dict[str, Any] = group.__annotations__
        for deferred in annotations.values():
            is_collection = deferred.function.__name__ == "CollectionProperty"
            deferred.keywords.setdefault("override", set(ROWS if is_collection else PLAIN))


def prepare(item: Object) -> None:
    """Make sure that an overridden object can be compared with the linked one."""
    if item.override_library is not None and item.override_library.reference is not None:
        reference: Any = item.override_library.reference
        _ = reference.genmo


@persistent
def _prepare_all(*_: Any) -> None:
    for item in bpy.data.objects:
        prepare(item)


def attach() -> None:
    """Prepare the overridden objects of a file when it was loaded and before it is saved."""
    bpy.app.handlers.load_post.append(_prepare_all)
    bpy.app.handlers.save_pre.append(_prepare_all)


def detach() -> None:
    """Take the handlers back."""
    bpy.app.handlers.load_post.remove(_prepare_all)
    bpy.app.handlers.save_pre.remove(_prepare_all)
