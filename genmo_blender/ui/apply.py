"""The panel with the settings of how motions are put onto a character."""

from bpy.types import Object
from bpy.types import Panel as BlenderPanel

from .. import applying
from ..idnames import Panel
from ..properties import of_object
from ..stubs import Context, Layout
from .panels import CharacterPanel


class GENMO_PT_apply(CharacterPanel, BlenderPanel):
    """What is written, where in time and to which bones."""

    bl_idname = Panel.APPLY
    bl_parent_id = Panel.TAKES
    bl_label = "Apply Settings"
    bl_options = {"DEFAULT_CLOSED"}

    def draw_character(self, layout: Layout, context: Context, target: Object) -> None:
        """The settings of this character."""
        applying.draw(layout, of_object(target).apply)


CLASSES = (GENMO_PT_apply,)
