"""Registers everything in one fixed order, and takes it back in reverse."""

from collections.abc import Sequence

import bpy

from . import command, generation, preferences, properties
from .ui import lists, menus, panels, results

CLASSES = (
    *properties.CLASSES,
    *preferences.CLASSES,
    *lists.CLASSES,
    *panels.CLASSES,
    *results.CLASSES,
)
"""All classes but the operators, which the layer above brings along."""


def register(operators: Sequence[type]) -> None:
    """Register classes, pointers, handlers, menu entries and the command."""
    for cls in (*CLASSES, *operators):
        bpy.utils.register_class(cls)
    properties.attach()
    generation.attach()
    menus.attach()
    command.attach()


def unregister(operators: Sequence[type]) -> None:
    """Undo `register`; a running job is cancelled and its process ended."""
    command.detach()
    menus.detach()
    generation.detach()
    properties.detach()
    for cls in reversed((*CLASSES, *operators)):
        bpy.utils.unregister_class(cls)
