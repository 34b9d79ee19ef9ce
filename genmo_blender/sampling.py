"""Objects and rigs at other frames than the playhead's, without moving the playhead.

A scene of its own is made for the question and removed after it. Blender evaluates the objects there on copies, so
nothing of the user's changes: neither the current frame nor poses that are not keyed yet.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Any, Final, Self

import bpy
import numpy as np
from bpy.types import Action, Object, Scene
from mathutils import Euler, Matrix, Quaternion, Vector
from numpy.typing import NDArray

from ..runtime.errors import UserError
from . import armature, changes
from .bake import curves_of
from .core.bonemap import BoneMap
from .core.retarget import ModelPose

Array = NDArray[np.float64]

_SCENE: Final = "GENMO Sampling"
_CLOCK: Final = ("fps", "fps_base", "frame_map_old", "frame_map_new")
"""Settings of a scene's render that change what an F-curve shows at a frame."""


class Sampler:
    """Reads objects at frames of a scene; used as a context, at whose end nothing is left of it.

    Args:
        scene: whose frames are meant.
        exact: evaluate everything as Blender does. Else only plain F-curves are read, and what constraints, drivers
            or the NLA move is taken as it is now: quick enough to do after every edit.
    """

    def __init__(self, scene: Scene, *, exact: bool = True) -> None:
        self._scene = scene
        self._exact = exact
        self._stage: Any = None
        self._copies: list[Any] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with changes.unnoticed():
            for item in self._copies:
                bpy.data.objects.remove(item)
            if self._stage is not None:
                bpy.data.scenes.remove(self._stage)
        self._copies, self._stage = [], None

    def matrices(self, item: Object, frames: Sequence[float], bone: str = "") -> Array:
        """World matrices of an object, or of a bone of an armature object.

        Args:
            item: the object.
            frames: N scene frames, fractions allowed.
            bone: name of a bone, "" for the object.

        Returns:
            (N, 4, 4).

        Raises:
            UserError: the armature has no such bone.
        """
        if bone and (not armature.is_armature(item) or bone not in item.pose.bones):
            raise UserError(f"'{item.name}' has no bone '{bone}'")
        if not _moves(item):
            return np.repeat(np.array(_world(item, bone))[None], len(frames), axis=0)
        if not self._exact:
            return np.array([np.array(_plain(item, bone, frame)) for frame in frames])
        stage = self._staged(item)
        # Each is copied at once: the next frame overwrites it.
        return np.array([np.array(_world(item.evaluated_get(graph), bone)) for graph in _played(stage, frames)])

    def poses(self, item: Object, bone_map: BoneMap, frames: Sequence[float], action: Action | None) -> list[ModelPose]:
        """Poses of a rig in its action, or in another action that once was on it.

        Raises:
            UserError: the rig cannot be read.
        """
        own = item.animation_data.action if item.animation_data else None
        shown = item if action is None or action == own else self._copy_with(item, action)
        stage = self._staged(shown)
        rig = armature.target(shown, bone_map, probe=False)
        played = _played(stage, frames)
        return [armature.read_pose(shown, bone_map, depsgraph=graph, prepared=rig) for graph in played]

    def _staged(self, item: Object) -> Any:
        """The scene of the sampler with an object in it; what the object depends on comes by itself."""
        with changes.unnoticed():
            if self._stage is None:
                self._stage = bpy.data.scenes.new(_SCENE)
                for name in _CLOCK:
                    setattr(self._stage.render, name, getattr(self._scene.render, name))
            if item.name not in self._stage.collection.objects:
                self._stage.collection.objects.link(item)
        return self._stage

    def _copy_with(self, item: Object, action: Action) -> Any:
        """A copy of a rig that plays another action; constraints that meant the rig mean the copy."""
        with changes.unnoticed():
            copy: Any = item.copy()
            self._copies.append(copy)
            for bone in copy.pose.bones:
                for constraint in bone.constraints:
                    _redirect(constraint, item, copy)
            data = copy.animation_data or copy.animation_data_create()
            for track in data.nla_tracks:
                track.mute = True
            data.action = action
            if hasattr(action, "slots"):
                slots: Any = action.slots
                own = [slot for slot in slots if slot.identifier == f"OB{item.name}"]
                data.action_slot = next(iter((*own, *slots)), None)
            for driver in data.drivers:
                for variable in driver.driver.variables:
                    for aim in variable.targets:
                        _redirect(aim, item, copy, "id")
        return copy


def _redirect(owner: Any, before: Object, after: Object, *names: str) -> None:
    for name in names or ("target", "pole_target"):
        if getattr(owner, name, None) == before:
            setattr(owner, name, after)
    for aim in () if names else getattr(owner, "targets", ()):  # of an Armature constraint
        _redirect(aim, before, after, "target")


def _played(stage: Any, frames: Iterable[float]) -> Iterator[Any]:
    """The dependency graph of the sampler's scene at each frame."""
    layer = stage.view_layers[0]
    for frame in frames:
        whole = math.floor(frame)
        with changes.unnoticed():
            stage.frame_set(whole, subframe=min(frame - whole, 0.999999))
        yield layer.depsgraph


def _world(item: Any, bone: str) -> Any:
    return item.matrix_world @ item.pose.bones[bone].matrix if bone else item.matrix_world


def _moves(item: Any) -> bool:
    """Whether an object or anything that it hangs on may move in time."""
    if item is None:
        return False
    data = item.animation_data
    animated = data is not None and (data.action or data.drivers or data.nla_tracks)
    alive = item.constraints or item.rigid_body or armature.is_armature(item) or item.parent_type.startswith("VERTEX")
    return bool(animated or alive or _moves(item.parent))


def _plain(item: Any, bone: str, frame: float) -> Any:
    """World matrix of a chain of objects that only have F-curves; the present one of anything else."""
    if bone or not _is_plain(item):
        return _world(item, bone)
    basis = _basis(item, frame)
    if item.parent is None:
        return basis
    return _plain(item.parent, "", frame) @ item.matrix_parent_inverse @ basis


def _is_plain(item: Any) -> bool:
    data = item.animation_data
    driven = data is not None and (data.drivers or data.nla_tracks)
    return not (driven or item.constraints or item.rigid_body) and item.parent_type == "OBJECT"


def _basis(item: Any, frame: float) -> Any:
    """The matrix of an object's own channels, animated by the F-curves of its action."""
    data = item.animation_data
    location, scale = Vector(item.location), Vector(item.scale)
    euler, quaternion = Euler(item.rotation_euler, "XYZ"), Quaternion(item.rotation_quaternion)
    channels = {"location": location, "scale": scale, "rotation_euler": euler, "rotation_quaternion": quaternion}
    curves: Any = curves_of(data.action, getattr(data, "action_slot", None)) if data and data.action else ()
    for curve in curves:
        if curve.data_path in channels and not curve.mute:
            channels[curve.data_path][curve.array_index] = curve.evaluate(frame)
    if item.rotation_mode == "QUATERNION":
        return Matrix.LocRotScale(location, quaternion.normalized(), scale)
    if item.rotation_mode == "AXIS_ANGLE":
        return item.matrix_basis
    euler.order = item.rotation_mode
    return Matrix.LocRotScale(location, euler, scale)
