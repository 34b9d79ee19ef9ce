"""The sentences under the Generate button, each with its fix."""

import textwrap
from collections.abc import Iterable

from ..checks import FIX_LABELS, Issue
from ..idnames import Op
from ..stubs import Context, Layout

_POINTS_PER_LETTER = 6.2


def draw_issues(context: Context, layout: Layout, issues: Iterable[Issue]) -> None:
    """Draw issues as boxes with the text wrapped to the sidebar's width."""
    for issue in issues:
        box = layout.box()
        column = box.column(align=True)
        column.alert = issue.severity == "error"
        draw_text(context, column, issue.message, "ERROR" if issue.severity == "error" else "INFO")
        if issue.fix:
            button = box.operator(Op.FIX, text=FIX_LABELS[issue.fix])
            for name in ("fix", "track", "index", "frame", "count"):
                setattr(button, name, getattr(issue, name))


def draw_text(context: Context, layout: Layout, text: str, icon: str = "NONE") -> None:
    """Draw a sentence over as many lines as it needs."""
    scale = context.preferences.system.ui_scale
    letters = max(20, int((context.region.width / scale - 60) / _POINTS_PER_LETTER))
    for number, line in enumerate(textwrap.wrap(text, letters)):
        layout.label(text=line, icon=icon if number == 0 else ("BLANK1" if icon != "NONE" else "NONE"))
