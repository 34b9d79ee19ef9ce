"""Token embeddings of all captions, made once with the shipped text encoder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Encoder(Protocol):
    """What `runtime.text.TextEncoder` offers."""

    def encode(self, text: str) -> NDArray[np.float32]:
        """Token embeddings (S, 384) of a text."""
        ...


class CaptionBank:
    """Embeddings of a fixed set of texts in one array."""

    def __init__(self, texts: list[str], tokens: NDArray[np.float16], lengths: NDArray[np.int64]) -> None:
        """Store embeddings.

        Args:
            texts: the captions.
            tokens: (N, S, 384) embeddings, zero behind each text's end.
            lengths: (N,) tokens per text.
        """
        self._row = {text: row for row, text in enumerate(texts)}
        self.tokens, self.lengths = tokens, lengths

    @staticmethod
    def build(texts: Iterable[str], encoder: Encoder, max_tokens: int, cache: Path) -> CaptionBank:
        """Embed the texts, or read them back from the cache folder when they are the same ones."""
        wanted = sorted(set(texts))
        path = cache / f"captions_{max_tokens}.npz"
        if path.exists():
            stored = np.load(path, allow_pickle=False)
            if list(stored["texts"]) == wanted:
                return CaptionBank(wanted, stored["tokens"], stored["lengths"])
        rows = [encoder.encode(text)[:max_tokens] for text in wanted]
        tokens = np.zeros((len(rows), max_tokens, rows[0].shape[1]), np.float16)
        for row, values in zip(tokens, rows, strict=True):
            row[: len(values)] = values
        lengths = np.array([len(values) for values in rows])
        cache.mkdir(parents=True, exist_ok=True)
        np.savez(path, texts=np.array(wanted), tokens=tokens, lengths=lengths)
        return CaptionBank(wanted, tokens, lengths)

    def rows(self, texts: list[str]) -> NDArray[np.int64]:
        """Row numbers (B,) of texts; -1 for an empty one."""
        return np.array([self._row[text] if text else -1 for text in texts])


def open_encoder(folder: Path) -> Encoder:
    """The shipped text encoder of a folder with text_encoder.onnx and vocab.txt."""
    from genmo.runtime.backends.onnx import create_session
    from genmo.runtime.text import TextEncoder, WordPiece

    return TextEncoder(create_session(folder / "text_encoder.onnx", "cpu"), WordPiece(folder / "vocab.txt"))
