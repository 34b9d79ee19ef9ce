"""Motion of the model's skeleton -> poses of a rig's bones, and a rig's pose -> pose of the model's skeleton.

The two directions are exact inverses for every joint that has a bone: a pose read from a rig and put back gives the
same bones. Two things the model cannot say: how the bend within one joint is shared by several bones (they are set
evenly; only the last one is read), and bones that no joint is mapped to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...runtime import rotation, skeleton
from ...runtime.motion import Motion
from ...runtime.skeleton import INDEX, JOINT_COUNT, JOINT_NAMES, PARENTS
from . import coordinates, footlock, timeline
from .bonemap import SPINE_JOINTS, parent_joint
from .carrying import Way, carried
from .chains import SEGMENTS
from .holds import Hold, covered, placed
from .soles import Sole, bare_sole
from .target import Target
from .twists import Twist, twisted

Array = NDArray[np.float64]

_LIMB_ENDS: Final = dict(SEGMENTS)
"""Joint of a limb -> the next one, without side."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the user may change about a retarget.

    Attributes:
        root_scale: factor on the distance that the body travels along the ground; 1 fits the length of the legs.
        foot_lock: keep planted feet planted on this rig's proportions, and pinned hands and feet at their pins.
        floor: lift feet that would go through the floor.
        hands: keep hands that touch each other, the head or the hips touching.
    """

    root_scale: float = 1.0
    foot_lock: bool = True
    floor: bool = True
    hands: bool = False


@dataclass(frozen=True, slots=True)
class Placed:
    """A bone that is not a joint's own: a root bone or a control.

    Attributes:
        name: the bone.
        joint: the joint of the model whose bones it goes with.
        rotations: (T, 4) relative to its rest, w first; None leaves them.
        locations: (T, 3) in its own rest axes, armature units; None leaves them.
    """

    name: str
    joint: str
    rotations: Array | None
    locations: Array | None


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
        placed: further bones.
        travel: (T, 3) x, y in armature units and the heading in radians of the way that was taken out.
    """

    names: tuple[str, ...]
    rotations: Array
    root: str
    locations: Array
    neutral: tuple[str, ...] = ()
    properties: Mapping[tuple[str, str], float] | None = None
    placed: tuple[Placed, ...] = ()
    travel: Array | None = None

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


@dataclass(frozen=True, slots=True)
class Solved:
    """A motion on a rig's own proportions.

    Attributes:
        posed: turns of the bones and positions of the pelvis.
        pelvis: (T, 4) world rotations of the model's pelvis.
        fps: frames per second.
    """

    posed: footlock.Posed
    pelvis: Array
    fps: float


def retarget(motion: Motion, target: Target, options: Options | None = None, **how: Any) -> BonePoses:
    """Poses of a rig that show a motion; arguments as `solve`."""
    return poses_from_turns(target, solve(motion, target, options, **how).posed)


def solve(
    motion: Motion,
    target: Target,
    options: Options | None = None,
    *,
    times: ArrayLike | None = None,
    keep: Sequence[float] = (),
    holds: Sequence[Hold] = (),
    soles: tuple[Sole, Sole] | None = None,
    metres: float = 1.0,
    firm: Sequence[float] = (),
    shown: Sequence[float] = (),
) -> Solved:
    """A motion on a rig's own proportions.

    Args:
        motion: the motion, at its own rate.
        target: the rig.
        options: see `Options`.
        times: (N,) model frames to show, e.g. `Timeline.sample_times`; None takes each model frame.
        keep: model frames with a key pose: nothing may be re-solved there.
        holds: pinned hands and feet.
        soles: of the left and the right foot; None takes what the bones say.
        metres: world metres per armature unit.
        firm: model frames with a key pose of the trunk: it may not lean there.
        shown: model frames that were read from the rig itself: what is settled fades out towards them.
    """
    options = options or Options()
    frames = np.arange(float(motion.frames)) if times is None else np.asarray(times, dtype=np.float64)
    roots, positions, world = _resampled(motion, frames, holds)
    anchors = anchors_from_model(target, roots, world, options.root_scale)
    posed = footlock.Posed(turns_from_model(target, world), anchors)
    rate = _rate(motion, frames)
    if options.foot_lock or options.floor or options.hands:
        wishes = footlock.Wishes(
            positions=_scaled(positions, target, options.root_scale),
            world=world,
            contacts=timeline.resample_values(motion.contacts, frames),
            fps=rate,
            keep=_nearest(frames, keep),
            soles=soles or (bare_sole(target, "l_"), bare_sole(target, "r_")),
            slip=min(1.0, 1.0 / (target.size * metres)),
            holds=covered(frames, holds),
            firm=_nearest(frames, [*keep, *firm]),
        )
        settled = footlock.settle(
            posed, target, wishes, plant=options.foot_lock, floor=options.floor, hands=options.hands
        )
        posed = footlock.away_from(_nearest(frames, shown), posed, settled, rate)
    return Solved(posed, world[:, 0], rate)


def _resampled(motion: Motion, frames: Array, holds: Sequence[Hold]) -> tuple[Array, Array, Array]:
    """Roots (T, 3), positions (T, 22, 3), pins met, and world rotations (T, 22, 4) at model times (T,)."""
    roots = timeline.resample_values(motion.root_positions, frames)
    local = timeline.resample_rotations(motion.local_rotations, frames)
    positions, world = skeleton.forward_kinematics(roots, local, motion.rest_offsets)
    return roots, placed(positions, frames, holds), world


def _scaled(positions: Array, target: Target, root_scale: float) -> Array:
    """Model positions (T, 22, 3) in the rig's size and over its floor."""
    scale = target.size * np.array([root_scale, 1.0, root_scale])
    return positions * scale + np.array([0.0, target.floor, 0.0])


def _rate(motion: Motion, frames: Array) -> float:
    """Shown frames per second for model times (T,)."""
    span = float(frames[-1] - frames[0]) if len(frames) > 1 else 0.0
    return motion.fps * (len(frames) - 1) / span if span > 0.0 else motion.fps


def _nearest(frames: Array, keep: Sequence[float]) -> NDArray[np.bool_]:
    """(T,) the frame closest to each kept model frame that lies within the motion."""
    mask = np.zeros(len(frames), dtype=bool)
    for frame in keep:
        if frames[0] - 0.5 <= frame <= frames[-1] + 0.5:
            mask[int(np.argmin(np.abs(frames - frame)))] = True
    return mask


def turns_from_model(target: Target, world: Array) -> Array:
    """Turns (T, M, 4) of the mapped bones for world rotations (T, 22, 4) of the model's joints."""
    rotations = world[:, target.joints]
    split = np.flatnonzero(target.shares < 1.0)
    if split.size:
        above = world[:, [_above(target, int(joint)) for joint in target.joints[split]]]
        rotations[:, split] = rotation.slerp(above, rotations[:, split], target.shares[split])
        for place in split:
            if (part := JOINT_NAMES[target.joints[place]])[2:] in _LIMB_ENDS:
                rotations[:, place] = _twisted(target, world, part, float(target.shares[place]))
    return rotation.multiply(rotations, target.corrections[target.joints])


def _twisted(target: Target, world: Array, joint: str, share: float) -> Array:
    """World rotations (T, 4) of a bone within a limb: the whole swing of the joint, a share of its twist."""
    above = world[:, _above(target, INDEX[joint])]
    bend = rotation.multiply(rotation.conjugate(above), world[:, INDEX[joint]])
    axis = rotation.normalize(target.model_offsets[INDEX[joint[:2] + _LIMB_ENDS[joint[2:]]]])
    twist = rotation.normalize(np.concatenate([bend[:, :1], (bend[:, 1:] @ axis)[:, None] * axis], axis=-1))
    swing = rotation.multiply(bend, rotation.conjugate(twist))
    part = rotation.slerp(rotation.identity(len(twist)), twist, np.full(len(twist), share))
    return rotation.multiply(rotation.multiply(above, swing), part)


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


def poses_from_turns(target: Target, posed: footlock.Posed, way: Way | None = None) -> BonePoses:
    """Pose-bone channels for turns (T, M, 4) and pelvis positions (T, 3), less the way if a root bone takes that."""
    turns, anchors = posed.turns, posed.anchors
    if way is not None:
        turns, anchors = carried(way, turns, anchors[:, None])
        anchors = anchors[:, 0]
    above = rotation.identity(*turns.shape[:-1])
    inner = target.follows >= 0
    above[:, inner] = turns[:, target.follows[inner]]
    relative = rotation.multiply(rotation.conjugate(above), turns)
    basis = rotation.multiply(rotation.multiply(rotation.conjugate(target.frames), relative), target.frames)
    head = anchors + rotation.rotate(turns[:, 0], target.heads[0] - target.anchor)
    locations = rotation.rotate(rotation.conjugate(target.frames[0]), head - target.heads[0])
    beside = [_beside(target, twist, turns, above) for twist in target.twists]
    return BonePoses(
        names=(*target.names, *(twist.bone for twist in target.twists)),
        rotations=rotation.continuous(np.concatenate([basis, *(each[:, None] for each in beside)], axis=1)),
        root=target.names[0],
        locations=locations,
        neutral=target.neutral,
        properties=target.properties,
    )


def _beside(target: Target, twist: Twist, turns: Array, above: Array) -> Array:
    """Rotations (T, 4) of a twist bone for turns (T, M, 4) of the mapped bones and of what they follow."""
    if twist.above:
        return twisted(twist, turns[:, target.last(twist.above)], turns[:, target.last(twist.joint)])
    return twisted(twist, above[:, target.first(twist.joint)], turns[:, target.last(twist.joint)])


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
