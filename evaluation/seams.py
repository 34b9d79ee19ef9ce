"""Where one prompt ends and the next begins: does the motion jerk there?"""

from __future__ import annotations

from typing import Final

import numpy as np

from genmo.evaluation.bench import Bench
from genmo.evaluation.clips import spread, windows
from genmo.evaluation.findings import Cell, Findings, Table
from genmo.runtime.motion import Motion
from genmo.runtime.request import MotionRequest, Prompt, Sampling

PAIRS: Final = 24
HALF: Final = 90
"""Frames of each of the two prompts."""

_NEAR: Final = 3
_CALM: Final = 0.5  # m/s^2: what a seam in a body that hardly moves is compared with


def seam_ratio(motion: Motion, frame: int) -> float:
    """Largest acceleration within 3 frames of a frame over the 95th percentile of the clip; means over the joints."""
    acceleration = np.linalg.norm(np.diff(motion.positions, n=2, axis=0), axis=-1).mean(axis=1) * motion.fps**2
    near = acceleration[max(frame - 1 - _NEAR, 0) : frame + _NEAR]
    return float(near.max() / max(np.percentile(acceleration, 95), _CALM))


def measure_seams(found: Findings, bench: Bench) -> None:
    """Captions of two clips one after the other, against recorded motion at any frame: group "text"."""
    told = [item for item in bench.recordings if item.captions]
    captions = [item.captions[0] for item in spread(told, bench.few(PAIRS))]
    pairs = zip(captions, [*captions[1:], captions[0]], strict=True)
    made = []
    for seed, (first, second) in enumerate(pairs):
        prompts = (Prompt(first, 0, HALF), Prompt(second, HALF, 2 * HALF))
        made.append(bench.make(MotionRequest(2 * HALF, prompts=prompts, sampling=Sampling(seed=seed))))
    recorded = [item.motion for item in windows(bench.recordings, HALF, 2 * HALF, bench.few(PAIRS, 4))]
    ratios = {
        "between two prompts": [seam_ratio(motion, HALF) for motion in made],
        "recorded motion, in the middle": [seam_ratio(motion, motion.frames // 2) for motion in recorded],
    }
    if not recorded:
        found.left_out.append(f"No clip has {HALF} frames to compare seams with.")
        return
    rows: list[list[Cell]] = [
        [name, float(np.median(values)), float(np.percentile(values, 90)), max(values)]
        for name, values in ratios.items()
    ]
    found.add("text", seam_ratio=float(np.median(ratios["between two prompts"])))
    found.tables.append(Table(
        "Seams of prompts", ["", "median", "90th percentile", "largest"], rows,
        "Acceleration within 3 frames of the seam over the clip's own 95th percentile; above 1 one begins to see it.",
    ))  # fmt: skip
