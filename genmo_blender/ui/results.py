"""The Generate and Takes panels: options, progress, problems, and what came out."""

from bpy.types import Object
from bpy.types import Panel as BlenderPanel

from .. import checks, generation, selection, takes, tracks
from ..idnames import Op, Panel, UIList
from ..properties import of_object, of_scene
from ..stubs import Context, Layout
from .panels import CharacterPanel, draw_column, draw_list
from .problems import draw_issues, draw_text


class GENMO_PT_generate(CharacterPanel, BlenderPanel):
    """Options, the button, progress and problems."""

    bl_idname = Panel.GENERATE
    bl_label = "Generate"

    def draw_character(self, layout: Layout, context: Context, target: Object) -> None:
        """Everything about the next generation."""
        options = of_scene(context.scene)
        column = draw_column(layout)
        row = column.row(align=True)
        row.prop(options, "seed")
        row.prop(options, "new_seed", text="", icon="FILE_REFRESH")
        column.prop(options, "samples")
        column.prop(options, "quality")
        if options.quality == "CUSTOM":
            column.prop(options, "steps")
        column.prop(options, "apply_when_done")
        if generation.running() is None:
            self._draw_button(layout, context, target)
        else:
            self._draw_progress(layout)

    def _draw_button(self, layout: Layout, context: Context, target: Object) -> None:
        issues = checks.cached(target, context.scene)
        row = layout.row()
        row.scale_y = 1.6
        row.enabled = not any(issue.severity == "error" for issue in issues)
        row.operator(Op.GENERATE, icon="PLAY")
        if generation.message():
            box = layout.box().column(align=True)
            box.alert = True
            draw_text(context, box, generation.message(), "ERROR")
        draw_issues(context, layout, issues)

    def _draw_progress(self, layout: Layout) -> None:
        current = generation.running()
        news = current.job.progress if current else None
        text = news.phase if news else "Starting"
        factor = news.step / news.total if news and news.total else 0.0
        if news and factor:
            text += f" {news.step}/{news.total}"
        row = layout.row(align=True)
        row.scale_y = 1.6
        row.progress(factor=factor, type="BAR", text=text)
        row.operator(Op.CANCEL, text="", icon="X")
        if current and len(current.job.motions):
            layout.label(text=f"{len(current.job.motions)} takes are there")


class GENMO_PT_options(CharacterPanel, BlenderPanel):
    """Options that seldom change."""

    bl_idname = Panel.OPTIONS
    bl_parent_id = Panel.GENERATE
    bl_label = "Options"
    bl_options = {"DEFAULT_CLOSED"}

    def draw_character(self, layout: Layout, context: Context, target: Object) -> None:
        """Model, device, clean-up."""
        options = of_scene(context.scene)
        column = draw_column(layout)
        column.prop(options, "pack")
        column.prop(options, "device")
        column.prop(options, "cleanup")


class GENMO_PT_takes(CharacterPanel, BlenderPanel):
    """The finished motions."""

    bl_idname = Panel.TAKES
    bl_label = "Takes"

    @classmethod
    def poll(cls, context: Context) -> bool:
        """Only when there is a take."""
        return super().poll(context) and bool(_takes_of(context))

    def draw_character(self, layout: Layout, context: Context, target: Object) -> None:
        """The list, what can be done with the active take, and its numbers."""
        buttons = draw_list(layout, target, "takes", UIList.TAKES)
        row = tracks.active(target, "takes")
        if row is None:
            return
        buttons.operator(Op.TAKE_REMOVE, text="", icon="REMOVE").take = -1
        actions = layout.row(align=True)
        actions.operator(Op.APPLY_MOTION, text="Apply", icon="CHECKMARK").take = -1
        actions.operator(Op.TAKE_PREVIEW, text="Preview", icon="HIDE_OFF").take = -1
        actions.operator(Op.PREVIEW_CLEAR, text="", icon="X")
        column = layout.column(align=True)
        column.label(text=f"{row.frames / row.fps:.1f} s from frame {row.start}, {row.pack}" if row.fps else "")
        for number in takes.numbers(row.numbers):
            split = column.split(factor=0.4)
            split.label(text=number.label)
            values = split.split(factor=0.45)
            values.alert = number.is_worse
            values.label(text=number.value)
            values.label(text=number.level)


def _takes_of(context: Context) -> list[object]:
    target = selection.character_of(context)
    return list(of_object(target).takes) if target else []


CLASSES = (GENMO_PT_generate, GENMO_PT_options, GENMO_PT_takes)
