"""The pieces of the sections against motions whose numbers are known."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from genmo.evaluation import between, constrained, music, text
from genmo.evaluation.clips import Recording, facing, position_deviation, spread, windows
from genmo.evaluation.inbetween import PAST
from genmo.evaluation.inside import Inside, regresses
from genmo.evaluation.quality import contact_speeds, mean_quality, quality
from genmo.evaluation.requests import full_key
from genmo.evaluation.seams import seam_ratio
from genmo.evaluation.speed import PublishedSize
from genmo.runtime import rotation
from genmo.runtime.engine import Engine
from genmo.runtime.media.music import BEATS, music_channels
from genmo.runtime.motion import Motion
from genmo.runtime.pack import open_pack
from genmo.runtime.request import MotionRequest, Music, Prompt, Sampling
from genmo.tests.training.archives import made_up_clip

TINY = Path(__file__).parents[1] / "data" / "tiny_pack"


def walk(frames: int = 130, seed: int = 0) -> Motion:
    vectors, root, contacts = made_up_clip(frames, seed)
    flags = np.concatenate([contacts, np.zeros((frames, 2))], axis=1)
    return Motion(30.0, root, rotation.from_axis_angle(vectors), flags)


def recording(frames: int, name: str = "clip") -> Recording:
    return Recording(name, ("a walk",), True, walk(frames))


def moved(motion: Motion, x: float, y: float, z: float) -> Motion:
    return dataclasses.replace(motion, root_positions=motion.root_positions + np.array([x, y, z]))


def test_windows_follow_each_other_and_are_long_enough() -> None:
    found = windows([recording(130, "a"), recording(59, "b"), recording(250, "c")], 60, 100, 99)
    assert [item.name for item in found] == ["a@0", "c@0", "c@100"]
    assert [item.motion.frames for item in found] == [100, 100, 100]
    np.testing.assert_array_equal(found[2].motion.root_positions, walk(250).root_positions[100:200])
    assert [item.motion.frames for item in windows([recording(161)], 60, 100, 99)] == [100, 61]


def test_a_few_are_spread_over_all() -> None:
    assert spread(list(range(11)), 3) == [0, 5, 10]
    assert spread([1, 2], 5) == [1, 2]


def test_windows_face_forward_around_the_origin() -> None:
    motion = walk(50)
    root, local = facing(motion.root_positions[None], motion.local_rotations[None], 9)
    assert rotation.heading(local[0, 9, 0]) == pytest.approx(0.0, abs=1e-12)
    np.testing.assert_allclose(root[0].mean(axis=0)[[0, 2]], 0.0, atol=1e-12)
    lengths = np.linalg.norm(np.diff(root[0], axis=0), axis=1)
    np.testing.assert_allclose(lengths, np.linalg.norm(np.diff(motion.root_positions, axis=0), axis=1))


def test_deviation_does_not_depend_on_place_and_direction() -> None:
    motion = walk(120)
    local = motion.local_rotations.copy()
    local[:, 0] = rotation.multiply(rotation.about_y(2.0), local[:, 0])
    places = rotation.rotate(rotation.about_y(2.0), motion.root_positions) + np.array([5.0, 0.0, -3.0])
    turned = dataclasses.replace(motion, root_positions=places, local_rotations=local)
    deviation = position_deviation([motion])
    assert deviation.shape == (22, 3)
    np.testing.assert_allclose(position_deviation([turned]), deviation, atol=1e-9)
    still = Motion(30.0, np.zeros((60, 3)), rotation.identity(60, 22), np.zeros((60, 6)))
    np.testing.assert_array_equal(position_deviation([still]), np.full((22, 3), 1e-3))


def test_quality_of_a_gliding_body() -> None:
    frames = 60
    root = np.stack([np.zeros(frames), np.full(frames, 0.9), np.arange(frames) / 30.0], axis=1)
    on = np.concatenate([np.ones((frames, 4)), np.zeros((frames, 2))], axis=1)
    glide = Motion(30.0, root, rotation.identity(frames, 22), on)
    found = quality(glide)
    assert [found["skate_cm_s"], found["skate_kimodo_cm_s"]] == pytest.approx([100.0, 100.0], rel=1e-5)
    assert found["skate_height_cm_s"] == 0.0, "its toes are too high"
    low = moved(glide, 0.0, 0.04 - found["toe_cm"] / 100.0, 0.0)
    assert quality(low)["skate_height_cm_s"] == pytest.approx(100.0, rel=1e-5)
    assert found["jerk"] == pytest.approx(0.0, abs=1e-6)
    assert found["contact_share"] == 1.0
    assert found["mbench_dynamic"] == pytest.approx(0.05, rel=1e-6)
    assert quality(moved(glide, 0, 0.1, 0))["toe_cm"] == pytest.approx(found["toe_cm"] + 10.0)


def test_a_foot_that_leaves_does_not_skate_yet() -> None:
    motion = walk(60)
    contacts = np.zeros((60, 6))
    contacts[20] = 1.0
    alone = dataclasses.replace(motion, contacts=contacts)
    assert len(contact_speeds(alone)) == 0
    assert quality(alone)["skate_cm_s"] == 0.0 < quality(alone)["skate_kimodo_cm_s"]
    contacts[21, 0] = 1.0
    step = motion.positions[21, 7] - motion.positions[20, 7]
    twice = dataclasses.replace(motion, contacts=contacts)
    expected = 3000.0 * np.hypot(step[0], step[2])
    np.testing.assert_allclose(contact_speeds(twice), [expected])
    assert mean_quality([alone, twice])["skate_cm_s"] == pytest.approx(expected)


def test_the_truth_fills_a_gap_without_error_and_a_step_aside_has_its_size() -> None:
    truth = [between.part(walk(75, seed), 15) for seed in range(3)]
    deviation = np.full((22, 3), 0.5)
    perfect = between.scores(truth, truth, 15, deviation)
    assert (perfect.l2p, perfect.l2q, perfect.npss) == (0.0, 0.0, 0.0)
    aside = between.scores(truth, [moved(motion, 0.1, 0.0, 0.0) for motion in truth], 15, deviation)
    assert aside.l2p == pytest.approx(np.sqrt(22) * 0.2)
    assert aside.l2q == 0.0
    flipped = [dataclasses.replace(motion, local_rotations=-motion.local_rotations) for motion in truth]
    assert between.scores(truth, flipped, 15, deviation).l2q == pytest.approx(0.0, abs=1e-9)


def test_a_filled_gap_keeps_the_known_frames() -> None:
    truth = between.part(walk(75), 5)
    filled = between._padded(truth, np.zeros((5, 3)), rotation.identity(5, 22))
    known = [*range(PAST), PAST + 5]
    np.testing.assert_array_equal(filled.root_positions[known], truth.root_positions[known])
    assert not filled.root_positions[PAST : PAST + 5].any()


@pytest.mark.parametrize("kind", ["full_body", "effector", "root_path"])
def test_constraint_errors_of_the_truth_and_of_a_shifted_motion(kind: str) -> None:
    motion = walk()
    task = constrained.tasks(motion, np.random.default_rng(3))[kind]
    assert task.errors(motion.positions).max() == 0.0
    np.testing.assert_allclose(task.errors(motion.positions + np.array([0.03, 0.0, 0.04])), 50.0)
    late = moved(motion, 2.0, 0.0, 1.0)
    np.testing.assert_allclose(constrained.moved_to_start(late, motion), motion.positions, atol=1e-12)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(open_pack(TINY), "cpu")


def test_inside_and_engine_make_the_same_motion_of_a_prompt(engine: Engine) -> None:
    sampling = Sampling(seed=5, cleanup=False)
    request = MotionRequest(70, prompts=(Prompt("a person waves", 0, 70),), sampling=sampling)
    inside = Inside(engine.pack).last_estimate(request, regression=False)
    (made,) = engine.generate(request)
    headings = [rotation.heading(motion.local_rotations[0, 0]) for motion in (made, inside)]
    start = inside.root_positions[0] * np.array([1.0, 0.0, 1.0])
    places = rotation.rotate(rotation.about_y(headings[0] - headings[1]), inside.positions - start)
    np.testing.assert_allclose(places, made.positions, atol=1e-5)


def test_inside_meets_keys_only_after_the_projection(engine: Engine) -> None:
    truth = walk(40)
    request = MotionRequest(40, keyframes=(full_key(truth, 0), full_key(truth, 30)))
    inside = Inside(engine.pack)
    finished = inside.regressed(request)
    np.testing.assert_allclose(finished.positions[[0, 30]], truth.positions[[0, 30]], atol=1e-6)
    raw = inside.last_estimate(request, regression=True)
    assert np.abs(constrained.moved_to_start(raw, truth)[30] - truth.positions[30]).max() > 1e-3
    told = dataclasses.replace(request, prompts=(Prompt("a walk", 0, 40),))
    assert not regresses(told), "a prompt is always sampled"


def test_a_seam_is_where_the_motion_jumps() -> None:
    smooth = walk(120)
    root = smooth.root_positions.copy()
    root[60:] += [0.1, 0.0, 0.0]
    jumping = dataclasses.replace(smooth, root_positions=root)
    assert seam_ratio(smooth, 60) < 1.5
    assert seam_ratio(jumping, 60) > 10.0
    assert seam_ratio(jumping, 30) < 1.5


def test_clicks_are_heard_at_their_tempo(tmp_path: Path) -> None:
    track = music.click_track(tmp_path / "clicks.wav", 120.0)
    features, mask = music_channels((Music(str(track), 0, 300),), 300, 30.0)
    beats = np.flatnonzero(features[:, BEATS] > 0.5)
    assert mask.all()
    assert len(beats) >= 15
    assert np.median(np.diff(beats)) == pytest.approx(15.0, abs=1.0)
    assert np.abs(beats % 15 - 7.5).max() <= 2.0  # the first click is at a quarter of a second


def test_prompts_are_captioned_clips_of_the_right_length() -> None:
    items = [recording(400), recording(30), Recording("mute", (), True, walk(100)), recording(60)]
    assert [item.motion.frames for item in text.prompted(items)] == [text.LONGEST, 60]


def test_the_gap_of_equal_motions_is_certain() -> None:
    vectors = np.random.default_rng(0).normal(size=(40, 8)).astype(np.float32)
    captions = [f"caption {index}" for index in range(40)]
    assert text.gap_error(vectors, vectors, [vectors, vectors], captions) == 0.0
    others = np.random.default_rng(1).normal(size=(40, 8)).astype(np.float32)
    assert 0.0 < text.gap_error(vectors, vectors, [vectors, others], captions) < 0.2


def test_a_small_network_of_the_published_kind_runs() -> None:
    network = PublishedSize(width=32, layers=2, heads=4, tokens=5)
    assert network.run(12).shape == (12, 32)
    weights = sum(parameter.numel() for parameter in network.parameters())
    assert weights == 2 * (24 * 32 * 32 + 18 * 32)  # 4 + 4 + 8 + 8 squares a layer
