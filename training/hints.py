"""Random constraints of a training window: key poses, root keys, paths and pins taken from the motion itself."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from genmo.runtime import features
from genmo.runtime.conditioning import PIN_JOINTS, Observations
from genmo.runtime.skeleton import INDEX, JOINT_COUNT
from genmo.training.dataset import Sequence

Rows = NDArray[np.int64]

BODY_PARTS: Final = {
    "upper": ("spine1", "spine2", "spine3", "neck", "head", "l_collar", "r_collar", "l_shoulder", "r_shoulder",
              "l_elbow", "r_elbow", "l_wrist", "r_wrist"),
    "l_arm": ("l_collar", "l_shoulder", "l_elbow", "l_wrist"),
    "r_arm": ("r_collar", "r_shoulder", "r_elbow", "r_wrist"),
    "legs": ("l_hip", "r_hip", "l_knee", "r_knee", "l_ankle", "r_ankle", "l_foot", "r_foot"),
    "l_leg": ("l_hip", "l_knee", "l_ankle", "l_foot"),
    "r_leg": ("r_hip", "r_knee", "r_ankle", "r_foot"),
}  # fmt: skip
"""Scopes of partial key poses."""


def observe(rng: np.random.Generator, known: Observations, item: Sequence, rows: Rows, usable: int) -> None:
    """Fill the masks of a random mixture of key poses, root keys, paths and pins.

    Args:
        rng: source of all randomness.
        known: of T frames, filled in place.
        item: the clip.
        rows: (T,) frames of the clip that the window shows.
        usable: frames of the window inside the clip.
    """
    kind = rng.random()
    if kind < 0.45:
        _in_between(rng, known, item, rows, usable)
    elif kind < 0.70:
        _sparse_keys(rng, known, item, rows, usable)
    if kind >= 0.70 or rng.random() < 0.25:
        if rng.random() < 0.65:
            _path(rng, known, item, rows, usable)
        if rng.random() < 0.5:
            _pins(rng, known, item, rows, usable)


def _in_between(rng: np.random.Generator, known: Observations, item: Sequence, rows: Rows, usable: int) -> None:
    """Some past frames and a target after a gap of 5 to 62 frames."""
    past = int(rng.integers(1, 12))
    start = int(rng.integers(0, max(1, usable - 66)))
    target = start + past - 1 + int(rng.integers(6, 64))
    frames = [*range(start, start + past), target]
    if rng.random() < 0.3:
        frames.append(target + int(rng.integers(6, 64)))
    _key(known, item, rows, [frame for frame in frames if frame < usable], range(JOINT_COUNT), root=True)


def _sparse_keys(rng: np.random.Generator, known: Observations, item: Sequence, rows: Rows, usable: int) -> None:
    """A few full keys, or keys of one body part, with or without the root."""
    frames = rng.choice(usable, int(rng.integers(1, min(6, usable))), replace=False)
    if rng.random() < 0.6:
        _key(known, item, rows, frames, range(JOINT_COUNT), root=True)
        return
    part = BODY_PARTS[str(rng.choice(list(BODY_PARTS)))]
    _key(known, item, rows, frames, [INDEX[name] for name in part], root=False)
    if rng.random() < 0.3:
        _key(known, item, rows, rng.choice(usable, 2), [0], root=True)


def _key(
    known: Observations,
    item: Sequence,
    rows: Rows,
    frames: Rows | list[int],
    joints: range | list[int],
    *,
    root: bool,
) -> None:
    frames = np.asarray(frames, dtype=np.int64)
    for joint in joints:
        known.pose_mask[frames, joint] = True
    known.pose[:] = item.pose[rows]
    if root:
        known.height_mask[frames] = True
        known.path_mask[frames] = True
        known.heading_mask[frames] = True
        _root_values(known, item, rows)


def _root_values(known: Observations, item: Sequence, rows: Rows) -> None:
    known.heights[:] = item.root[rows, 1]
    known.path[:] = item.root[rows][:, ::2]
    known.headings[:] = item.headings[rows]


def _path(rng: np.random.Generator, known: Observations, item: Sequence, rows: Rows, usable: int) -> None:
    """A dense path or waypoints, sometimes with headings."""
    if rng.random() < 0.35:
        frames = np.arange(0, usable)
    else:
        frames = np.unique(np.append(rng.choice(usable, int(rng.integers(1, 6))), [0] if rng.random() < 0.6 else []))
    frames = frames.astype(np.int64)
    known.path_mask[frames] = True
    if rng.random() < 0.4:
        known.heading_mask[frames] = True
    _root_values(known, item, rows)


def _pins(rng: np.random.Generator, known: Observations, item: Sequence, rows: Rows, usable: int) -> None:
    """Hands or feet held over a span, at their true places."""
    positions = item.joints[rows][:, [INDEX[name] for name in PIN_JOINTS]].astype(np.float64)
    headings = item.headings[rows].astype(np.float64)
    ground = features.turn_planar(positions[..., ::2], headings[:, None]) + item.root[rows][:, None, ::2]
    known.pins[..., 0], known.pins[..., 1], known.pins[..., 2] = ground[..., 0], positions[..., 1], ground[..., 1]
    for _ in range(int(rng.integers(1, 4))):
        start = int(rng.integers(0, usable))
        stop = min(usable, start + int(rng.integers(1, 30)))
        known.pin_mask[start:stop, rng.integers(len(PIN_JOINTS))] = True
