"""Plots of the results, drawn from the same tables as the report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genmo.evaluation.findings import Table
from genmo.evaluation.published import TABLES
from genmo.evaluation.report import TARGETS, joined_quality

Results = Mapping[str, Any]

_STYLE: Final[dict[Any, Any]] = {
    "font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.alpha": 0.25,
    "axes.axisbelow": True, "legend.frameon": False, "figure.dpi": 110,
}  # fmt: skip
_OURS, _OTHER, _PALE, _RED = "#2b6cb0", "#718096", "#cbd5e0", "#c05621"
_QUALITY: Final = ("jerk", "skate in contacts", "MBench jitter", "sliding", "dynamic")
_LEAST: Final = 1e-3


def draw(results: Results, folder: Path) -> list[str]:
    """Write a PNG for each plot whose section was measured; returns their names."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    with mpl.rc_context(_STYLE):
        for name, function in _PLOTS.items():
            figure, path = function(results), folder / f"{name}.png"
            if figure is None:
                path.unlink(missing_ok=True)  # of an earlier report
                continue
            figure.savefig(path, bbox_inches="tight", metadata={"Software": None})
            drawn.append(name)
    return drawn


def _found(results: Results, section: str, title: str) -> Table | None:
    for table in results.get("sections", {}).get(section, {}).get("tables", ()):
        if table["title"] == title:
            return Table.from_json(table)
    return None


def _figure(columns: int, width: float, height: float) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, list(np.atleast_1d(figure.subplots(1, columns)))


def _targets(results: Results) -> Figure | None:
    """Bars of measured over target, on a scale where twice and half are equally far from the line."""
    rows = []
    for target in TARGETS:
        value = results.get(target.group, {}).get(target.key)
        if value is not None:
            share = max(value / (target.high or 1.0), (target.low or 0.0) / max(value, _LEAST))
            rows.append((f"{target.group}/{target.key}", float(np.clip(share, 0.05, 20.0))))
    if not rows:
        return None
    figure, (axes,) = _figure(1, 7.5, 0.26 * len(rows) + 1.0)
    names, shares = zip(*reversed(rows), strict=True)
    axes.barh(names, np.log2(shares), color=[_OURS if share <= 1.0 else _RED for share in shares])
    axes.axvline(0.0, color="black", linewidth=1.0)
    ticks = [0.125, 0.25, 0.5, 1, 2, 4, 8]
    axes.set_xticks(np.log2(ticks), [f"{tick:g}" for tick in ticks])
    axes.set_xlabel("measured / target (target / measured where more is wanted)")
    return figure


def _video(results: Results) -> Figure | None:
    table = _found(results, "video", "Filmed motion")
    if table is None:
        return None
    rows = [row for row in table.rows if "before" not in str(row[0])]
    figure, (axes,) = _figure(1, 7.5, 3.2)
    at = np.arange(len(rows))
    for offset, column, colour in ((-0.2, 1, _OURS), (0.2, 2, _PALE)):
        values = [float(row[column] or 0.0) for row in rows]
        bars = axes.bar(at + offset, values, 0.38, label=str(table.columns[column]), color=colour)
        axes.bar_label(bars, fmt="%.0f", fontsize=8)
    for target in TARGETS[:2]:
        axes.axhline(float(target.high or 0), color=_RED, linewidth=0.8, linestyle=":")
    axes.set_xticks(at, [str(row[0]).replace(", ", "\n").replace("mean pose with", "mean pose with\n") for row in rows])
    axes.legend()
    return figure


def _inbetween(results: Results) -> Figure | None:
    table = _found(results, "inbetween", "Scores of the gap")
    if table is None:
        return None
    figure, (left, right) = _figure(2, 9.0, 3.4)
    lines: dict[str, list[tuple[float, float]]] = {}
    for row in table.rows:
        lines.setdefault(str(row[0]), []).append((float(row[1] or 0), float(row[2] or 0)))
    straight = dict(lines["interpolation"])
    for name, points in lines.items():
        colour = {"zero velocity": _PALE, "interpolation": _OTHER}.get(name)
        left.plot(*zip(*points, strict=True), marker="o", label=name, color=colour)
        if name.startswith("ours"):
            shares = [(gap, value / max(straight[gap], _LEAST)) for gap, value in points]
            right.plot(*zip(*shares, strict=True), marker="o", label=name)
    published = TABLES["between"].rows[-1]
    right.plot((5, 15, 30, 45), [float(cell or 0) for cell in published[1:5]], "k--", label="best published, on LAFAN1")
    wished = [(15, 0.80), (30, 0.65), (45, 0.55)]
    right.plot(*zip(*wished, strict=True), "v", color=_RED, label="target")
    for axes, words in ((left, "L2P"), (right, "L2P / interpolation's")):
        axes.set_xlabel("missing frames")
        axes.set_ylabel(words)
        axes.set_ylim(bottom=0.0)
        axes.legend(fontsize=8)
    return figure


def _text(results: Results) -> Figure | None:
    presets = _found(results, "text", "Presets")
    if presets is None:
        return None
    match = _found(results, "text", "Texts and motions")
    figure, axes = _figure(2 if match else 1, 9.0 if match else 4.5, 3.2)
    steps = [float(row[1] or 0) for row in presets.rows]
    axes[0].plot(steps, [float(row[3] or 0) for row in presets.rows], "o-", color=_OURS, label="jerk / recorded")
    axes[0].axhspan(0.8, 1.2, color=_OURS, alpha=0.12, label="target")
    axes[0].set_xlabel("steps")
    axes[0].set_ylim(bottom=0.0)
    axes[0].legend()
    if match:
        for index, (row, colour) in enumerate(zip(match.rows, (_OTHER, _OURS, _PALE), strict=False)):
            values = [float(cell or 0) for cell in row[1:4]]
            axes[1].bar(np.arange(3) + 0.27 * (index - 1), values, 0.26, label=str(row[0]), color=colour)
        axes[1].set_xticks(range(3), match.columns[1:4])
        axes[1].set_ylim(top=1.0)  # room for the legend above the bars
        axes[1].legend(fontsize=8, loc="upper left")
    return figure


def _quality(results: Results) -> Figure | None:
    """A few numbers of every kind of condition over those of the recordings in the same section."""
    table = joined_quality(results)
    data = [row for row in table.rows if str(row[0]).startswith("record")]
    rows = [row for row in table.rows if not str(row[0]).startswith("record")]
    if not data or not rows:
        return None
    chosen = [next(i for i, head in enumerate(table.columns) if head.startswith(name)) for name in _QUALITY]
    figure, panels = _figure(len(chosen), 11.0, 0.24 * len(rows) + 1.0)
    for number, (axes, column) in enumerate(zip(panels, chosen, strict=True)):
        level = max(float(data[0][column] or 0), 1e-9)
        shares = [float(row[column] or 0) / level for row in reversed(rows)]
        axes.barh(range(len(rows)), np.minimum(shares, 4.0), color=_OURS)
        axes.axvline(1.0, color="black", linewidth=0.8)
        axes.set_yticks(range(len(rows)), [str(row[0]) for row in reversed(rows)] if number == 0 else [])
        axes.set_title(f"{_QUALITY[number]} / recorded", fontsize=8)
    return figure


_PLOTS: Final = {
    "targets": _targets, "video": _video, "inbetween": _inbetween, "text": _text, "quality": _quality,
}  # fmt: skip
