"""A bone map from the shape of the skeleton alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from genmo.genmo_blender.core import structure
from genmo.genmo_blender.core.bonemap import BY_SHAPE, BoneMap, apply_preset, guess_bone_map
from genmo.genmo_blender.core.coordinates import BLENDER_FROM_MODEL
from genmo.genmo_blender.core.restpose import RestPose
from genmo.runtime import rotation
from genmo.tests.core.bodies import body, chained, joint_points

AXES = [
    np.eye(3),
    100.0 * BLENDER_FROM_MODEL.T,
    np.diag([-1.0, -1.0, 1.0]),
    np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 1.0]]),
]
ASKEW = rotation.to_matrix(rotation.from_axis_angle([0.3, -0.8, 0.5]))


def unnamed(rest: RestPose, bone_map: BoneMap) -> tuple[RestPose, BoneMap]:
    """The same armature with bones that are only numbered, in another order."""
    new = {name: f"Bone.{number:03}" for number, name in enumerate(rest.names)}
    order = np.lexsort((np.random.default_rng(1).permutation(len(rest.names)), depths(rest)))
    back = np.argsort(order)
    parents = np.array([back[each] if each >= 0 else -1 for each in rest.parents])[order]
    names = tuple(new[rest.names[index]] for index in order)
    shuffled = RestPose(names, parents, rest.heads[order], rest.tails[order], rest.matrices[order])
    return shuffled, {joint: tuple(new[bone] for bone in bones) for joint, bones in bone_map.items()}


def depths(rest: RestPose) -> np.ndarray:
    """How many bones are above each bone."""
    return np.array([len(rest.ancestors(index)) for index in range(len(rest.names))])


def with_bones(rest: RestPose, parent: str, points: list[np.ndarray], name: str) -> RestPose:
    """The armature with a chain of further bones on a bone."""
    count = len(rest.names)
    above = [rest.index(parent), *range(count, count + len(points) - 2)]
    matrices = np.broadcast_to(np.eye(3), (len(points) - 1, 3, 3))
    return RestPose(
        (*rest.names, *(f"{name}{number}" for number in range(len(points) - 1))),
        np.concatenate([rest.parents, above]),
        np.concatenate([rest.heads, points[:-1]]),
        np.concatenate([rest.tails, points[1:]]),
        np.concatenate([rest.matrices, matrices]),
    )


@pytest.mark.parametrize("matrix", [*AXES, ASKEW])
@pytest.mark.parametrize("arms", [0.0, 0.8, 1.4, -0.5])
def test_every_joint_is_found_in_any_pose_and_axes(matrix: np.ndarray, arms: float) -> None:
    rest, expected = unnamed(*body(joint_points(a_pose=arms), matrix=matrix))
    assert structure.guess(rest).map == expected


@pytest.mark.parametrize(("leg", "arm"), [(0.6, 0.7), (1.5, 1.2), (1.0, 1.3), (0.8, 1.0)])
def test_other_proportions(leg: float, arm: float) -> None:
    rest, expected = unnamed(*body(joint_points(leg=leg, arm=arm, a_pose=0.7)))
    assert structure.guess(rest).map == expected


@pytest.mark.parametrize(
    "without",
    [("l_foot", "r_foot"), ("l_collar", "r_collar"), ("neck",), ("neck", "head"), ("spine1",)],
)
def test_what_is_not_there_is_not_found(without: tuple[str, ...]) -> None:
    points = {joint: point for joint, point in joint_points(a_pose=0.5).items() if joint not in without}
    rest, expected = unnamed(*body(points))
    assert structure.guess(rest).map == expected


def test_few_bones_at_once() -> None:
    """A trunk of two bones, no collars, toes, neck: the upper bone carries the arms, so it is the upper spine joint."""
    without = ("l_foot", "r_foot", "l_collar", "r_collar", "neck", "spine1", "spine2")
    points = {joint: point for joint, point in joint_points().items() if joint not in without}
    rest, expected = unnamed(*body(points))
    assert structure.guess(rest).map == expected


@pytest.mark.parametrize("joint", ["hip", "knee", "shoulder", "elbow"])
@pytest.mark.parametrize("count", [2, 3])
def test_twist_bones_in_line_belong_to_the_joint(joint: str, count: int) -> None:
    rest, expected = body(joint_points(a_pose=0.6))
    for side in "lr":
        rest, names = chained(rest, f"b_{side}_{joint}", count)
        expected[f"{side}_{joint}"] = names
    rest, expected = unnamed(rest, expected)
    assert structure.guess(rest).map == expected


def test_long_spines_and_necks() -> None:
    rest, expected = body(joint_points())
    rest, spine = chained(rest, "b_spine2", 3)
    rest, neck = chained(rest, "b_neck", 2)
    rest, _ = unnamed(rest, expected | {"spine2": spine, "neck": neck})
    found = structure.guess(rest).map
    assert sum(len(found[joint]) for joint in ("spine1", "spine2", "spine3")) == 5
    assert len(found["neck"]) == 2
    assert len(found) == 22


def test_fingers_hair_tails_and_skirts_do_not_disturb() -> None:
    points = joint_points(a_pose=0.4)
    rest, expected = body(points)
    for side, sign in (("l", 1.0), ("r", -1.0)):
        wrist = points[f"{side}_wrist"]
        for finger in range(5):
            start = wrist + np.array([sign * 0.08, -0.04 + 0.02 * finger, -0.03])
            steps = [start + np.array([sign * 0.03 * step, 0.0, -0.01 * step]) for step in range(4)]
            rest = with_bones(rest, f"b_{side}_wrist", steps, f"finger_{side}{finger}_")
        hair = [points["head"] + np.array([sign * 0.08, 0.05, 0.15 - 0.1 * step]) for step in range(7)]
        rest = with_bones(rest, "b_head", hair, f"hair_{side}")
        skirt = [points[f"{side}_hip"] + np.array([sign * (0.1 + 0.02 * step), 0.0, -0.12 * step]) for step in range(4)]
        rest = with_bones(rest, "b_pelvis", skirt, f"skirt_{side}")
    rest = with_bones(
        rest, "b_pelvis", [points["pelvis"] + np.array([0.0, 0.1 + 0.1 * step, 0.0]) for step in range(6)], "tail"
    )
    rest, expected = unnamed(rest, expected)
    assert structure.guess(rest).map == expected


def test_a_marker_at_the_top_is_not_the_head() -> None:
    rest, expected = body(joint_points())
    top = rest.tails[rest.index("b_head")]
    rest = with_bones(rest, "b_head", [top, top + np.array([0.0, 0.0, 0.05])], "HeadTop_End")
    rest = replace(rest, names=(*rest.names[:-1], "HeadTop_End"))
    assert structure.guess(rest).map == expected


def test_the_feet_tell_left_from_right() -> None:
    points = joint_points()
    turned = {joint: point * [-1.0, -1.0, 1.0] for joint, point in points.items()}
    rest, expected = body(turned)
    assert structure.guess(rest).map == expected
    mirror = {"l_": "r_", "r_": "l_"}
    swapped = {mirror.get(joint[:2], joint[:2]) + joint[2:]: point for joint, point in points.items()}
    rest, _ = body(swapped)
    assert structure.guess(rest).map["l_hip"] == ("b_r_hip",), "names lie, feet do not"


def test_names_that_fit_nothing_leave_it_to_the_shape() -> None:
    rest, expected = unnamed(*body(joint_points()))
    mapping = guess_bone_map(rest)
    assert (mapping.preset, mapping.problems, mapping.missing) == (BY_SHAPE, (), ())
    assert mapping.map == expected == apply_preset(BY_SHAPE, rest).map


def test_what_is_no_human_says_why() -> None:
    line = [np.array([0.0, 0.0, 0.1 * step]) for step in range(9)]
    rest, _ = body(joint_points())
    snake = with_bones(replace_all(rest, 1), rest.names[0], line, "s")
    assert "no legs and arms" in structure.guess(snake).reason
    assert "no legs and arms" in guess_bone_map(snake).problems[0]
    assert "no legs and arms" in apply_preset(BY_SHAPE, snake).problems[0]
    one = RestPose(("Bone",), np.array([-1]), np.zeros((1, 3)), np.zeros((1, 3)), np.eye(3)[None])
    assert not structure.guess(one).map


def replace_all(rest: RestPose, count: int) -> RestPose:
    """Only the first bones of an armature."""
    return RestPose(
        rest.names[:count], rest.parents[:count], rest.heads[:count], rest.tails[:count], rest.matrices[:count]
    )


@pytest.mark.parametrize("seed", range(12))
def test_small_noise_changes_nothing(seed: int) -> None:
    """Modellers are not exact: heads a centimetre off, one arm a little lower than the other."""
    generator = np.random.default_rng(seed)
    points = joint_points(a_pose=float(generator.uniform(0.0, 1.3)), leg=float(generator.uniform(0.8, 1.3)))
    moved = {joint: point + generator.normal(0.0, 0.006, 3) for joint, point in points.items()}
    rest, expected = unnamed(*body(moved, seed=seed))
    assert structure.guess(rest).map == expected


def test_roots_apart_are_explained() -> None:
    rest, _ = body(joint_points())
    loose = rest.parents.copy()
    loose[rest.index("b_spine1")] = -1
    reason = structure.guess(RestPose(rest.names, loose, rest.heads, rest.tails, rest.matrices)).reason
    assert "different root bones" in reason
