"""Channels -> keys: dense or sparse, new, or merged into a range of an action and blended with what it shows there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..runtime import rotation
from .channels import Channel, quaternions_of
from .core import euler, sparse
from .core.output import Output, blend_weights
from .crossing import with_edges
from .fcurves import BEZIER, CONSTANT, INTERPOLATIONS, CurveKeys, Curves, evaluate, one_key, replace_within, write

Array = NDArray[np.float64]

_SAME: Final = 1e-6


def write_new(
    curves: Curves, channels: Sequence[Channel], start: int, output: Output, *, interpolation: str, metres: float
) -> None:
    """Write channels into an action that has none of their curves.

    Args:
        curves: the action.
        channels: T values each.
        start: scene frame of the first.
        output: sparse or dense.
        interpolation: of dense keys.
        metres: world metres per armature unit.
    """
    for channel in channels:
        for index, keys in _keys(channel, start, output, interpolation, metres).items():
            write(curves.make(channel.bone, channel.path, index), keys)


def merge(
    curves: Curves, channels: Sequence[Channel], start: int, output: Output, *, interpolation: str, metres: float
) -> None:
    """Write channels into the frames from `start` on, blended with what the action shows; arguments as `write_new`.

    Keys outside these frames stay bit by bit, and so does what the curves show on whole frames there (`crossing`). A
    curve that was not there holds the property's value on both sides.
    """
    first, last = curves.action.frame_range
    shown = (float(first), float(last))
    for channel in channels:
        count, width = channel.values.shape
        stop = start + count
        frames = np.arange(start - 1, stop + 1, dtype=np.float64)
        old = np.repeat(channel.rest[None], len(frames), axis=0)
        for index in range(width):
            curve = curves.find(channel.path, index)
            if curve is not None and len(curve.keyframe_points):
                old[:, index] = evaluate(curve, frames)
        blended, seam = _blended(channel, old, blend_weights(count, output.blend_in, output.blend_out))
        new = replace(channel, values=blended)
        for index, keys in _keys(new, start, output, interpolation, metres).items():
            if seam:  # the numbers of one and the same turn differ on both sides: nothing may be shown in between
                keys.interpolation[-1] = CONSTANT
            curve = curves.find(channel.path, index)
            if curve is not None and len(curve.keyframe_points):
                replace_within(curve, with_edges(curve, keys, (start, stop), shown), start, stop)
            else:
                fresh = curves.make(channel.bone, channel.path, index)
                write(fresh, _guarded(keys, float(channel.rest[index]), start, stop))


def merge_value(curves: Curves, group: str, path: str, value: float, old: float, span: tuple[int, int]) -> None:
    """Set a property that cannot be blended from the first frame of a span on, and put it back after its last."""
    first, stop = span
    curve = curves.find(path, 0)
    keys = one_key(first, value)
    if curve is None or not len(curve.keyframe_points):
        write(curves.make(group, path, 0), _guarded(keys, old, first, stop))
        return
    if all(abs(curve.evaluate(frame) - value) < _SAME for frame in range(first, stop)):
        return
    after = float(curve.evaluate(stop))
    replace_within(curve, keys, first, stop)
    if not any(abs(point.co[0] - stop) < _SAME for point in curve.keyframe_points):
        replace_within(curve, one_key(stop, after), stop, stop)


def _guarded(keys: CurveKeys, value: float, first: int, stop: int) -> CurveKeys:
    """Keys with one of `value` just before and one just after them."""
    constant = np.array([CONSTANT], dtype=np.int32)
    slopes = None if keys.slopes is None else np.concatenate([[0.0], keys.slopes, [0.0]])
    interpolation = np.concatenate([constant, keys.interpolation, constant])
    interpolation[-2] = CONSTANT
    return CurveKeys(
        np.concatenate([[first - 1.0], keys.frames, [float(stop)]]),
        np.concatenate([[value], keys.values, [value]]),
        interpolation.astype(np.int32),
        slopes,
    )


def _blended(channel: Channel, old: Array, weights: Array) -> tuple[Array, bool]:
    """Values (T, n) between the old ones (T + 2, n: one more on each side) and the channel's; is a seam left?"""
    share = weights[:, None]
    inner = old[1:-1]
    if channel.kind == "location":
        return inner * (1.0 - share) + channel.values * share, False
    shown = quaternions_of(old, channel.kind)
    wish = quaternions_of(channel.values, channel.kind)
    turned = rotation.slerp(shown[1:-1], wish, weights)
    if channel.kind == "QUATERNION":
        sign = np.where((turned[:1] * old[:1]).sum(axis=1, keepdims=True) < 0.0, -1.0, 1.0)
        values = rotation.continuous(np.concatenate([old[:1], turned * sign]))[1:]
        return values, bool(values[-1] @ old[-1] < 0.0)
    if channel.kind == "AXIS_ANGLE":
        return euler.axis_angle_from_quaternions(turned), False
    angles = euler.aligned(euler.euler_from_quaternions(turned, channel.kind), old[0], channel.kind)
    return angles, bool(np.abs(angles[-1] - old[-1]).max() > np.pi)


def _keys(channel: Channel, start: int, output: Output, interpolation: str, metres: float) -> dict[int, CurveKeys]:
    """Component -> its keys."""
    columns = [index for index in range(channel.values.shape[1]) if index not in channel.skip]
    if output.keys == "DENSE" or len(channel.values) < 3:
        frames = start + np.arange(len(channel.values), dtype=np.float64)
        kinds = np.full(len(frames), INTERPOLATIONS[interpolation], dtype=np.int32)
        return {index: CurveKeys(frames, channel.values[:, index], kinds.copy()) for index in columns}
    found = sparse.reduce_keys(channel.values, _error(channel, output, metres))
    kinds = np.full(len(found.frames), BEZIER, dtype=np.int32)
    return {
        index: CurveKeys(
            start + found.frames.astype(float), found.values[:, index], kinds.copy(), found.slopes[:, index]
        )
        for index in columns
    }


def _error(channel: Channel, output: Output, metres: float) -> Callable[[Array], Array]:
    """How far values (T, n) are from the channel's; 1 is just allowed."""
    dense = channel.values
    if channel.kind == "location":
        return lambda values: np.linalg.norm(values - dense, axis=1) * metres / output.max_distance
    wish = quaternions_of(dense, channel.kind)
    return lambda values: rotation.angle(quaternions_of(values, channel.kind), wish) / output.max_angle
