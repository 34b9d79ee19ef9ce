"""Everything that a .blend keeps, as plain values: to compare the file before and after."""

from __future__ import annotations

from typing import Any, Final

import bpy
import numpy as np

_KINDS: Final = (
    "actions", "armatures", "cameras", "collections", "curves", "materials", "movieclips", "objects",
    "scenes", "sounds", "texts", "worlds",
)  # fmt: skip
_SKIPPED: Final = frozenset({
    "rna_type", "original", "bl_rna", "session_uid", "is_updated", "is_updated_data", "is_evaluated", "users", "tag",
    "depsgraph", "statistics", "id_data", "preview", "animation_visualization", "view_layers", "display", "cycles",
    "is_runtime_data", "name_full", "tool_settings", "use_nodes", "node_tree", "eevee", "display_settings",
    "vertices", "edges", "polygons", "loops", "attributes", "loop_triangles", "loop_triangle_polygons",
    "corner_normals", "vertex_normals", "polygon_normals", "vertex_groups", "uv_layers", "color_attributes",
    "skin_vertices", "texspace_location", "texspace_size",
})  # fmt: skip
_DERIVED: Final = frozenset({"matrix_world", "matrix_channel", "matrix", "head", "tail", "length", "bound_box"})
"""Computed by the dependency graph, or the same in other words."""


def dump() -> dict[str, Any]:
    """Path of a property -> its value, for all data-blocks that the add-on may touch."""
    bpy.context.view_layer.update()
    found: dict[str, Any] = {}
    for mesh in bpy.data.meshes:
        found[f"meshes[{mesh.name}]"] = len(mesh.vertices), len(mesh.polygons)
    for kind in _KINDS:
        for block in getattr(bpy.data, kind):
            _walk(block, f"{kind}[{block.name}]", found, set())
    return found


def _walk(owner: Any, path: str, found: dict[str, Any], seen: set[int]) -> None:
    found[path] = type(owner).__name__
    if isinstance(owner, bpy.types.FCurve):
        found[path] = owner.data_path, owner.array_index, owner.mute, _keys(owner)
        return
    for each in owner.bl_rna.properties:
        name = each.identifier
        if name in _SKIPPED or name in _DERIVED:
            continue
        value = getattr(owner, name)
        place = f"{path}.{name}"
        if each.type == "COLLECTION":
            for index, member in enumerate(value):
                _visit(member, f"{place}[{index}]", found, seen)
        elif each.type == "POINTER":
            _visit(value, place, found, seen)
        elif getattr(each, "is_array", False):
            found[place] = _flat(value)
        else:
            found[place] = frozenset(value) if isinstance(value, set) else value


def _keys(curve: bpy.types.FCurve) -> tuple[bytes, ...]:
    """The keys of a curve, to the bit."""
    points = curve.keyframe_points
    found = [np.empty(len(points) * size, kind) for size, kind in ((2, np.float32), (1, np.int32))]
    for name, values in zip(("co", "interpolation"), found, strict=True):
        points.foreach_get(name, values)
    return tuple(values.tobytes() for values in found)


def _visit(value: Any, path: str, found: dict[str, Any], seen: set[int]) -> None:
    """Another data-block by name; what belongs to this one in full, once."""
    if value is None or isinstance(value, bpy.types.ID):
        found[path] = value.name if value else None
    elif value.as_pointer() not in seen:
        seen.add(value.as_pointer())
        _walk(value, path, found, seen)


def _flat(value: Any) -> Any:
    """Nested arrays as tuples of rounded numbers."""
    return tuple(_flat(each) if hasattr(each, "__len__") else each for each in value)


def difference(first: dict[str, Any], second: dict[str, Any]) -> list[str]:
    """Places at which two dumps differ, with both values."""
    missing = object()
    places = sorted(set(first) | set(second))
    return [
        f"{place}: {str(first.get(place, '-'))[:60]} -> {str(second.get(place, '-'))[:60]}"
        for place in places
        if first.get(place, missing) != second.get(place, missing)
    ]
