"""Generate, Cancel, and the fix buttons beside them."""
# ruff: noqa: D415 - the docstrings of operators are tooltips, which Blender ends with a full stop itself
# pyright: reportInvalidTypeForm=false

import bpy
from bpy.props import BoolProperty, IntProperty, StringProperty
from bpy.types import Event, Object, Operator, Timer

from ..genmo_blender import checks, generation
from ..genmo_blender.idnames import Op
from ..genmo_blender.stubs import Context, Result
from .base import CharacterOperator, reported

_TICK = 0.1
"""Seconds between two looks at the worker."""


class GenerateOperator(CharacterOperator):
    """Something that the model makes: modal in a window, else to its end; `begin` says what."""

    bl_options = {"REGISTER"}

    wait: BoolProperty(name="Wait", description="Return only when the motion is there", options={"SKIP_SAVE"})

    _timer: Timer | None = None

    @classmethod
    def poll(cls, context: Context) -> bool:
        """One at a time."""
        if generation.running() is not None:
            cls.poll_message_set("A motion is being generated: wait for it or cancel it")
            return False
        return super().poll(context)

    def run(self, context: Context, target: Object) -> str:
        """Begin; where the caller waits or there are no timers, also see it through."""
        self.begin(context, target)
        if not (self.wait or bpy.app.background or context.window is None):
            return ""
        generation.wait()
        return generation.deliver()

    def begin(self, context: Context, target: Object) -> None:
        """Start the job.

        Raises:
            UserError: it cannot be started.
        """
        generation.begin(target, context.scene)

    def execute(self, context: Context) -> Result:
        """Generate, in the background of the window if there is one."""
        result = super().execute(context)
        if generation.running() is None:
            return result
        self._start_timer(context)
        context.window_manager.modal_handler_add(self)
        checks.redraw()
        return {"RUNNING_MODAL"}

    def invoke(self, context: Context, event: Event) -> Result:
        """Same as `execute`."""
        return self.execute(context)

    def modal(self, context: Context, event: Event) -> Result:
        """Look at the worker on each tick; Escape cancels."""
        if event.type == "ESC" and event.value == "PRESS":
            generation.cancel()
        elif event.type != "TIMER":
            return {"PASS_THROUGH"}
        if generation.poll():
            checks.redraw()
        if generation.running() is not None:
            return {"PASS_THROUGH"}
        self._stop_timer(context)
        checks.redraw()
        return reported(self, generation.deliver)

    def cancel(self, context: Context) -> None:
        """Blender ends the operator: another file is opened, or the window is closed."""
        generation.cancel()
        self._stop_timer(context)

    def _start_timer(self, context: Context) -> None:
        self._timer = context.window_manager.event_timer_add(_TICK, window=context.window)

    def _stop_timer(self, context: Context) -> None:
        if self._timer is not None:
            context.window_manager.event_timer_remove(self._timer)
            self._timer = None


class GENMO_OT_generate(GenerateOperator):
    """Make the motion that the tracks of this character ask for"""

    bl_idname = Op.GENERATE
    bl_label = "Generate"


class GENMO_OT_cancel(Operator):
    """Stop generating; nothing is changed"""

    bl_idname = Op.CANCEL
    bl_label = "Cancel"

    @classmethod
    def poll(cls, context: Context) -> bool:
        """Only while something runs."""
        if generation.running() is None:
            cls.poll_message_set("Nothing is being generated")
            return False
        return True

    def execute(self, context: Context) -> Result:
        """Cancel; the Generate operator notices on its next tick."""
        generation.cancel()
        checks.redraw()
        return {"FINISHED"}


class GENMO_OT_fix(CharacterOperator):
    """Do what the button says"""

    bl_idname = Op.FIX
    bl_label = "Fix"

    fix: StringProperty(name="Fix", description="What to do", options={"SKIP_SAVE"})
    track: StringProperty(name="Track", description="List that is meant", options={"SKIP_SAVE"})
    index: IntProperty(name="Number", description="Row that is meant", options={"SKIP_SAVE"})
    frame: IntProperty(name="Frame", description="Frame that is meant", options={"SKIP_SAVE"})
    count: IntProperty(name="Frames", description="Frames that are missing before it", options={"SKIP_SAVE"})

    def run(self, context: Context, target: Object) -> str:
        """Repair."""
        meant = {name: getattr(self, name) for name in ("fix", "track", "index", "frame", "count")}
        checks.apply_fix(target, context.scene, checks.Issue("", **meant))
        return ""


CLASSES = (GENMO_OT_generate, GENMO_OT_cancel, GENMO_OT_fix)
