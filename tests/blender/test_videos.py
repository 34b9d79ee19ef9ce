"""The Video panel's operators: which file, which person, corrections, and several people in one space."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest

from genmo.genmo_blender import checks, collect, corrections, keypoint_overlay, people, tasks, videos
from genmo.genmo_blender.together import Together
from genmo.runtime.keypoint_file import load_keypoints
from genmo.runtime.keypoints import KEYPOINTS
from genmo.runtime.tasks import TaskResult
from genmo.tests.blender.characters import new_character
from genmo.tests.blender.filmed import write_grey
from genmo.tests.runtime.filming import behind, cameras_at, write_film
from genmo.tests.runtime.walking import walk

SIZE = (64, 48)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """A grey video of one second."""
    return write_grey(tmp_path / "grey film.y4m")


@pytest.fixture(autouse=True)
def nobody_known() -> None:
    people.forget()


class Looker:
    """Stands in for the worker: two people, who stand side by side on other parts of the video."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []

    def start(self, name: str, arguments: Any, on_result: Any, **_how: Any) -> None:
        self.asked.append((name, arguments))
        if name == "video.keypoints":
            on_result(TaskResult({"path": str(Path(arguments["path"]).with_suffix(".npz"))}, {}))
            return
        told = {"width": SIZE[0], "height": SIZE[1], "fps": 24.0, "focal_px": None, "still": True, "cuts": []}
        spans = ((0.0, 1.0), (0.5, 1.0))
        told["people"] = [{"start": a, "stop": b, "seen": b - a, "confidence": 0.8} for a, b in spans]
        arrays: dict[str, Any] = {"thumbnails": np.full((2, 128, 128, 3), 200, np.uint8)}
        for number, (start, stop) in enumerate(spans):
            times = np.arange(round(start * 24), round(stop * 24)) / 24.0
            points = np.zeros((len(times), 17, 3))
            points[...] = [16.0 + 32.0 * number, 12.0, 0.9]
            points[:, KEYPOINTS.index("l_wrist"), 2] = 0.1
            arrays[f"times_{number}"], arrays[f"keypoints_{number}"] = times, points
        on_result(TaskResult(told, arrays))


@pytest.fixture
def looker(monkeypatch: pytest.MonkeyPatch) -> Looker:
    stand_in = Looker()
    monkeypatch.setattr(people.tasks, "start", stand_in.start)
    return stand_in


def add_video(target: Any, film: Path, *, fps: int = 24) -> Any:
    row = target.genmo.videos.add()
    row.name, row.path, row.start, row.stop = film.stem, str(film), 1, 1 + fps
    return row


def test_a_video_lasts_as_long_as_its_file(film: Path, tmp_path: Path) -> None:
    target = new_character(fps=60)
    bpy.context.scene.frame_set(11)
    bpy.ops.genmo.video_add(filepath=str(film))
    row = target.genmo.videos[0]
    assert (row.name, row.start, row.stop, row.camera_source) == ("grey film", 11, 71, "UNKNOWN")
    assert collect.request_from(target, bpy.context.scene).videos[0].path == str(film)
    with pytest.raises(RuntimeError, match="There is no file"):
        bpy.ops.genmo.video_add(filepath=str(tmp_path / "none.mp4"))
    (tmp_path / "notes.mp4").write_text("not a video")
    with pytest.raises(RuntimeError, match=r"notes\.mp4"):
        bpy.ops.genmo.video_add(filepath=str(tmp_path / "notes.mp4"))
    assert len(target.genmo.videos) == 1, "what cannot be read is not added"
    bpy.ops.genmo.video_remove()
    assert not target.genmo.videos


def test_a_movie_clip_lies_where_its_editor_shows_it(film: Path) -> None:
    target = new_character(fps=24)
    clip = bpy.data.movieclips.load(str(film))
    clip.frame_start = 30
    bpy.ops.genmo.video_from_clip(clip=clip.name)
    row = target.genmo.videos[0]
    assert (row.clip, row.start, row.stop, row.camera_source) == (clip, 30, 54, "UNKNOWN")
    with pytest.raises(RuntimeError, match="no such movie clip"):
        bpy.ops.genmo.video_from_clip(clip="none")


def test_a_strip_of_the_sequencer_is_used_as_it_is_cut(film: Path) -> None:
    target = new_character(fps=24)
    with pytest.raises(RuntimeError, match="Select a movie strip"):
        bpy.ops.genmo.video_from_strip()
    editor = bpy.context.scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    strip = strips.new_movie("Shot", str(film), 1, 41)
    names = ("left_handle_offset", "right_handle_offset")
    names = names if hasattr(strip, names[0]) else ("frame_offset_start", "frame_offset_end")
    for name, frames in zip(names, (6, 4), strict=True):
        setattr(strip, name, frames)
    editor.active_strip = strip
    bpy.ops.genmo.video_from_strip()
    row = target.genmo.videos[0]
    assert (row.name, row.start, row.stop) == ("Shot", 47, 61)
    assert row.source_start == pytest.approx(0.25)


def test_nobody_in_a_grey_film_and_a_sentence_for_a_broken_one(film: Path, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("GENMO_CACHE", str(tmp_path / "kept"))
    target = new_character()
    row = add_video(target, film)
    bpy.ops.genmo.people_find()
    found = people.of(row)
    assert (found.width, found.height, found.fps, found.people) == (64, 48, 24.0, ())
    row.path = str(tmp_path / "gone.mp4")
    with pytest.raises(RuntimeError, match=r"gone\.mp4"):
        bpy.ops.genmo.people_find()
    assert "gone.mp4" in people.message(row)
    assert bpy.ops.genmo.people_cancel() == {"CANCELLED"}, "nothing is running any more"
    row.path = str(tmp_path / "someone.npz")
    with pytest.raises(RuntimeError, match="one person"):
        bpy.ops.genmo.people_find()


def test_the_people_who_were_found_can_be_chosen(film: Path, looker: Looker) -> None:
    target = new_character()
    row = add_video(target, film)
    bpy.ops.genmo.people_find()
    assert looker.asked == [("video.detect", {"path": str(film), "edits": {}})]
    first, second = people.of(row).people
    assert (first.start, first.stop, second.start) == (0.0, 1.0, 0.5)
    bpy.ops.genmo.person_choose(person=1)
    assert collect.request_from(target, bpy.context.scene).videos[0].person == 1


def test_a_mask_is_kept_in_seconds_and_its_keypoints_are_what_is_followed(film: Path, looker: Looker) -> None:
    target = new_character(fps=24)
    row = add_video(target, film)
    row.source_start, row.person = 0.5, 1
    row.edits = json.dumps({"masks": [{"person": 1, "start": 0.0, "stop": 0.1}]})
    assert "press Find People" in checks.issues(target, bpy.context.scene)[0].message
    row.edits = ""
    bpy.ops.genmo.video_mask(start=7, stop=10, joints="l_wrist, r_wrist")
    mask = json.loads(row.edits)["masks"][0]
    assert (mask["person"], mask["joints"]) == (1, ["l_wrist", "r_wrist"])
    assert (mask["start"], mask["stop"]) == (pytest.approx(0.5 + 5.5 / 24), pytest.approx(0.5 + 8.5 / 24))
    assert looker.asked[-1][0] == "video.keypoints"
    assert looker.asked[-1][1]["edits"] == json.loads(row.edits)
    film.with_suffix(".npz").write_bytes(b"")
    assert corrections.source_of(row) == (str(film.with_suffix(".npz")), 0)
    row.person = 0
    with pytest.raises(videos.UserError, match="Find People"):
        corrections.source_of(row)
    row.person = 1
    with pytest.raises(RuntimeError, match="frames 1 to 24"):
        bpy.ops.genmo.video_mask(start=100, stop=110)
    bpy.ops.genmo.video_masks_clear()
    assert row.edits == ""
    assert corrections.source_of(row) == (str(film), 1)


def test_the_clip_editor_shows_the_keypoints_of_the_picture_it_shows(film: Path, looker: Looker) -> None:
    target = new_character(fps=24)
    row = add_video(target, film)
    bpy.ops.genmo.people_find()
    clip = bpy.data.movieclips.load(str(film))
    clip.frame_start = 11
    assert keypoint_overlay.video_of(target, clip) == row
    scene = bpy.context.scene
    scene.frame_set(17)
    assert keypoint_overlay.seconds_shown(clip, scene) == pytest.approx(0.25)
    ends, colours = keypoint_overlay.bones_shown(row, 0.25)
    assert len(ends) == 15, "16 bones, one of which ends at a wrist that was not seen"
    np.testing.assert_allclose(ends, np.broadcast_to([0.25, 0.75], ends.shape))
    assert set(colours[:, 3]) == {1.0}
    both, colours = keypoint_overlay.bones_shown(row, 0.75)
    assert len(both) == 30
    assert sorted(set(colours[:, 3].round(2))) == [0.35, 1.0]
    assert len(keypoint_overlay.bones_shown(row, 7.0)[0]) == 0
    row.path = "another.mp4"
    assert keypoint_overlay.video_of(target, clip) is None


def test_everybody_gets_a_character_of_their_own(film: Path, looker: Looker) -> None:
    target = new_character(fps=24)
    row = add_video(target, film)
    with pytest.raises(videos.UserError, match="Find People"):
        Together(bpy.context, target)
    bpy.ops.genmo.people_find()
    row.stop = 8
    with pytest.raises(videos.UserError, match="nobody else"):
        Together(bpy.context, target)
    row.stop = 25
    masks = [{"person": person, "start": 0.6, "stop": 0.7} for person in (0, 1)]
    row.edits = json.dumps({"masks": masks})
    made = Together(bpy.context, target)
    assert looker.asked[-1][1]["edits"] == {"masks": masks[1:]}, "everybody keeps their own corrections"
    assert bpy.context.object == target
    other = bpy.data.objects[made.names[1]]
    assert (other.genmo.videos[0].person, other.genmo.videos[0].path) == (1, str(film))
    assert made.target == target
    assert not made.advance(), "nothing was made: the user has cancelled"
    assert not tasks.running()


def test_a_keypoint_file_is_a_video_too(tmp_path: Path) -> None:
    target = new_character(fps=30)
    motion = walk()
    path = write_film(tmp_path / "walk.npz", motion, np.tile(cameras_at(0.1), (motion.frames, 1, 1)), behind(motion))
    bpy.ops.genmo.video_add(filepath=str(path))
    row = target.genmo.videos[0]
    assert row.stop - row.start == len(load_keypoints(path).points)
