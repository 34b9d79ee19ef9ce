"""Keys of F-curves as arrays: dense, sparse, or merged into what a curve has (Blender 4.2 to 5.x).

The one place that knows slots and channel bags is `Curves`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from bpy.types import Action
from numpy.typing import NDArray

Array = NDArray[np.float64]

CONSTANT: Final = 0
LINEAR: Final = 1
BEZIER: Final = 2
INTERPOLATIONS: Final = {"CONSTANT": CONSTANT, "LINEAR": LINEAR, "BEZIER": BEZIER}
_ALIGNED: Final = 3
_AUTO_CLAMPED: Final = 4
_VECTORS: Final = ("co", "handle_left", "handle_right")
_NUMBERS: Final = ("back", "amplitude", "period")
_ENUMS: Final = ("interpolation", "easing", "type", "handle_left_type", "handle_right_type")
_FLAGS: Final = ("select_control_point", "select_left_handle", "select_right_handle")


@dataclass(frozen=True, slots=True)
class CurveKeys:
    """New keys of one curve.

    Attributes:
        frames: (K,) scene frames, rising.
        values: (K,).
        interpolation: (K,) numbers of `INTERPOLATIONS`.
        slopes: (K,) change per frame, for Bezier handles of our own; None leaves the handles to Blender.
    """

    frames: Array
    values: Array
    interpolation: NDArray[np.int32]
    slopes: Array | None = None


def one_key(frame: float, value: float) -> CurveKeys:
    """A single key that holds its value."""
    return CurveKeys(np.array([float(frame)]), np.array([value]), np.array([CONSTANT], dtype=np.int32))


class Curves:
    """The curves of one object in an action."""

    def __init__(self, action: Action, slot: Any = None, *, name: str = "") -> None:
        """Args: the action, its slot (None makes one called `name`, where Blender has slots)."""
        self._groups: dict[str, Any] = {}
        self._owner: Any = action
        self.action, self.slot = action, slot
        if hasattr(action, "slots"):
            if slot is None:
                self.slot = action.slots.new(id_type="OBJECT", name=name)
            layer: Any = action.layers[0] if len(action.layers) else action.layers.new("Layer")
            strip: Any = layer.strips[0] if len(layer.strips) else layer.strips.new(type="KEYFRAME")
            self._owner = strip.channelbag(self.slot, ensure=True)
        self._groups = {group.name: group for group in self._owner.groups}
        self._known = {(curve.data_path, curve.array_index): curve for curve in self._owner.fcurves}

    def find(self, path: str, index: int) -> Any | None:
        """The curve of a property, None if there is none."""
        return self._known.get((path, index))

    def make(self, group: str, path: str, index: int) -> Any:
        """The curve of a property, a new one if there is none."""
        curve = self._known.get((path, index))
        if curve is None:
            curve = self._known[path, index] = self._owner.fcurves.new(path, index=index)
            if group not in self._groups:
                self._groups[group] = self._owner.groups.new(group)
            curve.group = self._groups[group]
        return curve


def evaluate(curve: Any, frames: Array) -> Array:
    """Values (K,) of a curve at frames (K,)."""
    return np.array([curve.evaluate(frame) for frame in frames.tolist()])


def write(curve: Any, keys: CurveKeys) -> None:
    """Give a new curve its keys."""
    points = curve.keyframe_points
    points.add(len(keys.frames))
    points.foreach_set("co", np.stack([keys.frames, keys.values], axis=1).astype(np.float32).ravel())
    points.foreach_set("interpolation", keys.interpolation)
    if keys.slopes is not None:
        types = np.full(len(keys.frames), _ALIGNED, dtype=np.int32)
        points.foreach_set("handle_left_type", types)
        points.foreach_set("handle_right_type", types)
        left, right = _handles(keys)
        points.foreach_set("handle_left", left.ravel())
        points.foreach_set("handle_right", right.ravel())
    curve.update()


def _handles(keys: CurveKeys) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Left and right handles (K, 2): at a third of the way to the neighbours a Bezier segment is a plain cubic."""
    slopes = np.gradient(keys.values, keys.frames) if keys.slopes is None else keys.slopes
    steps = np.diff(keys.frames, prepend=keys.frames[:1] - 3.0, append=keys.frames[-1:] + 3.0) / 3.0
    sides = []
    for sign, step in ((-1.0, steps[:-1]), (1.0, steps[1:])):
        sides.append(np.stack([keys.frames + sign * step, keys.values + sign * step * slopes], axis=1))
    return sides[0].astype(np.float32), sides[1].astype(np.float32)


def replace_within(curve: Any, keys: CurveKeys, first: float, last: float) -> None:
    """Put keys into a curve in place of those in [first, last); every other key keeps all it has, bit by bit.

    `FCurve.update` is not called: it would move automatic handles of the keys outside.
    """
    old = _read(curve)
    frames = old["co"].reshape(-1, 2)[:, 0]
    kept = np.flatnonzero((frames < first) | (frames >= last))
    new = _as_points(keys)
    position = int(np.count_nonzero(frames[kept] < first))
    points = curve.keyframe_points
    points.clear()
    points.add(len(kept) + len(keys.frames))
    for name, values in old.items():
        width = 2 if name in _VECTORS else 1
        rows = values.reshape(-1, width)[kept]
        joined = np.concatenate([rows[:position], new[name].reshape(-1, width), rows[position:]])
        points.foreach_set(name, np.ascontiguousarray(joined.ravel(), dtype=values.dtype))


def _read(curve: Any) -> dict[str, NDArray[Any]]:
    points, found = curve.keyframe_points, {}
    for names, width, kind in ((_VECTORS, 2, "f4"), (_NUMBERS, 1, "f4"), (_ENUMS, 1, "i4"), (_FLAGS, 1, "?")):
        for name in names:
            found[name] = np.empty(len(points) * width, dtype=kind)
            points.foreach_get(name, found[name])
    return found


def _as_points(keys: CurveKeys) -> dict[str, NDArray[Any]]:
    count = len(keys.frames)
    left, right = _handles(keys) if count > 1 else (np.stack([keys.frames, keys.values], axis=1).astype("f4"),) * 2
    types = np.full(count, _AUTO_CLAMPED if keys.slopes is None else _ALIGNED, dtype="i4")
    return {
        "co": np.stack([keys.frames, keys.values], axis=1).astype("f4"),
        "handle_left": left,
        "handle_right": right,
        "back": np.full(count, 1.70158, dtype="f4"),
        "amplitude": np.zeros(count, dtype="f4"),
        "period": np.zeros(count, dtype="f4"),
        "interpolation": keys.interpolation.astype("i4"),
        "easing": np.zeros(count, dtype="i4"),
        "type": np.zeros(count, dtype="i4"),
        "handle_left_type": types,
        "handle_right_type": types,
        **{name: np.zeros(count, dtype="?") for name in _FLAGS},
    }
