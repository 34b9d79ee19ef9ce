"""What the apply settings of a character or of an operator mean, and how they are drawn."""

from __future__ import annotations

from typing import Any, Final

from bpy.types import Object

from . import armature
from .core.bonemap import BoneMap
from .core.output import LOWER_BODY, UPPER_BODY, Output
from .core.retarget import Options

_BODY: Final = {"ALL": None, "UPPER": UPPER_BODY, "LOWER": LOWER_BODY}


def output_of(settings: Any, target: Object) -> Output:
    """What is written, by the settings of a character or of an operator.

    Args:
        settings: anything with the members of `ApplySettings`.
        target: the armature; its selected bones may count.
    """
    return Output(
        mode=settings.mode,
        frame_range=(settings.range_start, settings.range_stop) if settings.use_range else None,
        joints=_BODY.get(settings.body),
        bones=selected_bones(target) if settings.body == "SELECTED" else None,
        blend_in=settings.blend_in,
        blend_out=settings.blend_out,
        root=settings.root,
        controls=settings.controls,
        keys=settings.keys,
        max_angle=settings.max_angle,
        max_distance=settings.max_distance,
        respect_locks=settings.respect_locks,
    )


def options_of(settings: Any, target: Object, bone_map: BoneMap, *, root_scale: float, cleanup: bool) -> Options:
    """How a motion is fitted to the character, by its settings.

    Raises:
        UserError: as `armature.target`.
    """
    if settings.travel == "METRES":
        size = armature.target(target, bone_map, probe=False).size * armature.metres(target)
        root_scale = root_scale / size
    return Options(root_scale=root_scale, foot_lock=cleanup, floor=cleanup, hands=settings.hands)


def selected_bones(target: Any) -> frozenset[str]:
    """Names of the selected bones."""
    return frozenset(
        bone.name for bone in target.pose.bones if (bone.select if hasattr(bone, "select") else bone.bone.select)
    )


def draw(layout: Any, settings: Any) -> None:
    """The settings, in a panel or in the redo panel."""
    column = layout.column()
    column.use_property_split, column.use_property_decorate = True, False
    column.prop(settings, "mode")
    column.prop(settings, "body")
    column.prop(settings, "use_range")
    if settings.use_range:
        row = column.column(align=True)
        row.prop(settings, "range_start")
        row.prop(settings, "range_stop")
    if settings.mode != "ACTION":
        row = column.column(align=True)
        row.prop(settings, "blend_in")
        row.prop(settings, "blend_out")
    column.prop(settings, "root")
    column.prop(settings, "travel")
    column.prop(settings, "controls")
    column.prop(settings, "keys")
    if settings.keys == "SPARSE":
        row = column.column(align=True)
        row.prop(settings, "max_angle")
        row.prop(settings, "max_distance")
    column.prop(settings, "hands")
    column.prop(settings, "respect_locks")
