"""Which bone is which joint by the shape of the skeleton alone: hierarchy, symmetry, proportions.

Names are not looked at, but for bones that only mark an end. Two pairs of long, mirrored branches are searched for
that make the best legs and arms; what connects them is the spine, what goes on above the arms is neck and head, and
the way the feet point tells left from right. `limbs` finds the joints within a branch.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...runtime import rotation
from ...runtime.skeleton import JOINT_NAMES
from .bone_names import is_end
from .chains import BoneMap, split_chain
from .limbs import Limb
from .limbs import arms as arms_of
from .limbs import legs as legs_of
from .restpose import RestPose

Array = NDArray[np.float64]

_LONG: Final = 0.15
"""Share of the body's size that a branch must reach to be a limb."""
_ALIKE: Final = 0.2
"""Largest difference of length between two limbs of a pair."""
_MIRRORED: Final = 0.1
"""Share of the body's size by which the ends of a pair may miss their mirrored places."""
_ASIDE: Final = 0.03
"""Share of the body's size by which a bone of the neck or the head may lie beside the middle."""
_WORST: Final = 4.0
"""Cost above which the best legs and arms are not those of a human."""


@dataclass(frozen=True, slots=True)
class Shaped:
    """What the shape says.

    Attributes:
        map: the bones; empty when no human was recognised.
        reason: why not, as the end of a sentence; "" when something was recognised.
    """

    map: BoneMap = field(default_factory=dict)
    reason: str = ""


class Tree:
    """An armature as a tree, with how far each branch reaches."""

    def __init__(self, rest: RestPose) -> None:
        self.rest = rest
        self.heads = rest.heads
        self.children: list[list[int]] = [[] for _ in rest.names]
        self.reach = np.zeros(len(rest.names))
        for index in reversed(range(len(rest.names))):
            parent = int(rest.parents[index])
            if parent >= 0 and (self.children[index] or not is_end(rest.names[index])):
                self.children[parent].insert(0, index)
                self.reach[parent] = max(self.reach[parent], self.reach[index] + self.distance(parent, index))

    def distance(self, first: int, second: int) -> float:
        """How far two heads are from each other."""
        return float(np.linalg.norm(self.heads[second] - self.heads[first]))

    @cached_property
    def size(self) -> float:
        """Largest extent of the heads along one axis of the data."""
        return float(np.ptp(self.heads, axis=0).max())

    def path(self, index: int) -> list[int]:
        """From a bone down to the end that is farthest along the bones."""
        found = [index]
        while below := self.children[found[-1]]:
            above = found[-1]
            found.append(max(below, key=lambda each: self.reach[each] + self.distance(above, each)))
        return found

    def above(self, index: int) -> list[int]:
        """A bone and its ancestors."""
        return [index, *self.rest.ancestors(index)]

    def below(self, index: int) -> list[int]:
        """A bone and its descendants."""
        found = [index]
        for each in found:
            found += self.children[each]
        return found


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two mirrored branches on one bone."""

    parent: int
    roots: tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Human:
    """Legs and arms, and how well they fit."""

    legs: tuple[Limb, Limb]
    arms: tuple[Limb, Limb]
    hips: int
    chest: int
    up: Array
    across: Array
    cost: float


def guess(rest: RestPose) -> Shaped:
    """The bone map that the shape of an armature suggests."""
    tree = Tree(rest)
    pairs = _pairs(tree) if tree.size > 0.0 else []
    if len(pairs) < 2:
        return Shaped(reason="no legs and arms were found")
    humans = [found for legs, arms in itertools.permutations(pairs, 2) if (found := _human(tree, legs, arms))]
    best = min(humans, key=lambda human: human.cost, default=None)
    if best is None or best.cost > _WORST:
        return Shaped(reason="no legs and arms of human proportions were found")
    shared = [index for index in tree.above(best.chest) if index in tree.above(best.hips)]
    if not shared:
        return Shaped(reason="legs and arms hang on different root bones")
    if shared[0] == best.chest:
        return Shaped(reason="no spine between legs and arms was found")
    return Shaped(_named(tree, best, shared[0]))


def _pairs(tree: Tree) -> list[_Pair]:
    """Long branches of one bone that are alike and lie on two sides of one plane."""
    found = []
    for parent, branches in enumerate(tree.children):
        long = [index for index in branches if tree.reach[index] > _LONG * tree.size and len(tree.path(index)) > 2]
        for first, second in itertools.combinations(long, 2):
            one, other = tree.reach[first], tree.reach[second]
            if abs(one - other) < _ALIKE * max(one, other) and _is_mirrored(tree, parent, first, second):
                found.append(_Pair(parent, (first, second)))
    return found


def _is_mirrored(tree: Tree, parent: int, first: int, second: int) -> bool:
    """Whether two branches have ends apart, or at least the same number of bones on the way to them."""
    one, other = tree.path(first), tree.path(second)
    apart = tree.heads[one[-1]] - tree.heads[other[-1]]
    if np.linalg.norm(apart) < 0.05 * tree.size:
        return False
    middle = 0.5 * (tree.heads[one[-1]] + tree.heads[other[-1]])
    aside = abs(float((tree.heads[parent] - middle) @ rotation.normalize(apart)))
    return aside < _MIRRORED * tree.size or len(one) == len(other)


def _human(tree: Tree, legs: _Pair, arms: _Pair) -> _Human | None:
    """Two pairs as legs and arms; None when they cannot be."""
    if set(arms.roots) & {each for root in legs.roots for each in tree.below(root)}:
        return None
    if set(legs.roots) & {each for root in arms.roots for each in tree.below(root)}:
        return None
    up = _middle(tree, arms) - _middle(tree, legs)
    if np.linalg.norm(up) < 0.02 * tree.size:
        return None
    up = rotation.normalize(up)
    fingers = np.array([len(branches) for branches in tree.children])
    first = legs_of(tree.rest, _paths(tree, legs), up)
    second = arms_of(tree.rest, _paths(tree, arms), up, fingers, tree.reach)
    if first is None or second is None:
        return None
    across = _across(tree, first) + _across(tree, second) * np.sign(_across(tree, first) @ _across(tree, second))
    return _Human(
        legs=first,
        arms=second,
        hips=legs.parent,
        chest=arms.parent,
        up=up,
        across=rotation.normalize(across - up * (across @ up)),
        cost=sum(limb.cost for limb in (*first, *second)) / 2.0 + _odd(tree, legs, arms, first, second, up),
    )


def _paths(tree: Tree, pair: _Pair) -> tuple[list[int], list[int]]:
    return tree.path(pair.roots[0]), tree.path(pair.roots[1])


def _middle(tree: Tree, pair: _Pair) -> Array:
    return tree.heads[list(pair.roots)].mean(axis=0)


def _across(tree: Tree, limbs: tuple[Limb, Limb]) -> Array:
    """From one limb of a pair to the other."""
    first, second = limbs
    return tree.heads[first.upper[0]] - tree.heads[second.upper[0]]


def _odd(tree: Tree, legs: _Pair, arms: _Pair, lower: tuple[Limb, Limb], upper: tuple[Limb, Limb], up: Array) -> float:
    """How unlike a human the whole is: legs above the spine, no head, arms as long as legs."""
    cost = 0.0 if legs.parent in tree.above(arms.parent) else 0.4
    limbs = {each for root in (*legs.roots, *arms.roots) for each in tree.below(root)}
    above = {*tree.above(legs.parent), *tree.above(arms.parent)}
    rest = [index for index in range(len(tree.heads)) if index not in limbs and index not in above]
    shoulders = tree.heads[[limb.upper[0] for limb in upper]].mean(axis=0)
    if not rest or float(((tree.heads[rest] - shoulders) @ up).max()) < 0.02 * tree.size:
        cost += 0.6
    ratio = sum(limb.length for limb in lower) / max(sum(limb.length for limb in upper), 1e-12)
    return cost + 0.5 * abs(float(np.log(ratio / 1.5)))


def _named(tree: Tree, human: _Human, pelvis: int) -> BoneMap:
    """The bone map of a human whose left and right are told by the front."""
    names = tree.rest.names
    left = np.cross(human.up, _front(tree, human))
    spine = [index for index in reversed(tree.above(human.chest)) if pelvis in tree.rest.ancestors(index)]
    kept = [index for index in spine[:-1] if tree.distance(index, human.chest) > 0.01 * tree.size]
    result: BoneMap = {"pelvis": (names[pelvis],)}
    result |= split_chain(tuple(names[index] for index in (*kept, human.chest)))
    for kind, limbs in (("leg", human.legs), ("arm", human.arms)):
        ordered = sorted(limbs, key=lambda limb: float(tree.heads[limb.lower[-1]] @ left), reverse=True)
        for side, limb in zip(("l_", "r_"), ordered, strict=True):
            result |= {side + joint: tuple(names[each] for each in bones) for joint, bones in limb.joints(kind).items()}
    neck, head = _head(tree, human)
    result |= {"neck": tuple(names[index] for index in neck)} if neck else {}
    result |= {"head": (names[head],)} if head is not None else {}
    return {joint: result[joint] for joint in JOINT_NAMES if result.get(joint)}


def _head(tree: Tree, human: _Human) -> tuple[list[int], int | None]:
    """The bones between the arms and the head, and the head."""
    arms = {each for limb in human.arms for each in tree.below(limb.root)}
    chest = tree.heads[human.chest]

    def height(index: int) -> float:
        return float(((tree.heads[tree.below(index)] - chest) @ human.up).max())

    def middle(index: int) -> bool:
        return index not in arms and abs(float((tree.heads[index] - chest) @ human.across)) < _ASIDE * tree.size

    candidates = [index for index in tree.children[human.chest] if middle(index)]
    path: list[int] = []
    while candidates:
        best = max(candidates, key=height)
        if not path and height(best) < 0.02 * tree.size:
            return [], None
        path.append(best)
        if len(tree.children[best]) > 2:  # a face
            break
        candidates = [index for index in tree.children[best] if middle(index)]
    while len(path) > 1 and tree.distance(path[-2], path[-1]) < 0.01 * tree.size:  # a helper in the head's place
        path.pop()
    steps = [tree.distance(above, below) for above, below in itertools.pairwise(path)]
    for place in range(1, len(steps)):
        if steps[place] > 1.5 * max(steps[:place]):  # what follows is hair, or marks the top of the head
            path = path[: place + 1]
            break
    return (path[:-1], path[-1]) if path else ([], None)


def _front(tree: Tree, human: _Human) -> Array:
    """Where the body looks, by its feet first, then knees, elbows and face."""
    front = np.cross(human.across, human.up)
    vote = 0.0
    for limb in human.legs:
        vote += 3.0 * float(limb.tip @ front) / limb.length
        vote += 2.0 * float(limb.bend @ front) / limb.length
    for limb in human.arms:
        vote -= float(limb.bend @ front) / limb.length
    _, head = _head(tree, human)
    if head is not None and len(face := tree.below(head)[1:]):
        vote += float(((tree.heads[face] - tree.heads[head]) @ front).mean()) / tree.size
    return front if vote >= 0.0 else -front
