"""The only reader of a character's tracks: `Object.genmo` and `Scene.genmo` -> MotionRequest."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from bpy.types import Object, Scene
from mathutils import Vector
from numpy.typing import NDArray

from ..runtime.errors import UserError
from ..runtime.request import Keyframe, MotionRequest, Path, Pin, Prompt, Sampling
from ..runtime.skeleton import INDEX, JOINT_NAMES
from . import armature, curves, tracks
from .core import coordinates
from .core.timeline import Timeline
from .properties import QUALITY_STEPS, SCOPES, of_object, of_scene

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Collected:
    """A request and where it lies on the scene's timeline.

    Attributes:
        request: in model space and model frames.
        timeline: scene frames <-> model frames.
        key_frames: scene frames that carry a constraint, rising.
    """

    request: MotionRequest
    timeline: Timeline
    key_frames: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the character's model space lies in the world and on the timeline."""

    world: Array
    timeline: Timeline

    def point(self, world_point: Any) -> Array:
        """Model point of a world point (3,)."""
        return coordinates.points_model_from_world(self.world, world_point)


@dataclass(slots=True)
class _Way:
    """Points of a path, as they come: model frame -> (x, z), heading where one is set."""

    points: dict[int, tuple[float, float]] = field(default_factory=dict)
    headings: dict[int, float] = field(default_factory=dict)
    along: set[int] = field(default_factory=set)


def request_from(target: Object, scene: Scene) -> MotionRequest:
    """What a character's tracks ask for.

    Raises:
        UserError: the rig or a curve cannot be read.
    """
    return collect(target, scene).request


def collect(target: Object, scene: Scene) -> Collected:
    """A character's request and its place on the timeline.

    Raises:
        UserError: the rig or a curve cannot be read.
    """
    character = of_object(target)
    start, stop = frame_range(target, scene)
    timeline = Timeline(frame_rate(scene), start)
    place = _Place(_world(target), timeline)
    key_frames = tuple(sorted(set(_constrained_frames(character))))
    last_key = max((timeline.model_frame(frame) for frame in key_frames), default=0)
    request = MotionRequest(
        frames=max(timeline.model_count(stop - start), last_key + 1),
        fps=timeline.model_fps,
        prompts=tuple(Prompt(row.text, *_span(timeline, row.start, row.stop)) for row in character.prompts),
        keyframes=tuple(_keyframe(row, timeline) for row in character.key_poses),
        pins=tuple(_pin(row, place) for row in character.pins),
        path=_path(character.paths, place),
        sampling=_sampling(of_scene(scene)),
    )
    return Collected(request, timeline, key_frames)


def frame_rate(scene: Scene) -> float:
    """Frames per second of a scene."""
    return scene.render.fps / scene.render.fps_base


def frame_range(target: Object, scene: Scene) -> tuple[int, int]:
    """Scene frames that the tracks cover, half-open; without any the frame range of the scene."""
    spans = list(_spans(of_object(target)))
    if not spans:
        return scene.frame_start, scene.frame_end + 1
    start = min(span[0] for span in spans)
    return start, max(start + 1, *(span[1] for span in spans))


def _spans(character: Any) -> Iterator[tuple[int, int]]:
    for row in (*character.prompts, *character.pins):
        yield row.start, row.stop
    for row in character.key_poses:
        yield row.frame, row.frame + 1
    for path in character.paths:
        if path.kind == "CURVE" and path.curve:
            yield path.start, path.stop
        elif path.kind == "WAYPOINTS":
            yield from ((row.frame, row.frame + 1) for row in path.waypoints)


def _constrained_frames(character: Any) -> Iterator[int]:
    """Scene frames that have to fall on whole model frames."""
    yield from (row.frame for row in character.key_poses)
    yield from (frame for row in character.pins for frame in (row.start, row.stop - 1))
    yield from (row.frame for path in character.paths if path.kind == "WAYPOINTS" for row in path.waypoints)


def _span(timeline: Timeline, start: int, stop: int) -> tuple[int, int]:
    """Model frames of a scene range; a reversed one stays reversed, for `validation.problems` to tell."""
    if stop > start:
        return timeline.model_range(start, stop)
    return timeline.model_frame(start), timeline.model_frame(stop)


def _world(target: Object) -> Array:
    return np.asarray(armature.world_from_model(target, tracks.bone_map(target)))


def _keyframe(row: Any, timeline: Timeline) -> Keyframe:
    wanted = {joint for part in row.scope for joint in SCOPES[part][1]}
    joints = tuple(joint for joint in JOINT_NAMES if joint in wanted and row.known[INDEX[joint]])
    rotations = {joint: tuple(float(value) for value in row.rotations[INDEX[joint]]) for joint in joints}
    root = tuple(float(value) for value in row.root_position) if "ROOT" in row.scope else None
    return Keyframe(timeline.model_frame(row.frame), joints, root, rotations)  # pyright: ignore[reportArgumentType]


def _pin(row: Any, place: _Place) -> Pin:
    start, stop = _span(place.timeline, row.start, row.stop)
    world_point = row.target.matrix_world.translation if row.target else row.position
    rotation = None
    if row.use_rotation:
        turn = coordinates.rotations_model_from_world(place.world, list(row.rotation))
        rotation = tuple(turn.tolist())
    return Pin(row.joint, start, stop, tuple(place.point(world_point).tolist()), rotation)


def _path(paths: Any, place: _Place) -> Path | None:
    """All paths of a character joined into the one of the request; where two meet the later one wins."""
    way = _Way()
    for row in paths:
        if row.kind == "CURVE" and row.curve:
            _add_curve(way, row, place)
        elif row.kind == "WAYPOINTS":
            _add_waypoints(way, row, place)
    if not way.points:
        return None
    frames = tuple(sorted(way.points))
    points = tuple(way.points[frame] for frame in frames)
    return Path(frames, points, _headings(way, frames, points))


def _add_curve(way: _Way, row: Any, place: _Place) -> None:
    start, stop = place.timeline.model_range(row.start, row.stop)
    for index, point in enumerate(place.point(curves.points_at(row.curve, stop - start))):
        _add_point(way, start + index, point, along=row.face_along)


def _add_waypoints(way: _Way, row: Any, place: _Place) -> None:
    for waypoint in row.waypoints:
        frame = place.timeline.model_frame(waypoint.frame)
        matrix = waypoint.target.matrix_world if waypoint.target else None
        point = place.point(matrix.translation if matrix else waypoint.position)
        _add_point(way, frame, point, along=row.face_along)
        if matrix and waypoint.use_heading:
            towards = place.point(matrix.translation + matrix.to_3x3() @ Vector((0.0, -1.0, 0.0))) - point
            way.headings[frame] = float(np.arctan2(towards[0], towards[2]))


def _add_point(way: _Way, frame: int, point: Array, *, along: bool) -> None:
    way.points[frame] = (float(point[0]), float(point[2]))
    way.headings.pop(frame, None)
    if along:
        way.along.add(frame)


def _headings(way: _Way, frames: tuple[int, ...], points: tuple[tuple[float, float], ...]) -> tuple[float, ...] | None:
    """A heading for each point: the one that is set, else the direction of travel; None when nobody asked."""
    if not (way.along or way.headings) or len(frames) < 2:
        return tuple(way.headings[frame] for frame in frames) if len(way.headings) == len(frames) > 0 else None
    travel = np.gradient(np.array(points), np.array(frames, dtype=np.float64), axis=0)
    angles = np.arctan2(travel[:, 0], travel[:, 1])
    return tuple(
        way.headings[frame] if frame in way.headings else float(angle)
        for frame, angle in zip(frames, angles, strict=True)
    )


def _sampling(options: Any) -> Sampling:
    steps = QUALITY_STEPS.get(options.quality, options.steps)
    return Sampling(seed=options.seed, samples=options.samples, steps=steps, cleanup=options.cleanup)


def require_bones(target: Object) -> None:
    """Refuse an armature without a bone map.

    Raises:
        UserError: nothing is mapped.
    """
    if not tracks.bone_map(target):
        raise UserError(f"The bones of '{target.name}' are not mapped: press Map Bones")
