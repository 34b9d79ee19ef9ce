"""What one part of the evaluation found: numbers for `evaluation.json`, tables for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Cell = str | float | None

_SMALL = 1e-9


@dataclass(frozen=True)
class Table:
    """A table of the report.

    Attributes:
        title: one line, also the name by which plots find it.
        columns: heads; the first column names the rows.
        rows: as many cells as heads each; None is shown as a dash.
        note: what the numbers mean, or where foreign rows come from.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """The table as JSON has it; `from_json` gives it back."""
        rows = [[cell if isinstance(cell, str) else plain(cell) for cell in row] for row in self.rows]
        return {"title": self.title, "columns": list(self.columns), "rows": rows, "note": self.note}

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> Table:
        """The table of `to_json`."""
        return Table(value["title"], value["columns"], value["rows"], value["note"])


@dataclass
class Findings:
    """The results of one section.

    Attributes:
        numbers: group -> key -> number, the objects of `evaluation.json`.
        tables: in the order of the report.
        left_out: sentences about what could not be measured.
    """

    numbers: dict[str, dict[str, float]] = field(default_factory=dict)
    tables: list[Table] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def add(self, group: str, **values: float) -> None:
        """Put numbers into a group."""
        self.numbers.setdefault(group, {}).update(values)


def plain(value: object) -> float | None:
    """A number that JSON can hold, with six significant digits; None for what is none or not finite."""
    if value is None or not np.isfinite(float(value)):  # type: ignore[arg-type]
        return None
    return float(f"{float(value):.6g}")  # type: ignore[arg-type]


def mean_of(rows: Sequence[Mapping[str, float]], name: str) -> float:
    """Mean of one number over clips.

    Raises:
        ValueError: there are no rows.
    """
    if not rows:
        raise ValueError(f"no clip to average {name} over")
    return float(np.mean([row[name] for row in rows]))


def ratio(value: float, over: float) -> float:
    """`value` over the level of recorded motion, finite also where that is 0."""
    return value / max(over, _SMALL)
