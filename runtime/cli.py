"""The command line of the runtime, without Blender: `genmo` or `python -m genmo.runtime`.

Exit codes: 0 done; 2 bad input, with one sentence on stderr and nothing written; 3 cancelled, nothing written;
1 a fault of ours, with a traceback.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, Final, NoReturn

from . import cli_exchange, cli_pack, cli_search, cli_video, doctor
from .errors import CancelledError, UserError
from .motion import Motion, load_motion, save_motion
from .pack import DEFAULT_PACK, ModelPack, find_packs, open_pack
from .progress import Progress
from .quality import UNITS, faults, numbers
from .request import MotionRequest, Sampling, load_request
from .validation import problems, raise_errors

DONE: Final = 0
BAD_INPUT: Final = 2
CANCELLED: Final = 3

DEVICES: Final = ("auto", "cpu", "cuda", "torch")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the words after the program's name, None for those of this process.

    Returns:
        The exit code. A fault of ours is raised, which makes Python exit with 1 and a traceback.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a console may lack the letters of a prompt or path
    try:
        arguments = _parser().parse_args(argv)
        arguments.run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read the output has gone; Python would complain about that again at exit
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - it stays open until the exit
        return CANCELLED
    except UserError as error:
        _complain(str(error))
        return BAD_INPUT
    except (CancelledError, KeyboardInterrupt):
        _complain("cancelled, nothing was written")
        return CANCELLED
    except SystemExit as error:  # --help and --version
        return error.code if isinstance(error.code, int) else DONE
    return DONE


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one sentence, like all others, and which wants its options in full."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, **settings)

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message} (see {self.prog} --help)")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="genmo", description="Prompts, key poses, paths, pins, videos and music into motion.")
    parser.add_argument("--version", action="version", version=f"genmo {doctor.extension_version()}")
    verbs = parser.add_subparsers(metavar="COMMAND", required=True)

    generate = _verb(verbs, "generate", _generate, "make the motions that a request asks for")
    generate.add_argument("request", metavar="REQUEST.json", type=Path)
    generate.add_argument("--seed", type=int, help="instead of the request's")
    generate.add_argument("--samples", type=int, help="instead of the request's; they become OUT.0.npz, OUT.1.npz, ...")

    estimate = _verb(verbs, "estimate", _estimate, "make the motion of the person in a video")
    cli_video.add_options(estimate)

    for verb in (generate, estimate):
        verb.add_argument("-o", "--output", metavar="OUT.npz", type=Path, required=True)
        verb.add_argument("--pack", metavar="DIR", type=Path, default=DEFAULT_PACK, help="model pack to use")
        verb.add_argument("--device", choices=DEVICES, default="auto")
        verb.add_argument("--json-progress", action="store_true", help="report each step as a line of JSON on stdout")

    metrics = _verb(verbs, "metrics", _metrics, "measure how good motions are, and how exactly they meet their request")
    metrics.add_argument("motions", metavar="MOTION.npz", type=Path, nargs="+")
    _add_json(metrics)

    cli_exchange.add_verbs(verbs, _verb)
    cli_search.add_verbs(verbs, _verb, _add_json)
    cli_pack.add_verbs(verbs, _verb)

    packs = _verb(verbs, "packs", _packs, "list the model packs")
    doctor_verb = _verb(verbs, "doctor", _doctor, "find out whether everything works on this machine")
    for verb in (packs, doctor_verb):
        verb.add_argument("folders", metavar="DIR", type=Path, nargs="*", help="pack, or folder with packs")
        _add_json(verb)
    return parser


def _verb(verbs: Any, name: str, run: Callable[[argparse.Namespace], None], summary: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = verbs.add_parser(name, help=summary, description=summary.capitalize() + ".")
    parser.set_defaults(run=run)
    return parser


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for programs instead of people")


def _generate(arguments: argparse.Namespace) -> None:
    request = _with_sampling(load_request(arguments.request), seed=arguments.seed, samples=arguments.samples)
    raise_errors(request)
    _answer(request, open_pack(arguments.pack), arguments)


def _estimate(arguments: argparse.Namespace) -> None:
    pack = open_pack(arguments.pack)
    check_writable(output_files(arguments.output, 1))
    report = _json_progress if arguments.json_progress else show_progress
    with stop_on_interrupt() as should_stop:
        video = cli_video.video_of(arguments, pack.info.fps, report, should_stop)
    request = MotionRequest(video.stop, pack.info.fps, videos=(video,), sampling=Sampling(mode="estimate"))
    _answer(request, pack, arguments)


def _answer(request: MotionRequest, pack: ModelPack, arguments: argparse.Namespace) -> None:
    """Make the motions of a request and write them to the file that the command names."""
    files = output_files(arguments.output, request.sampling.samples)
    check_writable(files)
    raise_errors(request, pack.info)
    from .engine import Engine  # loads ONNX Runtime, so only when everything else is right

    report = _json_progress if arguments.json_progress else show_progress
    with stop_on_interrupt() as should_stop:
        motions = Engine(pack, arguments.device).generate(request, progress=report, should_stop=should_stop)
        if should_stop():
            raise CancelledError("cancelled")
        save_all(motions, files)
    for warning in problems(request, pack.info):
        sys.stderr.write(f"genmo: warning: {warning}\n")
    if arguments.json_progress:
        _print_json({"type": "done", "files": [str(file) for file in files]}, indent=None)
    else:
        sys.stdout.writelines(f"{file}\n" for file in files)


def _metrics(arguments: argparse.Namespace) -> None:
    motions = [load_motion(path) for path in arguments.motions]
    measured = [(str(path), numbers(each), faults(each)) for path, each in zip(arguments.motions, motions, strict=True)]
    if arguments.json:
        rows = [(name, values, [fault.to_json() for fault in found]) for name, values, found in measured]
        _print_json([{"file": name, "metrics": values, "faults": found} for name, values, found in rows])
        return
    for name, values, found in measured:
        sys.stdout.write(f"{name}\n")
        for key, value in values.items():
            sys.stdout.write(f"  {key:24} {value:10.4g} {UNITS.get(key, '')}".rstrip() + "\n")
        for fault in found:
            where = f"frames {fault.start} to {fault.stop - 1}, {fault.severity:.1f} x limit"
            sys.stdout.write(f"  {fault.kind:24} {where}\n")


def _packs(arguments: argparse.Namespace) -> None:
    broken: list[dict[str, Any]] = []
    packs = find_packs(
        [DEFAULT_PACK.parent, *arguments.folders],
        lambda folder, error: broken.append({"folder": str(folder), "problem": str(error)}),
    )
    if arguments.json:
        keys = ("id", "version", "title", "licence", "credits", "fps", "understands")
        listed = [{"folder": str(pack.folder)} | {key: getattr(pack.info, key) for key in keys} for pack in packs]
        _print_json([*listed, *broken])
        return
    for pack in packs:
        info = pack.info
        sys.stdout.write(f"{info.label}: {info.title} ({info.licence})\n  {pack.folder}\n")
        sys.stdout.write(f"  understands {', '.join(info.understands)}\n")
    sys.stdout.writelines(f"{entry['problem']}\n" for entry in broken)
    if not packs and not broken:
        sys.stdout.write("There are no packs here\n")


def _doctor(arguments: argparse.Namespace) -> None:
    report = doctor.examine(arguments.folders)
    if arguments.json:
        _print_json(report.to_json())
    else:
        free = "unknown" if report.free_memory is None else f"{report.free_memory / 2**30:.1f} GB"
        runtimes = ", ".join(f"{name} {version}" for name, version in report.onnxruntime.items())
        lines = {
            "genmo": report.genmo,
            "python": f"{report.python} ({report.executable})",
            "system": f"{report.system}, {report.cores} cores, {free} of memory free",
            "numpy": report.numpy,
            "onnxruntime": runtimes or "not installed",
            "runs on": ", ".join(report.providers) or "nothing",
        }
        for name, value in lines.items():
            sys.stdout.write(f"{name:12} {value}\n")
        for pack in report.packs:
            sys.stdout.write(f"{'pack':12} {pack.label or '?'}: {pack.problem or 'ok'} ({pack.folder})\n")
    if report.problems:
        raise UserError("; ".join(report.problems))


def output_files(output: Path, samples: int) -> list[Path]:
    """Where the samples go: OUT.npz, or OUT.0.npz, OUT.1.npz, ... when there are several.

    Raises:
        UserError: the name does not end in .npz.
    """
    if output.suffix.lower() != ".npz":
        raise UserError(f"{output}: the name must end in .npz")
    if samples == 1:
        return [output]
    return [output.with_name(f"{output.stem}.{index}{output.suffix}") for index in range(samples)]


def check_writable(files: Sequence[Path]) -> None:
    """Find out before the work whether the files can be written.

    Raises:
        UserError: one of them cannot.
    """
    for file in files:
        if file.is_dir():
            raise UserError(f"{file}: cannot be written (it is a folder)")
        if file.exists() and not os.access(file, os.W_OK):
            raise UserError(f"{file}: cannot be written (it is read-only)")
    folder = files[0].parent
    try:
        with tempfile.TemporaryFile(dir=folder):
            return
    except OSError as error:
        raise UserError(f"{files[0]}: cannot be written ({error.strerror or error})") from error


def save_all(motions: Sequence[Motion], files: Sequence[Path]) -> None:
    """Write all motions or, when one cannot be written, none.

    Raises:
        UserError: the folder is read-only or full.
    """
    try:
        with tempfile.TemporaryDirectory(prefix=".genmo-", dir=files[0].parent) as folder:
            written = [Path(folder) / file.name for file in files]
            for motion, path in zip(motions, written, strict=True):
                save_motion(motion, path)
            for path, file in zip(written, files, strict=True):
                path.replace(file)
    except OSError as error:
        raise UserError(f"{files[0]}: cannot be written ({error.strerror or error})") from error


@contextlib.contextmanager
def stop_on_interrupt() -> Iterator[Callable[[], bool]]:
    """Let Ctrl-C, or a polite kill, end the work at its next step; a second one ends it at once.

    Yields:
        A function that tells whether to stop.
    """
    stop = threading.Event()

    def interrupt(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    if threading.current_thread() is not threading.main_thread():  # only the main thread gets signals
        yield stop.is_set
        return
    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


def _with_sampling(request: MotionRequest, **changes: int | None) -> MotionRequest:
    """The request with some values of its sampling replaced, those that are not None."""
    document = request.to_json()
    document["sampling"] |= {name: value for name, value in changes.items() if value is not None}
    return MotionRequest.from_json(document)


def _json_progress(progress: Progress) -> None:
    step = {"phase": progress.phase, "step": progress.step, "total": progress.total}
    _print_json({"type": "progress", **step}, indent=None)


def show_progress(progress: Progress) -> None:
    """One line that is written over and over, for eyes only."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{progress.phase} {progress.step}/{progress.total}{_time_left(progress)}")
        if progress.step == progress.total:
            sys.stderr.write("\r\033[K")
        sys.stderr.flush()


_began: dict[str, float] = {}
"""When each phase was first heard of."""


def _time_left(progress: Progress) -> str:
    """A few words about how long a phase will still take, once that can be told."""
    began = _began.setdefault(progress.phase, time.monotonic())
    if progress.step <= 0:
        _began[progress.phase] = time.monotonic()
        return ""
    passed = time.monotonic() - began
    left = passed / progress.step * (progress.total - progress.step)
    return f", {left:.0f} s left" if passed > 1.0 else ""


def _print_json(value: Mapping[str, Any] | Sequence[Any], indent: int | None = 1) -> None:
    sys.stdout.write(json.dumps(value, indent=indent) + "\n")
    sys.stdout.flush()


def _complain(sentence: str) -> None:
    start = "\r\033[K" if sys.stderr.isatty() else ""  # over an unfinished line of progress
    sys.stderr.write(f"{start}genmo: {' '.join(sentence.split())}\n")


if __name__ == "__main__":
    raise SystemExit(main())
