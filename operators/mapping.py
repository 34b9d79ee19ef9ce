"""Operators of the mapping editor: which bone follows which joint, and what the T-pose is."""
# ruff: noqa: D415 - the docstrings of operators are tooltips, which Blender ends with a full stop itself
# pyright: reportInvalidTypeForm=false

from typing import Any, cast

from bpy.props import EnumProperty, StringProperty
from bpy.types import Event, Object

from ..genmo_blender import mapping, tracks
from ..genmo_blender.core.mapping_state import bone_label
from ..genmo_blender.idnames import Op
from ..genmo_blender.properties import JOINT_ITEMS
from ..genmo_blender.stubs import Context, Result
from .base import CharacterOperator

_SIDES = {"LEFT": "l", "RIGHT": "r"}


class GENMO_OT_bones_pick(CharacterOperator):
    """Map the bones that are selected in Pose Mode to this joint; several bones of one chain share its turn"""

    bl_idname = Op.BONES_PICK
    bl_label = "Take Selected Bones"

    joint: EnumProperty(name="Joint", description="Joint of the model", items=JOINT_ITEMS)
    bones: StringProperty(name="Bones", description="Bones to take, separated by commas; empty for the selected ones")

    def run(self, context: Context, target: Object) -> str:
        """Map the bones."""
        given = [name.strip() for name in self.bones.split(",") if name.strip()]
        selected = [bone.name for bone in context.selected_pose_bones or () if bone.id_data == target]
        mapping.pick(target, self.joint, given or selected)
        return f"{bone_label(self.joint)}: {', '.join(given or selected)}"


class GENMO_OT_bones_mirror(CharacterOperator):
    """Map the other side as this one is mapped"""

    bl_idname = Op.BONES_MIRROR
    bl_label = "Mirror Bone Map"

    side: EnumProperty(
        name="From",
        description="Side to take",
        items=[("LEFT", "Left", "Map the right side as the left one"), ("RIGHT", "Right", "Map the left side")],
    )

    def run(self, context: Context, target: Object) -> str:
        """Mirror the rows."""
        count = mapping.mirror(target, _SIDES[self.side])
        return f"{count} joints of the other side mapped"


class GENMO_OT_bones_clear(CharacterOperator):
    """Empty the bone map"""

    bl_idname = Op.BONES_CLEAR
    bl_label = "Clear Bone Map"

    def run(self, context: Context, target: Object) -> str:
        """Empty all rows."""
        tracks.store_bone_map(target, {}, "")
        return ""


class _FileOperator(CharacterOperator):
    """What the two file operators share: a file browser for bone maps."""

    filepath: StringProperty(name="File", description="File with a bone map", subtype="FILE_PATH")
    filter_glob: StringProperty(default="*.json", options={"HIDDEN"})

    def invoke(self, context: Context, event: Event) -> Result:
        """Open the file browser."""
        if not self.filepath:
            self.filepath = f"bone_map{mapping.SUFFIX}"
        context.window_manager.fileselect_add(cast("Any", self))
        return {"RUNNING_MODAL"}


class GENMO_OT_bone_map_export(_FileOperator):
    """Write the bone map to a file that serves other characters with this skeleton"""

    bl_idname = Op.BONE_MAP_EXPORT
    bl_label = "Export Bone Map"
    bl_options = {"REGISTER"}

    check_existing = True

    def run(self, context: Context, target: Object) -> str:
        """Write the file."""
        mapping.export(target, self.filepath)
        return "Bone map written"


class GENMO_OT_bone_map_import(_FileOperator):
    """Take the bone map of a file"""

    bl_idname = Op.BONE_MAP_IMPORT
    bl_label = "Import Bone Map"

    def run(self, context: Context, target: Object) -> str:
        """Read the file."""
        return mapping.load(target, self.filepath)


class GENMO_OT_use_as_t_pose(CharacterOperator):
    """Let the pose shown now count as the T-pose: arms straight out, palms down. For rigs that come out twisted only"""

    bl_idname = Op.USE_AS_T_POSE
    bl_label = "Use Pose as T-Pose"

    def run(self, context: Context, target: Object) -> str:
        """Store the pose."""
        mapping.use_as_t_pose(target)
        return "This pose counts as the T-pose now"


class GENMO_OT_forget_t_pose(CharacterOperator):
    """Find the T-pose from the shape of the rest pose again"""

    bl_idname = Op.FORGET_T_POSE
    bl_label = "Forget T-Pose"

    def run(self, context: Context, target: Object) -> str:
        """Drop the stored pose."""
        mapping.forget_t_pose(target)
        return ""


CLASSES = (
    GENMO_OT_bones_pick,
    GENMO_OT_bones_mirror,
    GENMO_OT_bones_clear,
    GENMO_OT_bone_map_export,
    GENMO_OT_bone_map_import,
    GENMO_OT_use_as_t_pose,
    GENMO_OT_forget_t_pose,
)
