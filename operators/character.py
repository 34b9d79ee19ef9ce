"""Operators of the Character panel."""
# ruff: noqa: D415 - the docstrings of operators are tooltips, which Blender ends with a full stop itself
# pyright: reportInvalidTypeForm=false

from bpy.props import EnumProperty
from bpy.types import Object, Operator

from ..genmo_blender import bodies, character, tracks
from ..genmo_blender.core.bonemap import BY_SHAPE, PRESETS
from ..genmo_blender.idnames import Op
from ..genmo_blender.stubs import Context, Result
from ..runtime.errors import UserError
from .base import CharacterOperator


class GENMO_OT_character_add(Operator):
    """Add a character that is ready to be animated, at the 3D cursor"""

    bl_idname = Op.CHARACTER_ADD
    bl_label = "Add GENMO Character"
    bl_options = {"REGISTER", "UNDO"}

    body: EnumProperty(name="Body", description="Whose proportions the character gets", items=bodies.BODY_ITEMS)

    @classmethod
    def poll(cls, context: Context) -> bool:
        """Object mode only, as for every new object."""
        if context.mode != "OBJECT":
            cls.poll_message_set("Leave the current mode first: new objects are added in Object Mode")
            return False
        return True

    def execute(self, context: Context) -> Result:
        """Add the character."""
        offsets = bodies.rest_offsets(context.scene, context.active_object, self.body)
        character.create(context, tuple(context.scene.cursor.location), offsets)
        return {"FINISHED"}


class GENMO_OT_map_bones(CharacterOperator):
    """Find out which bone follows which joint of the model"""

    bl_idname = Op.MAP_BONES
    bl_label = "Map Bones"

    preset: EnumProperty(
        name="Rig",
        description="Kind of rig",
        items=[
            ("AUTO", "Recognise", "Try all known names, then the shape of the skeleton"),
            (BY_SHAPE, "By Shape", "Look at hierarchy, symmetry and proportions only, not at names"),
            *((name, preset.title, "") for name, preset in PRESETS.items()),
        ],
    )

    def run(self, context: Context, target: Object) -> str:
        """Map the bones."""
        mapping = tracks.map_bones(target, "" if self.preset == "AUTO" else self.preset)
        if mapping.problems:
            raise UserError(mapping.problems[0])
        return f"{len(mapping.map)} joints mapped"


CLASSES = (GENMO_OT_character_add, GENMO_OT_map_bones)
