"""Videos looked at from file to keypoints, with stand-in networks: what is kept, what is told, what may be missing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from genmo.runtime.errors import CancelledError, RequestError
from genmo.runtime.films import films_from, frames_of
from genmo.runtime.people import footage, keypoint_tracks, store, tasks
from genmo.runtime.people.keypoint_tracks import keypoint_track
from genmo.runtime.progress import Progress
from genmo.runtime.request import Camera, MotionRequest, Video
from genmo.tests.runtime.clips import write_clip
from genmo.tests.runtime.figures import GREEN, RED, Squares, scene


@pytest.fixture(autouse=True)
def networks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[Squares]]:
    """The networks that were made, newest last; everything is kept in a folder of the test."""
    made: list[Squares] = []

    def make() -> Squares:
        made.append(Squares(RED, GREEN))
        return made[-1]

    monkeypatch.setattr(footage, "PoseNetworks", make)
    monkeypatch.setenv(store.FOLDER_VARIABLE, str(tmp_path / "kept"))
    yield made


def clip(folder: Path, count: int = 40, name: str = "a.mp4", **more: int) -> Path:
    """Red goes right, green stands and comes late."""
    pictures = [
        scene((RED, 40 + 2 * t, 60), *([(GREEN, 170, 40)] if t >= count // 2 else []), **more) for t in range(count)
    ]
    return write_clip(folder / name, pictures)


def test_a_second_look_costs_nothing_wherever_the_file_lies(tmp_path: Path, networks: list[Squares]) -> None:
    path = clip(tmp_path)
    first = footage.look_at(str(path))
    assert len(first.tracks) == 2
    looks = networks[0].looks
    assert looks > 40
    moved = path.rename(tmp_path / "other name.mp4")
    again = footage.look_at(str(moved))
    assert len(networks) == 1
    assert networks[0].looks == looks
    for one, other in zip(first.tracks, again.tracks, strict=True):
        np.testing.assert_array_equal(one.frames, other.frames)
        np.testing.assert_array_equal(one.points.astype(np.float32), other.points.astype(np.float32))
    clip(tmp_path, 41)
    footage.look_at(str(path))
    assert len(networks) == 2


def test_a_finished_phase_outlives_a_cancelled_one(tmp_path: Path, networks: list[Squares]) -> None:
    path = clip(tmp_path)
    phases: list[Progress] = []

    def stop_in(phase: str, step: int):
        return lambda: bool(phases) and phases[-1].phase == phase and phases[-1].step >= step

    with pytest.raises(CancelledError):
        footage.look_at(str(path), phases.append, stop_in(footage.FINDING, 5))
    assert networks[-1].searches <= 4
    phases.clear()
    with pytest.raises(CancelledError):
        footage.look_at(str(path), phases.append, stop_in(footage.FOLLOWING, 5))
    phases.clear()
    footage.look_at(str(path), phases.append)
    assert {each.phase for each in phases} == {footage.FOLLOWING}
    assert networks[-1].searches == 0
    assert [each.step for each in phases] == sorted(each.step for each in phases)
    assert phases[-1].step == phases[-1].total


def test_what_is_kept_may_be_damaged_or_missing(tmp_path: Path, networks: list[Squares]) -> None:
    path = clip(tmp_path, 12)
    footage.look_at(str(path))
    for file in store.cache_folder().iterdir():
        file.write_bytes(file.read_bytes()[:50])
    footage.look_at(str(path))
    assert len(networks) == 2


def test_a_folder_that_cannot_be_written_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv(store.FOLDER_VARIABLE, str(tmp_path / "file"))
    assert len(footage.look_at(str(clip(tmp_path, 12))).tracks) == 2


def test_only_the_latest_results_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MOST_BYTES", 3000)
    for key in "abcdef":
        store.save(key, "people", {"values": np.zeros(100)})
    assert len(list(store.cache_folder().iterdir())) <= 3
    assert store.load("f", "people") is not None
    assert store.load("a", "people") is None


@pytest.mark.parametrize(("width", "height"), [(200, 120), (120, 200)])
def test_keypoints_lie_where_the_person_is(width: int, height: int, tmp_path: Path) -> None:
    path = clip(tmp_path, 30, width=width, height=height)
    track = keypoint_tracks.read_track(str(path), 0, 30.0, lambda _: None, lambda: False)
    assert len(track.points) == 30
    np.testing.assert_allclose(track.image_size, [width, height])
    assert track.focal_px == pytest.approx(np.hypot(width, height))
    middles = track.points[:, 11:13, 0].mean(axis=1)
    inside = 40 + 2 * np.arange(30) < width - 12
    np.testing.assert_allclose(middles[inside], (40 + 2 * np.arange(30))[inside], atol=1.5)
    assert (track.points[inside][:, :, 2] > 0.5).all()


def test_a_person_is_there_only_while_seen(tmp_path: Path) -> None:
    track = keypoint_tracks.read_track(str(clip(tmp_path)), 1, 30.0, lambda _: None, lambda: False)
    np.testing.assert_array_equal(track.points[:, 0, 2] > 0.5, np.arange(40) >= 20)


def test_a_request_follows_a_video(tmp_path: Path) -> None:
    path = str(clip(tmp_path))
    assert frames_of(path, 30.0) == 40
    told: list[Progress] = []
    (film,) = films_from(MotionRequest(30, videos=(Video(path, 5, 25, 0.5),)), 30.0, told.append)
    assert (film.start, film.stop, film.stands) == (5, 25, True)
    np.testing.assert_allclose(film.points[:, 11:13, 0].mean(axis=1), 40 + 2 * (np.arange(20) + 15), atol=1.5)
    assert {each.phase for each in told} == {footage.FINDING, footage.FOLLOWING}
    known = Video(path, 0, 30, camera=Camera(500.0))
    assert films_from(MotionRequest(30, videos=(known,)), 30.0)[0].focal_px == 500.0


def test_a_cut_ends_a_film_and_begins_another(tmp_path: Path) -> None:
    def bright(index: int) -> np.ndarray:
        picture = scene((GREEN, 100, 60)).astype(int)
        figure = (np.abs(picture - GREEN) < 5).all(axis=2, keepdims=True)
        return np.where(figure, picture, 250 - picture // 2 + index % 2).astype(np.uint8)

    pictures = [scene((GREEN, 60 + t, 60)) for t in range(20)] + [bright(t) for t in range(20)]
    path = write_clip(tmp_path / "cut.mp4", pictures)
    looked = footage.look_at(str(path))
    assert looked.cuts == (20,)
    tracks = [keypoint_track(looked, number, 30.0) for number in range(len(looked.tracks))]
    assert tracks[0].cuts == (20,)
    films = films_from(MotionRequest(40, videos=(Video(str(path), 0, 40),)), 30.0)
    assert [(film.start, film.stop) for film in films] == [(0, 20), (20, 40)]
    late = films_from(MotionRequest(30, videos=(Video(str(path), 0, 30, 0.5),)), 30.0)
    assert [(film.start, film.stop) for film in late] == [(0, 5), (5, 25)]


def test_nobody_and_people_who_are_not_there_are_told_in_a_sentence(tmp_path: Path) -> None:
    empty = write_clip(tmp_path / "empty.mp4", [scene() for _ in range(10)])
    assert footage.look_at(str(empty)).tracks == ()
    with pytest.raises(RequestError, match=r"videos\[0\]: .*nobody was found in it"):
        films_from(MotionRequest(10, videos=(Video(str(empty), 0, 10),)), 30.0)
    with pytest.raises(RequestError, match="2 people, numbers 0 to 1, there is no person 2"):
        films_from(MotionRequest(10, videos=(Video(str(clip(tmp_path)), 0, 10, person=2),)), 30.0)


def test_one_picture_and_a_huge_one(tmp_path: Path) -> None:
    one = write_clip(tmp_path / "one.mp4", [scene((RED, 60, 60))])
    track = keypoint_tracks.read_track(str(one), 0, 30.0, lambda _: None, lambda: False)
    assert len(track.points) == 1
    assert (track.points[0, :, 2] > 0.5).all()
    large = np.repeat(np.repeat(scene((RED, 60, 60), width=128, height=72), 30, axis=0), 30, axis=1)
    path = write_clip(tmp_path / "large.mp4", [large] * 2)
    found = footage.look_at(str(path))
    assert (found.info.width, found.info.height) == (3840, 2160)


def test_the_tasks_tell_blender_what_it_needs(tmp_path: Path) -> None:
    path = str(clip(tmp_path))
    found = tasks.detect({"path": path}, lambda _: None, lambda: False)
    assert (found.value["width"], found.value["height"], found.value["still"]) == (200, 120, True)
    red, green = found.value["people"]
    assert (red["start"], round(red["stop"], 2), round(green["start"], 2)) == (0.0, 1.33, 0.67)
    assert found.arrays["thumbnails"].shape == (2, 128, 128, 3)
    middle = found.arrays["thumbnails"][0, 60:68, 60:68].reshape(-1, 3).mean(axis=0)
    assert middle[0] > 120 > middle[1]
    assert found.arrays["keypoints_1"].shape == (len(found.arrays["times_1"]), 17, 3)
    nobody = write_clip(tmp_path / "n.mp4", [scene()] * 4)
    assert tasks.detect({"path": str(nobody)}, lambda _: None, lambda: False).value["people"] == []


def test_corrected_keypoints_are_a_file_that_a_request_can_name(tmp_path: Path, networks: list[Squares]) -> None:
    edits = {"masks": [{"person": 0, "start": 0.0, "stop": 0.5}]}
    asked = {"path": str(clip(tmp_path)), "edits": edits, "focal_px": 444.0}
    told = tasks.keypoints(asked, lambda _: None, lambda: False).value
    looks = networks[0].looks
    (film,) = films_from(MotionRequest(40, videos=(Video(told["path"], 0, 40),)), 30.0)
    np.testing.assert_array_equal(film.visible.any(axis=1), np.arange(40) >= 15)
    assert film.focal_px == 444.0
    tasks.keypoints({**asked, "edits": {}}, lambda _: None, lambda: False)
    assert networks[0].looks == looks
    assert len(networks) == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({}, "path: must be text"),
        ({"path": ""}, "Choose a video first"),
        ({"path": "absent.mp4"}, "is missing"),
        ({"path": "absent.mp4", "series_fps": -1}, "series_fps: must be from"),
    ],
)
def test_tasks_refuse_what_makes_no_sense(arguments: dict[str, object], sentence: str) -> None:
    with pytest.raises(RequestError, match=sentence):
        tasks.detect(arguments, lambda _: None, lambda: False)
