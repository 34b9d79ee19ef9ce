"""The Library panel: folders, a question, and the clips that were found."""

from pathlib import Path

from bpy.types import Panel as BlenderPanel

from .. import library, library_pictures, library_use, selection, tracks
from ..idnames import SIDEBAR, Op, Panel
from ..properties import of_scene
from ..properties_library import PAGE
from ..stubs import Context, Layout
from .panels import draw_column
from .problems import draw_text

_ICON: float = 3.9
"""Size of a third of a strip."""


class GENMO_PT_library(BlenderPanel):
    """Search for clips."""

    bl_idname = Panel.LIBRARY
    bl_label = "Library"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = SIDEBAR
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: Context) -> None:
        """The question and the answer."""
        layout: Layout = self.layout
        settings = of_scene(context.scene).library
        row = layout.split(factor=0.75, align=True)
        row.prop(settings, "text", text="", icon="VIEWZOOM")
        row.operator(Op.LIBRARY_SEARCH, text="Search")
        target = selection.character_of(context)
        if target is not None and tracks.active(target, "takes") is not None:
            layout.operator(Op.LIBRARY_SIMILAR, text="Like the Active Take", icon="ACTION").take = -1
        _draw_task(context, layout)
        if library.asked():
            _draw_hits(context, layout)


def _draw_task(context: Context, layout: Layout) -> None:
    """What runs now, or how it failed."""
    task = library.running()
    if task is not None:
        news = task.progress
        row = layout.row(align=True)
        factor = news.step / news.total if news and news.total else 0.0
        text = f"{task.label} {news.step}/{news.total}" if news and news.total else task.label
        row.progress(factor=factor, type="BAR", text=text)
        row.operator(Op.LIBRARY_CANCEL, text="", icon="X")
    elif library.message():
        box = layout.box().column(align=True)
        box.alert = True
        draw_text(context, box, library.message(), "ERROR")


def _draw_hits(context: Context, layout: Layout) -> None:
    found, shown = library.hits(), library.page_of(context.scene)
    row = layout.row()
    if not found:
        row.label(text=f"No clip {library.asked()}", icon="INFO")
        return
    row.label(text=f"{shown.start + 1} to {shown.stop} of {len(found)} {library.asked()}")
    if len(found) > PAGE:
        buttons = row.row(align=True)
        buttons.operator(Op.LIBRARY_PAGE, text="", icon="TRIA_LEFT").step = -1
        buttons.operator(Op.LIBRARY_PAGE, text="", icon="TRIA_RIGHT").step = 1
    for number in shown:
        _draw_hit(context, layout, number, found[number])


def _draw_hit(context: Context, layout: Layout, number: int, hit: library.Hit) -> None:
    """One clip: its name and strip; the chosen one with why it fits and what it can become."""
    is_active = of_scene(context.scene).library.active_hit == number
    box = layout.box().column(align=True)
    row = box.row(align=True)
    name = f"{hit.name} (mirrored)" if hit.mirrored else hit.name
    choose = row.operator(Op.LIBRARY_SELECT, text=f"{number + 1}. {name}", depress=is_active)
    choose.hit = number
    facts = f"{hit.seconds:.1f} s, {hit.speed:.1f} m/s{', loop' if hit.looped else ''}"
    side = box.row()
    side.label(text=facts)
    side.label(text=f"fits {hit.score:.2f}")
    _draw_strip(box, library_pictures.of_file(hit.picture))
    if is_active:
        _draw_use(context, box, hit)


def _draw_strip(layout: Layout, icons: tuple[int, ...]) -> None:
    row = layout.row(align=True)
    row.alignment = "CENTER"
    for icon in icons:
        row.template_icon(icon_value=icon, scale=_ICON)


def _draw_use(context: Context, layout: Layout, hit: library.Hit) -> None:
    start, stop = (frame / hit.fps for frame in hit.window)
    layout.separator()
    layout.label(text=f"Why this? Best part: {start:.1f} to {stop:.1f} s", icon="QUESTION")
    if hit.window[1] - hit.window[0] < hit.frames:
        _draw_strip(layout, library_use.window_icons(hit))
    layout.label(text="/".join(Path(hit.place).parts[-2:]), icon="FILE")
    if selection.character_of(context) is None:
        layout.label(text="Select an armature to use it", icon="INFO")
        return
    settings = of_scene(context.scene).library
    layout.prop(settings, "only_window")
    row = layout.row(align=True)
    for name, text in ((Op.LIBRARY_TAKE, "Take"), (Op.LIBRARY_REFERENCE, "Reference"), (Op.LIBRARY_KEY_POSES, "Keys")):
        button = row.operator(name, text=text)
        button.hit, button.only_window = -1, settings.only_window


class _LibraryPart(BlenderPanel):
    """A part of the Library panel."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = SIDEBAR
    bl_parent_id = Panel.LIBRARY
    bl_options = {"DEFAULT_CLOSED"}


class GENMO_PT_library_filters(_LibraryPart):
    """Which clips may be found."""

    bl_idname = Panel.LIBRARY_FILTERS
    bl_label = "Filters"

    def draw(self, context: Context) -> None:
        """The filters."""
        settings = of_scene(context.scene).library
        column = draw_column(self.layout)
        column.prop(settings, "words")
        column.prop(settings, "looped")
        column.prop(settings, "mirror")
        for label, name in (("Seconds", "seconds"), ("Metres per Second", "speed")):
            row = self.layout.row(align=True)
            row.label(text=label)
            row.prop(settings, f"{name}_least", text="")
            row.prop(settings, f"{name}_most", text="to")


class GENMO_PT_library_index(_LibraryPart):
    """What is indexed."""

    bl_idname = Panel.LIBRARY_INDEX
    bl_label = "Folders and Index"

    def draw(self, context: Context) -> None:
        """Folders, and the button that reads them."""
        layout: Layout = self.layout
        settings = of_scene(context.scene).library
        for number, folder in enumerate(settings.folders):
            row = layout.row(align=True)
            row.prop(folder, "path", text="")
            row.operator(Op.LIBRARY_FOLDER_REMOVE, text="", icon="X").index = number
        layout.operator(Op.LIBRARY_FOLDER_ADD, icon="ADD")
        layout.prop(settings, "use_actions")
        layout.prop(settings, "index")
        layout.operator(Op.LIBRARY_INDEX, text="Index", icon="FILE_REFRESH")
        if library.news():
            layout.label(text=library.news(), icon="INFO")
        for sentence in library.skipped()[:PAGE]:
            draw_text(context, layout, sentence, "ERROR")
        if len(library.skipped()) > PAGE:
            layout.label(text=f"and {len(library.skipped()) - PAGE} more")


CLASSES = (GENMO_PT_library, GENMO_PT_library_filters, GENMO_PT_library_index)
