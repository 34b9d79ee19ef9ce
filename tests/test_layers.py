"""The walls between the layers: who may import whom (docs/architecture.md)."""

from __future__ import annotations

import sys

from genmo.tests.source_tree import EXTENSION, Source, sources

BLENDER = {
    "bpy",
    "bpy_extras",
    "bmesh",
    "mathutils",
    "gpu",
    "blf",
    "gpu_extras",
    "aud",
    "addon_utils",
    "bl_ui",
    "rna_prop_ui",
    "imbuf",
}
HEAVY = {"onnxruntime", "torch", "av"}
"""Third-party packages that only `runtime/backends` and `runtime/media` may load."""

ENGINE = {"backends", "conditioning", "engine", "media", "model", "people", "sampler", "text", "worker"}
"""Parts of the runtime that run in the worker process only: Blender's process never loads them."""

EXTENSION_SOURCES = [each for each in sources() if not each.module or each.module[0] in EXTENSION]
DEVELOPMENT_SOURCES = [each for each in sources() if each not in EXTENSION_SOURCES]


def of(layer: str, *, but: tuple[str, ...] = ()) -> list[Source]:
    """The sources below a folder, e.g. "genmo_blender/core", except those below some others."""
    return [each for each in sources() if each.path.startswith(f"{layer}/") and not each.path.startswith(but or "//")]


def outside(source: Source) -> set[str]:
    """The third-party packages that a source names."""
    names = {module[0] for module in source.imports() if module}
    return names - set(sys.stdlib_module_names) - {"genmo"}


def layers(source: Source) -> set[str]:
    """The top folders of the repository that a source imports from, "genmo" removed."""
    return {module[1] for module in source.imports() if len(module) > 1 and module[0] == "genmo"}


def test_the_runtime_knows_neither_blender_nor_anything_above_itself() -> None:
    for source in of("runtime"):
        assert layers(source) <= {"runtime"}, source.path
        backend = source.module[1:2] in {("backends",), ("media",), ("model",)}
        assert outside(source) <= {"numpy"} | (HEAVY if backend else set()), source.path


def test_the_core_is_pure() -> None:
    for source in of("genmo_blender/core"):
        assert outside(source) <= {"numpy"}, source.path
        assert layers(source) <= {"genmo_blender", "runtime"}, source.path
        glue = [module for module in source.imports() if module[:2] == ("genmo", "genmo_blender")]
        assert {module[2] for module in glue if len(module) > 2} <= {"core"}, f"{source.path} imports the glue"


def test_the_glue_does_not_import_operators() -> None:
    for source in of("genmo_blender", but=("genmo_blender/core/",)):
        assert outside(source) <= BLENDER | {"numpy"}, source.path
        assert layers(source) <= {"genmo_blender", "runtime"}, source.path


def test_operators_stand_on_the_glue() -> None:
    for source in of("operators"):
        assert outside(source) <= BLENDER | {"numpy"}, source.path
        assert layers(source) <= {"operators", "genmo_blender", "runtime"}, source.path


def test_blender_never_loads_the_engine() -> None:
    """Followed through the runtime: what a data module imports when it is loaded counts too."""
    by_module = {each.module: each for each in sources()}
    starts = of("genmo_blender") + of("operators")
    waiting, seen = list(starts), set()
    while waiting:
        current = waiting.pop()
        for module in current.imports(at_load=current not in starts):
            if module[:2] == ("genmo", "runtime") and module not in seen:
                assert not set(module[2:3]) & ENGINE, f"{current.path} imports {'.'.join(module)}"
                seen.add(module)
                waiting += [by_module[module[1:]]] if module[1:] in by_module else []


def test_imports_inside_the_extension_are_relative() -> None:
    """Blender imports the add-on as bl_ext.REPOSITORY.genmo: there is no module `genmo` then."""
    for source in EXTENSION_SOURCES:
        absolute = [
            line for line in source.text.splitlines() if line.lstrip().startswith(("import genmo", "from genmo"))
        ]
        assert not absolute, source.path


def test_development_code_has_one_name_for_each_module() -> None:
    """`import runtime` would load a second copy of every class."""
    for source in DEVELOPMENT_SOURCES:
        assert not {module[0] for module in source.imports() if module} & set(EXTENSION), source.path
        if source.module[0] in {"training", "evaluation"}:
            assert not layers(source) & {"genmo_blender", "operators", "tests"}, source.path
            assert not outside(source) & BLENDER, source.path


def test_evaluation_stands_on_training_and_training_on_the_runtime() -> None:
    assert of("evaluation")
    for source in of("evaluation"):
        assert layers(source) <= {"evaluation", "training", "runtime"}, source.path
    for source in of("training"):
        assert "evaluation" not in layers(source), source.path


def test_the_entry_point_imports_nothing_of_blender_at_load() -> None:
    (entry,) = [each for each in sources() if each.path == "__init__.py"]
    assert not {module[0] for module in entry.imports(at_load=True)} & (BLENDER | {"genmo"})
