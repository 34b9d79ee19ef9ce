"""Entries in Blender's own menus."""

from typing import Any

from bpy.types import VIEW3D_MT_armature_add

from ..idnames import Op


def _draw_add(menu: Any, context: Any) -> None:
    menu.layout.operator(Op.CHARACTER_ADD, text="GENMO Character", icon="OUTLINER_OB_ARMATURE")


def attach() -> None:
    """Add the entries."""
    VIEW3D_MT_armature_add.append(_draw_add)


def detach() -> None:
    """Remove the entries."""
    VIEW3D_MT_armature_add.remove(_draw_add)
