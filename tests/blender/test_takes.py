"""Takes: packed into the file with little loss, applied, previewed, removed."""

from pathlib import Path

import bpy
import numpy as np
import pytest

from genmo.genmo_blender import collect, takes
from genmo.runtime import rotation
from genmo.runtime.errors import MotionError
from genmo.runtime.motion import Motion
from genmo.tests.blender.characters import add_prompt, new_character


def random_motion(frames: int = 40) -> Motion:
    generator = np.random.default_rng(3)
    turns = rotation.normalize(generator.standard_normal((frames, 22, 4)))
    roots = np.cumsum(generator.standard_normal((frames, 3)) * 0.02, axis=0)
    roots[:, 1] += 0.9
    return Motion(fps=30.0, root_positions=roots, local_rotations=turns, contacts=generator.random((frames, 6)))


def kept(target: bpy.types.Object, motion: Motion) -> object:
    return takes.keep(target, motion, collect.collect(target, bpy.context.scene), 0)


def test_packing_loses_almost_nothing() -> None:
    motion = random_motion()
    back = takes.unpack(takes.pack(motion), motion.frames, motion.fps)
    assert np.degrees(rotation.angle(motion.local_rotations, back.local_rotations)).max() < 0.01
    assert np.abs(motion.root_positions - back.root_positions).max() < 1e-6
    assert np.abs(motion.contacts - back.contacts).max() < 0.003
    assert np.abs(motion.positions - back.positions).max() < 0.001


def test_damaged_takes_are_sentences() -> None:
    motion = random_motion()
    text = takes.pack(motion)
    for damaged in ("", "not base 85 \x00", text[: len(text) // 2], text[10:]):
        with pytest.raises(MotionError, match="damaged"):
            takes.unpack(damaged, motion.frames, motion.fps)
    with pytest.raises(MotionError, match="damaged"):
        takes.unpack(text, motion.frames + 1, motion.fps)
    with pytest.raises(MotionError, match="damaged"):
        takes.unpack(text, -1, motion.fps)


def test_takes_survive_saving_and_loading(tmp_path: Path) -> None:
    target = new_character()
    add_prompt(target)
    motion = random_motion()
    kept(target, motion)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "takes.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "takes.blend"))
    row = bpy.data.objects["GENMO Character"].genmo.takes[0]
    assert np.abs(takes.motion_of(row).positions - motion.positions).max() < 0.001
    assert row.name == "Take 1"
    assert "Jitter" in {number.label for number in takes.numbers(row.numbers)}


def test_applying_keeps_the_old_action_and_shifts() -> None:
    target = new_character()
    add_prompt(target)
    kept(target, random_motion())
    assert bpy.ops.genmo.apply_motion(take=0) == {"FINISHED"}
    first = target.animation_data.action
    assert tuple(first.frame_range) == pytest.approx((1, 40))
    assert first.name == "a person walks forward"
    bpy.ops.genmo.apply_motion(take=0, shift=9)
    assert target.animation_data.action != first
    assert first.use_fake_user
    assert tuple(target.animation_data.action.frame_range) == pytest.approx((10, 49))


def test_a_preview_leaves_the_character_alone_and_goes_without_a_trace() -> None:
    target = new_character()
    add_prompt(target)
    kept(target, random_motion())
    before = {item.name for item in bpy.data.objects}, len(bpy.data.actions)
    assert bpy.ops.genmo.take_preview(take=0) == {"FINISHED"}
    ghost = bpy.data.objects["GENMO Preview"]
    assert target.animation_data is None or target.animation_data.action is None
    assert ghost.animation_data.action is not None
    assert not ghost.genmo.takes
    bpy.ops.genmo.take_preview(take=0)
    assert len([item for item in bpy.data.objects if item.genmo.is_preview]) == 1
    assert bpy.ops.genmo.preview_clear() == {"FINISHED"}
    assert ({item.name for item in bpy.data.objects}, len(bpy.data.actions)) == before


def test_a_take_can_be_removed_and_names_are_not_used_twice() -> None:
    target = new_character()
    add_prompt(target)
    for _ in range(3):
        kept(target, random_motion(4))
    bpy.ops.genmo.take_remove(take=1)
    assert [row.name for row in target.genmo.takes] == ["Take 1", "Take 3"]
    kept(target, random_motion(4))
    assert [row.name for row in target.genmo.takes] == ["Take 1", "Take 3", "Take 2"]


def test_a_take_that_is_not_there_is_a_sentence() -> None:
    new_character()
    with pytest.raises(RuntimeError, match="There is no take yet"):
        bpy.ops.genmo.apply_motion()


def test_numbers_stand_beside_recorded_motion_and_turn_red_when_worse() -> None:
    good, bad = (
        takes.numbers('{"jitter": 12.0, "pin_error_mm": 0.2}'),
        takes.numbers('{"jitter": 60.0, "pin_error_mm": 3}'),
    )
    assert [number.is_worse for number in good] == [False, False]
    assert [number.is_worse for number in bad] == [True, True]
    assert [number.level for number in good] == ["recorded 12.7", "at most 1"]
    assert takes.numbers("broken") == ()
