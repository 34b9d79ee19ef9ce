"""The skeleton's tables and forward kinematics."""

from __future__ import annotations

import numpy as np

from genmo.runtime import rotation, skeleton
from genmo.runtime.skeleton import INDEX, JOINT_COUNT, JOINT_NAMES, MIRROR, PARENTS

RANDOM = np.random.default_rng(2)
ROOT = RANDOM.normal(size=(7, 3))
LOCAL = rotation.normalize(RANDOM.normal(size=(7, JOINT_COUNT, 4)))


def test_parents_come_before_children() -> None:
    assert len(PARENTS) == len(JOINT_NAMES) == JOINT_COUNT == 22
    assert PARENTS[0] == -1
    assert all(parent < joint for joint, parent in enumerate(PARENTS))


def test_mirror_swaps_sides() -> None:
    assert [MIRROR[MIRROR[joint]] for joint in range(JOINT_COUNT)] == list(range(JOINT_COUNT))
    assert MIRROR[INDEX["l_wrist"]] == INDEX["r_wrist"]
    assert MIRROR[INDEX["spine1"]] == INDEX["spine1"]


def test_rest_pose_is_a_t_pose_with_left_on_plus_x() -> None:
    positions, _ = skeleton.forward_kinematics(np.zeros(3), rotation.identity(JOINT_COUNT))
    assert positions[INDEX["l_wrist"], 0] > 0.5 > -0.5 > positions[INDEX["r_wrist"], 0]
    assert positions[INDEX["head"], 1] > 0.4 > -0.7 > positions[INDEX["l_ankle"], 1]
    assert positions[INDEX["l_foot"], 2] > positions[INDEX["l_ankle"], 2]


def test_forward_kinematics_against_matrices() -> None:
    positions, world = skeleton.forward_kinematics(ROOT, LOCAL)
    offsets, matrices = skeleton.rest_offsets(), rotation.to_matrix(LOCAL)
    for joint, parent in enumerate(PARENTS[1:], start=1):
        above = rotation.to_matrix(world[:, parent])
        np.testing.assert_allclose(positions[:, joint], positions[:, parent] + above @ offsets[joint], atol=1e-12)
        np.testing.assert_allclose(rotation.to_matrix(world[:, joint]), above @ matrices[:, joint], atol=1e-12)
    np.testing.assert_array_equal(positions[:, 0], ROOT)


def test_forward_kinematics_keeps_bone_lengths() -> None:
    positions, _ = skeleton.forward_kinematics(ROOT, LOCAL)
    lengths = np.linalg.norm(positions[:, 1:] - positions[:, PARENTS[1:]], axis=-1)
    expected = np.linalg.norm(skeleton.rest_offsets()[1:], axis=-1)
    np.testing.assert_allclose(lengths, np.broadcast_to(expected, lengths.shape), atol=1e-12)


def test_moving_and_turning_the_root_moves_and_turns_all() -> None:
    turn, shift = rotation.about_y(0.7), np.array([1.0, 0.2, -3.0])
    turned = LOCAL.copy()
    turned[:, 0] = rotation.multiply(turn, LOCAL[:, 0])
    moved, _ = skeleton.forward_kinematics(rotation.rotate(turn, ROOT) + shift, turned)
    positions, _ = skeleton.forward_kinematics(ROOT, LOCAL)
    np.testing.assert_allclose(moved, rotation.rotate(turn, positions) + shift, atol=1e-12)


def test_local_from_world_is_the_inverse() -> None:
    _, world = skeleton.forward_kinematics(ROOT, LOCAL)
    assert rotation.angle(skeleton.local_from_world(world), LOCAL).max() < 1e-7
