"""The tokeniser of T5: a SentencePiece unigram model, read from the `spiece.model` of the user's text encoder.

Kudo, "Subword regularization" (2018): the segmentation with the largest sum of piece scores. The file is a protocol
buffer; of its fields only pieces and normaliser are read. Characters are normalised by the file's own map, a
double-array trie over UTF-8 bytes (the Darts-clone layout).
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Final

import numpy as np

from .. import protobuf
from ..errors import PackError

SPACE: Final = "\u2581"
END: Final = "</s>"
_UNKNOWN, _NORMAL, _USER = 2, 1, 4
_PENALTY: Final = 10.0
"""What an unknown character costs beyond the rarest piece."""


class CharacterMap:
    """The normalisation of a SentencePiece model: the longest known prefix is replaced, all else stays."""

    def __init__(self, data: bytes) -> None:
        """Read the map; empty data change nothing.

        Raises:
            ValueError: it is cut off.
        """
        size = struct.unpack_from("<I", data)[0] if data else 0
        if size % 4 or size + 4 > max(len(data), 4):
            raise ValueError("its character map is cut off")
        self._units: list[int] = np.frombuffer(data, "<u4", size // 4, 4).tolist() if data else []
        self._texts = data[4 + size :]

    def apply(self, text: str) -> str:
        """The text with every known run of characters replaced."""
        if not self._units:
            return text
        data, at, out = text.encode("utf-8", "replace"), 0, bytearray()
        while at < len(data):
            length, replacement = self._longest(data, at)
            if not length:
                first = data[at]
                length = 1 if first < 0x80 else 2 if first < 0xE0 else 3 if first < 0xF0 else 4
                replacement = data[at : at + length]
            out += replacement
            at += length
        return out.decode("utf-8", "replace")

    def _longest(self, data: bytes, start: int) -> tuple[int, bytes]:
        """Length in bytes of the longest known prefix and what replaces it; 0 where there is none."""
        units, best = self._units, (0, b"")
        position = _offset(units[0])
        for at in range(start, len(data)):
            position ^= data[at]
            if position >= len(units) or units[position] & 0x800000FF != data[at]:
                break
            unit = units[position]
            position ^= _offset(unit)
            if unit >> 8 & 1:
                text = units[position] & 0x7FFFFFFF
                best = at + 1 - start, self._texts[text : self._texts.index(b"\0", text)]
        return best


def _offset(unit: int) -> int:
    return (unit >> 10) << ((unit & 0x200) >> 6)


class Unigram:
    """A unigram model of SentencePiece."""

    def __init__(self, path: Path | str) -> None:
        """Read a `spiece.model`.

        Raises:
            PackError: the file cannot be read, or is of another kind.
        """
        self._scores: dict[str, tuple[int, float]] = {}
        self._unknown = self._end = -1
        normaliser = b""
        try:
            index = 0
            for number, value in protobuf.message(Path(path).read_bytes()):
                if number == 1:
                    self._add(index, protobuf.content(value))
                    index += 1
                elif number == 3:
                    inner = protobuf.message(protobuf.content(value))
                    normaliser = next((bytes(protobuf.content(v)) for n, v in inner if n == 2), b"")
            self._map = CharacterMap(normaliser)
        except (OSError, ValueError, TypeError, struct.error, IndexError) as error:
            raise PackError(f"{path}: is not a SentencePiece model ({error})") from error
        if self._unknown < 0 or self._end < 0 or not self._scores:
            raise PackError(f"{path}: is not the SentencePiece model of a T5, it lacks <unk> or {END}")
        self._longest = max(map(len, self._scores))
        self._cost = min(score for _, score in self._scores.values()) - _PENALTY

    def _add(self, index: int, data: memoryview) -> None:
        piece, score, kind = "", 0.0, _NORMAL
        for number, value in protobuf.message(data):
            if number == 1:
                piece = protobuf.text(value)
            elif number == 2:
                (score,) = struct.unpack("<f", protobuf.content(value))
            elif number == 3 and isinstance(value, int):
                kind = value
        if kind == _UNKNOWN:
            self._unknown = index
        elif piece == END:
            self._end = index
        elif kind in (_NORMAL, _USER):
            self._scores[piece] = index, score

    def encode(self, text: str, max_tokens: int) -> list[int]:
        """Token ids of a text, the end token last; what exceeds `max_tokens` is cut off before it."""
        spaced = " ".join(part for part in self._map.apply(text).split(" ") if part)
        marked = SPACE + spaced.replace(" ", SPACE) if spaced else ""
        return [*self._segmented(marked)[: max_tokens - 1], self._end]

    def _segmented(self, text: str) -> list[int]:
        """Ids of the best segmentation; a run of unknown characters is one token."""
        best: list[tuple[float, int, int]] = [(0.0, 0, 0)]  # score, start and id of the last piece up to each place
        for stop in range(1, len(text) + 1):
            candidates = [(best[stop - 1][0] + self._cost, stop - 1, self._unknown)]
            for start in range(max(stop - self._longest, 0), stop):
                known = self._scores.get(text[start:stop])
                if known is not None:
                    candidates.append((best[start][0] + known[1], start, known[0]))
            best.append(max(candidates, key=lambda each: each[0]))
        ids: list[int] = []
        stop = len(text)
        while stop:
            _, start, index = best[stop]
            if not (index == self._unknown and ids and ids[-1] == self._unknown):
                ids.append(index)
            stop = start
        return ids[::-1]
