"""The work modes of the timeline: from the scene and a mode's settings to a request and a plan for its result.

Every function returns what `generation.begin_with` runs. Frames are scene frames, ranges half-open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from bpy.types import Object, Scene
from numpy.typing import NDArray

from ..runtime import rotation
from ..runtime.errors import UserError
from ..runtime.modes import Vary
from ..runtime.request import MotionRequest, Prompt
from ..runtime.skeleton import JOINT_NAMES
from ..runtime.validation import raise_errors
from . import armature, checks, collect, generation, packs, snapshot, takes, tracks
from .collect import Collected
from .collect_media import motion_file
from .core import work
from .core.timeline import Timeline
from .core.work import Mode, Plan
from .properties import SCOPES, of_object, of_scene
from .sampling import Sampler

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Settings:
    """What a mode works on; each mode reads its own part.

    Attributes:
        source: "PROMPT", "PREVIEW" or "FRAMES": where a range comes from.
        start: first frame of the range.
        stop: frame after it.
        text: prompt of the mode's own, "" for those of the tracks.
        frames: by how much to extend.
        side: "AFTER" or "BEFORE" the action.
        length: scene frames of one round of a loop, 0 for what the tracks cover.
        in_place: whether the loop stays on the spot.
        parts: keys of `properties.SCOPES` that are made anew.
        take: take to vary, -1 for the active one.
        strength: how much it changes.
    """

    source: str = "PROMPT"
    start: int = 1
    stop: int = 61
    text: str = ""
    frames: int = 60
    side: str = "AFTER"
    length: int = 0
    in_place: bool = False
    parts: frozenset[str] = field(default_factory=lambda: frozenset({"LEFT_ARM", "RIGHT_ARM"}))
    take: int = -1
    strength: float = 0.5


def collected(mode: Mode, target: Object, scene: Scene, settings: Settings) -> Collected:
    """What a mode asks for.

    Raises:
        UserError: the mode cannot work on this character now; one sentence.
    """
    collect.require_bones(target)
    found = _MODES[mode](target, scene, settings)
    return replace(found, tracks=snapshot.of(target))


def begin(mode: Mode, target: Object, scene: Scene, settings: Settings) -> None:
    """Start what a mode asks for; returns at once.

    Raises:
        UserError: something is wrong with the rig, the mode or the pack, or another job is running.
    """
    if mode is Mode.NEW:
        generation.begin(target, scene)
        return
    if generation.running() is not None:
        raise UserError("A motion is being generated already: wait for it or cancel it")
    if wrong := checks.rig_error(target):
        raise UserError(wrong)
    found = collected(mode, target, scene, settings)
    raise_errors(found.request, packs.info_of(scene))
    generation.begin_with(target, scene, found, packs.folder_of(scene))


def settings_of(scene: Scene) -> Settings:
    """The settings in the Generate panel."""
    row = of_scene(scene).work
    names = ("source", "start", "stop", "text", "frames", "side", "length", "in_place", "strength")
    return Settings(**{name: getattr(row, name) for name in names}, parts=frozenset(row.parts))


def replaced(settings: Settings, given: Mapping[str, Any]) -> Settings:
    """Settings with those that are given in place of the panel's."""
    return replace(settings, **given)


def range_of(target: Object, scene: Scene, settings: Settings) -> tuple[int, int]:
    """The range that the settings mean.

    Raises:
        UserError: there is none.
    """
    if settings.source == "FRAMES":
        start, stop = settings.start, settings.stop
    elif settings.source == "PREVIEW":
        if not scene.use_preview_range:
            raise UserError("Set a preview range first (P in the Timeline), or choose another range")
        start, stop = scene.frame_preview_start, scene.frame_preview_end + 1
    else:
        prompt = tracks.active(target, "prompts")
        if prompt is None:
            raise UserError("Add a prompt over the range first, or choose another range")
        start, stop = prompt.start, prompt.stop
    if stop <= start:
        raise UserError(f"The range must end after its start, frame {start}")
    return start, stop


def action_range(target: Object) -> tuple[int, int]:
    """The frames that the character's action covers.

    Raises:
        UserError: it has none.
    """
    data = target.animation_data
    if data is None or data.action is None:
        raise UserError(f"'{target.name}' has no action to change yet: generate a new motion first")
    first, last = data.action.frame_range
    return round(first), round(last) + 1


def _new(target: Object, scene: Scene, settings: Settings) -> Collected:
    return collect.collect(target, scene)


def _between(target: Object, scene: Scene, settings: Settings) -> Collected:
    everything = collect.collect(target, scene)
    keys = sorted(_key_frames(everything))
    if len(keys) < 2:
        raise UserError("Mark at least two key poses to fill the time between them")
    start, stop = keys[0], keys[-1] + 1
    found = collect.collect(target, scene, window=(start, stop))
    plan = Plan(Mode.BETWEEN, start, stop, merge=True, text=settings.text)
    return _planned(found, _own_prompt(found, settings.text, start, stop), plan)


def _key_frames(found: Collected) -> set[int]:
    return {found.timeline.nearest_scene_frame(key.frame) for key in found.request.keyframes}


def _range(target: Object, scene: Scene, settings: Settings) -> Collected:
    start, stop = range_of(target, scene, settings)
    first, last = action_range(target)
    if start >= last or stop <= first:
        raise UserError(f"The action has nothing on frames {start} to {stop - 1}: use Extend there")
    start, stop = max(start, first), min(stop, last)
    return _anew(target, scene, Plan(Mode.RANGE, start, stop, merge=True, text=settings.text))


def _extend(target: Object, scene: Scene, settings: Settings) -> Collected:
    first, last = action_range(target)
    start, stop = (last, last + settings.frames) if settings.side == "AFTER" else (first - settings.frames, first)
    return _anew(target, scene, Plan(Mode.EXTEND, start, stop, merge=True, text=settings.text))


def _anew(target: Object, scene: Scene, plan: Plan) -> Collected:
    """A range, with the motion around it as context."""
    found = _with_context(target, scene, plan.start, plan.stop)
    times = _times(found)
    before, after = work.kept(times, plan.start, plan.stop)
    if not (before | after).any():
        raise UserError("The range is the whole action: generate a new motion instead")
    roots, rotations = _poses(target, scene, times, before | after)
    held = work.stretches(before | after, roots, rotations)
    request = replace(_own_prompt(found, plan.text, plan.start, plan.stop), held=held)
    return _planned(found, _sampled(request), plan)


def _with_context(target: Object, scene: Scene, start: int, stop: int) -> Collected:
    rates = collect.frame_rate(scene), Timeline(1.0).model_fps
    return collect.collect(target, scene, window=work.window(start, stop, *action_range(target), *rates))


def _layer(target: Object, scene: Scene, settings: Settings) -> Collected:
    if not settings.parts or settings.parts >= set(SCOPES):
        raise UserError("Choose the parts of the body to make anew, not all of them")
    first, last = action_range(target)
    start, stop = range_of(target, scene, settings)
    start, stop = max(start, first), min(stop, last)
    if start >= stop:
        raise UserError(f"The action has nothing on these frames: it goes from {first} to {last - 1}")
    made = tuple(joint for joint in JOINT_NAMES if any(joint in SCOPES[part][1] for part in settings.parts))
    stays = tuple(joint for joint in JOINT_NAMES if joint not in made)
    found = _with_context(target, scene, start, stop)
    times = _times(found)
    before, after = work.kept(times, start, stop)
    roots, rotations = _poses(target, scene, times, np.ones(len(times), dtype=bool))
    held = work.stretches(before | after, roots, rotations)
    held += work.stretches(~(before | after), roots, rotations, stays)
    request = replace(_own_prompt(found, settings.text, start, stop), held=held)
    plan = Plan(Mode.LAYER, start, stop, made, merge=True, text=settings.text)
    return _planned(found, _sampled(request), plan)


def _loop(target: Object, scene: Scene, settings: Settings) -> Collected:
    start, stop = collect.frame_range(target, scene)
    length = settings.length or stop - start
    found = collect.collect(target, scene, window=(start, start + length))
    request = _own_prompt(found, settings.text, start, start + length)
    period = found.timeline.model_count(length)
    prompts = tuple(replace(prompt, stop=min(prompt.stop, period)) for prompt in request.prompts)
    loop: Any = "in_place" if settings.in_place else "moving"
    request = replace(request, frames=period + 1, loop=loop, prompts=prompts)
    if settings.in_place:
        request = replace(request, keyframes=tuple(replace(key, root_position=None) for key in request.keyframes))
    return _planned(found, request, Plan(Mode.LOOP, start, start + length + 1, text=settings.text))


def _pose(target: Object, scene: Scene, settings: Settings) -> Collected:
    frame = scene.frame_current
    shown = [row for row in of_object(target).prompts if row.start <= frame < row.stop and not row.mute]
    active = tracks.active(target, "prompts")
    text = settings.text or (shown[-1].text if shown else active.text if active else "")
    if not text.strip():
        raise UserError("Say in a prompt what the pose should show")
    now = armature.read_pose(target, tracks.bone_map(target))
    x, y, z = (float(value) for value in now.root_position)
    plan = Plan(Mode.POSE, frame, frame + 1, merge=True, root=(x, y, z), text=settings.text)
    plan = replace(plan, heading=float(rotation.heading(now.rotations[0])))
    timeline = Timeline(collect.frame_rate(scene), frame)
    request = MotionRequest(
        frames=work.POSE_FRAMES,
        fps=timeline.model_fps,
        prompts=(Prompt(text, 0, work.POSE_FRAMES),),
        sampling=collect.sampling(scene),
    )
    return Collected(request, timeline, (frame,), plan=plan.to_text())


def _vary(target: Object, scene: Scene, settings: Settings) -> Collected:
    row = takes.find(target, settings.take)
    old = work.plan_from(row.plan)
    if old.mode is Mode.POSE:
        raise UserError(f"'{row.name}' is a single pose: generate another one instead")
    request = takes.request_of(row)
    if request is None:
        raise UserError(f"'{row.name}' does not know what it was made from, so it cannot be varied")
    vary = Vary(str(motion_file(row.data, row.frames, row.fps)), settings.strength)
    request = replace(request, vary=vary, sampling=collect.sampling(scene))
    timeline = Timeline(collect.frame_rate(scene), row.start, row.fps)
    plan = replace(old, source=row.name, strength=settings.strength)
    return Collected(request, timeline, tuple(takes.key_frames(row)), plan=plan.to_text())


def _planned(found: Collected, request: MotionRequest, plan: Plan) -> Collected:
    return replace(found, request=work.within(request), plan=plan.to_text())


def _own_prompt(found: Collected, text: str, start: int, stop: int) -> MotionRequest:
    """The request with a prompt of the mode's own in place of those of the tracks on a range."""
    if not text.strip():
        return found.request
    own = Prompt(text, *found.timeline.model_range(start, stop))
    others = tuple(part for prompt in found.request.prompts for part in _beside(prompt, own))
    return replace(found.request, prompts=(*others, own))


def _beside(prompt: Prompt, own: Prompt) -> Sequence[Prompt]:
    parts = (replace(prompt, stop=min(prompt.stop, own.start)), replace(prompt, start=max(prompt.start, own.stop)))
    return [part for part in parts if part.stop > part.start]


def _sampled(request: MotionRequest) -> MotionRequest:
    """A change of a motion is drawn by its seed, or pressing the button again would change nothing."""
    return replace(request, sampling=replace(request.sampling, mode="generate"))


def _times(found: Collected) -> Array:
    """Scene frame (T,) at which each model frame of the request is shown."""
    shown = found.timeline.sample_times(found.request.frames, found.key_frames)
    rows = found.timeline.start + np.arange(len(shown))
    times = np.interp(np.arange(found.request.frames), shown, rows)
    # Beyond the last scene frame the clock goes on.
    beyond = np.arange(found.request.frames) > shown[-1]
    ratio = found.timeline.scene_fps / found.timeline.model_fps
    times[beyond] = rows[-1] + (np.arange(found.request.frames)[beyond] - shown[-1]) * ratio
    return times


def _poses(target: Object, scene: Scene, times: Array, wanted: NDArray[np.bool_]) -> tuple[Array, Array]:
    """Pelvis positions (T, 3) and local rotations (T, 22, 4) of the shown motion; only the wanted frames are read."""
    roots, rotations = np.zeros((len(times), 3)), rotation.identity(len(times), len(JOINT_NAMES))
    frames = np.flatnonzero(wanted)
    with Sampler(scene) as sampler:
        for frame, pose in zip(frames, _read(sampler, target, times[frames]), strict=True):
            roots[frame], rotations[frame] = pose.root_position, pose.rotations
    return roots, rotations


def _read(sampler: Sampler, target: Object, times: Array) -> list[Any]:
    return sampler.poses(target, tracks.bone_map(target), times.tolist(), None) if len(times) else []


_MODES = {
    Mode.NEW: _new,
    Mode.BETWEEN: _between,
    Mode.RANGE: _range,
    Mode.EXTEND: _extend,
    Mode.LOOP: _loop,
    Mode.POSE: _pose,
    Mode.LAYER: _layer,
    Mode.VARY: _vary,
}
