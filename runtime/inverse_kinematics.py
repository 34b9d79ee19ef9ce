"""Analytic inverse kinematics of the limbs and a small iterative one for the spine; vectorised over frames.

Functions here work on world positions and rotations of a few joints; they know nothing about time. Whoever calls
them spreads the change over the neighbouring frames (`runtime.smoothing`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from . import rotation, skeleton

Array = NDArray[np.float64]

STRAIGHT: Final = 1.0 - 1e-7
"""Largest share of a limb's length that a solution uses; 1 would put the bend angle on its singular point."""
_SOLVED: Final = 1e-9
"""Metres: an end that is this close is left alone, so that solving twice changes nothing."""
_TRUSTED_BEND: Final = (0.25, 0.45)
"""Radians of bend: below the first a limb's plane may be noise, and a knee bent forwards is noise; above the second
it is what the motion wants."""


@dataclass(frozen=True, slots=True)
class Limb:
    """Joints of a two-bone chain.

    Attributes:
        upper: joint at the base (hip, shoulder).
        middle: joint that bends (knee, elbow).
        end: joint that is placed (ankle, wrist).
        tip: joint that moves rigidly with the end (ball of the foot), or None.
        hinge: axis of natural bending in the frame of the upper bone.
    """

    upper: int
    middle: int
    end: int
    tip: int | None
    hinge: tuple[float, float, float]

    @property
    def joints(self) -> tuple[int, int, int]:
        """The joints whose rotations place the end and keep its world rotation."""
        return self.upper, self.middle, self.end


def _limb(names: tuple[str, str, str], tip: str | None, hinge: tuple[float, float, float]) -> Limb:
    upper, middle, end = (skeleton.INDEX[name] for name in names)
    return Limb(upper, middle, end, None if tip is None else skeleton.INDEX[tip], hinge)


LEFT_LEG: Final = _limb(("l_hip", "l_knee", "l_ankle"), "l_foot", (1.0, 0.0, 0.0))
RIGHT_LEG: Final = _limb(("r_hip", "r_knee", "r_ankle"), "r_foot", (1.0, 0.0, 0.0))
LEFT_ARM: Final = _limb(("l_shoulder", "l_elbow", "l_wrist"), None, (0.0, -1.0, 0.0))
RIGHT_ARM: Final = _limb(("r_shoulder", "r_elbow", "r_wrist"), None, (0.0, 1.0, 0.0))
LIMBS: Final = (LEFT_LEG, RIGHT_LEG, LEFT_ARM, RIGHT_ARM)


def reach(limb: Limb, offsets: Array) -> tuple[float, float]:
    """Nearest and farthest distance between base and end that the limb can take.

    Args:
        limb: the chain.
        offsets: (22, 3) rest offsets, metres.

    Returns:
        (minimum, maximum) in metres.
    """
    first, second = (float(np.linalg.norm(offsets[joint])) for joint in (limb.middle, limb.end))
    return abs(first - second) / STRAIGHT, (first + second) * STRAIGHT


def aim(base: Array, end: Array, target: Array) -> Array:
    """World rotations that turn the bone base-end towards a target.

    Args:
        base: (..., 3) the joint that turns.
        end: (..., 3) the joint that should come to the target.
        target: (..., 3) metres.

    Returns:
        (..., 4): to be multiplied from the left onto the world rotation of `base`; identity where the end is there.
    """
    length = np.linalg.norm(end - base, axis=-1, keepdims=True)
    wish = target - base
    goal = base + length * rotation.normalize(wish)
    idle = (np.linalg.norm(end - goal, axis=-1) < _SOLVED) | (np.linalg.norm(wish, axis=-1) < _SOLVED)
    return np.where(idle[..., None], rotation.identity(), rotation.between(end - base, wish))


def two_bone(base: Array, middle: Array, end: Array, target: Array, hinge: Array) -> tuple[Array, Array]:
    """World rotations of both bones of a limb that bring its end to a target, in the limb's own plane.

    The middle joint is bent to the right distance first, then the whole limb is swung onto the target by the
    smallest rotation; so the elbow or knee keeps its side. Where the target is out of reach the limb is stretched (or
    folded) towards it.

    Args:
        base: (..., 3) position of the hip or shoulder, metres.
        middle: (..., 3) position of the knee or elbow.
        end: (..., 3) position of the ankle or wrist.
        target: (..., 3) where the end should be.
        hinge: (..., 3) world axis of natural bending, used where the limb is almost straight.

    Returns:
        (..., 4) for the upper and (..., 4) for the lower bone, to be multiplied from the left onto their world
        rotations.
    """
    first, second = (np.linalg.norm(bone, axis=-1) for bone in (middle - base, end - middle))
    wish = target - base
    nearest, farthest = np.abs(first - second) / STRAIGHT, (first + second) * STRAIGHT
    distance = np.clip(np.linalg.norm(wish, axis=-1), nearest, farthest)
    cosine = (distance**2 - first**2 - second**2) / np.maximum(2.0 * first * second, 1e-12)
    bend = np.arccos(np.clip(cosine, -1.0, 1.0))
    along = rotation.normalize(middle - base)
    axis = _bend_axis(along, rotation.normalize(end - middle), hinge, bend)
    lower = np.cos(bend)[..., None] * along + np.sin(bend)[..., None] * np.cross(axis, along)
    turn = rotation.between(end - middle, lower)
    swing = rotation.between(middle + second[..., None] * lower - base, wish)
    senseless = np.linalg.norm(wish, axis=-1, keepdims=True) < _SOLVED  # a target on the shoulder has no direction
    swing = np.where(senseless, rotation.identity(), swing)
    return swing, rotation.multiply(swing, turn)


def _bend_axis(along: Array, lower: Array, hinge: Array, bend: Array) -> Array:
    """Unit axes (..., 3), perpendicular to the upper bone `along`, about which the lower bone will be bent by `bend`.

    A limb keeps its own plane: where the bend stays the same, nothing turns. The natural hinge takes over where an
    almost straight limb, whose plane is noise, is bent, and where a knee or elbow is bent a little the wrong way.
    """
    normal = np.cross(along, lower)
    sine = np.linalg.norm(normal, axis=-1, keepdims=True)
    now = np.arctan2(sine, np.sum(along * lower, axis=-1, keepdims=True))
    own = now * normal / np.maximum(sine, 1e-12)
    natural = rotation.normalize(hinge - np.sum(hinge * along, axis=-1, keepdims=True) * along)
    trust = np.clip((now - _TRUSTED_BEND[0]) / (_TRUSTED_BEND[1] - _TRUSTED_BEND[0]), 0.0, 1.0)
    doubt = 1.0 - trust * trust * (3.0 - 2.0 * trust)
    wrong_way = np.maximum(-np.sum(own * natural, axis=-1, keepdims=True), 0.0)
    more = np.maximum(bend[..., None] - now, 1e-9)
    return rotation.normalize(own + doubt * (2.0 * wrong_way + more) * natural)


def local_rotations(limb: Limb, rotations: Array, upper: Array, lower: Array, end: Array) -> dict[int, Array]:
    """Local rotations of a limb's joints after its bones were turned.

    Args:
        limb: the chain.
        rotations: (F, 22, 4) world rotations of all joints before.
        upper: (F, 4) turn of the upper bone, from the left.
        lower: (F, 4) turn of the lower bone, from the left.
        end: (F, 4) world rotation that the end should have.

    Returns:
        (F, 4) by joint: upper, middle, end.
    """
    first = rotation.multiply(upper, rotations[:, limb.upper])
    second = rotation.multiply(lower, rotations[:, limb.middle])
    above = rotations[:, skeleton.PARENTS[limb.upper]]
    worlds = {limb.upper: (above, first), limb.middle: (first, second), limb.end: (second, end)}
    return {joint: rotation.multiply(rotation.conjugate(a), b) for joint, (a, b) in worlds.items()}


def bend_chain(positions: Array, rotations: Array, goal: Array, free: NDArray[np.bool_], rounds: int = 60) -> Array:
    """World rotations of a chain (a spine) whose last joint comes to a goal, with the least turning.

    Damped least squares with the damping of Sugihara (2011), proportional to the squared error: it converges like
    Newton's method where the goal can be reached, and comes to rest where it cannot.

    Args:
        positions: (F, n + 1, 3) positions of the chain's joints, base first; the last one is the end, metres.
        rotations: (F, n, 4) world rotations of the joints that may turn.
        goal: (F, 3) where the end should be.
        free: (F, n) joints that may turn, e.g. not those that a key fixes.
        rounds: most iterations.

    Returns:
        (F, n, 4) new world rotations.
    """
    places, turned = positions.copy(), rotations.copy()
    for _ in range(rounds):
        missing = goal - places[:, -1]
        square = np.sum(missing**2, axis=-1)
        if np.max(square, initial=0.0) < _SOLVED**2:
            break
        arms = np.where(free[..., None], places[:, -1:] - places[:, :-1], 0.0)
        # A turn w of a joint moves the end by w x arm; the sum of arm^2 I - arm arm^T over the joints is J J^T.
        lengths = np.sum(arms**2, axis=(1, 2)) + 0.1 * square + 1e-9
        system = lengths[:, None, None] * np.eye(3) - np.einsum("fji,fjk->fik", arms, arms)
        pull = np.linalg.solve(system, missing[..., None])[..., 0]
        turns = rotation.from_axis_angle(np.cross(arms, pull[:, None]))
        _turn_chain(places, turned, turns)
    return turned


def _turn_chain(places: Array, rotations: Array, turns: Array) -> None:
    """Turns every joint of a chain, and with it all that comes after, in place."""
    bones = np.diff(places, axis=1)
    total = rotation.identity(len(places))
    for joint in range(rotations.shape[1]):
        total = rotation.multiply(total, turns[:, joint])
        rotations[:, joint] = rotation.multiply(total, rotations[:, joint])
        places[:, joint + 1] = places[:, joint] + rotation.rotate(total, bones[:, joint])
