"""Held poses, variations and loops in requests: their JSON, what is wrong with them, what the engine makes of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from genmo.runtime import metrics, rotation
from genmo.runtime.constraints import constraints_from, untold_poses
from genmo.runtime.engine import Engine
from genmo.runtime.errors import RequestError
from genmo.runtime.guidance import cues_from
from genmo.runtime.loops import repeated_motion
from genmo.runtime.modes import Held, Vary, held_poses
from genmo.runtime.motion import Motion, save_motion
from genmo.runtime.pack import open_pack
from genmo.runtime.request import Keyframe, MotionRequest, Pin, Prompt, Sampling, load_request
from genmo.runtime.request import Path as RootPath
from genmo.runtime.skeleton import INDEX, JOINT_NAMES
from genmo.runtime.validation import problems
from genmo.tests.runtime.walking import walk

TINY = Path(__file__).parents[1] / "data" / "tiny_pack"
ARM = ("r_collar", "r_shoulder", "r_elbow", "r_wrist")


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(open_pack(TINY), "cpu")


@pytest.fixture(scope="module")
def base() -> Motion:
    """Three seconds of walking as recorded: what modes change."""
    return walk(90)


def around(motion: Motion, start: int, stop: int, context: int = 10, **more: object) -> MotionRequest:
    """The request that makes `[start, stop)` anew between `context` held frames on both sides."""
    first, last = start - context, stop + context
    before = held_poses(0, motion.root_positions[first:start], motion.local_rotations[first:start])
    after = held_poses(stop - first, motion.root_positions[stop:last], motion.local_rotations[stop:last])
    prompt = Prompt("a person jumps", context, stop - first)
    sampling = Sampling(seed=1, steps=3, mode="generate")
    return MotionRequest(last - first, prompts=(prompt,), held=(before, after), sampling=sampling, **more)  # type: ignore[arg-type]


def test_requests_without_modes_look_as_before() -> None:
    request = MotionRequest(30, prompts=(Prompt("walk", 0, 30),))
    assert not {"held", "vary", "loop"} & set(request.to_json())
    assert MotionRequest.from_json(request.to_json()) == request


def test_modes_survive_json(base: Motion, tmp_path: Path) -> None:
    partial = held_poses(3, base.root_positions[:4], base.local_rotations[:4], ARM)
    assert partial.root_positions is None
    request = replace(around(base, 30, 60), loop="moving", vary=Vary("old.npz", 0.25, 4))
    request = replace(request, held=(*request.held, partial))
    document = json.loads(json.dumps(request.to_json()))
    assert document["held"][0]["joints"] == "all"
    assert MotionRequest.from_json(document) == request
    (tmp_path / "request.json").write_text(json.dumps(document), "utf-8")
    assert load_request(tmp_path / "request.json").vary == Vary(str(tmp_path / "old.npz"), 0.25, 4)


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        ({"held": [{"start": 0, "rotations": []}]}, "holds nothing"),
        ({"held": [{"start": 0, "joints": ["neck"], "rotations": [[[1, 0, 0]]]}]}, r"rotations\[0\]\[0\]: must have 4"),
        ({"held": [{"start": 0, "rotations": [[[1, 0, 0, 0]] * 22], "root_positions": []}]}, "0 members"),
        ({"held": [{"start": 0, "joints": ["tail"], "rotations": [[[1, 0, 0, 0]]]}]}, "unknown joint 'tail'"),
        ({"vary": {"path": " "}}, "must name a file"),
        ({"vary": {"path": "a.npz", "strength": 1.5}}, "from 0 to 1"),
        ({"vary": {"path": "a.npz", "power": 1}}, "unknown key 'power'"),
        ({"loop": "round"}, '"moving", "in_place"'),
    ],
)
def test_wrong_forms_are_named(part: dict[str, object], sentence: str) -> None:
    with pytest.raises(RequestError, match=sentence):
        MotionRequest.from_json({"frames": 30, **part})


def test_what_makes_no_sense_is_a_sentence(base: Motion) -> None:
    def sentences(request: MotionRequest) -> str:
        return " | ".join(problem.message for problem in problems(request) if problem.severity == "error")

    held = held_poses(0, base.root_positions[:4], base.local_rotations[:4])
    prompt = (Prompt("walk", 0, 60),)
    assert not sentences(MotionRequest(60, held=(held,)))
    assert "outside the motion" in sentences(MotionRequest(60, held=(replace(held, start=70),)))
    bent = Held(0, ("neck",), (((0.5, 0.0, 0.0, 0.0),),))
    assert "not a unit quaternion" in sentences(MotionRequest(60, held=(bent,)))
    assert "does not exist" in sentences(MotionRequest(60, prompts=prompt, vary=Vary("nowhere.npz")))
    assert "0.4 s or longer" in sentences(MotionRequest(8, prompts=prompt, loop="moving"))
    pin = (Pin("l_wrist", 0, 5, (0.0, 1.0, 0.0)),)
    assert "goes nowhere" in sentences(MotionRequest(60, prompts=prompt, pins=pin, loop="in_place"))
    assert not sentences(MotionRequest(60, prompts=prompt, pins=pin, loop="moving"))


def test_held_frames_are_kept_and_the_seam_is_smooth(engine: Engine, base: Motion) -> None:
    request = around(base, 30, 60)
    (motion,) = engine.generate(request)
    kept = np.r_[0:10, 40:50]
    source = np.r_[20:30, 60:70]
    assert np.degrees(rotation.angle(motion.local_rotations[kept], base.local_rotations[source])).max() < 1e-4
    assert np.abs(motion.root_positions[kept] - base.root_positions[source]).max() < 1e-6
    measured = metrics.measure(motion)
    assert measured["key_position_error_mm"] < 0.01
    assert measured["key_rotation_error_deg"] < 0.001
    # Pose and speed go on: no frame at a seam is more violent than the noise of the random network inside.
    speeds = np.linalg.norm(np.diff(motion.positions, axis=0), axis=-1).max(axis=-1)
    inside = speeds[10:39].max()
    assert max(speeds[8:11].max(), speeds[38:41].max()) <= inside + speeds[:8].max()


def test_held_poses_on_both_sides_do_not_outweigh_prompts(base: Motion) -> None:
    request = around(base, 30, 60)
    assert untold_poses(request)[:10].all()
    assert not untold_poses(request)[10:40].any()
    assert untold_poses(replace(request, prompts=()))[40:].all()
    continued = replace(request, held=request.held[:1])
    assert not untold_poses(continued).any()
    key = Keyframe(4, ("neck",), None, {"neck": (1.0, 0.0, 0.0, 0.0)})
    assert not untold_poses(replace(request, keyframes=(key,)))[4, INDEX["neck"]]


def test_after_held_poses_no_prompt_begins_the_motion(base: Motion) -> None:
    request = around(base, 30, 60)
    prompted = replace(request, prompts=(Prompt("a person jumps", 0, 40),))
    assert not np.isfinite(cues_from(prompted, 30.0).since_start).any()
    assert np.isfinite(cues_from(replace(prompted, held=()), 30.0).since_start).any()


def test_a_key_pose_wins_over_held_poses(base: Motion) -> None:
    request = around(base, 30, 60)
    turned = tuple(rotation.from_axis_angle(np.array([0.3, 0.0, 0.0])).tolist())
    key = Keyframe(4, ("neck",), None, {"neck": turned})
    fixed = constraints_from(replace(request, keyframes=(key,)))
    assert float(rotation.angle(fixed.pose_rotations[4, INDEX["neck"]], turned)) < 1e-6
    assert float(rotation.angle(fixed.pose_rotations[5, INDEX["neck"]], turned)) > 0.01


def test_a_layer_keeps_the_other_joints(engine: Engine, base: Motion) -> None:
    stays = tuple(name for name in JOINT_NAMES if name not in ARM)
    held = held_poses(0, base.root_positions, base.local_rotations, stays)
    request = MotionRequest(base.frames, prompts=(Prompt("wave", 0, 90),), held=(held,), sampling=Sampling(steps=2))
    (motion,) = engine.generate(request)
    kept, made = [INDEX[name] for name in stays], [INDEX[name] for name in ARM]
    angles = np.degrees(rotation.angle(motion.local_rotations, base.local_rotations))
    assert angles[:, kept].max() < 1e-4
    assert angles[:, made].mean() > 0.2
    assert np.abs(motion.root_positions - base.root_positions).max() < 1e-6


def varied(engine: Engine, file: Path, strength: float, path: RootPath | None = None) -> Motion:
    prompts, vary = (Prompt("walk", 0, 60),), Vary(str(file), strength)
    request = MotionRequest(60, prompts=prompts, path=path, vary=vary, sampling=Sampling(5, steps=4))
    return engine.generate(request)[0]


def test_variations_change_more_with_more_strength_and_nothing_with_none(engine: Engine, tmp_path: Path) -> None:
    (old,) = engine.generate(MotionRequest(60, prompts=(Prompt("walk", 0, 60),), sampling=Sampling(steps=4)))
    save_motion(old, tmp_path / "old.npz")
    same = varied(engine, tmp_path / "old.npz", 0.0)
    np.testing.assert_allclose(same.positions, old.positions, atol=1e-9)
    found = [varied(engine, tmp_path / "old.npz", strength) for strength in (0.05, 0.1, 0.2, 0.4, 1.0)]
    change = [float(np.abs(motion.positions - old.positions).mean()) for motion in found]
    assert change == sorted(change), change
    assert change[0] < 0.2 * change[-1]
    (new,) = engine.generate(MotionRequest(60, prompts=(Prompt("walk", 0, 60),), sampling=Sampling(5, steps=4)))
    assert np.abs(found[-1].positions - new.positions).max() < 0.05  # all noise: as if there had been no old motion


def test_a_variation_meets_constraints_of_its_own(engine: Engine, tmp_path: Path) -> None:
    (old,) = engine.generate(MotionRequest(60, prompts=(Prompt("walk", 0, 60),), sampling=Sampling(steps=2)))
    save_motion(old, tmp_path / "old.npz")
    path = RootPath((0, 59), ((0.0, 0.0), (0.5, 1.0)))
    for strength in (0.0, 0.3):
        motion = varied(engine, tmp_path / "old.npz", strength, path=path)
        assert metrics.measure(motion)["path_error_mm"] < 0.1


def test_a_variation_of_too_short_a_motion_is_refused(engine: Engine, tmp_path: Path) -> None:
    save_motion(walk(20), tmp_path / "old.npz")
    with pytest.raises(RequestError, match="has 20 frames, fewer"):
        varied(engine, tmp_path / "old.npz", 0.5)
    (tmp_path / "old.npz").write_bytes(b"not a motion")
    with pytest.raises(RequestError, match="vary: "):
        varied(engine, tmp_path / "old.npz", 0.5)


def loop(frames: int, **more: object) -> MotionRequest:
    prompts = (Prompt("walk", 0, frames),)
    return MotionRequest(frames, prompts=prompts, sampling=Sampling(steps=3), **{"loop": "moving", **more})  # type: ignore[arg-type]


@pytest.mark.parametrize("frames", [11, 12, 40, 65, 200])
@pytest.mark.parametrize("way", ["moving", "in_place"])
def test_loops_of_any_length_close(engine: Engine, frames: int, way: str) -> None:
    (motion,) = engine.generate(loop(frames, loop=way))
    assert motion.frames == frames
    assert np.degrees(rotation.angle(motion.local_rotations[0], motion.local_rotations[-1])).max() < 1e-5
    assert abs(motion.root_positions[-1, 1] - motion.root_positions[0, 1]) < 1e-9
    if way == "in_place":
        assert np.abs(motion.root_positions[-1] - motion.root_positions[0]).max() < 1e-9
    # Played twice, the seam is no more violent than the rest.
    speeds = np.diff(repeated_motion(motion, 2).positions, axis=0)
    jumps = np.linalg.norm(np.diff(speeds, axis=0), axis=-1).max(axis=-1)
    assert jumps[frames - 3 : frames].max() <= 1.5 * jumps[: frames - 3].max() + 1e-6


def test_a_loop_meets_its_constraints_in_every_round(engine: Engine, base: Motion) -> None:
    turns = {name: tuple(base.local_rotations[7, index].tolist()) for name, index in INDEX.items()}
    keys = (Keyframe(20, JOINT_NAMES, (0.1, 0.9, 0.4), turns),)
    path = RootPath((0, 60), ((0.0, 0.0), (0.2, 1.2)))
    request = loop(61, keyframes=keys, path=path, pins=(Pin("l_wrist", 40, 45, (0.3, 1.1, 0.9)),))
    (motion,) = engine.generate(request)
    measured = metrics.measure(motion)
    assert measured["key_position_error_mm"] < 1.0
    assert measured["path_error_mm"] < 1.0
    assert measured["pin_error_mm"] < 1.0
    np.testing.assert_allclose(motion.root_positions[-1, ::2] - motion.root_positions[0, ::2], (0.2, 1.2), atol=1e-3)
    assert np.degrees(rotation.angle(motion.local_rotations[0], motion.local_rotations[-1])).max() < 1e-5


def test_loops_are_varied_too(engine: Engine, tmp_path: Path) -> None:
    (old,) = engine.generate(loop(61))
    save_motion(old, tmp_path / "old.npz")
    near, far = (engine.generate(loop(61, vary=Vary(str(tmp_path / "old.npz"), s)))[0] for s in (0.1, 0.9))
    change = [np.abs(motion.local_rotations - old.local_rotations).mean() for motion in (near, far)]
    assert change[0] < change[1]
    assert np.degrees(rotation.angle(near.local_rotations[0], near.local_rotations[-1])).max() < 1e-5
