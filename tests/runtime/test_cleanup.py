"""Clean-up: planted feet stand, nothing sinks, what is in the air and what is constrained stays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from genmo.runtime import rotation, skeleton
from genmo.runtime.cleanup import clean_up
from genmo.runtime.constraints import constraints_from, no_constraints
from genmo.runtime.metrics import key_acceleration_ratio
from genmo.runtime.motion import Motion
from genmo.runtime.projection import project
from genmo.runtime.request import MotionRequest, Path, Pin
from genmo.runtime.skeleton import FLOOR_OFFSET, INDEX, Array
from genmo.runtime.stances import planted_frames, stances
from genmo.tests.runtime.motions import random_motion
from genmo.tests.runtime.walking import ANKLE_HEIGHT, accelerations, key_of, skate, walk

FEET = [INDEX[name] for name in ("l_ankle", "l_foot", "r_ankle", "r_foot")]


def jerk(positions: Array) -> float:
    return float(np.linalg.norm(np.diff(positions, 3, axis=0), axis=-1).mean())


def sliding(motion: Motion, seed: int = 0) -> Motion:
    """The motion with a root that drifts and legs that waver."""
    random = np.random.default_rng(seed)
    time = np.arange(motion.frames)[:, None]
    drift = 0.15 * np.sin(time / 25.0 + random.uniform(0.0, 6.0, (1, 3))) * [1.0, 0.1, 1.0]
    waver = 0.06 * np.sin(time[..., None] / 14.0 + random.uniform(0.0, 6.0, (1, 22, 3)))
    local = rotation.multiply(motion.local_rotations, rotation.from_axis_angle(waver))
    return replace(motion, root_positions=motion.root_positions + drift, local_rotations=local)


def test_the_synthetic_walk_is_what_it_says() -> None:
    motion = walk()
    assert skate(motion.positions, motion.contacts) < 1e-6
    assert motion.positions[:, FEET[1::2], 1].min() == pytest.approx(FLOOR_OFFSET)
    assert motion.positions[:, FEET[0::2], 1].min() == pytest.approx(ANKLE_HEIGHT)


def test_a_clean_walk_is_left_alone() -> None:
    motion = walk()
    result = clean_up(motion, no_constraints(motion.frames))
    assert np.abs(result.positions - motion.positions).max() < 5e-3


@pytest.mark.parametrize("seed", range(6))
def test_sliding_feet_stand_still(seed: int) -> None:
    motion = sliding(walk(), seed)
    result = clean_up(motion, no_constraints(motion.frames))
    assert skate(motion.positions, motion.contacts) > 8.0
    assert skate(result.positions, result.contacts) < 1.0
    assert jerk(result.positions) < 1.1 * jerk(motion.positions)
    assert result.positions[:, FEET[1::2], 1].min() > FLOOR_OFFSET - 2e-3
    before, after = (np.percentile(accelerations(each.positions), 99.5) for each in (motion, result))
    assert after < 1.3 * before


def test_feet_under_the_floor_are_lifted() -> None:
    motion = walk()
    result = clean_up(
        replace(motion, root_positions=motion.root_positions - [0.0, 0.04, 0.0]), no_constraints(motion.frames)
    )
    assert result.positions[:, FEET, 1].min() > FLOOR_OFFSET - 1e-3


def test_standing_higher_than_the_floor_stays_there() -> None:
    motion = walk()
    upstairs = replace(motion, root_positions=motion.root_positions + np.array([0.0, 0.5, 0.0]))
    result = clean_up(upstairs, no_constraints(motion.frames))
    assert np.abs(result.positions - upstairs.positions).max() < 5e-3


def test_flight_is_untouched() -> None:
    motion = sliding(walk())
    contacts = motion.contacts.copy()
    contacts[60:120] = 0.0
    root = motion.root_positions + np.exp(-(((np.arange(160) - 90) / 15.0) ** 2))[:, None] * [0.0, 0.5, 0.0]
    jump = replace(motion, contacts=contacts, root_positions=root)
    result = clean_up(jump, no_constraints(160))
    poses = result.positions - result.positions[:, :1]
    assert np.abs(poses - (jump.positions - jump.positions[:, :1]))[85:95].max() < 0.01


def test_without_contacts_and_above_the_floor_nothing_moves() -> None:
    motion = walk()
    high = replace(
        motion, contacts=np.zeros((160, 6)), root_positions=motion.root_positions + np.array([0.0, 0.1, 0.0])
    )
    assert np.abs(clean_up(high, no_constraints(160)).positions - high.positions).max() < 1e-6


@pytest.mark.parametrize("seed", range(4))
def test_constraints_stay_exact_and_do_not_pop(seed: int) -> None:
    motion, true = sliding(walk(), seed), walk()
    keys = tuple(key_of(true.root_positions, true.local_rotations, frame) for frame in (0, 47, 93, 159))
    place = true.positions[70, INDEX["l_wrist"]] + [0.0, 0.1, 0.1]
    foot = true.positions[118, INDEX["r_ankle"]]
    pins = (Pin("l_wrist", 64, 76, tuple(place)), Pin("r_ankle", 116, 121, tuple(foot)))
    request = MotionRequest(160, keyframes=keys, pins=pins)
    constraints = constraints_from(request)
    root, local = project(motion.root_positions, motion.local_rotations, constraints)
    result = clean_up(replace(motion, root_positions=root, local_rotations=local), constraints)
    for key in keys:
        assert np.abs(result.positions[key.frame] - true.positions[key.frame]).max() < 1e-3
        assert rotation.angle(result.local_rotations[key.frame], true.local_rotations[key.frame]).max() < 1e-3
    for pin in pins:
        assert np.abs(result.positions[pin.start : pin.stop, INDEX[pin.joint]] - pin.position).max() < 1e-3
    assert skate(result.positions, result.contacts) < 2.0
    ratio = key_acceleration_ratio(result, MotionRequest(160, keyframes=keys))
    assert ratio is not None
    assert ratio < 2.0


def test_a_dense_path_leaves_the_legs_to_do_it() -> None:
    motion = sliding(walk())
    true = walk().root_positions
    path = Path(tuple(range(160)), tuple((x, z) for x, _, z in true))
    result = clean_up(motion, constraints_from(MotionRequest(160, path=path)))
    assert np.abs(result.root_positions[:, (0, 2)] - true[:, (0, 2)]).max() < 1e-9
    assert skate(result.positions, result.contacts) < 2.0


def test_it_turns_with_the_motion() -> None:
    motion = sliding(walk())
    turn = rotation.about_y(2.0)
    local = motion.local_rotations.copy()
    local[:, 0] = rotation.multiply(turn, local[:, 0])
    shift = np.array([3.0, 0.0, 1.0])
    root = rotation.rotate(turn, motion.root_positions) + shift
    moved = replace(motion, root_positions=root, local_rotations=local)
    result = clean_up(moved, no_constraints(160)).positions
    wanted = rotation.rotate(turn, clean_up(motion, no_constraints(160)).positions) + shift
    assert np.abs(result - wanted).max() < 1e-6


@pytest.mark.parametrize("frames", [1, 2, 3, 5, 40])
def test_wild_and_short_motions_give_numbers(frames: int) -> None:
    motion = random_motion(frames)
    result = clean_up(motion, no_constraints(frames))
    assert np.isfinite(result.root_positions).all()
    assert np.isfinite(result.local_rotations).all()


def test_flickering_contacts_are_mended() -> None:
    contacts = np.array([0, 1, 0, 0, 0, 0.9, 0.9, 0.45, 0.9, 0, 0.9, 0.9, 0, 0, 0, 0.45, 0.45, 0.45])
    assert np.flatnonzero(planted_frames(contacts)).tolist() == [5, 6, 7, 8, 9, 10, 11]


def test_heel_and_ball_spots_are_a_foot_apart() -> None:
    motion = sliding(walk())
    points = motion.positions[:, FEET[:2]]
    contacts = motion.contacts[:, :2].copy()
    contacts[8:, 0] = 0.0
    contacts[:4, 1] = 0.0
    contacts[19:] = 0.0
    result = stances(points, contacts, np.zeros(160, dtype=bool))
    length = np.linalg.norm(skeleton.rest_offsets()[INDEX["l_foot"]])
    apart = np.linalg.norm(result.spots[5, 0] - result.spots[5, 1])
    assert apart == pytest.approx(length)
    assert np.ptp(result.spots[4:19, 1], axis=0).max() < 1e-12


def test_two_keys_in_one_stance_let_the_foot_glide() -> None:
    points = np.zeros((40, 2, 3))
    points[:, 1] = [0.0, -0.05, 0.12]
    points[:, :, 1] += 0.1
    points[30:, :, 0] += 0.08
    fixed = np.zeros(40, dtype=bool)
    fixed[[5, 35]] = True
    spots = stances(points, np.ones((40, 2)), fixed).spots
    assert np.allclose(spots[[5, 35]], points[[5, 35]])
    assert np.abs(np.diff(spots, axis=0)).max() < 0.01
