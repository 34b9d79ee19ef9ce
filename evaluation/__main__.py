"""Measures a pack on recorded motion and writes the report: `python -m genmo.evaluation --data DIR`.

Writes `evaluation.json` after each section, then `evaluation.md` and its plots. Sections that are not measured again
(`--only`) are kept from the last report if it was of the same pack and as thorough.
"""

from __future__ import annotations

import argparse
import logging
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from genmo.evaluation import between, constrained, music, report, searching, speed, text, video
from genmo.evaluation.bench import Bench
from genmo.evaluation.clips import Material, load_material
from genmo.evaluation.findings import Cell, Findings, Table
from genmo.evaluation.quality import COLUMNS, mean_quality, quality_table
from genmo.runtime.backends.onnx import default_threads
from genmo.runtime.engine import Engine
from genmo.runtime.pack import DEFAULT_PACK, open_pack
from genmo.runtime.pack_info import DENOISER
from genmo.training.retrieval.evaluator import load_evaluator

log = logging.getLogger("genmo.evaluation")

ROOT: Final = Path(__file__).parents[1]

_SAME: Final = ("format", "denoiser_sha256", "quick", "clips")
"""What must agree for a section of the last report to be kept."""


def recorded(bench: Bench) -> Findings:
    """The level of the recordings themselves: group "data"."""
    mean = mean_quality([item.motion for item in bench.recordings if item.level])
    found = Findings()
    found.add("data", **{name: mean[name] for name in COLUMNS})
    rows: list[list[Cell]] = [[head, mean[name]] for name, head in COLUMNS.items()]
    found.tables.append(Table("Level of the data", ["number", "mean over clips"], rows, "Explained in the last table."))
    found.tables.append(quality_table({"recorded motion, all val clips": mean}))
    return found


def sections(options: argparse.Namespace) -> dict[str, Callable[[Bench], Findings]]:
    """Sections by name, in the order in which they are measured."""
    return {
        "data": recorded,
        "speed": lambda bench: speed.measure(bench, published_size=options.published_size),
        "video": video.measure,
        "inbetween": between.measure,
        "constraints": constrained.measure,
        "text": text.measure,
        "music": music.measure,
        "retrieval": searching.measure,
    }


def begin(engine: Engine, material: Material, options: argparse.Namespace) -> dict[str, Any]:
    """Results to add to: those of the last report if they belong to this pack, else empty ones."""
    info = engine.pack.info
    frames = sum(item.motion.frames for item in material.recordings)
    about = {
        "format": report.FORMAT,
        "pack": info.label,
        "denoiser_sha256": info.files[DENOISER].sha256,
        "quick": options.quick,
        "clips": len(material.recordings),
        "minutes": round(frames / info.fps / 60.0, 1),
        "threads": default_threads(),
    }
    before = report.load(options.out)
    same = all(
        before.get("about", {}).get(name) == about[name] for name in ("format", "denoiser_sha256", "quick", "clips")
    )
    if before and not same:
        log.warning("the report in %s is of another pack or run, it is begun anew", options.out)
    return {**(before if same else {}), "about": about}


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Measure the chosen sections and write the report; returns the results."""
    engine = Engine(open_pack(options.pack), "cpu")
    material = load_material(options.data, quick=options.quick)
    evaluator = None if options.evaluator is None else load_evaluator(options.evaluator)
    results = begin(engine, material, options)
    log.info("pack %s, %d clips", engine.pack.info.label, len(material.recordings))
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(
            engine, material.recordings, material.deviation, evaluator, options.music, Path(folder), options.quick
        )
        for name, function in sections(options).items():
            if options.only and name not in options.only:
                continue
            begun = time.perf_counter()
            found = function(bench)
            report.merge(results, name, found, time.perf_counter() - begun)
            results["about"]["seconds"] = sum(entry["seconds"] for entry in results["sections"].values())
            report.save(results, options.out)
            log.info("%s: %.0f s", name, results["sections"][name]["seconds"])
    report.write(results, options.out)
    return results


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m genmo.evaluation", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the motion archive")
    parser.add_argument("--pack", type=Path, default=DEFAULT_PACK, help="pack to measure; default: the shipped one")
    parser.add_argument("--evaluator", type=Path, help="model.pt of genmo.training.retrieval.train, held-out captions")
    parser.add_argument("--music", type=Path, nargs="*", default=[], help="files to dance to, beside a click track")
    parser.add_argument("--out", type=Path, help="folder of the report; default: docs, with --quick out/evaluation")
    parser.add_argument("--only", type=lambda value: value.split(","), default=[], help="sections, as in video,text")
    parser.add_argument("--quick", action="store_true", help="a tenth of the clips, to try things")
    parser.add_argument("--published-size", action="store_true", help="also time a network of the published size")
    return parser


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    options = parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    unknown = set(options.only) - set(sections(options))
    if unknown:
        raise SystemExit(f"--only: no section {', '.join(sorted(unknown))}; there are {', '.join(sections(options))}")
    if options.out is None:
        options.out = ROOT / "out" / "evaluation" if options.quick else ROOT / "docs"
    measure(options)


if __name__ == "__main__":
    main()
