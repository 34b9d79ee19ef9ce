"""BVH files: what is written comes back, and reads the same in any channel order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from genmo.runtime import rotation
from genmo.runtime.bvh import Unit, euler_zyx, read_bvh, write_bvh
from genmo.runtime.errors import MotionError, UserError
from genmo.runtime.motion import Motion
from genmo.tests.runtime.motions import random_motion, standing_motion


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "motion.bvh"


@pytest.mark.parametrize("unit", ["cm", "m"])
@pytest.mark.parametrize("fps", [24.0, 30.0, 29.97])
def test_round_trip(file: Path, unit: Unit, fps: float) -> None:
    motion = random_motion(fps=fps)
    write_bvh(motion, file, unit=unit)
    read = read_bvh(file, unit=unit)
    np.testing.assert_allclose(read.positions, motion.positions, atol=1e-5)
    assert rotation.angle(read.world_rotations, motion.world_rotations).max() < 1e-5
    assert read.fps == pytest.approx(fps, abs=1e-5)


def test_units_and_layout(file: Path) -> None:
    write_bvh(standing_motion(2), file)
    lines = file.read_text().splitlines()
    assert lines[:2] == ["HIERARCHY", "ROOT pelvis"]
    assert lines[4].strip() == "CHANNELS 6 Xposition Yposition Zposition Zrotation Yrotation Xrotation"
    assert "Frames: 2" in lines
    values = [float(word) for word in lines[-1].split()]
    assert values[:3] == [0.0, 89.0, 0.0]
    assert values[3:] == [0.0] * 66


def test_euler_angles_have_no_jumps() -> None:
    turns = np.linspace(0.0, 6 * np.pi, 400)
    for axis in np.eye(3):
        angles = euler_zyx(rotation.from_axis_angle(turns[:, None] * axis))
        assert np.abs(np.diff(angles, axis=0)).max() < 0.1


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_euler_angles_at_the_pole(file: Path, sign: float) -> None:
    motion = random_motion(5)
    pole = rotation.from_axis_angle([0.0, sign * np.pi / 2, 0.0])
    rotations = rotation.multiply(pole, rotation.from_axis_angle(np.full((5, 22, 3), [0.4, 0.0, 0.0])))
    motion = Motion(30, motion.root_positions, rotations, motion.contacts)
    write_bvh(motion, file)
    np.testing.assert_allclose(read_bvh(file).positions, motion.positions, atol=1e-5)


def test_other_channel_orders_are_read(file: Path) -> None:
    write_bvh(standing_motion(1), file, unit="m")
    text = file.read_text().replace(
        "CHANNELS 3 Zrotation Yrotation Xrotation", "CHANNELS 3 Xrotation Yrotation Zrotation"
    )
    head, _, numbers = text.rstrip().rpartition("\n")
    values = numbers.split()
    values[6:9] = ["30", "40", "50"]  # l_hip
    file.write_text(head + "\n" + " ".join(values) + "\n")
    about = [
        rotation.from_axis_angle(np.radians(angle) * axis) for angle, axis in zip((30, 40, 50), np.eye(3), strict=True)
    ]
    expected = rotation.multiply(rotation.multiply(about[0], about[1]), about[2])
    assert rotation.angle(read_bvh(file, unit="m").local_rotations[0, 1], expected) < 1e-7


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("HIERARCHY", "HELLO"),
        ("MOTION", "NOTION"),
        ("l_knee", "l_shin"),
        ("JOINT l_knee", "JOINT r_knee"),
        ("Frames: 20", "Frames: 21"),
        ("Frames: 20", "Frames: 99999999999"),
        ("Frames: 20", "Frames: x"),
        ("Frame Time: 0.0", "Frame Time: -0.0"),
        ("OFFSET 8", "OFFSET eight"),
        ("CHANNELS 3", "CHANNELS 300000000"),
        ("Zrotation", "Wrotation"),
        ("JOINT l_hip", "} JOINT l_hip"),
        ("JOINT l_hip", "{ JOINT l_hip"),
        ("End Site", "End"),
    ],
)
def test_damaged_files_are_refused(file: Path, old: str, new: str) -> None:
    write_bvh(random_motion(), file)
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    with pytest.raises(MotionError, match=r"motion\.bvh: "):
        read_bvh(file)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.1, 0.9])
def test_cut_files_are_refused(file: Path, share: float) -> None:
    write_bvh(random_motion(), file)
    data = file.read_bytes()
    file.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(MotionError):
        read_bvh(file)


def test_numbers_that_are_not_finite_are_refused(file: Path) -> None:
    write_bvh(standing_motion(), file)
    file.write_text(file.read_text().replace("89.000000", "nan", 1))
    with pytest.raises(MotionError, match="not finite"):
        read_bvh(file)


def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(MotionError, match="cannot be read"):
        read_bvh(tmp_path / "absent.bvh")
    with pytest.raises(UserError, match="cannot be written"):
        write_bvh(standing_motion(), tmp_path / "absent" / "motion.bvh")
