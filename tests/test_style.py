"""House rules that the linters cannot see: sizes, annotations that break bpy, words that must not be there."""

from __future__ import annotations

import ast
import tomllib

from genmo.tests.source_tree import EXTENSION, ROOT, Source, sources

FILE_LINES = 400
FUNCTION_LINES = 50
FUNCTION_LINES_P95 = 30
EXECUTE_LINES = 20

PRINTING = ("build.py", "runtime/cli.py", "tools/", "training/", "evaluation/", "tests/window/", "tests/benchmarks/")
BORDERS = (
    "runtime/worker.py",
    "runtime/backends/",
    "runtime/cli.py",
    "genmo_blender/command.py",
    "genmo_blender/job.py",
    "operators/generate.py",
    "tests/window/",
    "tests/benchmarks/",
)
"""Where one process answers for another, or for a driver: only there `except Exception` is right."""


def functions(source: Source) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """All functions and methods of a file."""
    return [node for node in ast.walk(source.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """How long a function is, decorators not counted."""
    return (node.end_lineno or node.lineno) - node.lineno + 1


def operators(source: Source) -> list[ast.ClassDef]:
    """The classes of a file that derive from bpy.types.Operator."""
    classes = [node for node in ast.walk(source.tree) if isinstance(node, ast.ClassDef)]
    return [node for node in classes if any(ast.unparse(base).endswith("Operator") for base in node.bases)]


def test_files_are_short() -> None:
    assert not {each.path: count for each in sources() if (count := each.text.count("\n")) > FILE_LINES}


def test_functions_are_short() -> None:
    lengths = {(each.path, node.name): lines(node) for each in sources() for node in functions(each)}
    assert not {place: length for place, length in lengths.items() if length > FUNCTION_LINES}
    assert sorted(lengths.values())[int(0.95 * len(lengths))] <= FUNCTION_LINES_P95


def test_every_module_says_what_it_is() -> None:
    assert not [each.path for each in sources() if each.text.strip() and not ast.get_docstring(each.tree)]


def test_errors_are_caught_by_name() -> None:
    for source in sources():
        caught = [node.type for node in ast.walk(source.tree) if isinstance(node, ast.ExceptHandler)]
        assert None not in caught, f"a bare except in {source.path}"
        broad = [node for node in caught if isinstance(node, ast.Name) and node.id in {"Exception", "BaseException"}]
        assert not broad or source.path.startswith(BORDERS), f"except Exception in {source.path}"


def test_only_command_lines_print() -> None:
    for source in sources():
        calls = [node.func for node in ast.walk(source.tree) if isinstance(node, ast.Call)]
        prints = [node for node in calls if isinstance(node, ast.Name) and node.id == "print"]
        assert not prints or source.path.startswith(PRINTING), source.path


def test_property_classes_have_real_annotations() -> None:
    """Blender evaluates them; postponed ones fail for names that are local (Blender issue 63713)."""
    for source in sources():
        defines_properties = any(module[:2] == ("bpy", "props") for module in source.imports())
        postponed = any(module[:2] == ("__future__", "annotations") for module in source.imports())
        assert not (defines_properties and postponed), source.path


def test_operators_are_named_described_and_thin() -> None:
    for source in (each for each in sources() if each.path.startswith("operators/")):
        for node in operators(source):
            assert ast.get_docstring(node), f"{node.name}: its docstring is the tooltip"
            execute = [each for each in functions(source) if each.name == "execute" and each in node.body]
            assert all(lines(each) <= EXECUTE_LINES for each in execute), f"{node.name}.execute thinks for itself"


def test_every_property_has_a_tooltip() -> None:
    nodes = [(each.path, node) for each in sources() for node in ast.walk(each.tree) if isinstance(node, ast.AnnAssign)]
    for path, node in nodes:
        name, kind = ast.unparse(node.target), ast.unparse(node.annotation).partition("(")[0].rpartition(".")[2]
        if not kind.endswith("Property") or kind in {"PointerProperty", "CollectionProperty"}:
            continue
        if name.startswith("active_") or "HIDDEN" in ast.unparse(node.annotation):
            continue  # never drawn
        assert isinstance(node.annotation, ast.Call)
        assert {"name", "description"} <= {word.arg for word in node.annotation.keywords}, f"{path}: {name}"


def test_nothing_depends_on_one_machine_and_nothing_is_left_to_do() -> None:
    # Where machines keep what is their own; the names of these folders alone are ordinary words.
    own = [f"/{folder}/" for folder in ("home", "mnt", "opt", "root", "srv", "work")] + ["/".join(("..", "shared"))]
    words = [*own, "TODO", "FIXME", "XXX", "NotImplementedError", "pytest.skip"]
    for source in sources():
        if source.path != "tests/test_style.py":
            assert not [word for word in words if word in source.text], source.path


def test_every_package_of_the_extension_is_declared() -> None:
    """`pip install .` takes the list in pyproject.toml; Blender takes whatever is there."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["packages"]
    inside = [each for each in sources() if each.module[:1] and each.module[0] in EXTENSION]
    present = {".".join(("genmo", *each.module)) for each in inside if each.is_package}
    assert set(declared) == present | {"genmo"}
    folders = {".".join(("genmo", *each.module[: None if each.is_package else -1])) for each in inside}
    assert folders <= present, "a folder with code but without __init__.py"
