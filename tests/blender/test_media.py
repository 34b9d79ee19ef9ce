"""Media tracks: what rows of video, music and reference motion become in the request."""

from __future__ import annotations

import math
from pathlib import Path

import bpy
import numpy as np
import pytest

from genmo.genmo_blender import checks, collect
from genmo.genmo_blender.core import coordinates
from genmo.runtime import rotation
from genmo.runtime.motion import load_motion, save_motion
from genmo.tests.blender.characters import add_prompt, new_character, turn
from genmo.tests.runtime.walking import walk


def request(target: bpy.types.Object) -> collect.MotionRequest:
    bpy.context.view_layer.update()
    return collect.request_from(target, bpy.context.scene)


def add_row(target: bpy.types.Object, track: str, path: Path, start: int, stop: int) -> object:
    row = getattr(target.genmo, track).add()
    row.name, row.path, row.start, row.stop = path.stem, str(path), start, stop
    return row


def test_music_runs_from_the_playhead_to_the_end_of_the_scene(tmp_path: Path) -> None:
    target = new_character(fps=24)
    song = tmp_path / "song.wav"
    song.write_bytes(b"RIFF")
    bpy.context.scene.frame_end = 48
    bpy.context.scene.frame_set(1)
    bpy.ops.genmo.music_add(filepath=str(song))
    row = target.genmo.music[0]
    assert (row.start, row.stop, row.name) == (1, 49, "song")
    row.source_start = 2.5
    made = request(target).music
    assert made == (collect.collect_media.Music(str(song), 0, 60, 2.5),)
    with pytest.raises(RuntimeError, match="There is no file"):
        bpy.ops.genmo.music_add(filepath=str(tmp_path / "nothing.wav"))
    assert len(target.genmo.music) == 1
    bpy.ops.genmo.music_remove()
    assert not target.genmo.music


def test_a_muted_row_is_not_asked_for_and_the_sentences_still_name_the_right_row(tmp_path: Path) -> None:
    target = new_character()
    add_prompt(target, "a person jumps", 1, 41)
    add_prompt(target, "a person walks", 41, 81)
    add_prompt(target, "a person waves", 100, 90)
    target.genmo.prompts[0].mute = True
    made = request(target)
    assert [prompt.text for prompt in made.prompts] == ["a person walks", "a person waves"]
    assert made.prompts[0].start == 0, "a muted prompt does not lengthen the motion either"
    found = checks.issues(target, bpy.context.scene)[0]
    assert (found.track, found.index) == ("prompts", 2)
    song = add_row(target, "music", tmp_path / "gone.wav", 41, 81)
    assert "gone.wav" in " ".join(issue.message for issue in checks.issues(target, bpy.context.scene))
    song.mute = True
    assert not request(target).music


def test_a_reference_file_lasts_as_long_as_its_motion(tmp_path: Path) -> None:
    target = new_character(fps=60)
    file = tmp_path / "walk.npz"
    motion = walk()
    save_motion(motion, file)
    bpy.context.scene.frame_set(11)
    bpy.ops.genmo.reference_add(filepath=str(file))
    row = target.genmo.references[0]
    assert row.stop - row.start == motion.frames * 60 / motion.fps
    row.source_start, row.strength = 20, 0.25
    made = request(target).reference[0]
    assert (made.path, made.source_start) == (str(file), 10)
    assert made.strength == pytest.approx(0.25)


def test_the_present_animation_as_a_reference_is_kept_in_the_file() -> None:
    target = new_character(fps=24)
    bone = target.pose.bones["l_elbow"]
    for frame, angle in ((1, 0.0), (25, 0.8)):
        bone.rotation_quaternion = (math.cos(angle / 2), math.sin(angle / 2), 0.0, 0.0)
        bone.keyframe_insert("rotation_quaternion", frame=frame)
    bpy.context.scene.frame_set(7)
    bpy.ops.genmo.reference_from_action()
    assert bpy.context.scene.frame_current == 7
    row = target.genmo.references[0]
    assert (row.frames, row.fps, row.start, row.stop) == (25, 24.0, 7, 32)
    target.animation_data.action.name = "another"
    turn(target, "l_elbow", (1.0, 0.0, 0.0, 0.0))
    kept = load_motion(request(target).reference[0].path)
    angles = rotation.angle(kept.local_rotations[0, 18], kept.local_rotations[:, 18])
    assert angles[-1] == pytest.approx(0.8, abs=1e-3)
    assert angles[0] == pytest.approx(0.0, abs=1e-3)


def test_a_video_brings_what_is_known_of_its_camera(tmp_path: Path) -> None:
    target = new_character()
    row = add_row(target, "videos", tmp_path / "clip.npz", 1, 31)
    row.person, row.flip, row.source_start = 1, True, 0.5
    made = request(target).videos[0]
    assert (made.start, made.stop, made.camera) == (0, 30, None)
    assert (made.person, made.flip, made.source_start) == (1, True, 0.5)
    row.camera_source, row.focal_px, row.static = "FOCAL", 800.0, False
    camera = request(target).videos[0].camera
    assert (camera.focal_px, camera.static, camera.rotations) == (800.0, False, None)
    row.camera_source = "OBJECT"
    assert "choose the object" in checks.issues(target, bpy.context.scene)[0].message


@pytest.mark.parametrize("fit", ["AUTO", "HORIZONTAL", "VERTICAL"])
def test_a_camera_object_gives_lens_and_directions(tmp_path: Path, fit: str) -> None:
    """A point seen by Blender's camera falls on the pixel that the request's camera says."""
    from bpy_extras.object_utils import world_to_camera_view

    target = new_character()
    scene = bpy.context.scene
    scene.render.resolution_x, scene.render.resolution_y = 1080, 1920
    lens = bpy.data.cameras.new("Lens")
    lens.lens, lens.sensor_fit = 35.0, fit
    camera = bpy.data.objects.new("Camera", lens)
    scene.collection.objects.link(camera)
    camera.location, camera.rotation_euler = (1.0, -6.0, 1.5), (1.4, 0.1, 0.2)
    row = add_row(target, "videos", tmp_path / "clip.npz", 1, 31)
    row.camera_source, row.camera = "OBJECT", camera
    made = request(target).videos[0].camera
    assert made.level
    assert len(made.rotations) == 30
    point = np.array((0.3, 0.4, 1.2))
    seen = coordinates.model_from_blender(point - np.array(camera.location))
    x, y, z = rotation.rotate(rotation.conjugate(np.array(made.rotations[0])), seen)
    expected = world_to_camera_view(scene, camera, camera.location.__class__(point))
    assert 540 + made.focal_px * x / z == pytest.approx(1080 * expected.x, abs=0.01)
    assert 960 + made.focal_px * y / z == pytest.approx(1920 * (1.0 - expected.y), abs=0.01)


def test_a_camera_that_turns_is_read_at_every_frame(tmp_path: Path) -> None:
    target = new_character(fps=24)
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Lens"))
    bpy.context.scene.collection.objects.link(camera)
    for frame, angle in ((1, 0.0), (25, 0.6)):
        camera.rotation_euler = (math.pi / 2, 0.0, angle)
        camera.keyframe_insert("rotation_euler", frame=frame)
    row = add_row(target, "videos", tmp_path / "clip.npz", 1, 25)
    row.camera_source, row.camera = "OBJECT", camera
    bpy.context.scene.frame_set(9)
    turns = np.array(request(target).videos[0].camera.rotations)
    assert bpy.context.scene.frame_current == 9
    assert len(turns) == 30
    angles = rotation.angle(turns[0], turns)
    assert np.all(np.diff(angles) > 0.0)
    assert angles[15] == pytest.approx(0.3, abs=0.005)
