"""How far a running request is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """One step of a phase: `step` of `total` steps are done.

    Attributes:
        phase: short English words for people, e.g. "Reading the prompts" or "Moving".
        step: steps done so far, 0..total.
        total: steps of this phase, at least 1.
    """

    phase: str
    step: int
    total: int
