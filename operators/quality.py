"""Operators of the Quality panel: measure an action, go to a fault, repair it."""
# ruff: noqa: D415 - the docstrings of operators are tooltips, which Blender ends with a full stop itself
# pyright: reportInvalidTypeForm=false

from bpy.props import IntProperty
from bpy.types import Object, Operator

from ..genmo_blender import judging
from ..genmo_blender.idnames import Op
from ..genmo_blender.stubs import Context, Result
from .base import CharacterOperator


class GENMO_OT_quality_measure(CharacterOperator):
    """Measure the action that the character has now, whoever made it, through the bone map"""

    bl_idname = Op.QUALITY_MEASURE
    bl_label = "Measure Action"
    bl_options = {"REGISTER"}

    def run(self, context: Context, target: Object) -> str:
        """Measure it."""
        found = judging.measure_action(target, context.scene)
        count = len(found.spans)
        return f"'{found.name}': {count} fault{'' if count == 1 else 's'}"


class GENMO_OT_quality_take(Operator):
    """Show the numbers of the active take again"""

    bl_idname = Op.QUALITY_TAKE
    bl_label = "Show Take"

    def execute(self, context: Context) -> Result:
        """Forget the measured action."""
        judging.forget()
        return {"FINISHED"}


class GENMO_OT_quality_jump(Operator):
    """Go to the worst frame of this fault"""

    bl_idname = Op.QUALITY_JUMP
    bl_label = "Go to Fault"
    bl_options = {"INTERNAL"}

    frame: IntProperty(name="Frame", description="Frame to go to")

    def execute(self, context: Context) -> Result:
        """Move the playhead."""
        context.scene.frame_set(self.frame)
        return {"FINISHED"}


class GENMO_OT_quality_fix(CharacterOperator):
    """Repair this fault on its frames, in a new take that is put onto the character"""

    bl_idname = Op.QUALITY_FIX
    bl_label = "Fix Fault"

    number: IntProperty(name="Fault", description="Number of the fault in the list", min=0)

    def run(self, context: Context, target: Object) -> str:
        """Repair it."""
        return f"'{judging.fix(target, context.scene, self.number)}' is on the character"


CLASSES = (GENMO_OT_quality_measure, GENMO_OT_quality_take, GENMO_OT_quality_jump, GENMO_OT_quality_fix)
