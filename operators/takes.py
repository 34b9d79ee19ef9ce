"""Operators of the Takes panel."""
# ruff: noqa: D415 - the docstrings of operators are tooltips, which Blender ends with a full stop itself
# pyright: reportInvalidTypeForm=false

from collections.abc import Callable
from typing import Any

import bpy
from bpy.props import FloatProperty, IntProperty, StringProperty
from bpy.types import Event, Object, Operator, Scene

from ..genmo_blender import applying, generation, properties_apply, selection, take_ghosts, takes, tracks
from ..genmo_blender.idnames import Op
from ..genmo_blender.properties import of_object
from ..genmo_blender.stubs import Context, Result
from ..runtime.errors import UserError
from .base import CharacterOperator, reported

Work = Callable[[Object, Scene], str]


class NamedCharacterOperator(Operator):
    """An operator on a character that is given by name, or on the active one."""

    object: StringProperty(name="Character", description="Armature; empty for the active one", options={"SKIP_SAVE"})
    scene: StringProperty(name="Scene", description="Scene; empty for the current one", options={"SKIP_SAVE"})

    @classmethod
    def poll(cls, context: Context) -> bool:
        """The properties tell, later."""
        return True

    def on_character(self, context: Context, work: Work) -> Result:
        """Find the character and scene and work on them."""
        target = bpy.data.objects.get(self.object) if self.object else selection.character_of(context)
        scene = bpy.data.scenes.get(self.scene) if self.scene else context.scene
        if target is None or scene is None:
            self.report({"ERROR"}, "Select the armature of the take")
            return {"CANCELLED"}
        return reported(self, lambda: work(target, scene))


class GENMO_OT_takes_keep(NamedCharacterOperator):
    """Keep the motions that have just been generated as takes of their character"""

    bl_idname = Op.TAKES_KEEP
    bl_label = "Generate Motion"
    bl_options = {"UNDO", "INTERNAL"}

    def execute(self, context: Context) -> Result:
        """Keep them."""
        return self.on_character(context, self._keep)

    def _keep(self, target: Object, scene: Scene) -> str:
        finished, motions = generation.take_finished()
        if finished is None:
            raise UserError("Nothing has been generated")
        for index, motion in enumerate(motions):
            takes.keep(target, motion, finished.collected, index)
        character = of_object(target)
        character.active_take = len(character.takes) - len(motions)
        generation.next_seed(scene)
        return ""


class GENMO_OT_apply_motion(properties_apply.ApplySettings, NamedCharacterOperator):
    """Put the take onto the character: as a new action, a strip, or into its action"""

    bl_idname = Op.APPLY_MOTION
    bl_label = "Apply Motion"
    bl_options = {"REGISTER", "UNDO"}

    take: IntProperty(name="Take", description="Number of the take; -1 for the active one", default=-1, min=-1)
    shift: IntProperty(name="Shift", description="Frames by which the motion begins later")
    root_scale: FloatProperty(
        name="Travel",
        description="How far the character travels; 1 suits its legs",
        default=1.0,
        min=0.01,
        soft_max=4.0,
    )

    def execute(self, context: Context) -> Result:
        """Apply the take."""
        return self.on_character(context, self._apply)

    def draw(self, context: Context) -> None:
        """The redo panel."""
        for name in ("take", "shift", "root_scale"):
            self.layout.prop(self, name)
        applying.draw(self.layout, self)

    def _apply(self, target: Object, scene: Scene) -> str:
        row = takes.find(target, self.take)
        settings = of_object(target).apply
        for name in properties_apply.SETTINGS:  # what the caller leaves open is as the character has it
            if not self.properties.is_property_set(name):
                setattr(self, name, getattr(settings, name))
        take_ghosts.clear()
        start = row.start + self.shift
        action = takes.apply(target, scene, row, start=start, root_scale=self.root_scale, settings=self)
        return f"Action '{action.name}' on '{target.name}'"


class _TakeOperator(CharacterOperator):
    """A take operator on one row."""

    take: IntProperty(name="Take", description="Number of the take; -1 for the active one", default=-1, min=-1)


class GENMO_OT_take_preview(_TakeOperator):
    """Show the take on a wire copy of the armature; the character stays as it is"""

    bl_idname = Op.TAKE_PREVIEW
    bl_label = "Preview Take"

    def run(self, context: Context, target: Object) -> str:
        """Show the wire copy."""
        take_ghosts.preview(target, context.scene, takes.find(target, self.take))
        return ""


class GENMO_OT_preview_clear(Operator):
    """Remove the wire copy"""

    bl_idname = Op.PREVIEW_CLEAR
    bl_label = "End Preview"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: Context) -> Result:
        """Remove it."""
        return {"FINISHED"} if take_ghosts.clear() else {"CANCELLED"}


class GENMO_OT_take_remove(_TakeOperator):
    """Remove the take; actions that it was applied to stay"""

    bl_idname = Op.TAKE_REMOVE
    bl_label = "Remove Take"

    def invoke(self, context: Context, event: Event) -> Any:
        """Ask first: a take cannot always be made again."""
        return context.window_manager.invoke_confirm(self, event)

    def run(self, context: Context, target: Object) -> str:
        """Remove it."""
        tracks.remove(target, "takes", self.take)
        return ""


CLASSES = (
    GENMO_OT_takes_keep,
    GENMO_OT_apply_motion,
    GENMO_OT_take_preview,
    GENMO_OT_preview_clear,
    GENMO_OT_take_remove,
)
