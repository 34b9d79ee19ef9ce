"""The body of the GENMO character: one smooth surface around the model's rest skeleton, with bone weights.

The shape is a signed distance field: tapered capsules, one or more per bone, blended with a smooth minimum
(Quilez, "Smooth minimum", iquilezles.org). Everything is in model space: metres, Y up, facing +Z.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...runtime import rotation, skeleton
from .surface import smoothed, surface_nets

Array = NDArray[np.float64]
Indices = NDArray[np.int64]
Vector = tuple[float, float, float]

SPACING: Final = 0.0085
"""Grid step of the surface, metres."""
SMOOTHING_STEPS: Final = 6
_FAR: Final = 0.2
"""Distance stored where no part is near, metres."""
_SOFTNESS: Final = 0.011
"""How far, in metres of distance, a joint's bend spreads over the skin."""


@dataclass(frozen=True, slots=True)
class Part:
    """A capsule of varying thickness from `start` to `end`, relative to its joint's rest position, metres.

    `radii` are spread evenly along it; `squash` scales it per axis (1 = round); `blend` is the width of the seam.
    """

    joint: str
    start: Vector
    end: Vector
    radii: tuple[float, ...]
    squash: Vector = (1.0, 1.0, 1.0)
    blend: float = 0.012


@dataclass(frozen=True, slots=True)
class Mannequin:
    """A skinned mesh in model space.

    Attributes:
        vertices: (V, 3) metres.
        quads: (Q, 4) vertex indices.
        tones: (Q,) 0 = body, 1 = accent.
        weights: (V, 22) rows sum to 1, at most four entries differ from 0.
    """

    vertices: Array
    quads: Indices
    tones: Indices
    weights: Array


_MIDDLE: Final = (
    Part("pelvis", (0.0, 0.015, -0.006), (0.0, 0.12, 0.002), (0.128, 0.140, 0.134, 0.126, 0.120), (1.0, 1.0, 0.78)),
    Part("pelvis", (-0.062, -0.012, -0.03), (0.062, -0.012, -0.03), (0.088, 0.084, 0.088), blend=0.06),
    Part("spine1", (0.0, -0.07, 0.005), (0.0, 0.07, 0.008), (0.121, 0.117, 0.122), (1.0, 1.0, 0.78), 0.03),
    Part("spine2", (0.0, -0.03, 0.01), (0.0, 0.10, 0.012), (0.123, 0.132, 0.142), (1.0, 1.0, 0.76), 0.03),
    Part("spine3", (0.0, -0.03, 0.014), (0.0, 0.02, 0.012), (0.142, 0.142, 0.128), (1.0, 0.7, 0.78), 0.03),
    Part("spine3", (-0.075, -0.005, 0.042), (0.075, -0.005, 0.042), (0.066, 0.066, 0.066), blend=0.06),
    Part("spine3", (-0.10, 0.048, -0.006), (0.10, 0.048, -0.006), (0.066, 0.072, 0.066), blend=0.05),
    Part("neck", (0.0, -0.03, -0.016), (0.0, 0.085, 0.004), (0.062, 0.052, 0.049), blend=0.03),
    Part("head", (0.0, 0.112, -0.004), (0.0, 0.122, -0.006), (0.096, 0.096), (0.84, 1.0, 1.0), blend=0.015),
    Part("head", (0.0, 0.028, 0.042), (0.0, 0.10, 0.036), (0.044, 0.058, 0.064), (1.0, 1.0, 0.92), blend=0.04),
    Part("head", (0.0, 0.066, 0.102), (0.0, 0.098, 0.092), (0.012, 0.007), blend=0.03),
    Part("head", (0.074, 0.085, -0.004), (0.079, 0.108, -0.012), (0.016, 0.02), (0.5, 1.0, 0.8), blend=0.008),
    Part("head", (-0.074, 0.085, -0.004), (-0.079, 0.108, -0.012), (0.016, 0.02), (0.5, 1.0, 0.8), blend=0.008),
)

_LEFT: Final = (
    Part("l_collar", (0.01, 0.004, 0.008), (0.085, -0.016, 0.016), (0.048, 0.056), blend=0.05),
    Part("l_shoulder", (0.0, -0.006, 0.0), (0.2817, -0.0171, 0.0049),
         (0.058, 0.061, 0.056, 0.05, 0.046, 0.041, 0.038), blend=0.04),
    Part("l_elbow", (0.0, 0.0, 0.0), (0.216, 0.0074, 0.0676), (0.038, 0.042, 0.041, 0.036, 0.03, 0.026)),
    Part("l_wrist", (0.0, -0.001, 0.002), (0.082, -0.004, 0.026), (0.027, 0.037, 0.042, 0.041), (1.0, 0.5, 1.0), 0.02),
    Part("l_wrist", (0.016, -0.006, 0.03), (0.08, -0.016, 0.098), (0.018, 0.0165, 0.0125), blend=0.022),
    Part("l_wrist", (0.085, -0.004, 0.06), (0.152, -0.011, 0.09), (0.012, 0.0115, 0.0105), blend=0.005),
    Part("l_wrist", (0.09, -0.003, 0.038), (0.172, -0.01, 0.056), (0.012, 0.012, 0.0105), blend=0.005),
    Part("l_wrist", (0.09, -0.003, 0.013), (0.168, -0.01, 0.018), (0.012, 0.0115, 0.0105), blend=0.005),
    Part("l_wrist", (0.084, -0.004, -0.008), (0.146, -0.01, -0.019), (0.0115, 0.011, 0.01), blend=0.005),
    Part("l_hip", (-0.006, 0.0, -0.004), (0.0, -0.3682, 0.0082),
         (0.079, 0.083, 0.082, 0.077, 0.070, 0.062, 0.055, 0.052), blend=0.05),
    Part("l_knee", (0.0, 0.0, 0.001), (-0.0068, -0.42, -0.048),
         (0.052, 0.05, 0.053, 0.056, 0.053, 0.046, 0.039, 0.034, 0.032)),
    Part("l_knee", (0.0, -0.09, -0.024), (-0.002, -0.17, -0.034), (0.04, 0.042, 0.03), blend=0.03),
    Part("l_ankle", (0.0, 0.005, 0.0), (0.0, -0.034, -0.02), (0.033, 0.036, 0.042), blend=0.03),
    Part("l_ankle", (0.0, -0.03, 0.0), (0.011, -0.05, 0.115), (0.044, 0.042, 0.036), (0.95, 0.95, 1.0), blend=0.03),
    Part("l_foot", (0.002, 0.006, -0.012), (0.0, 0.0, 0.05), (0.042, 0.043, 0.035), (1.12, 0.78, 1.0), blend=0.03),
)  # fmt: skip


def _mirrored(part: Part) -> Part:
    start, end = ((-x, y, z) for x, y, z in (part.start, part.end))
    return Part("r" + part.joint[1:], start, end, part.radii, part.squash, part.blend)


PARTS: Final = _MIDDLE + _LEFT + tuple(_mirrored(part) for part in _LEFT)


def rest_positions() -> Array:
    """Joint positions (22, 3) of the standing T-pose, soles on the floor, metres."""
    offsets = skeleton.rest_offsets()
    positions, _ = skeleton.forward_kinematics(np.zeros(3), rotation.identity(skeleton.JOINT_COUNT), offsets)
    positions[:, 1] += skeleton.FLOOR_OFFSET - positions[skeleton.INDEX["l_foot"], 1]
    return positions


@lru_cache(maxsize=1)
def build() -> Mannequin:
    """The character's mesh, well under a second of work at the first call; its arrays are not to be changed."""
    joints = rest_positions()
    field, origin = _field(joints)
    vertices, quads = surface_nets(field, origin, SPACING)
    vertices = smoothed(vertices, quads, SMOOTHING_STEPS)
    tones = _tones(vertices, quads, joints)
    return Mannequin(vertices, quads, tones, _weights(vertices, joints))


def _distance(part: Part, joint: Array, points: Array) -> Array:
    """Signed distance (...) of points (..., 3) to a part; exact for round parts, close for squashed ones."""
    squash = np.array(part.squash)
    start = (joint + part.start) / squash
    along = (joint + part.end) / squash - start
    relative = points / squash - start
    t = np.clip(relative @ along / max(float(along @ along), 1e-12), 0.0, 1.0)
    radius = np.interp(t, np.linspace(0.0, 1.0, len(part.radii)), part.radii)
    return (np.linalg.norm(relative - t[..., None] * along, axis=-1) - radius) * squash.min()


def _field(joints: Array) -> tuple[NDArray[np.float32], Array]:
    """The distance field on a grid that holds the whole body, and the grid's origin (3,).

    Grid planes lie symmetrically about x = 0 so that both halves of the mesh are alike.
    """
    low = np.floor(np.array([-0.86, -0.03, -0.18]) / SPACING)
    high = np.ceil(np.array([0.86, 1.76, 0.24]) / SPACING)
    origin = low * SPACING
    field = np.full((high - low).astype(int) + 1, _FAR, dtype=np.float32)
    for part in PARTS:
        joint = joints[skeleton.INDEX[part.joint]]
        ends = np.stack([joint + part.start, joint + part.end])
        reach = max(part.radii) * max(part.squash) + part.blend + 2.0 * SPACING
        first = np.floor((ends.min(axis=0) - reach - origin) / SPACING).astype(int)
        last = np.ceil((ends.max(axis=0) + reach - origin) / SPACING).astype(int)
        box = tuple(slice(max(a, 0), b + 1) for a, b in zip(first, last, strict=True))
        axes = [origin[axis] + SPACING * np.arange(field.shape[axis])[box[axis]] for axis in range(3)]
        points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
        field[box] = _smooth_minimum(field[box].astype(np.float64), _distance(part, joint, points), part.blend)
    heights = origin[1] + SPACING * np.arange(int(high[1] - low[1]) + 1)
    return np.maximum(field, -heights.reshape(1, -1, 1)).astype(np.float32), origin


def _smooth_minimum(first: Array, second: Array, width: float) -> Array:
    overlap = np.maximum(width - np.abs(first - second), 0.0) / width
    return np.minimum(first, second) - overlap * overlap * width * 0.25


def _weights(vertices: Array, joints: Array) -> Array:
    """Skin weights (V, 22): the nearest bone and its kin share a vertex by how near their parts are."""
    distances = np.full((len(vertices), skeleton.JOINT_COUNT), np.inf)
    for part in PARTS:
        index = skeleton.INDEX[part.joint]
        distances[:, index] = np.minimum(distances[:, index], _distance(part, joints[index], vertices))
    nearest = np.argmin(distances, axis=1)
    share = np.exp(-(distances - distances.min(axis=1, keepdims=True)) / _SOFTNESS)
    share = np.where(_kinship()[nearest], share, 0.0)
    smallest_kept = np.sort(share, axis=1)[:, -4][:, None]
    share = np.where((share >= smallest_kept) & (share > 0.01), share, 0.0)
    return share / share.sum(axis=1, keepdims=True)


def _kinship() -> NDArray[np.bool_]:
    """(22, 22) pairs that may share a vertex: a joint, its parent and its children."""
    kin = np.eye(skeleton.JOINT_COUNT, dtype=bool)
    for joint, parent in enumerate(skeleton.PARENTS):
        if parent >= 0:
            kin[joint, parent] = kin[parent, joint] = True
    return kin


def _tones(vertices: Array, quads: Indices, joints: Array) -> Indices:
    """Tones (Q,): hands, feet and face mask stand out; vertices on a seam are moved onto its plane in place."""
    wrist, ankle = joints[skeleton.INDEX["l_wrist"]], joints[skeleton.INDEX["l_ankle"]]
    centres = vertices[quads].mean(axis=1)
    glove = np.abs(centres[:, 0]) > wrist[0] - 0.02
    shoe = centres[:, 1] < ankle[1] + 0.02
    tones = np.where(glove | shoe, 1, 0)
    _straighten(vertices, quads, tones, glove, axis=0, value=wrist[0] - 0.02)
    _straighten(vertices, quads, tones, shoe, axis=1, value=ankle[1] + 0.02)
    return tones


def _straighten(
    vertices: Array, quads: Indices, tones: Indices, region: NDArray[np.bool_], *, axis: int, value: float
) -> None:
    """Move the vertices between a region and the body onto the plane where `axis` is +-`value`."""
    seam = np.intersect1d(quads[region], quads[tones == 0])
    vertices[seam, axis] = np.sign(vertices[seam, axis]) * value
