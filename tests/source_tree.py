"""The project's own Python files, parsed, for the tests that read code instead of running it."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
EXTENSION: Final = ("genmo_blender", "operators", "runtime")
FOLDERS: Final = (*EXTENSION, "training", "evaluation", "tools", "tests")


@dataclass(frozen=True)
class Source:
    """One Python file.

    Attributes:
        module: dotted name below the repository, e.g. ("runtime", "motion"); a package is without its `__init__`.
        path: relative to the repository, with forward slashes.
        text: its contents.
        tree: its syntax tree.
        is_package: whether it is an `__init__.py`.
    """

    module: tuple[str, ...]
    path: str
    text: str
    tree: ast.Module
    is_package: bool

    def imports(self, *, at_load: bool = False) -> list[tuple[str, ...]]:
        """Return the modules that it imports, relative ones resolved to names below `genmo`.

        `from .x import y` gives both genmo.x and genmo.x.y, since y may be a module.

        Args:
            at_load: only the imports that run when the module is loaded, not those inside functions.
        """
        found: list[tuple[str, ...]] = []
        for node in _outside_functions(self.tree) if at_load else ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found += [tuple(alias.name.split(".")) for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                start = tuple(node.module.split(".")) if node.module else ()
                if node.level:
                    package = ("genmo", *self.module) if self.is_package else ("genmo", *self.module)[:-1]
                    start = package[: len(package) - node.level + 1] + start
                found += [start, *((*start, alias.name) for alias in node.names)]
        return found


def _outside_functions(tree: ast.AST) -> list[ast.AST]:
    """Return all nodes that run at import: everything but the insides of functions."""
    nodes: list[ast.AST] = []
    for child in ast.iter_child_nodes(tree):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            nodes += [child, *_outside_functions(child)]
    return nodes


@cache
def sources() -> list[Source]:
    """Return every Python file of the project, in the order of their paths."""
    files = [ROOT / "__init__.py", ROOT / "build.py"]
    for folder in FOLDERS:
        files += sorted((ROOT / folder).rglob("*.py"))
    found = []
    for path in files:
        relative = path.relative_to(ROOT)
        parts = relative.with_suffix("").parts
        is_package = parts[-1] == "__init__"
        text = path.read_text("utf-8")
        found.append(
            Source(parts[:-1] if is_package else parts, relative.as_posix(), text, ast.parse(text), is_package)
        )
    return found
