"""Takes: finished motions that are kept in the .blend, shown as a ghost, and put onto the character.

A take holds its motion and its request as text (`core.packing`), about 35 kB for ten seconds.
"""

import json
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

from bpy.types import Action, Object, Scene

from ..runtime import loops
from ..runtime.errors import MotionError, UserError
from ..runtime.metrics import DATA_LEVELS, PROMISES
from ..runtime.motion import Motion
from ..runtime.request import MotionRequest
from . import actions, applying, bake, tracks
from .collect import Collected, frame_rate
from .core import work
from .core.output import Output
from .core.packing import pack, pack_text, unpack, unpack_text
from .core.packing_film import pack_film, unpack_film
from .properties import MAX_SEED, of_object, of_scene
from .properties_modes import MODE_ITEMS

__all__ = ["Number", "apply", "find", "free_name", "keep", "keep_clip", "key_frames", "motion_of", "numbers", "origin",
           "pack", "picture", "request_of", "title", "unpack"]  # fmt: skip


def keep(target: Object, motion: Motion, collected: Collected, index: int) -> Any:
    """Add a finished motion, sample number `index` of its request, to a character's takes; returns the row."""
    plan = work.plan_from(collected.plan)
    if plan.mode is work.Mode.POSE:
        motion = work.middle_pose(motion, plan.root, plan.heading)
    row = tracks.add(target, "takes")
    row.name = free_name(target)
    row.seed, row.sample = min(collected.request.sampling.seed, MAX_SEED), index
    row.start = collected.timeline.start
    row.frames, row.fps, row.pack = motion.frames, motion.fps, motion.pack
    # The file of a varied take goes with this Blender; the plan names the take instead.
    row.request = pack_text(json.dumps(replace(collected.request, vary=None).to_json()))
    row.plan, row.tracks = collected.plan, collected.tracks
    row.key_frames = json.dumps(collected.key_frames)
    row.data, row.film = pack(motion), pack_film(motion)
    row.numbers = _measured(row, collected.request if motion.request else None)
    return row


def keep_clip(target: Object, motion: Motion, name: str, start: int) -> Any:
    """Add a motion that nobody has asked the model for to a character's takes, from a scene frame on; the row."""
    row = tracks.add(target, "takes")
    row.name = free_name(target, name, row)
    row.start, row.frames, row.fps, row.pack = start, motion.frames, motion.fps, motion.pack
    row.key_frames = "[]"
    row.data = pack(motion)
    row.numbers = _measured(row, None)
    return row


def _measured(row: Any, request: MotionRequest | None) -> str:
    """The numbers of what is kept, so that they are those of its file."""
    from . import judging  # which itself stands on this module

    return judging.text_of(unpack(row.data, row.frames, row.fps), request)


def motion_of(row: Any) -> Motion:
    """The motion of a take.

    Raises:
        UserError: the take is damaged.
    """
    request = None if work.plan_from(row.plan).mode is work.Mode.POSE else request_of(row)
    film = unpack_film(row.film, row.frames)
    return unpack(row.data, row.frames, row.fps, request=request, pack=row.pack, **film)


def request_of(row: Any) -> MotionRequest | None:
    """What a take was made from, None if that is not known.

    Raises:
        UserError: the take is damaged.
    """
    try:
        return MotionRequest.from_json(json.loads(unpack_text(row.request))) if row.request else None
    except ValueError as error:
        raise MotionError(f"The take '{row.name}' is damaged: its request cannot be read") from error


def find(target: Object, take: int) -> Any:
    """A take by number; -1 gives the active one.

    Raises:
        UserError: there is none.
    """
    rows = of_object(target).takes
    row = tracks.active(target, "takes") if take < 0 else (rows[take] if take < len(rows) else None)
    if row is None:
        raise UserError("There is no such take" if len(rows) else "There is no take yet: press Generate")
    return row


def apply(
    target: Object,
    scene: Scene,
    row: Any,
    *,
    start: int | None = None,
    root_scale: float = 1.0,
    output: Output | None = None,
    base: Action | None = None,
    settings: Any = None,
) -> Action:
    """Put a take onto its character: as a new action, or into the action that its work mode has changed.

    An action that a mode is about to change is copied first, once, and the copy is changed: the old one is kept.

    Args:
        target: the armature.
        scene: whose frame rate counts.
        row: a take.
        start: scene frame to begin at, None for where it was made.
        root_scale: how far the character travels, 1 = as far as its legs suggest.
        output: how it is written; where the take's work mode says so, only its range and limbs are.
        base: action to change instead of the character's own, for a ghost.
        settings: with the members of `properties_apply.ApplySettings`; None takes the character's own.

    Raises:
        UserError: the take or the rig cannot be used; nothing was changed.
    """
    shift = 0 if start is None else start - row.start
    plan, motion, rate = work.plan_from(row.plan), motion_of(row), frame_rate(scene)
    first, frames = row.start + shift, [frame + shift for frame in key_frames(row)]
    settings = settings or of_object(target).apply
    made = work.planned_output(plan, output or applying.output_of(settings, target), shift)
    bone_map, cleanup = tracks.bone_map(target), of_scene(scene).cleanup
    options = applying.options_of(settings, target, bone_map, root_scale=root_scale, cleanup=cleanup)
    if plan.merge:  # the motion around it was read at this scale
        options = replace(options, root_scale=1.0)
    if plan.mode is work.Mode.LOOP:
        length = plan.stop - plan.start - 1
        motion, first, frames = work.shown_loop(motion, length, rate), first - loops.MIDDLE * length, []
    with actions.changed(target, plan.merge and made.mode == "MERGE", base):
        how: dict[str, Any] = {"options": options, "key_frames": frames, "output": made}
        action = bake.apply_motion(target, motion, bone_map, start=first, fps=rate, name=title(row), **how)
    if plan.mode is work.Mode.LOOP:
        actions.repeat(action, plan.start + shift, plan.stop + shift - 1)
    return action


def title(row: Any) -> str:
    """Name for the action of a take: its first prompt, else its own name."""
    try:
        prompts = json.loads(unpack_text(row.request)).get("prompts", []) if row.request else []
    except (ValueError, MotionError):
        prompts = []
    return prompts[0]["text"] if prompts else row.name


@lru_cache(maxsize=64)
def _made_by(plan: str) -> tuple[str, str]:
    """Icon and words of the work mode in a plan."""
    try:
        found = work.plan_from(plan)
    except MotionError:
        return "ERROR", "Damaged"
    icon, words = next((icon, label) for name, label, _, icon, _ in MODE_ITEMS if name == found.mode)
    if found.merge:
        words += f", frames {found.start} to {found.stop - 1}"
    if found.source:
        return "MOD_NOISE", f"{words}, {found.strength:.0%} from {found.source}"
    return (icon if plan else "ACTION"), words


def picture(row: Any) -> str:
    """Icon of the work mode that made a take."""
    return _made_by(row.plan)[0]


def origin(row: Any) -> str:
    """How a take was made, on one line."""
    return _made_by(row.plan)[1]


@dataclass(frozen=True, slots=True)
class Number:
    """One line of the quality read-out.

    Attributes:
        label: what is measured.
        value: with its unit.
        level: the same of recorded motion, or what was promised; for comparison.
        is_worse: whether it is worse than nine in ten recorded motions, or than promised.
    """

    label: str
    value: str
    level: str
    is_worse: bool


@lru_cache(maxsize=64)
def numbers(text: str) -> tuple[Number, ...]:
    """The quality read-out in `take.numbers`, for the panel."""
    try:
        values = json.loads(text) if text else {}
    except ValueError:
        return ()
    return tuple(_number(values[key], key, label, form) for key, label, form in _READ_OUT if key in values)


def _number(value: float, key: str, label: str, form: str) -> Number:
    median, limit = DATA_LEVELS.get(key, (None, PROMISES.get(key)))
    level = f"recorded {median:g}" if median is not None else f"at most {limit:g}"
    return Number(label, form.format(value), level, limit is not None and value > limit)


_READ_OUT: Final = (
    ("foot_skate_contact", "Foot Skate", "{:.1f} cm/s"),
    ("penetration_max", "Sinks In", "{:.1f} cm"),
    ("jitter", "Jitter", "{:.1f}"),
    ("key_position_error_mm", "Key Pose", "{:.2f} mm"),
    ("key_rotation_error_deg", "Key Turn", "{:.2f}°"),
    ("pin_error_mm", "Pin", "{:.2f} mm"),
    ("path_error_mm", "Path", "{:.2f} mm"),
)


def key_frames(row: Any) -> list[int]:
    """Scene frames of a take that carry a constraint.

    Raises:
        UserError: the take is damaged.
    """
    try:
        return [int(frame) for frame in json.loads(row.key_frames)] if row.key_frames else []
    except (TypeError, ValueError) as error:
        raise MotionError(f"The take '{row.name}' is damaged: its key frames cannot be read") from error


def free_name(target: Object, wanted: str = "", own: Any = None) -> str:
    """A name that no other take of the character has: "Take 1", or what is wanted, with a number if need be."""
    taken = {row.name for row in of_object(target).takes if row != own}
    wanted = " ".join(wanted.split())
    if wanted and wanted not in taken:
        return wanted
    number, stem = (1, "Take") if not wanted else (2, wanted)
    while f"{stem} {number}" in taken:
        number += 1
    return f"{stem} {number}"
