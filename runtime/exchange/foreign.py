"""Motions of foreign skeletons in the model's terms.

A foreign joint's turns are relative to whatever pose its file calls zero. A constant turn between that pose and the
model's T-pose makes them the model's: it takes the T-pose's bone onto the foreign bone on the shortest way, so arms
that hang or point down at rest come out right, and what twists about the bone stays as it is. Where the zero pose is
no human pose (all bones along one axis, as LAFAN1 has them) the frame that stands most upright takes its place.
The foreign proportions stay: the motion's own rest offsets give exactly the foreign joints' places.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .. import rotation, skeleton
from ..errors import MotionError
from ..motion import Motion
from ..skeleton import CONTACT_JOINTS, INDEX, JOINT_COUNT, JOINT_NAMES, PARENTS
from .names import JointMap, find_joints

Array = NDArray[np.float64]

UNITS: Final = (1.0, 0.01, 0.0254, 0.056444, 0.001, 0.1)
"""Metres in one unit of a file: metres, centimetres, inches, CMU's (1 / 0.45 inches), millimetres, decimetres."""

_LEG: Final = 0.8
_LEG_RANGE: Final = (0.6, 1.05)
"""Metres of a leg from hip to ankle: usual, and what a man may have."""

_POINTS: Final = {
    "l_hip": "l_knee", "r_hip": "r_knee", "l_knee": "l_ankle", "r_knee": "r_ankle", "l_shoulder": "l_elbow",
    "r_shoulder": "r_elbow", "l_elbow": "l_wrist", "r_elbow": "r_wrist", "l_collar": "l_shoulder",
    "r_collar": "r_shoulder",
}  # fmt: skip
"""Joint -> joint that its bone points to; the others keep the turn of the whole body."""
_LIMB_TURNS: Final = ("knee", "shoulder", "elbow", "wrist")
"""Joints that keep the turn of the joint above them, and then only point where their bone does."""
_UPRIGHT: Final = 0.6
"""Cosine between a leg and straight down, and the trunk and straight up, that a human rest pose has at least."""
_FLOOR_ERROR: Final = 0.05
_FLOOR_SHARE: Final = 5.0


@dataclass(frozen=True, eq=False)
class Foreign:
    """A motion as a file has it, in its own space and unit.

    Attributes:
        names: of the J joints.
        parents: (J,) index of each joint's parent, -1 for the root.
        fps: frames per second.
        positions: (T, J, 3) places of the joints.
        turns: (T, J, 4) turns of the joints in the world, from the zero pose.
        zero: (J, 3) places of the joints in the zero pose.
    """

    names: Sequence[str]
    parents: Sequence[int]
    fps: float
    positions: Array
    turns: Array
    zero: Array


def motion_of(foreign: Foreign, joints: Mapping[str, int] | None = None) -> Motion:
    """A foreign motion on the model's joints.

    Args:
        foreign: the motion.
        joints: joint of the model -> joint of the file; None finds them by their names.

    Returns:
        The motion in metres, Y up, floor at 0, without contacts, with the foreign proportions.

    Raises:
        MotionError: the skeleton is not human, or its names say nothing.
    """
    found: JointMap = find_joints(foreign.names, foreign.parents) if joints is None else dict(joints)
    if not found:
        raise MotionError("has no skeleton with two arms, two legs and a head whose names are known")
    upright = _upright(foreign, found)
    scale = _unit(foreign, found)
    places = {joint: rotation.rotate(upright, foreign.positions[:, index]) * scale for joint, index in found.items()}
    zero = {joint: rotation.rotate(upright, foreign.zero[index]) * scale for joint, index in found.items()}
    turns = {
        joint: rotation.multiply(rotation.multiply(upright, foreign.turns[:, index]), rotation.conjugate(upright))
        for joint, index in found.items()
    }
    if not _is_human(zero):
        frame = _calmest(places)
        zero = {joint: place[frame] for joint, place in places.items()}
        turns = {joint: rotation.multiply(turn, rotation.conjugate(turn[frame])) for joint, turn in turns.items()}
    corrections = _corrections(zero)
    worlds = {joint: rotation.multiply(turns[joint], corrections[joint]) for joint in found}
    return _assembled(foreign.fps, places, worlds)


def _upright(foreign: Foreign, joints: JointMap) -> Array:
    """(4,) turn that makes the file's up axis Y: the axis that lies nearest to the way from the feet to the head."""
    feet = foreign.positions[:, [joints["l_ankle"], joints["r_ankle"]]].mean(axis=1)
    way = (foreign.positions[:, joints["head"]] - feet).mean(axis=0)
    up = np.zeros(3)
    axis = int(np.abs(way).argmax())
    up[axis] = np.sign(way[axis])
    return rotation.between(up, [0.0, 1.0, 0.0])


def _unit(foreign: Foreign, joints: JointMap) -> float:
    """Metres in one unit of the file: one of UNITS, or what makes the legs usual."""

    def length(first: str, second: str) -> float:
        way = foreign.positions[0, joints[second]] - foreign.positions[0, joints[first]]
        return float(np.linalg.norm(way))

    leg = np.mean([length(f"{side}_hip", f"{side}_knee") + length(f"{side}_knee", f"{side}_ankle") for side in "lr"])
    if leg <= 1e-9:
        raise MotionError("has legs without length")
    fitting = [unit for unit in UNITS if _LEG_RANGE[0] <= leg * unit <= _LEG_RANGE[1]]
    return fitting[0] if fitting else _LEG / float(leg)


def _is_human(zero: Mapping[str, Array]) -> bool:
    """Whether a pose stands upright with its legs below and its trunk above, left and right apart."""

    def up(first: str, second: str) -> float:
        way = zero[second] - zero[first]
        return float(way[1] / max(np.linalg.norm(way), 1e-9))

    hips = zero["l_hip"] - zero["r_hip"]
    shoulders = zero["l_shoulder"] - zero["r_shoulder"]
    across = float(hips @ shoulders) > 0.0 and np.linalg.norm(hips[::2]) > 0.5 * np.linalg.norm(hips)
    legs = all(-up(f"{side}_hip", f"{side}_ankle") > _UPRIGHT for side in "lr")
    return bool(across and legs and up("pelvis", "head") > _UPRIGHT)


def _calmest(places: Mapping[str, Array]) -> int:
    """The frame whose trunk, legs and arms are straightest and most upright."""
    score = np.zeros(len(places["pelvis"]))
    for first, second, sign in (
        ("pelvis", "head", 1.0), ("l_hip", "l_knee", -1.0), ("r_hip", "r_knee", -1.0), ("l_knee", "l_ankle", -1.0),
        ("r_knee", "r_ankle", -1.0),
    ):  # fmt: skip
        way = places[second] - places[first]
        score += sign * way[:, 1] / np.maximum(np.linalg.norm(way, axis=1), 1e-9)
    return int(score.argmax())


def _corrections(zero: Mapping[str, Array]) -> dict[str, Array]:
    """Joint -> turn from the model's T-pose to the zero pose."""
    across = zero["l_hip"] - zero["r_hip"] + zero["l_shoulder"] - zero["r_shoulder"]
    body = rotation.about_y(np.arctan2(-across[2], across[0]))
    found = dict.fromkeys(zero, body)
    offsets = skeleton.rest_offsets()
    for joint in (name for name in JOINT_NAMES if name in zero):
        if joint[2:] in _LIMB_TURNS:
            found[joint] = found.get(JOINT_NAMES[PARENTS[INDEX[joint]]], body)
        end = _POINTS.get(joint, "")
        if end in zero:
            rest = rotation.rotate(found[joint], offsets[INDEX[end]])
            found[joint] = rotation.multiply(rotation.between(rest, zero[end] - zero[joint]), found[joint])
    return found


def _assembled(fps: float, places: Mapping[str, Array], worlds: Mapping[str, Array]) -> Motion:
    """The motion of joints' places (T, 3) and turns (T, 4); missing joints follow the joint above."""
    frames = len(places["pelvis"])
    world = rotation.identity(frames, JOINT_COUNT)
    offsets = skeleton.rest_offsets()
    size = _size(places)
    for joint, name in enumerate(JOINT_NAMES):
        parent = PARENTS[joint]
        world[:, joint] = worlds[name] if name in worlds else world[:, parent]
    for name in places:
        chain = _missing_above(name, places)
        if chain is None:
            continue
        above, missing = chain
        way = rotation.rotate(rotation.conjugate(world[:, INDEX[above]]), places[name] - places[above]).mean(axis=0)
        links = [*missing, name]
        lengths = np.array([np.linalg.norm(skeleton.rest_offsets()[INDEX[link]]) for link in links])
        for link, share in zip(links, lengths / lengths.sum(), strict=True):
            offsets[INDEX[link]] = way * share
    for joint, name in enumerate(JOINT_NAMES):
        if name not in places and not _is_inner(name, places):
            offsets[joint] *= size
    offsets[0] = 0.0
    root = places["pelvis"] + [0.0, _lift(places), 0.0]
    local = rotation.continuous(skeleton.local_from_world(world))
    return Motion(fps, root, local, np.zeros((frames, len(CONTACT_JOINTS))), offsets)


def _missing_above(name: str, places: Mapping[str, Array]) -> tuple[str, list[str]] | None:
    """The nearest joint above that the file has, and the joints between that it lacks; None for the pelvis."""
    missing: list[str] = []
    index = PARENTS[INDEX[name]]
    while index >= 0 and JOINT_NAMES[index] not in places:
        missing.insert(0, JOINT_NAMES[index])
        index = PARENTS[index]
    return (JOINT_NAMES[index], missing) if index >= 0 else None


def _is_inner(name: str, places: Mapping[str, Array]) -> bool:
    """Whether a missing joint lies between two that the file has."""
    below = [JOINT_NAMES[child] for child, parent in enumerate(PARENTS) if parent == INDEX[name]]
    return any(child in places or _is_inner(child, places) for child in below)


def _size(places: Mapping[str, Array]) -> float:
    """Length of the legs, as a multiple of the model's."""
    offsets = skeleton.rest_offsets()
    own = sum(np.linalg.norm(offsets[INDEX[name]]) for name in ("l_knee", "l_ankle"))
    bones = (("l_hip", "l_knee"), ("l_knee", "l_ankle"))
    leg = sum(np.linalg.norm(places[end] - places[start], axis=1).mean() for start, end in bones)
    return float(leg / own)


def _lift(places: Mapping[str, Array]) -> float:
    """Metres that bring the lowest toes to where a standing foot has them; 0 where the floor is nearly right."""
    feet = [name for name in ("l_foot", "r_foot") if name in places] or ["l_ankle", "r_ankle"]
    lowest = float(np.percentile(np.minimum(*(places[name][:, 1] for name in (feet * 2)[:2])), _FLOOR_SHARE))
    rest = skeleton.FLOOR_OFFSET + (0.0 if feet[0].endswith("foot") else 0.06)
    return rest - lowest if abs(rest - lowest) > _FLOOR_ERROR else 0.0
