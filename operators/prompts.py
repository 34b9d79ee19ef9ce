"""Operators of the Prompts panel."""
# ruff: noqa: D415 - the docstrings of operators are tooltips, which Blender ends with a full stop itself
# pyright: reportInvalidTypeForm=false

from bpy.props import IntProperty, StringProperty
from bpy.types import Object

from ..genmo_blender import tracks
from ..genmo_blender.idnames import Op
from ..genmo_blender.stubs import Context
from .base import CharacterOperator, RemoveOperator


class GENMO_OT_prompt_add(CharacterOperator):
    """Add a prompt that starts at the playhead"""

    bl_idname = Op.PROMPT_ADD
    bl_label = "Add Prompt"

    text: StringProperty(name="Prompt", description="What the character does", default="a person walks forward")
    frames: IntProperty(
        name="Frames", description="Length; 0 for two seconds, or up to the next prompt", min=0, soft_max=1000
    )

    def run(self, context: Context, target: Object) -> str:
        """Add the prompt."""
        tracks.add_prompt(target, context.scene, self.text, self.frames)
        return ""


class GENMO_OT_prompt_remove(RemoveOperator):
    """Remove the prompt"""

    bl_idname = Op.PROMPT_REMOVE
    bl_label = "Remove Prompt"
    track = "prompts"


class GENMO_OT_prompts_from_markers(CharacterOperator):
    """Make a prompt of each timeline marker's name, up to the next marker"""

    bl_idname = Op.PROMPTS_FROM_MARKERS
    bl_label = "Prompts from Markers"

    def run(self, context: Context, target: Object) -> str:
        """Add the prompts."""
        return f"{tracks.prompts_from_markers(target, context.scene)} prompts added"


CLASSES = (GENMO_OT_prompt_add, GENMO_OT_prompt_remove, GENMO_OT_prompts_from_markers)
