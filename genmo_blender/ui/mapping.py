"""The mapping editor: one row for each joint, with its state, its bones and the ways to change them."""

from collections.abc import Mapping
from typing import Any, Final

from bpy.types import Object

from ...runtime.errors import UserError
from .. import mapping
from ..core.mapping_state import JointState, State, bone_label
from ..idnames import Op
from ..properties import of_object
from ..stubs import Context, Layout
from .problems import draw_text

ICONS: Final = {
    State.MAPPED: "COLLECTION_COLOR_04",
    State.OPTIONAL: "COLLECTION_COLOR_03",
    State.NEEDED: "COLLECTION_COLOR_01",
    State.WRONG: "COLLECTION_COLOR_01",
}
"""Green, yellow and red."""
_PARTS: Final = (("Trunk", ""), ("Left", "l_"), ("Right", "r_"))
_MOST_TEXTS: Final = 4
"""Sentences that are shown at once."""


def draw_editor(context: Context, layout: Layout, target: Object) -> None:
    """Draw the editor for an armature object."""
    try:
        states, sentences = mapping.states(target)
    except UserError as error:
        draw_text(context, layout, str(error), "ERROR")
        return
    rows = {row.name: row for row in of_object(target).bones}
    if not rows:
        draw_text(context, layout, "No bones are mapped yet: press Map Bones, or pick bones here", "INFO")
    for title, prefix in _PARTS:
        _draw_part(layout, target, title, [each for each in states if _prefix(each.joint) == prefix], rows)
    _draw_texts(context, layout, states, sentences)
    _draw_buttons(layout, target)


def _prefix(joint: str) -> str:
    return joint[:2] if joint[:2] in ("l_", "r_") else ""


def _draw_part(layout: Layout, target: Object, title: str, states: list[JointState], rows: Mapping[str, Any]) -> None:
    heading = layout.row(align=True)
    heading.label(text=title)
    if title != "Trunk":
        other = "To Right" if title == "Left" else "To Left"
        heading.operator(Op.BONES_MIRROR, text=other, icon="MOD_MIRROR").side = title.upper()
    column = layout.column(align=True)
    for state in states:
        line = column.split(factor=0.38, align=True)
        line.label(text=bone_label(state.joint, with_side=False), icon=ICONS[state.state])
        field = line.row(align=True)
        field.alert = state.state in (State.NEEDED, State.WRONG)
        row = rows.get(state.joint)
        if row is None:
            field.label(text="")
        elif "," in row.bones:
            field.prop(row, "bones", text="", icon="LINKED")
        else:
            field.prop_search(row, "bones", target.data, "bones", text="")
        field.operator(Op.BONES_PICK, text="", icon="RESTRICT_SELECT_OFF").joint = state.joint


def _draw_texts(context: Context, layout: Layout, states: tuple[JointState, ...], sentences: tuple[str, ...]) -> None:
    """What is wrong, and what the absence of joints means."""
    bad = [each for each in states if each.state in (State.NEEDED, State.WRONG)]
    lacking = [each for each in states if each.state is State.OPTIONAL]
    if bad or sentences:
        box = layout.box().column(align=True)
        box.alert = True
        texts = [*sentences, *(f"{bone_label(each.joint)}: {_reason(each)}" for each in bad)]
        for text in texts[:_MOST_TEXTS]:
            draw_text(context, box, text, "ERROR")
        if len(texts) > _MOST_TEXTS:
            box.label(text=f"and {len(texts) - _MOST_TEXTS} more", icon="BLANK1")
    elif lacking:
        box = layout.box().column(align=True)
        for text in dict.fromkeys(f"No {bone_label(each.joint, with_side=False)}: {each.text}" for each in lacking):
            draw_text(context, box, text, "INFO")


def _reason(state: JointState) -> str:
    return f"no bone, so {state.text}" if state.state is State.NEEDED else state.text


def _draw_buttons(layout: Layout, target: Object) -> None:
    files = layout.row(align=True)
    files.operator(Op.BONE_MAP_IMPORT, text="Import", icon="IMPORT")
    files.operator(Op.BONE_MAP_EXPORT, text="Export", icon="EXPORT")
    files.operator(Op.BONES_CLEAR, text="", icon="TRASH")
    pose = layout.row(align=True)
    pose.operator(Op.USE_AS_T_POSE, icon="ARMATURE_DATA")
    if of_object(target).t_pose:
        pose.operator(Op.FORGET_T_POSE, text="", icon="X")
