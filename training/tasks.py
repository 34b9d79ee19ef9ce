"""Random tasks: which part of a motion is given as conditions and which is to be made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from genmo.runtime import conditioning, features
from genmo.runtime.cues import Cues, no_cues
from genmo.training import guides
from genmo.training.dataset import FPS, Float, Sequence, prompt_shares, sampling_shares
from genmo.training.hints import Rows, observe

TASKS: Final = {"text": 0.58, "keys": 0.18, "video": 0.14, "reference": 0.05, "music": 0.05}
"""Share of samples by what is given beside the caption."""

KEYS_TOO: Final = {"video": 0.2, "reference": 0.2, "music": 0.2}
"""Share of these samples that have constraints as well."""

CAPTION_HIDDEN: Final = {"text": 0.0, "keys": 0.35, "video": 0.6, "reference": 0.15, "music": 0.35}
"""Share of captions hidden beside those that are dropped for guidance."""

FROM_START: Final = 0.5
"""Share of windows that begin where the clip begins: a motion should start as people start."""


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
        filmed: (T,) 1 where a camera sees the person.
        task: key of TASKS.
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
    filmed: Float
    task: str


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
        self._sequences = sequences
        self._shares = {"text": prompt_shares(sequences)}
        self._share = sampling_shares(sequences)
        self._frames = frames
        self._mean, self._std = pose_mean.astype(np.float64), pose_std.astype(np.float64)
        self._rng, self._text_dropout = rng, text_dropout

    def draw(self) -> Sample:
        """One random sample."""
        rng = self._rng
        task = str(rng.choice(list(TASKS), p=list(TASKS.values())))
        item = self._sequences[rng.choice(len(self._sequences), p=self._shares.get(task, self._share))]
        length = len(item.root)
        start = 0 if rng.random() < FROM_START else int(rng.integers(0, max(1, length - self._frames + 1)))
        rows = np.minimum(np.arange(start, start + self._frames), length - 1)
        usable = min(length - start, self._frames)
        known = conditioning.empty_observations(self._frames)
        if task == "keys" or rng.random() < KEYS_TOO.get(task, 0.0):
            observe(rng, known, item, rows, usable)
        window = self._window(usable)
        cues = self._cues(task, item, rows, usable, whole=bool(window.all()))
        default = float(rng.uniform(-np.pi, np.pi)) + float(item.headings[rows[0]])
        references = conditioning.reference_headings(known, FPS, default, cues)
        return Sample(
            target=_target(item, rows, references),
            conditions=conditioning.condition_channels(known, references, FPS, self._mean, self._std, cues),
            references=references.astype(np.float32),
            joints=item.joints[rows],
            path=item.root[rows][:, ::2] - item.root[rows[0], ::2],
            valid=(np.arange(self._frames) < usable).astype(np.float32),
            measured=item.measured,
            caption=self._caption(item, task),
            window=window,
            filmed=cues.camera_mask.astype(np.float32),
            task=task,
        )

    def _cues(self, task: str, item: Sequence, rows: Rows, usable: int, *, whole: bool) -> Cues:
        cues = no_cues(self._frames)
        guide = {"video": guides.film_window, "reference": guides.show_reference, "music": guides.play_music}.get(task)
        if guide is not None:
            guide(self._rng, cues, item, rows, usable)
        if whole and item.captions:
            guides.state_span(self._rng, cues, item, rows, usable)
        return cues

    def _caption(self, item: Sequence, task: str) -> str:
        hidden = self._text_dropout + CAPTION_HIDDEN[task]
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


def _target(item: Sequence, rows: Rows, references: NDArray[np.float64]) -> Float:
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
