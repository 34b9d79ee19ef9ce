"""What is written: new actions, strips, merged ranges, chosen bones, root motion, sparse keys, locks and drivers."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np
import pytest

from genmo.genmo_blender import armature, bake
from genmo.genmo_blender.channels import quaternions_of
from genmo.genmo_blender.core.bonemap import BoneMap, guess_bone_map
from genmo.genmo_blender.core.output import UPPER_BODY, Output
from genmo.genmo_blender.core.retarget import Options
from genmo.runtime import rotation
from genmo.runtime.errors import UserError
from genmo.runtime.motion import Motion
from genmo.tests.blender import rigs
from genmo.tests.core.bodies import walking

PLAIN = Options(foot_lock=False, floor=False)
KEY = ("co", "handle_left", "handle_right", "interpolation", "handle_left_type", "handle_right_type", "easing", "type")


def mapped(item: rigs.Rig) -> BoneMap:
    """The bone map that the names give."""
    return guess_bone_map(armature.rest_pose(item)).map


def smooth(frames: int = 60, *, seed: int = 0, speed: float = 0.01) -> Motion:
    """A body that sways, turns and travels."""
    generator = np.random.default_rng(seed)
    phase = np.arange(frames)[:, None, None] / 30.0 * 3.0 + generator.uniform(0.0, 6.0, (22, 1))
    local = rotation.from_axis_angle(generator.normal(0.0, 0.25, (22, 3)) * np.sin(phase))
    local[:, 0] = rotation.multiply(rotation.about_y(0.02 * np.arange(frames)), local[:, 0])
    roots = np.stack([0.05 * np.sin(phase[:, 0, 0]), np.full(frames, 0.85), speed * np.arange(frames)], axis=1)
    return Motion(30.0, roots, local, np.zeros((frames, 6)))


def apply(item: rigs.Rig, motion: Motion, output: Output | None = None, **kwargs) -> Any:
    """Apply a motion at frame 1 of a scene with 30 frames per second."""
    settings = {"start": 1, "fps": 30.0, "name": "a test", "options": PLAIN} | kwargs
    return bake.apply_motion(item, motion, mapped(item), output=output, **settings)


def curves(item: rigs.Rig, action: Any = None) -> dict[tuple[str, int], Any]:
    """The curves that the object plays."""
    data = item.animation_data
    found = bake.curves_of(action or data.action, None if action else getattr(data, "action_slot", None))
    return {(curve.data_path, curve.array_index): curve for curve in found}


def keys(curve: Any) -> dict[float, tuple[Any, ...]]:
    """Frame -> everything of a key."""
    return {
        point.co[0]: tuple(
            tuple(value) if hasattr(value, "__len__") and not isinstance(value, str) else value
            for value in (getattr(point, name) for name in KEY)
        )
        for point in curve.keyframe_points
    }


def heads(item: rigs.Rig, frame: int) -> dict[str, np.ndarray]:
    """World matrices of all bones at a scene frame."""
    rigs.CONTEXT.scene.frame_set(frame)
    shown = item.evaluated_get(rigs.CONTEXT.evaluated_depsgraph_get())
    return {bone.name: np.array(shown.matrix_world @ bone.matrix) for bone in shown.pose.bones}


@pytest.mark.parametrize("mode", ["QUATERNION", "XYZ", "ZXY", "AXIS_ANGLE"])
def test_merging_leaves_every_key_outside_bit_by_bit(mode: str) -> None:
    item = rigs.mixamo_like()
    for bone in item.pose.bones:
        bone.rotation_mode = mode
    apply(item, smooth(60), interpolation="BEZIER")
    before = {key: keys(curve) for key, curve in curves(item).items()}
    shown = {frame: heads(item, frame) for frame in (10, 20, 39, 50)}
    action = item.animation_data.action
    output = Output(mode="MERGE", frame_range=(20, 40), blend_in=5, blend_out=5)
    assert apply(item, smooth(60, seed=1), output) is action
    after = {key: keys(curve) for key, curve in curves(item).items()}
    assert after.keys() == before.keys()
    for key, old in before.items():
        outside = {frame: value for frame, value in old.items() if not 20 <= frame < 40}
        assert {frame: value for frame, value in after[key].items() if not 20 <= frame < 40} == outside
        assert sorted(after[key]) == sorted(old)
    for frame, matrices in shown.items():  # the first and the last frame of the range are what was there
        for name, matrix in heads(item, frame).items():
            assert np.abs(matrix - matrices[name]).max() < 1e-4, (frame, name)
    rest = apply_and_look(smooth(60, seed=1), 30)
    for name, matrix in heads(item, 30).items():
        assert np.abs(matrix - rest[name]).max() < 1e-4, name


def apply_and_look(motion: Motion, frame: int, output: Output | None = None) -> dict[str, np.ndarray]:
    """What a new rig shows."""
    item = rigs.mixamo_like()
    apply(item, motion, output)
    return heads(item, frame)


def test_merging_without_blends_puts_the_motion_into_the_whole_range() -> None:
    item = rigs.mixamo_like()
    apply(item, smooth(40))
    apply(item, smooth(40, seed=1), Output(mode="MERGE", frame_range=(10, 20)))
    wish = apply_and_look(smooth(40, seed=1), 10)
    for name, matrix in heads(item, 10).items():
        assert np.abs(matrix - wish[name]).max() < 1e-4, name


def test_the_upper_body_is_layered_on_what_is_there() -> None:
    item = rigs.mixamo_like()
    apply(item, smooth(40))
    before = {key: keys(curve) for key, curve in curves(item).items()}
    apply(item, smooth(40, seed=1), Output(mode="MERGE", joints=UPPER_BODY, blend_in=4, blend_out=4))
    after = {key: keys(curve) for key, curve in curves(item).items()}
    changed = {path.split('"')[1] for path, index in before if before[path, index] != after[path, index]}
    assert "mixamorig:LeftArm" in changed
    assert not any(part in name for name in changed for part in ("Hips", "Leg", "Foot", "Toe"))


def test_chosen_bones_only_without_an_action_keeps_their_pose_around() -> None:
    item = rigs.mixamo_like()
    bone = item.pose.bones["mixamorig:Head"]
    bone.rotation_quaternion = (0.8, 0.6, 0.0, 0.0)
    apply(item, smooth(40), Output(mode="MERGE", frame_range=(10, 20), bones={"mixamorig:Neck"}))
    apply(item, smooth(40), Output(mode="MERGE", frame_range=(10, 20), bones={"mixamorig:Head"}))
    assert {path.split('"')[1] for path, _ in curves(item)} == {"mixamorig:Neck", "mixamorig:Head"}
    for frame in (5, 9, 20, 30):
        rigs.CONTEXT.scene.frame_set(frame)
        assert bone.rotation_quaternion[:] == pytest.approx((0.8, 0.6, 0.0, 0.0), abs=1e-6)


def test_a_range_without_the_motion_is_refused() -> None:
    item = rigs.mixamo_like()
    with pytest.raises(UserError, match="nothing in the range"):
        apply(item, smooth(20), Output(mode="MERGE", frame_range=(50, 60)))
    assert item.animation_data is None or item.animation_data.action is None


def test_a_strip_in_the_nla_lies_over_the_old_action() -> None:
    item = rigs.mixamo_like()
    old = apply(item, smooth(40))
    shown = heads(item, 35)
    new = apply(item, smooth(40, seed=1), Output(mode="NLA", frame_range=(10, 30)))
    assert item.animation_data.action is None
    assert [track.strips[0].action for track in item.animation_data.nla_tracks] == [old, new]
    wish = apply_and_look(smooth(40, seed=1), 20)
    for name, matrix in heads(item, 20).items():
        assert np.abs(matrix - wish[name]).max() < 1e-4, name
    for name, matrix in heads(item, 35).items():
        assert np.abs(matrix - shown[name]).max() < 1e-4, name


def test_a_root_bone_takes_the_way_and_the_body_stays_where_it_is() -> None:
    item = rigs.unreal_like()
    apply(item, smooth(60, speed=0.03))
    wish = {frame: heads(item, frame) for frame in (1, 30, 60)}
    apply(item, smooth(60, speed=0.03), Output(root="ROOT"))
    for frame, matrices in wish.items():
        for name, matrix in heads(item, frame).items():
            assert name == "root" or np.abs(matrix - matrices[name]).max() < 1e-4, (frame, name)
    way = [heads(item, frame)["root"][:3, 3] for frame in (1, 60)]
    assert np.linalg.norm(way[1] - way[0]) > 1.5
    with pytest.raises(UserError, match="no bone above its hips"):
        apply(rigs.mixamo_like(), smooth(5), Output(root="ROOT"))


def test_in_place_keeps_the_way_to_put_it_back() -> None:
    item = rigs.mixamo_like()
    apply(item, smooth(60, speed=0.03))
    wish = heads(item, 50)["mixamorig:Hips"][:3, 3]
    apply(item, smooth(60, speed=0.03), Output(root="IN_PLACE"))
    hips = [heads(item, frame)["mixamorig:Hips"][:2, 3] for frame in range(1, 61)]
    assert np.ptp(hips, axis=0).max() < 0.25
    travel = []
    for frame in (1, 50):
        rigs.CONTEXT.scene.frame_set(frame)
        travel.append(np.array(item["genmo_travel"]))
    back = heads(item, 50)["mixamorig:Hips"][:3, 3] + np.append((travel[1] - travel[0])[:2], 0.0)
    assert np.allclose(back, wish, atol=1e-4)


@pytest.mark.parametrize("mode", ["QUATERNION", "XYZ", "AXIS_ANGLE"])
def test_sparse_keys_stay_within_their_errors(mode: str) -> None:
    item = rigs.mixamo_like()
    for bone in item.pose.bones:
        bone.rotation_mode = mode
    motion = walking(120)
    dense = curves(item, apply(item, motion, options=Options()))
    sparse = curves(item, apply(item, motion, Output(keys="SPARSE"), options=Options()))
    frames = np.arange(1, 121)
    counts = [len(curve.keyframe_points) for curve in sparse.values()]
    assert np.mean(counts) < 0.15 * len(frames)
    for path in {path for path, _ in dense}:
        values = [
            np.array(
                [
                    [each[path, index].evaluate(frame) for index in range(4) if (path, index) in each]
                    for frame in frames.tolist()
                ]
            )
            for each in (dense, sparse)
        ]
        if path.endswith("location"):
            assert np.linalg.norm(values[0] - values[1], axis=1).max() < 0.00201
        else:
            turns = [quaternions_of(value, mode) for value in values]
            assert np.degrees(rotation.angle(*turns)).max() < 0.51
    assert {point.interpolation for curve in sparse.values() for point in curve.keyframe_points} == {"BEZIER"}


def test_locked_and_driven_channels_are_left_alone() -> None:
    item = rigs.mixamo_like()
    locked, partly, driven = (item.pose.bones["mixamorig:" + name] for name in ("Head", "Neck", "Spine"))
    locked.lock_rotation = (True, True, True)
    partly.rotation_mode, partly.lock_rotation = "XYZ", (True, False, False)
    driven.rotation_mode = "XYZ"
    driven.driver_add("rotation_euler", 1)
    apply(item, smooth(10))
    found = {(path.split('"')[1], index) for path, index in curves(item)}
    assert not any(name == "mixamorig:Head" for name, _ in found)
    assert {index for name, index in found if name == "mixamorig:Neck"} == {1, 2}
    assert {index for name, index in found if name == "mixamorig:Spine"} == {0, 2}
    apply(item, smooth(10), Output(respect_locks=False))
    assert any(path.split('"')[1] == "mixamorig:Head" for path, _ in curves(item))
    words = armature.conflicts(item, mapped(item))
    assert any("'mixamorig:Head' is locked" in word for word in words)


def test_a_merge_into_a_linked_action_is_refused(tmp_path) -> None:
    item = rigs.mixamo_like()
    action = apply(item, smooth(5))
    action.name = "Linked"
    path = str(tmp_path / "action.blend")
    bpy.data.libraries.write(path, {action})
    libraries: Any = bpy.data.libraries
    with libraries.load(path, link=True) as (_, wanted):
        wanted.actions = ["Linked"]
    bake.assign_action(item, wanted.actions[0])
    with pytest.raises(UserError, match="linked"):
        apply(item, smooth(5), Output(mode="MERGE"))


def test_rigify_ik_shows_what_fk_shows() -> None:
    item = rigs.rigify()
    motion = walking(30)
    apply(item, motion, options=Options())
    names = [f"ORG-{part}.{side}" for part in ("foot", "toe", "shin", "hand", "forearm") for side in "LR"]
    frames = (1, 8, 15, 30)
    wish = {frame: heads(item, frame) for frame in frames}
    action = apply(item, motion, Output(controls="IK"), options=Options())
    assert not any("_fk" in path for path, _ in curves(item, action) if "thigh" in path or "hand" in path)
    for frame in frames:
        found = heads(item, frame)
        for name in names:
            # Rigify's IK bones may be squashed by a tenth, which moves knees and elbows a little.
            limit = 0.03 if "shin" in name or "forearm" in name else 0.001
            assert np.linalg.norm(found[name][:3, 3] - wish[frame][name][:3, 3]) < limit, (frame, name)
        for name in ("ORG-foot.L", "ORG-hand.R", "ORG-toe.L"):
            turn = found[name][:3, :3].T @ wish[frame][name][:3, :3]
            assert np.degrees(np.arccos(np.clip((np.trace(turn) - 1.0) / 2.0, -1.0, 1.0))) < 0.5, (frame, name)
    assert item.pose.bones["thigh_parent.L"]["IK_FK"] == 0.0
    assert item.pose.bones["thigh_parent.L"]["pole_vector"] == 1


def constrained() -> rigs.Rig:
    """A rig whose legs follow foot controls by IK constraints."""
    item = rigs.unreal_like()
    bpy.ops.object.mode_set(mode="EDIT")
    bones = item.data.edit_bones
    for side in "lr":
        bone = bones.new(f"ctrl_{side}")
        bone.head = bones[f"foot_{side}"].head
        bone.tail = bone.head + rigs.Vector((0.0, 0.2, 0.0))
        bone.parent = bones["root"]
    bpy.ops.object.mode_set(mode="OBJECT")
    for side in "lr":
        constraint = item.pose.bones[f"calf_{side}"].constraints.new("IK")
        constraint.target, constraint.subtarget, constraint.chain_count = item, f"ctrl_{side}", 2
    rigs.CONTEXT.view_layer.update()
    return item


@pytest.mark.parametrize("root", ["HIPS", "ROOT"])
def test_generic_ik_constraints_get_their_targets(root: str) -> None:
    item = constrained()
    motion = walking(20)
    constraints = [c for bone in item.pose.bones for c in bone.constraints if c.type == "IK"]
    for constraint in constraints:
        constraint.mute = True
    apply(item, motion, options=Options())
    wish = {frame: heads(item, frame) for frame in (1, 10, 20)}
    for constraint in constraints:
        constraint.mute = False
    action = apply(item, motion, Output(controls="IK", root=root), options=Options())
    written = {path.split('"')[1] for path, _ in curves(item, action)}
    assert {"ctrl_l", "ctrl_r"} <= written
    assert not written & {"thigh_l", "calf_r"}
    for frame, matrices in wish.items():
        found = heads(item, frame)
        for name in ("foot_l", "foot_r", "hand_l", "head"):
            assert np.linalg.norm(found[name][:3, 3] - matrices[name][:3, 3]) < 0.001, (frame, name)


def test_a_rig_without_ik_says_so() -> None:
    with pytest.raises(UserError, match="no IK controls"):
        apply(rigs.mixamo_like(), smooth(5), Output(controls="IK"))


def test_places_in_the_axes_of_the_parent() -> None:
    item = rigs.unreal_like()
    apply(item, smooth(10))
    wish = heads(item, 8)
    item.data.bones["pelvis"].use_local_location = False
    apply(item, smooth(10))
    for name, matrix in heads(item, 8).items():
        assert np.abs(matrix - wish[name]).max() < 1e-4, name
