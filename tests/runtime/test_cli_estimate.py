"""`genmo estimate`: a keypoint file becomes a motion with its camera; anything else is refused in one sentence."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from genmo.runtime import cli
from genmo.runtime.motion import Motion, load_motion
from genmo.runtime.request import Camera, Sampling, Video
from genmo.tests.runtime.filming import behind, cameras_at, write_film
from genmo.tests.runtime.packs import write_pack
from genmo.tests.runtime.test_cli import refused
from genmo.tests.runtime.test_engine import TINY
from genmo.tests.runtime.walking import swaying


@pytest.fixture
def keypoint_file(tmp_path: Path) -> Path:
    """Two seconds of a video at 25 frames per second."""
    root, local = swaying(50, size=0.1)
    motion = Motion(25.0, root, local, np.zeros((50, 6)))
    return write_film(tmp_path / "k.npz", motion, np.tile(cameras_at(0.1), (50, 1, 1)), behind(motion, 5.0))


def estimate(*words: object) -> int:
    return cli.main(["estimate", *map(str, words), "--pack", str(TINY), "--device", "cpu"])


def test_the_whole_video_is_followed(keypoint_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.npz"
    assert estimate(keypoint_file, "-o", out) == 0
    assert capsys.readouterr().out == f"{out}\n"
    motion = load_motion(out)
    assert motion.request is not None
    assert (motion.frames, motion.request.sampling) == (60, Sampling(mode="estimate"))
    assert motion.request.videos == (Video(str(keypoint_file), 0, 60),)
    assert motion.camera_positions is not None
    assert motion.focal_px == pytest.approx(1100.0)


def test_what_the_user_knows_of_the_camera_is_used(
    keypoint_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.npz"
    assert estimate(keypoint_file, "-o", out, "--focal", 900, "--moving", "--flip", "--json-progress") == 0
    motion = load_motion(out)
    assert motion.request is not None
    assert motion.request.videos == (Video(str(keypoint_file), 0, 60, flip=True, camera=Camera(900.0, False)),)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[-1] == {"type": "done", "files": [str(out)]}
    assert "Following the video" in {line.get("phase") for line in lines}


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("clip.mp4", "is not a video, or is damaged"), ("cut.npz", "is damaged"), ("absent.npz", "cannot be read")],
)
def test_what_is_no_keypoint_file_is_refused(
    name: str, sentence: str, keypoint_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"video")
    (tmp_path / "cut.npz").write_bytes(keypoint_file.read_bytes()[:100])
    words = ["estimate", tmp_path / name, "-o", tmp_path / "out.npz", "--pack", TINY]
    assert sentence in refused(capsys, *words, folder=tmp_path)


def test_a_focal_length_that_is_none_is_refused(
    keypoint_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["estimate", keypoint_file, "-o", tmp_path / "out.npz", "--pack", TINY, "--focal", "-3"]
    assert "focal_px: must be from 1 to 1e+06" in refused(capsys, *words, folder=tmp_path)


def test_the_pack_must_understand_videos(
    keypoint_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pack = write_pack(tmp_path / "packs" / "test")
    words = ["estimate", keypoint_file, "-o", tmp_path / "out.npz", "--pack", pack]
    assert "does not understand videos" in refused(capsys, *words, folder=tmp_path)
