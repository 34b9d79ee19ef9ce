"""Bone poses -> Action: bulk key writing, the one place that knows slots and channel bags (Blender 4.2 to 5.x)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Literal

import bpy
import numpy as np
from bpy.types import Action
from numpy.typing import NDArray

from ..runtime.errors import UserError
from ..runtime.motion import Motion
from . import armature
from .armature import Rig
from .core import euler
from .core.bonemap import BoneMap
from .core.retarget import BonePoses, Hold, Options, retarget
from .core.timeline import Timeline

Array = NDArray[np.float64]
Interpolation = Literal["CONSTANT", "LINEAR", "BEZIER"]

NAME_LENGTH: Final = 40
_INTERPOLATIONS: Final = {"CONSTANT": 0, "LINEAR": 1, "BEZIER": 2}
_LEG_JOINTS: Final = frozenset(("pelvis", "l_hip", "r_hip", "l_knee", "r_knee", "l_ankle", "r_ankle"))
_HELD_JOINTS: Final = frozenset(("l_wrist", "r_wrist", "l_ankle", "r_ankle", "l_foot", "r_foot"))


def action_name(prompt: str) -> str:
    """The prompt's first 40 characters on one line; "Motion" if there are none."""
    return " ".join(prompt.split())[:NAME_LENGTH].strip() or "Motion"


def apply_motion(
    item: Rig,
    motion: Motion,
    bone_map: BoneMap,
    *,
    start: int,
    fps: float,
    name: str,
    options: Options | None = None,
    key_frames: Iterable[int] = (),
    interpolation: Interpolation = "LINEAR",
) -> Action:
    """Retarget a motion to an armature object and give the object a new action with it.

    Args:
        item: the armature object.
        motion: the motion; its request, if it has one, says where key poses and pins are.
        bone_map: the object's bones.
        start: scene frame of the motion's first frame.
        fps: frames per second of the scene.
        name: the prompt; names the action.
        options: root scale, foot lock, floor.
        key_frames: scene frames that carry key poses or pins; they are met exactly at any frame rate.
        interpolation: of the new keys.

    Raises:
        UserError: the rig cannot be driven or written; nothing was changed.
    """
    check_writable(item)
    clock = Timeline(fps, start, motion.fps)
    target = armature.target(item, bone_map, motion.rest_offsets)
    scene_keys = set(key_frames)
    keep, holds = _fixed(motion)
    times = clock.sample_times(motion.frames, scene_keys or {clock.nearest_scene_frame(frame) for frame in keep})
    if motion.request is None:
        keep = [clock.model_frame(frame) for frame in scene_keys]
    poses = retarget(motion, target, options, times=times, keep=keep, holds=holds)
    return write_action(item, poses, start=start, name=name, interpolation=interpolation)


def _fixed(motion: Motion) -> tuple[list[int], list[Hold]]:
    """Model frames whose leg poses were keyed, and the pins of hands and feet."""
    if motion.request is None:
        return [], []
    keep = [key.frame for key in motion.request.keyframes if _LEG_JOINTS & set(key.joints)]
    holds = [Hold(pin.joint, pin.start, pin.stop) for pin in motion.request.pins if pin.joint in _HELD_JOINTS]
    return keep, holds


def check_writable(item: Rig) -> None:
    """Check that an object can take a new action.

    Raises:
        UserError: it is linked from another file, or its NLA is in tweak mode.
    """
    if item.library is not None:
        raise UserError(f"'{item.name}' is linked from another file: make a library override of it first")
    if item.animation_data is not None and item.animation_data.use_tweak_mode:
        raise UserError(f"'{item.name}' is in tweak mode of the NLA: leave it (Tab in the NLA editor) first")


def write_action(
    item: Rig,
    poses: BonePoses,
    *,
    start: int,
    name: str,
    interpolation: Interpolation = "LINEAR",
) -> Action:
    """Write poses as a new action of an armature object, one key per scene frame, and assign it.

    The action that was assigned before stays in the file. Each bone keeps its rotation mode.

    Args:
        item: the armature object.
        poses: T poses, one for each scene frame.
        start: scene frame of the first pose.
        name: the prompt; names the action.
        interpolation: of the keys.

    Raises:
        UserError: as `check_writable`, or a bone is gone.
    """
    check_writable(item)
    bones = item.pose.bones
    if gone := [bone for bone in (*poses.names, *poses.neutral) if bone not in bones]:
        raise UserError(f"The armature has no bone '{gone[0]}' any more: map the bones again")
    action = bpy.data.actions.new(action_name(name))
    writer = _Writer(action, item)
    frames = np.arange(start, start + poses.frames, dtype=np.float64)
    for column, bone in enumerate(poses.names):
        path, values = _rotation_channels(bones[bone], poses.rotations[:, column])
        writer.write(bone, path, frames, values, interpolation)
        if bone == poses.root:
            writer.write(bone, "location", frames, poses.locations, interpolation)
    still = np.array([[1.0, 0.0, 0.0, 0.0]])
    for bone in poses.neutral:
        path, values = _rotation_channels(bones[bone], still)
        writer.write(bone, path, frames[:1], values, "CONSTANT")
        writer.write(bone, "location", frames[:1], np.zeros((1, 3)), "CONSTANT")
    for (bone, key), value in (poses.properties or {}).items():
        if key in bones[bone]:
            writer.write_property(bone, key, int(frames[0]), value)
    assign_action(item, action)
    return action


def _rotation_channels(bone: Any, quaternions: Array) -> tuple[str, Array]:
    """Name and values (T, n) of the channels that a bone's rotation mode uses."""
    if bone.rotation_mode == "QUATERNION":
        return "rotation_quaternion", quaternions
    if bone.rotation_mode == "AXIS_ANGLE":
        return "rotation_axis_angle", euler.axis_angle_from_quaternions(quaternions)
    return "rotation_euler", euler.euler_from_quaternions(quaternions, bone.rotation_mode)


class _Writer:
    """Writes curves into a new action, with a slot where Blender has slots."""

    def __init__(self, action: Action, item: Rig) -> None:
        self._groups: dict[str, Any] = {}
        self._owner: Any = action
        if hasattr(action, "slots"):
            slot = action.slots.new(id_type="OBJECT", name=item.name)
            strip: Any = action.layers.new("Layer").strips.new(type="KEYFRAME")
            self._owner = strip.channelbag(slot, ensure=True)

    def write(self, bone: str, channel: str, frames: Array, values: Array, interpolation: Interpolation) -> None:
        """One curve per column of `values` (T, n) for a channel of a bone."""
        path = f'pose.bones["{bpy.utils.escape_identifier(bone)}"].{channel}'
        for index in range(values.shape[1]):
            self._curve(bone, path, index, frames, values[:, index], interpolation)

    def write_property(self, bone: str, key: str, frame: int, value: float) -> None:
        """One key for a custom property of a bone."""
        escape = bpy.utils.escape_identifier
        path = f'pose.bones["{escape(bone)}"]["{escape(key)}"]'
        self._curve(bone, path, 0, np.array([frame]), np.array([value]), "CONSTANT")

    def _curve(
        self, group: str, path: str, index: int, frames: Array, values: Array, interpolation: Interpolation
    ) -> None:
        curve = self._owner.fcurves.new(path, index=index)
        if group not in self._groups:
            self._groups[group] = self._owner.groups.new(group)
        curve.group = self._groups[group]
        points = curve.keyframe_points
        points.add(len(frames))
        points.foreach_set("co", np.stack([frames, values], axis=1).astype(np.float32).ravel())
        points.foreach_set("interpolation", np.full(len(frames), _INTERPOLATIONS[interpolation], dtype=np.int32))
        curve.update()


def assign_action(item: Rig, action: Action) -> None:
    """Give an object an action with its slot; the one it had stays in the file with a fake user.

    Raises:
        UserError: as `check_writable`.
    """
    check_writable(item)
    data = item.animation_data or item.animation_data_create()
    old = data.action
    if old is not None and old is not action and old.library is None:
        old.use_fake_user = True
    data.action = action
    if hasattr(action, "slots") and len(action.slots):
        own = [slot for slot in action.slots if slot.identifier == f"OB{item.name}"]
        data.action_slot = own[0] if own else action.slots[0]


def curves_of(action: Action, slot: Any = None) -> Iterable[Any]:
    """The F-curves of an action, of its first slot unless another is given."""
    if not hasattr(action, "slots"):
        return action.fcurves
    slot = slot or (action.slots[0] if len(action.slots) else None)
    strips: list[Any] = [strip for layer in action.layers for strip in layer.strips]
    bags = [strip.channelbag(slot) for strip in strips if slot is not None]
    return [curve for bag in bags if bag is not None for curve in bag.fcurves]
