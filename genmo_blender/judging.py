"""The numbers and faults of takes and of any action, as the command line has them, and repairs of single faults."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import bpy
from bpy.app.handlers import persistent
from bpy.types import Object, Scene

from ..runtime.errors import UserError
from ..runtime.fixing import EASE, fixed
from ..runtime.motion import Motion
from ..runtime.quality import Fault, faults, numbers, with_contacts
from ..runtime.request import MotionRequest
from . import changes, library_actions, takes, tracks
from .collect import frame_rate
from .core.work import Mode, Plan
from .properties import of_object

LABELS: Final = {
    "slide": "Sliding foot",
    "sink": "Under the floor",
    "jitter": "Jitter",
    "knee": "Broken knee",
    "joint": "Twisted joint",
}
"""Kind of fault -> words."""

_KEPT: Final = ("seed", "sample", "request", "key_frames", "plan", "tracks", "film")
"""What a repaired take has from the take that it was."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A motion on the timeline that was measured.

    Attributes:
        name: of the take or action.
        numbers: JSON, as `text_of` gives it.
        start: scene frame of its first frame.
        ratio: scene frames per frame of the motion.
        target: session id of the character.
        is_take: whether it is the active take of the character.
    """

    name: str
    numbers: str
    start: int
    ratio: float
    target: int
    is_take: bool

    @property
    def spans(self) -> tuple[tuple[Fault, int, int, int], ...]:
        """Each fault with its first scene frame, the one after its last, and the worst."""
        return tuple(
            (fault, self._frame(fault.start), self._frame(fault.stop - 1) + 1, self._frame(fault.worst))
            for fault in faults_of(self.numbers)
        )

    def _frame(self, frame: int) -> int:
        return self.start + round(frame * self.ratio)


_state: dict[str, Judged | None] = {"action": None}


def text_of(motion: Motion, request: MotionRequest | None = None) -> str:
    """What `genmo metrics` says of a motion, as JSON: its numbers, and its faults under "faults"."""
    ground = None if request is None else request.ground
    found = [fault.to_json() for fault in faults(motion, ground)]
    return json.dumps({**numbers(motion, request), "faults": found})


@lru_cache(maxsize=64)
def faults_of(text: str) -> tuple[Fault, ...]:
    """The faults in a text of `text_of`; none if it is damaged or older than faults."""
    try:
        return tuple(Fault(**row) for row in json.loads(text).get("faults", ())) if text else ()
    except (ValueError, TypeError, AttributeError):
        return ()


def of_take(target: Object, scene: Scene) -> Judged | None:
    """The active take of a character, None if it has none."""
    row = tracks.active(target, "takes")
    if row is None or not row.fps:
        return None
    return Judged(row.name, row.numbers, row.start, frame_rate(scene) / row.fps, target.session_uid, is_take=True)


def of_action(target: Object) -> Judged | None:
    """The action of a character that was measured last, None if none was."""
    found = _state["action"]
    return found if found is not None and found.target == target.session_uid else None


def shown(target: Object, scene: Scene) -> Judged | None:
    """What the Quality panel is about: the measured action, else the active take."""
    return of_action(target) or of_take(target, scene)


def measure_action(target: Object, scene: Scene) -> Judged:
    """Measure the action that a character has now, through its bone map; contacts are found from the feet.

    Raises:
        UserError: it has no action, or the rig cannot be read.
    """
    motion = with_contacts(library_actions.motion_of(target, scene, None))
    data: Any = target.animation_data
    start, name = round(data.action.frame_range[0]), data.action.name
    found = Judged(name, text_of(motion), start, 1.0, target.session_uid, is_take=False)
    _state["action"] = found
    changes.show()
    return found


def forget() -> None:
    """Go back to the active take."""
    _state["action"] = None
    changes.show()


def fix(target: Object, scene: Scene, number: int) -> str:
    """Repair a fault of what is shown: in a new take, which is put onto the character; its name.

    A repaired action is changed in a copy, on the frames of the fault only; a repaired take is applied whole.

    Raises:
        UserError: there is no such fault, or it cannot be repaired.
    """
    judged = shown(target, scene)
    found = faults_of(judged.numbers) if judged else ()
    if judged is None or not 0 <= number < len(found):
        raise UserError("There is no such fault: measure again")
    if judged.is_take:
        row = _fixed_take(target, found[number])
        takes.apply(target, scene, row)
    else:
        row = _fixed_action(target, scene, judged, found[number])
        takes.apply(target, scene, row)
        measure_action(target, scene)
    return row.name


def _fixed_take(target: Object, fault: Fault) -> Any:
    source = takes.find(target, -1)
    motion = takes.motion_of(source)
    if fault.stop > motion.frames:
        raise UserError("There is no such fault: measure again")
    values = {name: getattr(source, name) for name in _KEPT}
    row = takes.keep_clip(target, fixed(motion, fault), f"{source.name}, fixed", source.start)
    for name, value in values.items():
        setattr(row, name, value)
    row.numbers = text_of(takes.motion_of(row), takes.request_of(row))
    return row


def _fixed_action(target: Object, scene: Scene, judged: Judged, fault: Fault) -> Any:
    data: Any = target.animation_data
    if data is None or data.action is None or data.action.name != judged.name:
        raise UserError(f"'{target.name}' does not play '{judged.name}' any more: measure again")
    motion = library_actions.motion_of(target, scene, None)
    if fault.stop > motion.frames or judged.start != round(data.action.frame_range[0]):
        raise UserError(f"'{judged.name}' has changed: measure again")
    first, last = max(fault.start - EASE, 0), min(fault.stop + EASE, motion.frames)
    row = takes.keep_clip(target, fixed(motion, fault), f"{judged.name}, fixed", judged.start)
    row.plan = Plan(Mode.RANGE, judged.start + first, judged.start + last, merge=True).to_text()
    return row


def worst_frame(judged: Judged) -> int | None:
    """Scene frame of the worst fault, None without faults."""
    return max(((fault.severity, at) for fault, _, _, at in judged.spans), default=(0.0, None))[1]


def marks(scene: Scene, target: Object | None) -> tuple[tuple[int, int, float], ...]:
    """Ranges of scene frames to mark on the timeline, with their severities."""
    if target is None or (not len(of_object(target).takes) and of_action(target) is None):
        return ()
    judged = shown(target, scene)
    return tuple((start, stop, fault.severity) for fault, start, stop, _ in judged.spans) if judged else ()


@persistent
def on_load(*_arguments: Any) -> None:
    """Another file is about to be opened."""
    _state["action"] = None


def attach() -> None:
    """Watch the file."""
    bpy.app.handlers.load_pre.append(on_load)


def detach() -> None:
    """Forget what was measured."""
    bpy.app.handlers.load_pre.remove(on_load)
    on_load()
    faults_of.cache_clear()
