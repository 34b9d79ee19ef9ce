"""Videos, music and reference motions through the whole runtime with the tiny random pack."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from genmo.runtime import base_model, metrics, rotation
from genmo.runtime.conditioning import CONDITIONS
from genmo.runtime.constraints import constraints_from
from genmo.runtime.engine import Engine, estimates
from genmo.runtime.errors import CancelledError, RequestError
from genmo.runtime.films import filmed_mask, films_from
from genmo.runtime.motion import Motion, load_motion, save_motion
from genmo.runtime.pack import open_pack
from genmo.runtime.progress import Progress
from genmo.runtime.request import Camera, Keyframe, MotionRequest, Music, Prompt, Reference, Sampling, Video
from genmo.tests.runtime.filming import behind, cameras_at, write_film
from genmo.tests.runtime.test_engine import TINY, same
from genmo.tests.runtime.test_guidance import moved, write_clicks
from genmo.tests.runtime.walking import swaying

FRAMES = 100
RAW = Sampling(cleanup=False)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(open_pack(TINY), "cpu")


@pytest.fixture(scope="module")
def filmed() -> Motion:
    root, local = swaying(FRAMES, seed=4, size=0.15)
    return Motion(30.0, root, local, np.zeros((FRAMES, 6)))


@pytest.fixture(scope="module")
def keypoint_file(filmed: Motion, tmp_path_factory: pytest.TempPathFactory) -> str:
    cameras = cameras_at(0.15, 0.0, np.linspace(0.5, 0.9, FRAMES))
    path = tmp_path_factory.mktemp("films") / "k.npz"
    return str(write_film(path, filmed, cameras, behind(filmed, 5.0), rotations=True))


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("songs") / "song.wav"
    write_clicks(path, 4.0)
    return str(path)


def video(file: str, stop: int = FRAMES, **more: object) -> Video:
    return Video(file, 0, stop, **more)  # type: ignore[arg-type]


def one(engine: Engine, request: MotionRequest) -> Motion:
    (motion,) = engine.generate(request)
    return motion


def test_an_estimate_does_not_depend_on_the_seed(engine: Engine, keypoint_file: str) -> None:
    request = MotionRequest(FRAMES, videos=(video(keypoint_file),))
    first, again = (one(engine, replace(request, sampling=Sampling(seed=seed))) for seed in (1, 2))
    assert same(first, again)
    several = engine.generate(replace(request, sampling=Sampling(samples=3, mode="estimate")))
    assert len(several) == 3
    assert all(same(first, motion) for motion in several)


def test_an_estimate_has_its_camera_and_keypoints(engine: Engine, keypoint_file: str, tmp_path: Path) -> None:
    motion = one(engine, MotionRequest(FRAMES + 20, videos=(video(keypoint_file, FRAMES),)))
    assert motion.focal_px == pytest.approx(1100.0)
    assert motion.keypoints_2d is not None
    assert motion.camera_positions is not None
    positions = motion.camera_positions
    assert (motion.keypoints_2d[:FRAMES, :, 2] > 0.5).all()
    assert not motion.keypoints_2d[FRAMES:].any()
    save_motion(motion, tmp_path / "out.npz")
    again = load_motion(tmp_path / "out.npz")
    assert again.camera_positions is not None
    np.testing.assert_allclose(again.camera_positions, positions)
    plain = one(engine, MotionRequest(30, prompts=(Prompt("walk", 0, 30),)))
    assert plain.camera_positions is None


def test_an_estimate_starts_at_the_origin_and_faces_forward(engine: Engine, keypoint_file: str) -> None:
    motion = one(engine, MotionRequest(FRAMES, videos=(video(keypoint_file),), sampling=RAW))
    np.testing.assert_allclose(motion.root_positions[0, ::2], 0.0, atol=1e-9)
    assert abs(rotation.heading(motion.local_rotations[0, 0])) < 1e-6


def test_a_level_camera_keeps_its_heading(engine: Engine, keypoint_file: str) -> None:
    known = video(keypoint_file, camera=Camera(level=True))
    motion = one(engine, MotionRequest(FRAMES, videos=(known,), sampling=RAW))
    assert motion.camera_rotations is not None
    forward = rotation.rotate(motion.camera_rotations, np.array([0.0, 0.0, 1.0]))
    np.testing.assert_allclose(np.arctan2(forward[:, 0], forward[:, 2]), np.linspace(0.5, 0.9, FRAMES), atol=1e-6)
    unknown = one(engine, MotionRequest(FRAMES, videos=(video(keypoint_file),), sampling=RAW))
    assert unknown.camera_rotations is not None
    assert rotation.angle(motion.camera_rotations[0], unknown.camera_rotations[0]) > 0.05


def test_the_world_of_a_camera_makes_no_difference(engine: Engine, keypoint_file: str, filmed: Motion) -> None:
    cameras = cameras_at(0.15, 0.0, np.linspace(0.5, 0.9, FRAMES))
    anywhere = rotation.to_matrix(rotation.normalize([0.4, 0.2, -0.8, 0.1]))
    turns = rotation.from_matrix(np.swapaxes(cameras @ anywhere, -1, -2))
    told = video(keypoint_file, camera=Camera(static=False, rotations=tuple(map(tuple, turns.tolist()))))  # type: ignore[arg-type]
    first = one(engine, MotionRequest(FRAMES, videos=(told,), sampling=RAW))
    second = one(engine, MotionRequest(FRAMES, videos=(video(keypoint_file),), sampling=RAW))
    np.testing.assert_allclose(first.positions, second.positions, atol=1e-3)


def facing(frame: int, turn: float, place: tuple[float, float]) -> Keyframe:
    position = rotation.rotate(rotation.about_y(turn), np.array([place[0], 0.9, place[1]]))
    return Keyframe(frame, ("pelvis",), tuple(position.tolist()), {"pelvis": tuple(rotation.about_y(turn).tolist())})


def test_turned_keys_turn_a_filmed_motion(engine: Engine, keypoint_file: str) -> None:
    found = []
    for turn in (0.0, 2.0):
        keys = (facing(20, turn, (0.0, 0.0)), facing(70, turn, (0.2, 1.0)))
        request = MotionRequest(FRAMES, keyframes=keys, videos=(video(keypoint_file),))
        found.append(one(engine, request))
        assert metrics.measure(found[-1], request)["key_position_error_mm"] < 1.0
    expected = rotation.rotate(rotation.about_y(2.0), found[0].positions)
    np.testing.assert_allclose(found[1].positions, expected, atol=2e-3)


def test_a_mixed_request_keeps_filmed_frames_close_to_the_estimate(engine: Engine, keypoint_file: str) -> None:
    request = MotionRequest(
        160, videos=(video(keypoint_file),), prompts=(Prompt("a person waves", FRAMES, 160),), sampling=RAW
    )
    mixed, other = (one(engine, replace(request, sampling=replace(RAW, seed=seed))) for seed in (0, 1))
    estimate = one(engine, replace(request, sampling=replace(RAW, mode="estimate")))
    inside = slice(0, FRAMES)
    angles = rotation.angle(mixed.local_rotations, estimate.local_rotations)
    assert angles[inside].max() < 1e-4
    np.testing.assert_allclose(mixed.root_positions[inside], estimate.root_positions[inside], atol=1e-4)
    assert rotation.angle(mixed.local_rotations, other.local_rotations)[FRAMES + 5 :].mean() > 5e-4


def test_the_mode_is_chosen_by_what_is_asked(keypoint_file: str, song: str) -> None:
    film = MotionRequest(160, videos=(video(keypoint_file),))
    prompt, key = Prompt("walk", 100, 160), Keyframe(50, (), (0.0, 0.9, 0.0))

    def chosen(request: MotionRequest) -> bool:
        mask = filmed_mask(films_from(request, 30.0), request.frames)
        return estimates(request, constraints_from(request), mask)

    assert chosen(film)
    assert chosen(replace(film, keyframes=(key,)))
    assert not chosen(replace(film, keyframes=(replace(key, frame=120),)))
    assert not chosen(replace(film, prompts=(prompt,)))
    assert not chosen(replace(film, music=(Music(song, 0, 50),)))
    assert not chosen(replace(film, reference=(Reference("r.npz", 0, 50),)))
    assert not chosen(replace(film, sampling=Sampling(mode="generate")))
    assert chosen(replace(film, prompts=(prompt,), sampling=Sampling(mode="estimate")))
    assert not chosen(MotionRequest(160, prompts=(prompt,)))


def test_guidance_amplifies_music_and_prompts_alone(engine: Engine, song: str, keypoint_file: str) -> None:
    """Without either, guidance changes nothing; with music it does."""
    key = Keyframe(50, (), (0.0, 0.9, 0.0))
    loud, quiet = (replace(RAW, guidance=value) for value in (5.0, 1.0))
    silent = MotionRequest(FRAMES, keyframes=(key,), sampling=loud)
    assert same(one(engine, silent), one(engine, replace(silent, sampling=quiet)))
    dance = replace(silent, music=(Music(song, 0, FRAMES),))
    assert not same(one(engine, dance), one(engine, replace(dance, sampling=quiet)))
    assert not same(one(engine, dance), one(engine, silent))


def test_the_unguided_pass_hides_text_and_music_and_nothing_else(engine: Engine) -> None:
    seen = []

    class Spy:
        inputs = engine._network.inputs

        def run(self, inputs):
            seen.append(inputs)
            return engine._network.run(inputs)

    conditions = np.ones((10, CONDITIONS.width), np.float32)
    denoiser = base_model.Denoiser(Spy(), engine.pack.info, conditions, (), None)
    noise = np.zeros((10, len(engine.pack.info.stats.mean)), np.float32)
    denoiser(noise, 999, told=True)
    denoiser(noise, 999, told=False)
    told, untold = (each["conditions"][0, :10] for each in seen)
    assert (told == 1.0).all()
    assert (untold[:, CONDITIONS["music"]] == 0.0).all()
    others = np.ones(CONDITIONS.width, bool)
    others[CONDITIONS["music"]] = False
    assert (untold[:, others] == 1.0).all()


def test_where_a_reference_stands_changes_nothing(engine: Engine, filmed: Motion, tmp_path: Path) -> None:
    save_motion(filmed, tmp_path / "a.npz")
    save_motion(moved(filmed, 2.5, (4.0, 1.0)), tmp_path / "b.npz")
    references = [Reference(str(tmp_path / name), 0, 80) for name in ("a.npz", "b.npz")]
    requests = [MotionRequest(FRAMES, reference=(reference,)) for reference in references]
    first, second = (one(engine, request) for request in requests)
    np.testing.assert_allclose(first.positions, second.positions, atol=2e-3)
    weaker = replace(requests[0], reference=(replace(requests[0].reference[0], strength=0.1),))
    assert np.abs(one(engine, weaker).local_rotations - first.local_rotations).max() > 1e-3


def test_everything_at_once(engine: Engine, keypoint_file: str, song: str, filmed: Motion, tmp_path: Path) -> None:
    save_motion(filmed, tmp_path / "a.npz")
    request = MotionRequest(
        240,
        prompts=(Prompt("a person dances", 60, 240),),
        keyframes=(Keyframe(230, (), (1.0, 0.9, 1.0)),),
        videos=(video(keypoint_file, 80), Video(keypoint_file, 90, 130, flip=True)),
        music=(Music(song, 40, 200),),
        reference=(Reference(str(tmp_path / "a.npz"), 140, 220),),
        sampling=Sampling(seed=7, samples=2),
    )
    motions = engine.generate(request)
    assert len(motions) == 2
    assert not same(*motions)
    for motion, again in zip(motions, engine.generate(request), strict=True):
        assert np.isfinite(motion.positions).all()
        assert same(motion, again)
        np.testing.assert_allclose(motion.root_positions[230], (1.0, 0.9, 1.0), atol=1e-6)


def test_following_a_video_reports_and_can_be_stopped(engine: Engine, keypoint_file: str) -> None:
    seen: list[Progress] = []
    request = MotionRequest(FRAMES, videos=(video(keypoint_file),))
    engine.generate(request, seen.append)
    phases = [each.phase for each in seen]
    assert "Following the video" in phases
    assert "Making the motion" not in phases
    with pytest.raises(CancelledError):
        engine.generate(request, None, lambda: True)


def test_bad_files_are_refused_in_one_sentence(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"no video")
    (tmp_path / "k.npz").write_bytes(b"no keypoints")
    for request in (
        MotionRequest(20, videos=(Video(str(tmp_path / "clip.mp4"), 0, 20),)),
        MotionRequest(20, videos=(Video(str(tmp_path / "k.npz"), 0, 20),)),
        MotionRequest(20, reference=(Reference(str(tmp_path / "k.npz"), 0, 20),)),
    ):
        with pytest.raises(RequestError) as caught:
            engine.generate(request)
        assert "\n" not in str(caught.value)
