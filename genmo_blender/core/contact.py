"""The course of one foot over T frames on which its own sole neither slides nor sinks into the floor.

While heel or ball is planted the *steps* of the ankle from frame to frame are chosen so that the place of the sole
that stands moves as the source's joint moves: not at all in a clean motion. Where the foot stands as a whole is free;
it stays as close as possible to where the rig's own legs would put it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...runtime import rotation, skeleton, smoothing
from .soles import FOOT, SHIN, TOES, Patch, Sole

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

_DRIFT: Final = 2.0
"""Seconds over which the height of a long stance is brought back to the floor."""
_FADE: Final = 0.06
"""Seconds: time constant of a foot's tilt next to the frames on which it stands flat."""
TILTED_FOOT: Final = (np.radians(40.0), np.radians(70.0))
"""Tilt of a foot that stands up to which it is laid flat, and from which it is left alone."""
TILTED_TOES: Final = (np.radians(75.0), np.radians(100.0))
"""The same of toes: before they are bent they are as steep as the foot that rolls over them."""
_LARGEST_BEND: Final = np.radians(70.0)
"""Most that toes bend up."""


@dataclass(frozen=True, slots=True)
class Foot:
    """One foot over T frames: model axes, armature units.

    Attributes:
        ankles: (T, 3) where the ankle is so far.
        turns: (T, 4) turn of the foot from its rest.
        toes: (T, 4) turn of the toes.
        shin: (T, 4) turn of the shin, about.
        ankle: (3,) ankle at rest.
        ball: (3,) joint of the toes at rest.
        sole: what stands on the floor.
        floor: height of the floor.
        size: armature units per model metre.
        source: (T, 2, 3) the model's ankle and ball, scaled to the rig.
        source_turns: (T, 4) world rotation of the model's ankle.
        source_ball: (3,) from the model's ankle to its ball at rest, scaled to the rig.
        planted: (T, 2) whether heel and ball stand.
        keep: (T,) frames on which the pose must stay as it is.
        slip: share of the source's movement in contact that is shown.
        fps: frames per second.
    """

    ankles: Array
    turns: Array
    toes: Array
    shin: Array
    ankle: Array
    ball: Array
    sole: Sole
    floor: float
    size: float
    source: Array
    source_turns: Array
    source_ball: Array
    planted: Mask
    keep: Mask
    slip: float
    fps: float


@dataclass(frozen=True, slots=True)
class Course:
    """Where an ankle has to be.

    Attributes:
        ankles: (T, 3); only the known frames count.
        known: (T,) frames of contact, each with the frame after it.
    """

    ankles: Array
    known: Mask


def and_after(frames: Mask) -> Mask:
    """(T,) these frames and the one after each: a foot slides between two frames."""
    result = frames.copy()
    result[1:] |= frames[:-1]
    return result


def lay_flat(turns: Array, forward: Array, stands: Mask, fixed: Mask, fps: float, tilted: tuple[float, float]) -> Array:
    """Turns (T, 4), from the left, that lay a foot or its toes flat on the floor, facing where they face.

    What is clearly tilted stands on a slope or on its edge, and stays.

    Args:
        turns: (T, 4) turn of the bone from its rest, where it is flat.
        forward: (3,) the way the foot faces at rest, as steep as in the source.
        stands: (T,) frames on which to lay it down.
        fixed: (T,) frames on which nothing may change.
        fps: frames per second.
        tilted: radians of tilt up to which it is laid flat, and from which it is left alone.
    """
    up, ground = np.array([0.0, 1.0, 0.0]), np.array([1.0, 0.0, 1.0])
    faces = rotation.rotate(turns, forward)
    flat = rotation.between(forward * ground, faces * ground)
    wish = rotation.to_axis_angle(rotation.multiply(flat, rotation.conjugate(turns)))
    tilt = np.arccos(np.clip(rotation.rotate(turns, up)[:, 1], -1.0, 1.0))
    trust = np.clip((tilted[1] - tilt) / (tilted[1] - tilted[0]), 0.0, 1.0)
    wish *= (trust * trust * (3.0 - 2.0 * trust))[:, None]
    stands = and_after(stands)
    wish = np.where((stands & ~fixed)[:, None], wish, 0.0)
    return rotation.from_axis_angle(smoothing.fade(wish, stands | fixed, _FADE * fps))


def course(foot: Foot) -> Course:
    """The course of the ankle while heel or ball is planted."""
    stands = foot.planted[:, 0] | foot.planted[:, 1]
    known = and_after(stands)
    arms = np.stack([_arm(foot, patch) for patch in (foot.sole.heel, foot.sole.ball)], axis=1)
    path = np.concatenate([np.zeros((1, 3)), np.cumsum(_steps(foot, arms), axis=0)])
    # Where the ankle belongs by height, if the place that stands is as high over the floor as in the source.
    nominal = foot.size * np.array([_MODEL_ANKLE, skeleton.FLOOR_OFFSET])
    heights = foot.source[..., 1] - nominal + foot.sole.levels - arms[..., 1]
    wish = np.where(foot.planted[:, 1], heights[:, 1], heights[:, 0])
    offset = np.zeros(foot.ankles.shape)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]])))
    for start, stop in edges.reshape(-1, 2):
        part = slice(start, stop)
        sure = (
            foot.planted[part, 1] if foot.planted[part, 1].any() else stands[part]
        )  # the ball is lower than the ankle
        offset[part] = _offset(foot, part, foot.ankles[part] - path[part], wish[part] - path[part, 1], sure)
    return Course(path + offset, known)


def _arm(foot: Foot, patch: Patch) -> Array:
    """(T, 3) from the ankle to a place of the sole, as its skin is blended."""
    joint = rotation.rotate(foot.turns, foot.ball - foot.ankle)
    carried = np.stack(
        [
            rotation.rotate(foot.shin, patch.points[SHIN] - foot.ankle),
            rotation.rotate(foot.turns, patch.points[FOOT] - foot.ankle),
            joint + rotation.rotate(foot.toes, patch.points[TOES] - foot.ball),
        ]
    )
    return np.einsum("b,bti->ti", patch.weights, carried)


_MODEL_ANKLE: Final = skeleton.FLOOR_OFFSET - skeleton.REST_OFFSETS[skeleton.INDEX["l_foot"]][1]
"""Height of the model's ankle over the floor when its foot stands flat, metres."""


def _steps(foot: Foot, arms: Array) -> Array:
    """(T - 1, 3) steps of the ankle that keep the planted places where they are; elsewhere its own."""
    demands = foot.slip * np.diff(foot.source, axis=0) - np.diff(arms, axis=0)
    before, after = foot.planted[:-1], foot.planted[1:]
    lasting = before & after
    weights = np.where(lasting.any(axis=1, keepdims=True), lasting, before)[..., None]
    count = weights.sum(axis=1)
    return np.where(count > 0, (weights * demands).sum(axis=1) / np.maximum(count, 1), np.diff(foot.ankles, axis=0))


def _offset(foot: Foot, part: slice, gap: Array, height: Array, stands: Mask) -> Array:
    """(n, 3) what a stance is moved by: constant over the ground, all but constant in height.

    Args:
        foot: the foot.
        part: the n frames of the stance.
        gap: (n, 3) from the course of the steps to where the ankle is so far.
        height: (n,) from the course to where the ankle belongs by height.
        stands: (n,) frames on which the height counts.
    """
    keys = np.flatnonzero(foot.keep[part])
    frames = np.arange(len(gap))
    if keys.size:
        return np.stack([np.interp(frames, keys, gap[keys, axis]) for axis in range(3)], axis=1)
    result = np.broadcast_to(gap.mean(axis=0), gap.shape).copy()
    filled = np.interp(frames, np.flatnonzero(stands), height[stands])
    reach = min(round(_DRIFT * foot.fps), len(filled))
    padded = np.pad(filled, reach, mode="reflect") if reach < len(filled) else np.full(len(filled) + 2 * reach, 0.0)
    if reach < len(filled):
        sums = np.cumsum(np.concatenate([[0.0], padded]))
        result[:, 1] = (sums[2 * reach + 1 :] - sums[: -2 * reach - 1]) / (2 * reach + 1)
    else:
        result[:, 1] = height[stands].mean()
    return result


def toes_above_floor(foot: Foot, weights: Array) -> Array:
    """Turns (T, 4), from the left, that bend toes up where they would go through the floor.

    Args:
        foot: the foot, with its ankle where it is going to be.
        weights: (T,) 0 where nothing may change.
    """
    if not len(foot.sole.toes):
        return rotation.identity(len(foot.turns))
    joint = foot.ankles + rotation.rotate(foot.turns, foot.ball - foot.ankle)
    arms = rotation.rotate(foot.toes[:, None], foot.sole.toes - foot.ball)  # (T, m, 3)
    forward = rotation.normalize(rotation.rotate(foot.toes, foot.ball - foot.ankle) * np.array([1.0, 0.0, 1.0]))
    ahead = np.einsum("tmi,ti->tm", arms, forward)
    reach = np.hypot(ahead, arms[..., 1])
    floor = np.clip((foot.floor - joint[:, 1, None]) / np.maximum(reach, 1e-9), -1.0, 1.0)
    need = np.arcsin(floor) - np.arctan2(arms[..., 1], ahead)
    in_front = ahead > 0.3 * ahead.max(axis=1, keepdims=True)
    angle = weights * np.clip(np.where(in_front, need, 0.0).max(axis=1), 0.0, _LARGEST_BEND)
    axis = np.cross(forward, [0.0, 1.0, 0.0])
    return rotation.from_axis_angle(axis * angle[:, None])


def extra_depth(foot: Foot, bend: Array) -> Array:
    """(T,) how much deeper than the source's the sole would be in the floor, with toes bent by `bend` (T, 4)."""
    arms = [rotation.rotate(foot.turns[:, None], foot.sole.foot - foot.ankle)]
    if len(foot.sole.toes):
        joint = rotation.rotate(foot.turns, foot.ball - foot.ankle)
        toes = rotation.rotate(rotation.multiply(bend, foot.toes)[:, None], foot.sole.toes - foot.ball)
        arms.append(joint[:, None] + toes)
    lowest = np.concatenate(arms, axis=1)[..., 1].min(axis=1)
    own = np.maximum(0.0, foot.floor - foot.ankles[:, 1] - lowest)
    down = np.array([0.0, -foot.size * _MODEL_ANKLE, 0.0])
    along = foot.source_ball * np.array([1.0, 0.0, 1.0])
    corners = [rotation.rotate(foot.source_turns, down + share * along)[:, 1] for share in (-0.3, 1.0)]
    source = np.maximum(0.0, foot.floor - foot.source[:, 0, 1] - np.min(corners, axis=0))
    return np.maximum(0.0, own - source) if not foot.sole.has_mesh else own
