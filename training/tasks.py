"""Random tasks: which part of a motion is given as conditions and which is to be made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from genmo.runtime import conditioning, features
from genmo.runtime.conditioning import Observations
from genmo.runtime.cues import Cues, no_cues
from genmo.training import guides
from genmo.training.dataset import FPS, Float, Sequence, prompt_shares, sampling_shares
from genmo.training.events import events_by_kind
from genmo.training.hints import Rows, observe

TASKS: Final = {"text": 0.58, "keys": 0.18, "video": 0.14, "reference": 0.05, "music": 0.05}
"""Share of samples by what is given beside the caption."""

KEYS_TOO: Final = {"video": 0.2, "reference": 0.2, "music": 0.2}
"""Share of these samples that have constraints as well."""

EVENTS: Final = {"sit down": 0.22, "stand up": 0.12, "kick": 0.2, "wave": 0.2, "jump": 0.16, "punch": 0.1}
"""Shares of single actions (`events.py`) among the samples that show one."""

SHOWS_EVENT: Final = 0.45
"""Share of the text samples that show a single action."""

CAPTION_HIDDEN: Final = {"text": 0.0, "keys": 0.35, "video": 0.6, "reference": 0.15, "music": 0.35}
"""Share of captions hidden beside those that are dropped for guidance."""

FROM_START: Final = 0.5
"""Share of windows that begin where the clip, or the single action, begins: a motion should start as people start."""

EARLIER: Final = 30
"""Frames by which the other windows of single actions begin earlier, at most."""

START_TOLD: Final = 0.85
"""Share of single actions whose beginning is told."""


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
        tasks: Mapping[str, float] = TASKS,
    ) -> None:
        """Keep the data and its statistics.

        Args:
            sequences: clips.
            frames: window length T.
            pose_mean: (133,) of the pose values and the height (`conditioning.condition_channels`).
            pose_std: (133,).
            rng: source of all randomness.
            text_dropout: share of captions that are hidden.
            tasks: share of samples by task, keys of TASKS.
        """
        self._sequences = sequences
        self._shares = {"text": prompt_shares(sequences)}
        self._share = sampling_shares(sequences)
        self._frames = frames
        self._events = events_by_kind(sequences)
        kinds = [kind for kind in EVENTS if self._events[kind]]
        weights = np.array([EVENTS[kind] for kind in kinds])
        self._kinds = kinds, weights / max(weights.sum(), 1e-9)
        self._mean, self._std = pose_mean.astype(np.float64), pose_std.astype(np.float64)
        self._rng, self._text_dropout, self._tasks = rng, text_dropout, dict(tasks)

    def draw(self) -> Sample:
        """One random sample."""
        rng = self._rng
        task = str(rng.choice(list(self._tasks), p=list(self._tasks.values())))
        if task == "text" and self._kinds[0] and rng.random() < SHOWS_EVENT:
            return self._draw_event()
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
        return self._sample(task, item, rows, usable, self._caption(item.captions, task), (known, cues, window))

    def _draw_event(self) -> Sample:
        """A window that begins with a single action or a little earlier, and ends where it ends."""
        rng = self._rng
        choices = self._events[str(rng.choice(self._kinds[0], p=self._kinds[1]))]
        item, event = choices[rng.integers(len(choices))]
        lead = 0 if rng.random() < FROM_START else int(rng.integers(0, min(event.start, EARLIER) + 1))
        start = event.start - lead
        rows = np.minimum(np.arange(start, start + self._frames), len(item.root) - 1)
        usable = min(event.stop - start, self._frames)
        window = np.zeros(self._frames, np.float32)
        window[lead:usable] = 1.0
        cues = no_cues(self._frames)
        if rng.random() < START_TOLD:
            cues.since_start[lead:usable] = np.arange(usable - lead)
        caption = self._caption(event.captions, "text")
        nothing = conditioning.empty_observations(self._frames)
        return self._sample("text", item, rows, usable, caption, (nothing, cues, window))

    def _sample(
        self, task: str, item: Sequence, rows: Rows, usable: int, caption: str, told: tuple[Observations, Cues, Float]
    ) -> Sample:
        known, cues, window = told
        default = float(self._rng.uniform(-np.pi, np.pi)) + float(item.headings[rows[0]])
        references = conditioning.reference_headings(known, FPS, default, cues)
        return Sample(
            target=_target(item, rows, references),
            conditions=conditioning.condition_channels(known, references, FPS, self._mean, self._std, cues),
            references=references.astype(np.float32),
            joints=item.joints[rows],
            path=item.root[rows][:, ::2] - item.root[rows[0], ::2],
            valid=(np.arange(self._frames) < usable).astype(np.float32),
            measured=item.measured,
            caption=caption,
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

    def _caption(self, captions: tuple[str, ...], task: str) -> str:
        hidden = self._text_dropout + CAPTION_HIDDEN[task]
        if not captions or self._rng.random() < hidden:
            return ""
        return captions[self._rng.integers(len(captions))]

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
