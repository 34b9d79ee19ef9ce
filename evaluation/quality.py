"""How good a motion looks in numbers: the same ones for recorded motion and for every kind of condition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from genmo.evaluation.findings import Cell, Table, mean_of
from genmo.runtime import metrics
from genmo.runtime.mbench import TOES, mbench, to_mbench
from genmo.runtime.metrics import FEET
from genmo.runtime.motion import Motion

COLUMNS: Final = {
    "skate_cm_s": "skate in contacts, cm/s",
    "skate_kimodo_cm_s": "Kimodo's skate, cm/s",
    "skate_height_cm_s": "skate by height, cm/s",
    "contact_share": "feet in contact",
    "jerk": "jerk, 10 m/s^3",
    "toe_cm": "lower toe, cm",
    "mbench_jitter": "MBench jitter",
    "mbench_penetration": "penetration",
    "mbench_floating": "floating",
    "mbench_sliding": "sliding",
    "mbench_dynamic": "dynamic",
}
"""Head of each number of `quality`."""

TITLE: Final = "Motion quality"
"""Title of the tables that the report joins into one."""


def quality(motion: Motion) -> dict[str, float]:
    """The numbers of COLUMNS for one motion on a flat floor.

    Returns:
        skate_cm_s: mean speed over the ground of heels and toes on the steps at both ends of which the motion's own
            contacts say that they stand (`contact_speeds`), 0 without any. skate_kimodo_cm_s: Kimodo's "Skate", in
            space and with the step on which a foot leaves. skate_height_cm_s: of toes lower than 5 cm. contact_share:
            share of the four foot contacts that are on.
        jerk: mean |third difference| x fps^3 / 10.
        toe_cm: mean over frames of the height of the lower toe.
        mbench_...: the five numbers of MBench at 20 fps, nothing smoothed.
    """
    contacts = (motion.contacts[:, : len(FEET)] >= 0.5).astype(np.float64)
    feet = metrics.foot_skate(motion.positions[:, FEET], contacts, motion.fps)
    bench = mbench(to_mbench(motion.positions, motion.fps))
    speeds = contact_speeds(motion)
    return {
        "skate_cm_s": float(speeds.mean()) if len(speeds) else 0.0,
        "skate_kimodo_cm_s": 100.0 * feet["foot_skate_from_pred_contacts"],
        "skate_height_cm_s": 100.0 * feet["foot_skate_from_height"],
        "contact_share": float(contacts.mean()),
        "jerk": metrics.jitter(motion.positions, motion.fps),
        "toe_cm": 100.0 * float(motion.positions[:, TOES, 1].min(axis=1).mean()),
        "mbench_jitter": bench.jitter,
        "mbench_penetration": bench.penetration,
        "mbench_floating": bench.floating,
        "mbench_sliding": bench.sliding,
        "mbench_dynamic": bench.dynamic,
    }


def contact_speeds(motion: Motion) -> NDArray[np.float64]:
    """Speeds (n,) over the ground of heels and toes, cm/s, one for each step of each that begins and ends standing."""
    on = motion.contacts[:, : len(FEET)] >= 0.5
    steps = np.diff(motion.positions[:, FEET], axis=0)[..., ::2]
    return 100.0 * motion.fps * np.linalg.norm(steps, axis=-1)[on[1:] & on[:-1]]


def mean_quality(motions: Sequence[Motion]) -> dict[str, float]:
    """Means over motions, of the skate in contacts over all steps of all motions.

    Raises:
        ValueError: there are none.
    """
    rows = [quality(motion) for motion in motions]
    speeds = np.concatenate([contact_speeds(motion) for motion in motions])
    found = {name: mean_of(rows, name) for name in COLUMNS}
    return found | {"skate_cm_s": float(speeds.mean()) if len(speeds) else 0.0}


def quality_table(rows: dict[str, dict[str, float]]) -> Table:
    """A table of `mean_quality` by name."""
    cells: list[list[Cell]] = [[name, *(values[column] for column in COLUMNS)] for name, values in rows.items()]
    return Table(TITLE, ["", *COLUMNS.values()], cells)
