"""How a rig's rest pose stands against the model's T-pose: one turn for each joint, found from the rig's geometry.

Arms and legs are laid along the model's, the palms turned down, the soles laid flat. So it does not matter whether a
rig rests in a T, an A or an N or in any other pose. A pose that the user declared to be the T-pose (`Hints.t_pose`)
comes before all of this.

All vectors are in model axes unless a docstring says armature space.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...runtime import rotation
from ...runtime.skeleton import INDEX, JOINT_COUNT
from . import palms
from .chains import BoneMap
from .restpose import BodyAxes, RestPose, body_axes

Array = NDArray[np.float64]

_STEEP: Final = np.sin(np.radians(60.0))
"""Sine of the slope above which a foot does not stand on its sole in the rest pose."""
_ROLL: Final = np.radians(25.0)
"""Twist of a hand up to which it counts as the rig's own relaxed hand."""
_ROLL_OF_SKIN: Final = np.radians(45.0)
"""The same where only the skin says how the hand lies, which is less exact."""
_PITCH: Final = np.radians(12.0)
"""Slope of a sole up to which it counts as flat."""
_COMMON: Final = (0.0, np.radians(45.0))
"""Slopes from ankle to ball that a foot on a flat sole has."""
_FOOT: Final = 0.3
"""From ankle to ball over the shin, where nothing on the rig says it."""
_SHORTEST_FOOT: Final = 0.1
"""From ankle to ball over the shin, below which a bone does not show where the foot points."""
_FLAT: Final = np.array([1.0, 0.0, 1.0])


@dataclass(frozen=True, slots=True)
class Hints:
    """What an armature's bones alone cannot say.

    Attributes:
        t_pose: joint -> (4,) turn from the rest pose to the T-pose that the user showed, armature space.
        places: joint -> (3,) head of its bone in that pose, armature space.
        bound: bones that constraints move.
        skin: joint -> (n, 3) vertices that follow the bones of a wrist, an ankle or a foot, at rest, armature space.
    """

    t_pose: Mapping[str, Array] = field(default_factory=dict)
    places: Mapping[str, Array] = field(default_factory=dict)
    skin: Mapping[str, Array] = field(default_factory=dict)
    bound: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Body:
    """A rig at rest, in model axes.

    Attributes:
        rest: the armature.
        bone_map: its bones.
        axes: how the body stands in the armature.
        heads: joint -> (3,) head of its first bone.
        tails: (B, 3) tails of all bones.
        model: (22, 3) rest offsets of the model.
        hints: what the bones cannot say.
    """

    rest: RestPose
    bone_map: BoneMap
    axes: BodyAxes
    heads: Mapping[str, Array]
    tails: Array
    model: Array
    hints: Hints

    def skin(self, joint: str) -> Array:
        """(n, 3) vertices of a joint at rest."""
        found = self.hints.skin.get(joint)
        return np.zeros((0, 3)) if found is None else found @ self.axes.axes


def corrections(body: Body) -> Array:
    """(22, 4) turns from the rig's rest pose to the model's T-pose.

    The trunk keeps its own curve. Arms and legs are laid along the model's, joint by joint, by the smallest turn, so
    that a shin keeps its twist; hands that are not palm down at the end of this are twisted, and half of that twist is
    the forearm's. Feet only turn about the vertical, as long as their soles are flat.
    """
    turns = np.broadcast_to(body.axes.tilt, (JOINT_COUNT, 4)).copy()
    for side in ("l_", "r_"):
        for upper, middle, end in (("hip", "knee", "ankle"), ("shoulder", "elbow", "wrist")):
            first = _lay(body, side + upper, side + middle, body.axes.tilt)
            second = _lay(body, side + middle, side + end, first)
            turns[[INDEX[side + upper], INDEX[side + middle]]] = first, second
        forearm = turns[INDEX[side + "elbow"]].copy()
        twist = _palm_down(body, side, forearm)
        turns[INDEX[side + "elbow"]] = rotation.multiply(rotation.from_axis_angle(0.5 * twist), forearm)
        turns[INDEX[side + "wrist"]] = rotation.multiply(rotation.from_axis_angle(twist), forearm)
        turns[[INDEX[side + "ankle"], INDEX[side + "foot"]]] = _foot(body, side)
    for joint, turn in body.hints.t_pose.items():
        if joint in INDEX:
            vector = rotation.to_axis_angle(turn) @ body.axes.axes  # the axes are a rotation: turns go along
            turns[INDEX[joint]] = rotation.from_axis_angle(vector)
    return turns


def _lay(body: Body, joint: str, end: str, before: Array) -> Array:
    """The turn `before`, then the smallest one that lays the bone from `joint` to `end` along the model's."""
    if end in body.heads:
        along = body.heads[end] - body.heads[joint]
    else:
        along = body.tails[body.rest.index(body.bone_map[joint][-1])] - body.heads[joint]
    return rotation.multiply(rotation.between(rotation.rotate(before, along), body.model[INDEX[end]]), before)


def _palm_down(body: Body, side: str, forearm: Array) -> Array:
    """Rotation vector (3,) that turns the palm down once the forearm is laid along the model's; zero for most rigs."""
    wrist = side + "wrist"
    if wrist not in body.heads:
        return np.zeros(3)
    thumb = palms.thumb_side(body.rest, body.bone_map[wrist][-1])
    signed = thumb is not None
    if thumb is None:
        thumb = palms.width(body.skin(wrist), body.heads[wrist] - body.heads[side + "elbow"])
    else:
        thumb = thumb @ body.axes.axes
    if thumb is None:
        return np.zeros(3)
    axis = rotation.normalize(body.model[INDEX[wrist]])
    own = rotation.rotate(forearm, thumb)
    front = np.array([0.0, 0.0, 1.0])
    angle = float(np.arctan2(np.cross(own, front) @ axis, own @ front - (own @ axis) * (front @ axis)))
    if not signed and abs(angle) > 0.5 * np.pi:  # the width of a hand has no direction
        angle -= np.sign(angle) * np.pi
    return angle * axis if abs(angle) > (_ROLL if signed else _ROLL_OF_SKIN) else np.zeros(3)


def _foot(body: Body, side: str) -> Array:
    """The turn (4,) of a foot: about the vertical, and about its width where the sole is not flat."""
    tilt = body.axes.tilt
    ankle, ball = body.heads[side + "ankle"], ball_rest(body, side)
    along, forward = rotation.rotate(tilt, ball - ankle), body.model[INDEX[side + "foot"]]
    slope = _slope(body, side)
    if slope is None and abs(rotation.normalize(along)[1]) > _STEEP:
        return rotation.multiply(rotation.between(along, forward), tilt)
    turn = rotation.multiply(rotation.between(along * _FLAT, forward * _FLAT), tilt)
    if slope is None or abs(slope) < _PITCH:
        return turn
    across = rotation.normalize(np.cross([0.0, 1.0, 0.0], forward * _FLAT))
    return rotation.multiply(rotation.from_axis_angle(-slope * across), turn)


def skin_wanted(rest: RestPose, bone_map: BoneMap) -> tuple[str, ...]:
    """Joints whose skin `Hints` should bring: hands without fingers, feet without toes or far from a common slope.

    Args:
        rest: the armature.
        bone_map: a map without problems.
    """
    places = {joint: rest.heads[rest.index(bones[0])] for joint, bones in bone_map.items()}
    stands = body_axes(places)
    wanted = []
    for side in ("l_", "r_"):
        wrist = bone_map.get(side + "wrist")
        if wrist and palms.thumb_side(rest, wrist[-1]) is None:
            wanted.append(side + "wrist")
        if side + "foot" not in bone_map:
            wanted.append(side + "ankle")
            continue
        along = (places[side + "foot"] - places[side + "ankle"]) @ stands.axes
        if not _COMMON[0] < np.arctan2(-along[1], along[2]) < _COMMON[1]:
            wanted += [side + "ankle", side + "foot"]
    return tuple(wanted)


def _slope(body: Body, side: str) -> float | None:
    """Radians by which the sole goes down to the front, from the skin of the foot; None without skin."""
    skin = np.concatenate([body.skin(side + "ankle"), body.skin(side + "foot")])
    if len(skin) < 20:
        return None
    skin = rotation.rotate(body.axes.tilt, skin)
    ankle = rotation.rotate(body.axes.tilt, body.heads[side + "ankle"])
    along = rotation.normalize((rotation.rotate(body.axes.tilt, ball_rest(body, side)) - ankle) * _FLAT)
    ahead = (skin - ankle) @ along
    rear, tip = float(ahead.min()), float(ahead.max())
    behind, middle = ahead < rear + 0.25 * (tip - rear), np.abs(ahead - rear - 0.7 * (tip - rear)) < 0.12 * (tip - rear)
    if not behind.any() or not middle.any():
        return None
    heel, ball = skin[behind][np.argmin(skin[behind, 1])], skin[middle][np.argmin(skin[middle, 1])]
    return float(np.arctan2(heel[1] - ball[1], (ball - heel) @ along))


def ball_rest(body: Body, side: str) -> Array:
    """Rest position (3,) of the ball of a foot: the toe bone's head, else where the foot's bone or skin ends."""
    if side + "foot" in body.heads:
        return body.heads[side + "foot"]
    ankle = body.heads[side + "ankle"]
    shin = float(np.linalg.norm(ankle - body.heads[side + "knee"]))
    skin = np.concatenate([body.skin(side + "ankle"), np.zeros((0, 3))])
    if len(skin) >= 20:
        ahead = skin[:, 2] - ankle[2]
        return np.array(
            [ankle[0], skin[:, 1].min() + 0.1 * (ankle[1] - skin[:, 1].min()), ankle[2] + 0.7 * ahead.max()]
        )
    bone = body.rest.index(body.bone_map[side + "ankle"][-1])
    tail = body.tails[bone]
    if np.linalg.norm((tail - ankle) * _FLAT) > _SHORTEST_FOOT * shin:
        return tail
    if tail[1] < ankle[1] - _SHORTEST_FOOT * shin:  # a foot that points down: it stands on its toes
        return tail
    down = min(0.25 * shin, max(float(ankle[1]), 0.0))
    return ankle + np.array([0.0, -0.8 * down, _FOOT * shin])
