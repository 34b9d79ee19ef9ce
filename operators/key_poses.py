"""Operators of the Key Poses panel."""
# ruff: noqa: D415 - the docstrings of operators are tooltips, which Blender ends with a full stop itself
# pyright: reportInvalidTypeForm=false

from typing import Any

from bpy.props import EnumProperty, IntProperty
from bpy.types import Object

from ..genmo_blender import marks, tracks
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


class GENMO_OT_key_poses_mark(CharacterOperator):
    """Make key poses of keys of the action: move them in the dope sheet as any key"""

    bl_idname = Op.KEY_POSES_MARK
    bl_label = "Mark Keys as Key Poses"

    where: EnumProperty(
        name="Keys",
        description="Which keys of the action to mark",
        items=[
            ("SELECTED", "Selected", "Frames of the keys that are selected in the dope sheet"),
            ("PLAYHEAD", "At Playhead", "The keys at the current frame"),
            ("ALL", "All", "Every key of the action"),
        ],
    )
    scope: EnumProperty(
        name="Body Parts",
        description="Parts of the body to hold; shift-click for several",
        items=SCOPE_ITEMS,
        options={"ENUM_FLAG"},
        default=set(WHOLE_BODY),
    )

    def run(self, context: Context, target: Object) -> str:
        """Mark the keys."""
        rows = marks.mark_keys(target, context.scene, set(self.scope), self.where)
        return f"{len(rows)} marked key{'s' if len(rows) > 1 else ''}: {rows[0].name}"


class _KeyPoseOperator(CharacterOperator):
    """A key pose operator on one row."""

    index: IntProperty(name="Number", description="Row; -1 for the active one", default=-1, min=-1)


class GENMO_OT_key_pose_update(_KeyPoseOperator):
    """Replace the kept pose by the armature's pose at the current frame; marked keys are read again"""

    bl_idname = Op.KEY_POSE_UPDATE
    bl_label = "Update Key Pose"

    def run(self, context: Context, target: Object) -> str:
        """Keep the present pose."""
        row = _row(target, self.index)
        if row.source == "ACTION" and row.action is not None:
            marks.read(target, context.scene, [row])
        else:
            tracks.update_key_pose(target, row)
        return ""


class GENMO_OT_key_pose_capture(_KeyPoseOperator):
    """Keep the pose of the marked keys as it is now: later edits of the action do not change it any more"""

    bl_idname = Op.KEY_POSE_CAPTURE
    bl_label = "Capture Marked Keys"

    def run(self, context: Context, target: Object) -> str:
        """Cut the row off from its action."""
        row = _row(target, self.index)
        if row.source != "ACTION":
            raise UserError("This key pose is captured already")
        marks.capture(target, context.scene, row)
        return ""


class GENMO_OT_key_pose_jump(_KeyPoseOperator):
    """Go to the frame of the key pose"""

    bl_idname = Op.KEY_POSE_JUMP
    bl_label = "Jump to Key Pose"

    def run(self, context: Context, target: Object) -> str:
        """Move the playhead."""
        row = _row(target, self.index)
        marks.follow(target, context.scene)
        context.scene.frame_set(row.frame)
        return ""


class GENMO_OT_key_pose_remove(RemoveOperator):
    """Remove the key pose; keys of the action stay, without their mark"""

    bl_idname = Op.KEY_POSE_REMOVE
    bl_label = "Remove Key Pose"
    track = "key_poses"

    def run(self, context: Context, target: Object) -> str:
        """Take the mark off the keys and remove the row."""
        marks.unmark(target, _row(target, self.index))
        return super().run(context, target)


CLASSES = (
    GENMO_OT_key_pose_add,
    GENMO_OT_key_poses_mark,
    GENMO_OT_key_pose_update,
    GENMO_OT_key_pose_capture,
    GENMO_OT_key_pose_jump,
    GENMO_OT_key_pose_remove,
)
