"""The Generate and Takes panels: options, progress, problems, and what came out."""

from bpy.types import Object
from bpy.types import Panel as BlenderPanel

from .. import checks, generation, selection, takes, tracks
from ..core.work import Mode
from ..idnames import Op, Panel, UIList
from ..properties import of_object, of_scene
from ..stubs import Context, Layout
from .modes import draw_button, draw_settings
from .panels import CharacterPanel, draw_column, draw_list
from .problems import draw_issues, draw_text
from .quality import draw_numbers


class GENMO_PT_generate(CharacterPanel, BlenderPanel):
    """Options, the button, progress and problems."""

    bl_idname = Panel.GENERATE
    bl_label = "Generate"

    def draw_character(self, layout: Layout, context: Context, target: Object) -> None:
        """Everything about the next generation."""
        options = of_scene(context.scene)
        column = draw_column(layout)
        column.prop(options.work, "mode")
        draw_settings(column, options.work, target)
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
        settings = of_scene(context.scene).work
        if settings.mode == Mode.NEW:  # what the other modes need they say themselves
            row.enabled = not any(issue.severity == "error" for issue in issues)
        draw_button(row, settings)
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
        buttons.operator(Op.TAKES_CLEAR, text="", icon="TRASH")
        actions = layout.row(align=True)
        actions.operator(Op.APPLY_MOTION, text="Apply", icon="CHECKMARK").take = -1
        actions.operator(Op.TAKE_PREVIEW, text="Preview", icon="HIDE_OFF").take = -1
        actions.operator(Op.PREVIEW_CLEAR, text="", icon="X")
        more = layout.row(align=True)
        more.operator(Op.TAKE_COMPARE, text="A / B", icon="ARROW_LEFTRIGHT").take = -1
        strip = more.operator(Op.APPLY_MOTION, text="To NLA", icon="NLA_PUSHDOWN")
        strip.take, strip.mode = -1, "NLA"
        more.operator(Op.TAKE_REOPEN, text="Edit", icon="GREASEPENCIL").take = -1
        column = layout.column(align=True)
        column.label(text=takes.origin(row))
        column.label(text=f"{row.frames / row.fps:.1f} s from frame {row.start}" if row.fps else "")
        column.label(text=f"Seed {row.seed}, {row.sample + 1}; {row.pack}")
        draw_numbers(column, row.numbers)


def _takes_of(context: Context) -> list[object]:
    target = selection.character_of(context)
    return list(of_object(target).takes) if target else []


CLASSES = (GENMO_PT_generate, GENMO_PT_options, GENMO_PT_takes)
