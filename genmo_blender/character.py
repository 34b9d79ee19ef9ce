"""The GENMO character: an armature with the model's own joints as bones, and a mannequin bound to it."""

from collections.abc import Sequence
from typing import Any, Final, cast

import bpy
import numpy as np
from bpy.types import Armature, Material, Mesh, Object
from mathutils import Vector
from numpy.typing import NDArray

from ..runtime.skeleton import INDEX, JOINT_NAMES, PARENTS
from . import tracks, workspace
from .core import body_shape, coordinates, mannequin
from .stubs import Context

Array = NDArray[np.float64]

NAME: Final = "GENMO Character"
TONES: Final = (("GENMO Body", (0.60, 0.65, 0.72, 1.0), 0.55), ("GENMO Accent", (0.06, 0.09, 0.16, 1.0), 0.4))
"""Materials of the mannequin: name, colour, roughness."""

_TAILS: Final = {
    "pelvis": "spine1",
    "spine3": "neck",
    "head": (0.0, 0.19, 0.01),
    "l_wrist": (0.09, -0.005, 0.028),
    "r_wrist": (-0.09, -0.005, 0.028),
    "l_foot": (0.0, 0.0, 0.07),
    "r_foot": (0.0, 0.0, 0.07),
}
"""Where a bone points that has no child or several: a joint, or an offset in model space."""
_WEIGHT_LEVELS: Final = 50
_FRONT: Final = Vector((0.0, -1.0, 0.0))
_UP: Final = Vector((0.0, 0.0, 1.0))
_FORWARD: Final = 0.9
"""Bones that point forwards more than this, the feet, have their local Z up; all others have it in front."""


def create(context: Context, location: Sequence[float], offsets: Array | None = None) -> Object:
    """Add a ready character to the scene, standing on `location`, selected and active.

    Args:
        context: of the scene.
        location: in the scene.
        offsets: (22, 3) rest offsets of its body, metres; None for GENMO's own.

    Returns:
        The armature, with its bones mapped.
    """
    data = bpy.data.armatures.new(NAME)
    data.display_type = "STICK"
    rig = bpy.data.objects.new(NAME, data)
    rig.show_in_front = True
    cast("Any", context.collection).objects.link(rig)
    joints = mannequin.rest_positions() if offsets is None else body_shape.rest_positions(offsets)
    _build_bones(context, rig, coordinates.blender_from_model(joints))
    body = _body(rig, joints)
    cast("Any", context.collection).objects.link(body)
    rig.location = location
    rig.scale = (1.0 / cast("Any", context.scene).unit_settings.scale_length,) * 3  # 1.7 m in a scene of any unit
    for item in cast("Any", context.view_layer).objects.selected:
        item.select_set(state=False)
    rig.select_set(state=True)
    cast("Any", context.view_layer).objects.active = rig
    tracks.map_bones(rig)
    return rig


def _build_bones(context: Context, rig: Object, heads: Array) -> None:
    with workspace.preserved(context), workspace.in_mode(context, rig, "EDIT"):
        bones = cast("Armature", rig.data).edit_bones
        for joint, parent in zip(JOINT_NAMES, PARENTS, strict=True):
            bone = bones.new(joint)
            bone.head = heads[INDEX[joint]].tolist()
            bone.tail = _tail(joint, heads).tolist()
            bone.align_roll(_UP if abs(bone.vector.normalized().y) > _FORWARD else _FRONT)
            bone.parent = bones[JOINT_NAMES[parent]] if parent >= 0 else None
            bone.use_connect = False
    for bone in cast("Any", rig.pose).bones:
        bone.rotation_mode = "QUATERNION"
        bone.lock_location = (bone.parent is not None,) * 3


def _tail(joint: str, heads: Array) -> Array:
    towards = _TAILS.get(joint)
    if isinstance(towards, tuple):
        return heads[INDEX[joint]] + coordinates.blender_from_model(towards)
    child = INDEX[towards] if towards else PARENTS.index(INDEX[joint])
    return heads[child]


def _body(rig: Object, joints: Array) -> Object:
    shape = mannequin.build()
    vertices = body_shape.fitted(shape.vertices, shape.weights, mannequin.rest_positions(), joints)
    mesh = bpy.data.meshes.new(f"{NAME} Body")
    mesh.from_pydata(coordinates.blender_from_model(vertices).tolist(), [], shape.quads.tolist())
    mesh.polygons.foreach_set("use_smooth", np.ones(len(shape.quads), dtype=bool))
    for tone in TONES:
        mesh.materials.append(_material(*tone))
    mesh.polygons.foreach_set("material_index", shape.tones.astype(np.int32))
    body = bpy.data.objects.new(f"{NAME} Body", mesh)
    _bind(body, rig, shape.weights)
    return body


def _bind(body: Object, rig: Object, weights: Array) -> None:
    """Parent the body to the rig; equal weights of a bone are written together, which is quick."""
    levels = np.rint(weights * _WEIGHT_LEVELS).astype(int)
    for joint, column in zip(JOINT_NAMES, levels.T, strict=True):
        group = body.vertex_groups.new(name=joint)
        for level in np.unique(column[column > 0]):
            group.add(np.flatnonzero(column == level).tolist(), float(level) / _WEIGHT_LEVELS, "REPLACE")
    body.parent = rig
    modifier = cast("Any", body.modifiers.new("Armature", "ARMATURE"))
    modifier.object = rig
    cast("Mesh", body.data).update()


def _material(name: str, colour: tuple[float, float, float, float], roughness: float) -> Material:
    """The material of that name, made when it is not there."""
    material = bpy.data.materials.get(name)
    if material is None:
        material = bpy.data.materials.new(name)
        material.diffuse_color = colour
        material.roughness = roughness
        if bpy.app.version < (5, 0, 0):  # later ones always have nodes
            material.use_nodes = True
        shader = cast("Any", material.node_tree).nodes.get("Principled BSDF")
        if shader is not None:
            shader.inputs["Base Color"].default_value = colour
            shader.inputs["Roughness"].default_value = roughness
    return material
