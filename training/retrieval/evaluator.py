"""A trained retrieval model behind two calls: motions and texts into unit vectors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from genmo.runtime import retrieval_features as features
from genmo.runtime.words import mirror_text
from genmo.training.captions import Encoder
from genmo.training.retrieval.batches import padded
from genmo.training.retrieval.config import RetrievalConfig
from genmo.training.retrieval.network import RetrievalNetwork

_BATCH = 32


class Evaluator:
    """Embeds motions and texts; the cosine of two vectors says how well they match."""

    def __init__(self, network: RetrievalNetwork) -> None:
        """Use a network as it is."""
        self.config = network.config
        self._network = network.eval()

    def motion(self, motions: Sequence[ArrayLike]) -> NDArray[np.float32]:
        """Vectors of motions.

        Args:
            motions: positions (T, 22, 3) each, 30 fps, Y up, metres, floor at 0. One longer than `config.frames` is cut
                into overlapping windows; its vector is the direction of their mean.

        Returns:
            (N, 256) of length 1.

        Raises:
            ValueError: see `features.encode`.
        """
        return self.features([features.encode(positions) for positions in motions])

    def features(self, motions: Sequence[NDArray[np.floating]]) -> NDArray[np.float32]:
        """The same from features (T, features.WIDTH) of `features.encode`."""
        parts = [(row, part) for row, motion in enumerate(motions) for part in self._windows(motion)]
        out = np.zeros((len(motions), self.config.embedding), np.float64)
        order = sorted(range(len(parts)), key=lambda index: len(parts[index][1]))
        for start in range(0, len(order), _BATCH):
            chosen = [parts[index] for index in order[start : start + _BATCH]]
            with torch.inference_mode():
                vectors = self._network.motion(*padded([part for _, part in chosen], self.config.patch))
            np.add.at(out, [row for row, _ in chosen], vectors.numpy())
        return (out / np.linalg.norm(out, axis=1, keepdims=True)).astype(np.float32)

    def _windows(self, motion: NDArray[np.floating]) -> list[NDArray[np.float32]]:
        """As few windows as cover the motion with an overlap of half a window or more."""
        longest = self.config.frames
        count = 1 + max(0, -(-2 * (len(motion) - longest) // longest))
        starts = np.linspace(0, max(len(motion) - longest, 0), count).astype(int)
        return [features.window(motion, start, start + longest).astype(np.float32) for start in starts]

    def text(self, texts: Sequence[str], encoder: Encoder) -> NDArray[np.float32]:
        """Vectors of texts.

        Args:
            texts: sentences.
            encoder: the shipped text encoder.

        Returns:
            (N, 256) of length 1.
        """
        out = np.zeros((len(texts), self.config.embedding), np.float32)
        for row, text in enumerate(texts):
            tokens = self._tokens(text, encoder)
            with torch.inference_mode():
                mirror = self._tokens(mirror_text(text), encoder) if self.config.odd else None
                out[row] = self._network.text(*tokens, mirror)[0].numpy()
        return out

    def _tokens(self, text: str, encoder: Encoder) -> tuple[torch.Tensor, torch.Tensor]:
        tokens = torch.from_numpy(np.array(encoder.encode(text)[: self.config.text_tokens]))[None]
        return tokens, torch.ones(1, tokens.shape[1])


def load_evaluator(path: Path | str) -> Evaluator:
    """The model of a `model.pt` that `train.py` wrote.

    Raises:
        OSError: the file cannot be read.
        RuntimeError: it is no such model.
    """
    state = torch.load(path, weights_only=True)
    network = RetrievalNetwork(RetrievalConfig.from_json(state["config"]))
    network.load_state_dict(state["network"])
    return Evaluator(network)
