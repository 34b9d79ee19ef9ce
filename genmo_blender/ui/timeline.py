"""The GENMO menu in the header of the Dope Sheet and the Timeline, and the menu of a strip."""

from typing import Any, Final

from bpy.types import DOPESHEET_HT_header
from bpy.types import Menu as BlenderMenu

from .. import selection, strips
from ..idnames import Menu, Op
from ..properties import of_scene
from ..properties_media import COLOURS
from ..stubs import Context, Layout

_SWATCHES: Final = {
    "Blue": COLOURS["prompts"],
    "Red": COLOURS["videos"],
    "Green": COLOURS["music"],
    "Violet": COLOURS["references"],
    "Orange": (0.66, 0.42, 0.14),
    "Teal": (0.16, 0.50, 0.48),
    "Pink": (0.66, 0.34, 0.48),
    "Grey": (0.38, 0.38, 0.38),
}


class GENMO_MT_strip_colour(BlenderMenu):
    """Colours for strips."""

    bl_idname = Menu.STRIP_COLOUR
    bl_label = "Colour"

    def draw(self, context: Context) -> None:
        """One entry for each colour."""
        layout: Layout = self.layout
        for name, colour in _SWATCHES.items():
            layout.operator(Op.STRIP_COLOUR, text=name).colour = colour


class GENMO_MT_strip(BlenderMenu):
    """What can be done with the selected strips."""

    bl_idname = Menu.STRIP
    bl_label = "Strip"

    def draw(self, context: Context) -> None:
        """The entries."""
        _draw_entries(self.layout)


class GENMO_MT_timeline(BlenderMenu):
    """Strips, and what makes them."""

    bl_idname = Menu.TIMELINE
    bl_label = "GENMO"

    def draw(self, context: Context) -> None:
        """The entries."""
        layout: Layout = self.layout
        options = of_scene(context.scene)
        layout.prop(options, "show_strips")
        layout.prop(options, "snap_strips")
        layout.separator()
        layout.operator(Op.STRIP_ADD, icon="ADD")
        layout.operator(Op.PROMPTS_FROM_MARKERS)
        layout.operator(Op.MARKERS_FROM_PROMPTS)
        layout.separator()
        layout.operator(Op.STRIP_SELECT_ALL).deselect = False
        layout.operator(Op.STRIP_NEXT).backwards = False
        layout.operator(Op.STRIP_NEXT, text="Previous Strip").backwards = True
        layout.separator()
        _draw_entries(layout)


def _draw_entries(layout: Layout) -> None:
    """What can be done with selected strips. Called from a menu they do not ask where the mouse is."""
    layout.operator_context = "INVOKE_DEFAULT"
    layout.operator(Op.REGENERATE_RANGE, text="Regenerate", icon="FILE_REFRESH").source = "PROMPT"
    layout.operator(Op.STRIP_EDIT, text="Edit...", icon="GREASEPENCIL")
    layout.operator(Op.STRIP_SPLIT, text="Split at Playhead")
    layout.operator_context = "EXEC_DEFAULT"
    layout.operator(Op.STRIP_DUPLICATE, text="Duplicate").frames = 0
    layout.operator_context = "INVOKE_DEFAULT"
    layout.operator(Op.STRIP_MUTE, text="Mute or Unmute", icon="HIDE_ON")
    layout.menu(Menu.STRIP_COLOUR)
    layout.operator(Op.TRACKS_COPY, text="Copy to Selected Characters")
    layout.separator()
    layout.operator(Op.STRIP_REMOVE, text="Delete", icon="X")


def _draw_header(header: Any, context: Context) -> None:
    space = context.space_data
    if space.mode not in {"DOPESHEET", "ACTION", "TIMELINE"}:
        return
    target = selection.character_of(context)
    if target is None and not strips.of_characters(context.scene, None):
        return
    layout: Layout = header.layout
    layout.menu(Menu.TIMELINE)


def attach() -> None:
    """Add the menu to the header."""
    DOPESHEET_HT_header.append(_draw_header)


def detach() -> None:
    """Take it out again."""
    DOPESHEET_HT_header.remove(_draw_header)


CLASSES = (GENMO_MT_strip_colour, GENMO_MT_strip, GENMO_MT_timeline)
