"""The work modes: in-between, regenerate, extend, loop, pose, layer, vary. Each is also a mode of the Generate panel.

A property that is not given takes the value of the panel (`Scene.genmo.work`), so a script says only what it means.
"""
# ruff: noqa: D415 - the docstrings of operators are tooltips, which Blender ends with a full stop itself
# pyright: reportInvalidTypeForm=false

from typing import Any, ClassVar

from bpy.props import IntProperty
from bpy.types import Object

from ..genmo_blender import modes, properties_modes, selection
from ..genmo_blender.core.work import Mode
from ..genmo_blender.idnames import Op
from ..genmo_blender.properties import of_object
from ..genmo_blender.properties_modes import OF_OPERATOR
from ..genmo_blender.stubs import Context
from .generate import GenerateOperator


class _ModeOperator(GenerateOperator):
    """One work mode; `names` are its properties."""

    mode: ClassVar[Mode]
    names: ClassVar[tuple[str, ...]] = ()

    def begin(self, context: Context, target: Object) -> None:
        """Start what the mode asks for."""
        modes.begin(self.mode, target, context.scene, self._settings(context))

    def _settings(self, context: Context) -> modes.Settings:
        given: dict[str, Any] = {
            name: getattr(self, name) for name in self.names if self.properties.is_property_set(name)
        }
        if "parts" in given:
            given["parts"] = frozenset(given["parts"])
        if "start" in given and "stop" in given:
            given.setdefault("source", "FRAMES")
        return modes.replaced(modes.settings_of(context.scene), given)


def _has_action(target: Object | None) -> bool:
    return target is not None and target.animation_data is not None and target.animation_data.action is not None


class _ChangeOperator(_ModeOperator):
    """A mode that changes the character's action."""

    @classmethod
    def poll(cls, context: Context) -> bool:
        """Only with an action."""
        if not super().poll(context):
            return False
        if not _has_action(selection.character_of(context)):
            cls.poll_message_set("The character has no action to change yet: generate a new motion first")
            return False
        return True


class GENMO_OT_in_between(_ModeOperator):
    """Fill the time between the first and the last key pose; all key poses stay exactly as they are"""

    bl_idname = Op.IN_BETWEEN
    bl_label = "In-Between"
    mode = Mode.BETWEEN
    names = ("text",)

    text: properties_modes.text_property(OF_OPERATOR)

    @classmethod
    def poll(cls, context: Context) -> bool:
        """Only with two key poses."""
        if not super().poll(context):
            return False
        target = selection.character_of(context)
        if target is None or len(of_object(target).key_poses) < 2:
            cls.poll_message_set("Mark at least two key poses first")
            return False
        return True


class GENMO_OT_regenerate_range(_ChangeOperator):
    """Make a part of the action anew, joined to the rest without a seam; the rest stays exactly as it is"""

    bl_idname = Op.REGENERATE_RANGE
    bl_label = "Regenerate Range"
    mode = Mode.RANGE
    names = ("source", "start", "stop", "text")

    source: properties_modes.source_property(OF_OPERATOR)
    start: properties_modes.start_property(OF_OPERATOR)
    stop: properties_modes.stop_property(OF_OPERATOR)
    text: properties_modes.text_property(OF_OPERATOR)


class GENMO_OT_extend(_ChangeOperator):
    """Go on where the action ends, or lead up to where it begins"""

    bl_idname = Op.EXTEND
    bl_label = "Extend"
    mode = Mode.EXTEND
    names = ("frames", "side", "text")

    frames: properties_modes.frames_property(OF_OPERATOR)
    side: properties_modes.side_property(OF_OPERATOR)
    text: properties_modes.text_property(OF_OPERATOR)


class GENMO_OT_loop(_ModeOperator):
    """Make a motion of any length that ends as it begins, so that it can be repeated for ever"""

    bl_idname = Op.LOOP
    bl_label = "Loop"
    mode = Mode.LOOP
    names = ("length", "in_place", "text")

    length: properties_modes.length_property(OF_OPERATOR)
    in_place: properties_modes.in_place_property(OF_OPERATOR)
    text: properties_modes.text_property(OF_OPERATOR)


class GENMO_OT_generate_pose(_ModeOperator):
    """Make one pose from a prompt and key it at the playhead, where the character stands"""

    bl_idname = Op.GENERATE_POSE
    bl_label = "Generate Pose"
    mode = Mode.POSE
    names = ("text",)

    text: properties_modes.text_property(OF_OPERATOR)


class GENMO_OT_layer(_ChangeOperator):
    """Make chosen parts of the body anew; the others stay exactly as they are"""

    bl_idname = Op.LAYER
    bl_label = "Layer"
    mode = Mode.LAYER
    names = ("parts", "source", "start", "stop", "text")

    parts: properties_modes.parts_property(OF_OPERATOR)
    source: properties_modes.source_property(OF_OPERATOR)
    start: properties_modes.start_property(OF_OPERATOR)
    stop: properties_modes.stop_property(OF_OPERATOR)
    text: properties_modes.text_property(OF_OPERATOR)


class GENMO_OT_vary(_ModeOperator):
    """Make takes that resemble a take, as much as the strength says"""

    bl_idname = Op.VARY
    bl_label = "Vary Take"
    mode = Mode.VARY
    names = ("take", "strength")

    take: IntProperty(name="Take", description="Number of the take; -1 for the active one", default=-1, min=-1)
    strength: properties_modes.strength_property(OF_OPERATOR)

    @classmethod
    def poll(cls, context: Context) -> bool:
        """Only with a take."""
        if not super().poll(context):
            return False
        target = selection.character_of(context)
        if target is None or not of_object(target).takes:
            cls.poll_message_set("There is no take to vary yet: generate a motion first")
            return False
        return True


CLASSES = (
    GENMO_OT_in_between,
    GENMO_OT_regenerate_range,
    GENMO_OT_extend,
    GENMO_OT_loop,
    GENMO_OT_generate_pose,
    GENMO_OT_layer,
    GENMO_OT_vary,
)
