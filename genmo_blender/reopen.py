"""A take's request opened again for editing: the tracks, the seed and the work mode that made it."""

from __future__ import annotations

from typing import Any

from bpy.types import Object, Scene

from ..runtime.errors import UserError
from . import snapshot, takes
from .collect import frame_rate
from .core import work
from .core.timeline import Timeline
from .core.work import Mode
from .properties import SCOPES, of_scene


def reopen(target: Object, scene: Scene, row: Any) -> list[str]:
    """Restore what a take was made from; returns the names of objects that are gone.

    Raises:
        UserError: the take does not know it, or is damaged.
    """
    request, plan, missing = takes.request_of(row), work.plan_from(row.plan), list[str]()
    if row.tracks:
        missing = snapshot.restore(target, row.tracks)
    elif request is not None:
        snapshot.restore_request(target, request, Timeline(frame_rate(scene), row.start, row.fps))
    else:
        raise UserError(f"'{row.name}' does not know what it was made from")
    options = of_scene(scene)
    options.seed = row.seed
    if request is not None:
        options.cleanup = request.sampling.cleanup
    _restore_mode(options.work, plan, request)
    return missing


def _restore_mode(settings: Any, plan: work.Plan, request: Any) -> None:
    varied = bool(plan.source)
    settings.text = plan.text
    settings.mode = Mode.VARY if varied else plan.mode
    if varied:
        settings.strength = plan.strength
    if plan.mode in (Mode.RANGE, Mode.LAYER):
        settings.source, settings.start, settings.stop = "FRAMES", plan.start, plan.stop
    if plan.mode is Mode.LAYER:
        settings.parts = {part for part, (_, joints) in SCOPES.items() if set(joints) <= set(plan.joints)}
    if plan.mode is Mode.EXTEND:
        settings.frames = plan.stop - plan.start
    if plan.mode is Mode.LOOP:
        settings.length, settings.in_place = plan.stop - plan.start - 1, request.loop == "in_place"
