"""Hands that touch each other, the head or the hips go on touching on a rig of other proportions.

All vectors are in model axes and armature units.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...runtime.inverse_kinematics import LEFT_ARM, RIGHT_ARM, Limb
from ...runtime.skeleton import INDEX, JOINT_NAMES
from .target import Target

Array = NDArray[np.float64]

_TOUCH: Final = (0.16, 0.32)
"""Metres between the model's wrist and the other wrist, head or hip: up to the first they touch, from the second on
they have nothing to do with each other."""
_NEAR: Final = ("head", "l_hip", "r_hip")
"""Joints of the body that a hand may be laid on."""


def touching(source: Array, heads: Array, target: Target) -> dict[Limb, Array]:
    """How far each wrist has to move (T, 3) so that hands which touch on the source touch on the rig.

    Args:
        source: (T, 22, 3) the model's joints, scaled to the rig.
        heads: (T, M, 3) heads of the rig's bones.
        target: the rig.
    """
    arms = [arm for arm in (LEFT_ARM, RIGHT_ARM) if JOINT_NAMES[arm.end] in target.bone_map]
    own = {arm: heads[:, target.first(JOINT_NAMES[arm.end])] for arm in arms}
    total = {arm: np.zeros(own[arm].shape) for arm in arms}
    weight = {arm: np.zeros(len(heads)) for arm in arms}
    for arm in arms:
        for name in _NEAR:
            if name in target.bone_map:
                between = source[:, arm.end] - source[:, INDEX[name]]
                share = _closeness(between, target.size)
                total[arm] += share[:, None] * (heads[:, target.first(name)] + between - own[arm])
                weight[arm] += share
    if len(arms) == 2:
        between = source[:, LEFT_ARM.end] - source[:, RIGHT_ARM.end]
        share = _closeness(between, target.size)
        half = 0.5 * (between - (own[LEFT_ARM] - own[RIGHT_ARM]))
        for arm, sign in ((LEFT_ARM, 1.0), (RIGHT_ARM, -1.0)):
            total[arm] += share[:, None] * sign * half
            weight[arm] += share
    return {arm: total[arm] / np.maximum(weight[arm], 1.0)[:, None] for arm in arms}


def _closeness(between: Array, size: float) -> Array:
    """(T,) 1 where two joints touch, 0 where they are apart."""
    distance = np.linalg.norm(between, axis=-1) / size
    t = np.clip((_TOUCH[1] - distance) / (_TOUCH[1] - _TOUCH[0]), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)
