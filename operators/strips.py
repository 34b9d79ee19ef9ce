"""Operators on the strips of the timeline: from its menu, from keys over it, from scripts."""
# ruff: noqa: D415 - the docstrings of operators are tooltips, which Blender ends with a full stop itself
# pyright: reportInvalidTypeForm=false

from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatVectorProperty, IntProperty, StringProperty
from bpy.types import Event, Object

from ..genmo_blender import selection, strips, timeline_overlay, tracks
from ..genmo_blender.core import strips as core
from ..genmo_blender.idnames import Menu, Op
from ..genmo_blender.properties import of_object
from ..genmo_blender.stubs import Context, Result
from ..runtime.errors import UserError
from .base import CharacterOperator


def under_mouse(context: Context, event: Event) -> core.Hit | None:
    """The strip that the mouse is over, in an editor that shows strips."""
    if not timeline_overlay.is_shown(context):
        return None
    layout, view = timeline_overlay.layout_of(context)
    return core.hit(layout, view, event.mouse_region_x, event.mouse_region_y)


def over_lanes(context: Context, event: Event) -> bool:
    """Whether the mouse is where strips are."""
    if not timeline_overlay.is_shown(context):
        return False
    layout, _ = timeline_overlay.layout_of(context)
    return layout.covers(event.mouse_region_y) and 0 <= event.mouse_region_x < context.region.width


class StripOperator(CharacterOperator):
    """An operator on the selected strips; from a key it works only while the mouse is over the strips."""

    at_mouse: BoolProperty(
        name="At Mouse", description="Only over the strips, and there", options={"HIDDEN", "SKIP_SAVE"}
    )

    def invoke(self, context: Context, event: Event) -> Result:
        """Leave the key to Blender unless the mouse is over the strips."""
        if self.at_mouse and not over_lanes(context, event):
            return {"PASS_THROUGH"}
        return self.begin(context, event)

    def begin(self, context: Context, event: Event) -> Result:
        """What happens then; each operator may have its own."""
        return self.execute(context)

    @staticmethod
    def character(context: Context) -> Any:
        """The active character, which `poll` has seen."""
        return selection.character_of(context)


class GENMO_OT_strip_select(CharacterOperator):
    """Select a strip of a track by its number"""

    bl_idname = Op.STRIP_SELECT
    bl_label = "Select Strip"

    track: StringProperty(name="Track", description="List that the strip is a row of", default="prompts")
    index: IntProperty(name="Number", description="Row of the list", min=0)
    extend: BoolProperty(name="Extend", description="Keep what is selected", options={"SKIP_SAVE"})

    def run(self, context: Context, target: Object) -> str:
        """Select it."""
        if self.track not in strips.TITLES:
            raise UserError(f"There is no track '{self.track}'; there are {', '.join(strips.TITLES)}")
        strips.row_of(target, (self.track, self.index))
        strips.select(target, [(self.track, self.index)], extend=self.extend)
        return ""


class GENMO_OT_strip_select_all(StripOperator):
    """Select all strips of the character, or none"""

    bl_idname = Op.STRIP_SELECT_ALL
    bl_label = "Select All Strips"

    deselect: BoolProperty(name="Deselect", description="Select none", options={"SKIP_SAVE"})

    def run(self, context: Context, target: Object) -> str:
        """Select them."""
        strips.select(target, [] if self.deselect else strips.all_of(target))
        return ""


class GENMO_OT_strip_next(StripOperator):
    """Select the next strip in time"""

    bl_idname = Op.STRIP_NEXT
    bl_label = "Next Strip"

    backwards: BoolProperty(name="Backwards", description="Go to the strip before", options={"SKIP_SAVE"})

    def run(self, context: Context, target: Object) -> str:
        """Select one strip, after the last one comes the first."""
        every = strips.all_of(target)
        if not every:
            raise UserError("There are no strips yet: add a prompt")
        chosen = [every.index(each) for each in strips.selected(target)]
        step = -1 if self.backwards else 1
        edge = (min(chosen) if self.backwards else max(chosen)) if chosen else (0 if self.backwards else -1)
        strips.select(target, [every[(edge + step) % len(every)]])
        return ""


class GENMO_OT_strip_add(StripOperator):
    """Add a prompt at the mouse, or at the playhead, and type its text"""

    bl_idname = Op.STRIP_ADD
    bl_label = "Add Prompt Strip"

    text: StringProperty(name="Prompt", description="What the character does", default="a person walks forward")
    frame: IntProperty(name="Frame", description="First frame")

    def invoke(self, context: Context, event: Event) -> Result:
        """Take the frame at the mouse, add the prompt and ask for its text."""
        self.frame = context.scene.frame_current
        if self.at_mouse and timeline_overlay.is_shown(context):
            self.frame = round(timeline_overlay.view_of(context).frame(event.mouse_region_x))
        result = self.execute(context)
        if result == {"FINISHED"}:
            bpy.ops.genmo.strip_edit("INVOKE_DEFAULT")
        return result

    def run(self, context: Context, target: Object) -> str:
        """Add the prompt."""
        frame = self.frame if self.properties.is_property_set("frame") else context.scene.frame_current
        tracks.add_prompt(target, context.scene, self.text, start=frame)
        strips.select(target, [("prompts", of_object(target).active_prompt)])
        return ""


class GENMO_OT_strip_edit(StripOperator):
    """Change the text, range and colour of a strip"""

    bl_idname = Op.STRIP_EDIT
    bl_label = "Edit Strip"

    text: StringProperty(name="Text", description="Prompt, or name of the strip", options={"SKIP_SAVE"})
    start: IntProperty(name="Start", description="First frame", options={"SKIP_SAVE"})
    stop: IntProperty(name="End", description="Frame at which it has ended", options={"SKIP_SAVE"})

    def begin(self, context: Context, event: Event) -> Result:
        """Show the fields of the strip under the mouse, or of the selected one."""
        found = under_mouse(context, event) if self.at_mouse else None
        if self.at_mouse and event.type == "LEFTMOUSE" and (found is None or not found.strip.own):
            return {"PASS_THROUGH"}
        target = self.character(context)
        if found is not None and found.strip.own:
            strips.select(target, [found.strip.key[1:]])
        chosen = strips.selected(target)
        if not chosen:
            self.report({"ERROR"}, "Select a strip on the timeline first")
            return {"CANCELLED"}
        row = strips.row_of(target, chosen[0])
        self.text, (self.start, self.stop) = strips.label(chosen[0][0], row), strips.span_of(row)
        return context.window_manager.invoke_props_dialog(self, width=420)

    def draw(self, context: Context) -> None:
        """The text, ready to be typed, and the range."""
        target = self.character(context)
        chosen = strips.selected(target)[:1]
        column = self.layout.column()
        if chosen and chosen[0][0] != "pins":
            column.activate_init = True
            column.prop(self, "text", text="")
        line = column.row(align=True)
        is_point = bool(chosen) and chosen[0][0] == "key_poses"
        line.prop(self, "start", text="Frame" if is_point else "Start")
        if not is_point:
            line.prop(self, "stop")

    def run(self, context: Context, target: Object) -> str:
        """Write what was given."""
        track, index = strips.require_selected(target)[0]
        given = {name for name in ("text", "start", "stop") if self.properties.is_property_set(name)}
        row = strips.row_of(target, (track, index))
        start, stop = strips.span_of(row)
        start, stop = self.start if "start" in given else start, self.stop if "stop" in given else stop
        if stop <= start:
            raise UserError(f"The end, {stop}, must be after the start, {start}")
        if "text" in given and track != "pins":
            setattr(row, "text" if track == "prompts" else "name", self.text)
        strips.put(row, (start, stop))
        return ""


class GENMO_OT_strip_split(StripOperator):
    """Cut the selected strips at the playhead"""

    bl_idname = Op.STRIP_SPLIT
    bl_label = "Split Strips"

    def run(self, context: Context, target: Object) -> str:
        """Cut them."""
        frame = context.scene.frame_current
        if not strips.split(target, context.scene, strips.require_selected(target), frame):
            raise UserError(f"No selected strip goes across the playhead at frame {frame}")
        return ""


class GENMO_OT_strip_duplicate(StripOperator):
    """Copy the selected strips and move the copies"""

    bl_idname = Op.STRIP_DUPLICATE
    bl_label = "Duplicate Strips"

    frames: IntProperty(name="Frames", description="How much later the copies begin")

    def begin(self, context: Context, event: Event) -> Result:
        """Copy, then let the mouse move the copies."""
        result = self.execute(context)
        if result == {"FINISHED"} and timeline_overlay.is_shown(context):
            bpy.ops.genmo.strip_move("INVOKE_DEFAULT")
        return result

    def run(self, context: Context, target: Object) -> str:
        """Copy, and move by what was given."""
        copies = strips.duplicate(target, strips.require_selected(target))
        strips.place(target, context.scene, strips.origins(target, copies), "BOTH", self.frames)
        strips.select(target, copies)
        return ""


class GENMO_OT_strip_remove(StripOperator):
    """Delete the selected strips; files stay"""

    bl_idname = Op.STRIP_REMOVE
    bl_label = "Delete Strips"

    def run(self, context: Context, target: Object) -> str:
        """Delete them."""
        strips.remove(target, strips.require_selected(target))
        return ""


class GENMO_OT_strip_mute(StripOperator):
    """Leave the selected strips out of the motion, or take them in again"""

    bl_idname = Op.STRIP_MUTE
    bl_label = "Mute Strips"

    def run(self, context: Context, target: Object) -> str:
        """Mute them; if all are muted, unmute them."""
        rows = [strips.row_of(target, each) for each in strips.require_selected(target)]
        mute = not all(row.mute for row in rows)
        for row in rows:
            row.mute = mute
        return ""


class GENMO_OT_strip_colour(StripOperator):
    """Give the selected strips a colour"""

    bl_idname = Op.STRIP_COLOUR
    bl_label = "Colour Strips"

    colour: FloatVectorProperty(
        name="Colour", description="Colour on the timeline", subtype="COLOR_GAMMA", min=0.0, max=1.0,
        default=(0.22, 0.42, 0.62),
    )  # fmt: skip

    def run(self, context: Context, target: Object) -> str:
        """Colour them; all pins have one colour, and all key poses."""
        for each in strips.require_selected(target):
            row = strips.row_of(target, each)
            if hasattr(row, "colour"):
                row.colour = self.colour
        return ""


class GENMO_OT_strip_menu(StripOperator):
    """Show what can be done with the strip under the mouse"""

    bl_idname = Op.STRIP_MENU
    bl_label = "Strip Menu"
    bl_options = {"UNDO", "INTERNAL"}

    def invoke(self, context: Context, event: Event) -> Result:
        """Select the strip and show its menu."""
        found = under_mouse(context, event)
        if found is None or not found.strip.own:
            return {"PASS_THROUGH"}
        strips.select(self.character(context), [found.strip.key[1:]], extend=found.strip.select)
        bpy.ops.wm.call_menu(name=Menu.STRIP)
        return {"FINISHED"}


class GENMO_OT_markers_from_prompts(CharacterOperator):
    """Make a timeline marker of each prompt, at its start and with its text"""

    bl_idname = Op.MARKERS_FROM_PROMPTS
    bl_label = "Markers from Prompts"

    def run(self, context: Context, target: Object) -> str:
        """Add the markers."""
        return f"{strips.markers_from_prompts(target, context.scene)} markers added"


class GENMO_OT_tracks_copy(CharacterOperator):
    """Copy the selected strips, or all if none is selected, to the other selected characters"""

    bl_idname = Op.TRACKS_COPY
    bl_label = "Copy Strips to Characters"

    to: StringProperty(name="To", description="Armature to copy to; empty for the other selected ones")
    kind: EnumProperty(
        name="What",
        description="Which strips to copy",
        items=[
            ("SELECTED", "Selected", "The selected strips, or all if none is selected"),
            ("ALL", "All", "All strips"),
        ],
    )

    def run(self, context: Context, target: Object) -> str:
        """Copy them."""
        others = strips.other_characters(context, target, self.to)
        chosen = strips.selected(target) if self.kind == "SELECTED" else []
        count = strips.copy_to(target, others, chosen or strips.all_of(target))
        return f"{count} strips copied"


CLASSES = (
    GENMO_OT_strip_select,
    GENMO_OT_strip_select_all,
    GENMO_OT_strip_next,
    GENMO_OT_strip_add,
    GENMO_OT_strip_edit,
    GENMO_OT_strip_split,
    GENMO_OT_strip_duplicate,
    GENMO_OT_strip_remove,
    GENMO_OT_strip_mute,
    GENMO_OT_strip_colour,
    GENMO_OT_strip_menu,
    GENMO_OT_markers_from_prompts,
    GENMO_OT_tracks_copy,
)
