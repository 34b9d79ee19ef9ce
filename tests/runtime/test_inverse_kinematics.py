"""Limb and spine solvers against plain geometry."""

from __future__ import annotations

import numpy as np
import pytest

from genmo.runtime import inverse_kinematics as ik
from genmo.runtime import rotation, skeleton
from genmo.runtime.skeleton import Array


def limb(count: int, seed: int, bend: float = 1.0) -> tuple[Array, Array, Array]:
    """Random limbs of 0.3 m and 0.4 m, bent by up to `bend` radians."""
    random = np.random.default_rng(seed)
    base = random.normal(size=(count, 3))
    first = rotation.normalize(random.normal(size=(count, 3)))
    turn = rotation.from_axis_angle(bend * random.uniform(-1.0, 1.0, (count, 3)))
    middle = base + 0.3 * first
    return base, middle, middle + 0.4 * rotation.rotate(turn, first)


def solved(base: Array, middle: Array, end: Array, target: Array, hinge: Array) -> tuple[Array, Array]:
    """Positions of middle and end after the turns."""
    upper, lower = ik.two_bone(base, middle, end, target, hinge)
    new_middle = base + rotation.rotate(upper, middle - base)
    return new_middle, new_middle + rotation.rotate(lower, end - middle)


@pytest.mark.parametrize("bend", [1.5, 0.05, 0.0])
def test_targets_within_reach_are_hit(bend: float) -> None:
    random = np.random.default_rng(1)
    base, middle, end = limb(500, 2, bend)
    reach = random.uniform(0.101, 0.699, (500, 1))
    target = base + reach * rotation.normalize(random.normal(size=(500, 3)))
    _, hand = solved(base, middle, end, target, random.normal(size=(500, 3)))
    assert np.linalg.norm(hand - target, axis=-1).max() < 1e-7


def test_targets_out_of_reach_stretch_or_fold_the_limb_towards_them() -> None:
    base, middle, end = limb(50, 3)
    ways = rotation.normalize(np.random.default_rng(4).normal(size=(50, 3)))
    hinge = np.tile([1.0, 0.0, 0.0], (50, 1))
    for asked, got in ((2.0, 0.7), (0.03, 0.1)):
        _, hand = solved(base, middle, end, base + asked * ways, hinge)
        assert np.abs(hand - base - got * ways).max() < 1e-5


def test_a_limb_that_is_there_does_not_turn() -> None:
    base, middle, end = limb(200, 5)
    upper, lower = ik.two_bone(base, middle, end, end, np.cross(middle - base, end - middle))
    assert rotation.angle(upper, rotation.identity()).max() < 1e-6
    assert rotation.angle(lower, rotation.identity()).max() < 1e-6


def test_a_bent_knee_keeps_its_plane() -> None:
    base, middle, end = np.zeros((1, 3)), np.array([[0.0, -0.3, 0.15]]), np.array([[0.0, -0.65, 0.0]])
    target = np.array([[0.0, -0.5, 0.0]])
    knee, _ = solved(base, middle, end, target, np.array([[0.0, 0.0, 1.0]]))
    assert knee[0, 0] == pytest.approx(0.0, abs=1e-9)
    assert knee[0, 2] > 0.15


@pytest.mark.parametrize("noise", [-0.01, 0.0, 0.01])
def test_a_straight_knee_bends_forwards(noise: float) -> None:
    base, middle, end = np.zeros((1, 3)), np.array([[0.0, -0.3, noise]]), np.array([[0.0, -0.7, 0.0]])
    target = np.array([[0.0, -0.5, 0.0]])
    knee, foot = solved(base, middle, end, target, np.array([[1.0, 0.0, 0.0]]))
    assert knee[0, 2] > 0.1
    assert np.abs(foot - target).max() < 1e-3


def test_hinges_agree_with_the_rest_pose() -> None:
    """In the rest pose knees and elbows are already bent a little, the way that they bend."""
    offsets = skeleton.rest_offsets()
    for each in ik.LIMBS:
        natural = np.cross(offsets[each.middle], offsets[each.end])
        assert np.dot(rotation.normalize(natural), each.hinge) > 0.8


def test_a_target_on_the_shoulder_gives_numbers() -> None:
    base, middle, end = limb(3, 6)
    _, hand = solved(base, middle, end, base, np.ones((3, 3)))
    assert np.isfinite(hand).all()
    assert np.isfinite(ik.aim(base, end, base)).all()


def test_aim_points_a_bone_at_a_target() -> None:
    base, _, end = limb(100, 7)
    target = np.random.default_rng(8).normal(size=(100, 3))
    tip = base + rotation.rotate(ik.aim(base, end, target), end - base)
    assert np.allclose(rotation.normalize(tip - base), rotation.normalize(target - base), atol=1e-9)


def test_a_spine_reaches_its_goal_and_keeps_its_bones() -> None:
    random = np.random.default_rng(9)
    bones = np.array([0.0, 0.12, 0.0]) + 0.02 * random.normal(size=(40, 4, 3))
    places = np.concatenate([np.zeros((40, 1, 3)), np.cumsum(bones, axis=1)], axis=1)
    goal = places[:, -1] * 0.9 + random.uniform(-0.08, 0.08, (40, 3)) * [1.0, 0.0, 1.0]
    free = np.ones((40, 4), dtype=bool)
    free[:20, 1] = False
    turned = ik.bend_chain(places, rotation.identity(40, 4), goal, free)
    end = np.sum(rotation.rotate(turned, bones), axis=1)
    assert np.linalg.norm(end - goal, axis=-1).max() < 1e-6
    # A joint that may not turn keeps its rotation relative to the one below.
    assert rotation.angle(turned[:20, 1], turned[:20, 0]).max() < 1e-9


def test_reach_is_that_of_the_bones() -> None:
    nearest, farthest = ik.reach(ik.LEFT_LEG, skeleton.rest_offsets())
    assert farthest == pytest.approx(0.8223, abs=1e-3)
    assert nearest == pytest.approx(0.0857, abs=1e-3)
