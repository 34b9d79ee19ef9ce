"""Prompts as token embeddings: the WordPiece tokeniser of BERT and the text encoder of a pack.

The generator attends to the tokens one by one (cross-attention), never to one vector per sentence: in the encoder's
sentence vectors "left" and "right" are closer than two ways to say the same thing.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from .errors import PackError

if TYPE_CHECKING:
    from .pack import ModelPack

MAX_TOKENS: Final = 24
"""Tokens of a prompt, [CLS] and [SEP] included, where the pack does not say otherwise."""

CACHED_TEXTS: Final = 256
LONGEST_WORD: Final = 100
"""Longer words are unknown to WordPiece (as published)."""

_SPECIAL_TOKENS: Final = ("[CLS]", "[SEP]", "[UNK]")
_IDEOGRAPHS: Final = (
    (0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0xF900, 0xFAFF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF), (0x2F800, 0x2FA1F),
)  # fmt: skip
"""Code points that are words of their own."""
_CONTROL_CATEGORIES: Final = ("Cc", "Cf", "Co", "Cs")


class Session(Protocol):
    """What the encoder needs of `backends.onnx.Session`."""

    def run(self, inputs: Mapping[str, NDArray]) -> dict[str, NDArray]:
        """Named inputs -> named outputs."""
        ...


def _is_ideograph(character: str) -> bool:
    return any(first <= ord(character) <= last for first, last in _IDEOGRAPHS)


def _is_punctuation(character: str) -> bool:
    is_ascii_symbol = "!" <= character <= "~" and not character.isalnum()
    return is_ascii_symbol or unicodedata.category(character).startswith("P")


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in _CONTROL_CATEGORIES and character not in "\t\n\r"


def _normalized(text: str) -> str:
    """Text without control characters and accents, in lower case, with spaces around ideographs."""
    kept = (c for c in text if c != "\ufffd" and not _is_control(c))
    spaced = "".join(f" {c} " if _is_ideograph(c) else c for c in kept)
    bare = (c for c in unicodedata.normalize("NFD", spaced) if unicodedata.category(c) != "Mn")
    return "".join(bare).lower()


def _words(text: str) -> Iterator[str]:
    """Normalised words of a text; each punctuation mark is a word."""
    for chunk in _normalized(text).split():
        word = ""
        for character in chunk:
            if not _is_punctuation(character):
                word += character
                continue
            if word:
                yield word
                word = ""
            yield character
        if word:
            yield word


class WordPiece:
    """The uncased WordPiece tokeniser of BERT (Devlin et al. 2019, arXiv 1810.04805).

    Special tokens are not looked for in the text: a user's "[SEP]" is three words like any other text.
    """

    def __init__(self, vocabulary: Path | str) -> None:
        """Read a `vocab.txt`: one token per line, its id is the line number.

        Raises:
            PackError: the file cannot be read, is not UTF-8 or lacks one of [CLS], [SEP], [UNK].
        """
        path = Path(vocabulary)
        try:
            lines = path.read_text("utf-8").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise PackError(f"The vocabulary {path} cannot be read: {error}.") from error
        self._ids = {token: index for index, token in enumerate(lines) if token}
        for token in _SPECIAL_TOKENS:
            if token not in self._ids:
                raise PackError(f"The vocabulary {path} has no token {token}.")
        self._start, self._end, self._unknown = (self._ids[token] for token in _SPECIAL_TOKENS)

    def encode(self, text: str, max_tokens: int = MAX_TOKENS) -> list[int]:
        """Token ids of a text, [CLS] first and [SEP] last; what exceeds `max_tokens` is cut off.

        Args:
            text: any text; the empty text gives just [CLS] [SEP].
            max_tokens: at least 2.
        """
        room = max_tokens - 2
        ids: list[int] = []
        for word in _words(text):
            if len(ids) >= room:
                break
            ids += self._pieces(word)
        return [self._start, *ids[:room], self._end]

    def _pieces(self, word: str) -> list[int]:
        """Longest known piece first, from the left; one [UNK] where a rest has no piece."""
        if len(word) > LONGEST_WORD:
            return [self._unknown]
        ids, start = [], 0
        while start < len(word):
            prefix = "##" if start else ""
            for stop in range(len(word), start, -1):
                index = self._ids.get(prefix + word[start:stop])
                if index is not None:
                    break
            else:
                return [self._unknown]
            ids.append(index)
            start = stop
        return ids


class TextEncoder:
    """Texts -> embeddings, with a cache of the last texts. The arrays it returns are read-only."""

    def __init__(self, session: Session, vocabulary: WordPiece, max_tokens: int = MAX_TOKENS) -> None:
        """Use the graph of `tools/make_text_encoder.py` behind `session` with its own vocabulary."""
        self.max_tokens = max_tokens
        self._session = session
        self._vocabulary = vocabulary
        self._cached = functools.lru_cache(maxsize=CACHED_TEXTS)(self._run)

    def encode(self, text: str) -> NDArray[np.float32]:
        """Embeddings of the tokens of a text, (S, D) float32 with 2 <= S <= max_tokens; no padding."""
        return self._cached(text)[0]

    def sentence(self, text: str) -> NDArray[np.float32]:
        """One unit vector (D,) float32 for a whole text, for searching by cosine; too coarse to steer a motion."""
        return self._cached(text)[1]

    def _run(self, text: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        ids = np.array([self._vocabulary.encode(text, self.max_tokens)], np.int64)
        outputs = self._session.run({"input_ids": ids, "attention_mask": np.ones_like(ids)})
        tokens, sentence = outputs["token_embeddings"][0], outputs["sentence_embedding"][0]
        for array in (tokens, sentence):
            array.setflags(write=False)
        return tokens, sentence


def open_text_encoder(pack: ModelPack) -> TextEncoder:
    """The text encoder of a pack, on the CPU, where a prompt takes milliseconds.

    Raises:
        PackError: the pack has no readable encoder or vocabulary.
        UserError: ONNX Runtime is missing.
    """
    from .backends.onnx import create_session

    session = create_session(pack.path("text_encoder"), "cpu")
    return TextEncoder(session, WordPiece(pack.path("vocabulary")), pack.info.text.max_tokens)
