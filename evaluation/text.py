"""Prompts: does generated motion do what its caption says, and does it move like recorded motion?

Every captioned clip of the split lends its first caption and its length; what the pack makes of them is compared
with the clips themselves. R-precision, FID, diversity and multimodality are those of HumanML3D, by an evaluator of our
own: they cannot be compared with published rows, only with the recorded motion in the same table.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from genmo.evaluation import retrieval
from genmo.evaluation.bench import DEFAULT_PRESET, PRESETS, Bench
from genmo.evaluation.clips import Recording, spread
from genmo.evaluation.findings import Cell, Findings, Table, ratio
from genmo.evaluation.quality import mean_quality, quality_table
from genmo.evaluation.seams import measure_seams
from genmo.runtime.motion import Motion, mirrored, sliced
from genmo.runtime.request import MotionRequest, Prompt, Sampling
from genmo.runtime.text import open_text_encoder

Vectors = NDArray[np.float32]

LONGEST: Final = 300
SHORTEST: Final = 40
"""Frames of a prompt."""

TAKES: Final = 2
"""Motions of each caption at the default preset."""

OTHER_PRESETS: Final = 32
"""Captions that the other presets make."""

MANY_TEXTS, MANY_TAKES = 12, 4
"""Captions that are made several times, for multimodality, and how often."""


def measure(bench: Bench) -> Findings:
    """All numbers of prompts: groups "text" and "mbench"."""
    items = prompted(bench.recordings)
    takes = [made(bench, items, DEFAULT_PRESET, seed) for seed in range(TAKES)]
    found = Findings()
    some = spread(items, bench.few(OTHER_PRESETS, 4))
    others = {name: made(bench, some, name, 0) for name in PRESETS if name != DEFAULT_PRESET}
    _presets(found, items, takes[0], some, others)
    _motion(found, items, takes)
    measure_seams(found, bench)
    if bench.evaluator is None:
        found.left_out.append("No evaluator was given (--evaluator), so nothing says how well motions fit their texts.")
    else:
        _match(found, bench, items, takes)
    return found


def prompted(recordings: Sequence[Recording]) -> list[Recording]:
    """Captioned clips, cut after LONGEST frames; too short ones are left out."""
    kept = [item for item in recordings if item.captions and item.motion.frames >= SHORTEST]
    cut = [sliced(item.motion, 0, min(item.motion.frames, LONGEST)) for item in kept]
    return [dataclasses.replace(item, motion=motion) for item, motion in zip(kept, cut, strict=True)]


def made(bench: Bench, items: Sequence[Recording], preset: str, seed: int) -> list[Motion]:
    """What the pack makes of the first caption of each clip, as long as the clip."""
    motions = []
    for index, item in enumerate(items):
        frames = item.motion.frames
        sampling = Sampling(seed=1000 * seed + index, steps=PRESETS[preset])
        prompt = Prompt(item.captions[0], 0, frames)
        motions.append(bench.make(MotionRequest(frames, prompts=(prompt,), sampling=sampling)))
    return motions


def _level(items: Sequence[Recording], motions: Sequence[Motion]) -> list[Motion]:
    """The motions whose caption is of a clip on a flat floor."""
    return [motion for item, motion in zip(items, motions, strict=True) if item.level]


def _presets(
    found: Findings, items: Sequence[Recording], default: list[Motion], some: Sequence[Recording],
    others: dict[str, list[Motion]],
) -> None:  # fmt: skip
    """Jerk over the presets, each against the recordings of the same captions."""
    whole, part = (mean_quality([item.motion for item in group if item.level]) for group in (items, some))
    rows: list[list[Cell]] = []
    ratios = {}
    for name, steps in PRESETS.items():
        own = name == DEFAULT_PRESET
        motions, truth = (_level(items, default), whole) if own else (_level(some, others[name]), part)
        mean = mean_quality(motions)
        ratios[name] = ratio(mean["jerk"], truth["jerk"])
        gap = mean["toe_cm"] - truth["toe_cm"]
        rows.append([name, float(steps), float(len(motions)), ratios[name], mean["skate_cm_s"], gap])
    found.add("text", jerk_ratio_min=min(ratios.values()), jerk_ratio_max=max(ratios.values()))
    found.tables.append(Table(
        "Presets",
        ["preset", "steps", "motions", "jerk / recorded", "skate, cm/s", "lower toe above recorded, cm"],
        rows,
        "Jerk and toe height are compared with the recordings of the same captions.",
    ))  # fmt: skip


def _motion(found: Findings, items: Sequence[Recording], takes: Sequence[list[Motion]]) -> None:
    """How it moves, at the default preset."""
    truth = mean_quality([item.motion for item in items if item.level])
    mean = mean_quality([motion for take in takes for motion in _level(items, take)])
    found.add(
        "text", skate_cm_s=mean["skate_cm_s"], skate_data_cm_s=truth["skate_cm_s"],
        lowest_toe_gap_cm=abs(mean["toe_cm"] - truth["toe_cm"]), captions=float(len(items)),
    )  # fmt: skip
    found.add(
        "mbench",
        jitter_ratio=ratio(mean["mbench_jitter"], truth["mbench_jitter"]),
        sliding_ratio=ratio(mean["mbench_sliding"], truth["mbench_sliding"]),
        dynamic_ratio=ratio(mean["mbench_dynamic"], truth["mbench_dynamic"]),
        **{name.removeprefix("mbench_"): value for name, value in mean.items() if name.startswith("mbench_")},
    )
    found.tables.append(quality_table({"recordings of the captions": truth, "prompts": mean}))


def _match(found: Findings, bench: Bench, items: Sequence[Recording], takes: Sequence[list[Motion]]) -> None:
    """R-precision, FID, diversity, multimodality."""
    assert bench.evaluator is not None
    captions = [item.captions[0] for item in items]
    texts = bench.evaluator.text(captions, open_text_encoder(bench.engine.pack))
    real = bench.evaluator.motion([item.motion.positions for item in items])
    mirror = bench.evaluator.motion([mirrored(item.motion).positions for item in items])
    made_vectors = [bench.evaluator.motion([motion.positions for motion in take]) for take in takes]
    recorded = _scores(texts, real, mirror, captions)
    rows = [_scores(texts, vectors, real, captions) for vectors in made_vectors]
    generated = {name: float(np.mean([row[name] for row in rows])) for name in recorded}
    shuffled = _scores(texts, np.roll(real, len(real) // 2, axis=0), real, captions)
    many = multimodality(bench, items)
    found.add(
        "text", r1=generated["R01"], r2=generated["R02"], r3=generated["R03"], r1_real=recorded["R01"],
        r2_real=recorded["R02"], r3_real=recorded["R03"], r1_gap=recorded["R01"] - generated["R01"],
        r1_error=gap_error(texts, real, made_vectors, captions), fid=generated["fid"],
        fid_mirrored_recordings=recorded["fid"], diversity=generated["diversity"],
        diversity_real=recorded["diversity"], multimodality=many,
    )  # fmt: skip
    columns = ["", "R@1", "R@2", "R@3", "distance of text and motion", "FID", "diversity", "multimodality"]
    names = ("R01", "R02", "R03", "distance", "fid", "diversity")
    cells: list[list[Cell]] = [
        ["recorded motion", *(recorded[name] for name in names), None],
        ["prompts, default preset", *(generated[name] for name in names), many],
        ["recorded motion of other captions", *(shuffled[name] for name in names[:4]), None, None, None],
    ]
    found.tables.append(Table(
        "Texts and motions", columns, cells,
        f"{len(items)} captions in random galleries of {gallery(captions)}, the same for each row. FID of a row is "
        "taken against the recorded motion; that of the recorded motion itself against its mirror images, which is "
        "what this many clips give without any fault. With fewer clips than dimensions FID compares rows of this table "
        "only.",
    ))  # fmt: skip


def gallery(captions: Sequence[str]) -> int:
    """Candidates of a gallery: 32, or as many different captions as there are."""
    return min(retrieval.GALLERY, len(set(captions)))


def _scores(texts: Vectors, motions: Vectors, others: Vectors, captions: list[str]) -> dict[str, float]:
    recall = retrieval.r_precision(texts, motions, captions, np.random.default_rng(0), size=gallery(captions))
    return recall | {
        "distance": retrieval.matching_score(texts, motions),
        "fid": retrieval.fid(motions, others),
        "diversity": retrieval.diversity(motions, np.random.default_rng(1)),
    }


def gap_error(texts: Vectors, real: Vectors, made_vectors: Sequence[Vectors], captions: list[str]) -> float:
    """Standard error of the gap in R@1: by how much it would vary with other captions (bootstrap of 20 halves).

    Random halves of the captions scatter about as much as new sets of the whole size do.
    """
    rng = np.random.default_rng(2)
    gaps = []
    for _ in range(20):
        rows = np.sort(rng.choice(len(captions), max(len(captions) // 2, 2), replace=False))
        some = [captions[row] for row in rows]
        size = gallery(some)

        def recall(motions: Vectors, rows: NDArray[np.int64] = rows, some: list[str] = some, size: int = size) -> float:
            galleries = np.random.default_rng(3)
            return retrieval.r_precision(texts[rows], motions[rows], some, galleries, size=size, rounds=20)["R01"]

        gaps.append(recall(real) - float(np.mean([recall(vectors) for vectors in made_vectors])))
    return float(np.std(gaps))


def multimodality(bench: Bench, items: Sequence[Recording]) -> float:
    """Mean distance of motions made from the same caption."""
    assert bench.evaluator is not None
    chosen = spread(items, bench.few(MANY_TEXTS))
    repeats = [made(bench, chosen, DEFAULT_PRESET, 100 + take) for take in range(MANY_TAKES)]
    vectors = [bench.evaluator.motion([motion.positions for motion in take]) for take in repeats]
    return retrieval.multimodality(np.stack(vectors, axis=1), np.random.default_rng(4))
