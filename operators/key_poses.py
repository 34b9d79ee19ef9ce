"""Operators of the Key Poses panel."""
# ruff: noqa: D415 - the docstrings of operators are tooltips, which Blender ends with a full stop itself
# pyright: reportInvalidTypeForm=false

from typing import Any

from bpy.props import EnumProperty, IntProperty
from bpy.types import Object

from ..genmo_blender import tracks
from ..genmo_blender.idnames import Op
from ..genmo_blender.properties import SCOPE_ITEMS, WHOLE_BODY, of_object
from ..genmo_blender.stubs import Context
from ..runtime.errors import UserError
from .base import CharacterOperator, RemoveOperator


def _row(target: Object, index: int) -> Any:
    rows = of_object(target).key_poses
    row = tracks.active(target, "key_poses") if index < 0 else (rows[index] if index < len(rows) else None)
    if row is None:
        raise UserError("There is no key pose yet: pose the armature and press +")
    return row


class GENMO_OT_key_pose_add(CharacterOperator):
    """Keep the armature's pose at the current frame: the motion will pass through it"""

    bl_idname = Op.KEY_POSE_ADD
    bl_label = "Add Key Pose"

    scope: EnumProperty(
        name="Body Parts",
        description="Parts of the body to hold; shift-click for several",
        items=SCOPE_ITEMS,
        options={"ENUM_FLAG"},
        default=set(WHOLE_BODY),
    )

    def run(self, context: Context, target: Object) -> str:
        """Keep the pose."""
        row = tracks.add_key_pose(target, context.scene, set(self.scope))
        return f"Key pose at frame {row.frame}: {row.name}"


class _KeyPoseOperator(CharacterOperator):
    """A key pose operator on one row."""

    index: IntProperty(name="Number", description="Row; -1 for the active one", default=-1, min=-1)


class GENMO_OT_key_pose_update(_KeyPoseOperator):
    """Replace the kept pose by the armature's pose at the current frame"""

    bl_idname = Op.KEY_POSE_UPDATE
    bl_label = "Update Key Pose"

    def run(self, context: Context, target: Object) -> str:
        """Keep the present pose."""
        tracks.update_key_pose(target, _row(target, self.index))
        return ""


class GENMO_OT_key_pose_jump(_KeyPoseOperator):
    """Go to the frame of the key pose"""

    bl_idname = Op.KEY_POSE_JUMP
    bl_label = "Jump to Key Pose"

    def run(self, context: Context, target: Object) -> str:
        """Move the playhead."""
        context.scene.frame_set(_row(target, self.index).frame)
        return ""


class GENMO_OT_key_pose_remove(RemoveOperator):
    """Remove the key pose"""

    bl_idname = Op.KEY_POSE_REMOVE
    bl_label = "Remove Key Pose"
    track = "key_poses"


CLASSES = (
    GENMO_OT_key_pose_add,
    GENMO_OT_key_pose_update,
    GENMO_OT_key_pose_jump,
    GENMO_OT_key_pose_remove,
)
