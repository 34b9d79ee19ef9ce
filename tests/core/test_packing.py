"""Motions as text: small, close, and readable for ever."""

from __future__ import annotations

import base64
import zlib

import numpy as np
import pytest

from genmo.genmo_blender.core import packing
from genmo.runtime import rotation
from genmo.runtime.errors import MotionError
from genmo.runtime.motion import Motion
from genmo.tests.runtime.walking import walk


def wild(frames: int, reach: float = 1.0) -> Motion:
    generator = np.random.default_rng(frames)
    turns = rotation.normalize(generator.standard_normal((frames, 22, 4)))
    roots = generator.standard_normal((frames, 3)) * reach
    return Motion(fps=30.0, root_positions=roots, local_rotations=turns, contacts=generator.random((frames, 6)))


@pytest.mark.parametrize("motion", [walk(300), walk(1), wild(1), wild(2), wild(40), wild(40, 5000.0)])
def test_packing_loses_almost_nothing(motion: Motion) -> None:
    back = packing.unpack(packing.pack(motion), motion.frames, motion.fps, pack="p")
    assert np.degrees(rotation.angle(motion.local_rotations, back.local_rotations)).max() < 0.006
    reach = max(1.0, float(np.abs(motion.root_positions).max()))
    assert np.abs(motion.root_positions - back.root_positions).max() < 1e-9 * reach + 6e-7
    assert np.abs(motion.contacts - back.contacts).max() < 0.002
    assert back.pack == "p"


def test_ten_seconds_are_small() -> None:
    assert len(packing.pack(walk(300))) < 40_000


def old_text(motion: Motion) -> str:
    """As version 0.1 wrote it."""
    steps = np.rint(rotation.continuous(motion.local_rotations) * 32767).astype("<i2")
    steps[1:] = np.diff(steps, axis=0)
    contacts = np.rint(motion.contacts * 255).astype(np.uint8)
    turns = np.ascontiguousarray(np.moveaxis(steps, 0, -1))
    parts = (motion.rest_offsets.astype("<f4"), motion.root_positions.astype("<f4"), turns, contacts)
    return base64.b85encode(zlib.compress(b"".join(part.tobytes() for part in parts), 6)).decode("ascii")


def test_takes_of_the_version_before_are_read() -> None:
    motion = wild(40)
    back = packing.unpack(old_text(motion), 40, 30.0)
    assert np.degrees(rotation.angle(motion.local_rotations, back.local_rotations)).max() < 0.01
    assert np.abs(motion.root_positions - back.root_positions).max() < 1e-6


@pytest.mark.parametrize("write", [packing.pack, old_text])
def test_damage_is_a_sentence(write: object) -> None:
    text = write(wild(30))  # type: ignore[operator]
    for damaged in ("", "2:", text[:40], text[: len(text) // 2], "2:" + "~" * 50, text[12:]):
        with pytest.raises(MotionError, match="damaged"):
            packing.unpack(damaged, 30, 30.0)
    for frames in (0, -1, 29, 31, 10**9):
        with pytest.raises(MotionError, match="damaged"):
            packing.unpack(text, frames, 30.0)


def test_long_texts_are_packed_and_short_ones_are_left() -> None:
    for text in ("", '{"a": 1}', "ä" * 5000, "x" * 10**6):
        assert packing.unpack_text(packing.pack_text(text)) == text
    assert packing.pack_text("short") == "short"
    assert len(packing.pack_text("x" * 10**6)) < 5000
    for damaged in ("2:", "2:nothing of ours", packing.pack_text("y" * 5000)[:-9]):
        with pytest.raises(MotionError, match="damaged"):
            packing.unpack_text(damaged)
