"""What the retrieval model sees of a motion: features from joint positions alone, at 30 fps.

The kind of features of TMR-SOMA-RP (positions, root, heading, velocities, contacts; canonical start), so any skeleton
with these 22 joints will do. Every function is exact under turning and moving the motion.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .features import turn_planar
from .skeleton import INDEX, JOINT_COUNT, MIRROR

Array = NDArray[np.float64]

FPS: Final = 30.0

ROOT: Final = slice(0, 3)
"""Pelvis [x, y, z] from where the motion starts, x and z along the starting heading, metres."""
HEADING: Final = slice(3, 5)
"""Cosine and sine of the heading relative to the start."""
TURN: Final = slice(5, 6)
"""Turning rate, rad/s, positive to the left."""
LOCAL: Final = slice(6, 6 + 3 * (JOINT_COUNT - 1))
"""Joints 1..21 with the ground position and the heading of the pelvis taken away, metres."""
VELOCITY: Final = slice(LOCAL.stop, LOCAL.stop + 3 * JOINT_COUNT)
"""Velocities of all joints in the heading frame, m/s."""
CONTACT: Final = slice(VELOCITY.stop, VELOCITY.stop + 4)
"""1 where [l_ankle, l_foot, r_ankle, r_foot] is low and slow."""
WIDTH: Final = CONTACT.stop

_FEET: Final = [INDEX[name] for name in ("l_ankle", "l_foot", "r_ankle", "r_foot")]
_LOW, _SLOW = 0.10, 0.15
"""Metres and m/s under which a foot stands: the contact detector of Kimodo (`runtime.metrics`)."""
_SMOOTH: Final = 4
"""Frames; standard deviation of the smoothing that carries the heading through frames in which it has no meaning."""


def headings(positions: ArrayLike) -> Array:
    """Heading of the body in each frame, from hips and shoulders.

    The ground direction from the right to the left side is smoothed before its angle is taken: where the body lies on
    its side or is upside down, the direction is short and its neighbours decide.

    Args:
        positions: (T, 22, 3) metres, Y up.

    Returns:
        (T,) radians, continuous; 0 faces +Z, positive turns to the left.
    """
    p = np.asarray(positions, dtype=np.float64)
    across = p[:, INDEX["l_hip"]] - p[:, INDEX["r_hip"]] + p[:, INDEX["l_shoulder"]] - p[:, INDEX["r_shoulder"]]
    reach = np.arange(-3 * _SMOOTH, 3 * _SMOOTH + 1)
    weights = np.exp(-0.5 * (reach / _SMOOTH) ** 2)
    # Mirrored in the end points, which goes on turning as the ends do.
    padded = np.pad(across[:, ::2], ((3 * _SMOOTH, 3 * _SMOOTH), (0, 0)), mode="reflect", reflect_type="odd")
    smooth = np.stack([np.convolve(track, weights / weights.sum(), mode="valid") for track in padded.T], axis=1)
    return np.unwrap(np.arctan2(-smooth[:, 1], smooth[:, 0]))


def encode(positions: ArrayLike) -> Array:
    """Features of a motion.

    Args:
        positions: (T, 22, 3) joint positions at 30 fps, metres, Y up, floor at 0; T at least 2.

    Returns:
        (T, WIDTH); the layout is that of the slices of this module.

    Raises:
        ValueError: another shape, or a value that is not finite.
    """
    p = np.asarray(positions, dtype=np.float64)
    if p.ndim != 3 or p.shape[1:] != (JOINT_COUNT, 3) or len(p) < 2:
        raise ValueError(f"positions must be (T, {JOINT_COUNT}, 3) with two frames or more, not {p.shape}")
    if not np.isfinite(p).all():
        raise ValueError("positions must be finite")
    turned = headings(p)
    root = p[:, 0].copy()
    root[:, ::2] = turn_planar(root[:, ::2] - root[0, ::2], -turned[0])
    local = p[:, 1:] - p[:, :1] * [1.0, 0.0, 1.0]
    velocity = np.diff(p, axis=0) * FPS
    velocity = np.concatenate([velocity, velocity[-1:]])
    feet = (p[:, _FEET, 1] < _LOW) & (np.linalg.norm(velocity[:, _FEET], axis=-1) < _SLOW)
    since = turned - turned[0]
    for vectors in (local, velocity):
        vectors[..., ::2] = turn_planar(vectors[..., ::2], -turned[:, None])
    return np.concatenate(
        [
            root,
            np.stack([np.cos(since), np.sin(since), np.gradient(turned) * FPS], axis=1),
            local.reshape(len(p), -1),
            velocity.reshape(len(p), -1),
            feet,
        ],
        axis=1,
    )


def window(features: NDArray[np.floating], start: int, stop: int) -> Array:
    """The features of frames start..stop-1 as if the motion began there: root and heading from the new start.

    Args:
        features: (T, WIDTH) of `encode`.
        start: first frame.
        stop: one after the last.

    Returns:
        (stop - start, WIDTH).
    """
    part = features[start:stop].astype(np.float64)
    angle = np.arctan2(part[0, HEADING][1], part[0, HEADING][0])
    ground = part[:, :3:2] - part[0, :3:2]
    part[:, :3:2] = turn_planar(ground, -angle)
    # Cosine and sine as [z, x] of a direction on the ground: the same turn.
    part[:, [4, 3]] = turn_planar(part[:, [4, 3]], -angle)
    return part


def mirrored(features: NDArray[np.floating]) -> Array:
    """Features of the mirror image of a motion, sides exchanged.

    Args:
        features: (T, WIDTH).

    Returns:
        (T, WIDTH).
    """
    out = features.astype(np.float64)
    out[:, [0, 4, 5]] *= -1.0
    order = np.array(MIRROR)
    flip = np.array([-1.0, 1.0, 1.0])
    local = out[:, LOCAL].reshape(len(out), -1, 3)
    out[:, LOCAL] = (local[:, order[1:] - 1] * flip).reshape(len(out), -1)
    velocity = out[:, VELOCITY].reshape(len(out), -1, 3)
    out[:, VELOCITY] = (velocity[:, order] * flip).reshape(len(out), -1)
    out[:, CONTACT] = out[:, CONTACT][:, [2, 3, 0, 1]]
    return out


def scaled(features: NDArray[np.floating], factor: float) -> Array:
    """Features of the same motion of a body `factor` times as large; contacts stay.

    Args:
        features: (T, WIDTH).
        factor: of all lengths.

    Returns:
        (T, WIDTH).
    """
    out = features.astype(np.float64)
    for part in (ROOT, LOCAL, VELOCITY):
        out[:, part] *= factor
    return out


def reversed_time(features: NDArray[np.floating]) -> Array:
    """Features of a motion that runs backwards in time, from its own start.

    Args:
        features: (T, WIDTH).

    Returns:
        (T, WIDTH).
    """
    out = window(features[::-1], 0, len(features))
    out[:, TURN] *= -1.0
    out[:, VELOCITY] *= -1.0
    return out


def faster(features: NDArray[np.floating], factor: float) -> Array:
    """Features of the same motion, `factor` times as fast.

    Args:
        features: (T, WIDTH).
        factor: above 1 for faster.

    Returns:
        (about T / factor, WIDTH).
    """
    frames = max(2, round(len(features) / factor))
    places = np.linspace(0, len(features) - 1, frames)
    before = np.minimum(places.astype(int), len(features) - 2)
    share = (places - before)[:, None]
    out = features[before] * (1.0 - share) + features[before + 1] * share
    out[:, TURN] *= factor
    out[:, VELOCITY] *= factor
    out[:, CONTACT] = out[:, CONTACT].round()
    return out
