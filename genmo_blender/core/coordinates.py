"""The one place that knows about axes: model space (Y up, facing +Z) against Blender (Z up, facing -Y).

Model space: right-handed, Y up, metres, rest pose facing +Z with the character's left on +X. Blender: Z up, a
character in front view faces -Y and has its left on +X. A 4 x 4 matrix maps model points to other points; its
3 x 3 part is a rotation times a scale, and the scale may differ between the vertical and the horizontal.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...runtime import rotation

Array = NDArray[np.float64]

BLENDER_FROM_MODEL: Final = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
"""Model (x, y, z) -> Blender (x, -z, y), columns are the images of the model's axes."""
BLENDER_FROM_MODEL.flags.writeable = False


def blender_from_model(points: ArrayLike) -> Array:
    """Model points or directions (..., 3) in Blender's axes."""
    return np.asarray(points, dtype=np.float64) @ BLENDER_FROM_MODEL.T


def model_from_blender(points: ArrayLike) -> Array:
    """Blender points or directions (..., 3) in the model's axes."""
    return np.asarray(points, dtype=np.float64) @ BLENDER_FROM_MODEL


def transform_points(matrix: ArrayLike, points: ArrayLike) -> Array:
    """Points (..., 3) moved by an affine matrix (4, 4)."""
    m = np.asarray(matrix, dtype=np.float64)
    return np.asarray(points, dtype=np.float64) @ m[:3, :3].T + m[:3, 3]


def invert(matrix: ArrayLike) -> Array:
    """Inverse of an affine matrix (4, 4).

    Raises:
        numpy.linalg.LinAlgError: the matrix flattens space (an object scaled to zero).
    """
    m = np.asarray(matrix, dtype=np.float64)
    inverse = np.eye(4)
    inverse[:3, :3] = np.linalg.inv(m[:3, :3])
    inverse[:3, 3] = -inverse[:3, :3] @ m[:3, 3]
    return inverse


def affine(linear: ArrayLike, translation: ArrayLike = (0.0, 0.0, 0.0)) -> Array:
    """Matrix (4, 4) of a linear part (3, 3) and a translation (3,)."""
    m = np.eye(4)
    m[:3, :3] = linear
    m[:3, 3] = translation
    return m


def nearest_rotations(matrices: ArrayLike) -> Array:
    """Rotations (..., 3, 3) closest to matrices that also scale or shear (polar decomposition)."""
    u, _, vh = np.linalg.svd(np.asarray(matrices, dtype=np.float64))
    sign = np.sign(np.linalg.det(u @ vh))
    u[..., :, 2] *= sign[..., None]
    return u @ vh


def _turn(world_from_model: ArrayLike) -> Array:
    """Quaternion (4,) of the rotation in a model-to-world matrix."""
    return rotation.from_matrix(nearest_rotations(np.asarray(world_from_model, dtype=np.float64)[:3, :3]))


def points_model_from_world(world_from_model: ArrayLike, points: ArrayLike) -> Array:
    """World points (..., 3) in model space (metres of the model's own body)."""
    return transform_points(invert(world_from_model), points)


def points_world_from_model(world_from_model: ArrayLike, points: ArrayLike) -> Array:
    """Model points (..., 3) in the world."""
    return transform_points(world_from_model, points)


def rotations_model_from_world(world_from_model: ArrayLike, quaternions: ArrayLike) -> Array:
    """World turns (..., 4), relative to the T-pose, as model turns; w first."""
    turn = _turn(world_from_model)
    return rotation.multiply(rotation.multiply(rotation.conjugate(turn), quaternions), turn)


def rotations_world_from_model(world_from_model: ArrayLike, quaternions: ArrayLike) -> Array:
    """Model turns (..., 4), relative to the T-pose, as world turns; w first."""
    turn = _turn(world_from_model)
    return rotation.multiply(rotation.multiply(turn, quaternions), rotation.conjugate(turn))


def heading_model_from_world(world_from_model: ArrayLike, angles: ArrayLike) -> Array:
    """Directions on the ground in model space.

    Args:
        world_from_model: (4, 4).
        angles: (...) radians about the world's Z; 0 looks along -Y (Blender's front view), positive to the left.

    Returns:
        (...) radians about the model's Y; 0 looks along +Z, positive to the character's left (+X).
    """
    a = np.asarray(angles, dtype=np.float64)
    world = np.stack([np.sin(a), -np.cos(a), np.zeros_like(a)], axis=-1)
    local = rotation.rotate(rotation.conjugate(_turn(world_from_model)), world)
    return np.arctan2(local[..., 0], local[..., 2])


def heading_world_from_model(world_from_model: ArrayLike, headings: ArrayLike) -> Array:
    """The inverse of `heading_model_from_world`: (...) radians about the world's Z."""
    a = np.asarray(headings, dtype=np.float64)
    local = np.stack([np.sin(a), np.zeros_like(a), np.cos(a)], axis=-1)
    world = rotation.rotate(_turn(world_from_model), local)
    return np.arctan2(world[..., 0], -world[..., 1])
