"""`evaluation.json` and `evaluation.md`: what was aimed at, what was measured, and what the numbers mean."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from genmo.evaluation.findings import Cell, Findings, Table, plain
from genmo.evaluation.published import TABLES
from genmo.evaluation.quality import TITLE

JSON_NAME, MARKDOWN_NAME, IMAGES = "evaluation.json", "evaluation.md", "images/evaluation"

FORMAT: Final = 1
"""Of the JSON; sections of another format are not kept."""

MET, MISSED, OPEN = "✓", "✗", "-"


@dataclass(frozen=True)
class Target:
    """What a number should be.

    Attributes:
        group: object of `evaluation.json`.
        key: number in it.
        what: for people.
        low: least value, None for no bound.
        high: largest value.
        prototype: what a first prototype measured.
    """

    group: str
    key: str
    what: str
    low: float | None
    high: float | None
    prototype: str = "-"

    @property
    def wish(self) -> str:
        """The bounds as text."""
        bounds = [f"{sign} {bound:g}" for sign, bound in ((">=", self.low), ("<=", self.high)) if bound is not None]
        return " and ".join(bounds)

    def verdict(self, value: float | None) -> str:
        """MET, MISSED, or OPEN where nothing was measured."""
        if value is None:
            return OPEN
        low, high = self.low is None or value >= self.low, self.high is None or value <= self.high
        return MET if low and high else MISSED


TARGETS: Final = (
    Target("video", "mpjpe_clean_mm", "2D to motion, root-aligned error, clean keypoints", None, 45, "68"),
    Target("video", "mpjpe_noisy_mm", "the same, noisy keypoints", None, 50, "72"),
    Target("video", "w_mpjpe100_mm", "world error per 100 frames", None, 150),
    Target("video", "drift_percent", "drift of the root, % of the way", None, 8, "24"),
    Target("video", "skate_cm_s", "foot skate in contacts, after clean-up", None, 5, "13"),
    Target("inbetween", "ratio_15", "L2P over interpolation's, 15 missing frames", None, 0.80, "1.0"),
    Target("inbetween", "ratio_30", "30 missing frames", None, 0.65, "0.98"),
    Target("inbetween", "ratio_45", "45 missing frames", None, 0.55, "0.99"),
    Target("inbetween", "key_error_mm", "full-body error at keys before the last projection", None, 5, "13-30"),
    Target("text", "r1_gap", "R@1 of recorded minus generated motion", None, 0.05, "saturated"),
    Target("text", "skate_cm_s", "foot skate in contacts, after clean-up", None, 5, "21"),
    Target("text", "jerk_ratio_min", "jerk over recorded, least of the presets", 0.8, 1.2, "0.9"),
    Target("text", "jerk_ratio_max", "largest of the presets", 0.8, 1.2, "0.9"),
    Target("text", "lowest_toe_gap_cm", "lower toe off its recorded height", None, 2, "1-7"),
    Target("mbench", "jitter_ratio", "MBench jitter over recorded, unsmoothed", None, 1.2),
    Target("mbench", "sliding_ratio", "MBench foot sliding over recorded", None, 1.3),
    Target("retrieval", "r3_of32", "text to motion, R@3 in galleries of 32", 0.75, None),
    Target("retrieval", "r10_all", "text to motion, R@10 of all val clips", 0.45, None),
    Target("retrieval", "left_right", "left and right told apart", 0.9, None),
    Target("retrieval", "search_ms", "search of 10,000 clips, milliseconds", None, 50),
    Target("speed", "clip10s_s", "300 frames of prompts, default preset, pack loaded", None, 1.5, "0.8"),
    Target("size", "pack_mb", "motion network in the zip, MB", None, 30, "9"),
)

HEADINGS: Final = {
    "data": ("Recorded motion", "The val clips themselves: the level that generated motion should reach.", ()),
    "speed": ("Speed and size", "", ("speed",)),
    "video": (
        "Video",
        "Recorded clips are filmed by virtual cameras; the pack sees 17 keypoints a frame, as detectors give them.",
        ("video",),
    ),
    "inbetween": (
        "In-betweening",
        "Ten known frames, a gap, one known frame. Below 1 the ratio to interpolation says that the pack guesses the "
        "way through a gap better than a straight line does.",
        ("between",),
    ),
    "constraints": (
        "Constraints",
        "What is delivered is exact by construction. The error before the last projection tells how much that still "
        "has to bend: large errors become stiff or gliding motion around keys.",
        ("constraints",),
    ),
    "text": (
        "Prompts",
        "Captions of the val clips. R@1 is the share of captions whose own motion is nearest among 32; the judge "
        "learnt from other sentences than the generator.",
        ("text", "mbench"),
    ),
    "music": ("Music", "", ()),
    "retrieval": ("Search", "How well the pack's retrieval model finds recorded clips, and how fast.", ()),
}
"""Heading, introduction and published tables of each section, in the order of the report."""

PICTURES: Final = {
    "targets": "Measured over target; left of the line is met",
    "video": "Joint errors of filmed motion",
    "inbetween": "In-betweening by length of the gap",
    "text": "Prompts",
    "quality": "Every kind of condition over recorded motion",
}
"""Plots by file name."""


def merge(results: dict[str, Any], section: str, found: Findings, seconds: float) -> None:
    """Put a section's findings into the results, in place of those it had."""
    for group, values in found.numbers.items():
        results[group] = {key: plain(value) for key, value in values.items()}
    results.setdefault("sections", {})[section] = {
        "tables": [table.to_json() for table in found.tables], "left_out": found.left_out, "seconds": round(seconds, 1),
    }  # fmt: skip


def load(folder: Path) -> dict[str, Any]:
    """The results in a folder, {} when there are none.

    Raises:
        ValueError: the file is not JSON.
    """
    path = folder / JSON_NAME
    return json.loads(path.read_text("utf-8")) if path.exists() else {}


def save(results: Mapping[str, Any], folder: Path) -> None:
    """Write the results under a temporary name first."""
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / (JSON_NAME + ".partial")
    partial.write_text(json.dumps(results, indent=1, allow_nan=False) + "\n", "utf-8")
    partial.replace(folder / JSON_NAME)


def write(results: Mapping[str, Any], folder: Path) -> None:
    """Write plots and `evaluation.md` of some results."""
    from genmo.evaluation.plots import draw

    drawn = draw(results, folder / IMAGES)
    (folder / MARKDOWN_NAME).write_text(markdown(results, drawn), "utf-8")


def markdown(results: Mapping[str, Any], pictures: list[str]) -> str:
    """The report.

    Args:
        results: as `merge` made them, with "about".
        pictures: names of PICTURES that were drawn.
    """
    lines = [*_head(results["about"]), "## Targets", "", *_table(targets_table(results)), ""]
    lines += _picture("targets", pictures)
    for section, (heading, words, foreign) in HEADINGS.items():
        entry = results.get("sections", {}).get(section)
        if entry is None:
            continue
        lines += [f"## {heading}", "", *([words, ""] if words else [])]
        tables = [Table.from_json(table) for table in entry["tables"]]
        for table in [*(each for each in tables if each.title != TITLE), *(TABLES[name] for name in foreign)]:
            lines += _titled(table)
        lines += [f"Left out: {sentence}\n" for sentence in entry["left_out"]]
        lines += _picture(section, pictures)
    lines += ["## Motion quality of every kind of condition", "", *_titled(joined_quality(results), heading=False)]
    return "\n".join([*lines, *_picture("quality", pictures)]).rstrip() + "\n"


def _head(about: Mapping[str, Any]) -> list[str]:
    lines = [
        "# Evaluation", "",
        f"Pack {about['pack']}, measured on {about['clips']} recorded clips of the val split ({about['minutes']:.0f} "
        f"minutes of motion) in {about['seconds'] / 60:.1f} minutes on {about['threads']} threads of a CPU. Made by",
        "", "`python -m genmo.evaluation --data DATA --evaluator MODEL.pt`", "",
        "from the repository; do not edit. `evaluation.json` has the same numbers for programs. Everything runs "
        "through the same engine as a user's request, with clean-up, unless a table says otherwise. Val clips are "
        "other takes than those trained on, but partly of the same people.", "",
    ]  # fmt: skip
    if "note" in about:
        lines += [str(about["note"]), ""]
    if about["quick"]:
        lines += ["**A quick run on a tenth of the clips: it tries the program, it does not judge the pack.**", ""]
    return lines


def targets_table(results: Mapping[str, Any]) -> Table:
    """Targets beside what was measured."""
    rows: list[list[Cell]] = []
    for target in TARGETS:
        value = results.get(target.group, {}).get(target.key)
        rows.append([
            f"{target.group}/{target.key}", target.what, target.wish, value, target.verdict(value), target.prototype,
        ])  # fmt: skip
    return Table("Targets", ["key", "what", "target", "measured", "", "first prototype"], rows)


def joined_quality(results: Mapping[str, Any]) -> Table:
    """The motion quality of recorded motion and of every kind of condition that was measured."""
    entries = [results.get("sections", {}).get(section, {"tables": []}) for section in HEADINGS]
    tables = [table for entry in entries for table in entry["tables"] if table["title"] == TITLE]
    rows = [row for table in tables for row in table["rows"]]
    columns = tables[0]["columns"] if tables else [""]
    return Table(
        TITLE, columns, rows,
        "Clips with stairs, chairs or ledges are left out. Skate in contacts is the mean speed over the ground of "
        "heels and toes while the motion's own contacts say that they stand; Kimodo's is that in space and with the "
        "step on which a foot leaves; skate by height is that of toes lower than 5 cm. MBench's numbers are at "
        "20 fps, unsmoothed: jitter m/frame^2, penetration m, floating a share, sliding and dynamic m/frame. Read them "
        "together: a body that glides above the floor does not slide but floats.",
    )  # fmt: skip


def _titled(table: Table, *, heading: bool = True) -> list[str]:
    lines = [f"### {table.title}", ""] if heading else []
    return [*lines, *_table(table), "", *([table.note, ""] if table.note else [])]


def _table(table: Table) -> list[str]:
    rows = [[cell if isinstance(cell, str) else number(cell) for cell in row] for row in table.rows]
    body = [list(table.columns), ["---"] * len(table.columns), *rows]
    return ["| " + " | ".join(row) + " |" for row in body]


def number(value: float | None) -> str:
    """A number with about three digits that matter; a dash for None."""
    if value is None:
        return "-"
    size = abs(value)
    if size < 5e-5 or (float(value).is_integer() and size < 1e6):
        return f"{value:.0f}"
    decimals = next((digits for limit, digits in ((100, 0), (10, 1), (1, 2), (0.1, 3)) if size >= limit), 4)
    return f"{value:.{decimals}f}"


def _picture(name: str, drawn: list[str]) -> list[str]:
    return [f"![{PICTURES[name]}]({IMAGES}/{name}.png)", ""] if name in drawn else []
