"""Reading the names of bones: which side a name speaks of, and what is left without side, name space and separators.

Every notation of sides is understood: .L, _l, Left, L_ before, between or behind, and the Japanese characters.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

_SIDES: Final = {
    "l": "l", "left": "l", "lft": "l", "lf": "l", "左": "l",
    "r": "r", "right": "r", "rgt": "r", "rt": "r", "右": "r",
}  # fmt: skip
_MIDDLE: Final = frozenset(("C", "M", "X"))
"""Letters that mark a bone of the middle: capitals within a name ("J_Bip_C_Hips"), any behind it ("root.x")."""
_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|左|右|[^\W\d_A-Za-z左右]+")
_ENDS: Final = ("end", "leaf", "nub", "effector", "site")
_NUMBER: Final = re.compile(r"[_.]\d+$")


class BoneName(NamedTuple):
    """A bone's name, read.

    Attributes:
        core: lower case letters and digits without side and separators.
        side: "l", "r" or "" for the middle or unknown.
    """

    core: str
    side: str


def read(name: str) -> BoneName:
    """Take a name apart.

    The name space (before ":" or "|") is dropped. Full-width letters count as plain ones.
    """
    words = _words(name)
    side, core = "", []
    for place, word in enumerate(words):
        last = place == len(words) - 1
        if word.lower() in _SIDES and not side:
            side = _SIDES[word.lower()]
        elif not core or not (word in _MIDDLE or (last and word.upper() in _MIDDLE)):
            core.append(word.lower())
    return BoneName("".join(core), side)


def _words(name: str) -> list[str]:
    plain = unicodedata.normalize("NFKC", re.split(r"[:|]", name)[-1])
    return [part for word in _WORDS.findall(plain) for part in _split_side(word)]


def _split_side(word: str) -> list[str]:
    """Cut "leftarm" into "left" and "arm"; other words stay whole."""
    for side in ("left", "right"):
        if word.lower().startswith(side) and len(word) > len(side):
            return [side, word[len(side) :]]
        if word.lower().endswith(side) and len(word) > len(side):
            return [word[: -len(side)], side]
    return [word]


def is_end(name: str) -> bool:
    """Whether a bone only marks where the bone above it ends, as exporters add them."""
    words = _words(name)
    return bool(words) and words[-1].lower() in _ENDS


@lru_cache(maxsize=8)
def lookup(names: tuple[str, ...]) -> Mapping[BoneName, str]:
    """Read name -> bone; exporters' running numbers ("Hips_01") count only where no bone has the bare name."""
    table: dict[BoneName, str] = {}
    for name in names:
        table.setdefault(read(name), name)
    for name in names:
        table.setdefault(read(_NUMBER.sub("", name)), name)
    return table


def mirrored(name: str, names: Iterable[str]) -> str | None:
    """The bone of the other side with the same name otherwise; None when there is none."""
    own = read(name)
    if not own.side:
        return None
    wish = BoneName(own.core, "r" if own.side == "l" else "l")
    return next((each for each in names if each != name and read(each) == wish), None)
