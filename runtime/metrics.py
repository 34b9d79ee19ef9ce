"""How good a motion is, in numbers that people know from papers, and how exactly it meets its request.

Foot skate: the benchmark of Kimodo (NVIDIA 2026, kimodo/metrics); jitter: GENMO / WHAM / GVHMR `eval_utils`;
MBench jitter and dynamic degree: ViMoGen (2025, mbench/motion_quality). The tests hold golden numbers of their code.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import rotation, skeleton
from .constraints import between_points
from .errors import RequestError
from .ground import heights_at
from .motion import Motion, resampled
from .request import Keyframe, MotionRequest, held_keyframes
from .skeleton import FLOOR_OFFSET, INDEX

Array = NDArray[np.float64]

FEET: Final = tuple(INDEX[name] for name in ("l_ankle", "l_foot", "r_ankle", "r_foot"))
"""Heel and toe of both feet; the first four contact channels are theirs."""

UNITS: Final = {
    "foot_skate_contact": "cm/s",
    "foot_skate_height": "cm/s",
    "foot_skate_max": "cm/s",
    "foot_skate_ratio": "",
    "contact_consistency": "",
    "penetration_mean": "cm",
    "penetration_max": "cm",
    "jitter": "10 m/s^3",
    "mbench_jitter": "m/frame^2",
    "mbench_dynamic": "m/frame",
    "key_position_error_mm": "mm",
    "key_rotation_error_deg": "deg",
    "pin_error_mm": "mm",
    "pin_rotation_error_deg": "deg",
    "path_error_mm": "mm",
    "heading_error_deg": "deg",
    "key_acceleration_ratio": "",
}
"""Every key that `measure` may give, and its unit."""

DATA_LEVELS: Final = {
    "foot_skate_contact": (7.2, 12.7),
    "penetration_max": (1.6, 3.6),
    "jitter": (12.7, 31.0),
}
"""Median and 90th percentile of recorded motion (150 clips of the training data, docs/measurements.md)."""

PROMISES: Final = {
    "key_position_error_mm": 1.0,
    "key_rotation_error_deg": 0.1,
    "pin_error_mm": 1.0,
    "path_error_mm": 1.0,
}
"""Largest error that a met constraint may have (DESIGN section 1)."""

LOW_TOE: Final = 0.05  # metres; Kimodo's height under which a toe should stand
_LOW_FOOT: Final = 0.10
_SLOW_FOOT: Final = 0.15  # m/s; with _LOW_FOOT Kimodo's own contact detector
_SKATING: Final = 0.2  # m/s
_SMALL: Final = 1e-6  # keeps Kimodo's averages over nothing at 0
_MBENCH_FPS: Final = 20.0
_NEAR_KEY: Final = 3  # frames
_CALM: Final = 1.0  # m/s^2, the least acceleration that a pop is compared with


def measure(motion: Motion, request: MotionRequest | None = None) -> dict[str, float]:
    """All metrics of one motion.

    Args:
        motion: what was made.
        request: what was asked for; None takes `motion.request`. Without one, or for the kinds of constraint that it
            does not have, the keys about constraints are missing.

    Returns:
        Name -> number; units in UNITS.
        foot_skate_contact: mean speed of heels and toes on frames where the motion's own contacts are on (contact is
            taken as on from 0.5); this is "Skate" in Kimodo's tables.
        foot_skate_height: mean speed of toes lower than 5 cm. foot_skate_ratio: share of steps with low toes that
            are faster than 0.2 m/s. foot_skate_max: fastest foot in contact.
        contact_consistency: share of contacts that agree with feet lower than 10 cm and slower than 0.15 m/s.
        penetration_mean, penetration_max: depth of heels and toes under `skeleton.FLOOR_OFFSET`, the height of the
            ball joint of a flat foot, so the depth of the sole; the mean is over all frames and the four joints.
        jitter: mean |third difference| of all joints x fps^3 / 10.
        mbench_jitter, mbench_dynamic: see `mbench_motion`, at 20 fps.
        key_position_error_mm, key_rotation_error_deg: largest distance of any joint from where it would be if the
            key pose were met, and largest angle between set and found local rotations.
        pin_error_mm, pin_rotation_error_deg, path_error_mm, heading_error_deg: largest on the frames they hold.
        key_acceleration_ratio: see `key_acceleration_ratio`.

    Raises:
        RequestError: the request counts another frame rate than the motion.
    """
    asked = motion.request if request is None else request
    contacts = (motion.contacts[:, : len(FEET)] >= 0.5).astype(np.float64)
    points = _over_ground(motion.positions[:, FEET], asked)
    feet = foot_skate(points, contacts, motion.fps)
    depth = 100.0 * np.maximum(FLOOR_OFFSET - points[..., 1], 0.0)
    mbench_jitter, mbench_dynamic = mbench_motion(resampled(motion, _MBENCH_FPS).positions)
    found = {
        "foot_skate_contact": 100.0 * feet["foot_skate_from_pred_contacts"],
        "foot_skate_height": 100.0 * feet["foot_skate_from_height"],
        "foot_skate_max": 100.0 * feet["foot_skate_max_vel"],
        "foot_skate_ratio": feet["foot_skate_ratio"],
        "contact_consistency": feet["foot_contact_consistency"],
        "penetration_mean": float(depth.mean()),
        "penetration_max": float(depth.max()),
        "jitter": jitter(motion.positions, motion.fps),
        "mbench_jitter": mbench_jitter,
        "mbench_dynamic": mbench_dynamic,
    }
    if asked is None:
        return found
    if asked.fps != motion.fps:
        raise RequestError(f"fps: the request counts {asked.fps:g} frames per second, the motion {motion.fps:g}")
    return found | constraint_errors(motion, asked)


def _over_ground(points: Array, request: MotionRequest | None) -> Array:
    """Points (..., 3) with their heights over the ground of the request instead of the floor."""
    if request is None or request.ground is None:
        return points
    return points - heights_at(request.ground, points)[..., None] * np.array([0.0, 1.0, 0.0])


def foot_skate(feet: ArrayLike, contacts: ArrayLike, fps: float) -> dict[str, float]:
    """Kimodo's foot metrics under their own names.

    Args:
        feet: (T, 4, 3) positions of l_heel, l_toe, r_heel, r_toe, metres, Y up.
        contacts: (T, 4) 1 where the foot is said to stand, else 0.
        fps: frames per second.

    Returns:
        foot_skate_from_height, foot_skate_from_pred_contacts, foot_skate_max_vel in m/s, foot_skate_ratio and
        foot_contact_consistency as shares; all 0 (consistency 1) for a single frame.
    """
    positions, on = np.asarray(feet, dtype=np.float64), np.asarray(contacts, dtype=np.float64)[:-1]
    if len(positions) < 2:
        names = ("from_height", "from_pred_contacts", "max_vel", "ratio")
        return {f"foot_skate_{name}": 0.0 for name in names} | {"foot_contact_consistency": 1.0}
    speeds = np.linalg.norm(np.diff(positions, axis=0), axis=-1) * fps  # (T-1, 4)
    low = positions[:, (1, 3), 1] < LOW_TOE  # (T, 2)
    low_before, low_both = low[:-1], low[:-1] & low[1:]
    toes = speeds[:, (1, 3)]
    standing = (speeds < _SLOW_FOOT) & (positions[:-1, :, 1] < _LOW_FOOT)
    values = {
        "foot_skate_from_height": (toes * low_before).sum() / (low_before.sum() + _SMALL),
        "foot_skate_from_pred_contacts": (speeds * on).sum() / (on.sum() + _SMALL),
        "foot_skate_max_vel": (speeds * on).max(),
        "foot_skate_ratio": (toes * low_both > _SKATING).sum() / (low_both.sum() + _SMALL),
        "foot_contact_consistency": (on == standing).mean(),
    }
    return {name: float(value) for name, value in values.items()}


def jitter(positions: ArrayLike, fps: float) -> float:
    """Mean |third difference| of positions (T, J, 3) x fps^3 / 10, in 10 m/s^3; 0 for fewer than four frames."""
    third = np.diff(np.asarray(positions, dtype=np.float64), n=3, axis=0)
    return float(np.linalg.norm(third, axis=-1).mean() * fps**3 / 10.0) if len(third) else 0.0


def mbench_motion(positions: ArrayLike) -> tuple[float, float]:
    """MBench's Jitter_Degree and Dynamic_Degree.

    Args:
        positions: (T, J, 3) metres at 20 fps, joint 0 the pelvis.

    Returns:
        Mean size of the second and of the first difference between frames, each in the world plus relative to the
        pelvis: m/frame^2 and m/frame. 0 when there are too few frames.
    """
    world = np.asarray(positions, dtype=np.float64)
    local = world - world[:, :1]

    def mean_difference(order: int) -> float:
        if len(world) <= order:
            return 0.0
        sizes = (np.linalg.norm(np.diff(track, n=order, axis=0), axis=-1).mean() for track in (world, local))
        return float(sum(sizes))

    return mean_difference(2), mean_difference(1)


def constraint_errors(motion: Motion, request: MotionRequest) -> dict[str, float]:
    """How far a motion is from its constraints, each as the largest error; keys as in `measure`.

    Constraints outside the motion's frames are left out, and so is the path where a key pose overrides it.
    """
    errors: dict[str, list[float]] = {}
    keyed = {keyframe.frame for keyframe in request.keyframes}
    kept = [key for held in request.held for key in held_keyframes(held) if key.frame not in keyed]
    for keyframe in (*request.keyframes, *kept):
        if 0 <= keyframe.frame < motion.frames:
            position, angle = _key_error(motion, keyframe)
            errors.setdefault("key_position_error_mm", []).append(1000.0 * position)
            if keyframe.rotations:
                errors.setdefault("key_rotation_error_deg", []).append(float(np.degrees(angle)))
    for pin in request.pins:
        held = slice(max(pin.start, 0), max(min(pin.stop, motion.frames), 0))
        joint = INDEX[pin.joint]
        distances = np.linalg.norm(motion.positions[held, joint] - pin.position, axis=-1)
        errors.setdefault("pin_error_mm", []).extend(1000.0 * distances)
        if pin.rotation is not None:
            angles = rotation.angle(motion.world_rotations[held, joint], rotation.normalize(pin.rotation))
            errors.setdefault("pin_rotation_error_deg", []).extend(np.degrees(angles))
    errors |= _path_errors(motion, request)
    found = {name: float(np.max(values)) for name, values in errors.items() if len(values)}
    ratio = key_acceleration_ratio(motion, request)
    return found if ratio is None else found | {"key_acceleration_ratio": ratio}


def _key_error(motion: Motion, keyframe: Keyframe) -> tuple[float, float]:
    """Metres from the pose with the key's values put in, and radians from its rotations."""
    root = motion.root_positions[keyframe.frame]
    rotations = motion.local_rotations[keyframe.frame].copy()
    for name, quaternion in keyframe.rotations.items():
        rotations[INDEX[name]] = rotation.normalize(quaternion)
    target = root if keyframe.root_position is None else np.array(keyframe.root_position)
    positions, _ = skeleton.forward_kinematics(target, rotations, motion.rest_offsets)
    distances = np.linalg.norm(positions - motion.positions[keyframe.frame], axis=-1)
    return float(distances.max()), float(rotation.angle(rotations, motion.local_rotations[keyframe.frame]).max())


def _path_errors(motion: Motion, request: MotionRequest) -> dict[str, list[float]]:
    """Millimetres over the ground and degrees of heading on the frames of the path."""
    path = request.path
    if path is None:
        return {}
    frames, points = np.array(path.frames), np.array(path.points)
    headings = None if path.headings is None else np.unwrap(path.headings)
    if path.dense and len(frames) > 1:
        grid = np.arange(frames[0], frames[-1] + 1)
        points = between_points(frames, points, grid)
        headings = None if headings is None else between_points(frames, headings[:, None], grid)[:, 0]
        frames = grid
    inside = (frames >= 0) & (frames < motion.frames)
    keyed = [keyframe.frame for keyframe in request.keyframes if keyframe.root_position is not None]
    keyed += [frame for held in request.held if held.root_positions for frame in range(held.start, held.stop)]
    free = inside & ~np.isin(frames, keyed)
    distances = np.linalg.norm(motion.root_positions[frames[free]][:, (0, 2)] - points[free], axis=-1)
    found = {"path_error_mm": (1000.0 * distances).tolist()}
    if headings is not None:
        turned = [keyframe.frame for keyframe in request.keyframes if "pelvis" in keyframe.rotations]
        turned += [frame for held in request.held if "pelvis" in held.joints for frame in range(held.start, held.stop)]
        free = inside & ~np.isin(frames, turned)
        difference = rotation.heading(motion.local_rotations[frames[free], 0]) - headings[free]
        found["heading_error_deg"] = np.degrees(np.abs((difference + np.pi) % (2 * np.pi) - np.pi)).tolist()
    return found


def key_acceleration_ratio(motion: Motion, request: MotionRequest) -> float | None:
    """Whether the motion pops where constraints begin, end or hold for one frame.

    The acceleration of a frame is that of its fastest accelerating joint. The largest one within 3 frames of a key
    pose, of a waypoint or of an end of held poses, of a pin or of a dense path is divided by the 95th percentile of all
    frames (at least 1 m/s^2).

    Returns:
        The ratio, about 1 where nothing pops; None without such constraints or with fewer than three frames.
    """
    keys = [keyframe.frame for keyframe in request.keyframes]
    keys += [frame for held in request.held for frame in (held.start, held.stop - 1)]
    keys += [frame for pin in request.pins for frame in (pin.start, pin.stop - 1)]
    if request.path is not None:
        keys += (request.path.frames[0], request.path.frames[-1]) if request.path.dense else request.path.frames
    second = np.diff(motion.positions, n=2, axis=0) * motion.fps**2
    if not keys or not len(second):
        return None
    accelerations = np.linalg.norm(second, axis=-1).max(axis=-1)  # (T-2,) of frames 1 .. T-2
    around = np.unique(np.array(keys)[:, None] + np.arange(-_NEAR_KEY, _NEAR_KEY + 1))
    near = np.isin(np.arange(1, motion.frames - 1), around)
    if not near.any():
        return None
    return float(accelerations[near].max() / max(np.percentile(accelerations, 95), _CALM))
