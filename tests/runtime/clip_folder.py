"""A folder of many clips in all formats that are read, with files among them that are damaged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from genmo.runtime import rotation
from genmo.runtime.exchange.files import FORMATS, save_any
from genmo.runtime.motion import Motion, sliced
from genmo.runtime.skeleton import INDEX
from genmo.tests.runtime.walking import walk

DAMAGED: Final = ("cut.npz", "empty.bvh", "letter.bvh", "noise.npz")
"""Files that cannot be read."""
_DIFFERENT: Final = 100
"""Clips that are no copies; a multiple of the number of formats."""


def waving(motion: Motion, degrees: float, rate: float) -> Motion:
    """A motion with the right arm raised and swinging so often per second."""
    time = np.arange(motion.frames) / motion.fps
    turns = np.zeros((motion.frames, 3))
    turns[:, 2] = -np.radians(degrees) - 0.4 * np.sin(2.0 * np.pi * rate * time)
    local = motion.local_rotations.copy()
    local[:, INDEX["r_shoulder"]] = rotation.from_axis_angle(turns)
    return replace(motion, local_rotations=local)


def write_clips(folder: Path, count: int = 300) -> Path:
    """Walks with raised arms in a sub-folder for each format, and DAMAGED; all but 100 are copies of others."""
    source, kinds = walk(90), list(FORMATS)
    for number in range(count):
        kind, copied = kinds[number % len(kinds)], number - _DIFFERENT
        path = folder / kind / f"clip {number:03}{FORMATS[kind][0]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        if copied >= 0:
            path.write_bytes((path.parent / f"clip {copied:03}{path.suffix}").read_bytes())
            continue
        motion = sliced(source, 0, 20 + number % 16)
        save_any(waving(motion, 1.0 * number, 0.5 + 0.1 * (number % 5)), path, kind)
    whole = (folder / "genmo" / "clip 001.npz").read_bytes()
    (folder / "cut.npz").write_bytes(whole[: len(whole) // 2])
    (folder / "noise.npz").write_bytes(np.random.default_rng(0).bytes(2000))
    (folder / "empty.bvh").write_bytes(b"")
    (folder / "letter.bvh").write_text("Dear animator,\nthis is no motion.\n", "utf-8")
    return folder
