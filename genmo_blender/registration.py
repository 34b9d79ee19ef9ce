"""Registers everything in one fixed order, and takes it back in reverse."""

from collections.abc import Sequence

import bpy

from . import (
    command,
    constraint_overlay,
    fault_marks,
    generation,
    judging,
    keymaps,
    keypoint_overlay,
    library,
    overrides,
    preferences,
    properties,
    tasks,
    timeline_overlay,
)
from .ui import apply, constraints, lists, media, menus, panels, results, timeline, videos, viewport
from .ui import library as library_panel
from .ui import quality as quality_panel

CLASSES = (
    *properties.CLASSES,
    *preferences.CLASSES,
    *lists.CLASSES,
    *panels.CLASSES,
    *constraints.CLASSES,
    *videos.CLASSES,
    *media.CLASSES,
    *timeline.CLASSES,
    *viewport.CLASSES,
    *results.CLASSES,
    *apply.CLASSES,
    *quality_panel.CLASSES,
    *library_panel.CLASSES,
)
"""All classes but the operators, which the layer above brings along."""


def register(operators: Sequence[type]) -> None:
    """Register classes, pointers, handlers, menu entries and the command."""
    overrides.make_overridable(properties.CLASSES)
    for cls in (*CLASSES, *operators):
        bpy.utils.register_class(cls)
    properties.attach()
    overrides.attach()
    generation.attach()
    tasks.attach()
    library.attach()
    judging.attach()
    menus.attach()
    timeline.attach()
    viewport.attach()
    timeline_overlay.attach()
    fault_marks.attach()
    keymaps.attach()
    constraint_overlay.attach()
    keypoint_overlay.attach()
    command.attach()


def unregister(operators: Sequence[type]) -> None:
    """Undo `register`; a running job is cancelled and its process ended."""
    command.detach()
    keypoint_overlay.detach()
    constraint_overlay.detach()
    keymaps.detach()
    fault_marks.detach()
    timeline_overlay.detach()
    viewport.detach()
    timeline.detach()
    menus.detach()
    judging.detach()
    library.detach()
    tasks.detach()
    generation.detach()
    overrides.detach()
    properties.detach()
    for cls in reversed((*CLASSES, *operators)):
        bpy.utils.unregister_class(cls)
