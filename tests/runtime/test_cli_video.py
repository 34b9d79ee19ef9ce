"""`genmo estimate` of videos: from the file to the motion, and every file that is none."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from genmo.runtime import cli
from genmo.runtime.motion import load_motion
from genmo.runtime.people import footage, store
from genmo.tests.runtime.clips import write_clip, write_sound
from genmo.tests.runtime.figures import GREEN, RED, Squares, scene
from genmo.tests.runtime.test_cli import refused
from genmo.tests.runtime.test_engine import TINY


@pytest.fixture(autouse=True)
def kept(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv(store.FOLDER_VARIABLE, str(tmp_path_factory.mktemp("kept")))


@pytest.fixture
def squares(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand-in networks that see squares of colour."""
    monkeypatch.setattr(footage, "PoseNetworks", lambda: Squares(RED, GREEN))


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """One second, 25 pictures: red goes right, green stands."""
    pictures = [scene((RED, 40 + 2 * t, 60), (GREEN, 170, 40)) for t in range(25)]
    return write_clip(tmp_path / "clip.mp4", pictures, fps=25)


def estimate(*words: object) -> int:
    return cli.main(["estimate", *map(str, words), "--pack", str(TINY), "--device", "cpu"])


def test_a_video_becomes_a_motion_with_its_camera(
    squares: None, video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.npz"
    assert estimate(video, "-o", out, "--json-progress") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    phases = list(dict.fromkeys(line["phase"] for line in lines if line["type"] == "progress"))
    assert phases[:2] == ["Finding people", "Following people"]
    assert "Following the video" in phases
    motion = load_motion(out)
    assert motion.frames == 30
    assert motion.camera_positions is not None
    assert motion.keypoints_2d is not None
    assert motion.focal_px == pytest.approx(np.hypot(200, 120))
    assert estimate(video, "-o", out, "--json-progress") == 0
    again = {json.loads(line).get("phase") for line in capsys.readouterr().out.splitlines()}
    assert not again & {"Finding people", "Following people"}


def test_another_person_a_part_and_corrections(squares: None, video: Path, tmp_path: Path) -> None:
    edits = tmp_path / "edits.json"
    edits.write_text(json.dumps({"masks": [{"person": 1, "start": 0.6, "stop": 1.0}]}), "utf-8")
    words = [video, "-o", tmp_path / "out.npz", "--person", "1", "--start", "0.4", "--stop", "0.8", "--edits", edits]
    assert estimate(*words) == 0
    motion = load_motion(tmp_path / "out.npz")
    assert motion.frames == 12
    assert motion.keypoints_2d is not None
    np.testing.assert_array_equal(motion.keypoints_2d[:, 0, 2] > 0.5, np.arange(12) < 6)
    still = motion.keypoints_2d[:6, :, :2]
    assert np.ptp(still, axis=0).max() < 2.0


def test_a_series_of_pictures_has_the_rate_that_is_said(squares: None, tmp_path: Path) -> None:
    import av

    for number in range(12):
        pixels = scene((RED, 40 + 2 * number, 60))
        av.VideoFrame.from_ndarray(pixels, format="rgb24").save(str(tmp_path / f"plate_{number:04d}.png"))
    assert estimate(tmp_path / "plate_0000.png", "-o", tmp_path / "out.npz", "--fps", "12") == 0
    assert load_motion(tmp_path / "out.npz").frames == 30


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--person", "2"], "2 people, numbers 0 to 1, there is no person 2"),
        (["--person", "-1"], "person: must be from 0"),
        (["--start", "2"], "nothing is between --start and --stop"),
        (["--start", "0.5", "--stop", "0.5"], "nothing is between --start and --stop"),
        (["--edits", "absent.json"], "absent.json: cannot be read"),
    ],
)
def test_what_does_not_fit_the_video_is_refused(
    words: list[str], sentence: str, squares: None, video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["estimate", video, "-o", tmp_path / "out.npz", "--pack", TINY, *words]
    assert sentence in refused(capsys, *command, folder=tmp_path)


def test_files_without_anybody_are_refused_by_the_real_networks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = write_clip(tmp_path / "nobody.mp4", [scene(width=96, height=160) for _ in range(4)])
    write_clip(tmp_path / "one.mp4", [scene()])
    write_clip(tmp_path / "large.mp4", [np.full((2160, 3840, 3), 90, np.uint8)])
    (tmp_path / "broken.mp4").write_bytes(whole.read_bytes()[:900])
    (tmp_path / "empty.mp4").write_bytes(b"")
    write_sound(tmp_path / "sound.m4a")
    sentences = {
        "nobody.mp4": "nobody was found in it", "one.mp4": "nobody was found in it", "large.mp4": "nobody was found",
        "broken.mp4": "is not a video, or is damaged", "empty.mp4": "is empty", "sound.m4a": "has no picture",
        "absent.mp4": "is missing",
    }  # fmt: skip
    for name, sentence in sentences.items():
        words = ["estimate", tmp_path / name, "-o", tmp_path / "out.npz", "--pack", TINY]
        assert sentence in refused(capsys, *words, folder=tmp_path), name
