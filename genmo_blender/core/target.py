"""A rig prepared for retargeting: how each mapped bone stands against the model's joint.

All vectors here are in model axes (X left, Y up, Z front) but in the armature's own units. A bone's *turn* is the
rotation that takes its rest orientation to its posed orientation; turns need no knowledge of a bone's roll. The
model's joints have turns too (their world rotations, since their rest is the identity), and the two differ by one
fixed *correction* per joint: the turn that brings the rig's rest pose into the model's T-pose.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...runtime import rotation, skeleton
from ...runtime.errors import UserError
from ...runtime.skeleton import INDEX, JOINT_NAMES
from . import coordinates
from .bonemap import BoneMap, check_bone_map, control_rig, parent_joint
from .restpose import RestPose, body_axes
from .stance import Body, Hints, ball_rest, corrections
from .twists import Twist, find_twists

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

_FLOOR_TOLERANCE: Final = 0.1
"""Share of the leg by which feet may miss the armature's ground plane before their own level counts as the floor."""


@dataclass(frozen=True, slots=True)
class Links:
    """How the bones above the mapped bones move; found by `armature.links` where constraints are at work.

    Attributes:
        follows: mapped bone -> the mapped bone that its parent follows rigidly, "" for the armature itself. Bones that
            are not named follow their nearest mapped ancestor.
        base: (4, 4) how the unmapped bones above the pelvis (a root control) move the whole body, armature space.
    """

    follows: Mapping[str, str] = field(default_factory=dict)
    base: Array = field(default_factory=lambda: np.eye(4))


@dataclass(frozen=True, slots=True)
class Target:
    """A rig prepared for retargeting. M = number of mapped bones, joints in model order, chains from the base.

    Attributes:
        rest: the armature.
        bone_map: its bone map.
        names: the M mapped bones.
        joints: (M,) the joint of each.
        shares: (M,) how much of the joint's bend the bone shows: 1 for the last bone of a chain.
        follows: (M,) mapped bone that the bone's parent follows, -1 for the armature.
        carriers: (M,) mapped bone that carries the bone's head, -1 for the pelvis.
        heads: (M, 3) rest heads, model axes.
        frames: (M, 4) rest orientations, model axes.
        corrections: (22, 4) turn that takes the rig's rest pose to the model's T-pose.
        axes: (3, 3) model axes in armature space.
        base: (4, 4) see `Links`.
        size: armature units per model metre.
        floor: height of the floor, model axes.
        anchor: (3,) the point of the rest pose that stands for the pelvis.
        hips: (3,) middle of the hip joints at rest.
        balls: (2, 3) balls of the left and the right foot at rest.
        model_offsets: (22, 3) rest offsets of the model.
        neutral: bones to keep at rest: controls that would add to the pose, unmapped bones between mapped ones.
        shown: mapped bone -> bone that shows its pose (itself for plain rigs).
        properties: (bone, property) -> value while the mapped bones drive the rig.
        twists: unmapped twist bones beside the limbs.
    """

    rest: RestPose
    bone_map: BoneMap
    names: tuple[str, ...]
    joints: Indices
    shares: Array
    follows: Indices
    carriers: Indices
    heads: Array
    frames: Array
    corrections: Array
    axes: Array
    base: Array
    size: float
    floor: float
    anchor: Array
    hips: Array
    balls: Array
    model_offsets: Array
    neutral: tuple[str, ...]
    shown: Mapping[str, str]
    properties: Mapping[tuple[str, str], float]
    twists: tuple[Twist, ...] = ()

    @property
    def missing(self) -> frozenset[str]:
        """Joints of the model without a bone."""
        return frozenset(JOINT_NAMES) - self.bone_map.keys()

    def last(self, joint: str) -> int:
        """Index of the bone that carries a mapped joint's full rotation."""
        return self.names.index(self.bone_map[joint][-1])

    def first(self, joint: str) -> int:
        """Index of the bone whose head is the mapped joint."""
        return self.names.index(self.bone_map[joint][0])

    def bones_of(self, joint: str) -> list[int]:
        """Indices of all bones of a mapped joint."""
        return [self.names.index(name) for name in self.bone_map[joint]]

    def armature_from_model(self, root_scale: float = 1.0) -> Array:
        """Matrix (4, 4) from model metres to armature space.

        Args:
            root_scale: factor on distances along the ground, as in `retarget.Options`.
        """
        scale = self.size * np.array([root_scale, 1.0, root_scale])
        inner = coordinates.affine(self.axes * scale, self.axes @ np.array([0.0, self.floor, 0.0]))
        return self.base @ inner


def build_target(
    rest: RestPose, bone_map: BoneMap, offsets: ArrayLike | None = None, links: Links | None = None,
    hints: Hints | None = None,
) -> Target:  # fmt: skip
    """Prepare a rig.

    Args:
        rest: the armature.
        bone_map: its bones (joints without bones may be absent).
        offsets: (22, 3) rest offsets of the model's skeleton; None takes the default.
        links: how constrained rigs hang together.
        hints: what the bones alone cannot say about the rest pose.

    Raises:
        UserError: the map cannot be used; the sentence says why.
    """
    bone_map = _usable(rest, bone_map)
    links, hints = links or Links(), hints or Hints()
    model = skeleton.rest_offsets() if offsets is None else np.asarray(offsets, dtype=np.float64)
    names = tuple(name for bones in bone_map.values() for name in bones)
    indices = np.array([rest.index(name) for name in names])
    body = _body(rest, bone_map, model, hints)
    axes, heads, turns = body.axes.axes, rest.heads @ body.axes.axes, corrections(body)
    size, floor = _measures(body, turns)
    control, (follows, between) = control_rig(rest, bone_map), _follows(rest, names, links)
    return Target(
        rest=rest,
        bone_map=bone_map,
        names=names,
        joints=np.array([INDEX[joint] for joint, bones in bone_map.items() for _ in bones]),
        shares=np.array([(i + 1) / len(bones) for bones in bone_map.values() for i in range(len(bones))]),
        follows=follows,
        carriers=_carriers(bone_map, names),
        heads=heads[indices],
        frames=rotation.from_matrix(axes.T @ coordinates.nearest_rotations(rest.matrices[indices])),
        corrections=turns,
        axes=axes,
        base=links.base,
        size=size,
        floor=floor,
        anchor=heads[rest.index(control.shown.get(names[0], names[0]))],
        hips=0.5 * (body.heads["l_hip"] + body.heads["r_hip"]),
        balls=np.stack([ball_rest(body, side) for side in ("l_", "r_")]),
        model_offsets=model,
        neutral=control.neutral or tuple(dict.fromkeys(between)),  # a control rig's inner bones are not ours to key
        shown={name: control.shown.get(name, name) for name in names},
        properties=control.properties,
        # The skin of a control rig has twist bones of its own.
        twists=() if control.shown else find_twists(rest, bone_map, axes, hints.bound),
    )


def _body(rest: RestPose, bone_map: BoneMap, model: Array, hints: Hints) -> Body:
    """The rig at rest in model axes; a T-pose that was shown says where its front is, too."""
    places = {joint: rest.heads[rest.index(bones[0])] for joint, bones in bone_map.items()}
    stands = body_axes(places | dict(hints.places))
    heads = {joint: place @ stands.axes for joint, place in places.items()}
    return Body(rest, bone_map, stands, heads, rest.tails @ stands.axes, model, hints)


def _usable(rest: RestPose, bone_map: BoneMap) -> BoneMap:
    """The map in the model's order of joints, without empty rows."""
    ordered = {joint: tuple(bone_map[joint]) for joint in JOINT_NAMES if bone_map.get(joint)}
    if problems := check_bone_map(bone_map, rest):
        raise UserError(problems[0])
    return ordered


def _measures(body: Body, turns: Array) -> tuple[float, float]:
    """Armature units per model metre (by the height of the hip joint over the sole) and height of the floor."""
    legs, model_legs = [], []
    for side in ("l_", "r_"):
        for upper, lower in (("hip", "knee"), ("knee", "ankle")):
            bone = body.heads[side + lower] - body.heads[side + upper]
            legs.append(-rotation.rotate(turns[INDEX[side + upper]], bone)[1])
            model_legs.append(-body.model[INDEX[side + lower], 1])
    leg, model_leg = 0.5 * sum(legs), 0.5 * sum(model_legs)
    ankle, lowest = _feet(body, turns)
    floor = 0.0 if abs(lowest) < _FLOOR_TOLERANCE * leg else lowest - skeleton.FLOOR_OFFSET * leg / model_leg
    ankle -= floor
    model_ankle = skeleton.FLOOR_OFFSET - 0.5 * (body.model[INDEX["l_foot"], 1] + body.model[INDEX["r_foot"], 1])
    if not 0.0 < ankle < 0.5 * leg:  # feet that hang, or a body that lies
        ankle = model_ankle * leg / model_leg
    if leg < 1e-9:
        raise UserError("The legs of the rest pose have no length: check the bone map")
    return float((leg + ankle) / (model_leg + model_ankle)), floor


def _feet(body: Body, turns: Array) -> tuple[float, float]:
    """Mean height of the ankles and of the lowest end of a foot's bones, at rest or in the T-pose that was shown."""
    ankles, ends = [], []
    for joint in ("l_ankle", "r_ankle", "l_foot", "r_foot"):
        if joint not in body.heads:
            continue
        rested = body.heads[joint]
        place = body.hints.places.get(joint)
        head = rested if place is None else place @ body.axes.axes
        tails = body.tails[[body.rest.index(bone) for bone in body.bone_map[joint]]] - rested
        if place is not None:
            tails = rotation.rotate(turns[INDEX[joint]], tails)
        ends += [float(head[1]), *(head + tails)[:, 1].tolist()]
        ankles += [float(head[1])] if joint.endswith("ankle") else []
    return sum(ankles) / len(ankles), min(ends)


def _follows(rest: RestPose, names: tuple[str, ...], links: Links) -> tuple[Indices, list[str]]:
    """(M,) index of the mapped bone that each bone's parent follows, and the unmapped bones in between."""
    place = {rest.index(name): number for number, name in enumerate(names)}
    follows, between = [], []
    for name in names:
        if name in links.follows:
            followed = links.follows[name]
            follows.append(names.index(followed) if followed else -1)
            continue
        passed = []
        for index in rest.ancestors(rest.index(name)):
            if index in place:
                follows.append(place[index])
                between += passed
                break
            passed.append(rest.names[index])
        else:
            follows.append(-1)
    return np.array(follows), between


def _carriers(bone_map: BoneMap, names: tuple[str, ...]) -> Indices:
    carriers = []
    for joint, bones in bone_map.items():
        above = parent_joint(joint, bone_map)
        carriers.append(-1 if above is None else names.index(bone_map[above][-1]))
        carriers += [names.index(bone) for bone in bones[:-1]]
    return np.array(carriers)
