"""Requests through the whole runtime with the tiny random pack: exactness, repeatability, limits, cancel."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest

from genmo.runtime import metrics, rotation
from genmo.runtime.engine import Engine
from genmo.runtime.errors import CancelledError, PackError, RequestError
from genmo.runtime.features import turn_planar
from genmo.runtime.pack import open_pack
from genmo.runtime.progress import Progress
from genmo.runtime.request import Keyframe, MotionRequest, Pin, Prompt, Sampling
from genmo.runtime.request import Path as RootPath
from genmo.runtime.skeleton import INDEX, JOINT_NAMES

TINY = Path(__file__).parents[1] / "data" / "tiny_pack"


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(open_pack(TINY), "cpu")


def key(frame: int, place: tuple[float, float], turn: float, seed: int) -> Keyframe:
    vectors = np.random.default_rng(seed).normal(scale=0.25, size=(22, 3))
    local = rotation.from_axis_angle(vectors)
    local[0] = rotation.multiply(rotation.about_y(turn), local[0])
    rotations = {name: tuple(float(v) for v in local[index]) for name, index in INDEX.items()}
    return Keyframe(frame, JOINT_NAMES, (place[0], 0.9, place[1]), rotations)


def busy(turn: float = 0.0, shift: tuple[float, float] = (0.0, 0.0), **sampling: object) -> MotionRequest:
    """Prompts, two keys, waypoints with headings and a pin, all turned about the origin and moved."""

    def place(x: float, z: float) -> tuple[float, float]:
        turned = turn_planar([x, z], turn)
        return float(turned[0]) + shift[0], float(turned[1]) + shift[1]

    hand = place(0.5, 1.2)
    return MotionRequest(
        frames=120,
        prompts=(Prompt("a person walks", 0, 70), Prompt("then waves", 60, 120)),
        keyframes=(key(10, place(0.0, 0.2), turn, 1), key(75, place(0.3, 1.5), turn + 0.8, 2)),
        pins=(Pin("l_wrist", 40, 52, (hand[0], 1.2, hand[1])),),
        path=RootPath((0, 110), (place(0.0, 0.0), place(0.5, 2.5)), (turn, turn + 1.0)),
        sampling=Sampling(**sampling),  # type: ignore[arg-type]
    )


def same(first, second) -> bool:
    return np.array_equal(first.root_positions, second.root_positions) and np.array_equal(
        first.local_rotations, second.local_rotations
    )


def test_every_constraint_is_met(engine: Engine) -> None:
    request = busy(seed=5)
    (motion,) = engine.generate(request)
    numbers = metrics.measure(motion, request)
    assert numbers["key_position_error_mm"] < 1.0
    assert numbers["key_rotation_error_deg"] < 0.1
    assert numbers["pin_error_mm"] < 1.0
    assert numbers["path_error_mm"] < 1.0
    assert motion.frames == 120
    assert motion.pack == "tiny 0.0.1"
    assert motion.request == request


def test_the_same_seed_gives_the_same_motion_and_another_seed_another(engine: Engine) -> None:
    (first,), (again,) = engine.generate(busy(seed=3)), engine.generate(busy(seed=3))
    (other,) = engine.generate(busy(seed=4))
    assert same(first, again)
    assert not same(first, other)


def test_sample_k_does_not_depend_on_how_many_samples_are_asked_for(engine: Engine) -> None:
    three = engine.generate(busy(seed=3, samples=3))
    (one,) = engine.generate(busy(seed=3))
    assert len(three) == 3
    assert same(three[0], one)
    assert not same(three[0], three[1])


def between(*frames: int, **sampling: object) -> MotionRequest:
    keys = tuple(key(frame, (0.0, 0.01 * frame), 0.0, frame) for frame in frames)
    return MotionRequest(frames[-1] + 1, keyframes=keys, sampling=Sampling(**sampling))  # type: ignore[arg-type]


def test_short_gaps_are_filled_by_one_pass_that_needs_no_seed(engine: Engine) -> None:
    motions = [engine.generate(between(0, 40, 90, seed=seed))[0] for seed in (1, 2)]
    assert same(*motions)
    measured = metrics.measure(motions[0])
    assert measured["key_position_error_mm"] < 0.01
    assert measured["key_rotation_error_deg"] < 0.001


def test_long_gaps_open_ends_and_several_samples_are_sampled(engine: Engine) -> None:
    long = [engine.generate(between(0, 90, seed=seed))[0] for seed in (1, 2)]
    assert not same(*long)
    open_end = dataclasses.replace(between(0, 40), frames=60)
    assert not same(*(engine.generate(dataclasses.replace(open_end, sampling=Sampling(s)))[0] for s in (1, 2)))
    assert not same(*engine.generate(between(0, 40, samples=2)))
    assert not same(*(engine.generate(between(0, 40, seed=seed, mode="generate"))[0] for seed in (1, 2)))


def test_a_moved_and_turned_request_gives_the_moved_and_turned_motion(engine: Engine) -> None:
    (first,) = engine.generate(busy(seed=3))
    (second,) = engine.generate(busy(turn=2.0, shift=(3.0, -4.0), seed=3))
    expected = rotation.rotate(rotation.about_y(2.0), first.positions) + np.array([3.0, 0.0, -4.0])
    np.testing.assert_allclose(second.positions, expected, atol=2e-3)


def test_prompts_alone_start_at_the_origin_and_face_forward(engine: Engine) -> None:
    (motion,) = engine.generate(MotionRequest(frames=40, prompts=(Prompt("jump", 0, 40),)))
    np.testing.assert_allclose(motion.root_positions[0, ::2], 0.0, atol=1e-9)
    assert abs(rotation.heading(motion.local_rotations[0, 0])) < 1e-6


def test_prompts_matter_only_where_they_stand(engine: Engine) -> None:
    """Frames farther from a prompt than the network can see do not know it."""
    base = MotionRequest(frames=400, prompts=(Prompt("walk", 0, 400),), sampling=Sampling(cleanup=False))
    changed = dataclasses.replace(base, prompts=(Prompt("walk", 0, 395), Prompt("crawl", 395, 400)))
    # With one step a frame hears of 2 layers x 60 frames; with the usual four it would hear of everything here.
    one = [dataclasses.replace(r, sampling=Sampling(steps=1, cleanup=False)) for r in (base, changed)]
    (first,), (second,) = (engine.generate(request) for request in one)
    assert np.allclose(first.local_rotations[:200], second.local_rotations[:200], atol=1e-5)
    assert not np.allclose(first.local_rotations[-5:], second.local_rotations[-5:], atol=1e-5)


@pytest.mark.parametrize("frames", [1, 2, 63, 64, 65, 1000])
def test_any_length(engine: Engine, frames: int) -> None:
    (motion,) = engine.generate(MotionRequest(frames=frames, prompts=(Prompt("walk", 0, frames),)))
    assert motion.frames == frames
    assert np.isfinite(motion.positions).all()


def test_progress_counts_every_step_of_every_sample(engine: Engine) -> None:
    seen: list[Progress] = []
    engine.generate(busy(samples=2, steps=3), seen.append)
    moving = [p for p in seen if p.phase == "Making the motion"]
    assert [p.step for p in moving] == [1, 2, 3, 4, 5, 6]
    assert {p.total for p in moving} == {6}


def test_cancel_stops_within_one_step_and_the_engine_goes_on(engine: Engine) -> None:
    seen: list[Progress] = []

    def stop() -> bool:
        return sum(p.phase == "Making the motion" for p in seen) >= 2

    with pytest.raises(CancelledError):
        engine.generate(busy(steps=50), seen.append, stop)
    assert max(p.step for p in seen) == 2
    assert engine.generate(busy())


@pytest.mark.parametrize(
    "request_",
    [
        MotionRequest(frames=30),
        MotionRequest(frames=30, prompts=(Prompt("walk", 40, 60),)),
        MotionRequest(frames=30, fps=24.0, prompts=(Prompt("walk", 0, 30),)),
    ],
)
def test_requests_that_make_no_sense_are_refused_in_one_sentence(engine: Engine, request_: MotionRequest) -> None:
    with pytest.raises(RequestError) as caught:
        engine.generate(request_)
    assert str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_pack_with_another_layout_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "pack"
    shutil.copytree(TINY, folder)
    text = (folder / "pack.json").read_text().replace('"root_tilt"', '"root_lean"')
    (folder / "pack.json").write_text(text)
    with pytest.raises(PackError, match="layout"):
        Engine(open_pack(folder), "cpu")
