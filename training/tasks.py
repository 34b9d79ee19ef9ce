"""Random tasks: which part of a motion is given as conditions and which is to be made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from genmo.runtime import conditioning, features
from genmo.runtime.conditioning import PIN_JOINTS, Observations
from genmo.runtime.skeleton import INDEX, JOINT_COUNT
from genmo.training.dataset import FPS, Float, Sequence, sampling_shares

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

TEXT_ONLY: Final = 0.42
"""Share of samples without any constraint."""

FROM_START: Final = 0.35
"""Share of windows that begin where the clip begins: a motion should start as people start, standing at ease."""


@dataclass(frozen=True)
class Sample:
    """One training window of T frames.

    Attributes:
        target: (T, features) not normalised.
        conditions: (T, conditions).
        references: (T,) reference headings.
        joints: (T, 22, 3) heading-free positions.
        path: (T, 2) ground position from the first frame on, metres.
        valid: (T,) 1 inside the clip.
        measured: (22,).
        caption: sentence or "".
        window: (T,) 1 where the caption applies.
        keyed: whether any constraint is given.
    """

    target: Float
    conditions: Float
    references: Float
    joints: Float
    path: Float
    valid: Float
    measured: Float
    caption: str
    window: Float
    keyed: bool


class TaskSampler:
    """Draws windows and hides parts of them; every call uses the generator it was made with."""

    def __init__(
        self,
        sequences: list[Sequence],
        frames: int,
        pose_mean: Float,
        pose_std: Float,
        rng: np.random.Generator,
        *,
        text_dropout: float,
    ) -> None:
        """Keep the data and its statistics.

        Args:
            sequences: clips.
            frames: window length T.
            pose_mean: (133,) of the pose values and the height (`conditioning.condition_channels`).
            pose_std: (133,).
            rng: source of all randomness.
            text_dropout: share of captions that are hidden.
        """
        self._sequences, self._share = sequences, sampling_shares(sequences)
        self._frames = frames
        self._mean, self._std = pose_mean.astype(np.float64), pose_std.astype(np.float64)
        self._rng, self._text_dropout = rng, text_dropout

    def draw(self) -> Sample:
        """One random sample."""
        rng = self._rng
        item = self._sequences[rng.choice(len(self._sequences), p=self._share)]
        length = len(item.root)
        start = 0 if rng.random() < FROM_START else int(rng.integers(0, max(1, length - self._frames + 1)))
        rows = np.minimum(np.arange(start, start + self._frames), length - 1)
        usable = min(length - start, self._frames)
        keyed = bool(rng.random() >= TEXT_ONLY)
        known = conditioning.empty_observations(self._frames)
        if keyed:
            self._observe(known, item, rows, usable)
        default = float(rng.uniform(-np.pi, np.pi)) + float(item.headings[rows[0]])
        references = conditioning.reference_headings(known, FPS, default)
        caption = self._caption(item, keyed)
        return Sample(
            target=_target(item, rows, references),
            conditions=conditioning.condition_channels(known, references, FPS, self._mean, self._std),
            references=references.astype(np.float32),
            joints=item.joints[rows],
            path=item.root[rows][:, ::2] - item.root[rows[0], ::2],
            valid=(np.arange(self._frames) < usable).astype(np.float32),
            measured=item.measured,
            caption=caption,
            window=self._window(usable),
            keyed=keyed,
        )

    def _caption(self, item: Sequence, keyed: bool) -> str:
        hidden = self._text_dropout + (0.35 if keyed else 0.0)
        if not item.captions or self._rng.random() < hidden:
            return ""
        return item.captions[self._rng.integers(len(item.captions))]

    def _window(self, usable: int) -> Float:
        """Where the caption applies: mostly everywhere, else a long stretch (prompts with ranges)."""
        window = np.ones(self._frames, np.float32)
        if self._rng.random() < 0.3:
            length = int(self._rng.integers(usable // 2, usable + 1))
            start = int(self._rng.integers(0, usable - length + 1))
            window[:] = 0.0
            window[start : start + length] = 1.0
        return window

    def _observe(self, known: Observations, item: Sequence, rows: NDArray[np.int64], usable: int) -> None:
        """Fill the masks of a random mixture of key poses, root keys, paths and pins."""
        rng = self._rng
        kind = rng.random()
        if kind < 0.45:
            self._in_between(known, item, rows, usable)
        elif kind < 0.70:
            self._sparse_keys(known, item, rows, usable)
        if kind >= 0.70 or rng.random() < 0.25:
            if rng.random() < 0.65:
                self._path(known, item, rows, usable)
            if rng.random() < 0.5:
                self._pins(known, item, rows, usable)

    def _in_between(self, known: Observations, item: Sequence, rows: NDArray[np.int64], usable: int) -> None:
        """Some past frames and a target after a gap of 5 to 62 frames."""
        rng = self._rng
        past = int(rng.integers(1, 12))
        start = int(rng.integers(0, max(1, usable - 66)))
        target = start + past - 1 + int(rng.integers(6, 64))
        frames = [*range(start, start + past), target]
        if rng.random() < 0.3:
            frames.append(target + int(rng.integers(6, 64)))
        self._key(known, item, rows, [frame for frame in frames if frame < usable], range(JOINT_COUNT), root=True)

    def _sparse_keys(self, known: Observations, item: Sequence, rows: NDArray[np.int64], usable: int) -> None:
        """A few full keys, or keys of one body part, with or without the root."""
        rng = self._rng
        frames = rng.choice(usable, int(rng.integers(1, min(6, usable))), replace=False)
        if rng.random() < 0.6:
            self._key(known, item, rows, frames, range(JOINT_COUNT), root=True)
            return
        part = BODY_PARTS[str(rng.choice(list(BODY_PARTS)))]
        self._key(known, item, rows, frames, [INDEX[name] for name in part], root=False)
        if rng.random() < 0.3:
            self._key(known, item, rows, rng.choice(usable, 2), [0], root=True)

    def _key(
        self,
        known: Observations,
        item: Sequence,
        rows: NDArray[np.int64],
        frames: NDArray[np.int64] | list[int],
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
            self._root_values(known, item, rows)

    def _root_values(self, known: Observations, item: Sequence, rows: NDArray[np.int64]) -> None:
        known.heights[:] = item.root[rows, 1]
        known.path[:] = item.root[rows][:, ::2]
        known.headings[:] = item.headings[rows]

    def _path(self, known: Observations, item: Sequence, rows: NDArray[np.int64], usable: int) -> None:
        """A dense path or waypoints, sometimes with headings."""
        rng = self._rng
        if rng.random() < 0.35:
            frames = np.arange(0, usable)
        else:
            frames = np.unique(
                np.append(rng.choice(usable, int(rng.integers(1, 6))), [0] if rng.random() < 0.6 else [])
            )
        frames = frames.astype(np.int64)
        known.path_mask[frames] = True
        if rng.random() < 0.4:
            known.heading_mask[frames] = True
        self._root_values(known, item, rows)

    def _pins(self, known: Observations, item: Sequence, rows: NDArray[np.int64], usable: int) -> None:
        """Hands or feet held over a span, at their true places."""
        rng = self._rng
        positions = item.joints[rows][:, [INDEX[name] for name in PIN_JOINTS]].astype(np.float64)
        headings = item.headings[rows].astype(np.float64)
        ground = features.turn_planar(positions[..., ::2], headings[:, None]) + item.root[rows][:, None, ::2]
        known.pins[..., 0], known.pins[..., 1], known.pins[..., 2] = ground[..., 0], positions[..., 1], ground[..., 1]
        for _ in range(int(rng.integers(1, 4))):
            start = int(rng.integers(0, usable))
            stop = min(usable, start + int(rng.integers(1, 30)))
            known.pin_mask[start:stop, rng.integers(len(PIN_JOINTS))] = True


def _target(item: Sequence, rows: NDArray[np.int64], references: NDArray[np.float64]) -> Float:
    turn = item.headings[rows] - references
    parts = {
        "root_tilt": item.pose[rows, 0],
        "body_pose": item.pose[rows, 1:].reshape(len(rows), -1),
        "root_height": item.root[rows, 1:2],
        "root_velocity": item.velocity[rows],
        "heading": np.stack([np.sin(turn), np.cos(turn)], axis=-1),
        "contacts": item.contacts[rows],
    }
    return np.concatenate([parts[name] for name in features.LAYOUT.sizes], axis=-1).astype(np.float32)
