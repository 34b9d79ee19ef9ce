"""Keypoint files become films on the frames of a request: by time, mirrored, cut, with the right cameras."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from genmo.runtime import keypoints, rotation
from genmo.runtime.errors import RequestError
from genmo.runtime.films import UPRIGHT, filmed_mask, films_from, frames_of
from genmo.runtime.keypoint_file import KeypointTrack, load_keypoints, save_keypoints
from genmo.runtime.motion import Motion, mirrored
from genmo.runtime.request import Camera, MotionRequest, Video
from genmo.tests.runtime.filming import FOCAL, behind, cameras_at, pictures, to_world, write_film
from genmo.tests.runtime.walking import swaying

SIZE = np.array([640.0, 480.0])


def track(frames: int = 20, fps: float = 30.0, **more: object) -> KeypointTrack:
    """Keypoints that move steadily: 2 pixels a second per keypoint's number."""
    points = np.full((frames, 17, 3), 0.9)
    points[..., 0] = 100.0 + 2.0 * np.arange(frames)[:, None] / fps * np.arange(17)
    points[..., 1] = 200.0
    return KeypointTrack(fps, points, SIZE, **more)  # type: ignore[arg-type]


def films(path: Path, frames: int = 20, **video: object):
    start, stop = video.pop("start", 0), video.pop("stop", frames)
    return films_from(MotionRequest(frames, videos=(Video(str(path), start, stop, **video),)), 30.0)  # type: ignore[arg-type]


def written(path: Path, value: KeypointTrack) -> Path:
    save_keypoints(value, path)
    return path


def test_a_file_comes_back_as_it_was(tmp_path: Path) -> None:
    rotations = rotation.normalize(np.random.default_rng(0).standard_normal((20, 4)))
    stored = track(focal_px=900.0, camera_rotations=rotations)
    found = load_keypoints(written(tmp_path / "k.npz", stored))
    assert (found.fps, found.focal_px) == (30.0, 900.0)
    np.testing.assert_array_equal(found.points, stored.points)
    np.testing.assert_array_equal(found.image_size, SIZE)
    assert found.camera_rotations is not None
    np.testing.assert_allclose(found.camera_rotations, rotations, atol=1e-12)


def test_slopes_come_from_the_focal_length_of_the_request_then_of_the_file_then_of_the_picture(tmp_path: Path) -> None:
    plain, told = written(tmp_path / "a.npz", track()), written(tmp_path / "b.npz", track(focal_px=900.0))
    assert films(plain)[0].focal_px == pytest.approx(800.0)  # the diagonal of 640 x 480
    assert films(told)[0].focal_px == 900.0
    (film,) = films(told, camera=Camera(focal_px=400.0))
    assert film.focal_px == 400.0
    np.testing.assert_allclose(film.slopes[0, 0], [(100.0 - 320.0) / 400.0, (200.0 - 240.0) / 400.0])
    assert film.visible.all()


@pytest.mark.parametrize("fps", [12.5, 24.0, 30.0, 50.0, 120.0])
def test_time_decides_which_frame_is_taken(tmp_path: Path, fps: float) -> None:
    path = written(tmp_path / "k.npz", track(frames=int(2 * fps), fps=fps))
    (film,) = films(path, 60, start=10, stop=40, source_start=0.5)
    assert (film.start, film.stop) == (10, 40)
    seconds = 0.5 + np.arange(30) / 30.0
    np.testing.assert_allclose(film.points[:, 16, 0], 100.0 + 32.0 * seconds, atol=1e-9)
    assert frames_of(str(path), 30.0) == int(int(2 * fps) / fps * 30.0 + 1e-6)


def test_a_range_that_begins_before_the_motion_loses_its_first_frames(tmp_path: Path) -> None:
    path = written(tmp_path / "k.npz", track())
    whole, cut = films(path)[0], films(path, 20, start=-5, stop=15)[0]
    assert (cut.start, cut.stop) == (0, 15)
    np.testing.assert_allclose(cut.points, whole.points[5:20], atol=1e-9)
    assert films(path, 20, start=20, stop=30) == ()


def test_a_film_ends_with_its_file(tmp_path: Path) -> None:
    path = written(tmp_path / "k.npz", track(frames=12))
    (film,) = films(path, 40, start=5)
    assert (film.start, film.stop) == (5, 17)
    np.testing.assert_array_equal(np.flatnonzero(filmed_mask([film], 40)), np.arange(5, 17))
    with pytest.raises(RequestError, match=r"videos\[0\].*ends before the range begins"):
        films(path, source_start=3.0)


def test_hidden_points_are_not_mixed_with_seen_ones(tmp_path: Path) -> None:
    value = track(frames=10, fps=15.0)
    value.points[4, 3] = [0.0, 0.0, 0.1]
    value.points[5, 6, 0] = np.nan
    (film,) = films(written(tmp_path / "k.npz", value))
    assert not film.visible[8, 3]
    # Half way between a seen frame and a hidden one the seen one is taken as it is.
    assert film.visible[9, 3]
    assert film.points[9, 3, 0] == pytest.approx(100.0 + 2.0 * 5 / 15.0 * 3)
    assert not film.visible[10, 6]
    assert np.isfinite(film.slopes).all()
    assert (film.weights[~film.visible] == 0.0).all()


def test_a_mirrored_picture_shows_the_mirrored_motion(tmp_path: Path) -> None:
    """Filming the mirror image with the mirrored camera is filming the motion and flipping the picture."""
    frames = 20
    root, local = swaying(frames, seed=1)
    motion = Motion(30.0, root, local, np.zeros((frames, 6)))
    cameras, places = cameras_at(0.1, 0.05, np.linspace(0.0, 0.4, frames)), behind(motion)
    path = write_film(tmp_path / "k.npz", motion, cameras, places, rotations=True)
    (film,) = films(path, flip=True, camera=Camera(level=True))
    mirror = np.diag([-1.0, 1.0, 1.0])
    np.testing.assert_allclose(film.cameras, mirror @ cameras @ mirror, atol=1e-9)
    expected = pictures(mirrored(motion), film.cameras, places @ mirror)
    # The face of the skeleton is symmetric, so every keypoint has its mirror image.
    np.testing.assert_allclose(film.points, expected, atol=1e-6)


def test_cameras_of_the_request_or_of_the_file(tmp_path: Path) -> None:
    turns = np.linspace(0.0, 1.0, 20)
    cameras = cameras_at(0.2, 0.1, turns)
    path = written(tmp_path / "k.npz", track(camera_rotations=to_world(cameras)))
    (level,) = films(path, camera=Camera(level=True))
    assert level.level
    np.testing.assert_allclose(level.cameras, cameras, atol=1e-9)
    given = tuple(map(tuple, to_world(cameras_at(0.0, 0.0, -turns))))
    (other,) = films(path, camera=Camera(rotations=given, level=True))  # type: ignore[arg-type]
    np.testing.assert_allclose(other.cameras, cameras_at(0.0, 0.0, -turns), atol=1e-9)


def test_a_camera_in_any_world_is_turned_until_its_first_frame_is_upright(tmp_path: Path) -> None:
    cameras = cameras_at(0.2, 0.1, np.linspace(0.0, 1.0, 20))
    world = rotation.to_matrix(rotation.normalize([0.3, -0.5, 0.6, 0.2]))
    found = []
    for name, seen in (("a.npz", cameras), ("b.npz", cameras @ world)):
        path = written(tmp_path / name, track(camera_rotations=to_world(seen)))
        (film,) = films(path)
        assert not film.level
        np.testing.assert_allclose(film.cameras[0], UPRIGHT, atol=1e-9)
        found.append(film.cameras)
    np.testing.assert_allclose(found[0], found[1], atol=1e-9)
    turn = keypoints.turning_speed(cameras, 30.0)
    np.testing.assert_allclose(keypoints.turning_speed(found[0], 30.0), turn, atol=1e-9)


def test_who_says_whether_a_camera_stands(tmp_path: Path) -> None:
    still = written(tmp_path / "a.npz", track(camera_rotations=to_world(np.tile(cameras_at(0.2), (20, 1, 1)))))
    turning = written(tmp_path / "b.npz", track(camera_rotations=to_world(cameras_at(0, 0, np.linspace(0, 1, 20)))))
    plain = written(tmp_path / "c.npz", track())
    assert [films(path)[0].stands for path in (still, turning, plain)] == [True, False, True]
    for path in (still, turning, plain):
        assert films(path, camera=Camera(static=True))[0].stands
        assert not films(path, camera=Camera(static=False))[0].stands


def test_the_later_of_two_videos_is_followed(tmp_path: Path) -> None:
    paths = [str(written(tmp_path / f"{name}.npz", track(40, focal_px=float(name)))) for name in (100, 200)]
    request = MotionRequest(40, videos=(Video(paths[0], 0, 40), Video(paths[1], 10, 20)))
    found = films_from(request, 30.0)
    assert [(film.start, film.stop, film.focal_px) for film in found] == [(0, 10, 100), (10, 20, 200), (20, 40, 100)]
    whole = films_from(replace(request, videos=request.videos[:1]), 30.0)[0]
    np.testing.assert_array_equal(found[2].points, whole.points[20:])


WRONG = {
    "not a keypoint file: fps, keypoints_2d, image_size missing": {"other": np.zeros(3)},
    "keypoints_2d: has shape": {"keypoints_2d": np.zeros((5, 16, 3))},
    "keypoints_2d: must be numbers": {"keypoints_2d": np.full((5, 17, 3), "a")},
    "keypoints_2d: has 0 frames": {"keypoints_2d": np.zeros((0, 17, 3))},
    "image_size: must be above 0": {"image_size": np.array([640.0, 0.0])},
    "image_size: has shape": {"image_size": np.array(640.0)},
    "fps: must be above 0": {"fps": np.array(np.nan)},
    "focal_px: must be above 0": {"focal_px": np.array(-1.0)},
    "camera_rotations: has shape": {"camera_rotations": np.ones((4, 4)) / 2.0},
    "camera_rotations: must be unit": {"camera_rotations": np.ones((5, 4))},
}


@pytest.mark.parametrize("sentence", WRONG)
def test_a_file_that_breaks_the_format_is_refused_in_one_sentence(sentence: str, tmp_path: Path) -> None:
    good = {"fps": np.array(30.0), "keypoints_2d": np.zeros((5, 17, 3)), "image_size": SIZE}
    arrays = WRONG[sentence] if "other" in WRONG[sentence] else good | WRONG[sentence]
    np.savez(tmp_path / "k.npz", **arrays)  # type: ignore[arg-type]
    with pytest.raises(RequestError) as caught:
        films(tmp_path / "k.npz")
    assert sentence in str(caught.value)
    assert str(caught.value).startswith("videos[0]: ")
    assert "\n" not in str(caught.value)


def test_files_that_are_no_keypoint_files_are_refused(tmp_path: Path) -> None:
    whole = written(tmp_path / "k.npz", track()).read_bytes()
    contents = {"cut.npz": whole[:-200], "text.npz": b"keypoints", "empty.npz": b""}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(RequestError, match="is not a keypoint file, or is damaged"):
            films(tmp_path / name)
    np.savez(tmp_path / "pickle.npz", keypoints_2d=np.array([{}], dtype=object))
    with pytest.raises(RequestError, match="damaged"):
        films(tmp_path / "pickle.npz")
    with pytest.raises(RequestError, match="cannot be read"):
        films(tmp_path / "absent.npz")
    with pytest.raises(RequestError, match=r"clip\.mp4: is missing"):
        films(tmp_path / "clip.mp4")
    with pytest.raises(RequestError, match="'person' must be 0"):
        films(written(tmp_path / "k.npz", track()), person=1)


def test_the_focal_length_of_the_helper_is_the_files(tmp_path: Path) -> None:
    root, local = swaying(8)
    motion = Motion(30.0, root, local, np.zeros((8, 6)))
    path = write_film(tmp_path / "k.npz", motion, np.tile(cameras_at(0.1), (8, 1, 1)), behind(motion))
    assert load_keypoints(path).focal_px == FOCAL
