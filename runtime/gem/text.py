"""Prompts for the published model: token embeddings of a T5 encoder, which is loaded on demand and kept on disk.

The encoder is larger than all else (1.3 GB in int8 for T5-3B), and a prompt is mostly used again. So what it made of
a prompt is kept in the user's cache folder, and the encoder is released as soon as all prompts of a request are known.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..backends.onnx import Session, create_session
from ..errors import PackError, UserError
from ..files import DAMAGE, replace_file
from ..pack import ModelPack
from ..pack_info import TEXT_ENCODER, VOCABULARY
from .unigram import Unigram

Float = NDArray[np.float32]

KEPT_PROMPTS: Final = 2000
"""Files in the cache; the oldest go first."""
CACHE_VARIABLE: Final = "GENMO_CACHE"


def cache_folder() -> Path:
    """Where embeddings are kept: $GENMO_CACHE, else the user's cache folder."""
    own = os.environ.get(CACHE_VARIABLE)
    if own:
        return Path(own)
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "genmo" / "prompts"


class PromptEncoder:
    """Texts -> (S, D) embeddings of their tokens, the end token included, at most `max_tokens`."""

    def __init__(self, pack: ModelPack, device: str = "cpu", folder: Path | None = None) -> None:
        """Use the text encoder of a pack; nothing is loaded yet.

        Args:
            pack: with the roles "text_encoder" and "vocabulary".
            device: where the encoder runs.
            folder: of the cache, None for the user's.
        """
        self._pack, self._device = pack, device
        self._folder = cache_folder() if folder is None else folder
        self._known: dict[str, Float] = {}

    def encode_all(self, texts: Iterable[str]) -> list[Float]:
        """Embeddings of some texts; the encoder is loaded if one of them is new, and released again.

        Raises:
            PackError: the pack's encoder or vocabulary cannot be used.
            UserError: ONNX Runtime is missing or the memory does not suffice.
        """
        wanted = list(texts)
        missing = [text for text in dict.fromkeys(wanted) if text not in self._known and not self._read(text)]
        if missing:
            vocabulary = Unigram(self._pack.path(VOCABULARY))
            session = create_session(self._pack.path(TEXT_ENCODER), self._device)
            for text in missing:
                self._known[text] = self._encoded(session, vocabulary, text)
                self._write(text)
            del session
        return [self._known[text] for text in wanted]

    def _encoded(self, session: Session, vocabulary: Unigram, text: str) -> Float:
        ids = np.array([vocabulary.encode(text, self._pack.info.text.max_tokens)], np.int64)
        tokens = session.run({"input_ids": ids})["token_embeddings"][0]
        width = self._pack.info.text.width
        if tokens.shape[1] != width or not np.isfinite(tokens).all():
            raise PackError(
                f"pack {self._pack.info.label}: its text encoder does not give {width} finite numbers a token"
            )
        return tokens

    def _file(self, text: str) -> Path:
        """The cached file of a text: its name tells encoder, vocabulary and text."""
        files = self._pack.info.files
        parts = (files[TEXT_ENCODER].sha256, files[VOCABULARY].sha256, str(self._pack.info.text.max_tokens), text)
        return self._folder / (hashlib.sha256("\0".join(parts).encode()).hexdigest() + ".npy")

    def _read(self, text: str) -> bool:
        try:
            array = np.load(self._file(text), allow_pickle=False)
        except (OSError, *DAMAGE):
            return False
        if array.dtype != np.float32 or array.ndim != 2 or array.shape[1] != self._pack.info.text.width:
            return False
        self._known[text] = array
        return True

    def _write(self, text: str) -> None:
        """Keep an embedding; a cache that cannot be written is none."""
        with contextlib.suppress(OSError, UserError):
            self._folder.mkdir(parents=True, exist_ok=True)
            replace_file(self._file(text), lambda stream: np.save(stream, self._known[text]))
            files = sorted(self._folder.glob("*.npy"), key=lambda file: file.stat().st_mtime)
            for old in files[: max(len(files) - KEPT_PROMPTS, 0)]:
                old.unlink()
