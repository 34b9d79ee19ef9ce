"""GENMO for Blender: the extension's entry point.

Blender calls `register()` and `unregister()`; everything that needs bpy is imported inside them, so that
`import genmo.runtime` works on a machine without Blender.
"""


def register() -> None:
    """Switch the extension on."""
    from . import operators
    from .genmo_blender import registration

    registration.register(operators.CLASSES)


def unregister() -> None:
    """Switch the extension off; a running job is cancelled and its process ended."""
    from . import operators
    from .genmo_blender import registration

    registration.unregister(operators.CLASSES)
