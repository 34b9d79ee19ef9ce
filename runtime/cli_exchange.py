"""`genmo import` and `genmo export`: motions of other programs on the command line."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from .errors import UserError
from .exchange.bvh_any import read_any_bvh
from .exchange.constraints import request_of_constraints, write_constraints
from .exchange.files import FORMATS, load_any, save_any
from .files import replace_file
from .motion import load_motion, save_motion

_SOURCES: Final = (
    ".bvh of any human skeleton, .npz of AMASS or Kimodo, or constraints of Kimodo (.json), which become a request"
)

Verb = Callable[..., argparse.ArgumentParser]


def add_verbs(verbs: Any, verb: Verb) -> None:
    """Add the commands to those of the command line; `verb` is its helper."""
    bring = verb(verbs, "import", _import, "read a motion of another program, or the constraints of Kimodo")
    bring.add_argument("source", metavar="FILE", type=Path, help=_SOURCES)
    bring.add_argument("-o", "--output", metavar="OUT", type=Path, required=True, help=".npz, or .json for a request")
    bring.add_argument("--joints", metavar="MAP.json", type=Path, help="joint of the model -> joint of the file (.bvh)")

    export = verb(verbs, "export", _export, "write a motion for other programs")
    export.add_argument("motion", metavar="MOTION.npz", type=Path)
    export.add_argument("-o", "--output", metavar="OUT", type=Path, required=True)
    export.add_argument("--format", choices=[*FORMATS, "constraints"], default="", help="instead of that of the name")


def _import(arguments: argparse.Namespace) -> None:
    source, output = arguments.source, arguments.output
    if source.suffix.lower() == ".json":
        if output.suffix.lower() != ".json":
            raise UserError(f"{output}: the name of a request must end in .json")
        text = json.dumps(request_of_constraints(source).to_json(), indent=1) + "\n"
        replace_file(output, lambda stream: stream.write(text.encode()))
    else:
        if output.suffix.lower() != ".npz":
            raise UserError(f"{output}: the name of a motion must end in .npz")
        motion = load_any(source) if arguments.joints is None else read_any_bvh(source, _joints(arguments.joints))
        save_motion(motion, output)
    sys.stdout.write(f"{output}\n")


def _export(arguments: argparse.Namespace) -> None:
    motion = load_motion(arguments.motion)
    if arguments.format == "constraints":
        write_constraints(motion, arguments.output)
    else:
        save_any(motion, arguments.output, arguments.format)
    sys.stdout.write(f"{arguments.output}\n")


def _joints(path: Path) -> dict[str, str]:
    """A map of joints in a JSON file.

    Raises:
        UserError: it is no such file.
    """
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({error})") from error
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise UserError(f"{path}: must be an object of joint names")
    return found
