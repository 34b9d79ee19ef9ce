"""The cues of a request: spans of prompts, reference motions, music and films on the frame grid."""

from __future__ import annotations

import wave
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from genmo.runtime import features, rotation
from genmo.runtime.errors import RequestError
from genmo.runtime.guidance import cues_from
from genmo.runtime.motion import Motion, resampled, save_motion
from genmo.runtime.request import Camera, Keyframe, MotionRequest, Music, Prompt, Reference, Video
from genmo.runtime.request import Path as RootPath
from genmo.tests.runtime.filming import behind, cameras_at, write_film
from genmo.tests.runtime.walking import swaying, walk

FRAMES = 60


def moved(motion: Motion, turn: float, shift: tuple[float, float]) -> Motion:
    """The motion turned about the origin, then moved."""
    about = rotation.about_y(turn)
    local = motion.local_rotations.copy()
    local[:, 0] = rotation.multiply(about, local[:, 0])
    root = rotation.rotate(about, motion.root_positions) + np.array([shift[0], 0.0, shift[1]])
    return replace(motion, root_positions=root, local_rotations=local)


@pytest.fixture(scope="module")
def motion() -> Motion:
    root, local = swaying(FRAMES, seed=2)
    return Motion(30.0, root, local, np.zeros((FRAMES, 6)))


@pytest.fixture
def file(tmp_path: Path, motion: Motion) -> str:
    save_motion(motion, tmp_path / "walk.npz")
    return str(tmp_path / "walk.npz")


def test_frames_of_the_first_prompts_are_told_how_long_it_has_run() -> None:
    request = MotionRequest(50, prompts=(Prompt("b", 20, 60), Prompt("a", -5, 30)))
    cues = cues_from(request, 30.0)
    np.testing.assert_array_equal(cues.since_start[:30], np.arange(30) + 5)
    assert np.isinf(cues.since_start[30:]).all()
    assert np.isinf(cues.until_end).all()


def test_frames_without_a_prompt_are_told_nothing() -> None:
    cues = cues_from(MotionRequest(50, prompts=(Prompt("a", 0, 20),)), 30.0)
    assert np.isinf(cues.since_start[20:]).all()
    assert np.isinf(cues_from(MotionRequest(50), 30.0).since_start).all()


def test_a_reference_is_given_in_the_models_own_terms(file: str, motion: Motion) -> None:
    cues = cues_from(MotionRequest(80, reference=(Reference(file, 10, 80, 5, 0.7),)), 30.0)
    assert (cues.strength[10:65] == 0.7).all()
    assert not cues.strength[:10].any()
    assert not cues.strength[65:].any()  # the file has ended
    headings, pose = features.pose_sixd(motion.local_rotations)
    np.testing.assert_allclose(cues.reference_pose[10:65], pose[5:], atol=1e-9)
    np.testing.assert_allclose(cues.reference_heights[10:65], motion.root_positions[5:, 1])
    np.testing.assert_allclose(cues.reference_headings[10:65], np.unwrap(headings)[5:], atol=1e-9)
    # Walking along the velocities is walking along the file.
    steps = features.turn_planar(cues.reference_velocity[10:64], cues.reference_headings[10:64]) / 30.0
    np.testing.assert_allclose(steps, np.diff(motion.root_positions[5:, ::2], axis=0), atol=1e-9)


def test_a_reference_is_brought_to_the_frame_rate_of_the_model(tmp_path: Path, motion: Motion, file: str) -> None:
    save_motion(resampled(motion, 60.0), tmp_path / "fast.npz")
    request = MotionRequest(FRAMES, reference=(Reference(str(tmp_path / "fast.npz"), 0, FRAMES, 3),))
    found = cues_from(request, 30.0)
    expected = cues_from(replace(request, reference=(Reference(file, 0, FRAMES, 3),)), 30.0)
    np.testing.assert_allclose(found.reference_pose[:50], expected.reference_pose[:50], atol=1e-6)
    np.testing.assert_allclose(found.reference_velocity[:50], expected.reference_velocity[:50], atol=1e-6)


def test_headings_of_a_spinning_reference_are_continuous(tmp_path: Path) -> None:
    turns = np.linspace(0.0, 20.0, FRAMES)
    local = rotation.identity(FRAMES, 22)
    local[:, 0] = rotation.about_y(turns)
    save_motion(Motion(30.0, np.zeros((FRAMES, 3)), local, np.zeros((FRAMES, 6))), tmp_path / "spin.npz")
    cues = cues_from(MotionRequest(FRAMES, reference=(Reference(str(tmp_path / "spin.npz"), 0, FRAMES),)), 30.0)
    np.testing.assert_allclose(cues.reference_headings, turns, atol=1e-9)


def same(first: object, second: object) -> None:
    """Both cues are the same but for whole turns of the headings."""
    for name in ("strength", "reference_pose", "reference_heights", "reference_velocity"):
        np.testing.assert_allclose(getattr(first, name), getattr(second, name), atol=1e-9)
    difference = first.reference_headings - second.reference_headings  # type: ignore[attr-defined]
    np.testing.assert_allclose(np.sin(difference), 0.0, atol=1e-6)
    np.testing.assert_allclose(np.cos(difference), 1.0, atol=1e-6)


def facing(frame: int, turn: float) -> Keyframe:
    return Keyframe(frame, ("pelvis",), None, {"pelvis": tuple(rotation.about_y(turn).tolist())})


@pytest.mark.parametrize(
    "fixed",
    [
        {"keyframes": (facing(20, 0.4), facing(30, 0.5))},
        {"keyframes": (facing(75, 1.0),)},
        {"path": RootPath((0, 30, 79), ((0.0, 0.0), (1.0, 0.5), (2.0, 3.0)))},
    ],
)
def test_where_a_reference_stands_and_faces_makes_no_difference(
    tmp_path: Path, motion: Motion, file: str, fixed: dict
) -> None:
    save_motion(moved(motion, 2.0, (5.0, -3.0)), tmp_path / "moved.npz")
    request = MotionRequest(80, reference=(Reference(file, 10, 70),), **fixed)
    other = replace(request, reference=(Reference(str(tmp_path / "moved.npz"), 10, 70),))
    same(cues_from(request, 30.0), cues_from(other, 30.0))


def test_a_reference_is_laid_along_the_path(tmp_path: Path) -> None:
    save_motion(walk(60), tmp_path / "walk.npz")  # along +Z
    path = RootPath((0, 59), ((0.0, 0.0), (-2.0, 0.0)))
    cues = cues_from(MotionRequest(60, path=path, reference=(Reference(str(tmp_path / "walk.npz"), 0, 60),)), 30.0)
    np.testing.assert_allclose(np.sin(cues.reference_headings), -1.0, atol=1e-6)


def test_a_second_reference_goes_on_with_the_heading_of_the_first(file: str) -> None:
    cues = cues_from(MotionRequest(100, reference=(Reference(file, 0, 50), Reference(file, 50, 100))), 30.0)
    assert cues.reference_headings[50] == pytest.approx(cues.reference_headings[49])


def test_the_later_of_two_references_counts(file: str) -> None:
    request = MotionRequest(60, reference=(Reference(file, 0, 60, 0, 0.3), Reference(file, 20, 40, 0, 0.9)))
    cues = cues_from(request, 30.0)
    np.testing.assert_array_equal(cues.strength, [0.3] * 20 + [0.9] * 20 + [0.3] * 20)


def test_a_reference_of_no_strength_is_not_even_read() -> None:
    cues = cues_from(MotionRequest(20, reference=(Reference("absent.npz", 0, 20, 0, 0.0),)), 30.0)
    assert not cues.strength.any()


@pytest.mark.parametrize(
    ("reference", "sentence"),
    [
        (Reference("absent.npz", 0, 20), "cannot be read"),
        (Reference("damaged.npz", 0, 20), "is not a motion file"),
        (Reference("walk.npz", 0, 20, FRAMES), "ends before the range begins"),
    ],
)
def test_bad_references_are_refused_in_one_sentence(
    tmp_path: Path, file: str, reference: Reference, sentence: str
) -> None:
    (tmp_path / "damaged.npz").write_bytes(Path(file).read_bytes()[:500])
    request = MotionRequest(20, reference=(replace(reference, path=str(tmp_path / reference.path)),))
    with pytest.raises(RequestError, match=sentence) as caught:
        cues_from(request, 30.0)
    assert str(caught.value).startswith("reference[0]: ")
    assert "\n" not in str(caught.value)


def test_films_write_their_views(tmp_path: Path, motion: Motion) -> None:
    cameras = np.tile(cameras_at(0.2), (FRAMES, 1, 1))
    path = write_film(tmp_path / "k.npz", motion, cameras, behind(motion), rotations=True)
    request = MotionRequest(80, videos=(Video(str(path), 10, 40, camera=Camera(level=True)),))
    cues = cues_from(request, 30.0)
    np.testing.assert_array_equal(np.flatnonzero(cues.camera_mask), np.arange(10, 40))
    np.testing.assert_array_equal(cues.gravity_mask, cues.camera_mask)
    np.testing.assert_allclose(cues.cameras[10:40], cameras[:30], atol=1e-9)
    assert cues.visible[10:40].all()
    assert not cues.visible[40:].any()
    unknown = cues_from(replace(request, videos=(Video(str(path), 10, 40),)), 30.0)
    assert not unknown.gravity_mask.any()
    assert unknown.camera_mask[10:40].all()


def test_music_is_heard_on_its_frames(tmp_path: Path) -> None:
    path = tmp_path / "song.wav"
    write_clicks(path, seconds=2.0)
    cues = cues_from(MotionRequest(120, music=(Music(str(path), 30, 120),)), 30.0)
    assert not cues.music_mask[:30].any()
    assert cues.music_mask[30:85].all()
    assert not cues.music_mask[95:].any()  # the song has ended
    assert np.abs(cues.music[30:85]).max() > 0.5
    assert not cues.music[:30].any()


def write_clicks(path: Path, seconds: float, rate: int = 16000) -> None:
    """A mono 16-bit WAV with a click every half second."""
    sound = np.zeros(int(seconds * rate), np.int16)
    for start in range(0, len(sound), rate // 2):
        sound[start : start + 400] = (20000 * np.sin(np.arange(400) * 0.4)).astype(np.int16)
    with wave.open(str(path), "wb") as stream:
        stream.setnchannels(1)
        stream.setsampwidth(2)
        stream.setframerate(rate)
        stream.writeframes(sound.tobytes())
