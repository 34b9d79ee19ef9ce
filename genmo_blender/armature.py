"""Blender armatures as arrays: rest pose, evaluated pose, and how the bones of a constrained rig hang together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import bpy
import numpy as np
from numpy.typing import NDArray

from ..runtime import rotation
from ..runtime.errors import UserError
from . import rest_hints
from .core import coordinates
from .core.bonemap import BoneMap, check_bone_map, control_rig
from .core.restpose import RestPose
from .core.retarget import ModelPose, keyframe_from_pose
from .core.target import Links, Target, build_target
from .stubs import current_context

Array = NDArray[np.float64]
Rig = Any
"""A bpy.types.Object whose data are an Armature: Blender's stubs cannot tell it from a camera."""

_RIGID: Final = np.radians(0.05)
"""Largest change of the angle between two bones that still counts as one rigid piece."""
_CHANNELS: Final = (
    "location",
    "rotation_quaternion",
    "rotation_euler",
    "rotation_axis_angle",
    "scale",
    "rotation_mode",
)


def is_armature(item: Rig | None) -> bool:
    """Whether this is an armature object."""
    return item is not None and item.type == "ARMATURE"


def rest_pose(item: Rig) -> RestPose:
    """The rest pose of an armature object in armature space, parents before children.

    Raises:
        UserError: not an armature, in Edit Mode, or without bones.
    """
    if not is_armature(item):
        raise UserError("Select an armature")
    if item.mode == "EDIT":
        raise UserError(f"Leave Edit Mode of '{item.name}' first")
    bones = item.data.bones
    count = len(bones)
    if count == 0:
        raise UserError(f"The armature '{item.name}' has no bones")
    heads, tails, matrices = (np.empty(count * size, dtype=np.float32) for size in (3, 3, 16))
    bones.foreach_get("head_local", heads)
    bones.foreach_get("tail_local", tails)
    bones.foreach_get("matrix_local", matrices)
    names = [bone.name for bone in bones]
    place = {name: index for index, name in enumerate(names)}
    parents = np.array([-1 if bone.parent is None else place[bone.parent.name] for bone in bones])
    order = _parents_first(parents)
    back = np.empty(count + 1, dtype=np.int64)
    back[order], back[-1] = np.arange(count), -1
    return RestPose(
        names=tuple(names[index] for index in order),
        parents=back[parents[order]],
        heads=heads.reshape(-1, 3)[order].astype(np.float64),
        tails=tails.reshape(-1, 3)[order].astype(np.float64),
        # Blender hands matrices over column by column.
        matrices=matrices.reshape(-1, 4, 4)[order, :3, :3].transpose(0, 2, 1).astype(np.float64),
    )


def _parents_first(parents: NDArray[np.int64]) -> NDArray[np.int64]:
    depths = np.zeros(len(parents), dtype=np.int64)
    above = parents
    while (above >= 0).any():
        depths += above >= 0
        above = np.where(above >= 0, parents[above], -1)
    return np.argsort(depths, kind="stable")


def target(item: Rig, bone_map: BoneMap, offsets: Array | None = None, *, probe: bool = True) -> Target:
    """The armature object prepared for retargeting.

    Args:
        item: the armature object.
        bone_map: its bones.
        offsets: (22, 3) rest offsets of the model's skeleton; None takes the default.
        probe: find out how constrained rigs hang together (not needed for reading a pose).

    Raises:
        UserError: the map does not fit, or the object's scale makes it impossible.
    """
    rest = rest_pose(item)
    if problems := check_bone_map(bone_map, rest):
        raise UserError(problems[0])
    _check_scale(item)
    names = [name for bones in bone_map.values() for name in bones]
    pelvis = item.pose.bones[bone_map["pelvis"][0]]
    if pelvis.parent is not None and pelvis.bone.use_connect:
        raise UserError(f"Bone '{pelvis.name}' is connected to its parent and cannot move: disconnect it in Edit Mode")
    follows = _follows(item, rest, bone_map, names) if probe else {}
    hints = rest_hints.of_object(item, rest, bone_map)
    return build_target(rest, bone_map, offsets, Links(follows, _base(item, pelvis.name)), hints)


def _check_scale(item: Rig) -> None:
    matrix = np.array(item.matrix_world)[:3, :3]
    if abs(np.linalg.det(matrix)) < 1e-18:
        raise UserError(f"'{item.name}' is scaled to zero")
    if np.linalg.det(matrix) < 0.0:
        raise UserError(f"'{item.name}' has a negative scale, which mirrors the character: apply the scale first")


def _base(item: Rig, pelvis: str, depsgraph: Any | None = None) -> Array:
    """(4, 4) how the bones above the pelvis bone move the body now, armature space."""
    parent = _evaluated(item, depsgraph).pose.bones[pelvis].parent
    if parent is None:
        return np.eye(4)
    delta = np.array(parent.matrix) @ np.linalg.inv(np.array(parent.bone.matrix_local))
    return coordinates.affine(coordinates.nearest_rotations(delta[:3, :3]), delta[:3, 3])


def _evaluated(item: Rig, depsgraph: Any | None = None) -> Rig:
    return item.evaluated_get(depsgraph or current_context().evaluated_depsgraph_get())


def read_pose(
    item: Rig,
    bone_map: BoneMap,
    *,
    depsgraph: Any | None = None,
    root_scale: float = 1.0,
    prepared: Target | None = None,
) -> ModelPose:
    """The pose that is shown now, constraints included, as a pose of the model.

    It is the exact inverse of `bake.apply_motion` for every mapped joint.

    Args:
        item: the armature object.
        bone_map: its bones.
        depsgraph: where to read; None takes the current one, up to date.
        root_scale: the root scale that motions will be applied with.
        prepared: the rig by `target`, where many poses of it are read.

    Raises:
        UserError: as `target`.
    """
    prepared = prepared or target(item, bone_map, probe=False)
    bones = _evaluated(item, depsgraph).pose.bones
    matrices = {shown: np.array(bones[shown].matrix) for shown in prepared.shown.values()}
    return keyframe_from_pose(matrices, prepared, root_scale)


def world_from_model(item: Rig, bone_map: BoneMap, *, root_scale: float = 1.0) -> Array:
    """Matrix (4, 4) from model space to the world: the object's transform, the rig's size, axes and floor.

    Raises:
        UserError: as `target`.
    """
    prepared = target(item, bone_map, probe=False)
    return np.array(_evaluated(item).matrix_world) @ prepared.armature_from_model(root_scale)


def joint_position(
    item: Rig, bone_map: BoneMap, joint: str, *, depsgraph: Any | None = None, root_scale: float = 1.0
) -> Array:
    """Where the rig's own joint is now, (3,) in model space: what a pin on it needs.

    Raises:
        UserError: as `target`, or the joint has no bone.
    """
    prepared = target(item, bone_map, probe=False)
    if joint not in prepared.bone_map:
        raise UserError(f"No bone is mapped to {joint}")
    bone = _evaluated(item, depsgraph).pose.bones[prepared.shown[prepared.bone_map[joint][0]]]
    return coordinates.points_model_from_world(prepared.armature_from_model(root_scale), np.array(bone.head))


def metres(item: Rig) -> float:
    """World metres per armature unit: the mean scale of the object."""
    return float(np.abs(np.linalg.det(np.array(item.matrix_world)[:3, :3])) ** (1.0 / 3.0))


def conflicts(item: Rig, bone_map: BoneMap) -> tuple[str, ...]:
    """Sentences about what will fight the baked curves: constraints and drivers on mapped bones, uneven scale."""
    mapped = {name for bones in bone_map.values() for name in bones}
    bones = [bone for bone in item.pose.bones if bone.name in mapped]
    sentences = [f"'{item.name}' shows its rest position, not its pose"] if item.data.pose_position == "REST" else []
    sentences += [
        f"Bone '{bone.name}' has an active constraint ({', '.join(c.name for c in bone.constraints if _acts(c))})"
        for bone in bones
        if any(_acts(constraint) for constraint in bone.constraints)
    ]
    driven = {path for curve in _drivers(item) for path in [curve.data_path] if not curve.mute}
    for bone in bones:
        start = f'pose.bones["{bpy.utils.escape_identifier(bone.name)}"].'
        if any(path.startswith((start + "rotation", start + "location", start + "scale")) for path in driven):
            sentences.append(f"Bone '{bone.name}' is moved by a driver")
    sentences += [
        f"The rotation of bone '{bone.name}' is locked and is left alone" for bone in bones if all(bone.lock_rotation)
    ]
    scale = np.linalg.norm(np.array(item.matrix_world)[:3, :3], axis=0)
    if scale.max() > 1.001 * scale.min():
        sentences.append(f"'{item.name}' is scaled unevenly, so turned bones look sheared: apply the scale")
    return tuple(sentences)


def mute_constraints(item: Rig, bone_map: BoneMap) -> int:
    """Mute the constraints on mapped bones that would fight the baked curves; returns how many."""
    mapped = {name for bones in bone_map.values() for name in bones}
    acting = [c for bone in item.pose.bones if bone.name in mapped for c in bone.constraints if _acts(c)]
    for constraint in acting:
        constraint.mute = True
    return len(acting)


def _acts(constraint: Any) -> bool:
    return not constraint.mute and constraint.influence > 0.0


def _drivers(item: Rig) -> Iterable[Any]:
    return item.animation_data.drivers if item.animation_data else ()


def _follows(item: Rig, rest: RestPose, bone_map: BoneMap, names: list[str]) -> dict[str, str]:
    """Mapped bone -> mapped bone that its parent follows rigidly ("" = the armature), where that is not plain.

    A control rig puts constrained bones between its controls. What they follow is found by trying: the mapped bones
    are turned in two different ways, and a parent follows the bone against which it did not turn.
    """
    unclear = [name for name in names if not _is_plain(item, rest, name, set(names))]
    if not unclear:
        return {}
    control = control_rig(rest, bone_map)
    generator = np.random.default_rng(0)
    parents = {name: item.pose.bones[name].parent.name for name in unclear if item.pose.bones[name].parent is not None}
    trials: list[dict[str, Array]] = []
    with _kept_pose(item, {*names, *control.neutral}, control.properties):
        for neutral in control.neutral:
            _set_basis(item.pose.bones[neutral], rotation.identity())
        for _ in range(2):
            for name in names:
                turn = rotation.from_axis_angle(generator.uniform(-0.5, 0.5, 3))
                _set_basis(item.pose.bones[name], turn)
            current_context().view_layer.update()
            bones = _evaluated(item).pose.bones
            trials.append({name: _turn(bones[name]) for name in {*names, *parents.values()}})
    if float(rotation.angle(trials[0][names[0]], trials[1][names[0]])) < _RIGID:
        raise UserError(f"'{item.name}' does not move: show it, and take it out of its rest position")
    return {name: found for name, parent in parents.items() if (found := _followed(trials, parent, names)) is not None}


def _followed(trials: list[dict[str, Array]], parent: str, names: list[str]) -> str | None:
    """The candidate against which the parent turned least between the trials; None if it turned against all."""

    def slip(candidate: str) -> float:
        before, after = (
            rotation.multiply(rotation.conjugate(trial[candidate]), trial[parent]) if candidate else trial[parent]
            for trial in trials
        )
        return float(rotation.angle(before, after))

    best = min(("", *names), key=slip)
    return best if slip(best) < _RIGID else None


def _is_plain(item: Rig, rest: RestPose, name: str, mapped: set[str]) -> bool:
    """Whether a bone simply inherits the rotation of its nearest mapped ancestor."""
    bones = item.pose.bones
    if not bones[name].bone.use_inherit_rotation:
        return False
    for index in rest.ancestors(rest.index(name)):
        parent = bones[rest.names[index]]
        if parent.name in mapped:
            return True
        if any(_acts(constraint) for constraint in parent.constraints) or not parent.bone.use_inherit_rotation:
            return False
    return True


def _turn(bone: Any) -> Array:
    """Turn (4,) of an evaluated bone from its rest, armature space."""
    delta = np.array(bone.matrix)[:3, :3] @ np.linalg.inv(np.array(bone.bone.matrix_local)[:3, :3])
    return rotation.from_matrix(coordinates.nearest_rotations(delta))


def _set_basis(bone: Any, quaternion: Array) -> None:
    bone.rotation_mode = "QUATERNION"
    bone.rotation_quaternion = quaternion
    bone.location = (0.0, 0.0, 0.0)
    bone.scale = (1.0, 1.0, 1.0)


@contextmanager
def _kept_pose(item: Rig, names: Iterable[str], properties: Mapping[tuple[str, str], float]) -> Iterator[None]:
    """Set custom properties, and restore them and the channels of some bones at the end."""
    bones = [item.pose.bones[name] for name in names]
    channels = [{channel: _copied(getattr(bone, channel)) for channel in _CHANNELS} for bone in bones]
    before = {(bone, key): item.pose.bones[bone][key] for bone, key in properties if key in item.pose.bones[bone]}
    try:
        for bone, key in before:
            item.pose.bones[bone][key] = properties[bone, key]
        item.update_tag()
        yield
    finally:
        for (bone, key), value in before.items():
            item.pose.bones[bone][key] = value
        for bone, saved in zip(bones, channels, strict=True):
            bone.rotation_mode = saved.pop("rotation_mode")
            for channel, value in saved.items():
                setattr(bone, channel, value)
        item.update_tag()
        current_context().view_layer.update()


def _copied(value: Any) -> Any:
    return value if isinstance(value, str) else tuple(value)
