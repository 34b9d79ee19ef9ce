"""Which way a hand lies: the side of its thumb, from its fingers or, without fingers, its width from its skin."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...runtime import rotation
from .restpose import RestPose

Array = NDArray[np.float64]

_FLATNESS: Final = 1.4
"""How much wider than thick a hand must be to say how it lies."""


def thumb_side(rest: RestPose, wrist: str) -> Array | None:
    """Unit vector (3,) from the little finger's to the index finger's knuckle; None without enough fingers.

    Args:
        rest: the armature.
        wrist: bone of the hand.
    """
    fingers = _fingers(rest, rest.index(wrist))
    if len(fingers) < 3:
        return None
    start = rest.heads[rest.index(wrist)]
    knuckles = rest.heads[[finger[1] for finger in fingers]]
    along = rotation.normalize(knuckles.mean(axis=0) - start)
    thumb = int(np.argmin((knuckles - start) @ along))
    others = np.delete(knuckles, thumb, axis=0)
    far = np.linalg.norm(others - knuckles[thumb], axis=-1)
    across = others[np.argmin(far)] - others[np.argmax(far)]
    across = across - along * (across @ along)
    return rotation.normalize(across) if np.linalg.norm(across) > 0.0 else None


def _fingers(rest: RestPose, wrist: int) -> list[list[int]]:
    """The chains of at least two bones that begin at the hand, also behind a bone of the palm."""
    children: dict[int, list[int]] = {}
    for index, parent in enumerate(rest.parents):
        children.setdefault(int(parent), []).append(index)
    found = []
    waiting = list(children.get(wrist, []))
    while waiting:
        chain = [waiting.pop()]
        while len(below := children.get(chain[-1], [])) == 1:
            chain.append(below[0])
        if len(below) > 1:  # a bone of the palm that carries several fingers
            waiting += below
        elif len(chain) > 1:
            found.append(chain)
    return found


def width(skin: Array, along: Array) -> Array | None:
    """Unit vector (3,) across a hand, of either sign, from its vertices (n, 3); None when it is as thick as wide.

    Args:
        skin: vertices that follow the hand.
        along: (3,) direction of the forearm.
    """
    if len(skin) < 20:
        return None
    axis = rotation.normalize(along)
    flat = skin - skin.mean(axis=0)
    flat = flat - np.outer(flat @ axis, axis)
    values, vectors = np.linalg.eigh(flat.T @ flat)  # the smallest belongs to `along`
    if values[2] < _FLATNESS**2 * values[1]:
        return None
    return vectors[:, 2]
