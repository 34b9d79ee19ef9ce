"""Motions and their files: exact round trips, clear refusals, and changes that keep the movement."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from genmo.runtime import rotation, skeleton
from genmo.runtime.errors import MotionError, UserError
from genmo.runtime.motion import Motion, load_motion, mirrored, resampled, save_motion, sliced
from genmo.runtime.request import MotionRequest, Prompt
from genmo.runtime.skeleton import JOINT_COUNT, JOINT_NAMES, MIRROR, PARENTS
from genmo.tests.runtime.motions import random_motion

ARRAYS = ("root_positions", "local_rotations", "contacts", "rest_offsets")
REQUEST = MotionRequest(20, prompts=(Prompt("a person waves 👋", 0, 20),))


def with_camera(frames: int = 20) -> Motion:
    random = np.random.default_rng(5)
    return random_motion(
        frames,
        camera_rotations=rotation.normalize(random.normal(size=(frames, 4))),
        camera_positions=random.normal(size=(frames, 3)),
        focal_px=1234.5,
        keypoints_2d=random.random((frames, 17, 3)),
        request=REQUEST,
        pack="base 1.0",
    )


def file_arrays(path: Path) -> dict[str, Any]:
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    save_motion(with_camera(), tmp_path / "motion.npz")
    return tmp_path / "motion.npz"


def test_round_trip_is_exact(saved: Path) -> None:
    motion, loaded = with_camera(), load_motion(saved)
    for name in (*ARRAYS, "camera_rotations", "camera_positions", "keypoints_2d"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(motion, name))
    assert (loaded.fps, loaded.focal_px, loaded.pack) == (motion.fps, motion.focal_px, motion.pack)
    assert loaded.request == REQUEST


def test_optional_parts_may_be_absent(tmp_path: Path) -> None:
    save_motion(random_motion(), tmp_path / "motion.npz")
    loaded = load_motion(tmp_path / "motion.npz")
    assert loaded.request is loaded.focal_px is loaded.camera_rotations is loaded.keypoints_2d is None
    assert "focal_px" not in file_arrays(tmp_path / "motion.npz")


def test_file_holds_what_the_contract_says(saved: Path) -> None:
    arrays = file_arrays(saved)
    assert tuple(arrays["joint_names"]) == JOINT_NAMES
    assert tuple(arrays["parents"]) == PARENTS
    assert arrays["positions"].shape == (20, JOINT_COUNT, 3)
    assert arrays["contacts"].shape == (20, 6)
    assert all(array.dtype != object for array in arrays.values())
    expected, _ = skeleton.forward_kinematics(arrays["root_positions"], arrays["local_rotations"])
    np.testing.assert_allclose(arrays["positions"], expected, atol=1e-6)


@pytest.mark.parametrize("size", [0, 1, 100, 1000, -1])
def test_cut_files_are_refused(saved: Path, size: int) -> None:
    saved.write_bytes(saved.read_bytes()[:size])
    with pytest.raises(MotionError, match=r"motion\.npz: is not a motion file"):
        load_motion(saved)


def test_a_flipped_byte_is_noticed(saved: Path) -> None:
    data = bytearray(saved.read_bytes())
    data[len(data) // 2] ^= 0xFF
    saved.write_bytes(data)
    with pytest.raises(MotionError, match="damaged"):
        load_motion(saved)


def test_pickles_and_other_files_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "motion.npz"
    with file.open("wb") as stream:
        np.save(stream, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(MotionError):
        load_motion(file)
    np.savez(file, fps=np.array([{}], dtype=object))
    with pytest.raises(MotionError, match="damaged"):
        load_motion(file)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(MotionError, match="fps"):
        load_motion(file)
    with pytest.raises(MotionError, match=r"absent\.npz: cannot be read"):
        load_motion(tmp_path / "absent.npz")


NAN = np.full((20, 3), np.nan)
WRONG = [
    ("root_positions", None, "root_positions missing"),
    ("root_positions", NAN, "root_positions: number 0 is not finite"),
    ("root_positions", np.zeros((20, 2)), r"root_positions: has shape \(20, 2\), expected \(20, 3\)"),
    ("root_positions", np.zeros((0, 3)), "at least one frame"),
    ("root_positions", np.array("x"), "at least one frame"),
    ("root_positions", np.full((20, 3), "1"), "must be numbers"),
    ("local_rotations", np.zeros((20, 22, 4)), "local_rotations: frame 0 has no unit quaternion"),
    ("local_rotations", np.ones((20, 24, 4)), "local_rotations: has shape"),
    ("contacts", np.zeros((19, 6)), "contacts: has shape"),
    ("contacts", np.zeros((20, 6), dtype=complex), "contacts: must be numbers"),
    ("fps", np.array(0.0), "fps: must be above 0"),
    ("fps", np.array([1.0, 2.0]), "fps: must be one number"),
    ("fps", np.array("30"), "fps: must be one number"),
    ("fps", np.array(np.nan), "fps: must be one number"),
    ("joint_names", np.array(JOINT_NAMES[::-1]), "another skeleton"),
    ("joint_names", np.array("pelvis"), "another skeleton"),
    ("parents", np.zeros(22, dtype=int), "another skeleton"),
    ("request", np.array("{"), "damaged"),
    ("request", np.array('{"frames": 0}'), "frames: must be from 1"),
    ("request", np.array(5), "request: must be text"),
    ("focal_px", np.zeros(3), "focal_px: must be one number"),
    ("keypoints_2d", np.zeros((20, 17, 2)), "keypoints_2d: has shape"),
]


@pytest.mark.parametrize(("name", "value", "sentence"), WRONG)
def test_wrong_arrays_are_refused_by_name(saved: Path, name: str, value: Any, sentence: str) -> None:
    arrays = file_arrays(saved)
    arrays.pop(name)
    np.savez(saved, **arrays, **({} if value is None else {name: value}))
    with pytest.raises(MotionError, match=sentence):
        load_motion(saved)


def test_writing_leaves_the_old_file_alone_when_it_fails(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = saved.read_bytes()

    def full_disk(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full_disk)
    with pytest.raises(UserError, match=r"motion\.npz: cannot be written \(No space left on device\)"):
        save_motion(random_motion(), saved)
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


def test_folders_that_cannot_be_written_are_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="cannot be written"):
        save_motion(random_motion(), tmp_path / "absent" / "motion.npz")
    with pytest.raises(UserError, match="names no file"):
        save_motion(random_motion(), "")
    with pytest.raises(UserError, match="cannot be written"):
        save_motion(random_motion(), tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be written"):
        save_motion(random_motion(), tmp_path / "file" / "motion.npz")

    def read_only(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", read_only)
    with pytest.raises(UserError, match="Permission denied"):
        save_motion(random_motion(), tmp_path / "motion.npz")


def test_arrays_are_read_only_and_rotations_made_unit() -> None:
    motion = random_motion()
    with pytest.raises(ValueError, match="read-only"):
        motion.root_positions[0] = 0.0
    longer = Motion(30, motion.root_positions, motion.local_rotations * 1.001, motion.contacts)
    np.testing.assert_allclose(np.linalg.norm(longer.local_rotations, axis=-1), 1.0, atol=1e-12)


def test_positions_are_forward_kinematics() -> None:
    motion = random_motion()
    positions, world = skeleton.forward_kinematics(motion.root_positions, motion.local_rotations)
    np.testing.assert_array_equal(motion.positions, positions)
    np.testing.assert_array_equal(motion.world_rotations, world)
    assert motion.positions is motion.positions
    assert motion.seconds == pytest.approx(20 / 30)


def test_mirroring_reflects_every_joint() -> None:
    motion = with_camera()
    other = mirrored(motion)
    np.testing.assert_allclose(other.positions, motion.positions[:, MIRROR] * [-1, 1, 1], atol=1e-12)
    np.testing.assert_array_equal(other.contacts[:, :2], motion.contacts[:, 2:4])
    np.testing.assert_array_equal(other.contacts[:, 4], motion.contacts[:, 5])
    assert other.camera_positions is not None
    assert motion.camera_positions is not None
    np.testing.assert_array_equal(other.camera_positions[:, 0], -motion.camera_positions[:, 0])


def test_mirroring_twice_changes_nothing() -> None:
    motion = with_camera()
    twice = mirrored(mirrored(motion))
    for name in (*ARRAYS, "camera_rotations", "camera_positions"):
        np.testing.assert_array_equal(getattr(twice, name), getattr(motion, name))


@pytest.mark.parametrize("fps", [60.0, 90.0, 120.0])
def test_resampling_up_and_down_comes_back(fps: float) -> None:
    motion = with_camera()
    up = resampled(motion, fps)
    back = resampled(up, 30.0)
    assert (up.fps, up.frames, up.request) == (fps, round(19 * fps / 30) + 1, None)
    assert back.frames == motion.frames
    np.testing.assert_allclose(back.positions, motion.positions, atol=1e-9)
    np.testing.assert_allclose(back.contacts, motion.contacts, atol=1e-12)


def test_resampling_keeps_an_even_movement_even() -> None:
    frames = np.arange(31.0)
    root = frames[:, None] * [0.1, 0.0, -0.05] + [0.0, 1.0, 0.0]
    rotations = rotation.identity(31, JOINT_COUNT)
    rotations[:, 0] = rotation.about_y(frames * 0.02)
    film = resampled(Motion(30, root, rotations, np.zeros((31, 6))), 24)
    assert film.frames == 25
    np.testing.assert_allclose(film.root_positions[:, 0], np.arange(25) * 0.125, atol=1e-12)
    np.testing.assert_allclose(rotation.heading(film.local_rotations[:, 0]), np.arange(25) * 0.025, atol=1e-9)


def test_resampling_edges() -> None:
    assert resampled(random_motion(1), 24).frames == 1
    motion = random_motion()
    assert resampled(motion, 30) is motion
    for fps in (0.0, -1.0, float("nan"), 1e9):
        with pytest.raises(MotionError, match="fps"):
            resampled(motion, fps)


def test_slicing() -> None:
    motion = with_camera()
    part = sliced(motion, 5, 9)
    np.testing.assert_array_equal(part.positions, motion.positions[5:9])
    assert part.keypoints_2d is not None
    assert (part.frames, part.keypoints_2d.shape, part.request) == (4, (4, 17, 3), None)
    for start, stop in ((-1, 3), (3, 3), (5, 4), (0, 21)):
        with pytest.raises(MotionError, match="not in a motion of 20 frames"):
            sliced(motion, start, stop)
