"""Blender's own camera tracking: the turning that its solver finds is what the request says of the camera."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest

from genmo.genmo_blender import collect
from genmo.runtime import rotation
from genmo.tests.blender.characters import new_character
from genmo.tests.blender.filmed import write_grey

SIZE = (640, 480)
FRAMES = 60
FOCAL = 700.0


def camera_at(time: float) -> tuple[np.ndarray, np.ndarray]:
    """Camera to world (3, 3), x right, y down, z forward, and place (3,) at a time 0..1: it pans, tilts and goes."""
    tilt = rotation.from_axis_angle([0.15 * np.sin(4.0 * time), 0.0, 0.0])
    pan = rotation.from_axis_angle([0.0, 0.4 * time, 0.0])
    return rotation.to_matrix(rotation.multiply(pan, tilt)), np.array([-2.0, 0.3, 0.2]) * time


def solved_clip(path: Path) -> Any:
    """A clip with marks on thirty points of a scene, solved by Blender."""
    write_grey(path, fps=30, pictures=FRAMES, size=SIZE)
    clip: Any = bpy.data.movieclips.load(str(path))
    clip.tracking.camera.sensor_width = 36.0
    clip.tracking.camera.focal_length = 36.0 * FOCAL / SIZE[0]
    for number, point in enumerate(np.random.default_rng(0).uniform([-3.0, -2.0, 4.0], [3.0, 2.0, 9.0], (30, 3))):
        track = clip.tracking.tracks.new(name=f"Point {number}", frame=1)
        for frame in range(FRAMES):
            turn, place = camera_at(frame / (FRAMES - 1))
            x, y, z = turn.T @ (point - place)
            mark = (FOCAL * x / z / SIZE[0] + 0.5, 0.5 - FOCAL * y / z / SIZE[1])
            if z > 0.5 and min(mark) > 0.0 and max(mark) < 1.0:
                track.markers.insert_frame(frame + 1, co=mark)
    solved = clip.tracking.objects[0]
    solved.keyframe_a, solved.keyframe_b = 1, 40
    window = bpy.context.window_manager.windows[0]
    area = window.screen.areas[0]
    kind, area.type = area.type, "CLIP_EDITOR"
    area.spaces.active.clip = clip
    region = next(each for each in area.regions if each.type == "WINDOW")
    with bpy.context.temp_override(window=window, area=area, region=region, edit_movieclip=clip):
        assert bpy.ops.clip.solve_camera() == {"FINISHED"}
    area.type = kind
    return clip


def test_a_solved_clip_gives_focal_length_and_turning(tmp_path: Path) -> None:
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    target = new_character(fps=30)
    clip = solved_clip(tmp_path / "clip.y4m")
    clip.frame_start = 21
    assert bpy.ops.genmo.video_from_clip(clip=clip.name) == {"FINISHED"}
    row = target.genmo.videos[0]
    assert (row.camera_source, row.clip, row.start, row.stop) == ("CLIP", clip, 21, 81)
    row.start, row.stop, row.source_start = 31, 61, 10 / 30
    camera = collect.request_from(target, bpy.context.scene).videos[0].camera
    assert camera.focal_px == pytest.approx(FOCAL, rel=1e-3)
    turns = rotation.to_matrix(np.array(camera.rotations))
    true = np.array([camera_at(frame / (FRAMES - 1))[0] for frame in range(10, 40)])
    assert len(turns) == len(true)
    found, wanted = (np.einsum("ji,njk->nik", each[0], each) for each in (turns, true))
    missed = np.degrees(rotation.angle(rotation.from_matrix(found), rotation.from_matrix(wanted)))
    assert missed.max() < 0.2, "a frame too early or late would be 0.5 degrees"
