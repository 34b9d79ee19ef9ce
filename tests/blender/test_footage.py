"""The camera of a filmed take: Blender's camera sees the rig where the video shows the person."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest
from bpy_extras.object_utils import world_to_camera_view

from genmo.genmo_blender import footage, takes
from genmo.genmo_blender.collect import Collected
from genmo.genmo_blender.core.packing_film import pack_film, unpack_film
from genmo.genmo_blender.core.timeline import Timeline
from genmo.runtime import rotation
from genmo.runtime.errors import MotionError
from genmo.runtime.motion import Motion
from genmo.runtime.request import MotionRequest, Video
from genmo.tests.blender.characters import new_character
from genmo.tests.blender.filmed import filmed, write_grey
from genmo.tests.runtime.filming import SIZE
from genmo.tests.runtime.walking import walk

LIMBS = ("l_shoulder", "r_shoulder", "l_elbow", "r_elbow", "l_wrist", "r_wrist", "l_hip", "r_hip", "l_knee", "r_knee",
         "l_ankle", "r_ankle")  # fmt: skip


def apply(target: Any, motion: Motion, *, start: int = 1) -> Any:
    """Keep a motion as a take and put it onto the character, without changing feet."""
    scene = bpy.context.scene
    scene.genmo.cleanup = False
    clock = Timeline(scene.render.fps, start)
    row = takes.keep(target, motion, Collected(motion.request, clock, ()), 0)
    takes.apply(target, scene, row)
    return row


def miss(target: Any, motion: Motion, frames: range, start: int = 1) -> float:
    """Largest distance in pixels between the bones in Blender's camera and the keypoints of the video."""
    scene, worst = bpy.context.scene, 0.0
    for frame in frames:
        scene.frame_set(frame)
        at = round((frame - start) * motion.fps / scene.render.fps)
        for index, name in enumerate(LIMBS, start=5):
            place = target.matrix_world @ target.pose.bones[name].head
            seen = world_to_camera_view(scene, scene.camera, place)
            pixel = np.array([seen.x * scene.render.resolution_x, (1.0 - seen.y) * scene.render.resolution_y])
            worst = max(worst, float(np.linalg.norm(pixel - motion.keypoints_2d[at, index, :2])))
    return worst


@pytest.mark.parametrize(("turning", "fps"), [(0.0, 30), (0.3, 60)])
def test_the_character_covers_the_person(tmp_path: Path, turning: float, fps: int) -> None:
    target = new_character(fps=fps)
    target.location, target.rotation_euler, target.scale = (1.0, -2.0, 0.5), (0.0, 0.0, 0.7), (2.0, 2.0, 2.0)
    bpy.context.view_layer.update()
    motion = filmed(tmp_path / "film.npz", turning=turning)
    apply(target, motion)
    assert bpy.ops.genmo.footage_camera() == {"FINISHED"}
    scene = bpy.context.scene
    assert (scene.render.resolution_x, scene.render.resolution_y) == SIZE
    assert (scene.camera.animation_data is not None) == (turning != 0.0), "a camera that stands has no keys"
    last = 1 + (motion.frames - 1) * fps // 30
    box = np.ptp(motion.keypoints_2d[..., :2], axis=1).max(axis=1).min()
    assert miss(target, motion, range(1, last + 1, 4 * fps // 30)) < 0.01 * box


def test_a_take_that_was_not_filmed_says_so(tmp_path: Path) -> None:
    target = new_character()
    with pytest.raises(RuntimeError, match="no take yet"):
        bpy.ops.genmo.footage_camera()
    apply(target, replace(walk(), request=MotionRequest(walk().frames)))
    with pytest.raises(RuntimeError, match="not made from a video"):
        bpy.ops.genmo.footage_camera()
    apply(target, filmed(tmp_path / "film.npz"))
    (tmp_path / "film.npz").unlink()
    cameras = len(bpy.data.cameras)
    with pytest.raises(RuntimeError, match=r"film\.npz"):
        bpy.ops.genmo.footage_camera()
    assert len(bpy.data.cameras) == cameras


@pytest.mark.parametrize(("scene_fps", "fps", "skipped"), [(24, 24.0, 0.5), (24, 30.0, 0.0), (60, 5.0, 1.0)])
def test_the_pictures_behind_keep_the_time_of_the_video(
    tmp_path: Path, scene_fps: int, fps: float, skipped: float
) -> None:
    """What Blender shows: picture (frame - start + offset) of the movie, counted from 0."""
    target = new_character(fps=scene_fps)
    film = write_grey(tmp_path / "film.y4m", fps=round(fps), pictures=90)
    motion = filmed(tmp_path / "film.npz")
    video = Video(str(film), 0, motion.frames, source_start=skipped, flip=True)
    apply(target, replace(motion, request=replace(motion.request, videos=(video,))), start=11)
    bpy.ops.genmo.footage_camera()
    scene = bpy.context.scene
    for frame in (11, 12, 13, 20, 31):
        scene.frame_set(frame)
        lens = scene.camera.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
        back = lens.background_images[0]
        assert back.use_flip_x
        shown = frame - back.image_user.frame_start + back.image_user.frame_offset
        assert abs(shown / fps - (skipped + (frame - 11) / scene_fps)) <= 0.5 / fps + 1e-6


def test_a_series_of_pictures_is_shown_by_its_numbers(tmp_path: Path) -> None:
    target = new_character(fps=30)
    picture = bpy.data.images.new("Picture", 64, 48)
    for number in range(7, 12):
        picture.save(filepath=str(tmp_path / f"shot_{number:04}.png"))
    motion = filmed(tmp_path / "film.npz")
    video = Video(str(tmp_path / "shot_0009.png"), 0, motion.frames)
    apply(target, replace(motion, request=replace(motion.request, videos=(video,))), start=11)
    bpy.ops.genmo.footage_camera()
    user = bpy.context.scene.camera.data.background_images[0].image_user
    assert bpy.context.scene.camera.data.background_images[0].image.source == "SEQUENCE"
    assert (user.frame_start, 13 - user.frame_start + 1 + user.frame_offset) == (11, 9), "the third picture is number 9"


def test_two_takes_of_one_camera_share_a_space(tmp_path: Path) -> None:
    """The same person twice: after aligning, the second character stands where the first one does."""
    first = new_character()
    motion = filmed(tmp_path / "film.npz", turning=0.2)
    apply(first, motion)
    bpy.ops.genmo.footage_camera()
    scene = bpy.context.scene
    bpy.ops.genmo.character_add()
    second = bpy.context.object
    turn, shift = rotation.about_y(0.6), np.array([1.0, 0.3, -2.0])
    elsewhere = replace(
        motion,
        root_positions=rotation.rotate(turn, motion.root_positions) + shift,
        local_rotations=np.concatenate(
            [rotation.multiply(turn, motion.local_rotations[:, :1]), motion.local_rotations[:, 1:]], axis=1
        ),
        camera_rotations=rotation.multiply(turn, motion.camera_rotations),
        camera_positions=rotation.rotate(turn, motion.camera_positions) + shift,
    )
    take = apply(second, elsewhere)
    footage.align(second, scene, take, scene.camera)
    bpy.context.view_layer.update()
    for frame in (1, 20, 40):
        scene.frame_set(frame)
        for bone in ("pelvis", "l_wrist", "r_foot"):
            places = [item.matrix_world @ item.pose.bones[bone].head for item in (first, second)]
            assert (places[0] - places[1]).length < 0.01


def test_camera_and_keypoints_of_a_take_survive_the_file(tmp_path: Path) -> None:
    motion = filmed(tmp_path / "film.npz", turning=0.3)
    text = pack_film(motion)
    read: Any = unpack_film(text, motion.frames)
    assert read["focal_px"] == motion.focal_px
    assert rotation.angle(read["camera_rotations"], motion.camera_rotations).max() < 1e-6
    assert np.abs(read["camera_positions"] - motion.camera_positions).max() < 1e-6
    assert np.abs(read["keypoints_2d"] - motion.keypoints_2d).max() < 0.0626
    assert pack_film(walk()) == ""
    assert unpack_film("", 10) == {}
    for damaged in (text[:-9], "###", pack_film(replace(motion, request=None))[: len(text) // 2]):
        with pytest.raises(MotionError, match="damaged"):
            unpack_film(damaged, motion.frames)
