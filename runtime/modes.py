"""The parts of a request that change a motion instead of making a new one: held poses, variation, loop.

They are optional members of `request.MotionRequest`, so that the work modes of the timeline (docs/modes.md) work the
same from the command line and from Python.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from . import fields, request_fields
from .errors import RequestError
from .fields import Fields
from .request_fields import Quaternion
from .skeleton import INDEX, JOINT_NAMES

Array = NDArray[np.float64]
Loop = Literal["", "moving", "in_place"]

_DECIMALS: Final = 7
"""Of the numbers in JSON: 0.1 micrometres and 0.00001 degrees."""


@dataclass(frozen=True, slots=True)
class Held:
    """A stretch of an existing motion that is kept exactly: the context of a change, or the limbs that stay.

    Attributes:
        start: model frame of the first pose; the others follow frame by frame.
        joints: names of the joints that are kept.
        rotations: local rotations, per frame one quaternion for each joint; the pelvis has its world rotation.
        root_positions: world positions of the pelvis in metres, one per frame; None leaves it free.
    """

    start: int
    joints: tuple[str, ...]
    rotations: tuple[tuple[Quaternion, ...], ...]
    root_positions: tuple[tuple[float, float, float], ...] | None = None

    @property
    def stop(self) -> int:
        """Frame after the last pose."""
        return self.start + len(self.rotations)


@dataclass(frozen=True, slots=True)
class Vary:
    """A finished motion to start from, so that the new one resembles it.

    Attributes:
        path: motion file (.npz) as long as the request or longer.
        strength: 0 = the same motion .. 1 = a new one.
        source_start: frame of the file that falls on frame 0, counted at the request's fps.
    """

    path: str
    strength: float = 0.5
    source_start: int = 0


def held_poses(
    start: int, root_positions: Array, local_rotations: Array, joints: tuple[str, ...] = JOINT_NAMES
) -> Held:
    """Held poses from arrays.

    Args:
        start: model frame of the first row.
        root_positions: (n, 3) metres; kept only if the pelvis is among the joints.
        local_rotations: (n, 22, 4) w first.
        joints: names of the joints to keep.
    """
    chosen = np.round(np.asarray(local_rotations)[:, [INDEX[name] for name in joints]], _DECIMALS).tolist()
    rotations = tuple(tuple((w, x, y, z) for w, x, y, z in pose) for pose in chosen)
    places = tuple((x, y, z) for x, y, z in np.round(root_positions, _DECIMALS).tolist())
    return Held(start, joints, rotations, places if "pelvis" in joints else None)


def held_arrays(held: Held) -> tuple[Array, Array | None]:
    """Rotations (n, J, 4) of the held joints, unit or not as they came, and pelvis positions (n, 3) or None."""
    rotations = np.array(held.rotations, dtype=np.float64).reshape(len(held.rotations), len(held.joints), 4)
    return rotations, None if held.root_positions is None else np.array(held.root_positions).reshape(-1, 3)


def read_held(value: object, place: str) -> Held:
    """A member of "held"; raises RequestError."""
    data = Fields(value, place, Held.__match_args__)
    named = data.get("joints", request_fields.joints, default="all")
    joints = JOINT_NAMES if isinstance(named, str) else named

    def pose(member: object, where: str) -> tuple[Quaternion, ...]:
        turns = fields.items(member, where, len(joints))
        return tuple(fields.vector4(turn, fields.at(where, index)) for index, turn in enumerate(turns))

    rotations = data.list("rotations", pose, needed=True)
    places = data.maybe("root_positions", fields.items)
    roots = None if places is None else data.list("root_positions", fields.vector3)
    if not rotations or (not joints and roots is None):
        raise RequestError(f"{place}: holds nothing")
    if roots is not None and len(roots) != len(rotations):
        raise RequestError(f"{place}.root_positions: has {len(roots)} members for {len(rotations)} poses")
    return Held(data.get("start", request_fields.frame), joints, rotations, roots)


def read_vary(value: object, place: str) -> Vary:
    """The member "vary"; raises RequestError."""
    data = Fields(value, place, Vary.__match_args__)
    return Vary(
        data.get("path", request_fields.file_name),
        data.get("strength", fields.number, 0.0, 1.0, default=0.5),
        data.get("source_start", fields.integer, 0, request_fields.MAX_FRAMES, default=0),
    )


def read_loop(value: object, place: str) -> Loop:
    """The member "loop"; raises RequestError."""
    for loop in get_args(Loop):
        if value == loop:
            return loop
    raise RequestError(f'{place}: must be "moving", "in_place" or "", not {value!r}')


def without_unused(data: dict[str, Any]) -> dict[str, Any]:
    """A request as JSON without the members of this module that it does not use, as older readers expect."""
    for member in data["held"]:
        if tuple(member["joints"]) == JOINT_NAMES:
            member["joints"] = "all"
    return {key: value for key, value in data.items() if value or key not in ("held", "vary", "loop", "ground")}
