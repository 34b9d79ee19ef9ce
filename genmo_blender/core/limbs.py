"""The joints within an arm or a leg: which of the bones of a branch is the elbow, by human proportions.

A branch may begin with a collar or a helper, have twist bones in line and end in toes or fingers. All choices of
three joints are weighed; the one that is most like a human's limb counts.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...runtime import rotation
from .restpose import RestPose

Array = NDArray[np.float64]
Joints = tuple[int, int, int]
Costs = dict[Joints, float]
"""Places of three joints on a branch -> how unlike a human's limb that is."""

_SHIN: Final = 1.1
"""Length of the lower part over the upper part of a human leg."""
_FOREARM: Final = 0.9
_FOOT: Final = 0.33
"""From ankle to ball over the shin."""
_HAND: Final = 0.6
"""From wrist to the tips of the fingers over the forearm."""
_MOST: Final = 9
"""Bones of a branch, from its base, that are looked at."""


@dataclass(frozen=True, slots=True)
class Limb:
    """A leg or an arm, as indices of bones.

    Attributes:
        root: first bone of the branch.
        before: bones above the upper part: a collar.
        upper: bones of thigh or upper arm, parents first.
        lower: bones of shin or forearm.
        end: ankle's or wrist's bone, None where the forearm is the last bone.
        after: bone of the toes, None where there is none.
        length: of upper and lower part together.
        bend: (3,) how far the middle joint lies off the straight line.
        tip: (3,) from the end joint to where its bone leads.
        cost: how unlike a human's limb it is.
    """

    root: int
    before: tuple[int, ...]
    upper: tuple[int, ...]
    lower: tuple[int, ...]
    end: int | None
    after: int | None
    length: float
    bend: Array
    tip: Array
    cost: float

    def joints(self, kind: str) -> dict[str, tuple[int, ...]]:
        """Joint without side -> bones, for a "leg" or an "arm"."""
        end = () if self.end is None else (self.end,)
        if kind == "leg":
            after = () if self.after is None else (self.after,)
            return {"hip": self.upper, "knee": self.lower, "ankle": end, "foot": after}
        return {"collar": self.before, "shoulder": self.upper, "elbow": self.lower, "wrist": end}


def legs(rest: RestPose, paths: tuple[list[int], list[int]], up: Array) -> tuple[Limb, Limb] | None:
    """The best legs along two branches; None when they have too few bones.

    Args:
        rest: the armature.
        paths: bones of each branch from the base to the end.
        up: (3,) unit vector from hips to shoulders.
    """
    first, second = (path[:_MOST] for path in paths)
    chosen = _chosen(_leg_costs(_points(rest, first), up), _leg_costs(_points(rest, second), up))
    if chosen is None:
        return None
    return _limb(rest, first, chosen[0], toes=True), _limb(rest, second, chosen[1], toes=True)


def arms(
    rest: RestPose, paths: tuple[list[int], list[int]], up: Array, branches: NDArray[np.int64], reach: Array
) -> tuple[Limb, Limb] | None:
    """The best arms along two branches; None when they have too few bones.

    Args:
        rest: the armature.
        paths: bones of each branch from the base to the end.
        up: (3,) unit vector from hips to shoulders.
        branches: (B,) number of children of each bone.
        reach: (B,) length of the longest way below each bone.
    """
    first, second = (path[:_MOST] for path in paths)
    costs = [_arm_costs(_points(rest, path), up, branches[path], reach[path]) for path in (first, second)]
    chosen = _chosen(*costs)
    if chosen is None:
        return None
    return _limb(rest, first, chosen[0], toes=False), _limb(rest, second, chosen[1], toes=False)


def _chosen(first: Costs, second: Costs) -> tuple[tuple[Joints, float], tuple[Joints, float]] | None:
    """The cheapest joints of both limbs, the same in both if these have equally many bones."""
    if not first or not second:
        return None
    if first.keys() == second.keys():
        best = min(first, key=lambda joints: first[joints] + second[joints])
        return (best, first[best]), (best, second[best])
    one, other = min(first, key=first.__getitem__), min(second, key=second.__getitem__)
    return (one, first[one]), (other, second[other])


def _leg_costs(points: Array, up: Array) -> Costs:
    """How unlike a leg each choice of hip, knee and ankle is."""
    found: Costs = {}
    for i, j, k in itertools.combinations(range(len(points) - 1), 3):
        thigh, shin, foot = points[j] - points[i], points[k] - points[j], points[k + 1] - points[k]
        lengths = _length(thigh), _length(shin)
        cost = _proportion(lengths[1], lengths[0], _SHIN) + _off_line(points, i, j) + _off_line(points, j, k)
        cost += 2.0 * (1.0 + float(rotation.normalize(points[k] - points[i]) @ up))
        cost += 0.3 * min(_proportion(_length(foot), lengths[1], _FOOT), 3.0)
        cost += max(0.0, float(rotation.normalize(foot) @ rotation.normalize(shin)) - 0.5)
        found[i, j, k] = cost + 0.5 * _length(points[i] - points[0]) / max(lengths[0], 1e-12)
    return found


def _arm_costs(points: Array, up: Array, branches: NDArray[np.int64], reach: Array) -> Costs:
    """How unlike an arm each choice of shoulder, elbow and wrist is; the wrist may be the end of the last bone."""
    found: Costs = {}
    for i, j, k in itertools.combinations(range(len(points)), 3):
        lengths = _length(points[j] - points[i]), _length(points[k] - points[j])
        cost = _proportion(lengths[1], lengths[0], _FOREARM) + _off_line(points, i, j) + _off_line(points, j, k)
        cost += max(0.0, float(rotation.normalize(points[k] - points[i]) @ up) - 0.5)
        cost += max(0.0, _length(points[i] - points[0]) / max(lengths[0], 1e-12) - 0.7)
        if k < len(branches):
            hand = max(float(reach[k]), _length(points[k + 1] - points[k]))
            cost += 0.3 * min(_proportion(hand, lengths[1], _HAND), 3.0) - 0.5 * float(branches[k] > 2)
        else:
            cost += 0.5
        found[i, j, k] = cost
    return found


def _points(rest: RestPose, path: list[int]) -> Array:
    """Heads along a branch, and the tail of its last bone."""
    return np.concatenate([rest.heads[path], rest.tails[path[-1:]]])


def _length(vector: Array) -> float:
    return float(np.linalg.norm(vector))


def _proportion(first: float, second: float, wish: float) -> float:
    """How far two lengths are from a wished proportion: 0 for equal, 1 for a factor of two."""
    return abs(float(np.log2(max(first, 1e-9) / max(second, 1e-9) / wish)))


def _off_line(points: Array, start: int, stop: int) -> float:
    """How far the joints between two joints lie beside the line, 4 for as far as the line is long."""
    along = points[stop] - points[start]
    length = max(_length(along), 1e-12)
    inner = points[start + 1 : stop] - points[start]
    aside = inner - np.outer(inner @ along, along) / length**2
    return 4.0 * float(np.linalg.norm(aside, axis=-1).max(initial=0.0)) / length


def _limb(rest: RestPose, path: list[int], chosen: tuple[Joints, float], *, toes: bool) -> Limb:
    points = _points(rest, path)
    (i, j, k), cost = chosen
    along = points[k] - points[i]
    inner = points[j] - points[i]
    return Limb(
        root=path[0],
        before=tuple(path[:i]),
        upper=tuple(path[i:j]),
        lower=tuple(path[j:k]),
        end=path[k] if k < len(path) else None,
        after=path[k + 1] if toes and k + 1 < len(path) else None,
        length=_length(points[j] - points[i]) + _length(points[k] - points[j]),
        bend=inner - along * (inner @ along) / max(float(along @ along), 1e-12),
        tip=points[min(k + 1, len(points) - 1)] - points[k],
        cost=cost,
    )
