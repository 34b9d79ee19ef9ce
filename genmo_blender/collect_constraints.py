"""Key poses, pins and paths of a character -> members of the request; what is muted is left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

import numpy as np
from bpy.types import Object
from mathutils import Vector
from numpy.typing import NDArray

from ..runtime.request import Keyframe, Path, Pin
from ..runtime.skeleton import INDEX, JOINT_NAMES, PARENTS
from . import curves, marks, pin_targets
from .collect_media import heard, span
from .core import coordinates
from .core.timeline import Timeline
from .properties import SCOPES, of_object
from .sampling import Sampler

Array = NDArray[np.float64]

_SAME: Final = 1e-6
"""Metres, and units of a quaternion, within which a pin stands still."""
_STANDING: Final = 1e-6
"""Metres per frame below which a direction of travel means nothing."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the character's model space lies in the world and on the timeline, and how to look at other frames.

    Attributes:
        world: (4, 4) from model space to the world.
        timeline: scene frames <-> model frames.
        shown: (N,) model frame that each scene frame from `timeline.start` on shows.
        sampler: reads what moves.
    """

    world: Array
    timeline: Timeline
    shown: Array
    sampler: Sampler

    def points(self, world_points: Any) -> Array:
        """Model points (..., 3) of world points."""
        return coordinates.points_model_from_world(self.world, world_points)

    def shown_range(self, start: int, stop: int) -> tuple[int, int]:
        """Model frames, half-open, that the scene frames `[start, stop)` show, the first and the last exactly."""
        if stop <= start:
            return span(self.timeline, start, stop)
        return self.timeline.model_frame(start), self.timeline.model_frame(stop - 1) + 1

    def scene_frames(self, start: int, stop: int) -> Array:
        """Scene frames (N,), usually between whole ones, that show the model frames `[start, stop)`."""
        return np.interp(np.arange(start, stop), self.shown, self.timeline.start + np.arange(len(self.shown)))


@dataclass(slots=True)
class _Way:
    """Points of a path, as they come: model frame -> (x, z), heading where one is set, row of the track."""

    points: dict[int, tuple[float, float]] = field(default_factory=dict)
    headings: dict[int, float] = field(default_factory=dict)
    turns: dict[int, float] = field(default_factory=dict)
    rows: dict[int, int] = field(default_factory=dict)


def spans(target: Object, scene_fps: float) -> Iterator[tuple[int, int]]:
    """Scene ranges that the key poses, pins and paths cover."""
    character = of_object(target)
    yield from ((row.start, row.stop) for _, row in heard(character.pins))
    yield from ((frame, frame + 1) for frame in _key_frames(target))
    for _, row in heard(character.paths):
        if row.kind == "CURVE" and row.curve and row.timing != "WAYPOINTS":
            yield curves.span(row, scene_fps)
        elif row.kind == "WAYPOINTS" or row.curve:
            yield from ((point.frame, point.frame + 1) for _, point in heard(row.waypoints))


def constrained_frames(target: Object, scene_fps: float) -> Iterator[int]:
    """Scene frames that have to fall on whole model frames.

    Raises:
        UserError: a curve cannot be followed.
    """
    character = of_object(target)
    yield from _key_frames(target)
    yield from (frame for _, row in heard(character.pins) for frame in (row.start, row.stop - 1))
    for _, row in heard(character.paths):
        if row.kind == "WAYPOINTS" or row.timing == "WAYPOINTS":
            yield from (point.frame for _, point in heard(row.waypoints))
        elif row.curve:
            start, stop = curves.span(row, scene_fps)
            yield from (start, stop - 1)


def _key_frames(target: Object) -> Iterator[int]:
    places = marks.frames(target)
    for index, _ in heard(of_object(target).key_poses):
        frame = places[index]
        if frame is not None:
            yield round(frame)


def keyframes(target: Object, place: Place, *, exact: bool) -> tuple[tuple[Keyframe, ...], tuple[int, ...]]:
    """The key poses and the rows that they come from; marked keys are read from their action if `exact`.

    Raises:
        UserError: the rig cannot be read.
    """
    rows, places = of_object(target).key_poses, marks.frames(target)
    read = marks.poses(target, place.sampler) if exact else {}
    made: list[Keyframe] = []
    numbers: list[int] = []
    for index, row in heard(rows):
        frame = places[index]
        if frame is None:
            continue
        if index in read:
            pose = read[index]
            turns, root = pose.rotations, pose.root_position
            known = [joint not in pose.missing for joint in JOINT_NAMES]
        else:
            turns, root, known = np.array(row.rotations), np.array(row.root_position), list(row.known)
        made.append(_keyframe(place.timeline.model_frame(round(frame)), set(row.scope), turns, root, known))
        numbers.append(index)
    return tuple(made), tuple(numbers)


def _keyframe(frame: int, scope: set[str], turns: Array, root: Array, known: list[bool]) -> Keyframe:
    wanted = {joint for part in scope for joint in SCOPES[part][1]}
    told = [joint for joint in JOINT_NAMES if joint in wanted and known[INDEX[joint]]]
    # A joint without a bone counts where it carries one with a bone: that one's rotation is relative to it.
    carriers = {above for joint in told for above in _above(joint)} & wanted
    joints = tuple(joint for joint in JOINT_NAMES if joint in told or joint in carriers)
    rotations: Any = {joint: tuple(float(value) for value in turns[INDEX[joint]]) for joint in joints}
    position: Any = tuple(float(value) for value in root) if "ROOT" in scope else None
    return Keyframe(frame, joints, position, rotations)


def _above(joint: str) -> Iterator[str]:
    """The joints between a joint and the pelvis, the pelvis last."""
    above = PARENTS[INDEX[joint]]
    while above >= 0:
        yield JOINT_NAMES[above]
        above = PARENTS[above]


def pins(target: Object, place: Place) -> tuple[tuple[Pin, ...], tuple[int, ...]]:
    """The pins and the rows that they come from; one that follows something that moves becomes many short ones.

    Raises:
        UserError: a target has no such bone.
    """
    made: list[Pin] = []
    numbers: list[int] = []
    for index, row in heard(of_object(target).pins):
        own = _pins(row, place)
        made += own
        numbers += [index] * len(own)
    return tuple(made), tuple(numbers)


def _pins(row: Any, place: Place) -> list[Pin]:
    start, stop = place.shown_range(row.start, row.stop)
    count = max(stop - start, 1)  # a reversed range is for `validation.problems` to tell
    points, turns = pin_targets.places(row, place.sampler, place.scene_frames(start, start + count))
    points = place.points(points)
    turns = None if turns is None else coordinates.rotations_model_from_world(place.world, turns)
    if stop <= start:
        return [_pin(row.joint, start, stop, points[0], None if turns is None else turns[0])]
    values = points if turns is None else np.concatenate([points, turns], axis=1)
    moved = np.abs(np.diff(values, axis=0)).max(axis=1, initial=0.0) > _SAME
    edges = [0, *(np.flatnonzero(moved) + 1).tolist(), count]
    return [
        _pin(row.joint, start + first, start + last, points[first], None if turns is None else turns[first])
        for first, last in pairwise(edges)
    ]


def _pin(joint: str, start: int, stop: int, point: Array, turn: Array | None) -> Pin:
    position: Any = tuple(point.tolist())
    rotation: Any = None if turn is None else tuple(turn.tolist())
    return Pin(joint, start, stop, position, rotation)


def path(target: Object, place: Place) -> tuple[Path | None, tuple[int, ...]]:
    """All paths of a character joined into the one of the request, and the row of each of its points.

    Where two meet the later one wins.

    Raises:
        UserError: a curve cannot be followed.
    """
    way = _Way()
    for index, row in heard(of_object(target).paths):
        before = dict(way.points)
        if row.kind == "CURVE" and row.curve:
            _add_curve(way, row, place)
        elif row.kind == "WAYPOINTS":
            _add_waypoints(way, row, place)
        way.rows.update({frame: index for frame, point in way.points.items() if before.get(frame) is not point})
    if not way.points:
        return None, ()
    frames = tuple(sorted(way.points))
    points = tuple(way.points[frame] for frame in frames)
    return Path(frames, points, _headings(way, frames, points)), tuple(way.rows[frame] for frame in frames)


def _add_curve(way: _Way, row: Any, place: Place) -> None:
    line = curves.line_of(row.curve)
    places: list[tuple[int, Array]] = []
    if row.timing == "WAYPOINTS":
        places = [(place.timeline.model_frame(frame), point) for frame, point, _ in _waypoints(row, place)]
    if row.timing == "WAYPOINTS" and len(places) < 2:
        return
    start, stop = place.shown_range(*curves.span(row, place.timeline.scene_fps))
    if places:
        start, stop = places[0][0], places[-1][0] + 1
        distances = line.distances_at(places, np.arange(start, stop))
    else:
        distances = _distances(line, row, place.scene_frames(start, stop), place.timeline.scene_fps)
    points, tilts = line.at(distances)
    for index, point in enumerate(place.points(points)):
        turn = float(tilts[index]) if row.use_tilt else 0.0
        _add_point(way, start + index, point, along=row.face_along or row.use_tilt, turn=turn)


def _distances(line: curves.Line, row: Any, frames: Array, fps: float) -> Array:
    """Distance along the curve (N,) at scene frames."""
    if row.timing == "SPEED":
        return np.clip((frames - row.start) * row.speed / fps, 0.0, line.length)
    share = np.clip((frames - frames[0]) / max(frames[-1] - frames[0], 1e-9), 0.0, 1.0)
    return line.distances_by_radius(share) if row.timing == "RADIUS" else share * line.length


def _waypoints(row: Any, place: Place) -> list[tuple[int, Array, Any]]:
    """Scene frame, world place and target's matrix (None without one) of the waypoints, in order of time."""
    found: list[tuple[int, Array, Any]] = []
    for _, point in sorted(heard(row.waypoints), key=lambda item: item[1].frame):
        matrix = place.sampler.matrices(point.target, [point.frame])[0] if point.target else None
        found.append((point.frame, matrix[:3, 3] if matrix is not None else np.array(point.position), matrix))
        if matrix is not None and not point.use_heading:
            found[-1] = (*found[-1][:2], None)
    return found


def _add_waypoints(way: _Way, row: Any, place: Place) -> None:
    for scene_frame, world_point, matrix in _waypoints(row, place):
        frame, point = place.timeline.model_frame(scene_frame), place.points(world_point)
        _add_point(way, frame, point, along=row.face_along)
        if matrix is not None:
            towards = place.points(world_point + matrix[:3, :3] @ np.array(Vector((0.0, -1.0, 0.0)))) - point
            way.headings[frame] = float(np.arctan2(towards[0], towards[2]))


def _add_point(way: _Way, frame: int, point: Array, *, along: bool, turn: float = 0.0) -> None:
    way.points[frame] = (float(point[0]), float(point[2]))
    way.headings.pop(frame, None)
    way.turns.pop(frame, None)
    if along:
        way.turns[frame] = turn


def _headings(way: _Way, frames: tuple[int, ...], points: tuple[tuple[float, float], ...]) -> tuple[float, ...] | None:
    """A heading for each point: the one that is set, else the direction of travel; None when nobody asked."""
    if not (way.turns or way.headings) or len(frames) < 2:
        return tuple(way.headings[frame] for frame in frames) if len(way.headings) == len(frames) > 0 else None
    travel = np.gradient(np.array(points), np.array(frames, dtype=np.float64), axis=0)
    moving = np.flatnonzero(np.linalg.norm(travel, axis=1) > _STANDING)
    angles = np.zeros(len(frames))
    if moving.size:  # who stands keeps looking where he went
        angles = np.interp(np.arange(len(frames)), moving, np.unwrap(np.arctan2(*travel[moving].T)))
    return tuple(
        way.headings[frame] if frame in way.headings else float(angle) + way.turns.get(frame, 0.0)
        for frame, angle in zip(frames, angles, strict=True)
    )
