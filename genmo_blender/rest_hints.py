"""What bones alone do not say about a rest pose: the T-pose that the user showed, and the skin of hands and feet."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..runtime import rotation
from ..runtime.skeleton import INDEX
from . import soles
from .core import coordinates
from .core.bonemap import BoneMap, control_rig
from .core.restpose import RestPose
from .core.stance import Hints, skin_wanted
from .properties import of_object as character_of
from .stubs import current_context

Array = NDArray[np.float64]
Rig = Any

_KEPT: Final = 8
"""Characters whose skin is remembered."""
_skins: dict[tuple[Any, ...], dict[str, Array]] = {}


def of_object(item: Rig, rest: RestPose, bone_map: BoneMap) -> Hints:
    """The hints for an armature object.

    Args:
        item: the armature object.
        rest: its rest pose.
        bone_map: its bones, without problems.
    """
    stored = _stored(item)
    turns = {joint: np.array(each["turn"]) for joint, each in stored.items() if joint in bone_map}
    places = {joint: np.array(each["head"]) for joint, each in stored.items() if joint in bone_map}
    wanted = skin_wanted(rest, bone_map)
    bound = (bone.name for bone in item.pose.bones if any(not each.mute for each in bone.constraints))
    return Hints(turns, places, _skin(item, rest, bone_map, wanted) if wanted else {}, frozenset(bound))


def _stored(item: Rig) -> dict[str, Any]:
    """The T-pose that was stored; a broken one counts as none."""
    text = character_of(item).t_pose
    try:
        content = json.loads(text) if text else {}
        good = {
            joint: each
            for joint, each in content.items()
            if joint in INDEX and np.shape(each["turn"]) == (4,) and np.shape(each["head"]) == (3,)
        }
    except (json.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError):
        return {}
    return good


def store_t_pose(item: Rig, rest: RestPose, bone_map: BoneMap) -> None:
    """Keep the pose that is shown now as the one that means the model's T-pose."""
    shown = control_rig(rest, bone_map).shown
    bones = item.evaluated_get(current_context().evaluated_depsgraph_get()).pose.bones
    content = {}
    for joint, names in bone_map.items():
        posed = np.array(bones[shown.get(names[-1], names[-1])].matrix)[:3, :3]
        rested = rest.matrices[rest.index(shown.get(names[-1], names[-1]))]
        turn = rotation.from_matrix(coordinates.nearest_rotations(posed @ np.linalg.inv(rested)))
        head = np.array(bones[shown.get(names[0], names[0])].matrix)[:3, 3]
        content[joint] = {"turn": turn.round(9).tolist(), "head": head.round(9).tolist()}
    character_of(item).t_pose = json.dumps(content)


def _skin(item: Rig, rest: RestPose, bone_map: BoneMap, joints: Iterable[str]) -> dict[str, Array]:
    """Joint -> (n, 3) vertices that follow it most, at rest, armature space; remembered until meshes change."""
    meshes = list(soles.meshes_of(item))
    owners = _owners(rest, bone_map, joints)
    shapes = tuple((mesh.data.session_uid, len(mesh.data.vertices)) for mesh in meshes)
    key = (item.session_uid, shapes, tuple(sorted(owners.items())))
    if key not in _skins:
        found: dict[str, list[Array]] = {}
        back = coordinates.invert(np.array(item.matrix_world))
        for mesh in meshes:
            for joint, points in _vertices(mesh, owners).items():
                moved = coordinates.transform_points(back @ np.array(mesh.matrix_world), points)
                found.setdefault(joint, []).append(moved)
        while len(_skins) >= _KEPT:
            del _skins[next(iter(_skins))]
        _skins[key] = {joint: np.concatenate(parts) for joint, parts in found.items()}
    return _skins[key]


def _owners(rest: RestPose, bone_map: BoneMap, joints: Iterable[str]) -> dict[str, str]:
    """Bone -> joint: the joint's own bones and the unmapped ones that hang on them."""
    mapped = {bone: joint for joint, bones in bone_map.items() for bone in bones}
    wanted = set(joints)
    found: dict[str, str] = {}
    for index, name in enumerate(rest.names):
        parent = int(rest.parents[index])
        joint = mapped.get(name) or (found.get(rest.names[parent]) if parent >= 0 else None)
        if joint:
            found[name] = joint
    return {name: joint for name, joint in found.items() if joint in wanted}


def _vertices(mesh: Any, owners: dict[str, str]) -> dict[str, Array]:
    """Joint -> vertices (n, 3) of a mesh object whose largest weight is on one of the joint's bones."""
    raw = np.empty(len(mesh.data.vertices) * 3, dtype=np.float32)
    mesh.data.vertices.foreach_get("co", raw)
    points = raw.reshape(-1, 3).astype(np.float64)
    if mesh.parent_type == "BONE":
        joint = owners.get(mesh.parent_bone)
        return {joint: points} if joint else {}
    groups = [owners.get(group.name, "") for group in mesh.vertex_groups]
    if not any(groups):
        return {}
    chosen: dict[str, list[int]] = {}
    for vertex in mesh.data.vertices:
        best = max(vertex.groups, key=lambda each: each.weight, default=None)
        if best is not None and best.group < len(groups) and groups[best.group]:
            chosen.setdefault(groups[best.group], []).append(vertex.index)
    return {joint: points[indices] for joint, indices in chosen.items()}
