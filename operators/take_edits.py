"""Takes beside each other: star, rename, compare, clear, and open their requests again."""
# ruff: noqa: D415 - the docstrings of operators are tooltips, which Blender ends with a full stop itself
# pyright: reportInvalidTypeForm=false

from typing import Any

from bpy.props import IntProperty, StringProperty
from bpy.types import Event, Object

from ..genmo_blender import reopen, take_ghosts, takes, tracks
from ..genmo_blender.idnames import Op
from ..genmo_blender.properties import of_object
from ..genmo_blender.stubs import Context
from ..runtime.errors import UserError
from .base import CharacterOperator


class _TakeOperator(CharacterOperator):
    """A take operator on one row."""

    take: IntProperty(name="Take", description="Number of the take; -1 for the active one", default=-1, min=-1)


class GENMO_OT_take_star(_TakeOperator):
    """Mark the take as one worth keeping, or take the mark away"""

    bl_idname = Op.TAKE_STAR
    bl_label = "Star Take"

    def run(self, context: Context, target: Object) -> str:
        """Switch the star."""
        row = takes.find(target, self.take)
        row.starred = not row.starred
        return ""


class GENMO_OT_take_rename(_TakeOperator):
    """Give the take another name"""

    bl_idname = Op.TAKE_RENAME
    bl_label = "Rename Take"

    name: StringProperty(name="Name", description="The new name")

    def invoke(self, context: Context, event: Event) -> Any:
        """Ask for the name."""
        return context.window_manager.invoke_props_dialog(self)

    def run(self, context: Context, target: Object) -> str:
        """Rename it; a name that is taken gets a number."""
        row = takes.find(target, self.take)
        row.name = takes.free_name(target, self.name, row)
        return ""


class GENMO_OT_take_compare(_TakeOperator):
    """Show two takes in turn as ghosts: each press shows the other one; the character stays as it is"""

    bl_idname = Op.TAKE_COMPARE
    bl_label = "Compare Takes"

    other: IntProperty(name="Other", description="Take to compare with; -1 for the one before", default=-1, min=-1)

    def run(self, context: Context, target: Object) -> str:
        """Show the other one."""
        rows = of_object(target).takes
        if len(rows) < 2:
            raise UserError("There must be two takes to compare")
        first = takes.find(target, self.take)
        number = list(rows).index(first)
        second = takes.find(target, self.other) if self.other >= 0 else rows[number - 1 if number else 1]
        if first == second:
            raise UserError("Choose two different takes to compare")
        return f"'{take_ghosts.compare(target, context.scene, first, second)}' is shown"


class GENMO_OT_take_reopen(_TakeOperator):
    """Put what the take was made from back onto the tracks, with its seed, to change it"""

    bl_idname = Op.TAKE_REOPEN
    bl_label = "Edit Request of Take"

    def run(self, context: Context, target: Object) -> str:
        """Restore the tracks."""
        row = takes.find(target, self.take)
        missing = reopen.reopen(target, context.scene, row)
        gone = f"; not there any more: {', '.join(missing)}" if missing else ""
        return f"The tracks of '{row.name}' are open{gone}"


class GENMO_OT_takes_clear(CharacterOperator):
    """Remove all takes without a star; actions that they were applied to stay"""

    bl_idname = Op.TAKES_CLEAR
    bl_label = "Remove Takes Without Star"

    def invoke(self, context: Context, event: Event) -> Any:
        """Ask first: a take cannot always be made again."""
        return context.window_manager.invoke_confirm(self, event)

    def run(self, context: Context, target: Object) -> str:
        """Remove them."""
        plain = [number for number, row in enumerate(of_object(target).takes) if not row.starred]
        for number in reversed(plain):
            tracks.remove(target, "takes", number)
        return f"{len(plain)} takes removed"


CLASSES = (
    GENMO_OT_take_star,
    GENMO_OT_take_rename,
    GENMO_OT_take_compare,
    GENMO_OT_take_reopen,
    GENMO_OT_takes_clear,
)
