"""A zoo of rigs for tests and measurements: names, rest poses, rolls, axes, units, proportions, missing or extra bones.

Each rig is built in code and wears the mannequin, fitted to its joints, so it has soles of its own. `build` makes one
of `NAMES`; rigs from files join them with `load`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import bpy
import numpy as np
from mathutils import Matrix, Vector
from numpy.typing import NDArray

from genmo.genmo_blender.core import coordinates, mannequin
from genmo.runtime import rotation
from genmo.runtime.skeleton import FLOOR_OFFSET, INDEX, JOINT_NAMES, PARENTS
from genmo.tests.blender.rigs import CONTEXT, IDENTITY, MIXAMO, UNREAL, Rig, bone_name, metarig, rigify
from genmo.tests.core.bodies import joint_points, joint_tail

Array = NDArray[np.float64]

MAKEHUMAN: Final = {
    "pelvis": "root", "spine1": "spine05", "spine2": "spine04 spine03", "spine3": "spine02 spine01",
    "neck": "neck01 neck02 neck03", "head": "head", "collar": "clavicle.{0}",
    "shoulder": "upperarm01.{0} upperarm02.{0}", "elbow": "lowerarm01.{0} lowerarm02.{0}",
    "wrist": "wrist.{0}", "hip": "upperleg01.{0} upperleg02.{0}",
    "knee": "lowerleg01.{0} lowerleg02.{0}", "ankle": "foot.{0}", "foot": "toe1-1.{0}",
}  # fmt: skip
MMD: Final = {
    "pelvis": "下半身", "spine1": "上半身", "spine3": "上半身2", "neck": "首", "head": "頭", "collar": "{}肩",
    "shoulder": "{}腕", "elbow": "{}ひじ", "wrist": "{}手首", "hip": "{}足", "knee": "{}ひざ", "ankle": "{}足首",
    "foot": "{}つま先",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a rig of the zoo is made.

    Attributes:
        names: joint -> bone names with {} for the side; several names, parents first, share the joint's segment.
        sides: words for left and right.
        prefix: before each name.
        root: name of a bone on the floor that everything hangs on.
        leg: factor on the length of the legs.
        arm: factor on the length of the arms.
        size: factor on the whole body.
        arms_down: degrees by which the arms hang below the T-pose.
        legs_apart: degrees by which the legs are spread.
        skip: joints without a bone.
        seed: of random rolls; None rolls nothing.
        stubs: bones all point up and are short, as many importers leave them.
        fingers: add three bones to each of five fingers.
        twists: add twist bones beside upper arms, forearms and thighs.
        beside: the trunk hangs on the root bone beside the pelvis, not on it.
        anonymous: rename all bones to "Bone", "Bone.001", ...
        matrix: what the armature's data are multiplied with (axes, units).
        place: transform of the armature object.
    """

    names: Mapping[str, str] = field(default_factory=lambda: MIXAMO)
    sides: tuple[str, str] = ("Left", "Right")
    prefix: str = ""
    root: str = ""
    leg: float = 1.0
    arm: float = 1.0
    size: float = 1.0
    arms_down: float = 0.0
    legs_apart: float = 0.0
    skip: tuple[str, ...] = ()
    seed: int | None = None
    stubs: bool = False
    fingers: bool = False
    twists: bool = False
    beside: bool = False
    anonymous: bool = False
    matrix: Matrix = field(default_factory=Matrix)
    place: Matrix = field(default_factory=Matrix)


def _turn(axis: str, degrees: float) -> Matrix:
    return Matrix.Rotation(math.radians(degrees), 4, axis)


def _size(factor: float) -> Matrix:
    return Matrix.Diagonal((factor, factor, factor, 1.0))


_UNREAL = {"names": UNREAL, "sides": ("l", "r")}
_MIXAMO = {"prefix": "mixamorig:"}
_WITHOUT_EXTRAS = ("l_collar", "r_collar", "l_foot", "r_foot", "neck", "spine1", "spine2")

RECIPES: Final[Mapping[str, Recipe]] = {
    "model": Recipe(names=IDENTITY, sides=("l_", "r_")),
    "a_pose": Recipe(**_UNREAL, root="root", arms_down=50.0, legs_apart=8.0, twists=True),
    "n_pose": Recipe(**_MIXAMO, arms_down=82.0),
    "rolled": Recipe(**_MIXAMO, seed=3, fingers=True),
    "stubs": Recipe(**_UNREAL, root="Armature", stubs=True, arms_down=35.0, fingers=True),
    "giant": Recipe(**_MIXAMO, leg=1.4, arm=1.25, size=3.0),
    "child": Recipe(**_MIXAMO, leg=0.62, arm=0.7, size=0.6, arms_down=30.0),
    "many_bones": Recipe(names=MAKEHUMAN, sides=("L", "R"), arms_down=40.0, seed=5, fingers=True, twists=True),
    "few_bones": Recipe(**_UNREAL, skip=_WITHOUT_EXTRAS),
    "turned": Recipe(**_MIXAMO, place=Matrix.Translation((2.0, -1.0, 0.0)) @ _turn("Z", 70.0) @ _size(1.7)),
    "centimetres": Recipe(
        **_MIXAMO, leg=1.1, matrix=_size(100.0) @ _turn("X", -90.0), place=_turn("X", 90.0) @ _size(0.01)
    ),
    "y_forward": Recipe(**_UNREAL, root="root", matrix=_turn("Z", 180.0), seed=7),
    "x_forward": Recipe(**_MIXAMO, matrix=_turn("Z", 90.0), arms_down=45.0),
    "tilted": Recipe(**_UNREAL, matrix=_turn("Y", 90.0), place=_turn("Y", -90.0), seed=11),
    "unnamed": Recipe(arms_down=45.0, seed=13, fingers=True, twists=True, anonymous=True, root="root"),
    "mmd": Recipe(names=MMD, sides=("左", "右"), root="センター", arms_down=35.0, skip=("spine2",), beside=True),
}  # fmt: skip

NAMES: Final = (*RECIPES, "metarig", "rigify")
"""The rigs that `build` makes; the last two need the Rigify add-on, which every Blender has."""


def build(name: str, *, mesh: bool = True) -> Rig:
    """Build a rig of the zoo in the current scene and make it the active object.

    Args:
        name: one of `NAMES`.
        mesh: put the mannequin on it.
    """
    if name in RECIPES:
        recipe = RECIPES[name]
        points = _points(recipe)
        item, bones = _armature(name, recipe, points)
        if mesh:
            wear(item, points, bones, recipe.matrix)
        item.matrix_world = recipe.place
    else:
        item, points, bones = _from_rigify(generated=name == "rigify")
        if mesh:
            wear(item, points, bones)
    CONTEXT.view_layer.objects.active = item
    CONTEXT.view_layer.update()
    return item


def load(path: Path) -> Rig:
    """The armature object of a glTF file, with its meshes; it becomes the active object.

    Raises:
        ValueError: the file has no armature.
    """
    before = set(bpy.data.objects)
    bpy.ops.import_scene.gltf(filepath=str(path))
    found: list[Rig] = [item for item in bpy.data.objects if item not in before and item.type == "ARMATURE"]
    if not found:
        raise ValueError(f"{path.name} has no armature")
    item = max(found, key=lambda each: len(each.data.bones))
    CONTEXT.view_layer.objects.active = item
    return item


def _points(recipe: Recipe) -> dict[str, Array]:
    """Rest positions of the joints in Blender's axes, metres, soles on the floor."""
    points = joint_points(leg=recipe.leg, arm=recipe.arm, a_pose=math.radians(recipe.arms_down))
    for side, sign in (("l_", -1.0), ("r_", 1.0)):
        turn = np.array(_turn("Y", sign * recipe.legs_apart))[:3, :3]
        for joint in ("knee", "ankle", "foot"):
            points[side + joint] = points[side + "hip"] + turn @ (points[side + joint] - points[side + "hip"])
        # The foot keeps its direction: soles stay on the floor.
        ankle = points[side + "ankle"]
        points[side + "foot"] = ankle + coordinates.blender_from_model(_model_offset(side + "foot"))
    lowest = points["l_foot"][2] - FLOOR_OFFSET
    return {name: recipe.size * (point - np.array([0.0, 0.0, lowest])) for name, point in points.items()}


def _model_offset(joint: str) -> Array:
    rest = mannequin.rest_positions()
    return rest[INDEX[joint]] - rest[PARENTS[INDEX[joint]]]


def _armature(name: str, recipe: Recipe, points: dict[str, Array]) -> tuple[Rig, dict[str, tuple[str, ...]]]:
    """The armature object, and joint -> bones in order."""
    data = bpy.data.armatures.new(name)
    item: Rig = bpy.data.objects.new(name, data)
    CONTEXT.scene.collection.objects.link(item)
    CONTEXT.view_layer.objects.active = item
    bpy.ops.object.mode_set(mode="EDIT")
    maker = _Maker(data.edit_bones, recipe)
    above = maker.add(recipe.root, np.zeros(3), np.array([0.0, -0.2, 0.0]), None) if recipe.root else None
    bones: dict[str, tuple[str, ...]] = {}
    for joint, parent in zip(JOINT_NAMES, PARENTS, strict=True):
        if joint in recipe.skip:
            continue
        while parent >= 0 and JOINT_NAMES[parent] in recipe.skip:
            parent = PARENTS[parent]
        own = bone_name(recipe.names, recipe.sides, joint).split()
        aside = parent < 0 or (recipe.beside and joint == "spine1")
        hung = above if aside else bones[JOINT_NAMES[parent]][-1]
        end = _end(joint, points, recipe.skip)
        bones[joint] = maker.chain([recipe.prefix + each for each in own], points[joint], end, hung)
    if recipe.fingers:
        _add_fingers(maker, points, bones)
    if recipe.twists:
        _add_twists(maker, points, bones)
    bpy.ops.object.mode_set(mode="OBJECT")
    if recipe.anonymous:
        bones = _anonymous(item, bones)
    return item, bones


class _Maker:
    """Adds edit bones, with the recipe's axes, units, rolls and tails."""

    def __init__(self, bones: Any, recipe: Recipe) -> None:
        self._bones, self._recipe = bones, recipe
        self._rolls = np.random.default_rng(recipe.seed)

    def add(self, name: str, head: Array, tail: Array, parent: str | None) -> str:
        bone = self._bones.new(name)
        bone.head = self._recipe.matrix @ Vector(head.tolist())
        bone.tail = self._recipe.matrix @ Vector(tail.tolist())
        if self._recipe.stubs:
            length = max(0.2 * bone.length, 1e-3)
            bone.tail = bone.head + Vector((0.0, 0.0, length))
        bone.roll = 0.0 if self._recipe.seed is None else float(self._rolls.uniform(-math.pi, math.pi))
        bone.parent = self._bones[parent] if parent else None
        return bone.name

    def chain(self, names: list[str], start: Array, end: Array, parent: str | None) -> tuple[str, ...]:
        made: list[str] = []
        for number, name in enumerate(names):
            head, tail = (start + (number + step) / len(names) * (end - start) for step in (0, 1))
            made.append(self.add(name, head, tail, made[-1] if made else parent))
        return tuple(made)


def _end(joint: str, points: dict[str, Array], skip: tuple[str, ...]) -> Array:
    """Where a joint's bone ends: at the next joint, also at one without a bone (a foot at its ball)."""
    if joint[2:] == "ankle" and joint[:2] + "foot" in skip:
        return points[joint[:2] + "foot"]
    kept = {name: point for name, point in points.items() if name not in skip}
    return joint_tail(joint, kept)


def _add_fingers(maker: _Maker, points: dict[str, Array], bones: dict[str, tuple[str, ...]]) -> None:
    for side in ("l_", "r_"):
        wrist = points[side + "wrist"]
        along = rotation.normalize(wrist - points[side + "elbow"])
        across = rotation.normalize(np.cross(np.cross(along, [0.0, -1.0, 0.0]), along))
        size = 0.18 * float(np.linalg.norm(wrist - points[side + "elbow"])) / 0.24
        for finger in range(5):
            spread = (2 - finger) * 0.12 * size * across
            start = (
                wrist + spread + (0.25 if finger == 0 else 0.55) * size * along + (finger == 0) * 0.15 * size * across
            )
            hung = bones[side + "wrist"][-1]
            maker.chain([f"{hung}_finger{finger}_{step}" for step in range(3)], start, start + 0.4 * size * along, hung)


def _add_twists(maker: _Maker, points: dict[str, Array], bones: dict[str, tuple[str, ...]]) -> None:
    for side in ("l_", "r_"):
        for joint, end in (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee")):
            start, stop = points[side + joint], points[side + end]
            hung = bones[side + joint][0]
            maker.add(f"{hung}_twist", 0.5 * (start + stop), 0.9 * stop + 0.1 * start, hung)


def _anonymous(item: Rig, bones: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Rename all bones in the order in which they were made."""
    new = {bone.name: "Bone" if number == 0 else f"Bone.{number:03}" for number, bone in enumerate(item.data.bones)}
    for bone in item.data.bones:
        bone.name = new[bone.name]
    return {joint: tuple(new[name] for name in names) for joint, names in bones.items()}


def _from_rigify(*, generated: bool) -> tuple[Rig, dict[str, Array], dict[str, tuple[str, ...]]]:
    """Rigify's human or the rig that it generates, its joints in Blender's axes, and the bones that carry the skin."""
    item = rigify() if generated else metarig()
    bones = {joint: (("DEF-" if generated else "") + name,) for joint, name in _METARIG.items()}
    return item, {joint: np.array(item.data.bones[name].head_local) for joint, (name,) in bones.items()}, bones


_METARIG: Final = {
    "pelvis": "spine", "spine1": "spine.001", "spine2": "spine.002", "spine3": "spine.003", "neck": "spine.004",
    "head": "spine.006",
} | {
    f"{side}_{joint}": f"{name}.{side.upper()}"
    for side in "lr"
    for joint, name in {
        "hip": "thigh", "knee": "shin", "ankle": "foot", "foot": "toe", "collar": "shoulder", "shoulder": "upper_arm",
        "elbow": "forearm", "wrist": "hand",
    }.items()
}  # fmt: skip


def wear(
    item: Rig, points: Mapping[str, Array], bones: Mapping[str, tuple[str, ...]], matrix: Matrix | None = None
) -> Rig:
    """Put the mannequin on a rig, each of its parts carried to the rig's joints and bound to the rig's bones.

    Args:
        item: the armature object.
        points: rest position (3,) of all 22 joints in Blender's axes, metres.
        bones: joint -> bones that carry its skin, parents first; the skin of other joints goes to the joint above.
        matrix: what the armature's data are multiplied with.

    Returns:
        The mesh object.
    """
    shape = mannequin.build()
    vertices = coordinates.blender_from_model(_fitted(points))
    linear = np.array(matrix or Matrix())
    mesh = bpy.data.meshes.new(f"{item.name} body")
    mesh.from_pydata(coordinates.transform_points(linear, vertices).tolist(), [], shape.quads.tolist())
    mesh.polygons.foreach_set("use_smooth", np.ones(len(shape.quads), dtype=bool))
    body: Rig = bpy.data.objects.new(f"{item.name} body", mesh)
    CONTEXT.scene.collection.objects.link(body)
    for bone, weights in _weights(points, bones, vertices).items():
        _write_weights(body.vertex_groups.new(name=bone), weights)
    body.parent = item
    modifier = body.modifiers.new("Armature", "ARMATURE")
    modifier.object = item
    return body


def _write_weights(group: Any, weights: Array) -> None:
    levels = np.rint(weights * 50.0).astype(int)
    for level in np.unique(levels[levels > 0]):
        group.add(np.flatnonzero(levels == level).tolist(), float(level) / 50.0, "REPLACE")


def _fitted(points: Mapping[str, Array]) -> Array:
    """(V, 3) the mannequin's vertices on other joints, model axes: each part is turned, stretched and blended."""
    shape, rest = mannequin.build(), mannequin.rest_positions()
    own = np.stack([coordinates.model_from_blender(points[joint]) for joint in JOINT_NAMES])
    size = float(
        (own[INDEX["head"], 1] - own[INDEX["l_foot"], 1]) / (rest[INDEX["head"], 1] - rest[INDEX["l_foot"], 1])
    )
    result = np.zeros_like(shape.vertices)
    for index, joint in enumerate(JOINT_NAMES):
        turn, stretch = _part(joint, own, rest, size)
        moved = rotation.rotate(turn, (shape.vertices - rest[index]) @ stretch.T) + own[index]
        result += shape.weights[:, index : index + 1] * moved
    return result


def _part(joint: str, own: Array, rest: Array, size: float) -> tuple[Array, Array]:
    """Turn (4,) and stretch (3, 3) that carry a part of the mannequin to a rig's joints."""
    index = INDEX[joint]
    if joint[2:] in ("ankle", "foot"):  # soles stay on the floor, so feet only turn about the vertical
        ankle, ball = INDEX[joint[:2] + "ankle"], INDEX[joint[:2] + "foot"]
        flat = np.array([1.0, 0.0, 1.0])
        turn = rotation.between((rest[ball] - rest[ankle]) * flat, (own[ball] - own[ankle]) * flat)
        length = np.linalg.norm((own[ball] - own[ankle]) * flat) / np.linalg.norm((rest[ball] - rest[ankle]) * flat)
        return turn, np.diag([size, own[index, 1] / rest[index, 1], length])
    ends = {"pelvis": "spine1", "spine3": "neck", "head": "", **{s + "wrist": "" for s in ("l_", "r_")}}
    end = ends.get(joint, JOINT_NAMES[PARENTS.index(index)] if index in PARENTS else "")
    if not end:
        above = PARENTS[index]
        turn = rotation.between(rest[index] - rest[above], own[index] - own[above])
        return (turn if joint != "head" else rotation.identity()), size * np.eye(3)
    before, after = rest[INDEX[end]] - rest[index], own[INDEX[end]] - own[index]
    along = rotation.normalize(before)
    factor = np.linalg.norm(after) / np.linalg.norm(before)
    stretch = size * np.eye(3) + (factor - size) * np.outer(along, along)
    return rotation.between(before, after), stretch


def _weights(points: Mapping[str, Array], bones: Mapping[str, tuple[str, ...]], vertices: Array) -> dict[str, Array]:
    """Bone -> weight of each vertex; several bones of a joint share its segment from the base on."""
    found: dict[str, Array] = {}
    for index, joint in enumerate(JOINT_NAMES):
        carrier = index
        while not bones.get(JOINT_NAMES[carrier]):
            carrier = PARENTS[carrier]
        names = bones[JOINT_NAMES[carrier]]
        weights = mannequin.build().weights[:, index]
        start, end = points[JOINT_NAMES[carrier]], joint_tail(JOINT_NAMES[carrier], dict(points))
        place = (vertices - start) @ (end - start) / max(float((end - start) @ (end - start)), 1e-12)
        number = np.clip((place * len(names)).astype(int), 0, len(names) - 1)
        if joint != JOINT_NAMES[carrier]:
            number[:] = len(names) - 1
        for each, name in enumerate(names):
            found[name] = found.get(name, 0.0) + np.where(number == each, weights, 0.0)
    return found
