"""Texts and motions as unit vectors of one space (TMR, Petrovich et al. 2023): how well do they fit each other?

The model lies in a pack. Its last `odd` numbers change their sign when left and right change places, in texts and in
motions, so the vector of a mirrored clip is known without reading the clip again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import retrieval_features as features
from .errors import PackError, UserError
from .files import DAMAGE, read_arrays
from .motion import Motion, resampled
from .pack import ModelPack
from .words import mirror_text

Vectors = NDArray[np.float32]

MOTION_ROLE: Final = "retrieval_motion"
TEXT_ROLE: Final = "retrieval_text"
SETTINGS_ROLE: Final = "retrieval"
"""Roles of the model's files in a pack (docs/packs.md)."""

FEWEST_FRAMES: Final = 15
"""Half a second; less cannot be judged, so shorter motions stand still at their end."""

_BATCH: Final = 16
_MOST_BYTES: Final = 2**28
_QUANTA: Final = 127.0


class _Graph(Protocol):
    def run(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]: ...


class _Encoder(Protocol):
    def encode(self, text: str) -> NDArray[np.float32]: ...


@dataclass(frozen=True, eq=False)
class Embedded:
    """What a motion is to the model.

    Attributes:
        windows: (W, 2) first frame and end of each window, in frames of the motion itself.
        vectors: (W, E) unit vector of each.
    """

    windows: NDArray[np.int64]
    vectors: Vectors

    @property
    def whole(self) -> Vectors:
        """(E,) unit vector of the whole motion: the direction of the mean."""
        return unit(self.vectors.mean(axis=0))


@dataclass(frozen=True)
class Match:
    """How well a motion fits a text.

    Attributes:
        score: cosine of both vectors, -1 to 1.
        percentile: percent of recorded motions that fit the text worse, 0 to 100.
        window: first frame and end of the part that fits best.
    """

    score: float
    percentile: float
    window: tuple[int, int]


class Retrieval:
    """The model of a pack, on the CPU."""

    def __init__(self, settings: Mapping[str, NDArray[Any]], motion: _Graph, text: _Graph, encoder: _Encoder) -> None:
        """Use open graphs; see `open_retrieval`."""
        self.frames, self.patch, self.text_tokens, self.size, self.odd = (
            int(settings[name]) for name in ("frames", "patch", "text_tokens", "embedding", "odd")
        )
        self.reference = restored(settings["reference"])
        self._motion, self._text, self._encoder = motion, text, encoder

    def text(self, text: str) -> Vectors:
        """Unit vector (E,) of a text."""
        inputs = {}
        for said, name in ((text, "tokens"), (mirror_text(text), "mirror")):
            tokens = np.asarray(self._encoder.encode(said)[: self.text_tokens], np.float32)[None]
            inputs |= {name: tokens, "mirror_valid" if name == "mirror" else "valid": _ones(tokens)}
        return unit(self._text.run(inputs)["vectors"][0])

    def motion(self, motion: Motion) -> Embedded:
        """Vectors of a motion of any length and frame rate."""
        steady = resampled(motion, features.FPS)
        found = self.positions(steady.positions)
        scale = motion.fps / features.FPS
        windows = np.round(found.windows * scale).astype(np.int64)
        windows[:, 1] = np.minimum(windows[:, 1], motion.frames)
        windows[-1, 1] = motion.frames
        return Embedded(windows, found.vectors)

    def positions(self, positions: ArrayLike) -> Embedded:
        """The same from joint positions (T, 22, 3) at 30 fps, metres, Y up, floor at 0.

        Raises:
            ValueError: see `retrieval_features.encode`.
        """
        places = np.asarray(positions, np.float64)
        missing = FEWEST_FRAMES - len(places)
        if 0 < len(places) < FEWEST_FRAMES:
            places = np.concatenate([places, np.repeat(places[-1:], missing, axis=0)])
        return self.encoded(features.encode(places))

    def encoded(self, values: NDArray[np.floating]) -> Embedded:
        """The same from features (T, WIDTH) of `retrieval_features.encode`."""
        windows = windows_of(len(values), self.frames)
        parts = [features.window(values, start, stop).astype(np.float32) for start, stop in windows]
        vectors = [self._run(parts[start : start + _BATCH]) for start in range(0, len(parts), _BATCH)]
        return Embedded(windows, unit(np.concatenate(vectors)))

    def match(self, text: str, motion: Motion) -> Match:
        """How well a motion fits a text."""
        return self.compare(self.text(text), self.motion(motion))

    def compare(self, text: Vectors, motion: Embedded) -> Match:
        """How well a motion fits a text, from their vectors."""
        score = float(motion.whole @ text)
        best = int((motion.vectors @ text).argmax())
        start, stop = (int(value) for value in motion.windows[best])
        percentile = 100.0 * float((self.reference @ text < score).mean()) if len(self.reference) else 0.0
        return Match(score, percentile, (start, stop))

    def mirrored(self, vectors: Vectors) -> Vectors:
        """Vectors (..., E) of the mirror images of what these are vectors of."""
        sign = np.ones(self.size, np.float32)
        sign[self.size - self.odd :] = -1.0
        return vectors * sign

    def _run(self, parts: Sequence[NDArray[np.float32]]) -> Vectors:
        lengths = np.array([len(part) for part in parts])
        frames = -(-int(lengths.max()) // self.patch) * self.patch
        motions = np.zeros((len(parts), frames, features.WIDTH), np.float32)
        for row, part in zip(motions, parts, strict=True):
            row[: len(part)] = part
        valid = (np.arange(frames)[None] < lengths[:, None]).astype(np.float32)
        return self._motion.run({"motions": motions, "valid": valid})["vectors"]


def open_retrieval(pack: ModelPack) -> Retrieval:
    """The model of a pack.

    Raises:
        PackError: the pack has none, or a file of it is damaged.
        UserError: ONNX Runtime is missing.
    """
    if not has_retrieval(pack):
        raise PackError(f"The pack {pack.info.label} cannot search: it has no retrieval model")
    from .backends.onnx import create_session
    from .text import open_text_encoder

    path = pack.path(SETTINGS_ROLE)
    try:
        settings = read_arrays(path, _MOST_BYTES)
    except (OSError, UserError, *DAMAGE) as error:
        raise PackError(f"{path}: cannot be read ({error})") from error
    motion, text = (create_session(pack.path(role), "cpu") for role in (MOTION_ROLE, TEXT_ROLE))
    try:
        return Retrieval(settings, motion, text, open_text_encoder(pack))
    except KeyError as error:
        raise PackError(f"{path}: {error} is missing") from error


def has_retrieval(pack: ModelPack) -> bool:
    """Whether a pack has a model that searches and judges."""
    return {MOTION_ROLE, TEXT_ROLE, SETTINGS_ROLE} <= pack.info.files.keys()


def windows_of(frames: int, longest: int) -> NDArray[np.int64]:
    """As few windows as cover `frames` with an overlap of half a window or more: (W, 2) first frame and end."""
    count = 1 + max(0, -(-2 * (frames - longest) // longest))
    starts = np.linspace(0, max(frames - longest, 0), count).astype(np.int64)
    return np.stack([starts, np.minimum(starts + longest, frames)], axis=1)


def unit(vectors: NDArray[np.floating]) -> Vectors:
    """Vectors (..., E) made unit; a zero vector stays zero."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return (vectors / np.maximum(lengths, 1e-12)).astype(np.float32)


def quantized(vectors: NDArray[np.floating]) -> NDArray[np.int8]:
    """Unit vectors (N, E) in bytes; cosines change by about 0.002."""
    largest = np.abs(vectors).max(axis=-1, keepdims=True)
    return np.round(vectors / np.maximum(largest, 1e-12) * _QUANTA).astype(np.int8)


def restored(stored: NDArray[np.int8]) -> Vectors:
    """Unit vectors (N, E) from `quantized` ones."""
    return unit(stored.astype(np.float32))


def _ones(tokens: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.ones(tokens.shape[:2], np.float32)
