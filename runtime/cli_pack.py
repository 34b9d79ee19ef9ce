"""The verb `genmo pack ...`: making packs of other models, for which a copy of the repository is needed."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable
from typing import Any, Final

from .errors import UserError

_TOOL: Final = "genmo.tools.pack_command"
"""Not a part of the extension: it needs torch and onnx."""


def add_verbs(verbs: Any, add_verb: Callable[..., argparse.ArgumentParser]) -> None:
    """Add `pack`, whose own words are read by the tool."""
    parser = add_verb(verbs, "pack", _pack, "make a model pack of a published checkpoint (needs the repository)")
    parser.add_argument("words", metavar="import-gem | add-text ...", nargs=argparse.REMAINDER)


def _pack(arguments: argparse.Namespace) -> None:
    try:
        tool = importlib.import_module(_TOOL)
    except ImportError as error:
        raise UserError(
            f"Making packs needs a copy of the repository with torch and onnx ({error}): see docs/gem.md"
        ) from error
    tool.run(arguments.words)
