"""The Quality panel: numbers beside those of recorded motion, and the frames that are bad."""

from bpy.types import Object
from bpy.types import Panel as BlenderPanel

from .. import judging, takes
from ..idnames import Op, Panel
from ..stubs import Context, Layout
from .panels import CharacterPanel

_MOST: int = 12
"""Faults that are listed."""


class GENMO_PT_quality(CharacterPanel, BlenderPanel):
    """How good the active take or an action is."""

    bl_idname = Panel.QUALITY
    bl_label = "Quality"
    bl_options = {"DEFAULT_CLOSED"}

    def draw_character(self, layout: Layout, context: Context, target: Object) -> None:
        """Numbers and faults."""
        row = layout.row(align=True)
        row.operator(Op.QUALITY_MEASURE, icon="VIEWZOOM")
        judged = judging.shown(target, context.scene)
        if judged is None:
            return
        if not judged.is_take:
            row.operator(Op.QUALITY_TAKE, text="", icon="X")
        layout.label(text=judged.name, icon="ACTION_TWEAK" if judged.is_take else "ACTION")
        draw_numbers(layout.column(align=True), judged.numbers)
        _draw_faults(layout, judged)


def draw_numbers(column: Layout, text: str) -> None:
    """The numbers of a take or action, each beside the level of recorded motion."""
    for number in takes.numbers(text):
        split = column.split(factor=0.42)
        split.label(text=number.label, icon="ERROR" if number.is_worse else "CHECKMARK")
        values = split.split(factor=0.45)
        values.alert = number.is_worse
        values.label(text=number.value)
        values.label(text=number.level)


def _draw_faults(layout: Layout, judged: judging.Judged) -> None:
    spans = judged.spans
    if not spans:
        layout.label(text="No faults", icon="CHECKMARK")
        return
    layout.label(text=f"{len(spans)} fault{'' if len(spans) == 1 else 's'}", icon="ERROR")
    column = layout.column(align=True)
    for number, (fault, start, stop, worst) in enumerate(spans[:_MOST]):
        row = column.split(factor=0.84, align=True)
        words = f"{judging.LABELS[fault.kind]}, {start} to {stop - 1} ({fault.severity:.1f})"
        row.operator(Op.QUALITY_JUMP, text=words, icon="TIME").frame = worst
        row.operator(Op.QUALITY_FIX, text="Fix").number = number
    if len(spans) > _MOST:
        layout.label(text=f"and {len(spans) - _MOST} more")


CLASSES = (GENMO_PT_quality,)
