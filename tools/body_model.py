"""The neutral skeleton and what body shape does to it, from a user's own SMPL-X model file.

Joints are a linear function of the body's surface, so the 22 joints and their change with the first ten betas follow
from four arrays. They are read from the .npz by name, which is what the `smplx` package computes for zero poses, but
nothing is unpickled and no other package is needed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from genmo.runtime.errors import UserError
from genmo.runtime.files import DAMAGE
from genmo.runtime.gem.layout import BETAS, Body
from genmo.runtime.skeleton import JOINT_COUNT, PARENTS

_ARRAYS: Final = ("v_template", "shapedirs", "J_regressor", "kintree_table")


def read_body(path: Path) -> Body:
    """The body of an SMPL-X model file.

    Raises:
        UserError: the file cannot be read, or is of another kind; one sentence.
    """
    if path.suffix != ".npz":
        raise UserError(f"{path}: take the .npz file of the SMPL-X model, others hold code")
    try:
        with np.load(path, allow_pickle=False) as archive:
            missing = [name for name in _ARRAYS if name not in archive.files]
            if missing:
                raise UserError(f"{path}: is not an SMPL-X model, {', '.join(missing)} missing")
            arrays = {name: np.asarray(archive[name]) for name in _ARRAYS}
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (*DAMAGE, KeyError) as error:
        raise UserError(f"{path}: is not a readable .npz file ({error})") from error
    return _body(path, arrays)


def _body(path: Path, arrays: dict[str, NDArray[Any]]) -> Body:
    vertices, shapes, regressor = (arrays[name] for name in ("v_template", "shapedirs", "J_regressor"))
    count = len(vertices)
    fits = (
        vertices.shape == (count, 3)
        and shapes.ndim == 3 and shapes.shape[:2] == (count, 3) and shapes.shape[2] >= BETAS
        and regressor.ndim == 2 and regressor.shape[0] >= JOINT_COUNT and regressor.shape[1] == count
    )  # fmt: skip
    if not fits or any(array.dtype.kind != "f" for array in (vertices, shapes, regressor)):
        raise UserError(f"{path}: its arrays do not have the shapes of an SMPL-X model")
    parents = arrays["kintree_table"][0, :JOINT_COUNT].astype(np.int64)
    if tuple(parents[1:]) != PARENTS[1:]:
        raise UserError(f"{path}: its first {JOINT_COUNT} joints are not those of SMPL-X")
    weights = regressor[:JOINT_COUNT].astype(np.float64)
    joints = weights @ vertices.astype(np.float64)
    shape = np.einsum("jv,vcb->jcb", weights, shapes[..., :BETAS].astype(np.float64))
    return Body(joints, shape)
