"""Rest poses against the model's T-pose: palms, soles, feet without toes, twist bones, a T-pose shown by the user."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from genmo.genmo_blender.core import palms
from genmo.genmo_blender.core.bonemap import BoneMap
from genmo.genmo_blender.core.restpose import RestPose
from genmo.genmo_blender.core.retarget import Options, keyframe_from_pose, retarget
from genmo.genmo_blender.core.stance import Hints, skin_wanted
from genmo.genmo_blender.core.target import build_target
from genmo.runtime import rotation
from genmo.runtime.skeleton import INDEX
from genmo.tests.core.bodies import body, chained, joint_points, pose_matrices, random_motion
from genmo.tests.core.test_structure import with_bones

PLAIN = Options(foot_lock=False, floor=False)
FRONT, UP = np.array([0.0, -1.0, 0.0]), np.array([0.0, 0.0, 1.0])


def hands(roll: float, arms: float) -> tuple[RestPose, BoneMap]:
    """A body with fingers, its hands twisted about the forearm by `roll` radians, thumbs up being positive."""
    points = joint_points(a_pose=arms)
    rest, bone_map = body(points)
    for side, sign in (("l", 1.0), ("r", -1.0)):
        along = rotation.normalize(points[f"{side}_wrist"] - points[f"{side}_elbow"])
        flat = rotation.normalize(np.cross(np.cross(along, FRONT), along))
        across = rotation.rotate(rotation.from_axis_angle(-sign * roll * along), flat)
        for finger in range(5):
            base = points[f"{side}_wrist"] + (0.03 if finger == 0 else 0.08) * along + (0.03 - 0.015 * finger) * across
            chain = [base + (0.02 * step) * along + (0.01 * step * (finger == 0)) * across for step in range(4)]
            rest = with_bones(rest, f"b_{side}_wrist", chain, f"finger_{side}{finger}_")
    return rest, bone_map


def knuckles(rest: RestPose, bone_map: BoneMap, side: str) -> np.ndarray:
    """Where the thumb's side of a hand points in the T-pose, model axes."""
    target = build_target(rest, bone_map)
    own = palms.thumb_side(rest, bone_map[f"{side}_wrist"][0])
    assert own is not None
    return rotation.rotate(target.corrections[INDEX[f"{side}_wrist"]], own @ target.axes)


@pytest.mark.parametrize("arms", [0.0, 0.8, 1.45])
@pytest.mark.parametrize("degrees", [90.0, -60.0, 150.0, -40.0])
def test_palms_turn_down_whatever_the_rest_pose_does(degrees: float, arms: float) -> None:
    rest, bone_map = hands(math.radians(degrees), arms)
    for side in "lr":
        assert knuckles(rest, bone_map, side)[2] > 0.93, "the thumb's side looks ahead"


@pytest.mark.parametrize("degrees", [0.0, 15.0, -20.0])
def test_relaxed_hands_keep_their_twist(degrees: float) -> None:
    rest, bone_map = hands(math.radians(degrees), 0.7)
    corrections = build_target(rest, bone_map).corrections
    assert np.allclose(corrections[INDEX["l_wrist"]], corrections[INDEX["l_elbow"]])
    plain, plain_map = body(joint_points(a_pose=0.7))
    assert np.allclose(corrections, build_target(plain, plain_map).corrections)


def test_the_forearm_takes_half_of_the_twist() -> None:
    rest, bone_map = hands(math.radians(80.0), 0.5)
    straight, _ = hands(0.0, 0.5)
    corrections, before = (build_target(each, bone_map).corrections for each in (rest, straight))
    angles = np.degrees(rotation.angle(corrections, before))
    assert angles[INDEX["l_wrist"]] == pytest.approx(80.0, abs=12.0)
    assert angles[INDEX["l_elbow"]] == pytest.approx(0.5 * angles[INDEX["l_wrist"]], abs=1e-6)
    assert angles[INDEX["l_shoulder"]] < 1e-6


def test_a_hand_without_fingers_is_read_from_its_skin() -> None:
    rest, bone_map = body(joint_points())
    wanted = skin_wanted(rest, bone_map)
    assert wanted == ("l_wrist", "r_wrist")
    generator = np.random.default_rng(0)
    skin = {}
    for side in "lr":
        wrist = rest.heads[rest.index(f"b_{side}_wrist")]
        along = rotation.normalize(wrist - rest.heads[rest.index(f"b_{side}_elbow")])
        skin[f"{side}_wrist"] = (
            wrist
            + generator.uniform(0.0, 0.18, (300, 1)) * along
            + generator.uniform(-0.05, 0.05, (300, 1)) * UP  # as wide as high: the thumb is up
            + generator.uniform(-0.015, 0.015, (300, 1)) * FRONT
        )
    corrections = build_target(rest, bone_map, hints=Hints(skin=skin)).corrections
    target = build_target(rest, bone_map)
    turned = rotation.rotate(corrections[INDEX["l_wrist"]], UP @ target.axes)
    assert abs(turned[2]) > 0.9
    assert palms.width(skin["l_wrist"][:5], np.array([1.0, 0.0, 0.0])) is None
    assert palms.width(generator.normal(size=(500, 3)), np.array([1.0, 0.0, 0.0])) is None


def test_too_few_fingers_say_nothing() -> None:
    rest, _ = body(joint_points())
    assert palms.thumb_side(rest, "b_l_wrist") is None


def foot_skin(rest: RestPose, slope: float) -> dict[str, np.ndarray]:
    """A flat block of skin for each foot that goes down to the front by some radians."""
    grid = np.stack(np.meshgrid(np.linspace(-0.04, 0.04, 5), np.linspace(-0.08, 0.2, 15), [-0.07, 0.0]), -1).reshape(
        -1, 3
    )
    turned = grid * [1.0, -1.0, 1.0] @ np.array(rotation.to_matrix(rotation.from_axis_angle([slope, 0.0, 0.0]))).T
    return {f"{side}_ankle": rest.heads[rest.index(f"b_{side}_ankle")] + turned for side in "lr"}


@pytest.mark.parametrize("degrees", [25.0, 40.0, -30.0])
def test_a_foot_that_rests_on_tiptoe_is_laid_flat(degrees: float) -> None:
    rest, bone_map = body(joint_points())
    plain = build_target(rest, bone_map).corrections
    turns = build_target(rest, bone_map, hints=Hints(skin=foot_skin(rest, math.radians(degrees)))).corrections
    for side in "lr":
        change = rotation.to_axis_angle(
            rotation.multiply(turns[INDEX[f"{side}_ankle"]], rotation.conjugate(plain[INDEX[f"{side}_ankle"]]))
        )
        assert np.degrees(change[0]) == pytest.approx(-degrees, abs=4.0), "toes go up"


def test_high_heels_stay_on_their_soles() -> None:
    rest, bone_map = body(joint_points())
    plain = build_target(rest, bone_map).corrections
    turns = build_target(rest, bone_map, hints=Hints(skin=foot_skin(rest, 0.0))).corrections
    assert np.allclose(turns, plain)


def test_a_foot_without_toes_and_direction_still_points_ahead() -> None:
    points = {joint: point for joint, point in joint_points().items() if joint[2:] != "foot"}
    rest, bone_map = body(points)
    assert set(skin_wanted(rest, bone_map)) == {"l_wrist", "r_wrist", "l_ankle", "r_ankle"}
    tails = rest.tails.copy()
    for side in "lr":  # as importers leave them: every bone is a short stub that points up
        tails[rest.index(f"b_{side}_ankle")] = rest.heads[rest.index(f"b_{side}_ankle")] + 0.05 * UP
    target = build_target(replace(rest, tails=tails), bone_map)
    ahead = target.balls - np.stack([target.heads[target.first(f"{side}_ankle")] for side in "lr"])
    assert (ahead[:, 2] > 0.09).all()
    assert (np.abs(ahead[:, 0]) < 0.01).all()
    with_skin = build_target(replace(rest, tails=tails), bone_map, hints=Hints(skin=foot_skin(rest, 0.0)))
    assert with_skin.balls[0, 2] - with_skin.heads[with_skin.first("l_ankle"), 2] == pytest.approx(0.14, abs=1e-3)


@pytest.mark.parametrize("joint", ["hip", "knee", "shoulder", "elbow"])
@pytest.mark.parametrize("count", [2, 3])
def test_twist_bones_share_the_twist_and_nothing_else(joint: str, count: int) -> None:
    """The limb stays straight, bone by bone, and ends where it would end without them."""
    rest, bone_map = body(joint_points(a_pose=0.5))
    motion = random_motion(1, seed=3)
    plain = pose_matrices(rest, retarget(motion, build_target(rest, bone_map), PLAIN), 0)
    rest, names = chained(rest, f"b_l_{joint}", count)
    bone_map = bone_map | {f"l_{joint}": names}
    target = build_target(rest, bone_map)
    posed = pose_matrices(rest, retarget(motion, target, PLAIN), 0)
    directions = np.stack([posed[name][:3, 1] for name in names])
    assert np.abs(directions - directions[0]).max() < 1e-9
    below = {"hip": "knee", "knee": "ankle", "shoulder": "elbow", "elbow": "wrist"}[joint]
    assert np.allclose(posed[f"b_l_{below}"], plain[f"b_l_{below}"], atol=1e-9)
    turns = [rotation.from_matrix(posed[name][:3, :3] @ rest.matrices[rest.index(name)].T) for name in names]
    steps = [float(rotation.angle(one, other)) for one, other in itertools.pairwise(turns)]
    assert max(steps) > 0.01
    assert steps == pytest.approx([steps[0]] * len(steps), rel=1e-6)
    pose = keyframe_from_pose(posed, target)
    assert np.degrees(rotation.angle(pose.rotations, motion.local_rotations[0])).max() < 1e-5


def test_a_shown_t_pose_counts_before_geometry() -> None:
    """A rest pose bent at random, and the turns and places that bring it into the T-pose."""
    straight, bone_map = body(joint_points())
    motion = random_motion(1, seed=8, bend=0.9)
    bent = pose_matrices(straight, retarget(motion, build_target(straight, bone_map), PLAIN), 0)
    heads = np.array([bent[name][:3, 3] for name in straight.names])
    matrices = np.array([bent[name][:3, :3] for name in straight.names])
    rest = RestPose(straight.names, straight.parents, heads, heads + 0.1 * matrices[:, :, 1], matrices)
    turns = {
        joint: rotation.from_matrix(straight.matrices[row] @ matrices[row].T)
        for joint, (bone,) in bone_map.items()
        for row in [straight.index(bone)]
    }
    places = {joint: straight.heads[straight.index(bone)] for joint, (bone,) in bone_map.items()}
    target = build_target(rest, bone_map, hints=Hints(turns, places))
    other = random_motion(2, seed=9)
    posed = pose_matrices(rest, retarget(other, target, PLAIN), 1)
    expected = pose_matrices(straight, retarget(other, build_target(straight, bone_map), PLAIN), 1)
    for joint, (bone,) in bone_map.items():
        assert np.allclose(posed[bone][:3, :3], expected[bone][:3, :3], atol=1e-6), joint
