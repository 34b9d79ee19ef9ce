"""The only reader of a character's tracks: `Object.genmo` and `Scene.genmo` -> MotionRequest."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from bpy.types import Object, Scene
from numpy.typing import NDArray

from ..runtime.errors import UserError
from ..runtime.request import MotionRequest, Prompt, Sampling
from . import armature, collect_constraints, collect_media, grounds, tracks
from .collect_constraints import Place
from .collect_media import heard, span
from .core.timeline import Timeline
from .properties import QUALITY_STEPS, of_object, of_scene
from .sampling import Sampler

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Collected:
    """A request and where it lies on the scene's timeline.

    Attributes:
        request: in model space and model frames.
        timeline: scene frames <-> model frames.
        key_frames: scene frames that carry a constraint, rising.
        rows: list of the request -> number of the track's row that each of its members was made of.
        plan: how the result is put onto the character (`core.work.Plan`), "" for a new action.
        tracks: what the tracks held (`snapshot`), "" where the request does not come from them.
    """

    request: MotionRequest
    timeline: Timeline
    key_frames: tuple[int, ...]
    rows: dict[str, tuple[int, ...]] = field(default_factory=dict)
    plan: str = ""
    tracks: str = ""


def request_from(target: Object, scene: Scene) -> MotionRequest:
    """What a character's tracks ask for.

    Raises:
        UserError: the rig or a curve cannot be read.
    """
    return collect(target, scene).request


def collect(
    target: Object, scene: Scene, *, exact: bool = True, window: tuple[int, int] | None = None
) -> Collected:
    """A character's request and its place on the timeline.

    Args:
        target: the armature.
        scene: whose timeline counts.
        exact: look at every frame of what the character follows, as generating needs; else quickly, for a check.
        window: scene frames to make, half-open; None for all that the tracks cover.

    Raises:
        UserError: the rig or a curve cannot be read.
    """
    character = of_object(target)
    start, stop = window or frame_range(target, scene)
    timeline = Timeline(frame_rate(scene), start)
    constrained = set(collect_constraints.constrained_frames(target, timeline.scene_fps))
    key_frames = tuple(sorted(frame for frame in constrained if window is None or start <= frame < stop))
    frames = max(timeline.model_count(stop - start), *(timeline.model_frame(frame) + 1 for frame in key_frames), 1)
    with Sampler(scene, exact=exact) as sampler:
        place = Place(_world(target), timeline, timeline.sample_times(frames, key_frames), sampler)
        keyframes, key_rows = collect_constraints.keyframes(target, place, exact=exact)
        pins, pin_rows = collect_constraints.pins(target, place)
        path, path_rows = collect_constraints.path(target, place)
        videos = collect_media.videos(character, timeline, scene, sampler)
    request = MotionRequest(
        frames=frames,
        fps=timeline.model_fps,
        prompts=tuple(Prompt(row.text, *span(timeline, row.start, row.stop)) for _, row in heard(character.prompts)),
        keyframes=keyframes,
        pins=pins,
        path=path,
        videos=videos,
        music=collect_media.music(character, timeline),
        reference=collect_media.references(character, timeline),
        sampling=sampling(scene),
    )
    if exact:
        request = replace(request, ground=grounds.ground_of(target, place.world, request))
    rows = {"keyframes": key_rows, "pins": pin_rows, "path": path_rows}
    return Collected(request, timeline, key_frames, collect_media.row_numbers(character) | rows)


def frame_rate(scene: Scene) -> float:
    """Frames per second of a scene."""
    return scene.render.fps / scene.render.fps_base


def frame_range(target: Object, scene: Scene) -> tuple[int, int]:
    """Scene frames that the tracks cover, half-open; without any the frame range of the scene."""
    spans = list(_spans(target, scene))
    if not spans:
        return scene.frame_start, scene.frame_end + 1
    start = min(span[0] for span in spans)
    return start, max(start + 1, *(span[1] for span in spans))


def _spans(target: Object, scene: Scene) -> Iterator[tuple[int, int]]:
    character = of_object(target)
    for rows in (character.prompts, character.videos, character.music, character.references):
        yield from ((row.start, row.stop) for _, row in heard(rows))
    yield from collect_constraints.spans(target, frame_rate(scene))


def _world(target: Object) -> Array:
    return np.asarray(armature.world_from_model(target, tracks.bone_map(target)))


def sampling(scene: Scene) -> Sampling:
    """How the scene's options want to sample."""
    options = of_scene(scene)
    steps = QUALITY_STEPS.get(options.quality, options.steps)
    return Sampling(seed=options.seed, samples=options.samples, steps=steps, cleanup=options.cleanup)


def require_bones(target: Object) -> None:
    """Refuse an armature without a bone map.

    Raises:
        UserError: nothing is mapped.
    """
    if not tracks.bone_map(target):
        raise UserError(f"The bones of '{target.name}' are not mapped: press Map Bones")
