"""In-betweening by LAFAN1's protocol: 10 known frames, a gap, a target, and the frames of the gap to be made.

The definitions are LAFAN1's (`evaluation.inbetween`), the clips are of our own split: published rows were measured on
LAFAN1, whose motion is wilder. What can be compared is the ratio to interpolation, which is in every table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from genmo.evaluation import inbetween
from genmo.evaluation.bench import Bench
from genmo.evaluation.clips import Recording, facing, windows
from genmo.evaluation.constrained import moved_to_start
from genmo.evaluation.constraints import full_body_errors
from genmo.evaluation.findings import Cell, Findings, Table, ratio
from genmo.evaluation.inbetween import GAPS, PAST, Scores
from genmo.evaluation.inside import regresses
from genmo.evaluation.quality import mean_quality, quality_table
from genmo.evaluation.requests import full_key
from genmo.runtime import metrics, rotation
from genmo.runtime.motion import Motion
from genmo.runtime.request import MotionRequest, Sampling

Array = NDArray[np.float64]

WINDOWS: Final = 80
LENGTH: Final = PAST + max(GAPS) + 10
"""Frames of a test window in LAFAN1's benchmark."""

WAYS: Final = ("regression", "sampled")
"""Ways of the pack through a gap; the headline numbers are those of the way that a request gets by default."""


@dataclass(frozen=True, eq=False)
class Gap:
    """What the pack made of one length of gap.

    Attributes:
        motions: one for each window.
        requests: what was asked.
        key_errors: (N, K) mean joint error of the keyed frames before the last projection, mm.
        pose_errors: (N, K) the same with the pelvis moved onto its place.
        default: whether a request that chooses no mode goes this way.
    """

    motions: list[Motion]
    requests: list[MotionRequest]
    key_errors: Array
    pose_errors: Array
    default: bool


def measure(bench: Bench) -> Findings:
    """All numbers of in-betweening: group "inbetween"."""
    found = Findings()
    items = test_windows(bench)
    if not items:
        found.left_out.append(f"No clip has {LENGTH} frames.")
        return found
    rows: list[list[Cell]] = []
    keys: list[list[Cell]] = []
    motions: dict[str, list[Motion]] = {}
    for missing in GAPS:
        truth = [part(item.motion, missing) for item in items]
        rows += _baselines(found, truth, missing, bench.deviation)
        for way in WAYS:
            made = fill(bench, truth, missing, way)
            scored = scores(truth, made.motions, missing, bench.deviation)
            name = f"{way} (default)" if made.default else way
            rows.append(_score_row(found, f"ours, {name}", missing, scored))
            keys.append(_key_row(name, missing, truth, made))
            found.add("inbetween", **{f"l2p_{way}_{missing}": scored.l2p})
            level = [motion for item, motion in zip(items, made.motions, strict=True) if item.level]
            motions.setdefault(f"in-between, {name}", []).extend(level)
            if made.default:
                _headline(found, missing, scored, made)
    _tables(found, items, rows, keys, motions)
    return found


def test_windows(bench: Bench) -> list[Recording]:
    """Windows of LENGTH frames that face +Z at their last known frame and lie around the origin."""
    items = windows(bench.recordings, LENGTH, LENGTH, bench.few(WINDOWS))
    turned = []
    for item in items:
        motion = item.motion
        root, local = facing(motion.root_positions[None], motion.local_rotations[None], PAST - 1)
        moved = Motion(motion.fps, root[0], rotation.continuous(local[0]), motion.contacts)
        turned.append(Recording(item.name, item.captions, item.level, moved))
    return turned


def part(motion: Motion, missing: int) -> Motion:
    """The known frames, the gap and the target."""
    stop = PAST + missing + 1
    return Motion(motion.fps, motion.root_positions[:stop], motion.local_rotations[:stop], motion.contacts[:stop])


def fill(bench: Bench, truth: Sequence[Motion], missing: int, way: str) -> Gap:
    """What the pack makes between the known frames and the target; the default way through the engine."""
    frames = [*range(PAST), PAST + missing]
    motions, requests, errors, poses = [], [], [], []
    default = False
    for index, motion in enumerate(truth):
        keyframes = tuple(full_key(motion, frame) for frame in frames)
        request = MotionRequest(motion.frames, keyframes=keyframes, sampling=Sampling(seed=index))
        default = regresses(request) == (way == "regression")
        if way == "regression" and not default:
            motions.append(bench.inside.regressed(request))
        else:
            mode = "auto" if default else "generate"
            motions.append(bench.make(replace(request, sampling=Sampling(seed=index, mode=mode))))
        requests.append(request)
        raw = bench.inside.last_estimate(request, regression=way == "regression")
        errors.append(full_body_errors(moved_to_start(raw, motion), frames, motion.positions[frames]).mean(axis=1))
        rooted = [each.positions - each.root_positions[:, None] for each in (raw, motion)]
        poses.append(full_body_errors(rooted[0], frames, rooted[1][frames]).mean(axis=1))
    return Gap(motions, requests, np.array(errors), np.array(poses), default)


def scores(truth: Sequence[Motion], made: Sequence[Motion], missing: int, deviation: Array) -> Scores:
    """L2P, L2Q and NPSS of the frames of the gap."""
    gap = slice(PAST, PAST + missing)
    before = np.stack([motion.world_rotations[PAST - 1] for motion in truth])
    places = [np.stack([motion.positions[gap] for motion in motions]) for motions in (made, truth)]
    turns = [
        inbetween.continued(np.stack([motion.world_rotations[gap] for motion in motions]), before)
        for motions in (made, truth)
    ]
    return inbetween.scores(places[0], turns[0], places[1], turns[1], deviation)


def _baselines(found: Findings, truth: Sequence[Motion], missing: int, deviation: Array) -> list[list[Cell]]:
    root = np.stack([motion.root_positions for motion in truth])
    local = np.stack([motion.local_rotations for motion in truth])
    rows: list[list[Cell]] = []
    for name, function in (("interpolation", inbetween.interpolation), ("zero velocity", inbetween.zero_velocity)):
        roots, turns = function(root, local, missing)
        motions = [_padded(motion, *pair) for motion, pair in zip(truth, zip(roots, turns, strict=True), strict=True)]
        scored = scores(truth, motions, missing, deviation)
        found.add("inbetween", **{f"l2p_{name.replace(' ', '_')}_{missing}": scored.l2p})
        rows.append(_score_row(found, name, missing, scored))
    return rows


def _score_row(found: Findings, name: str, missing: int, scored: Scores) -> list[Cell]:
    straight = found.numbers["inbetween"][f"l2p_interpolation_{missing}"]
    return [name, float(missing), scored.l2p, ratio(scored.l2p, straight), scored.l2q, scored.npss]


def _padded(truth: Motion, roots: Array, local: Array) -> Motion:
    """The truth with its gap replaced."""
    root, turns = truth.root_positions.copy(), truth.local_rotations.copy()
    root[PAST:-1], turns[PAST:-1] = roots, local
    return Motion(truth.fps, root, turns, truth.contacts)


def _headline(found: Findings, missing: int, scored: Scores, made: Gap) -> None:
    numbers = found.numbers["inbetween"]
    numbers[f"ratio_{missing}"] = ratio(scored.l2p, numbers[f"l2p_interpolation_{missing}"])
    for name, errors in (("key_error", made.key_errors), ("key_pose_error", made.pose_errors)):
        numbers[f"{name}_gap_{missing}_mm"] = float(errors.mean())
        numbers[f"{name}_mm"] = float(np.mean([numbers[f"{name}_gap_{gap}_mm"] for gap in GAPS if gap <= missing]))


def _key_row(name: str, missing: int, truth: Sequence[Motion], made: Gap) -> list[Cell]:
    after = [metrics.constraint_errors(motion, ask) for motion, ask in zip(made.motions, made.requests, strict=True)]
    real = [metrics.key_acceleration_ratio(motion, ask) for motion, ask in zip(truth, made.requests, strict=True)]
    return [
        name, float(missing), float(made.key_errors[:, :PAST].mean()), float(made.key_errors[:, PAST:].mean()),
        float(made.pose_errors[:, PAST:].mean()),
        max(each["key_position_error_mm"] for each in after),
        float(np.median([each["key_acceleration_ratio"] for each in after])),
        float(np.median([each for each in real if each is not None])),
    ]  # fmt: skip


def _tables(
    found: Findings, items: Sequence[Recording], rows: list[list[Cell]], keys: list[list[Cell]],
    motions: dict[str, list[Motion]],
) -> None:  # fmt: skip
    found.tables.append(Table(
        "Scores of the gap",
        ["", "missing frames", "L2P", "L2P / interpolation's", "L2Q", "NPSS"],
        rows,
        f"{len(items)} windows. L2P is normalised by the deviation of our training windows. The default is what a "
        "request gets that chooses no mode; ratios and errors among the targets are its.",
    ))  # fmt: skip
    found.tables.append(Table(
        "Keys of in-betweens",
        ["", "missing frames", "past, mm", "target, mm", "pose of target, mm", "after, mm", "acceleration at keys",
         "of recorded motion"],
        keys,
        "Past and target: mean joint error at these keys in the network's last estimate, before the projection makes "
        "them exact, with the first key met: the root is a speed, so what it drifts until the target counts. Pose of "
        "target: the same with the pelvis on its place. After: the largest error of what is delivered. Acceleration at "
        "keys: the largest within 3 frames of a key over the clip's own 95th percentile, median over the windows.",
    ))  # fmt: skip
    level = mean_quality([item.motion for item in items if item.level])
    quality = {"recordings that are in-betweened": level}
    found.tables.append(quality_table(quality | {name: mean_quality(made) for name, made in motions.items()}))
