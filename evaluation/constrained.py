"""How well the network meets constraints by itself, and that what is delivered meets them exactly.

Kimodo reports the errors before its post-processing (`evaluation.constraints`). Here every step of the sampler is
projected, so the number that compares is that of the network's last estimate, which nothing has corrected.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from genmo.evaluation import constraints
from genmo.evaluation.bench import Bench
from genmo.evaluation.clips import Recording, windows
from genmo.evaluation.findings import Cell, Findings, Table
from genmo.evaluation.inside import regresses
from genmo.evaluation.quality import mean_quality, quality_table
from genmo.evaluation.requests import full_key, pin, root_path
from genmo.runtime import metrics
from genmo.runtime.motion import Motion
from genmo.runtime.request import MotionRequest, Prompt, Sampling
from genmo.runtime.skeleton import INDEX

Array = NDArray[np.float64]

WINDOWS: Final = 24
FRAMES: Final = 120
PLACES: Final = 3
"""Constrained frames beside the first one."""

_EARLIEST: Final = 15
_EFFECTORS: Final = ("l_wrist", "r_wrist", "l_ankle", "r_ankle")
_DELIVERED: Final = {"full_body": "key_position_error_mm", "effector": "pin_error_mm", "root_path": "path_error_mm"}


@dataclass(frozen=True, eq=False)
class Task:
    """A request, and how far a motion is from it.

    Attributes:
        request: without prompts.
        errors: of joint positions (T, 22, 3) that start where the request starts, mm.
    """

    request: MotionRequest
    errors: Callable[[Array], Array]


def full_body(motion: Motion, frames: Sequence[int]) -> Task:
    """Whole poses at the first frame and at `frames`; the errors are those at `frames`."""
    request = MotionRequest(motion.frames, keyframes=tuple(full_key(motion, frame) for frame in (0, *frames)))
    return Task(request, lambda made: constraints.full_body_errors(made, frames, motion.positions[list(frames)]))


def effector(motion: Motion, frames: Sequence[int], joints: Sequence[str]) -> Task:
    """The whole pose at the first frame, and one hand or foot at each of `frames`."""
    pins = tuple(pin(motion, joint, frame) for joint, frame in zip(joints, frames, strict=True))
    indices = [INDEX[joint] for joint in joints]
    request = MotionRequest(motion.frames, keyframes=(full_key(motion, 0),), pins=pins)
    goals = motion.positions[list(frames), indices]
    return Task(request, lambda made: constraints.effector_errors(made, frames, indices, goals))


def path(motion: Motion, frames: Sequence[int]) -> Task:
    """Waypoints at the first frame and at `frames`."""
    request = MotionRequest(motion.frames, path=root_path(motion, (0, *sorted(frames))))
    goals = motion.root_positions[list(frames)][:, ::2]
    return Task(request, lambda made: constraints.root_path_errors(made[:, 0], frames, goals))


def tasks(motion: Motion, rng: np.random.Generator) -> dict[str, Task]:
    """One of each kind at random frames."""
    frames = sorted((_EARLIEST + rng.choice(motion.frames - _EARLIEST, PLACES, replace=False)).tolist())
    joints = [str(name) for name in rng.choice(_EFFECTORS, PLACES)]
    return {
        "full_body": full_body(motion, frames),
        "effector": effector(motion, frames, joints),
        "root_path": path(motion, frames),
    }


def measure(bench: Bench) -> Findings:
    """All numbers of constraints: group "constraints"."""
    found = Findings()
    items = [item for item in windows(bench.recordings, FRAMES, FRAMES, bench.few(WINDOWS)) if item.captions]
    if not items:
        found.left_out.append(f"No captioned clip has {FRAMES} frames.")
        return found
    rows: list[list[Cell]] = []
    motions: dict[str, list[Motion]] = {}
    for words in ("without text", "with text"):
        before: list[dict[str, Array]] = []
        after: dict[str, list[float]] = {}
        for index, item in enumerate(items):
            before.append({})
            for kind, task in tasks(item.motion, np.random.default_rng(index)).items():
                request = _worded(task.request, item, index, told=words == "with text")
                raw = bench.inside.last_estimate(request, regression=regresses(request))
                before[-1][kind] = task.errors(moved_to_start(raw, item.motion))
                made = bench.make(request)
                after.setdefault(kind, []).append(metrics.constraint_errors(made, request)[_DELIVERED[kind]])
                if item.level:
                    motions.setdefault(f"{kind.replace('_', ' ')} {words}", []).append(made)
        _add(found, rows, words, before, after)
    found.tables.append(Table(
        "Errors of the last estimate",
        ["", "text", "mean, mm", "P95 of clips, mm", "P95 of single errors, mm", "largest delivered, mm"],
        rows,
        f"{len(items)} windows of {FRAMES} frames, constraints at {PLACES} random frames beside the first. The first "
        "three numbers are of the network's last estimate, moved to where the request starts; the last one is of what "
        "is delivered (a pin that no limb can reach from a fixed body stays open).",
    ))  # fmt: skip
    found.tables.append(quality_table({name: mean_quality(made) for name, made in motions.items()}))
    return found


def _worded(request: MotionRequest, item: Recording, seed: int, *, told: bool) -> MotionRequest:
    prompts = (Prompt(item.captions[0], 0, request.frames),) if told else ()
    return dataclasses.replace(request, prompts=prompts, sampling=Sampling(seed=seed))


def moved_to_start(made: Motion, truth: Motion) -> Array:
    """Joint positions (T, 22, 3) moved over the ground to the first root position of the truth.

    The network's own root is a speed; where it starts is no prediction.
    """
    offset = (truth.root_positions[0] - made.root_positions[0]) * np.array([1.0, 0.0, 1.0])
    return made.positions + offset


def _add(
    found: Findings, rows: list[list[Cell]], words: str, before: list[dict[str, Array]], after: dict[str, list[float]]
) -> None:
    for kind, summary in constraints.summaries(before).items():
        largest = max(after[kind])
        rows.append([kind.replace("_", " "), words, summary.mean, summary.p95, summary.p95_frames, largest])
        name = f"{kind}_{words.replace(' ', '_')}"
        found.add("constraints", **{f"{name}_mm": summary.mean, f"{name}_delivered_mm": largest})
