"""Writes the table of `retargeting.py`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

COLUMNS = (
    ("direction_deg", "limb direction, deg", 2),
    ("skate_cm_s", "skate in contact, cm/s", 2),
    ("source_skate_cm_s", "the source's", 2),
    ("skate_height_cm_s", "skate of low feet, cm/s", 1),
    ("source_skate_height_cm_s", "the source's", 1),
    ("penetration_mm", "penetration, mm", 1),
    ("key_roundtrip_deg", "key pose, deg", 3),
    ("key_roundtrip_mm", "key pose, mm", 3),
    ("pin_mm", "pin, mm", 3),
    ("seconds", "seconds", 2),
)


def write_report(rigs: Mapping[str, Mapping[str, float]], folder: Path, *, keep: bool = False) -> None:
    """Write retargeting.json, and the table between the marks in retargeting.md.

    Args:
        rigs: rig -> its numbers.
        folder: docs.
        keep: keep the rows of the last report that were not measured again.
    """
    keys = [key for key, _, _ in COLUMNS]
    if keep:
        rigs = json.loads((folder / "retargeting.json").read_text(encoding="utf-8"))["rigs"] | dict(rigs)
    largest = ("direction_deg", "key_roundtrip_deg", "key_roundtrip_mm", "pin_mm")
    worst = {key: max(row[key] for row in rigs.values()) for key in largest}
    worst["skate_excess_cm_s"] = max(row["skate_cm_s"] - row["source_skate_cm_s"] for row in rigs.values())
    data = {
        "count": len(rigs),
        "worst": {key: round(value, 4) for key, value in worst.items()},
        "rigs": {name: {key: round(row[key], 4) for key in keys} for name, row in rigs.items()},
    }
    (folder / "retargeting.json").write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    lines = ["| rig | " + " | ".join(title for _, title, _ in COLUMNS) + " |"]
    lines.append("| --- |" + " ---: |" * len(COLUMNS))
    for name, row in rigs.items():
        lines.append(f"| {name} | " + " | ".join(f"{row[key]:.{digits}f}" for key, _, digits in COLUMNS) + " |")
    page = folder / "retargeting.md"
    text = page.read_text(encoding="utf-8") if page.exists() else "<!-- table -->\n<!-- end of table -->\n"
    before, _, rest = text.partition("<!-- table -->")
    _, _, after = rest.partition("<!-- end of table -->")
    table = "\n".join(["<!-- table -->", *lines, "<!-- end of table -->"])
    page.write_text(before + table + after, encoding="utf-8")
