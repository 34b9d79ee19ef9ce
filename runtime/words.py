"""Words about sides: the sentence that describes a mirror image."""

from __future__ import annotations

import re
from typing import Final

_SWAPS: Final = {
    "left": "right", "leftward": "rightward", "leftwards": "rightwards", "clockwise": "counterclockwise", "cw": "ccw",
}  # fmt: skip
_MIRRORED_WORDS: Final = (
    _SWAPS
    | {new: old for old, new in _SWAPS.items()}
    | {"counter-clockwise": "clockwise", "anticlockwise": "clockwise", "anti-clockwise": "clockwise"}
)


def mirror_text(text: str) -> str:
    """The caption of the mirrored motion: left and right, clockwise and counterclockwise change places."""
    return re.sub(r"[A-Za-z\-]+", lambda m: _MIRRORED_WORDS.get(m.group(0).lower(), m.group(0)), text)
