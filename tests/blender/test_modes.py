"""The work modes in Blender with the tiny random model: what they change, and what they leave alone to the bit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import bpy
import numpy as np
import pytest

from genmo.genmo_blender import armature, modes, takes, tracks
from genmo.genmo_blender.bake import curves_of
from genmo.genmo_blender.core import work
from genmo.genmo_blender.properties import SCOPES
from genmo.runtime import rotation
from genmo.tests.blender.characters import add_prompt, new_character, turn

Curves = Mapping[tuple[str, int], np.ndarray]
CONTEXT: Any = bpy.context
OPERATORS: Any = bpy.ops


def keys_of(action: Any) -> Curves:
    """Every number of every key: place, handles, kinds of handle and of interpolation."""
    found = {}
    for curve in curves_of(action):
        points = curve.keyframe_points
        rows = []
        for name, size in (("co", 2), ("handle_left", 2), ("handle_right", 2)):
            values = np.empty(len(points) * size, np.float32)
            points.foreach_get(name, values)
            rows.append(values.reshape(len(points), size))
        kinds = [[_NUMBERS[p.interpolation], _NUMBERS[p.handle_left_type]] for p in points]
        found[curve.data_path, curve.array_index] = np.concatenate([*rows, np.array(kinds, np.float32)], axis=1)
    return found


class _Numbering(dict[str, int]):
    def __missing__(self, key: str) -> int:
        self[key] = len(self)
        return self[key]


_NUMBERS = _Numbering()


def outside(curves: Curves, start: int, stop: int) -> Curves:
    """The keys outside a range."""
    return {path: rows[(rows[:, 0] < start) | (rows[:, 0] >= stop)] for path, rows in curves.items()}


def assert_same_bits(first: Curves, second: Curves, paths: Iterable[tuple[str, int]] | None = None) -> None:
    assert set(first) <= set(second)
    for path in first if paths is None else paths:
        np.testing.assert_array_equal(first[path].view(np.uint32), second[path].view(np.uint32), err_msg=str(path))


def moving_character(*, fps: int = 30, stop: int = 121) -> Any:
    """A character with an action made by the model over the frames 1 to `stop` - 1."""
    target = new_character(fps=fps)
    add_prompt(target, stop=stop)
    assert bpy.ops.genmo.generate(wait=True) == {"FINISHED"}
    return target


def shown(target: Any, frames: Iterable[float]) -> tuple[np.ndarray, np.ndarray]:
    """Pelvis positions and local rotations in model space at scene frames."""
    mapping = tracks.bone_map(target)
    rig, poses = armature.target(target, mapping, probe=False), []
    for frame in frames:
        CONTEXT.scene.frame_set(int(np.floor(frame)), subframe=float(frame % 1.0))
        poses.append(armature.read_pose(target, mapping, prepared=rig))
    return np.array([pose.root_position for pose in poses]), np.array([pose.rotations for pose in poses])


def worst_turn(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.degrees(rotation.angle(first, second)).max())


def seam_ratio(target: Any, seam: int) -> float:
    """Largest change of speed from frame to frame at a seam, against the largest of the neighbourhood."""
    frames = range(seam - 12, seam + 12)
    _, turns = shown(target, frames)
    steps = rotation.to_axis_angle(rotation.multiply(turns[1:], rotation.conjugate(turns[:-1])))
    jumps = np.linalg.norm(np.diff(steps, axis=0), axis=-1).max(axis=-1)  # of frames seam - 11 ...
    at = slice(10, 12)  # steps into and out of the last old and the first new frame
    return float(jumps[at].max() / np.delete(jumps, [10, 11]).max())


@pytest.mark.parametrize("fps", [24, 30, 60])
def test_regenerating_a_range_leaves_the_rest_as_it_is_to_the_bit(fps: int) -> None:
    target = moving_character(fps=fps)
    old = target.animation_data.action
    before = keys_of(old)
    frame, mode = CONTEXT.scene.frame_current, target.mode
    assert OPERATORS.genmo.regenerate_range(start=50, stop=80, text="a person jumps", wait=True) == {"FINISHED"}
    new = target.animation_data.action
    assert (CONTEXT.scene.frame_current, target.mode) == (frame, mode)
    assert new != old
    assert old.use_fake_user
    assert_same_bits(before, keys_of(old))
    after = keys_of(new)
    assert set(before) == set(after)
    assert_same_bits(outside(before, 50, 80), outside(after, 50, 80))
    inside = [path for path in after if "elbow" in path[0]]
    assert any(not np.array_equal(before[path], after[path]) for path in inside)
    for seam in (50, 80):
        assert seam_ratio(target, seam) < 2.0
    # Another go changes the same copy and needs no further one.
    count = len(bpy.data.actions)
    OPERATORS.genmo.regenerate_range(start=50, stop=80, text="a person waves", wait=True)
    assert target.animation_data.action == new
    assert len(bpy.data.actions) == count
    assert_same_bits(outside(before, 50, 80), outside(keys_of(new), 50, 80))


def hand_keyed(frames: Iterable[int]) -> Any:
    """A character with a few keys with Bezier handles, as animators make them."""
    target, random = new_character(), np.random.default_rng(0)
    for frame in frames:
        for bone in target.pose.bones:
            bone.rotation_quaternion = (1.0, *random.normal(scale=0.1, size=3))
            bone.keyframe_insert("rotation_quaternion", frame=frame)
        target.pose.bones["pelvis"].location = (0.0, 0.0, 0.01 * frame)
        target.pose.bones["pelvis"].keyframe_insert("location", frame=frame)
    add_prompt(target, stop=121)
    return target


def test_hand_made_keys_around_a_range_keep_what_they_show() -> None:
    target = hand_keyed((1, 21, 41, 61, 81, 101))
    old = target.animation_data.action
    assert OPERATORS.genmo.regenerate_range(start=50, stop=75, wait=True) == {"FINISHED"}
    new = target.animation_data.action
    before, after = keys_of(old), keys_of(new)
    for path, rows in outside(before, 50, 75).items():
        kept = after[path][np.isin(after[path][:, 0], rows[:, 0])]
        np.testing.assert_array_equal(rows.view(np.uint32), kept.view(np.uint32))
    frames = [frame for frame in range(-10, 120) if not 50 <= frame < 75]
    for curve, changed in zip(curves_of(old), curves_of(new), strict=True):
        assert [curve.evaluate(frame) for frame in frames] == [changed.evaluate(frame) for frame in frames]
    with pytest.raises(RuntimeError, match="whole action"):
        OPERATORS.genmo.regenerate_range(start=1, stop=102, wait=True)


def test_the_range_comes_from_the_prompt_or_the_preview() -> None:
    target = moving_character()
    add_prompt(target, "a person jumps", 40, 60)
    tracks.add(target, "prompts")
    target.genmo.prompts.remove(2)
    target.genmo.active_prompt = 1
    scene = CONTEXT.scene
    assert modes.range_of(target, scene, modes.settings_of(scene)) == (40, 60)
    scene.genmo.work.source = "PREVIEW"
    with pytest.raises(modes.UserError, match="preview range"):
        modes.range_of(target, scene, modes.settings_of(scene))
    scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = True, 20, 29
    assert modes.range_of(target, scene, modes.settings_of(scene)) == (20, 30)
    OPERATORS.genmo.regenerate_range(wait=True)
    plan = work.plan_from(target.genmo.takes[-1].plan)
    assert (plan.mode, plan.start, plan.stop) == (work.Mode.RANGE, 20, 30)


def test_the_context_of_a_range_is_what_the_rig_shows() -> None:
    target = moving_character(fps=24)
    settings = modes.Settings(source="FRAMES", start=50, stop=70)
    found = modes.collected(work.Mode.RANGE, target, CONTEXT.scene, settings)
    before, after = found.request.held
    assert before.start == 0
    assert after.stop == found.request.frames
    clock = found.timeline
    times = [clock.scene_frame(frame) for frame in range(before.start, before.stop)]
    assert times[-1] <= 49 < clock.scene_frame(before.stop)
    assert clock.scene_frame(after.start) >= 70 > clock.scene_frame(after.start - 1)
    roots, turns = shown(target, times)
    assert np.abs(np.array(before.root_positions) - roots).max() < 1e-5
    assert worst_turn(np.array(before.rotations), turns) < 0.01


@pytest.mark.parametrize(("side", "start", "stop"), [("AFTER", 121, 151), ("BEFORE", -29, 1)])
def test_extending_goes_on_from_the_action(side: str, start: int, stop: int) -> None:
    target = moving_character()
    before = keys_of(target.animation_data.action)
    assert OPERATORS.genmo.extend(side=side, frames=30, wait=True) == {"FINISHED"}
    new = target.animation_data.action
    assert tuple(new.frame_range) == (min(1, start), max(120, stop - 1))
    assert_same_bits(before, outside(keys_of(new), start, stop))
    assert seam_ratio(target, start if side == "AFTER" else stop) < 2.0


@pytest.mark.parametrize("fps", [24, 30])
def test_filling_in_between_keeps_every_key_pose(fps: int) -> None:
    target = new_character(fps=fps)
    for frame, angle in ((5, 0.2), (31, 0.9), (70, -0.4)):
        CONTEXT.scene.frame_set(frame)
        turn(target, "l_elbow", (float(np.cos(angle)), float(np.sin(angle)), 0.0, 0.0))
        bpy.ops.genmo.key_pose_add()
    assert OPERATORS.genmo.in_between(wait=True) == {"FINISHED"}
    assert tuple(target.animation_data.action.frame_range) == (5, 70)
    for row in target.genmo.key_poses:
        roots, turns = shown(target, [row.frame])
        kept = rotation.normalize(np.array([tuple(value) for value in row.rotations]))
        assert worst_turn(turns[0], kept) < 0.1
        assert np.abs(roots[0] - np.array(row.root_position)).max() < 1e-3
    target.genmo.key_poses.remove(2)
    target.genmo.key_poses.remove(1)
    assert not OPERATORS.genmo.in_between.poll()


@pytest.mark.parametrize("fps", [24, 30, 60])
@pytest.mark.parametrize("in_place", [False, True])
def test_a_loop_closes_on_the_rig(fps: int, in_place: bool) -> None:
    target = new_character(fps=fps)
    add_prompt(target, stop=48)
    assert OPERATORS.genmo.loop(in_place=in_place, wait=True) == {"FINISHED"}
    action = target.animation_data.action
    assert tuple(action.frame_range) == (1, 48)
    roots, turns = shown(target, [1, 48, 2, 49, 0, 47])
    assert worst_turn(turns[0], turns[1]) < 0.01
    assert worst_turn(turns[2], turns[3]) < 0.01  # it goes on as it went on
    assert worst_turn(turns[4], turns[5]) < 0.01
    way = roots[1] - roots[0]
    np.testing.assert_allclose(roots[3] - roots[2], way, atol=1e-4)
    assert abs(way[1]) < 1e-4
    if in_place:
        assert np.abs(way).max() < 1e-4
    assert action.use_cyclic


def test_a_loop_is_as_long_as_asked() -> None:
    target = new_character()
    add_prompt(target, stop=48)
    OPERATORS.genmo.loop(length=33, wait=True)
    assert tuple(target.animation_data.action.frame_range) == (1, 34)
    assert target.genmo.takes[0].frames == 34


def test_a_pose_is_keyed_at_the_playhead_where_the_character_stands() -> None:
    target = moving_character()
    before = keys_of(target.animation_data.action)
    CONTEXT.scene.frame_set(60)
    (root,), (turns,) = shown(target, [60])
    assert OPERATORS.genmo.generate_pose(text="a person sits", wait=True) == {"FINISHED"}
    after = keys_of(target.animation_data.action)
    assert_same_bits(outside(before, 60, 61), outside(after, 60, 61))
    assert any(not np.array_equal(before[path], after[path]) for path in before)
    (now,), (posed,) = shown(target, [60])
    np.testing.assert_allclose(now[[0, 2]], root[[0, 2]], atol=1e-3)
    assert abs(float(rotation.heading(posed[0]) - rotation.heading(turns[0]))) < 0.01
    assert target.genmo.takes[-1].frames == 1


def test_a_pose_needs_no_action() -> None:
    target = new_character()
    CONTEXT.scene.frame_set(12)
    with pytest.raises(RuntimeError, match="Say in a prompt"):
        OPERATORS.genmo.generate_pose(wait=True)
    assert OPERATORS.genmo.generate_pose(text="a person sits", wait=True) == {"FINISHED"}
    assert tuple(target.animation_data.action.frame_range) == (12, 12)


def test_a_layer_changes_only_its_limbs() -> None:
    target = moving_character()
    before = keys_of(target.animation_data.action)
    options = {"parts": {"RIGHT_ARM"}, "start": 40, "stop": 90, "text": "a person waves"}
    assert OPERATORS.genmo.layer(wait=True, **options) == {"FINISHED"}
    after = keys_of(target.animation_data.action)
    arm = ("r_collar", "r_shoulder", "r_elbow", "r_wrist")
    others = [path for path in before if not any(f'"{joint}"' in path[0] for joint in arm)]
    assert len(others) < len(before)
    assert set(before) == set(after)
    assert_same_bits(before, after, others)
    assert_same_bits(outside(before, 40, 90), outside(after, 40, 90))
    changed = [path for path in before if not np.array_equal(before[path], after[path])]
    assert {path[0] for path in changed} == {f'pose.bones["{joint}"].rotation_quaternion' for joint in arm}
    for parts in (set(), set(SCOPES)):
        with pytest.raises(RuntimeError, match="Choose the parts"):
            OPERATORS.genmo.layer(parts=parts, start=40, stop=90, wait=True)


def test_variations_resemble_their_take() -> None:
    target = moving_character(stop=61)
    old = takes.motion_of(target.genmo.takes[0])
    for strength in (0.0, 0.1, 0.4):
        CONTEXT.scene.genmo.seed = 9
        assert OPERATORS.genmo.vary(take=0, strength=strength, wait=True) == {"FINISHED"}
    same, near, far = (takes.motion_of(row) for row in list(target.genmo.takes)[1:])
    change = [float(np.abs(motion.positions - old.positions).mean()) for motion in (same, near, far)]
    assert change[0] < 1e-6 < change[1] < change[2]
    plan = work.plan_from(target.genmo.takes[3].plan)
    assert (plan.source, round(plan.strength, 3)) == ("Take 1", 0.4)


def test_a_variation_of_a_change_is_a_change() -> None:
    target = moving_character()
    OPERATORS.genmo.regenerate_range(start=50, stop=80, wait=True)
    before = keys_of(target.animation_data.action)
    assert OPERATORS.genmo.vary(strength=0.5, wait=True) == {"FINISHED"}
    assert_same_bits(outside(before, 50, 80), outside(keys_of(target.animation_data.action), 50, 80))
    assert seam_ratio(target, 50) < 2.0


def test_modes_without_what_they_need_say_so() -> None:
    new_character()
    for name in ("regenerate_range", "extend", "layer", "vary", "in_between"):
        operator = getattr(OPERATORS.genmo, name)
        assert not operator.poll()
        with pytest.raises(RuntimeError, match="first"):
            operator(wait=True)
    target = moving_character(stop=41)
    for start, stop, sentence in ((200, 220, "use Extend"), (30, 30, "end after its start")):
        with pytest.raises(RuntimeError, match=sentence):
            OPERATORS.genmo.regenerate_range(start=start, stop=stop, wait=True)
    OPERATORS.genmo.generate_pose(text="a person sits", wait=True)
    with pytest.raises(RuntimeError, match="single pose"):
        OPERATORS.genmo.vary(take=len(target.genmo.takes) - 1, wait=True)


def test_the_panel_settings_count_where_nothing_is_given() -> None:
    target = moving_character()
    settings = CONTEXT.scene.genmo.work
    settings.source, settings.start, settings.stop, settings.text = "FRAMES", 30, 50, "a person jumps"
    assert OPERATORS.genmo.regenerate_range(wait=True) == {"FINISHED"}
    row = target.genmo.takes[-1]
    plan = work.plan_from(row.plan)
    assert (plan.start, plan.stop, plan.text) == (30, 50, "a person jumps")
    prompts = takes.request_of(row).prompts
    assert [prompt.text for prompt in prompts] == ["a person walks forward", "a person walks forward", "a person jumps"]
