"""Motion of the model's skeleton -> poses of a rig's bones, and a rig's pose -> pose of the model's skeleton.

The two directions are exact inverses for every joint that has a bone: a pose read from a rig and put back gives the
same bones. Two things the model cannot say: how the bend within one joint is shared by several bones (they are set
evenly; only the last one is read), and bones that no joint is mapped to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...runtime import rotation, skeleton
from ...runtime.motion import Motion
from ...runtime.skeleton import INDEX, JOINT_COUNT, JOINT_NAMES, PARENTS
from . import coordinates, footlock, timeline
from .bonemap import SPINE_JOINTS, parent_joint
from .target import Target

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Options:
    """What the user may change about a retarget.

    Attributes:
        root_scale: factor on the distance that the body travels along the ground; 1 fits the length of the legs.
        foot_lock: keep planted feet planted on this rig's proportions, and pinned hands and feet at their pins.
        floor: lift feet that would go through the floor.
    """

    root_scale: float = 1.0
    foot_lock: bool = True
    floor: bool = True


@dataclass(frozen=True, slots=True)
class Hold:
    """A pinned hand or foot: its joint must be where the model's joint is.

    Attributes:
        joint: a wrist, an ankle or a foot.
        start: first model frame.
        stop: model frame after the last.
    """

    joint: str
    start: float
    stop: float


@dataclass(frozen=True, slots=True)
class BonePoses:
    """Poses of a rig over T frames.

    Attributes:
        names: the M bones.
        rotations: (T, M, 4) rotation of each pose bone relative to its rest ("matrix_basis"), w first.
        root: the bone that moves.
        locations: (T, 3) location of the root bone in its own rest axes, armature units.
        neutral: bones that belong at rest meanwhile.
        properties: (bone, custom property) -> value meanwhile.
    """

    names: tuple[str, ...]
    rotations: Array
    root: str
    locations: Array
    neutral: tuple[str, ...] = ()
    properties: Mapping[tuple[str, str], float] | None = None

    @property
    def frames(self) -> int:
        """Number of frames T."""
        return len(self.rotations)


@dataclass(frozen=True, slots=True)
class ModelPose:
    """One pose of the model's skeleton.

    Attributes:
        root_position: (3,) pelvis, model space.
        rotations: (22, 4) local rotations, joint 0 is the pelvis in the world; w first.
        missing: joints that the rig does not have: their rotation is only a guess.
    """

    root_position: Array
    rotations: Array
    missing: frozenset[str]


def retarget(
    motion: Motion,
    target: Target,
    options: Options | None = None,
    *,
    times: ArrayLike | None = None,
    keep: Sequence[float] = (),
    holds: Sequence[Hold] = (),
) -> BonePoses:
    """Poses of a rig that show a motion.

    Args:
        motion: the motion, at its own rate.
        target: the rig.
        options: see `Options`.
        times: (N,) model frames to show, e.g. `Timeline.sample_times`; None takes each model frame.
        keep: model frames with a key pose: nothing may be re-solved there.
        holds: pinned hands and feet.
    """
    options = options or Options()
    frames = np.arange(float(motion.frames)) if times is None else np.asarray(times, dtype=np.float64)
    roots = timeline.resample_values(motion.root_positions, frames)
    local = timeline.resample_rotations(motion.local_rotations, frames)
    positions, world = skeleton.forward_kinematics(roots, local, motion.rest_offsets)
    anchors = anchors_from_model(target, roots, world, options.root_scale)
    posed = footlock.Posed(turns_from_model(target, world), anchors)
    if options.foot_lock or options.floor:
        span = float(frames[-1] - frames[0]) if len(frames) > 1 else 0.0
        rate = motion.fps * (len(frames) - 1) / span if span > 0.0 else motion.fps
        wishes = footlock.Wishes(
            positions=positions * target.size * np.array([options.root_scale, 1.0, options.root_scale])
            + np.array([0.0, target.floor, 0.0]),
            world=world,
            contacts=timeline.resample_values(motion.contacts, frames),
            fps=rate,
            keep=_nearest(frames, keep),
            holds={hold.joint: _covered(frames, [h for h in holds if h.joint == hold.joint]) for hold in holds},
        )
        posed = footlock.settle(posed, target, wishes, plant=options.foot_lock, floor=options.floor)
    return poses_from_turns(target, posed)


def _nearest(frames: Array, keep: Sequence[float]) -> NDArray[np.bool_]:
    """(T,) the frame closest to each kept model frame that lies within the motion."""
    mask = np.zeros(len(frames), dtype=bool)
    for frame in keep:
        if frames[0] - 0.5 <= frame <= frames[-1] + 0.5:
            mask[int(np.argmin(np.abs(frames - frame)))] = True
    return mask


def _covered(frames: Array, holds: Sequence[Hold]) -> NDArray[np.bool_]:
    mask = np.zeros(len(frames), dtype=bool)
    for hold in holds:
        mask |= (frames >= hold.start) & (frames <= hold.stop - 1)
    return mask


def turns_from_model(target: Target, world: Array) -> Array:
    """Turns (T, M, 4) of the mapped bones for world rotations (T, 22, 4) of the model's joints."""
    rotations = world[:, target.joints]
    split = np.flatnonzero(target.shares < 1.0)
    if split.size:
        above = [_above(target, int(joint)) for joint in target.joints[split]]
        rotations[:, split] = rotation.slerp(world[:, above], rotations[:, split], target.shares[split])
    return rotation.multiply(rotations, target.corrections[target.joints])


def _above(target: Target, joint: int) -> int:
    parent = parent_joint(JOINT_NAMES[joint], target.bone_map)
    return joint if parent is None else INDEX[parent]


def anchors_from_model(target: Target, roots: Array, world: Array, root_scale: float) -> Array:
    """Positions (T, 3) of the rig's pelvis in model axes, armature units.

    Along the ground the pelvis goes where the model's goes, so a path is met exactly. Its height is chosen so that the
    middle of the hip joints is at the model's height, whatever distance the rig has between pelvis and hips.
    """
    ground = target.size * root_scale
    hips = target.floor + target.size * (roots[:, 1] + _hips_over_root(target, world))
    return np.stack([ground * roots[:, 0], hips - _hips_over_anchor(target, world), ground * roots[:, 2]], axis=-1)


def _hips_over_root(target: Target, world: Array) -> Array:
    middle = 0.5 * (target.model_offsets[INDEX["l_hip"]] + target.model_offsets[INDEX["r_hip"]])
    return rotation.rotate(world[:, 0], middle)[:, 1]


def _hips_over_anchor(target: Target, world: Array) -> Array:
    turns = rotation.multiply(world[:, 0], target.corrections[0])
    return rotation.rotate(turns, target.hips - target.anchor)[:, 1]


def poses_from_turns(target: Target, posed: footlock.Posed) -> BonePoses:
    """Pose-bone channels for turns (T, M, 4) and pelvis positions (T, 3)."""
    turns = posed.turns
    above = rotation.identity(*turns.shape[:-1])
    inner = target.follows >= 0
    above[:, inner] = turns[:, target.follows[inner]]
    relative = rotation.multiply(rotation.conjugate(above), turns)
    basis = rotation.multiply(rotation.multiply(rotation.conjugate(target.frames), relative), target.frames)
    head = posed.anchors + rotation.rotate(turns[:, 0], target.heads[0] - target.anchor)
    locations = rotation.rotate(rotation.conjugate(target.frames[0]), head - target.heads[0])
    return BonePoses(
        names=target.names,
        rotations=rotation.continuous(basis),
        root=target.names[0],
        locations=locations,
        neutral=target.neutral,
        properties=target.properties,
    )


def keyframe_from_pose(matrices: Mapping[str, ArrayLike], target: Target, root_scale: float = 1.0) -> ModelPose:
    """The model's pose that `retarget` would turn into this pose of the rig.

    Args:
        matrices: (4, 4) posed matrix in armature space of at least each bone in `target.shown`.
        target: the rig.
        root_scale: as in `Options`.
    """
    back = coordinates.invert(target.base)
    turns, pelvis = {}, np.zeros(3)
    for joint, bones in target.bone_map.items():
        name = target.shown[bones[-1]]
        index = target.rest.index(name)
        posed = back @ np.asarray(matrices[name], dtype=np.float64)
        delta = coordinates.nearest_rotations(posed[:3, :3] @ np.linalg.inv(target.rest.matrices[index]))
        turns[joint] = rotation.from_matrix(target.axes.T @ delta @ target.axes)
        if joint == "pelvis":
            head, rest_head = posed[:3, 3] @ target.axes, target.rest.heads[index] @ target.axes
            pelvis = head + rotation.rotate(turns[joint], target.anchor - rest_head)
    world = _world_rotations(target, turns)
    height = pelvis[1] - target.floor + _hips_over_anchor(target, world[None])[0]
    ground = target.size * root_scale
    root = np.array(
        [pelvis[0] / ground, height / target.size - _hips_over_root(target, world[None])[0], pelvis[2] / ground]
    )
    local = skeleton.local_from_world(world)
    return ModelPose(root, np.where(local[:, :1] < 0.0, -local, local), target.missing)


def _world_rotations(target: Target, turns: Mapping[str, Array]) -> Array:
    """World rotations (22, 4) of the model's joints; a missing joint follows its parent, a spine bends evenly."""

    def own(name: str) -> Array:
        return rotation.multiply(turns[name], rotation.conjugate(target.corrections[INDEX[name]]))

    world = rotation.identity(JOINT_COUNT)
    for joint, name in enumerate(JOINT_NAMES):
        if name in turns:
            world[joint] = own(name)
            continue
        world[joint] = world[PARENTS[joint]]
        above = SPINE_JOINTS[SPINE_JOINTS.index(name) :] if name in SPINE_JOINTS else ()
        if following := next((other for other in above if other in turns), None):
            steps = above.index(following) + 1
            world[joint] = rotation.slerp(world[joint], own(following), 1.0 / steps)
    return world
