"""Planted feet, pins and the floor on rigs of other proportions."""

from __future__ import annotations

import numpy as np
import pytest

from genmo.genmo_blender.core import coordinates
from genmo.genmo_blender.core.holds import Hold
from genmo.genmo_blender.core.retarget import Options, retarget
from genmo.genmo_blender.core.target import Target, build_target
from genmo.runtime.motion import Motion
from genmo.runtime.skeleton import INDEX
from genmo.tests.core.bodies import body, joint_points, pose_matrices, random_motion, walking

PLAIN = Options(foot_lock=False, floor=False)


def rig(**shape: float) -> Target:
    """A rig of other proportions."""
    return build_target(*body(joint_points(**shape)))


def heads(target: Target, motion: Motion, joint: str, options: Options | None = None, **kwargs) -> np.ndarray:
    """(T, 3) head of a joint's bone, armature space."""
    poses = retarget(motion, target, options, **kwargs)
    return np.array([pose_matrices(target.rest, poses, frame)["b_" + joint][:3, 3] for frame in range(poses.frames)])


@pytest.mark.parametrize("shape", [{"leg": 1.2}, {"leg": 0.7}, {"a_pose": 0.8}])
def test_a_planted_foot_stays_where_it_is(shape: dict[str, float]) -> None:
    target, motion = rig(**shape), walking()
    ball = heads(target, motion, "l_foot")
    assert np.ptp(ball, axis=0).max() < 1e-4
    assert ball[:, 2] == pytest.approx(target.balls[0, 1], abs=1e-4)  # on the floor as in the rest pose


def uneven() -> Target:
    """Long thighs, short shins: the same angles put the feet elsewhere."""
    points = joint_points()
    for side in ("l", "r"):
        thigh = 0.25 * (points[f"{side}_knee"] - points[f"{side}_hip"])
        shin = -0.3 * (points[f"{side}_ankle"] - points[f"{side}_knee"])
        points[f"{side}_knee"] = points[f"{side}_knee"] + thigh
        for joint in ("ankle", "foot"):
            points[f"{side}_{joint}"] = points[f"{side}_{joint}"] + thigh + shin
    lowest = points["l_foot"][2] - 0.023
    return build_target(*body({joint: point - [0.0, 0.0, lowest] for joint, point in points.items()}))


def test_without_the_lock_it_slides() -> None:
    target, motion = uneven(), walking()
    assert np.ptp(heads(target, motion, "l_foot", PLAIN), axis=0).max() > 0.01
    assert np.ptp(heads(target, motion, "l_foot"), axis=0).max() < 1e-4


def test_the_foot_keeps_its_own_turn() -> None:
    target, motion = uneven(), walking()
    plain, locked = (retarget(motion, target, options) for options in (PLAIN, None))
    for frame in (0, 40, 89):
        first, second = (pose_matrices(target.rest, poses, frame)["b_l_ankle"][:3, :3] for poses in (plain, locked))
        assert np.allclose(first, second, atol=1e-9)


def test_the_models_own_proportions_are_left_alone() -> None:
    target, motion = rig(), walking()
    plain, locked = (retarget(motion, target, options) for options in (PLAIN, None))
    assert np.abs(plain.rotations - locked.rotations).max() < 1e-6
    assert np.abs(plain.locations - locked.locations).max() < 1e-9


def test_keyed_frames_are_left_alone() -> None:
    target, motion = uneven(), walking()
    plain, locked = retarget(motion, target, PLAIN), retarget(motion, target, keep=[30, 60])
    for frame in (30, 60):
        assert np.abs(plain.rotations[frame] - locked.rotations[frame]).max() < 1e-9
        assert np.abs(plain.locations[frame] - locked.locations[frame]).max() < 1e-9
    steps = np.linalg.norm(np.diff(heads(target, motion, "l_foot", keep=[30, 60]), axis=0), axis=-1)
    assert steps.max() < 0.003  # no pop around the keys


@pytest.mark.parametrize("joint", ["l_wrist", "r_wrist", "l_ankle", "r_ankle", "l_foot"])
def test_a_pinned_joint_is_where_the_models_is(joint: str) -> None:
    target, motion = rig(leg=1.05, arm=1.1, a_pose=0.5), walking(planted=())
    found = heads(target, motion, joint, holds=[Hold(joint, 20, 50)])
    wish = coordinates.transform_points(target.armature_from_model(), motion.positions[:, INDEX[joint]])
    assert np.abs(found - wish)[20:50].max() < 1e-4
    steps = np.linalg.norm(np.diff(found, axis=0), axis=-1)
    assert steps.max() < 0.05  # eased in and out


def test_a_pin_out_of_reach_is_reached_for() -> None:
    target, motion = rig(arm=0.5), walking(planted=())
    found = heads(target, motion, "l_wrist", holds=[Hold("l_wrist", 0, 90)])
    plain = heads(target, motion, "l_wrist", PLAIN)
    wish = coordinates.transform_points(target.armature_from_model(), motion.positions[:, INDEX["l_wrist"]])
    assert np.linalg.norm(found - wish, axis=-1).max() < np.linalg.norm(plain - wish, axis=-1).max()
    assert np.isfinite(found).all()


def test_soles_stay_above_the_floor() -> None:
    points = joint_points()
    for side in ("l", "r"):  # long feet
        points[f"{side}_foot"] = points[f"{side}_foot"] + np.array([0.0, -0.15, 0.0])
    target = build_target(*body(points))
    motion = walking(planted=())
    local = motion.local_rotations.copy()
    tip = np.radians(20.0)
    local[:, INDEX["l_ankle"]] = [np.cos(tip / 2), np.sin(tip / 2), 0.0, 0.0]  # toes down
    tipped = Motion(30.0, motion.root_positions, local, motion.contacts)
    free = heads(target, tipped, "l_foot", PLAIN)[:, 2]
    kept = heads(target, tipped, "l_foot")[:, 2]
    assert free.min() < 0.0 - 0.01
    assert kept.min() > free.min() + 0.01


def test_hips_come_down_for_feet_out_of_reach() -> None:
    motion = walking()
    high = Motion(30.0, motion.root_positions + np.array([0.0, 0.03, 0.0]), motion.local_rotations, motion.contacts)
    target = uneven()
    ball = heads(target, high, "l_foot")
    assert np.ptp(ball, axis=0).max() < 2e-3


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_short_motions(frames: int) -> None:
    poses = retarget(random_motion(frames, contacts=1.0), rig(leg=1.3))
    assert poses.frames == frames
    assert np.isfinite(poses.rotations).all()


def test_other_rates_plant_the_foot_as_well() -> None:
    target, motion = uneven(), walking()
    ball = heads(target, motion, "l_foot", times=np.arange(0.0, 89.0, 0.5))
    assert np.ptp(ball, axis=0).max() < 1e-3
