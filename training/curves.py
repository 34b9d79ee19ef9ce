"""The loss curves of a run as a picture: `python -m genmo.training.curves RUN -o losses.png`."""

from __future__ import annotations

import argparse
import importlib.util
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

log = logging.getLogger("genmo.training")

_FIRST: Final = ("step", "seconds", "total", "features", "joints", "velocity", "feet", "path")
_HEADLESS: Final = {9: (*_FIRST, "rate"), 10: (*_FIRST, "view", "rate")}
"""Columns of rows that no header precedes, by their number: older runs wrote such rows."""

_PANELS: Final = {
    "total": "total", "features": "features", "joints": "joint positions (m²)", "velocity": "joint steps (m²)",
    "feet": "slide of planted feet (m²)", "path": "travelled path", "view": "seen body (m²)",
    "learning_rate": "learning rate", "rate": "samples a second",
}  # fmt: skip
"""Title of each panel by its column."""

_SMOOTH: Final = 15
"""Rows of the running mean that is drawn over the rows themselves."""


@dataclass(frozen=True)
class Curves:
    """What a run wrote down.

    Attributes:
        steps: (N,) rising.
        values: (N,) by column; nan where a row did not have the column.
        restarts: steps after which a session ended and another went on.
    """

    steps: NDArray[np.float64]
    values: dict[str, NDArray[np.float64]]
    restarts: tuple[float, ...]


def read_curves(path: Path) -> Curves:
    """Read a losses.csv.

    Each session of a run begins with a line of column names; older runs have rows alone. What a session wrote behind
    the checkpoint from which the next one went on is left out: those weights are lost.

    Raises:
        ValueError: a row that fits no header, or that is not of numbers.
    """
    names: tuple[str, ...] | None = None
    rows: list[dict[str, float]] = []
    restarts: list[float] = []
    headed = False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if line.startswith("step,"):
            names, headed = tuple(line.split(",")), True
            continue
        row = _row(line.split(","), names, f"{path}, line {number}")
        if rows and (headed or row["step"] <= rows[-1]["step"]):
            rows = [each for each in rows if each["step"] < row["step"]]
            restarts = [each for each in restarts if each < row["step"]]
            restarts += [rows[-1]["step"]] if rows else []
        headed = False
        rows.append(row)
    found = [name for name in _PANELS if any(name in row for row in rows)]
    values = {name: np.array([row.get(name, np.nan) for row in rows]) for name in found}
    return Curves(np.array([row["step"] for row in rows]), values, tuple(restarts))


def _row(cells: list[str], names: tuple[str, ...] | None, place: str) -> dict[str, float]:
    names = names or _HEADLESS.get(len(cells), ())
    if len(names) != len(cells):
        raise ValueError(f"{place}: {len(cells)} values do not fit the columns of a run")
    return dict(zip(names, map(float, cells), strict=True))


def draw_curves(curves: Curves, path: Path) -> None:
    """Write the picture, one panel per column; the ending of `path` chooses the format. Needs matplotlib."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(15, 9), layout="constrained")
    panels = figure.subplots(3, 3, sharex=True).flat
    for axes, (name, title) in zip(panels, _PANELS.items(), strict=True):
        _draw_panel(axes, curves, name, title)
    partial = path.with_name(f"{path.stem}.partial{path.suffix}")
    figure.savefig(partial, dpi=80)
    partial.replace(path)


def _draw_panel(axes: Axes, curves: Curves, name: str, title: str) -> None:
    axes.set_title(title, fontsize=10)
    axes.grid(alpha=0.3)
    axes.set_xlabel("step", fontsize=8)
    for step in curves.restarts:
        axes.axvline(step, color="tab:red", linewidth=0.8, linestyle="--")
    values = curves.values.get(name)
    if values is None:
        return
    known = np.isfinite(values)
    steps, values = curves.steps[known], values[known]
    if name in ("learning_rate", "rate"):
        axes.plot(steps, values, linewidth=1.0)
        axes.set_ylim(bottom=0.0)
        return
    axes.plot(steps, values, linewidth=0.6, alpha=0.4)
    # Nothing is averaged across a restart: data, losses or rates may have changed there.
    session = np.searchsorted(curves.restarts, steps, side="left")
    for number in np.unique(session):
        part = session == number
        axes.plot(steps[part], _smooth(values[part]), linewidth=1.4, color="tab:blue")
    axes.set_yscale("log")


def _smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) geometric mean of up to _SMOOTH values, as many before as after each: what looks even on a log axis."""
    sums = np.concatenate([[0.0], np.cumsum(np.log(np.maximum(values, 1e-12)))])
    at = np.arange(len(values))
    reach = np.minimum(np.minimum(at, len(values) - 1 - at), _SMOOTH // 2)
    return np.exp((sums[at + reach + 1] - sums[at - reach]) / (2 * reach + 1))


def update_picture(run: Path) -> bool:
    """Draw RUN/losses.png from RUN/losses.csv; False where matplotlib is not installed or there is nothing to draw."""
    if importlib.util.find_spec("matplotlib") is None:
        return False
    try:
        curves = read_curves(run / "losses.csv")
        if len(curves.steps) == 0:
            return False
        draw_curves(curves, run / "losses.png")
    except (OSError, ValueError) as error:
        log.warning("no picture of the losses: %s", error)  # not worth a training run
        return False
    return True


def main(arguments: list[str] | None = None) -> None:
    """Command line: a run's folder, the picture to write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="folder of the run, or its losses.csv")
    parser.add_argument("-o", "--output", type=Path, default=Path("losses.png"), help="picture to write")
    options = parser.parse_args(arguments)
    source = options.run / "losses.csv" if options.run.is_dir() else options.run
    draw_curves(read_curves(source), options.output)


if __name__ == "__main__":
    main()
