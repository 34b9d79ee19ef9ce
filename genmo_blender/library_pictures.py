"""Stick-figure strips as icons of panels: three for each strip, two figures on each."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import bpy.utils.previews
import numpy as np
from numpy.typing import NDArray

from ..runtime.errors import UserError
from .core import png

PARTS: Final = 3
"""Icons of a strip. An icon is drawn in a square, so a whole strip in one would be tiny."""

_MOST: Final = 200
"""Strips that are kept; then all are dropped."""

_state: dict[str, Any] = {"icons": None}


def of_file(path: str) -> tuple[int, ...]:
    """Icons of a strip in a file; none if it cannot be read."""

    def read() -> NDArray[np.uint8]:
        try:
            return png.read(Path(path).read_bytes())
        except (OSError, UserError):
            return np.zeros((1, PARTS, 4), np.uint8)

    return icons(path, read)


def icons(key: str, make: Callable[[], NDArray[np.uint8]]) -> tuple[int, ...]:
    """Icons of a picture, made once for each key.

    Args:
        key: names the picture.
        make: gives it as (H, W, 4) RGBA.
    """
    kept = _state["icons"]
    if kept is None:
        return ()
    names = [f"{part} {key}" for part in range(PARTS)]
    if names[-1] not in kept:
        if len(kept) >= PARTS * _MOST:
            kept.clear()
        for name, part in zip(names, np.array_split(make(), PARTS, axis=1), strict=True):
            _fill(kept.new(name), part)
    return tuple(kept[name].icon_id for name in names)


def _fill(preview: Any, picture: NDArray[np.uint8]) -> None:
    """Put a picture into a preview, whose rows go upwards."""
    height, width, _ = picture.shape
    preview.image_size = (width, height)
    preview.image_pixels_float = (picture[::-1].astype(np.float32) / 255.0).ravel().tolist()


def attach() -> None:
    """Begin to keep pictures."""
    _state["icons"] = bpy.utils.previews.new()


def detach() -> None:
    """Drop all pictures."""
    bpy.utils.previews.remove(_state["icons"])
    _state["icons"] = None
