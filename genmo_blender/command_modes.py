"""The work modes on the command line: `blender -b FILE --command genmo generate --armature NAME --mode ...`."""

import argparse
from typing import Any, Final

from bpy.types import Object, Scene

from ..runtime.errors import UserError
from . import modes
from .collect import Collected
from .core.work import Mode
from .properties import SCOPES

NAMES: Final = {
    "new": Mode.NEW,
    "in-between": Mode.BETWEEN,
    "range": Mode.RANGE,
    "extend": Mode.EXTEND,
    "loop": Mode.LOOP,
    "pose": Mode.POSE,
    "layer": Mode.LAYER,
    "vary": Mode.VARY,
}
"""Word of the command line -> work mode."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the mode and its settings; what is left out is as the scene has it."""
    parser.add_argument("--mode", choices=tuple(NAMES), default="new", help="work mode (default: new)")
    group = parser.add_argument_group("settings of the modes; what is left out is as the scene has it")
    group.add_argument("--prompt", metavar="TEXT", help="what to do there, instead of the prompts of the tracks")
    group.add_argument("--start", metavar="FRAME", type=int, help="range, layer: first frame to make anew")
    group.add_argument("--stop", metavar="FRAME", type=int, help="range, layer: frame after the last")
    group.add_argument("--frames", metavar="N", type=int, help="extend: how many frames; loop: how long one round is")
    group.add_argument("--before", action="store_true", help="extend: lead up to the action instead of going on")
    group.add_argument("--in-place", action="store_true", help="loop: stay on the spot")
    parts = ", ".join(part.lower() for part in SCOPES)
    group.add_argument("--parts", metavar="PART", nargs="+", help=f"layer: what to make anew, of {parts}")
    group.add_argument("--take", metavar="N", type=int, help="vary: number of the take, from 0 on")
    group.add_argument("--strength", metavar="S", type=float, help="vary: 0 the same motion .. 1 another one")
    group.add_argument("--frame", metavar="FRAME", type=int, help="pose: where to key it, instead of the playhead")


def collected(target: Object, scene: Scene, arguments: argparse.Namespace) -> Collected:
    """What the mode of the command line asks for.

    Raises:
        UserError: a setting makes no sense, or the mode cannot work on this scene.
    """
    if arguments.frame is not None:
        scene.frame_set(arguments.frame)
    settings = modes.settings_of(scene)
    changes: dict[str, Any] = {"text": arguments.prompt, "take": arguments.take, "strength": arguments.strength}
    if (arguments.start is None) != (arguments.stop is None):
        raise UserError("--start and --stop belong together")
    if arguments.start is not None:
        changes |= {"source": "FRAMES", "start": arguments.start, "stop": arguments.stop}
    if arguments.frames is not None:
        if arguments.frames < 1:
            raise UserError(f"--frames must be at least 1, not {arguments.frames}")
        changes |= {"frames": arguments.frames, "length": arguments.frames}
    if arguments.strength is not None and not 0.0 <= arguments.strength <= 1.0:
        raise UserError(f"--strength must be from 0 to 1, not {arguments.strength:g}")
    changes |= {"side": "BEFORE" if arguments.before else None, "in_place": arguments.in_place or None}
    changes["parts"] = _parts(arguments.parts) if arguments.parts else None
    given = {name: value for name, value in changes.items() if value is not None}
    return modes.collected(NAMES[arguments.mode], target, scene, modes.replaced(settings, given))


def _parts(names: list[str]) -> frozenset[str]:
    parts = frozenset(name.upper().replace("-", "_") for name in names)
    if wrong := sorted(parts - set(SCOPES)):
        known = ", ".join(part.lower() for part in SCOPES)
        raise UserError(f"--parts: there is no {wrong[0].lower()!r}, there are {known}")
    return parts
