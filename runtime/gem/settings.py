"""What the `pack.json` of a published model says beyond the common keys (docs/packs.md)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from .. import fields
from ..errors import RequestError
from ..fields import Fields
from ..skeleton import JOINT_COUNT

FAMILY: Final = "gem"
BETAS: Final = 10
Vector3 = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class GemSettings:
    """Facts of one checkpoint.

    Attributes:
        gravity: where y of its gravity-view frame points: "up" or "down" (genmo.md section 2.4).
        neutral: "smplx" when its skeleton comes from a body model, "own" when it is GENMO's.
        joints: 22 rest positions of the average body, metres.
        shape: for each joint and axis what each of 10 betas adds; empty when body shape is not known.
    """

    gravity: Literal["up", "down"]
    neutral: Literal["smplx", "own"]
    joints: tuple[Vector3, ...]
    shape: tuple[tuple[tuple[float, ...], ...], ...] = ()

    @classmethod
    def from_json(cls, value: object, place: str) -> GemSettings:
        """The settings in a parsed `pack.json`.

        Raises:
            RequestError: one sentence that names the place.
        """
        values = Fields(value, place, ("gravity", "neutral", "joints", "shape"))
        joints = values.list("joints", fields.vector3)
        shape = values.list("shape", _joint_shape)
        for name, members in (("joints", joints), ("shape", shape or joints)):
            if len(members) != JOINT_COUNT:
                raise RequestError(f"{place}.{name}: must have {JOINT_COUNT} members, not {len(members)}")
        return cls(
            values.get("gravity", _up_or_down), values.get("neutral", _smplx_or_own),
            joints, shape,
        )  # fmt: skip


def _up_or_down(value: object, place: str) -> Literal["up", "down"]:
    return "up" if _word(value, place, ("up", "down")) == "up" else "down"


def _smplx_or_own(value: object, place: str) -> Literal["smplx", "own"]:
    return "own" if _word(value, place, ("smplx", "own")) == "own" else "smplx"


def _word(value: object, place: str, allowed: tuple[str, ...]) -> str:
    word = fields.text(value, place)
    if word not in allowed:
        raise RequestError(f"{place}: must be one of {', '.join(allowed)}, not {word!r}")
    return word


def _joint_shape(value: object, place: str) -> tuple[tuple[float, ...], ...]:
    rows = fields.items(value, place, 3)
    return tuple(tuple(fields.number(v, place) for v in fields.items(row, place, BETAS)) for row in rows)
