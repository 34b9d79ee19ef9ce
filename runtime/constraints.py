"""The constraints of a request on the frame grid: what `runtime.projection` makes exact.

Who wins where two constraints meet: a key pose over held poses over a pin over the path; of two of a kind the later one
in the request (`runtime.validation` warns about these).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import rotation
from .modes import Held, held_arrays
from .request import Keyframe, MotionRequest, Path, Pin
from .skeleton import INDEX, JOINT_COUNT

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

_PELVIS = INDEX["pelvis"]


@dataclass(frozen=True, slots=True)
class PinTarget:
    """A joint held in the world on frames `[start, stop)`.

    Attributes:
        joint: index of the joint.
        start: first frame, within the motion.
        stop: frame after the last, within the motion.
        position: (3,) metres.
        rotation: (4,) world rotation, or None when it is free.
    """

    joint: int
    start: int
    stop: int
    position: Array
    rotation: Array | None


@dataclass(frozen=True, slots=True, eq=False)
class Constraints:
    """What is fixed on T frames; values outside the masks are never read.

    Attributes:
        pose_mask: (T, 22) joints whose rotation is fixed.
        pose_rotations: (T, 22, 4) local rotations, world for the pelvis.
        root_mask: (T, 3) fixed coordinates of the pelvis position.
        root_positions: (T, 3) metres.
        heading_mask: (T,) frames on which the heading of the pelvis is fixed.
        headings: (T,) radians about Y.
        pins: joints held in the world; pins of the pelvis are among the root and pose values instead.
    """

    pose_mask: Mask
    pose_rotations: Array
    root_mask: Mask
    root_positions: Array
    heading_mask: Mask
    headings: Array
    pins: tuple[PinTarget, ...] = ()

    @property
    def frames(self) -> int:
        """Number of frames T."""
        return len(self.heading_mask)

    @property
    def empty(self) -> bool:
        """Whether nothing at all is fixed."""
        fixed = self.pose_mask.any() or self.root_mask.any() or self.heading_mask.any()
        return not (fixed or self.pins)


def no_constraints(frames: int) -> Constraints:
    """Constraints of `frames` frames that fix nothing; the arrays are there to be filled."""
    return Constraints(
        pose_mask=np.zeros((frames, JOINT_COUNT), dtype=bool),
        pose_rotations=rotation.identity(frames, JOINT_COUNT),
        root_mask=np.zeros((frames, 3), dtype=bool),
        root_positions=np.zeros((frames, 3)),
        heading_mask=np.zeros(frames, dtype=bool),
        headings=np.zeros(frames),
    )


def constraints_from(request: MotionRequest) -> Constraints:
    """Dense constraints of a request.

    Args:
        request: key poses, pins and path in model space; parts outside `[0, frames)` are left out.

    Returns:
        Constraints of `request.frames` frames.
    """
    result = no_constraints(request.frames)
    if request.path is not None:
        _write_path(result, request.path)
    pins = _write_pins(result, request.pins)
    for held in request.held:
        _write_held(result, held)
    for keyframe in request.keyframes:
        if 0 <= keyframe.frame < request.frames:
            _write_keyframe(result, keyframe)
    return Constraints(
        result.pose_mask, result.pose_rotations, result.root_mask, result.root_positions,
        result.heading_mask, result.headings, pins,
    )  # fmt: skip


def untold_poses(request: MotionRequest) -> Mask:
    """Held poses that the network is not told of, although they are met: (T, 22).

    Told of poses on both sides of a free stretch, or of the rest of the body, the network interpolates: that outweighs
    the words of a prompt and joins less smoothly (docs/modes.md has the numbers). It still learns the way of the root,
    sees the poses in the noisy motion, and is told of key poses. A motion that is only continued is told what it was.
    """
    result = np.zeros((request.frames, JOINT_COUNT), dtype=bool)
    full = np.zeros(request.frames, dtype=bool)
    for held in request.held:
        frames = slice(max(held.start, 0), max(held.stop, 0))
        result[frames, [INDEX[name] for name in held.joints]] = True
        full[frames] |= len(held.joints) == JOINT_COUNT
    one_sided = int(np.count_nonzero(np.diff(full))) <= 1 and not (result.any(axis=1) & ~full).any()
    if one_sided:
        result[:] = False
    for keyframe in request.keyframes:
        if 0 <= keyframe.frame < request.frames:
            result[keyframe.frame, [INDEX[name] for name in keyframe.joints]] = False
    return result


def _write_path(result: Constraints, path: Path) -> None:
    frames = np.asarray(path.frames)
    points = np.asarray(path.points, dtype=np.float64).reshape(len(frames), 2)
    turns = None if path.headings is None else np.unwrap(np.asarray(path.headings, dtype=np.float64))
    if path.dense and len(frames) > 1:
        grid = np.arange(frames[0], frames[-1] + 1)
        points = between_points(frames, points, grid)
        turns = None if turns is None else between_points(frames, turns[:, None], grid)[:, 0]
        frames = grid
    inside = (frames >= 0) & (frames < result.frames)
    at = frames[inside]
    result.root_mask[at[:, None], (0, 2)] = True
    result.root_positions[at[:, None], (0, 2)] = points[inside]
    if turns is not None:
        result.heading_mask[at] = True
        result.headings[at] = turns[inside]


def between_points(frames: NDArray[np.int64], points: Array, grid: NDArray[np.int64]) -> Array:
    """A smooth way through points: cubics whose slopes are limited so that a stop stays a stop.

    The slope at a point is that of the parabola through it and its neighbours, at most three times the slower of the
    two speeds (the bound of Fritsch and Carlson, 1980, on the length of the vector: the same way in every direction).

    Args:
        frames: (n,) rising, at least two.
        points: (n, k) values at these frames.
        grid: (m,) frames within them.

    Returns:
        (m, k).
    """
    gaps = np.diff(frames).astype(np.float64)[:, None]
    speeds = np.diff(points, axis=0) / gaps
    slopes = np.concatenate([speeds[:1], speeds])
    before, after = speeds[:-1], speeds[1:]
    middle = (gaps[1:] * before + gaps[:-1] * after) / (gaps[1:] + gaps[:-1])
    slowest = np.minimum(*(np.linalg.norm(speed, axis=1, keepdims=True) for speed in (before, after)))
    length = np.maximum(np.linalg.norm(middle, axis=1, keepdims=True), 1e-12)
    slopes[1:-1] = middle * np.minimum(1.0, 3.0 * slowest / length)
    part = np.clip(np.searchsorted(frames, grid, side="right") - 1, 0, len(frames) - 2)
    gap = gaps[part]
    share = (grid - frames[part])[:, None] / gap
    start, stop = points[part], points[part + 1]
    smooth = share * share * (3.0 - 2.0 * share)
    ease_out, ease_in = share * (1.0 - share) ** 2, -(share**2) * (1.0 - share)
    return start + (stop - start) * smooth + gap * (ease_out * slopes[part] + ease_in * slopes[part + 1])


def _write_pins(result: Constraints, pins: Sequence[Pin]) -> tuple[PinTarget, ...]:
    targets: list[PinTarget] = []
    for pin in pins:
        start, stop = max(pin.start, 0), min(pin.stop, result.frames)
        if start >= stop:
            continue
        turn = None if pin.rotation is None else rotation.normalize(pin.rotation)
        target = PinTarget(INDEX[pin.joint], start, stop, np.asarray(pin.position, dtype=np.float64), turn)
        if target.joint == _PELVIS:
            _write_pelvis(result, slice(start, stop), target.position, target.rotation)
        else:
            targets.append(target)
    return tuple(targets)


def _write_held(result: Constraints, held: Held) -> None:
    rotations, roots = held_arrays(held)
    frames = np.arange(held.start, held.stop)
    inside = (frames >= 0) & (frames < result.frames)
    at, joints = frames[inside], np.array([INDEX[name] for name in held.joints], np.int64)
    result.pose_mask[np.ix_(at, joints)] = True
    result.pose_rotations[np.ix_(at, joints)] = rotation.normalize(rotations[inside])
    if roots is not None:
        result.root_mask[at], result.root_positions[at] = True, roots[inside]
    if "pelvis" in held.joints:
        result.heading_mask[at] = True
        result.headings[at] = rotation.heading(result.pose_rotations[at, _PELVIS])


def _write_keyframe(result: Constraints, keyframe: Keyframe) -> None:
    frame = keyframe.frame
    for name in keyframe.joints:
        turn = rotation.normalize(keyframe.rotations[name])
        result.pose_mask[frame, INDEX[name]] = True
        result.pose_rotations[frame, INDEX[name]] = turn
    pelvis = result.pose_rotations[frame, _PELVIS] if "pelvis" in keyframe.joints else None
    root = None if keyframe.root_position is None else np.asarray(keyframe.root_position, dtype=np.float64)
    _write_pelvis(result, slice(frame, frame + 1), root, pelvis)


def _write_pelvis(result: Constraints, frames: slice, position: Array | None, turn: Array | None) -> None:
    if position is not None:
        result.root_mask[frames] = True
        result.root_positions[frames] = position
    if turn is not None:
        result.pose_mask[frames, _PELVIS] = True
        result.pose_rotations[frames, _PELVIS] = turn
        result.heading_mask[frames] = True
        result.headings[frames] = rotation.heading(turn)
