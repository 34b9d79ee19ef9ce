"""From a solved motion to the bones of one rig: hips, root bone or in place; FK or IK controls."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..runtime import rotation
from ..runtime.errors import UserError
from .core.carrying import Way, bone_channels, root_bone, way_of
from .core.controls import control_keys
from .core.footlock import Posed
from .core.output import Output
from .core.retarget import BonePoses, Placed, Solved, poses_from_turns
from .core.target import Target
from .ik_rigs import controls_of

Array = NDArray[np.float64]


def poses_of(item: Any, target: Target, solved: Solved, output: Output) -> BonePoses:
    """Poses of the bones that an output asks for.

    Args:
        item: the armature object.
        target: the same, prepared.
        solved: the motion on it.
        output: what carries the body, which controls.

    Raises:
        UserError: there is no root bone, or no IK control.
    """
    posed, way, placed, travel = solved.posed, None, (), None
    if output.root != "HIPS":
        course = way_of(solved.pelvis, posed.anchors, solved.fps)
        if output.root == "ROOT":
            way, placed = course, (_root(item, target, course),)
        else:
            ground = (course.places @ target.axes.T)[:, :2]
            travel = np.concatenate([ground, course.headings[:, None]], axis=1)
            posed = replace(posed, anchors=posed.anchors - course.places + course.places[0])
    poses = replace(poses_from_turns(target, posed, way), placed=placed, travel=travel)
    return poses if output.controls == "FK" else _with_ik(item, target, posed, way, poses)


def _root(item: Any, target: Target, way: Way) -> Placed:
    """The root bone on its way."""
    bone = root_bone(target)
    if not bone:
        raise UserError(f"'{item.name}' has no bone above its hips that could carry it: let the hips do it")
    origin = target.rest.heads[target.rest.index(bone)] @ target.axes
    place = rotation.rotate(way.turns, origin) + way.places
    return Placed(bone, "pelvis", *bone_channels(target, bone, way.turns, place))


def _with_ik(item: Any, target: Target, posed: Posed, way: Way | None, poses: BonePoses) -> BonePoses:
    """The poses with IK controls in place of the bones that they move."""
    controls = controls_of(item, target)
    if not controls:
        raise UserError(f"'{item.name}' has no IK controls that are known here: write its FK bones")
    driven = frozenset().union(*(control.driven for control in controls))
    keep = [column for column, name in enumerate(poses.names) if name not in driven]
    keys = [each for control in controls for each in control_keys(target, posed, control, way)]
    properties = dict(poses.properties or {})
    for control in controls:
        properties |= control.properties
    return replace(
        poses,
        names=tuple(poses.names[column] for column in keep),
        rotations=poses.rotations[:, keep],
        neutral=(*poses.neutral, *(name for control in controls for name in control.neutral)),
        properties=properties,
        placed=(*poses.placed, *(Placed(each.name, each.joint, each.rotations, each.locations) for each in keys)),
    )


def cut(poses: BonePoses, first: int, stop: int) -> BonePoses:
    """The poses from row `first` to before row `stop`."""
    part = slice(first, stop)
    placed = tuple(
        replace(
            each,
            rotations=None if each.rotations is None else each.rotations[part],
            locations=None if each.locations is None else each.locations[part],
        )
        for each in poses.placed
    )
    return replace(
        poses,
        rotations=poses.rotations[part],
        locations=poses.locations[part],
        placed=placed,
        travel=None if poses.travel is None else poses.travel[part],
    )
