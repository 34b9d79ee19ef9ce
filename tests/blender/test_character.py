"""The GENMO character: the model's own skeleton, and a closed, well bound body that stands on the floor."""

import bpy
import numpy as np
import pytest

from genmo.genmo_blender.core import mannequin
from genmo.genmo_blender.core.coordinates import blender_from_model
from genmo.runtime.skeleton import JOINT_NAMES, PARENTS, REST_OFFSETS
from genmo.tests.blender.characters import new_character


def test_the_bones_are_the_models_joints() -> None:
    bones = new_character().data.bones
    assert {bone.name for bone in bones} == set(JOINT_NAMES)
    for joint, parent, offset in zip(JOINT_NAMES, PARENTS, REST_OFFSETS, strict=True):
        bone = bones[joint]
        assert (bone.parent.name if bone.parent else None) == (JOINT_NAMES[parent] if parent >= 0 else None)
        if bone.parent:
            found = bone.head_local - bone.parent.head_local
            assert tuple(found) == pytest.approx(tuple(blender_from_model(offset)), abs=1e-5)


def test_bones_of_both_sides_are_mirror_images() -> None:
    bones = new_character().data.bones
    for joint in (name for name in JOINT_NAMES if name.startswith("l_")):
        left, right = bones[joint], bones["r" + joint[1:]]
        mirror = np.diag([-1.0, 1.0, 1.0])
        expected = mirror @ np.array(left.matrix_local.to_3x3()) @ np.diag([-1.0, 1.0, 1.0])
        assert np.allclose(np.array(right.matrix_local.to_3x3()), expected, atol=1e-4), joint


def test_it_is_ready_selected_and_at_the_cursor() -> None:
    bpy.context.scene.cursor.location = (1.0, 2.0, 0.0)
    target = new_character()
    assert tuple(target.location) == (1.0, 2.0, 0.0)
    assert bpy.context.object == target
    assert [item.name for item in bpy.context.selected_objects] == [target.name]
    assert target.genmo.preset == "genmo"
    assert all(row.bones for row in target.genmo.bones)
    assert target.mode == "OBJECT"


def test_the_body_is_closed_stands_on_the_floor_and_is_symmetric() -> None:
    shape = mannequin.build()
    edges = np.sort(np.stack([shape.quads, np.roll(shape.quads, -1, axis=1)], axis=-1).reshape(-1, 2), axis=1)
    assert (np.unique(edges, axis=0, return_counts=True)[1] == 2).all()
    assert shape.vertices[:, 1].min() == pytest.approx(0.0, abs=0.002)
    assert 1.6 < shape.vertices[:, 1].max() < 1.8
    assert shape.vertices[:, 0].min() == pytest.approx(-shape.vertices[:, 0].max(), abs=1e-6)
    assert set(np.unique(shape.tones)) == {0, 1}
    # Outward normals: the signed volume of the closed mesh is positive, and that of a person of 50 to 90 kg.
    corners = shape.vertices[shape.quads]
    triangles = np.concatenate([corners[:, [0, 1, 2]], corners[:, [0, 2, 3]]])
    volume = np.linalg.det(triangles).sum() / 6.0
    assert 0.04 < volume < 0.09


def test_every_vertex_follows_at_most_four_neighbouring_bones() -> None:
    shape = mannequin.build()
    weights = shape.weights
    assert np.allclose(weights.sum(axis=1), 1.0)
    assert (np.count_nonzero(weights, axis=1) <= 4).all()
    left_side = shape.vertices[:, 0] > 0.03
    assert not weights[left_side, JOINT_NAMES.index("r_hip")].any(), "the legs would stick together"


def test_the_body_follows_the_rig() -> None:
    target = new_character()
    body = next(item for item in bpy.data.objects if item.type == "MESH")
    target.pose.bones["pelvis"].location = (0.0, 0.0, 0.0)
    target.location = (0.0, 0.0, 1.0)
    bpy.context.view_layer.update()
    evaluated = body.evaluated_get(bpy.context.evaluated_depsgraph_get())
    lowest = min((evaluated.matrix_world @ vertex.co).z for vertex in evaluated.data.vertices)
    assert lowest == pytest.approx(1.0, abs=0.003)


def test_two_characters_share_their_materials() -> None:
    new_character()
    new_character()
    assert len([item for item in bpy.data.materials if item.name.startswith("GENMO")]) == 2


def test_it_is_as_tall_as_a_person_in_a_scene_of_centimetres() -> None:
    scene = bpy.context.scene
    scene.unit_settings.scale_length = 0.01
    try:
        target = new_character()
        head = target.matrix_world @ target.data.bones["head"].head_local
    finally:
        scene.unit_settings.scale_length = 1.0
    assert 1.3 < head.z * 0.01 < 1.8
