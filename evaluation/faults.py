"""Plants faults in recorded motion and counts which are found: `python -m genmo.evaluation.faults --data DIR`.

The limits of `runtime.quality` come from clips of the split "val" (`--levels` shows what those reach); the faults are
planted in clips of another split.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from genmo.evaluation.clips import Recording, recording
from genmo.evaluation.planting import LENGTH, count, flat_span
from genmo.runtime import quality
from genmo.runtime.motion import Motion, sliced
from genmo.training.archive import Archive, usable

MOST: Final = 300
"""Frames of a clip."""


def _clips(archive: Archive, split: str) -> list[Recording]:
    clips = (archive.clip(index) for index in range(len(archive)))
    recorded = (recording(clip) for clip in clips if usable(clip) and clip.split == split)
    return [each for each in recorded if each.level]


def _levels(recordings: Sequence[Recording]) -> dict[str, Any]:
    """Percentiles of the curves over all frames, and over the worst frames of the clips."""
    curves = [quality.curves(each.motion) for each in recordings]
    rows: dict[str, Any] = {"minutes": round(sum(each.motion.seconds for each in recordings) / 60.0, 1)}
    for kind in quality.KINDS:
        worst = [float(curve[kind].max()) for curve in curves]
        frames = np.percentile(np.concatenate([curve[kind] for curve in curves]), [50, 90, 99, 99.9])
        rows[kind] = {"frames": frames.round(2).tolist(), "clips": np.percentile(worst, [50, 80, 90]).round(2).tolist()}
        rows[kind]["faults"] = sum(f.kind == kind for each in recordings for f in quality.faults(each.motion))
    return rows


def main(words: Sequence[str] | None = None) -> int:
    """Print the counts as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the archive")
    parser.add_argument("--split", default="train", help="whose clips the faults are planted in")
    parser.add_argument("--count", type=int, default=20, help="how many clips")
    parser.add_argument("--seed", type=int, default=0, help="which clips")
    parser.add_argument("--levels", action="store_true", help="show what the clean clips of the split 'val' reach")
    options = parser.parse_args(words)
    archive = Archive(options.data)
    if options.levels:
        found = _levels(_clips(archive, "val"))
    else:
        numbers = [number for number in range(len(archive)) if archive.clip(number).split == options.split]
        order = np.random.default_rng(options.seed).permutation(numbers)
        found = count(_chosen(archive, order, options.count))
    sys.stdout.write(json.dumps(found, indent=1) + "\n")
    return 0


def _chosen(archive: Archive, order: NDArray[np.int64], wanted: int) -> list[Motion]:
    """So many clips on a flat floor in which a foot stands somewhere; at most MOST frames of each."""
    found: list[Motion] = []
    for number in order.tolist():
        clip = archive.clip(number)
        if len(found) == wanted or not usable(clip):
            continue
        each = recording(clip)
        motion = sliced(each.motion, 0, min(each.motion.frames, MOST))
        if each.level and motion.frames >= 4 * LENGTH and flat_span(motion) is not None:
            found.append(motion)
    return found


if __name__ == "__main__":
    raise SystemExit(main())
