"""Key poses that are keys of an action: marked in the dope sheet, found again wherever the keys are moved.

A mark is a keyframe type (Extreme, drawn in its own colour), so it goes with the key when it is moved, and is saved
where the key is. The row of the track says which parts of the body hold and whether it counts.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from bpy.types import Action, Object, Scene

from ..runtime.errors import UserError
from . import changes, tracks
from .bake import curves_of
from .properties import SCOPES, of_object
from .sampling import Sampler
from .stubs import current_context

MARK: Final = "EXTREME"
_PLAIN: Final = "KEYFRAME"
_SAME_FRAME: Final = 1e-3
_CHANNELS: Final = ("location", "rotation_quaternion", "rotation_euler", "rotation_axis_angle", "scale")


@dataclass(frozen=True, slots=True)
class KeyMark:
    """A key pose on the timeline.

    Attributes:
        frame: scene frame; a marked key may lie between frames.
        scope: parts of the body that it holds.
        enabled: whether it counts.
        index: its row in the track.
        source: "POSE" captured, "ACTION" marked keys.
    """

    frame: float
    scope: frozenset[str]
    enabled: bool
    index: int
    source: str


def key_marks(target: Object, scene: Scene) -> list[KeyMark]:
    """The key poses of a character where they are now, by frame; without those whose keys are gone."""
    rows = of_object(target).key_poses
    found = [
        KeyMark(frame, frozenset(row.scope), not row.mute, index, row.source)
        for index, (row, frame) in enumerate(zip(rows, frames(target), strict=True))
        if frame is not None
    ]
    return sorted(found, key=lambda mark: mark.frame)


def frames(target: Object) -> list[float | None]:
    """The frame of each key pose now: marked keys are looked up in their action; None where they are gone.

    A key whose action was deleted stays as it was read last.
    """
    rows = of_object(target).key_poses
    result: list[float | None] = [float(row.frame) for row in rows]
    for action in {row.action for row in rows if row.source == "ACTION" and row.action}:
        members = [index for index, row in enumerate(rows) if row.source == "ACTION" and row.action == action]
        places = _found([rows[index] for index in members], marked_columns(action, target))
        for index, place in zip(members, places, strict=True):
            result[index] = place
    return result


def _found(rows: Sequence[Any], columns: Mapping[float, str]) -> list[float | None]:
    """The column of each row: with the same values wherever they were moved, else at the same frame."""
    result: list[float | None] = [None] * len(rows)
    free = dict(columns)
    pairs = sorted(
        (signature != row.signature, abs(frame - row.frame), index, frame)
        for index, row in enumerate(rows)
        for frame, signature in columns.items()
        if signature == row.signature or abs(frame - row.frame) <= 0.5
    )
    for _, _, index, frame in pairs:
        if result[index] is None and frame in free:
            result[index] = frame
            del free[frame]
    return result


def marked_columns(action: Action, target: Object) -> dict[float, str]:
    """Frame of each column of marked keys -> checksum of its values."""
    columns: dict[float, list[tuple[str, int, float]]] = {}
    for curve in _curves(action, target):
        for frame, value in _marked(curve):
            columns.setdefault(_rounded(frame), []).append((curve.data_path, curve.array_index, round(value, 5)))
    return {frame: f"{zlib.crc32(repr(sorted(column)).encode()):08x}" for frame, column in columns.items()}


def _marked(curve: Any) -> list[list[float]]:
    """Frame and value of the marked keys of a curve; in bulk, since a baked action has tens of thousands of keys."""
    keys = curve.keyframe_points
    kinds, places = np.empty(len(keys), dtype=np.int32), np.empty(2 * len(keys), dtype=np.float32)
    keys.foreach_get("type", kinds)
    marked = kinds == keys[0].bl_rna.properties["type"].enum_items[MARK].value if len(keys) else kinds == 0
    if not marked.any():
        return []
    keys.foreach_get("co", places)
    return places.reshape(-1, 2)[marked].astype(np.float64).tolist()


def _curves(action: Action, target: Object) -> Iterator[Any]:
    """The curves of the bones."""
    every = curves_of(action, _slot(action, target))
    return (curve for curve in every if curve.data_path.startswith("pose.bones["))


def _points(action: Action, target: Object) -> Iterator[tuple[Any, Any]]:
    """Every key of the bones, with its curve."""
    return ((curve, point) for curve in _curves(action, target) for point in curve.keyframe_points)


def _slot(action: Action, target: Object) -> Any:
    data: Any = target.animation_data
    if data is not None and data.action == action and getattr(data, "action_slot", None):
        return data.action_slot
    slots: Any = getattr(action, "slots", ())
    return next((slot for slot in slots if slot.identifier == f"OB{target.name}"), None)


def _rounded(frame: float) -> float:
    return round(frame / _SAME_FRAME) * _SAME_FRAME if abs(frame - round(frame)) > _SAME_FRAME else float(round(frame))


def mark_keys(target: Object, scene: Scene, scope: set[str], where: str) -> list[Any]:
    """Make key poses of keys that are there already.

    Args:
        target: the armature.
        scene: whose playhead counts.
        scope: parts of the body to hold.
        where: "PLAYHEAD", "SELECTED" (keys selected in the dope sheet) or "ALL" keys.

    Returns:
        The rows; a column that is marked already keeps its row, with the new scope.

    Raises:
        UserError: there is no such key, or the action cannot be changed.
    """
    if not scope:
        raise UserError("Choose at least one part of the body")
    action = target.animation_data.action if target.animation_data else None
    if action is None:
        raise UserError(f"'{target.name}' has no action: key a pose first, or capture the pose that is shown")
    if action.library is not None:
        raise UserError(f"The action '{action.name}' is linked from another file: make it local first")
    columns = _columns(action, target, _chooser(scene, where))
    if not columns:
        raise UserError(_NO_KEYS[where])
    follow(target, scene)
    bones = _bones_of(target, scope)
    with _unkeyed_kept(target):
        for points in columns.values():
            for point in [point for bone, point in points if bone in bones] or [point for _, point in points]:
                point.type = MARK
    signatures = marked_columns(action, target)
    for frame in sorted(columns):
        _set_row(target, action, frame, scope, signatures[frame])
    rows = [row for row in of_object(target).key_poses if row.signature in {signatures[frame] for frame in columns}]
    read(target, scene, rows)
    return rows


_NO_KEYS: Final = {
    "PLAYHEAD": "There is no key at the playhead: go to one, or capture the pose that is shown",
    "SELECTED": "No key of the armature is selected in the dope sheet",
    "ALL": "The action has no keys of bones",
}


def _chooser(scene: Scene, where: str) -> Callable[[Any], bool]:
    """What picks keys."""
    if where == "SELECTED":
        return lambda point: point.select_control_point
    if where == "PLAYHEAD":
        return lambda point: abs(point.co.x - scene.frame_current) < 0.5
    return lambda point: True


def _columns(action: Action, target: Object, chosen: Callable[[Any], bool]) -> dict[float, list[tuple[str, Any]]]:
    """Frame -> (bone, key) of all keys on the frames of which at least one key is chosen."""
    columns: dict[float, list[tuple[str, Any]]] = {}
    picked: set[float] = set()
    for curve, point in _points(action, target):
        frame = _rounded(point.co.x)
        columns.setdefault(frame, []).append((curve.data_path.split('"')[1], point))
        if chosen(point):
            picked.add(frame)
    return {frame: points for frame, points in columns.items() if frame in picked}


def _bones_of(target: Object, scope: Iterable[str]) -> set[str]:
    """Bones of the parts; bones that no joint is mapped to (controls) belong to all of them."""
    mapping = tracks.bone_map(target)
    joints = {joint for part in scope for joint in SCOPES[part][1]}
    others = {name for joint, bones in mapping.items() if joint not in joints for name in bones}
    return {bone.name for bone in target.pose.bones} - others


def _set_row(target: Object, action: Action, frame: float, scope: set[str], signature: str) -> None:
    rows = of_object(target).key_poses
    found = (row for row in rows if row.source == "ACTION" and row.action == action and row.frame == round(frame))
    row = next(found, None) or tracks.add(target, "key_poses")
    row.source, row.action, row.frame, row.signature = "ACTION", action, round(frame), signature
    row.scope, row.name = scope, tracks.scope_label(scope)


def unmark(target: Object, row: Any) -> None:
    """Give the keys of a row their plain type back; the row itself stays."""
    if row.source != "ACTION" or row.action is None or row.action.library is not None:
        return
    index = next(number for number, other in enumerate(of_object(target).key_poses) if other == row)
    frame = frames(target)[index]
    with _unkeyed_kept(target):
        for _, point in _points(row.action, target) if frame is not None else ():
            if abs(point.co.x - frame) < _SAME_FRAME and point.type == MARK:
                point.type = _PLAIN


@contextmanager
def _unkeyed_kept(target: Any) -> Iterator[None]:
    """Keep a pose that is not keyed yet: Blender plays an action again whenever a key of it is touched."""
    before = [(bone, name, tuple(getattr(bone, name))) for bone in target.pose.bones for name in _CHANNELS]
    yield
    current_context().view_layer.update()
    for bone, name, value in before:
        if tuple(getattr(bone, name)) != value:
            setattr(bone, name, value)


def capture(target: Object, scene: Scene, row: Any) -> None:
    """Keep the pose of marked keys as it is now, apart from their action."""
    read(target, scene, [row])
    unmark(target, row)
    cut_off(row, "key_poses")
    changes.mark()


def cut_off(row: Any, track: str) -> None:
    """Make a captured pose of the copy of a key pose: the keys belong to the row that it was copied from."""
    if track == "key_poses":
        row.source, row.action, row.signature = "POSE", None, ""


def follow(target: Object, scene: Scene) -> bool:
    """Write down where marked keys were moved to, and read the poses that were edited; whether anything changed."""
    rows = of_object(target).key_poses
    stale: list[Any] = []
    changed = False
    for row, frame in zip(rows, frames(target), strict=True):
        if row.source != "ACTION" or frame is None or row.action is None:
            continue
        if row.frame != round(frame):
            row.frame, changed = round(frame), True
        signature = marked_columns(row.action, target)[frame]
        if row.signature != signature:
            row.signature = signature
            stale.append(row)
    if stale:
        read(target, scene, stale)
    return changed or bool(stale)


def move_later(target: Object, scene: Scene, frame: int, count: int) -> None:
    """Move key poses at a frame or later, marked keys with all other keys of their bones."""
    follow(target, scene)
    rows = of_object(target).key_poses
    for action in {row.action for row in rows if row.source == "ACTION" and row.action}:
        if action.library is None:
            for curve in _curves(action, target):
                for point in curve.keyframe_points:
                    if point.co.x >= frame - _SAME_FRAME:
                        point.co_ui.x += count
                curve.update()
    for row in rows:
        if row.frame >= frame:
            row.frame += count


def read(target: Object, scene: Scene, rows: Sequence[Any]) -> None:
    """Keep the poses that marked keys have now, for the ghosts and the checks."""
    places = dict(zip((row.as_pointer() for row in of_object(target).key_poses), frames(target), strict=True))
    mapping = tracks.bone_map(target)
    with Sampler(scene) as sampler:
        for row in rows:
            frame = places[row.as_pointer()]
            if row.action is not None and frame is not None:
                pose = sampler.poses(target, mapping, [frame], row.action)[0]
                tracks.store_pose(row, pose)
    changes.mark()


def poses(target: Object, sampler: Sampler) -> dict[int, Any]:
    """Poses of the marked keys as their actions have them now, by row number."""
    rows, places, mapping = of_object(target).key_poses, frames(target), tracks.bone_map(target)
    result: dict[int, Any] = {}
    for action in {row.action for row in rows if row.source == "ACTION" and row.action and not row.mute}:
        members = [
            index
            for index, row in enumerate(rows)
            if row.action == action and row.source == "ACTION" and places[index] is not None and not row.mute
        ]
        found = sampler.poses(target, mapping, np.array([places[index] for index in members]), action)
        result.update(zip(members, found, strict=True))
    return result
