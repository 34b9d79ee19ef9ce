"""The GENMO menu of the 3D view, in Object Mode and Pose Mode: everything in one place, and what F3 searches."""

from typing import Any, Final

from bpy.types import Menu as BlenderMenu
from bpy.types import VIEW3D_MT_object, VIEW3D_MT_pose

from .. import selection
from ..idnames import Menu, Op
from ..stubs import Context, Layout

_HOLDS: Final = {
    "Pin Left Hand": "l_wrist",
    "Pin Right Hand": "r_wrist",
    "Pin Left Foot": "l_ankle",
    "Pin Right Foot": "r_ankle",
}
_MODES: Final = (
    Op.GENERATE,
    Op.IN_BETWEEN,
    Op.REGENERATE_RANGE,
    Op.EXTEND,
    Op.LOOP,
    Op.GENERATE_POSE,
    Op.LAYER,
    Op.VARY,
)


class GENMO_MT_character(BlenderMenu):
    """What can be asked of the character, and the work modes."""

    bl_idname = Menu.CHARACTER
    bl_label = "GENMO"

    def draw(self, context: Context) -> None:
        """The entries, with their dialogs and modal parts."""
        layout: Layout = self.layout
        layout.operator_context = "INVOKE_DEFAULT"
        layout.operator(Op.PROMPT_ADD, icon="ADD")
        layout.operator(Op.KEY_POSE_ADD, text="Add Key Pose")
        layout.operator(Op.KEY_POSES_MARK)
        for label, joint in _HOLDS.items():
            layout.operator(Op.PIN_ADD, text=label).joint = joint
        layout.operator(Op.PATH_ADD)
        layout.operator(Op.PATH_DRAW)
        layout.operator(Op.WAYPOINT_ADD)
        layout.menu(Menu.VIDEO)
        layout.operator(Op.MUSIC_ADD)
        layout.menu(Menu.REFERENCE)
        layout.separator()
        for mode in _MODES:
            layout.operator(mode)


def _draw_entry(menu: Any, context: Context) -> None:
    if selection.character_of(context) is not None:
        menu.layout.separator()
        menu.layout.menu(Menu.CHARACTER, icon="OUTLINER_OB_ARMATURE")


_HOMES: Final = (VIEW3D_MT_object, VIEW3D_MT_pose)


def attach() -> None:
    """Add the menu to those of the 3D view."""
    for home in _HOMES:
        home.append(_draw_entry)


def detach() -> None:
    """Take it out again."""
    for home in _HOMES:
        home.remove(_draw_entry)


CLASSES = (GENMO_MT_character,)
