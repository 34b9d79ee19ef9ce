"""What the operators share: poll with a reason, and errors of the user as one red sentence."""

# pyright: reportInvalidTypeForm=false

from collections.abc import Callable
from typing import ClassVar

from bpy.props import IntProperty
from bpy.types import Object, Operator

from ..genmo_blender import selection, tracks
from ..genmo_blender.stubs import Context, Result
from ..runtime.errors import UserError


class CharacterOperator(Operator):
    """An operator on the active character; `run` does the work and says in a sentence what it did."""

    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: Context) -> bool:
        """Whether there is a character, else why not."""
        if selection.character_of(context) is None:
            cls.poll_message_set("Select an armature, or add a GENMO character")
            return False
        return True

    def execute(self, context: Context) -> Result:
        """Run on the active character."""
        target = selection.character_of(context)
        if target is None:
            return {"CANCELLED"}
        return reported(self, lambda: self.run(context, target))

    def run(self, context: Context, target: Object) -> str:
        """The work; each operator has its own.

        Raises:
            UserError: a sentence for the user.
        """
        return ""


class RemoveOperator(CharacterOperator):
    """Removes a row of one of the character's tracks."""

    track: ClassVar[str]

    index: IntProperty(name="Number", description="Row to remove; -1 for the active one", default=-1, min=-1)

    def run(self, context: Context, target: Object) -> str:
        """Remove the row."""
        tracks.remove(target, self.track, self.index)
        return ""


def reported(operator: Operator, work: Callable[[], str]) -> Result:
    """Run some work and report its sentence, or the sentence of its UserError in red."""
    try:
        sentence = work()
    except UserError as error:
        operator.report({"ERROR"}, str(error))
        return {"CANCELLED"}
    if sentence:
        operator.report({"INFO"}, sentence)
    return {"FINISHED"}
