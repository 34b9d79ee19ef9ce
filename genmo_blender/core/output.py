"""How a motion is written onto a rig: as what, where in time, to which bones, with which keys."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from ...runtime.errors import UserError
from ...runtime.skeleton import JOINT_NAMES

Array = NDArray[np.float64]
Mode = Literal["ACTION", "NLA", "MERGE"]
Root = Literal["HIPS", "ROOT", "IN_PLACE"]
Controls = Literal["FK", "IK"]
Keys = Literal["DENSE", "SPARSE"]

LOWER_BODY: Final = frozenset(
    ("pelvis", *(side + part for side in ("l_", "r_") for part in ("hip", "knee", "ankle", "foot")))
)
UPPER_BODY: Final = frozenset(JOINT_NAMES) - LOWER_BODY


@dataclass(frozen=True, slots=True)
class Output:
    """What is written; the defaults write a new action with a key on every frame of every mapped bone.

    Attributes:
        mode: "ACTION": a new action; "NLA": a new action in a strip of its own; "MERGE": into the object's action,
            where every key outside the range, and every other bone, stays as it is.
        frame_range: scene frames, half-open, of the motion to write; None writes all of it.
        joints: only bones of these joints of the model; None takes all.
        bones: only these bones; None takes all. With `joints`, only bones in both.
        blend_in: frames at the beginning of the range over which it comes in from what is there ("MERGE") or from
            the strips below ("NLA").
        blend_out: the same at the end.
        root: what carries the body through the world: the hips, the rig's root bone, or nothing ("IN_PLACE", the way is
            kept in the object's property `genmo_travel`).
        controls: of control rigs: FK controls, or IK controls of arms and legs.
        keys: one on every frame, or as few as the errors allow, with Bezier handles.
        max_angle: radians that a bone may be off between sparse keys.
        max_distance: metres that a bone may be off between sparse keys.
        respect_locks: leave locked channels alone.
    """

    mode: Mode = "ACTION"
    frame_range: tuple[int, int] | None = None
    joints: Iterable[str] | None = None
    bones: Iterable[str] | None = None
    blend_in: int = 0
    blend_out: int = 0
    root: Root = "HIPS"
    controls: Controls = "FK"
    keys: Keys = "DENSE"
    max_angle: float = float(np.radians(0.5))
    max_distance: float = 0.002
    respect_locks: bool = True

    def takes(self, bone: str, joint: str | None) -> bool:
        """Whether a bone of a joint (None for a control of no joint) is written."""
        return (self.joints is None or joint is None or joint in self.joints) and (
            self.bones is None or bone in self.bones
        )

    def span(self, start: int, count: int) -> tuple[int, int]:
        """Half-open scene frames to write of a motion of `count` frames that begins at `start`.

        Raises:
            UserError: the range and the motion have no frame in common.
        """
        first, last = (start, start + count) if self.frame_range is None else self.frame_range
        first, last = max(first, start), min(last, start + count)
        if first >= last:
            raise UserError(f"The motion (frames {start} to {start + count - 1}) has nothing in the range to apply")
        return first, last


def blend_weights(count: int, blend_in: int, blend_out: int) -> Array:
    """Weights (count,) of the new motion: smoothly from 0 at the first frame to 1, and back to 0 at the last."""
    frames = np.arange(count, dtype=np.float64)
    weights = np.ones(count)
    for length, distance in ((blend_in, frames), (blend_out, count - 1 - frames)):
        if length > 0:
            t = np.clip(distance / length, 0.0, 1.0)
            weights *= t * t * (3.0 - 2.0 * t)
    return weights
