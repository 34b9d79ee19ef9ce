"""Lines that show a character's key poses, pins and paths in the 3D view: geometry only, drawn by `constraint_overlay`.

Everything is in world space. Colours are (r, g, b, a) in display space.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from bpy.types import Object, Scene
from numpy.typing import NDArray

from ..runtime import rotation, skeleton
from ..runtime.errors import UserError
from . import armature, changes, collect, curves, marks, pin_targets, tracks
from .collect_media import heard
from .core import coordinates
from .core.footlock import Posed, bone_heads
from .core.retarget import anchors_from_model, turns_from_model
from .core.target import Target
from .properties import SCOPES, of_object
from .sampling import Sampler

Array = NDArray[np.float64]
Colour = tuple[float, float, float, float]

CAPTURED: Final[Colour] = (1.0, 0.72, 0.25, 0.8)
MARKED: Final[Colour] = (1.0, 0.42, 0.55, 0.8)
PIN: Final[Colour] = (0.35, 0.85, 1.0, 0.9)
PATH: Final[Colour] = (0.55, 0.95, 0.45, 0.9)
_MUTED: Final = 0.25
"""Share of the opacity that is left of what does not count."""
_CROSS: Final = 0.06
_TICK: Final = 0.05
_RING: Final = 12
_MOST_FIGURES: Final = 40
"""Most key poses that are drawn at once."""
_STEP: Final = 5
"""Frames after which it is seen again which ones these are."""
_PIN_STEPS: Final = 60
"""Most points along the way of a pin that follows something."""


@dataclass(slots=True)
class Lines:
    """Line segments and words.

    Attributes:
        points: (2 N, 3) ends of N segments.
        colours: (2 N, 4).
        words: (place, text, colour).
    """

    points: list[Array] = field(default_factory=list)
    colours: list[Array] = field(default_factory=list)
    words: list[tuple[Array, str, Colour]] = field(default_factory=list)

    def add(self, ends: Any, colour: Colour) -> None:
        """Segments (2 n, 3) of one colour."""
        points = np.asarray(ends, dtype=np.float64).reshape(-1, 3)
        self.points.append(points)
        self.colours.append(np.tile(colour, (len(points), 1)))

    def add_chain(self, points: Array, colour: Colour) -> None:
        """A line through points (n, 3)."""
        self.add(np.stack([points[:-1], points[1:]], axis=1), colour)

    def arrays(self) -> tuple[Array, Array]:
        """Points (2 N, 3) and colours (2 N, 4) of everything."""
        if not self.points:
            return np.zeros((0, 3)), np.zeros((0, 4))
        return np.concatenate(self.points), np.concatenate(self.colours)


def still_lines(target: Object, scene: Scene) -> Lines:
    """Key poses and paths, which do not depend on the current frame; nothing of a rig that cannot be read."""
    lines = Lines()
    try:
        prepared = armature.target(target, tracks.bone_map(target), probe=False)
    except UserError:
        return lines
    world = np.array(target.matrix_world)
    _add_key_poses(lines, target, scene, prepared, world)
    for row in of_object(target).paths:
        _add_path(lines, row, scene)
    return lines


def _faded(colour: Colour, *, muted: bool) -> Colour:
    return (*colour[:3], colour[3] * (_MUTED if muted else 1.0))


def _add_key_poses(lines: Lines, target: Object, scene: Scene, prepared: Target, world: Array) -> None:
    found = _nearest(marks.key_marks(target, scene), scene)
    if not found:
        return
    roots, rotations = _stored(target)
    order = [mark.index for mark in found]
    heads, tails = figures(prepared, roots[order], rotations[order])
    to_world = world @ prepared.base @ coordinates.affine(prepared.axes)
    heads, tails = (coordinates.transform_points(to_world, points) for points in (heads, tails))
    for index, mark in enumerate(found):
        colour = _faded(MARKED if mark.source == "ACTION" else CAPTURED, muted=not mark.enabled)
        wanted = {joint for part in mark.scope for joint in SCOPES[part][1]}
        bones = [bone for bone, joint in enumerate(prepared.joints) if skeleton.JOINT_NAMES[joint] in wanted]
        if bones:
            lines.add(_segments(prepared, heads[index], tails[index], bones), colour)
            top = heads[index, max(bones, key=lambda bone: heads[index, bone, 2])]
            lines.words.append((top, f"{mark.frame:g}", colour))


def moment(target: Object, scene: Scene) -> int:
    """What the figures depend on besides the tracks: the time, in steps, where there are too many to draw them all."""
    return scene.frame_current // _STEP if len(of_object(target).key_poses) > _MOST_FIGURES else 0


def _nearest(found: list[marks.KeyMark], scene: Scene) -> list[marks.KeyMark]:
    """The key poses around the playhead: hundreds would hide each other, and slow the view down."""
    if len(found) <= _MOST_FIGURES:
        return found
    now = _STEP * (scene.frame_current // _STEP)
    return sorted(sorted(found, key=lambda mark: abs(mark.frame - now))[:_MOST_FIGURES], key=lambda mark: mark.frame)


_poses: dict[int, tuple[tuple[int, int], Array, Array]] = {}


def _stored(target: Object) -> tuple[Array, Array]:
    """Pelvis positions (K, 3) and rotations (K, 22, 4) of the key poses; Blender hands them over slowly."""
    rows = of_object(target).key_poses
    key = (changes.edits(), len(rows))
    if _poses.get(target.session_uid, ((-1, -1),))[0] != key:
        roots = np.array([row.root_position for row in rows]).reshape(-1, 3)
        turns = np.array([[tuple(turn) for turn in row.rotations] for row in rows])
        _poses[target.session_uid] = key, roots, turns.reshape(-1, skeleton.JOINT_COUNT, 4)
    return _poses[target.session_uid][1:]


def forget() -> None:
    """Drop what is known of key poses: the extension goes."""
    _poses.clear()


def figures(prepared: Target, roots: Array, rotations: Array) -> tuple[Array, Array]:
    """Heads and tails (K, M, 3) of a rig's bones, in model axes and armature units, for K poses of the model.

    Args:
        prepared: the rig.
        roots: (K, 3) pelvis, model space.
        rotations: (K, 22, 4) local rotations.
    """
    _, turns = skeleton.forward_kinematics(roots, rotations)
    posed = Posed(turns_from_model(prepared, turns), anchors_from_model(prepared, roots, turns, 1.0))
    heads = bone_heads(posed, prepared)
    rest = [prepared.rest.index(name) for name in prepared.names]
    bones = (prepared.rest.tails[rest] - prepared.rest.heads[rest]) @ prepared.axes
    return heads, heads + rotation.rotate(posed.turns, np.broadcast_to(bones, heads.shape))


def _segments(prepared: Target, heads: Array, tails: Array, bones: Sequence[int]) -> Array:
    """Ends (2 n, 3) of the lines of a stick figure: from joint to joint, and the last bones of chains to their tips."""
    carriers = set(prepared.carriers.tolist())
    ends: list[Array] = []
    for bone in bones:
        carrier = int(prepared.carriers[bone])
        if carrier >= 0:
            ends += [heads[carrier], heads[bone]]
        if skeleton.JOINT_NAMES[prepared.joints[bone]] == "head":
            ends += list(_ring(heads[bone], tails[bone]))
        elif bone not in carriers:
            ends += [heads[bone], tails[bone]]
    return np.array(ends).reshape(-1, 3)


def _ring(chin: Array, crown: Array) -> Array:
    """A face: ends (2 n, 3) of a circle between two points, seen from the front and the back."""
    along = 0.5 * (crown - chin)
    side = np.cross(along, np.array([0.0, 1.0, 0.0]))
    length = np.linalg.norm(side)
    side = side * (0.8 * np.linalg.norm(along) / length) if length > 1e-9 else np.zeros(3)
    angles = np.linspace(0.0, 2.0 * np.pi, _RING + 1)[:, None]
    points = 0.5 * (chin + crown) + np.cos(angles) * along + np.sin(angles) * side
    return np.stack([points[:-1], points[1:]], axis=1).reshape(-1, 3)


def _add_path(lines: Lines, row: Any, scene: Scene) -> None:
    """A curve with a tick for each second, or the waypoints with straight lines between."""
    colour = _faded(PATH, muted=row.mute)
    points = sorted(heard(row.waypoints), key=lambda item: item[1].frame)
    places = [
        np.array(point.target.matrix_world.translation if point.target else point.position) for _, point in points
    ]
    for (_, point), place in zip(points, places, strict=True):
        lines.add(_cross(place, 2.0 * _TICK), colour)
        lines.words.append((place, f"{point.frame}", colour))
    if row.kind == "WAYPOINTS":
        if len(places) > 1:
            lines.add_chain(np.array(places), (*colour[:3], 0.4 * colour[3]))
        return
    if row.curve is None:
        return
    try:
        line = curves.line_of(row.curve)
        start, stop = curves.span(row, collect.frame_rate(scene))
    except UserError:
        return
    lines.add_chain(line.points[:: max(1, len(line.points) // 400)], colour)
    if row.timing == "WAYPOINTS" or stop - start < 2:
        return
    seconds = np.arange(start, stop, collect.frame_rate(scene))
    shares = (seconds - start) / (stop - 1 - start)
    distances = line.distances_by_radius(shares) if row.timing == "RADIUS" else shares * line.length
    for place in line.at(distances)[0]:
        lines.add(_cross(place, _TICK), colour)


def _cross(place: Array, size: float) -> Array:
    """Six points of three crossed lines."""
    return np.concatenate([[place - size * axis, place + size * axis] for axis in np.eye(3)])


def pin_lines(target: Object, scene: Scene) -> Lines:
    """The pins: a cross where each holds, small and faint at other times, and the way of those that move."""
    lines = Lines()
    with Sampler(scene, exact=False) as sampler:
        for row in of_object(target).pins:
            inside = row.start <= scene.frame_current < row.stop
            colour = _faded(PIN, muted=row.mute or not inside)
            frames = np.linspace(row.start, max(row.stop - 1, row.start), min(_PIN_STEPS, max(row.stop - row.start, 1)))
            try:
                places, _ = pin_targets.places(row, sampler, np.append(frames, scene.frame_current))
            except UserError:
                continue
            now = places[-1] if inside else places[0]
            lines.add(_cross(now, _CROSS if inside else 0.5 * _CROSS), colour)
            if np.ptp(places[:-1], axis=0).max() > 1e-4:
                lines.add_chain(places[:-1], (*colour[:3], 0.5 * colour[3]))
    return lines


def joined(parts: Iterable[Lines]) -> Lines:
    """Several sets of lines as one."""
    result = Lines()
    for part in parts:
        result.points += part.points
        result.colours += part.colours
        result.words += part.words
    return result
