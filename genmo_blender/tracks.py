"""Edits of a character's tracks: bone map, prompts, key poses, pins, paths. Operators call these.

Frames are scene frames. Functions that look at the pose read it at the current frame.
"""

from typing import Any, Final

import bpy
import numpy as np
from bpy.types import Object, Scene

from ..runtime import skeleton
from ..runtime.errors import UserError
from . import armature, changes, overrides, pin_targets
from .core import coordinates
from .core.bonemap import BoneMap, BoneMapping, apply_preset, guess_bone_map
from .properties import SCOPES, UPPER_BODY, WHOLE_BODY, joint_label, of_object
from .stubs import current_context

SECONDS: Final = 2.0
"""Length of a new prompt."""
TRACKS: Final = {
    "prompts": "active_prompt",
    "key_poses": "active_key_pose",
    "pins": "active_pin",
    "paths": "active_path",
    "videos": "active_video",
    "music": "active_music",
    "references": "active_reference",
    "takes": "active_take",
}
"""Collection -> property with the index of its active row."""


def bone_map(target: Object) -> BoneMap:
    """The stored map from joints to bones; empty rows are left out."""
    rows = ((row.name, [name.strip() for name in row.bones.split(",")]) for row in of_object(target).bones)
    return {joint: tuple(name for name in names if name) for joint, names in rows if any(names)}


def map_bones(target: Object, preset: str = "") -> BoneMapping:
    """Store the bone map of a preset, or of the one that fits best; one row per joint of the model."""
    rest = armature.rest_pose(target)
    mapping = apply_preset(preset, rest) if preset else guess_bone_map(rest)
    store_bone_map(target, mapping.map, mapping.preset)
    return mapping


def store_bone_map(target: Object, mapped: BoneMap, preset: str) -> None:
    """Write a bone map into the rows, one for each joint; a joint without bones has an empty row.

    Rows that are there stay: those that an overridden character has from its library cannot be removed.
    """
    overrides.prepare(target)
    character = of_object(target)
    if [row.name for row in character.bones] != list(skeleton.JOINT_NAMES):
        character.bones.clear()
        for joint in skeleton.JOINT_NAMES:
            character.bones.add().name = joint
    for row in character.bones:
        row.bones = ", ".join(mapped.get(row.name, ()))
    character.preset = preset
    changes.mark()


def active(target: Object, track: str) -> Any | None:
    """The active row of a track, None when there is none."""
    character = of_object(target)
    rows, index = getattr(character, track), getattr(character, TRACKS[track])
    return rows[index] if 0 <= index < len(rows) else None


def add(target: Object, track: str) -> Any:
    """A new row at the end of a track, made the active one."""
    character = of_object(target)
    row = getattr(character, track).add()
    setattr(character, TRACKS[track], len(getattr(character, track)) - 1)
    changes.mark()
    changes.show()
    return row


def remove(target: Object, track: str, index: int) -> None:
    """Remove a row; -1 takes the active one.

    Raises:
        UserError: there is no such row.
    """
    character = of_object(target)
    rows = getattr(character, track)
    chosen = getattr(character, TRACKS[track]) if index < 0 else index
    if chosen >= len(rows):
        raise UserError(f"There is no row {chosen + 1} to remove")
    rows.remove(chosen)
    setattr(character, TRACKS[track], max(0, min(chosen, len(rows) - 1)))
    changes.mark()
    changes.show()


def add_prompt(target: Object, scene: Scene, text: str, frames: int = 0, start: int | None = None) -> Any:
    """A prompt that starts at the playhead or a frame; by itself it lasts two seconds or up to the next prompt."""
    start = scene.frame_current if start is None else start
    later = [prompt.start for prompt in of_object(target).prompts if prompt.start > start]
    stop = start + (frames or max(1, round(SECONDS * scene.render.fps / scene.render.fps_base)))
    if later and not frames:
        stop = min(stop, min(later))
    prompt = add(target, "prompts")
    prompt.text, prompt.start, prompt.stop = text, start, stop
    return prompt


def prompts_from_markers(target: Object, scene: Scene) -> int:
    """A prompt from each marker to the next, the last one up to the end of the scene; returns their number.

    Raises:
        UserError: the scene has no markers.
    """
    markers = sorted((marker.frame, marker.name) for marker in scene.timeline_markers)
    if not markers:
        raise UserError("The timeline has no markers: add one with M and name it with the prompt")
    ends = [frame for frame, _ in markers[1:]] + [max(scene.frame_end + 1, markers[-1][0] + 1)]
    spans = [(name, frame, stop) for (frame, name), stop in zip(markers, ends, strict=True) if stop > frame]
    for name, start, stop in spans:
        prompt = add(target, "prompts")
        prompt.text, prompt.start, prompt.stop = name, start, stop
    return len(spans)


def scope_label(scope: set[str]) -> str:
    """Words for a set of body parts."""
    if scope >= WHOLE_BODY:
        return "Full Body"
    if scope == UPPER_BODY:
        return "Upper Body"
    return ", ".join(label for name, (label, _) in SCOPES.items() if name in scope) or "Nothing"


def add_key_pose(target: Object, scene: Scene, scope: set[str]) -> Any:
    """Keep the pose at the current frame; a pose of the same parts on this frame is replaced.

    Raises:
        UserError: no part is chosen, or the rig cannot be read.
    """
    if not scope:
        raise UserError("Choose at least one part of the body")
    pose = armature.read_pose(target, bone_map(target))
    rows = (row for row in of_object(target).key_poses if row.source == "POSE")
    same = (row for row in rows if row.frame == scene.frame_current and row.scope == scope)
    row = next(same, None) or add(target, "key_poses")
    row.frame, row.scope, row.name = scene.frame_current, scope, scope_label(scope)
    store_pose(row, pose)
    return row


def update_key_pose(target: Object, row: Any) -> None:
    """Take the pose at the current frame into an existing key pose; its frame and parts stay."""
    store_pose(row, armature.read_pose(target, bone_map(target)))


def store_pose(row: Any, pose: armature.ModelPose) -> None:
    """Keep a pose of the model in a key pose."""
    row.rotations = np.asarray(pose.rotations).tolist()
    row.root_position = np.asarray(pose.root_position).tolist()
    row.known = [joint not in pose.missing for joint in skeleton.JOINT_NAMES]
    changes.mark()


def add_pin(
    target: Object,
    scene: Scene,
    joint: str,
    frames: int,
    place: Object | None,
    *,
    bone: str = "",
    keep_offset: bool = False,
) -> Any:
    """Hold a joint from the playhead on, at an object or one of its bones, or where the joint is now.

    With `keep_offset` it stays as far from the object as it is now.

    Raises:
        UserError: the object has no such bone, or the rig cannot be read.
    """
    pin_targets.check(place, bone)
    row = add(target, "pins")
    row.name = joint_label(joint)
    row.joint, row.start, row.stop = joint, scene.frame_current, scene.frame_current + max(1, frames)
    row.target, row.bone = place, bone
    row.use_offset = place is not None and keep_offset
    capture_pin(target, row)
    return row


def capture_pin(target: Object, row: Any) -> None:
    """Store where the pin's joint is at the current frame, in world space."""
    mapping = bone_map(target)
    pose = armature.read_pose(target, mapping)
    world = armature.world_from_model(target, mapping)
    place = armature.joint_position(target, mapping, row.joint)
    _, turns = skeleton.forward_kinematics(pose.root_position, pose.rotations)
    turn = turns[skeleton.INDEX[row.joint]]
    row.position = coordinates.points_world_from_model(world, place).tolist()
    row.rotation = coordinates.rotations_world_from_model(world, turn).tolist()
    pin_targets.capture(row)
    changes.mark()


def add_path(target: Object, scene: Scene, curve: Object | None) -> Any:
    """A path along a curve over the scene's range, or of one waypoint where the character is now."""
    row = add(target, "paths")
    row.kind, row.curve = ("CURVE", curve) if curve else ("WAYPOINTS", None)
    row.start, row.stop = scene.frame_current, max(scene.frame_end + 1, scene.frame_current + 2)
    row.name = curve.name if curve else "Waypoints"
    if curve is None:
        add_waypoint(target, scene, row, None)
    return row


def add_waypoint(target: Object, scene: Scene, path: Any, place: Object | None) -> Any:
    """A waypoint at the current frame: at an object, or where the character is now."""
    row = path.waypoints.add()
    path.active_waypoint = len(path.waypoints) - 1
    row.frame, row.target = scene.frame_current, place
    mapping = bone_map(target)
    if place is None:
        world = armature.world_from_model(target, mapping)
        root = np.asarray(armature.read_pose(target, mapping).root_position) * (1.0, 0.0, 1.0)
        row.position = coordinates.points_world_from_model(world, root).tolist()
    changes.mark()
    return row


def empty_at(scene: Scene, target: Object, name: str, place: Any) -> Object:
    """A new empty at a world place, in the character's collection."""
    item: Any = bpy.data.objects.new(name, None)
    item.location, item.empty_display_type, item.empty_display_size = place, "SINGLE_ARROW", 0.5
    homes = [home for home in target.users_collection if home.library is None] or [scene.collection]
    homes[0].objects.link(item)
    current_context().view_layer.update()
    return item


def remove_waypoint(path: Any, index: int) -> None:
    """Remove a waypoint; -1 takes the active one."""
    chosen = path.active_waypoint if index < 0 else index
    path.waypoints.remove(chosen)
    path.active_waypoint = max(0, min(chosen, len(path.waypoints) - 1))
    changes.mark()
