"""Requests of every kind through the runtime with a tiny random pack of the published family."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from genmo.runtime import metrics, rotation, sampler
from genmo.runtime.backends import torch_session
from genmo.runtime.engine import Engine
from genmo.runtime.errors import CancelledError, PackError, RequestError, UserError
from genmo.runtime.gem import run as gem_run
from genmo.runtime.gem.text import CACHE_VARIABLE
from genmo.runtime.keypoint_file import IMAGE_WIDTH, load_keypoints, save_keypoints
from genmo.runtime.motion import Motion
from genmo.runtime.pack import ModelPack, open_pack
from genmo.runtime.pack_info import PackInfo
from genmo.runtime.progress import Progress
from genmo.runtime.request import MotionRequest, Music, Pin, Prompt, Sampling, Video
from genmo.runtime.request import Path as RootPath
from genmo.runtime.skeleton import INDEX
from genmo.tests.runtime.filming import behind, cameras_at, write_film
from genmo.tests.runtime.test_engine import busy, same
from genmo.tests.runtime.test_guidance import write_clicks
from genmo.tests.runtime.walking import swaying
from genmo.tools.make_tiny_gem_pack import make_tiny_gem_pack

FRAMES = 150
FEW = Sampling(steps=3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("gem")


@pytest.fixture(scope="module")
def pack(folder: Path) -> ModelPack:
    return make_tiny_gem_pack(folder / "pack", gpu="fp16")


@pytest.fixture(autouse=True)
def _own_cache(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(folder / "cache"))


@pytest.fixture(scope="module")
def engine(pack: ModelPack) -> Engine:
    return Engine(pack, "cpu")


@pytest.fixture(scope="module")
def keypoint_file(folder: Path) -> str:
    root, local = swaying(FRAMES, seed=4, size=0.15)
    motion = Motion(30.0, root, local, np.zeros((FRAMES, 6)))
    cameras = cameras_at(0.15, 0.0, np.linspace(0.5, 0.9, FRAMES))
    return str(write_film(folder / "k.npz", motion, cameras, behind(motion, 9.0), rotations=True))


def one(engine: Engine, request: MotionRequest) -> Motion:
    (motion,) = engine.generate(request)
    assert motion.frames == request.frames
    return motion


def film(file: str, start: int = 0, stop: int = FRAMES) -> Video:
    return Video(file, start, stop)


def test_prompts_make_a_motion_on_the_ground_that_starts_at_the_origin(engine: Engine) -> None:
    motion = one(engine, MotionRequest(200, prompts=(Prompt("a person walks", 0, 120), Prompt("waves", 100, 200)),
                                       sampling=FEW))  # fmt: skip
    assert np.allclose(motion.root_positions[0, ::2], 0.0)
    assert abs(float(rotation.heading(motion.local_rotations[0, 0]))) < 1e-6
    assert motion.positions[..., 1].min() > -1e-6
    assert motion.pack == "tiny-gem 1"


def test_a_prompt_changes_its_own_frames_most(engine: Engine) -> None:
    def asked(text: str) -> Motion:
        prompts = (Prompt("a person walks", 0, 100), Prompt(text, 100, 200))
        return one(engine, MotionRequest(200, prompts=prompts, sampling=Sampling(steps=2, cleanup=False)))

    change = np.abs(asked("sits").local_rotations[:, 1:] - asked("jumps kicks").local_rotations[:, 1:]).mean(
        axis=(1, 2)
    )
    assert change[100:].mean() > 3.0 * change[:80].mean() > 0.0


def test_a_film_alone_is_one_forward_pass_that_needs_no_seed(
    engine: Engine, keypoint_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = MotionRequest(FRAMES, videos=(film(keypoint_file),))
    first, again = (one(engine, replace(request, sampling=Sampling(seed=seed))) for seed in (1, 2))
    assert same(first, again)
    assert first.camera_rotations is not None
    assert first.keypoints_2d is not None
    calls = count_forwards(monkeypatch)
    one(engine, request)
    assert calls == [True]


def count_forwards(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each forward pass that follows is told of prompts and music."""
    calls: list[bool] = []
    plain = gem_run.Denoiser.__call__

    def counted(self, noisy, step, *, told):
        calls.append(told)
        return plain(self, noisy, step, told=told)

    monkeypatch.setattr(gem_run.Denoiser, "__call__", counted)
    return calls


def test_guidance_runs_only_where_it_can_change_something(
    engine: Engine, keypoint_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = count_forwards(monkeypatch)
    one(engine, MotionRequest(FRAMES, videos=(film(keypoint_file),), sampling=Sampling(steps=2, mode="generate")))
    assert calls == [True, True]
    calls.clear()
    one(engine, MotionRequest(FRAMES, prompts=(Prompt("walks", 0, 50),), sampling=Sampling(steps=2)))
    assert calls == [True, False] * 2


def test_film_and_prompts_share_a_timeline(engine: Engine, keypoint_file: str) -> None:
    prompts = (Prompt("walks", 0, 110), Prompt("waves", 240, 400))
    request = MotionRequest(400, videos=(film(keypoint_file, 100, 250),), prompts=prompts, sampling=FEW)
    motion, other = one(engine, request), one(engine, replace(request, sampling=replace(FEW, seed=9)))
    assert motion.keypoints_2d is not None
    assert motion.keypoints_2d[100:250, :, 2].all()
    assert not motion.keypoints_2d[:100, :, 2].any()
    assert not same(motion, other)


def test_music_is_heard(engine: Engine, folder: Path) -> None:
    song = folder / "song.wav"
    write_clicks(song, 4.0)
    silent = MotionRequest(120, prompts=(Prompt("dances", 0, 120),), sampling=FEW)
    heard = replace(silent, music=(Music(str(song), 0, 120),))
    assert not same(one(engine, silent), one(engine, heard))


@pytest.mark.parametrize("frames", [1, 2, 59, 60, 61, 120, 121, 500])
def test_any_length(engine: Engine, frames: int) -> None:
    one(engine, MotionRequest(frames, prompts=(Prompt("walks", 0, frames),), sampling=Sampling(steps=2)))


def test_key_poses_pins_and_path_are_met_exactly(engine: Engine) -> None:
    request = busy(steps=4)
    motion = one(engine, request)
    numbers = metrics.measure(motion, request)
    assert numbers["key_position_error_mm"] < 1.0
    assert numbers["key_rotation_error_deg"] < 0.1
    assert numbers["pin_error_mm"] < 1.0
    assert numbers["path_error_mm"] < 1.0


def test_constraints_on_film_are_met_exactly(engine: Engine, keypoint_file: str) -> None:
    """A hand on a film frame is held where it is pinned, and the body goes where the path wants it."""
    path = RootPath((0, 149), ((1.0, 1.0), (1.5, 2.0)), None)
    request = MotionRequest(FRAMES, videos=(film(keypoint_file),), path=path,
                            pins=(Pin("l_wrist", 60, 80, (1.3, 1.1, 1.4)),))  # fmt: skip
    numbers = metrics.measure(one(engine, request), request)
    assert numbers["pin_error_mm"] < 1.0
    assert numbers["path_error_mm"] < 1.0


def test_the_projection_works_inside_the_sampler(engine: Engine) -> None:
    """What is put into an estimate is still there when the changed vector is decoded again."""
    request = busy(steps=2)
    run = gem_run.GemRun(request, engine.pack, engine._gem, lambda _: None, lambda: False)
    rough = sampler.regress(run._denoiser, request.frames, 160)
    refined = run._refine(rough)
    scene = run._space.scene(refined)
    key = request.keyframes[1]
    for name in ("l_elbow", "spine2", "r_knee"):
        angle = rotation.angle(scene.local[key.frame, INDEX[name]], np.array(key.rotations[name]))
        assert np.degrees(angle) < 2.0, name
    way = scene.root[75, ::2] - scene.root[10, ::2]
    np.testing.assert_allclose(
        way, np.array(key.root_position)[::2] - np.array(request.keyframes[0].root_position)[::2], atol=0.02
    )
    assert np.abs(refined - run._refine(refined)).max() < 0.1 * np.abs(refined - rough).max()


def test_image_features_are_used(engine: Engine, keypoint_file: str, folder: Path) -> None:
    track = load_keypoints(keypoint_file)
    images = np.random.default_rng(0).normal(size=(len(track.points), IMAGE_WIDTH))
    save_keypoints(replace(track, images=images), folder / "with_images.npz")
    plain, seen = (one(engine, MotionRequest(FRAMES, videos=(film(name),)))
                   for name in (keypoint_file, str(folder / "with_images.npz")))  # fmt: skip
    assert not same(plain, seen)


def test_torch_gives_the_same_motion_as_onnx_runtime(pack: ModelPack, engine: Engine, keypoint_file: str) -> None:
    request = MotionRequest(FRAMES, videos=(film(keypoint_file),), sampling=Sampling(cleanup=False))
    other = Engine(pack, "torch")
    assert isinstance(other._gem.denoiser, torch_session.TorchSession)
    ours, theirs = one(engine, request), one(other, request)
    np.testing.assert_allclose(ours.positions, theirs.positions, atol=1e-4)
    prompts = MotionRequest(130, prompts=(Prompt("walks", 0, 130),), sampling=FEW)
    np.testing.assert_allclose(one(engine, prompts).positions, one(other, prompts).positions, atol=1e-3)


def test_progress_and_cancel(engine: Engine) -> None:
    seen: list[Progress] = []
    request = MotionRequest(90, prompts=(Prompt("walks", 0, 90),), sampling=FEW)
    engine.generate(request, progress=seen.append)
    assert [p.step for p in seen if p.phase == gem_run.MOVING] == [1, 2, 3]
    with pytest.raises(CancelledError):
        engine.generate(request, should_stop=lambda: len(seen) > 0)


def test_the_gpu_that_cannot_be_used_is_told_of(
    pack: ModelPack, monkeypatch: pytest.MonkeyPatch, keypoint_file: str
) -> None:
    """ONNX Runtime with CUDA built in but no card: the processor runs the fp32 file, and the progress says so."""
    from genmo.runtime.backends import choice

    monkeypatch.setattr(choice, "has_cuda", lambda: True)
    monkeypatch.setattr(choice, "torch_has_cuda", lambda: False)
    engine = Engine(pack, "auto")
    seen: list[Progress] = []
    engine.generate(MotionRequest(FRAMES, videos=(film(keypoint_file),)), progress=seen.append)
    assert any("on the processor" in progress.phase for progress in seen)
    with pytest.raises(UserError, match="neither onnxruntime-gpu nor torch"):
        Engine(pack, "cuda")


def test_what_it_cannot_do_is_said(engine: Engine) -> None:
    prompts = (Prompt("walks", 0, 60),)
    with pytest.raises(RequestError, match="loop"):
        engine.generate(MotionRequest(60, prompts=prompts, loop="cycle"))


def test_a_gem_pack_reads_back_and_refuses_nonsense(pack: ModelPack, tmp_path: Path) -> None:
    assert open_pack(pack.folder).info == pack.info
    document = pack.info.to_json()
    for change, words in (
        ({"gravity": "left"}, "gravity: must be one of up, down"),
        ({"joints": [[0, 0, 0]]}, "must have 22 members"),
        ({"more": 1}, "unknown key"),
    ):
        with pytest.raises(PackError, match=words):
            PackInfo.from_json({**document, "gem": {**document["gem"], **change}})
    files = {role: entry for role, entry in document["files"].items() if role != "conditions"}
    with pytest.raises(PackError, match="'conditions' is missing"):
        PackInfo.from_json({**document, "files": files})


def test_where_gravity_points_is_found_out(tmp_path: Path, engine: Engine) -> None:
    down = make_tiny_gem_pack(tmp_path / "down", upright=-1.0)
    assert down.info.gem.gravity == "down"
    motion = one(Engine(down, "cpu"), MotionRequest(60, prompts=(Prompt("walks", 0, 60),), sampling=FEW))
    head, pelvis = motion.positions[:, INDEX["head"], 1], motion.positions[:, 0, 1]
    assert (head > pelvis).all(), "the body stands on its head"
