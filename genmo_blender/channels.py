"""Bone poses as channels of pose bones: which are written, in which rotation mode, and which are left alone and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from ..runtime import rotation
from .core import euler
from .core.output import Output
from .core.retarget import BonePoses

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Channel:
    """One property of one bone over some frames.

    Attributes:
        bone: the bone; names the group of the curves.
        path: data path of the property from the object.
        values: (T, n).
        kind: "location", or the bone's rotation mode.
        rest: (n,) the value that the property has now, for frames without keys.
        skip: components that are locked or driven.
    """

    bone: str
    path: str
    values: Array
    kind: str
    rest: Array
    skip: frozenset[int]


def channels_of(item: Any, poses: BonePoses, bone_joints: Mapping[str, str], output: Output) -> list[Channel]:
    """The channels to write, those that locks and drivers forbid left out.

    Args:
        item: the armature object.
        poses: T poses.
        bone_joints: joint of each mapped bone.
        output: which bones, and whether locks count.
    """
    driven = _driven(item)
    rows: list[tuple[str, str, Array | None, Array | None]] = []
    for column, bone in enumerate(poses.names):
        location = poses.locations if bone == poses.root else None
        rows.append((bone, bone_joints.get(bone, ""), poses.rotations[:, column], location))
    rows += [(each.name, each.joint, each.rotations, each.locations) for each in poses.placed]
    found = []
    for bone, joint, rotations, location in rows:
        if output.takes(bone, joint or None):
            pose_bone = item.pose.bones[bone]
            if rotations is not None:
                found.append(rotation_channel(pose_bone, rotations, driven, output.respect_locks))
            if location is not None:
                found.append(_location_channel(pose_bone, location, driven, output.respect_locks))
    return [channel for channel in found if len(channel.skip) < channel.values.shape[1]]


def rest_channels(item: Any, poses: BonePoses, count: int) -> list[Channel]:
    """Channels that keep the neutral bones at rest for `count` frames."""
    found = []
    for name in poses.neutral:
        bone = item.pose.bones[name]
        found.append(rotation_channel(bone, rotation.identity(count), frozenset(), False))
        found.append(_location_channel(bone, np.zeros((count, 3)), frozenset(), False))
    return found


def bone_path(bone: str) -> str:
    """Data path of a pose bone from its object."""
    return f'pose.bones["{bpy.utils.escape_identifier(bone)}"]'


def rotation_channel(bone: Any, quaternions: Array, driven: frozenset[tuple[str, int]], locks: bool) -> Channel:
    """The rotation of a bone in its own mode, for quaternions (T, 4)."""
    mode = bone.rotation_mode
    if mode == "QUATERNION":
        name, values, kind = "rotation_quaternion", quaternions, "QUATERNION"
    elif mode == "AXIS_ANGLE":
        name, values, kind = "rotation_axis_angle", euler.axis_angle_from_quaternions(quaternions), "AXIS_ANGLE"
    else:
        name, values, kind = "rotation_euler", euler.euler_from_quaternions(quaternions, mode), mode
    path = f"{bone_path(bone.name)}.{name}"
    count = values.shape[1]
    locked = set(np.flatnonzero(np.array(bone.lock_rotation[:])).tolist()) if locks else set()
    if count == 4:  # four numbers make one turn: they are left alone together, or not at all
        locked = {0, 1, 2, 3} if len(locked) == 3 else set()
    skip = locked | {index for index in range(count) if (path, index) in driven}
    return Channel(bone.name, path, values, kind, np.array(getattr(bone, name)[:], dtype=np.float64), frozenset(skip))


def _location_channel(bone: Any, values: Array, driven: frozenset[tuple[str, int]], locks: bool) -> Channel:
    path = f"{bone_path(bone.name)}.location"
    skip = {index for index in range(3) if (path, index) in driven or (locks and bone.lock_location[index])}
    if not bone.bone.use_local_location and bone.parent is not None:  # then a place counts in the parent's axes
        own, above = (np.array(each.matrix_local)[:3, :3] for each in (bone.bone, bone.parent.bone))
        values = values @ (np.linalg.inv(above) @ own).T
    return Channel(bone.name, path, values, "location", np.array(bone.location[:], dtype=np.float64), frozenset(skip))


def _driven(item: Any) -> frozenset[tuple[str, int]]:
    drivers = item.animation_data.drivers if item.animation_data else ()
    return frozenset((curve.data_path, curve.array_index) for curve in drivers if not curve.mute)


def quaternions_of(values: Array, kind: str) -> Array:
    """Quaternions (T, 4) of rotation values (T, n) of a mode."""
    if kind == "QUATERNION":
        return rotation.normalize(values)
    if kind == "AXIS_ANGLE":
        return rotation.from_axis_angle(rotation.normalize(values[:, 1:]) * values[:, :1])
    return euler.quaternions_from_euler(values, kind)
