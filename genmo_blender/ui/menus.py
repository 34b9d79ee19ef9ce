"""Entries in Blender's own menus."""

from typing import Any

from bpy.types import DOPESHEET_MT_key, VIEW3D_MT_armature_add

from ..idnames import Op


def _draw_add(menu: Any, context: Any) -> None:
    menu.layout.operator(Op.CHARACTER_ADD, text="GENMO Character", icon="OUTLINER_OB_ARMATURE")


def _draw_mark(menu: Any, context: Any) -> None:
    menu.layout.separator()
    marking = menu.layout.operator(Op.KEY_POSES_MARK, text="Mark as GENMO Key Poses", icon="KEYTYPE_EXTREME_VEC")
    marking.where = "SELECTED"


def attach() -> None:
    """Add the entries."""
    VIEW3D_MT_armature_add.append(_draw_add)
    DOPESHEET_MT_key.append(_draw_mark)


def detach() -> None:
    """Remove the entries."""
    DOPESHEET_MT_key.remove(_draw_mark)
    VIEW3D_MT_armature_add.remove(_draw_add)
