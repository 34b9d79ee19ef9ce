"""Types for annotations where bpy's stubs are wrong: they make methods of a context's members."""

from typing import Any

import bpy

Context = Any
"""bpy.types.Context."""

Layout = Any
"""bpy.types.UILayout; the stubs want every icon as a literal."""

Result = set[Any]
"""What an operator returns, e.g. {"FINISHED"}."""


def current_context() -> Context:
    """The context, where none is given."""
    return bpy.context
