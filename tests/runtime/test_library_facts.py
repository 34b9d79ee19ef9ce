"""Facts and pictures of clips."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from genmo.runtime import rotation
from genmo.runtime.library.facts import facts_of
from genmo.runtime.library.strips import FIGURES, HEIGHT, WIDTH, png, strip, write_strip
from genmo.runtime.motion import Motion, mirrored, resampled, sliced
from genmo.tests.runtime.motions import standing_motion
from genmo.tests.runtime.walking import STEP, STRIDE_FRAMES, walk


@pytest.mark.parametrize("fps", [30.0, 60.0, 24.0])
def test_speed_and_travel_do_not_depend_on_the_rate(fps: float) -> None:
    found = facts_of(resampled(walk(160), fps))
    assert found.speed == pytest.approx(30.0 * STEP, abs=0.01)
    assert found.travel == pytest.approx(159 * STEP, abs=0.05)
    assert found.seconds == pytest.approx(160 / 30.0, abs=0.05)


def test_swaying_is_no_locomotion() -> None:
    motion = standing_motion(120)
    aside = 0.05 * np.sin(2 * np.pi * np.arange(120) / 30.0)
    root = motion.root_positions + aside[:, None] * [1.0, 0.0, 0.0]
    swaying = Motion(30.0, root, motion.local_rotations, motion.contacts)
    assert facts_of(swaying).speed < 0.02


@pytest.mark.parametrize(
    ("motion", "looped"),
    [
        (walk(2 * STRIDE_FRAMES + 1), True),  # the first pose again
        (walk(2 * STRIDE_FRAMES), True),  # the pose before it
        (walk(2 * STRIDE_FRAMES + STRIDE_FRAMES // 2), False),  # the other foot
        (standing_motion(60), True),
        (standing_motion(5), False),
        (sliced(walk(100), 0, 2), False),
    ],
)
def test_loops_are_found(motion: Motion, looped: bool) -> None:
    turned = Motion(
        motion.fps, rotation.rotate(rotation.about_y(1.0), motion.root_positions),
        np.concatenate([
            rotation.multiply(rotation.about_y(1.0), motion.local_rotations[:, :1]), motion.local_rotations[:, 1:]
        ], axis=1), motion.contacts,
    )  # fmt: skip
    assert facts_of(motion).looped == facts_of(turned).looped == looped


def test_a_strip_shows_six_figures_with_two_sides() -> None:
    picture = strip(walk(100))
    assert picture.shape == (HEIGHT, FIGURES * WIDTH, 4) and picture.dtype == np.uint8
    figures = np.split(picture.astype(int), FIGURES, axis=1)
    for figure in figures:
        assert 0.05 < (figure[..., 3] > 128).mean() < 0.3
        seen = figure[figure[..., 3] > 200]
        assert (seen[:, 0] - seen[:, 2] > 100).sum() > 30  # orange
        assert (seen[:, 2] - seen[:, 0] > 100).sum() > 30  # blue
    assert (strip(walk(100), (0, 20)) != picture).any()
    assert (strip(mirrored(walk(100))) != picture).any()


def test_figures_stay_in_their_picture_wherever_the_motion_is() -> None:
    motion = walk(60)
    moved = Motion(30.0, motion.root_positions + np.array([40.0, 1.5, -9.0]), motion.local_rotations, motion.contacts)
    amounts = [(strip(each)[..., 3] > 128).sum() for each in (motion, moved)]
    assert amounts[1] == pytest.approx(amounts[0], rel=0.15)


def test_the_file_is_a_png_that_holds_the_picture(tmp_path: Path) -> None:
    write_strip(walk(30), tmp_path / "strip.png")
    data = (tmp_path / "strip.png").read_bytes()
    assert len(data) < 20_000
    picture = strip(walk(30))
    assert data == png(picture)
    width, height, depth, kind = struct.unpack(">IIBB", data[16:26])
    assert (width, height, depth, kind) == (FIGURES * WIDTH, HEIGHT, 8, 6)
    start = data.index(b"IDAT")
    (length,) = struct.unpack(">I", data[start - 4 : start])
    rows = np.frombuffer(zlib.decompress(data[start + 4 : start + 4 + length]), np.uint8).reshape(HEIGHT, -1)
    np.testing.assert_array_equal(rows[:, 1:].reshape(picture.shape), picture)
