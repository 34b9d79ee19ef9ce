"""In-betweening scores against sums done by hand, and baselines against motions that they reproduce."""

from __future__ import annotations

import numpy as np
import pytest

from genmo.evaluation import inbetween
from genmo.runtime import rotation, skeleton

MISSING = 15
FRAMES = inbetween.PAST + MISSING + 1


def clips(count: int = 3, frames: int = FRAMES, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Roots (N, T, 3) with a steady velocity and local rotations (N, T, 22, 4) with steady turns, under 180 degrees."""
    random = np.random.default_rng(seed)
    time = np.arange(frames)[:, None]
    roots = random.normal(size=(count, 1, 3)) + time * random.normal(scale=0.02, size=(count, 1, 3))
    turns = random.normal(scale=0.03, size=(count, 1, 22, 3))
    start = rotation.normalize(random.normal(size=(count, 1, 22, 4)))
    return roots, rotation.multiply(start, rotation.from_axis_angle(turns * time[..., None]))


def wandering(count: int = 3, frames: int = MISSING, seed: int = 0) -> np.ndarray:
    """Smooth quaternions (N, n, 22, 4)."""
    steps = np.random.default_rng(seed).normal(scale=0.1, size=(count, frames, 22, 3))
    return rotation.from_axis_angle(np.cumsum(steps, axis=1))


def test_a_constant_offset_has_a_known_l2p() -> None:
    truth = np.random.default_rng(0).normal(size=(3, MISSING, 22, 3))
    offset, deviation = np.array([0.3, -0.1, 0.2]), np.array([0.5, 0.2, 0.4])
    expected = np.sqrt(22 * (0.6**2 + 0.5**2 + 0.5**2))
    assert inbetween.l2p(truth + offset, truth, np.tile(deviation, (22, 1))) == pytest.approx(expected)


def test_l2p_is_a_mean_over_frames_and_clips_of_a_root_over_joints() -> None:
    truth = np.zeros((2, 4, 22, 3))
    estimate = truth.copy()
    estimate[0, 0, 3] = [3.0, 0.0, 0.0]
    estimate[0, 0, 7] = [0.0, 4.0, 0.0]
    assert inbetween.l2p(estimate, truth, np.ones((22, 3))) == pytest.approx(5.0 / 8)
    deviation = np.ones((22, 3))
    deviation[7, 1] = 4.0
    assert inbetween.l2p(estimate, truth, deviation) == pytest.approx(np.sqrt(10.0) / 8)


@pytest.mark.parametrize("degrees", [1.0, 60.0, 170.0])
def test_a_constant_turn_has_a_known_l2q(degrees: float) -> None:
    truth = wandering()
    turned = rotation.multiply(truth, rotation.from_axis_angle([0.0, np.radians(degrees), 0.0]))
    expected = np.sqrt(22) * 2 * np.sin(np.radians(degrees) / 4)
    assert inbetween.l2q(turned, truth) == pytest.approx(expected)


def test_signs_count_until_they_are_continued() -> None:
    truth = rotation.continuous(wandering(frames=MISSING + 1), axis=1)
    before, truth = truth[:, 0], truth[:, 1:]
    assert inbetween.l2q(-truth, truth) == pytest.approx(2 * np.sqrt(22))
    flipped = truth * np.where(np.random.default_rng(1).random((3, MISSING, 22, 1)) < 0.5, -1.0, 1.0)
    assert inbetween.npss(flipped, truth) > 0.01
    assert np.array_equal(inbetween.continued(flipped, before), truth)


def tone(bin_: int, frames: int = 32, amplitude: float = 1.0) -> np.ndarray:
    """(n,) a cosine that goes round `bin_` times."""
    return amplitude * np.cos(2 * np.pi * bin_ * np.arange(frames) / frames)


def as_rotations(*numbers: np.ndarray) -> np.ndarray:
    """One clip of one joint whose four numbers are these, the others 0."""
    values = np.zeros((1, len(numbers[0]), 1, 4))
    for index, number in enumerate(numbers):
        values[0, :, 0, index] = number
    return values


@pytest.mark.parametrize(("true", "predicted"), [(3, 3), (3, 4), (2, 9), (9, 2), (0, 5)])
def test_a_pure_tone_has_a_known_npss(true: int, predicted: int) -> None:
    """Half of its power lies k bins from the start, half k bins from the end; a constant has all of it at the start."""
    found = inbetween.npss(as_rotations(tone(predicted)), as_rotations(tone(true)))
    expected = abs(true - predicted) if true else (32 - 2 * predicted) * 0.5 + predicted
    assert found == pytest.approx(expected, abs=1e-9)


def test_loud_numbers_weigh_more() -> None:
    truth = as_rotations(tone(2, amplitude=3.0), tone(2, amplitude=1.0))
    estimate = as_rotations(tone(2), tone(12))
    assert inbetween.npss(estimate, truth) == pytest.approx(10 * 1 / (9 + 1))


def test_npss_looks_at_the_real_part_only() -> None:
    """A sine has no real part: all power is in the constant, where the cosine of the truth leaves a third of it."""
    sine = np.sin(2 * np.pi * 3 * np.arange(32) / 32)
    shifted, truth = as_rotations(sine + 0.5), as_rotations(tone(3) + 0.5)
    assert inbetween.npss(shifted, truth) == pytest.approx(3 * 2 / 3 + 26 * 1 / 3)


def test_npss_does_not_see_loudness_and_needs_some_power() -> None:
    truth = wandering()
    assert inbetween.npss(2.0 * truth, truth) == pytest.approx(0.0, abs=1e-12)
    with pytest.raises(ValueError, match="power"):
        inbetween.npss(truth, np.zeros_like(truth))


def test_the_truth_scores_nothing() -> None:
    roots, rotations = clips()
    positions, turned = skeleton.forward_kinematics(roots, rotations)
    assert inbetween.scores(positions, turned, positions, turned, np.ones((22, 3))) == inbetween.Scores(0.0, 0.0, 0.0)


def test_zero_velocity_holds_the_last_known_frame() -> None:
    roots, rotations = clips()
    places, turns = inbetween.zero_velocity(roots, rotations, MISSING)
    assert places.shape == (3, MISSING, 3)
    assert turns.shape == (3, MISSING, 22, 4)
    assert (places == roots[:, 9:10]).all()
    assert (turns == rotations[:, 9:10]).all()


@pytest.mark.parametrize("missing", [1, 5, 15])
def test_interpolation_of_a_steady_motion_is_exact(missing: int) -> None:
    roots, rotations = clips()
    places, turns = inbetween.interpolation(roots, rotations, missing)
    gap = slice(inbetween.PAST, inbetween.PAST + missing)
    assert np.allclose(places, roots[:, gap], atol=1e-12)
    assert np.allclose(turns, rotations[:, gap], atol=1e-9)


def test_interpolation_takes_the_shorter_way_and_the_sign_of_the_past() -> None:
    roots, rotations = clips()
    flipped = rotations.copy()
    flipped[:, inbetween.PAST + MISSING] *= -1.0
    expected = inbetween.interpolation(roots, rotations, MISSING)[1]
    assert np.allclose(inbetween.interpolation(roots, flipped, MISSING)[1], expected)


def test_only_the_last_known_frame_and_the_target_are_read() -> None:
    roots, rotations = clips(frames=FRAMES + 9)
    known = [inbetween.PAST - 1, inbetween.PAST + MISSING]
    hidden_roots, hidden = np.full_like(roots, np.nan), np.full_like(rotations, np.nan)
    hidden_roots[:, known], hidden[:, known] = roots[:, known], rotations[:, known]
    for baseline in (inbetween.zero_velocity, inbetween.interpolation):
        for found, expected in zip(
            baseline(hidden_roots, hidden, MISSING), baseline(roots, rotations, MISSING), strict=True
        ):
            assert np.array_equal(found, expected)


def test_baselines_score_through_forward_kinematics() -> None:
    """A root that moves d a frame under still joints: zero velocity is k d behind, on average 8 d for 15 frames."""
    _, rotations = clips()
    still = np.repeat(rotations[:, :1], FRAMES, axis=1)
    roots = np.tile(np.arange(FRAMES)[:, None] * [0.03, 0.0, 0.04], (3, 1, 1))
    gap = slice(inbetween.PAST, inbetween.PAST + MISSING)
    truth = skeleton.forward_kinematics(roots[:, gap], still[:, gap])
    frozen = skeleton.forward_kinematics(*inbetween.zero_velocity(roots, still, MISSING))
    found = inbetween.scores(*frozen, *truth, np.full((22, 3), 2.0))
    assert found.l2p == pytest.approx(8 * 0.05 / 2.0 * np.sqrt(22))
    assert found.l2q == 0.0
    assert found.npss == 0.0
    straight = skeleton.forward_kinematics(*inbetween.interpolation(roots, still, MISSING))
    assert inbetween.scores(*straight, *truth, np.ones((22, 3))).l2p == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("missing", [0, MISSING + 1])
def test_a_clip_holds_the_past_the_gap_and_the_target(missing: int) -> None:
    for baseline in (inbetween.zero_velocity, inbetween.interpolation):
        with pytest.raises(ValueError, match="frames"):
            baseline(*clips(), missing)


def test_other_shapes_are_refused() -> None:
    truth = wandering()
    with pytest.raises(ValueError, match="shapes"):
        inbetween.l2q(truth[:, 1:], truth)
    with pytest.raises(ValueError, match="shapes"):
        inbetween.npss(truth[0], truth[0])
    with pytest.raises(ValueError, match="roots"):
        inbetween.zero_velocity(clips()[0][:, 1:], clips()[1], MISSING)
    for deviation in (np.ones((21, 3)), np.zeros((22, 3))):
        with pytest.raises(ValueError, match="deviation"):
            inbetween.l2p(truth[..., 1:], truth[..., 1:], deviation)
