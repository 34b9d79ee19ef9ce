"""Rest poses in arrays for tests, an independent forward kinematics for bones, and motions to try them with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genmo.genmo_blender.core.bonemap import BoneMap
from genmo.genmo_blender.core.restpose import RestPose
from genmo.genmo_blender.core.retarget import BonePoses
from genmo.runtime import inverse_kinematics, rotation, skeleton
from genmo.runtime.motion import Motion
from genmo.runtime.skeleton import CONTACT_JOINTS, FLOOR_OFFSET, JOINT_COUNT, JOINT_NAMES, PARENTS, REST_OFFSETS

Array = NDArray[np.float64]


def joint_points(*, leg: float = 1.0, arm: float = 1.0, a_pose: float = 0.0) -> dict[str, Array]:
    """Rest position of each joint in Blender's axes, feet on the floor.

    Args:
        leg: factor on the length of the legs.
        arm: factor on the length of the arms.
        a_pose: radians by which the arms hang below the T-pose.
    """
    points: dict[str, Array] = {}
    for name, parent, (x, y, z) in zip(JOINT_NAMES, PARENTS, REST_OFFSETS, strict=True):
        factor = leg if name[2:] in ("knee", "ankle") else arm if name[2:] in ("elbow", "wrist") else 1.0
        offset = np.array([x, y, z]) * factor
        if name[2:] in ("elbow", "wrist"):
            turn = -a_pose if x > 0 else a_pose
            c, s = math.cos(turn), math.sin(turn)
            offset = np.array([offset[0] * c - offset[1] * s, offset[0] * s + offset[1] * c, offset[2]])
        before = points[JOINT_NAMES[parent]] if parent >= 0 else np.zeros(3)
        points[name] = before + np.array([offset[0], -offset[2], offset[1]])
    lowest = points["l_foot"][2] - FLOOR_OFFSET
    return {name: point - np.array([0.0, 0.0, lowest]) for name, point in points.items()}


def joint_tail(joint: str, points: dict[str, Array]) -> Array:
    """Where the bone of a joint ends: at the next joint, else a little further on."""
    below = [name for name, parent in zip(JOINT_NAMES, PARENTS, strict=True) if parent == JOINT_NAMES.index(joint)]
    straight = [name for name in below if not name.endswith(("hip", "collar"))]
    if straight and straight[0] in points:
        return points[straight[0]]
    ends = {"head": (0.0, 0.0, 0.18), "l_wrist": (0.16, 0.0, 0.0), "r_wrist": (-0.16, 0.0, 0.0)}
    return points[joint] + np.array(ends.get(joint, (0.0, -0.07, 0.0)))


def body(points: dict[str, Array], *, matrix: Array | None = None, seed: int = 1) -> tuple[RestPose, BoneMap]:
    """An armature with one bone per joint, named "b_" + joint, each with its own roll.

    Args:
        points: rest positions in Blender's axes; joints that are absent get no bone.
        matrix: (3, 3) what the armature's data are multiplied with (axes, units).
        seed: of the rolls.
    """
    joints = [name for name in JOINT_NAMES if name in points]
    generator = np.random.default_rng(seed)
    linear = np.eye(3) if matrix is None else matrix
    parents, heads, tails, matrices = [], [], [], []
    for joint in joints:
        above = PARENTS[JOINT_NAMES.index(joint)]
        while above >= 0 and JOINT_NAMES[above] not in points:
            above = PARENTS[above]
        parents.append(joints.index(JOINT_NAMES[above]) if above >= 0 else -1)
        head, tail = linear @ points[joint], linear @ joint_tail(joint, points)
        y = rotation.normalize(tail - head)
        x = rotation.normalize(np.cross(y, generator.normal(size=3)))
        heads.append(head)
        tails.append(tail)
        matrices.append(np.stack([x, y, np.cross(x, y)], axis=-1))
    rest = RestPose(
        tuple("b_" + joint for joint in joints), np.array(parents), np.array(heads), np.array(tails), np.array(matrices)
    )
    return rest, {joint: ("b_" + joint,) for joint in joints}


def chained(rest: RestPose, bone: str, count: int) -> tuple[RestPose, tuple[str, ...]]:
    """Cut a bone into `count` bones in line; returns the armature and the names from the base."""
    index = rest.index(bone)
    names = tuple(f"{bone}.{number}" for number in range(count))
    shares = np.arange(count + 1)[:, None] / count
    points = rest.heads[index] + shares * (rest.tails[index] - rest.heads[index])
    parents = rest.parents.copy()
    parents[parents > index] += count - 1
    parents[rest.parents == index] = index + count - 1
    chain = [parents[index], *range(index, index + count - 1)]

    def put(old: Any, new: Any) -> Any:
        return np.concatenate([old[:index], new, old[index + 1 :]])

    return (
        RestPose(
            (*rest.names[:index], *names, *rest.names[index + 1 :]),
            put(parents, np.array(chain)),
            put(rest.heads, points[:-1]),
            put(rest.tails, points[1:]),
            put(rest.matrices, np.repeat(rest.matrices[index][None], count, axis=0)),
        ),
        names,
    )


def pose_matrices(rest: RestPose, poses: BonePoses, frame: int) -> dict[str, Array]:
    """Posed matrices (4, 4) of all bones, by Blender's rule: parent pose x rest relative to parent x basis."""
    rests = np.broadcast_to(np.eye(4), (len(rest.names), 4, 4)).copy()
    rests[:, :3, :3], rests[:, :3, 3] = rest.matrices, rest.heads
    posed: dict[str, Array] = {}
    for index, name in enumerate(rest.names):
        basis = np.eye(4)
        if name in poses.names:
            basis[:3, :3] = rotation.to_matrix(poses.rotations[frame, poses.names.index(name)])
        if name == poses.root:
            basis[:3, 3] = poses.locations[frame]
        parent = rest.parents[index]
        above = np.eye(4) if parent < 0 else posed[rest.names[parent]] @ np.linalg.inv(rests[parent])
        posed[name] = above @ rests[index] @ basis
    return posed


def random_motion(frames: int = 5, *, seed: int = 0, contacts: float = 0.0, bend: float = 0.5) -> Motion:
    """Unrelated random poses around the origin."""
    generator = np.random.default_rng(seed)
    return Motion(
        fps=30.0,
        root_positions=generator.normal(0.0, 0.3, (frames, 3)) + np.array([0.0, 0.9, 0.0]),
        local_rotations=rotation.from_axis_angle(generator.normal(0.0, bend, (frames, JOINT_COUNT, 3))),
        contacts=np.full((frames, len(CONTACT_JOINTS)), contacts),
    )


def walking(frames: int = 90, *, planted: Sequence[str] = ("l_ankle", "l_foot")) -> Motion:
    """A body that sways and sinks over a left foot that stands still, solved by inverse kinematics; 30 fps."""
    time = np.arange(frames) / 30.0
    roots = np.stack([0.06 * np.sin(2.0 * time), 0.80 + 0.03 * np.sin(3.0 * time), 0.08 * np.sin(1.7 * time)], axis=-1)
    local = rotation.identity(frames, JOINT_COUNT)
    local[:, 0] = rotation.from_axis_angle(np.stack([0.1 * np.sin(time), 0.2 * np.sin(time), 0.0 * time], axis=-1))
    positions, world = skeleton.forward_kinematics(roots, local)
    limb = inverse_kinematics.LEFT_LEG
    goal = np.broadcast_to([0.1, 0.072, 0.0], (frames, 3))
    hinge = rotation.rotate(world[:, limb.upper], np.array(limb.hinge))
    upper, lower = inverse_kinematics.two_bone(
        positions[:, limb.upper], positions[:, limb.middle], positions[:, limb.end], goal, hinge
    )
    world[:, limb.upper] = rotation.multiply(upper, world[:, limb.upper])
    world[:, limb.middle] = rotation.multiply(lower, world[:, limb.middle])
    world[:, [limb.end, 10]] = rotation.identity()  # the left sole stays flat
    contacts = np.zeros((frames, len(CONTACT_JOINTS)))
    contacts[:, [CONTACT_JOINTS.index(name) for name in planted]] = 1.0
    return Motion(30.0, roots, skeleton.local_from_world(world), contacts)
