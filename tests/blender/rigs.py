"""Characters for tests, made in code: common naming schemes, rest poses, bone rolls, object transforms."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix, Vector

from genmo.runtime.skeleton import JOINT_NAMES, PARENTS
from genmo.tests.core.bodies import joint_points, joint_tail

Rig = Any
"""An armature object."""
CONTEXT: Any = bpy.context
"""The stubs make methods of the members of bpy.context."""
_generated: list[tempfile.TemporaryDirectory[str]] = []
"""The folder with the generated Rigify rig, once there is one."""
DATA = Path(__file__).resolve().parents[1] / "data" / "rigs"

MIXAMO = {
    "pelvis": "Hips", "spine1": "Spine", "spine2": "Spine1", "spine3": "Spine2", "neck": "Neck", "head": "Head",
    "collar": "{}Shoulder", "shoulder": "{}Arm", "elbow": "{}ForeArm", "wrist": "{}Hand",
    "hip": "{}UpLeg", "knee": "{}Leg", "ankle": "{}Foot", "foot": "{}ToeBase",
}  # fmt: skip
UNREAL = {
    "pelvis": "pelvis", "spine1": "spine_01", "spine2": "spine_02", "spine3": "spine_03", "neck": "neck_01",
    "head": "head", "collar": "clavicle_{}", "shoulder": "upperarm_{}", "elbow": "lowerarm_{}", "wrist": "hand_{}",
    "hip": "thigh_{}", "knee": "calf_{}", "ankle": "foot_{}", "foot": "ball_{}",
}  # fmt: skip
IDENTITY = {name.split("_")[-1]: "{}" + name.split("_")[-1] for name in JOINT_NAMES if "_" in name} | {
    name: name for name in JOINT_NAMES if "_" not in name
}


def make_rig(
    names: Mapping[str, str],
    sides: Sequence[str],
    points: dict[str, np.ndarray],
    *,
    prefix: str = "",
    extra_root: str = "",
    roll: Callable[[int], float] = lambda _: 0.0,
    matrix: Matrix | None = None,
    skip: Sequence[str] = (),
) -> Rig:
    """An armature object with one bone for each joint.

    Args:
        names: joint without side -> bone name with {} for the side.
        sides: words for left and right.
        points: rest positions in Blender's axes, metres.
        prefix: before each name.
        extra_root: name of a bone on the floor that everything hangs on.
        roll: bone number -> roll in radians.
        matrix: what the armature's data are multiplied with (axes, units).
        skip: joints to leave out.
    """
    data = bpy.data.armatures.new("Rig")
    item: Rig = bpy.data.objects.new("Rig", data)
    CONTEXT.scene.collection.objects.link(item)
    CONTEXT.view_layer.objects.active = item
    matrix = matrix or Matrix()
    bpy.ops.object.mode_set(mode="EDIT")
    made = {}
    root = None
    if extra_root:
        root = data.edit_bones.new(prefix + extra_root)
        root.head, root.tail = matrix @ Vector((0, 0, 0)), matrix @ Vector((0, -0.2, 0))
    for number, (joint, parent) in enumerate(zip(JOINT_NAMES, PARENTS, strict=True)):
        if joint in skip:
            continue
        while parent >= 0 and JOINT_NAMES[parent] in skip:
            parent = PARENTS[parent]
        bone = data.edit_bones.new(prefix + bone_name(names, sides, joint))
        bone.head = matrix @ Vector(points[joint].tolist())
        bone.tail = matrix @ Vector(joint_tail(joint, points).tolist())
        bone.roll = roll(number)
        bone.parent = made[JOINT_NAMES[parent]] if parent >= 0 else root
        made[joint] = bone
    bpy.ops.object.mode_set(mode="OBJECT")
    return item


def bone_name(names: Mapping[str, str], sides: Sequence[str], joint: str) -> str:
    """The bone of a joint in a naming scheme."""
    side, _, part = joint.partition("_")
    return names[part].format(sides["lr".index(side)]) if part else names[joint]


def genmo_like() -> Rig:
    """The model's own skeleton."""
    return make_rig(IDENTITY, ("l_", "r_"), joint_points())


def mixamo_like(prefix: str = "mixamorig:", **shape: float) -> Rig:
    """Mixamo names, T-pose."""
    return make_rig(MIXAMO, ("Left", "Right"), joint_points(**shape), prefix=prefix)


def unreal_like(**shape: float) -> Rig:
    """Unreal names, A-pose, a root bone on the floor, every bone rolled differently."""
    points = joint_points(a_pose=math.radians(50.0), **shape)
    return make_rig(UNREAL, ("l", "r"), points, extra_root="root", roll=lambda number: 0.7 * number)


def centimetre_rig() -> Rig:
    """As FBX files come: data in centimetres with Y up, the object turned by 90 degrees and scaled to 0.01."""
    to_fbx = Matrix.Scale(100.0, 4) @ Matrix.Rotation(-math.pi / 2, 4, "X")
    item = make_rig(MIXAMO, ("Left", "Right"), joint_points(leg=1.1), prefix="mixamorig1:", matrix=to_fbx)
    item.rotation_euler = (math.pi / 2, 0.0, 0.0)
    item.scale = (0.01, 0.01, 0.01)
    CONTEXT.view_layer.update()
    return item


def metarig() -> Rig:
    """Rigify's human meta-rig."""
    if "rigify" not in CONTEXT.preferences.addons:
        bpy.ops.preferences.addon_enable(module="rigify")
    operators: Any = bpy.ops  # the stubs do not know Rigify's
    operators.object.armature_human_metarig_add()
    return CONTEXT.object


def rigify() -> Rig:
    """A generated Rigify human; generating takes long, so a copy in a file serves all but the first call."""
    if not _generated:
        metarig()
        operators: Any = bpy.ops
        operators.pose.rigify_generate()
        folder = tempfile.TemporaryDirectory()
        bpy.data.libraries.write(str(Path(folder.name) / "rigify.blend"), {CONTEXT.object}, fake_user=True)
        _generated.append(folder)
        return CONTEXT.object
    libraries: Any = bpy.data.libraries
    with libraries.load(str(Path(_generated[0].name) / "rigify.blend")) as (there, here):
        here.objects = [name for name in there.objects if not name.startswith("WGT")]
    item: Rig = max(here.objects, key=lambda each: len(each.data.bones) if each.type == "ARMATURE" else 0)
    CONTEXT.scene.collection.objects.link(item)
    CONTEXT.view_layer.objects.active = item
    CONTEXT.view_layer.update()
    return item


def imported(name: str) -> Rig:
    """The armature of a glTF file in the test data."""
    bpy.ops.import_scene.gltf(filepath=str(DATA / name))
    return next(item for item in CONTEXT.scene.objects if item.type == "ARMATURE")
