"""Bone poses -> Action: bulk key writing, the one place that knows slots and channel bags (Blender 4.2 to 5.x)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Literal

import bpy
import numpy as np
from bpy.types import Action
from numpy.typing import NDArray

from ..runtime.errors import UserError
from ..runtime.motion import Motion
from ..runtime.skeleton import JOINT_COUNT
from . import armature, soles
from .armature import Rig
from .carriers import cut, poses_of
from .channels import bone_path, channels_of, rest_channels
from .core.bonemap import BoneMap
from .core.holds import Hold, holds_of
from .core.leaning import TORSO_JOINTS
from .core.output import Output
from .core.retarget import BonePoses, Options, solve
from .core.timeline import Timeline
from .fcurves import CurveKeys, Curves, one_key, replace_within, write
from .merging import merge, merge_value, write_new
from .nla import add_strip, push_down

Array = NDArray[np.float64]
Interpolation = Literal["CONSTANT", "LINEAR", "BEZIER"]

NAME_LENGTH: Final = 40
TRAVEL: Final = "genmo_travel"
"""Property of an object whose motion was put in place: x and y in armature units and the heading in radians."""
_LEG_JOINTS: Final = frozenset(("pelvis", "l_hip", "r_hip", "l_knee", "r_knee", "l_ankle", "r_ankle"))


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
    output: Output | None = None,
) -> Action:
    """Retarget a motion to an armature object and write it; a new action unless `output` says otherwise.

    Args:
        item: the armature object.
        motion: the motion; its request, if it has one, says where key poses and pins are.
        bone_map: the object's bones.
        start: scene frame of the motion's first frame.
        fps: frames per second of the scene.
        name: the prompt; names the action.
        options: root scale, foot lock, floor.
        key_frames: scene frames that carry key poses or pins; they are met exactly at any frame rate.
        interpolation: of dense keys.
        output: what is written, where in time and to which bones.

    Raises:
        UserError: the rig cannot be driven or written; nothing was changed.
    """
    check_writable(item)
    target = armature.target(item, bone_map, motion.rest_offsets)
    fixed = _fixed_in_time(motion, Timeline(fps, start, motion.fps), set(key_frames))
    solved = solve(
        motion,
        target,
        options,
        **fixed,
        soles=soles.of_object(item, target),
        metres=armature.metres(item),
        firm=_firm(motion),
        shown=_held(motion, _LEG_JOINTS, whole=True),
    )
    output = output or Output()
    first, stop = output.span(start, len(fixed["times"]))
    poses = cut(poses_of(item, target, solved, output), first - start, stop - start)
    joints = {bone: joint for joint, bones in bone_map.items() for bone in bones}
    how: dict[str, Any] = {"name": name, "interpolation": interpolation, "output": output, "bone_joints": joints}
    return write_action(item, poses, start=first, **how)


def _fixed_in_time(motion: Motion, clock: Timeline, scene_keys: set[int]) -> dict[str, Any]:
    """The model times to show, the frames to keep and the pins to hold, as arguments of `solve`."""
    keep, holds = _fixed(motion)
    times = clock.sample_times(motion.frames, scene_keys or {clock.nearest_scene_frame(frame) for frame in keep})
    keep += _held(motion, _LEG_JOINTS, whole=False)
    if motion.request is None:
        keep = [clock.model_frame(frame) for frame in scene_keys]
    return {"times": times, "keep": keep, "holds": holds}


def _fixed(motion: Motion) -> tuple[list[int], list[Hold]]:
    """Model frames whose leg poses were keyed, and the pins of hands and feet."""
    if motion.request is None:
        return [], []
    keep = [key.frame for key in motion.request.keyframes if _LEG_JOINTS & set(key.joints)]
    return keep, holds_of(motion.request.pins)


def _firm(motion: Motion) -> list[int]:
    """Model frames on which a key pose fixes the trunk."""
    keys = motion.request.keyframes if motion.request is not None else ()
    return [key.frame for key in keys if TORSO_JOINTS & set(key.joints)] + _held(motion, TORSO_JOINTS, whole=False)


def _held(motion: Motion, joints: frozenset[str], *, whole: bool) -> list[int]:
    """Model frames on which the whole body, or only a part with one of these joints, was read from the rig."""
    stretches = motion.request.held if motion.request is not None else ()
    found = [held for held in stretches if joints & set(held.joints) and (len(held.joints) == JOINT_COUNT) == whole]
    return [frame for held in found for frame in range(held.start, held.stop)]


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
    output: Output | None = None,
    bone_joints: Mapping[str, str] | None = None,
) -> Action:
    """Write poses onto an armature object, as a new action unless `output` says otherwise.

    The action that was assigned before stays in the file. Each bone keeps its rotation mode.

    Args:
        item: the armature object.
        poses: T poses, one for each scene frame.
        start: scene frame of the first pose.
        name: the prompt; names the action.
        interpolation: of dense keys.
        output: what is written; its frame range has been cut out already.
        bone_joints: joint of each mapped bone, for an output of some joints.

    Raises:
        UserError: as `check_writable`, or a bone is gone.
    """
    output = output or Output()
    _check_bones(item, poses)
    channels = channels_of(item, poses, bone_joints or {}, output)
    if not channels:
        raise UserError("Nothing is left to write: no chosen bone can be changed")
    whole = output.joints is None and output.bones is None
    old, span = _merged_action(item, output), (start, start + poses.frames)
    if old is not None:
        curves = Curves(old, getattr(item.animation_data, "action_slot", None), name=item.name)
        channels += rest_channels(item, poses, poses.frames) if whole else []
        merge(curves, channels, start, output, interpolation=interpolation, metres=armature.metres(item))
    else:
        curves = Curves(bpy.data.actions.new(action_name(name)), name=item.name)
        write_new(curves, channels, start, output, interpolation=interpolation, metres=armature.metres(item))
        if whole:
            write_new(curves, rest_channels(item, poses, 1), start, output, interpolation="CONSTANT", metres=1.0)
    for bone, path, value, before in _properties(item, poses, output, whole):
        if old is not None:
            merge_value(curves, bone, path, value, before, span)
        else:
            write(curves.make(bone, path, 0), one_key(start, value))
    _write_travel(item, curves, poses, start)
    return _put(item, curves, output, span)


def _merged_action(item: Rig, output: Output) -> Action | None:
    """The action to merge into; None for a new one."""
    old = item.animation_data.action if item.animation_data and output.mode == "MERGE" else None
    if old is not None and old.library is not None:
        raise UserError(f"The action '{old.name}' is linked from another file: make it local, or apply as a new action")
    return old


def _check_bones(item: Rig, poses: BonePoses) -> None:
    """Check that an object can be written and still has all bones."""
    check_writable(item)
    needed = (*poses.names, *poses.neutral, *(each.name for each in poses.placed))
    if gone := [bone for bone in needed if bone not in item.pose.bones]:
        raise UserError(f"The armature has no bone '{gone[0]}' any more: map the bones again")


def _properties(item: Rig, poses: BonePoses, output: Output, whole: bool) -> Iterator[tuple[str, str, float, float]]:
    """Bone, data path, value and present value of each custom property that has to be set."""
    for (bone, key), value in (poses.properties or {}).items():
        if key in item.pose.bones[bone] and (whole or output.takes(bone, None)):
            path = f'{bone_path(bone)}["{bpy.utils.escape_identifier(key)}"]'
            yield bone, path, float(value), float(item.pose.bones[bone][key])


def _write_travel(item: Rig, curves: Curves, poses: BonePoses, start: int) -> None:
    """Keep the way that was taken out as keys of a property of the object."""
    if poses.travel is None:
        return
    item[TRAVEL] = [0.0, 0.0, 0.0]
    frames = np.arange(start, start + poses.frames, dtype=np.float64)
    kinds = np.ones(len(frames), dtype=np.int32)
    for index in range(3):
        keys = CurveKeys(frames, poses.travel[:, index], kinds)
        curve = curves.find(f'["{TRAVEL}"]', index)
        if curve is not None:
            replace_within(curve, keys, start, start + poses.frames)
        else:
            write(curves.make("Travel", f'["{TRAVEL}"]', index), keys)


def _put(item: Rig, curves: Curves, output: Output, span: tuple[int, int]) -> Action:
    """Let the object play what was written; returns the action."""
    action = curves.action
    if output.mode == "NLA":
        push_down(item)
        add_strip(item, action, curves.slot, span, (output.blend_in, output.blend_out))
    elif item.animation_data is None or item.animation_data.action is not action:
        assign_action(item, action)
    action.update_tag()
    item.update_tag()
    return action


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
