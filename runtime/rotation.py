"""Rotation algebra on numpy arrays: quaternions are (..., 4) with w first, matrices (..., 3, 3).

All functions broadcast over leading axes and compute in float64. Formulas: genmo.md section 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
_TINY = 1e-12


def _array(values: ArrayLike) -> Array:
    return np.asarray(values, dtype=np.float64)


def normalize(vectors: ArrayLike) -> Array:
    """Vectors (..., n) scaled to unit length; a zero vector stays zero."""
    array = _array(vectors)
    return array / np.maximum(np.linalg.norm(array, axis=-1, keepdims=True), _TINY)


def identity(*shape: int) -> Array:
    """Identity quaternions of shape (*shape, 4)."""
    return np.broadcast_to(np.array([1.0, 0.0, 0.0, 0.0]), (*shape, 4)).copy()


def multiply(first: ArrayLike, second: ArrayLike) -> Array:
    """Hamilton product (..., 4): the rotation `second` followed by `first`."""
    a, b = _array(first), _array(second)
    aw, ax, ay, az = (a[..., axis] for axis in range(4))
    bw, bx, by, bz = (b[..., axis] for axis in range(4))
    out = np.empty((*np.broadcast_shapes(aw.shape, bw.shape), 4))  # filled in place: half the time of np.stack
    out[..., 0] = aw * bw - ax * bx - ay * by - az * bz
    out[..., 1] = aw * bx + ax * bw + ay * bz - az * by
    out[..., 2] = aw * by - ax * bz + ay * bw + az * bx
    out[..., 3] = aw * bz + ax * by - ay * bx + az * bw
    return out


def conjugate(quaternions: ArrayLike) -> Array:
    """Inverse rotations (..., 4) of unit quaternions."""
    return _array(quaternions) * np.array([1.0, -1.0, -1.0, -1.0])


def rotate(quaternions: ArrayLike, vectors: ArrayLike) -> Array:
    """Vectors (..., 3) turned by unit quaternions (..., 4)."""
    q, v = _array(quaternions), _array(vectors)
    w, x, y, z = (q[..., axis] for axis in range(4))
    a, b, c = (v[..., axis] for axis in range(3))
    tx, ty, tz = 2.0 * (y * c - z * b), 2.0 * (z * a - x * c), 2.0 * (x * b - y * a)  # twice q x v
    out = np.empty((*np.broadcast_shapes(w.shape, a.shape), 3))
    out[..., 0] = a + w * tx + y * tz - z * ty
    out[..., 1] = b + w * ty + z * tx - x * tz
    out[..., 2] = c + w * tz + x * ty - y * tx
    return out


def from_axis_angle(vectors: ArrayLike) -> Array:
    """Quaternions (..., 4) of rotation vectors (..., 3) in radians."""
    v = _array(vectors)
    angle = np.linalg.norm(v, axis=-1, keepdims=True)
    half = 0.5 * angle
    scale = 0.5 * np.sinc(half / np.pi)  # sin(half) / angle without the 0/0
    return np.concatenate([np.cos(half), v * scale], axis=-1)


def to_axis_angle(quaternions: ArrayLike) -> Array:
    """Rotation vectors (..., 3) in radians, of the shorter way round."""
    q = _array(quaternions)
    q = np.where(q[..., :1] < 0, -q, q)
    sine = np.linalg.norm(q[..., 1:], axis=-1, keepdims=True)
    half = np.arctan2(sine, q[..., :1])
    return q[..., 1:] / (0.5 * np.sinc(half / np.pi))


def to_matrix(quaternions: ArrayLike) -> Array:
    """Rotation matrices (..., 3, 3) of unit quaternions; column vectors."""
    w, x, y, z = np.moveaxis(normalize(quaternions), -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def from_matrix(matrices: ArrayLike) -> Array:
    """Quaternions (..., 4) with w >= 0 of rotation matrices (..., 3, 3); the best of four candidates."""
    m = _array(matrices)
    m00, m11, m22 = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    squares = np.stack([1 + m00 + m11 + m22, 1 + m00 - m11 - m22, 1 - m00 + m11 - m22, 1 - m00 - m11 + m22], axis=-1)
    d = np.stack([m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]], axis=-1)
    s01, s02, s12 = (m[..., i, j] + m[..., j, i] for i, j in ((0, 1), (0, 2), (1, 2)))
    candidates = np.stack(
        [
            np.stack([squares[..., 0], d[..., 0], d[..., 1], d[..., 2]], axis=-1),
            np.stack([d[..., 0], squares[..., 1], s01, s02], axis=-1),
            np.stack([d[..., 1], s01, squares[..., 2], s12], axis=-1),
            np.stack([d[..., 2], s02, s12, squares[..., 3]], axis=-1),
        ],
        axis=-2,
    )
    best = np.argmax(squares, axis=-1)[..., None, None]
    q = normalize(np.take_along_axis(candidates, best, axis=-2)[..., 0, :])
    return np.where(q[..., :1] < 0, -q, q)


def sixd_from_matrix(matrices: ArrayLike) -> Array:
    """The first two rows of rotation matrices, flattened to (..., 6) (genmo.md section 1)."""
    m = _array(matrices)
    return m[..., :2, :].reshape(*m.shape[:-2], 6)


def matrix_from_sixd(values: ArrayLike) -> Array:
    """Rotation matrices (..., 3, 3) of 6D values (..., 6) by Gram-Schmidt on the two rows."""
    v = _array(values)
    first = normalize(v[..., :3])
    second = normalize(v[..., 3:] - np.sum(first * v[..., 3:], axis=-1, keepdims=True) * first)
    return np.stack([first, second, np.cross(first, second)], axis=-2)


def about_y(angles: ArrayLike) -> Array:
    """Quaternions (..., 4) that turn by `angles` (...) radians about the vertical Y axis."""
    half = 0.5 * _array(angles)
    zero = np.zeros_like(half)
    return np.stack([np.cos(half), zero, np.sin(half), zero], axis=-1)


def heading(quaternions: ArrayLike) -> Array:
    """Turn about Y (...), radians in (-pi, pi], by swing-twist: also defined for a lying body."""
    q = _array(quaternions)
    angle = 2.0 * np.arctan2(q[..., 2], q[..., 0])
    return (angle + np.pi) % (2.0 * np.pi) - np.pi


def between(start: ArrayLike, end: ArrayLike) -> Array:
    """Smallest rotations (..., 4) that turn the directions `start` (..., 3) into `end` (..., 3)."""
    a, b = np.broadcast_arrays(normalize(start), normalize(end))
    w = 1.0 + np.sum(a * b, axis=-1, keepdims=True)
    helper = np.where(np.abs(a[..., :1]) < 0.9, np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0]))
    opposite = w < 1e-9
    xyz = np.where(opposite, np.cross(a, helper), np.cross(a, b))
    return normalize(np.concatenate([np.where(opposite, 0.0, w), xyz], axis=-1))


def angle(first: ArrayLike, second: ArrayLike) -> Array:
    """Angle (...) in radians between two rotations."""
    relative = multiply(conjugate(first), second)
    return 2.0 * np.arctan2(np.linalg.norm(relative[..., 1:], axis=-1), np.abs(relative[..., 0]))


def slerp(start: ArrayLike, end: ArrayLike, weights: ArrayLike) -> Array:
    """Spherical interpolation (..., 4) on the shorter way; weights (...) 0 = start, 1 = end."""
    difference = to_axis_angle(multiply(conjugate(start), end))
    return multiply(start, from_axis_angle(difference * _array(weights)[..., None]))


def continuous(quaternions: ArrayLike, axis: int = 0) -> Array:
    """The same rotations with signs chosen so that neighbours along `axis` lie in one hemisphere."""
    q = np.moveaxis(_array(quaternions).copy(), axis, 0)
    dots = np.sum(q[1:] * q[:-1], axis=-1, keepdims=True)
    q[1:] *= np.cumprod(np.where(dots < 0, -1.0, 1.0), axis=0)
    return np.moveaxis(q, 0, axis)
