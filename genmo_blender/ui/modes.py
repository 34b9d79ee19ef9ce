"""The work mode in the Generate panel: its settings and its button."""

from typing import Any, Final

from bpy.types import Object

from .. import tracks
from ..core.work import Mode
from ..idnames import Op
from ..properties import of_object
from ..stubs import Layout

BUTTONS: Final = {
    Mode.NEW: (Op.GENERATE, "Generate"),
    Mode.BETWEEN: (Op.IN_BETWEEN, "Fill In Between"),
    Mode.RANGE: (Op.REGENERATE_RANGE, "Regenerate Range"),
    Mode.EXTEND: (Op.EXTEND, "Extend"),
    Mode.LOOP: (Op.LOOP, "Generate Loop"),
    Mode.POSE: (Op.GENERATE_POSE, "Generate Pose"),
    Mode.LAYER: (Op.LAYER, "Generate Layer"),
    Mode.VARY: (Op.VARY, "Vary Take"),
}
"""Operator of each work mode, and the words on the button."""

_FIELDS: Final = {
    Mode.EXTEND: ("side", "frames", "text"),
    Mode.LOOP: ("length", "in_place", "text"),
    Mode.POSE: ("text",),
    Mode.BETWEEN: ("text",),
    Mode.VARY: ("strength",),
}


def draw_settings(column: Layout, settings: Any, target: Object) -> None:
    """What the chosen mode needs to know, in a column with labels."""
    mode = Mode(settings.mode)
    for name in _FIELDS.get(mode, ()):
        column.prop(settings, name)
    if mode in (Mode.RANGE, Mode.LAYER):
        column.prop(settings, "source")
        if settings.source == "FRAMES":
            column.prop(settings, "start")
            column.prop(settings, "stop")
        column.prop(settings, "text")
    if mode is Mode.LAYER:
        column.grid_flow(columns=2, align=True).prop(settings, "parts")
    if mode is Mode.VARY and len(of_object(target).takes):
        row = tracks.active(target, "takes")
        column.label(text=f"of {row.name}" if row else "", icon="ACTION")


def draw_button(row: Layout, settings: Any) -> None:
    """The button that runs the chosen mode."""
    operator, text = BUTTONS[Mode(settings.mode)]
    row.operator(operator, text=text, icon="PLAY")
