"""Sentences that are wrong about a motion although they use nearly the same words: direction, speed, height, order."""

from __future__ import annotations

import re
from typing import Final

_PAIRS: Final = (
    ("forward", "backward"), ("forwards", "backwards"), ("ahead", "backward"),
    ("fast", "slow"), ("quick", "slow"), ("quickly", "slowly"), ("rapidly", "slowly"), ("briskly", "slowly"),
    ("walks", "runs"), ("walk", "run"), ("walking", "running"), ("strolls", "sprints"), ("jogs", "walks"),
    ("up", "down"), ("upward", "downward"), ("upwards", "downwards"), ("high", "low"), ("raises", "lowers"),
    ("lifts", "lowers"), ("raising", "lowering"),
)  # fmt: skip
_SWAPS: Final = {second: first for first, second in reversed(_PAIRS)} | dict(_PAIRS)

_TURNED: Final = {
    "forward": "backward", "forwards": "backwards", "ahead": "backward", "straight": "straight",
}  # fmt: skip
_BACK: Final = {"backward": "forward", "backwards": "forwards"}
_ORDER: Final = re.compile(r"^(?P<first>.+?),? (?P<word>and then|then|before) (?P<second>.+)$")


def contrary(text: str) -> str:
    """A sentence that the motion of `text` does not fit: its parts exchanged, else one word turned round.

    Returns:
        "" where no word says what could be the other way round.
    """
    if match := _ORDER.match(text):
        return f"{match['second']}, {match['word']} {match['first']}"
    for word in re.findall(r"[a-z]+", text.lower()):
        if word in _SWAPS:
            return re.sub(rf"\b{word}\b", _SWAPS[word], text, count=1, flags=re.IGNORECASE)
    return ""


def reversed_text(text: str) -> str:
    """What the same motion is called when it runs backwards in time, where one word decides that: walking forward.

    Returns:
        "" where that is not so simple.
    """
    words = re.findall(r"[a-z]+", text.lower())
    turned = _TURNED | _BACK
    if _ORDER.match(text) or not any(word in ("walk", "walks", "walking", "steps", "stepping", "run", "runs", "running",
                                              "jogs", "jogging", "moves") for word in words):  # fmt: skip
        return ""
    if not any(word in turned and word != "straight" for word in words):
        return ""
    return re.sub(r"[A-Za-z]+", lambda match: turned.get(match.group(0).lower(), match.group(0)), text)
