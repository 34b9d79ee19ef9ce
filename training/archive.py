"""Reader of the motion archive (`motions.npz.xz`, `clips.jsonl`, `captions.jsonl`) and its exclusions."""

from __future__ import annotations

import io
import json
import lzma
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

EXCLUDED = frozenset({"cmu_79_11", "cmu_62_22", "cmu_79_77-0", "cmu_80_54-1", "cmu_104_01"})
"""Calibration takes, debris and a broken hip (data notes)."""


@dataclass(frozen=True)
class Clip:
    """One captioned clip, Y up, metres, 30 fps.

    Attributes:
        name: id of the clip.
        split: "train" or "val".
        flags: what is unusual about it ("src12hz", "odd_floor", ...).
        captions: sentences that describe the whole clip.
        rotations: (T, 22, 3) local rotation vectors.
        root: (T, 3) pelvis position.
        contacts: (T, 4) l_heel, l_ball, r_heel, r_ball.
        measured: (22,) joints that the source moved.
    """

    name: str
    split: str
    flags: frozenset[str]
    captions: tuple[str, ...]
    rotations: NDArray[np.float32]
    root: NDArray[np.float32]
    contacts: NDArray[np.uint8]
    measured: NDArray[np.bool_]


class Archive:
    """The packed motions: rotations delta-coded in 16 bits, positions twice delta-coded in 32 bits."""

    def __init__(self, folder: Path) -> None:
        """Read the archive of `folder` into memory (about 0.5 GB)."""
        with lzma.open(folder / "motions.npz.xz") as packed:
            arrays = np.load(io.BytesIO(packed.read()), allow_pickle=False)
        self._frames = arrays["nframes"].astype(np.int64)
        self._contacts = arrays["contact"]
        self._rotation_scale, self._root_scale = arrays["scale"]
        self._low, self._high = arrays["lo"], arrays["hi"]
        self._root_bytes = [arrays[f"r{byte}"] for byte in range(4)]
        joint_counts = arrays["njoints"].astype(np.int64)
        self._joints = np.split(arrays["joints"], np.cumsum(joint_counts)[:-1])
        self._rotation_at = np.r_[0, np.cumsum(self._frames * joint_counts * 3)]
        self._root_at = np.r_[0, np.cumsum(self._frames * 3)]
        self._frame_at = np.r_[0, np.cumsum(self._frames)]
        self._meta = _json_lines(folder / "clips.jsonl")
        self._captions = {row["id"]: tuple(row["captions"]) for row in _json_lines(folder / "captions.jsonl")}

    def __len__(self) -> int:
        """Number of clips."""
        return len(self._frames)

    def clip(self, index: int) -> Clip:
        """The clip at `index`, unpacked."""
        meta = self._meta[index]
        frames = int(self._frames[index])
        return Clip(
            name=meta["id"],
            split=meta["split"],
            flags=frozenset(meta["flags"]),
            captions=self._captions.get(meta["id"], ()),
            rotations=self._rotations(index, frames),
            root=self._root(index, frames),
            contacts=self._contact_bits(index),
            measured=np.isin(np.arange(22), self._joints[index]),
        )

    def _rotations(self, index: int, frames: int) -> NDArray[np.float32]:
        part = slice(self._rotation_at[index], self._rotation_at[index + 1])
        words = self._low[part].astype(np.uint16) | (self._high[part].astype(np.uint16) << np.uint16(8))
        # Modular arithmetic: the sum of wrapped differences is the wrapped value.
        values = np.cumsum(words.reshape(-1, frames), axis=1, dtype=np.uint16).view(np.int16)
        rotations = np.zeros((frames, 22, 3), np.float32)
        rotations[:, self._joints[index]] = (values.T.reshape(frames, -1, 3) / self._rotation_scale).astype(np.float32)
        return rotations

    def _root(self, index: int, frames: int) -> NDArray[np.float32]:
        part = slice(self._root_at[index], self._root_at[index + 1])
        words = np.zeros(int(part.stop - part.start), np.uint32)
        for byte, values in enumerate(self._root_bytes):
            words |= values[part].astype(np.uint32) << np.uint32(8 * byte)
        twice = np.cumsum(np.cumsum(words.reshape(3, frames), axis=1, dtype=np.uint32), axis=1, dtype=np.uint32)
        return (twice.view(np.int32).T / self._root_scale).astype(np.float32)

    def _contact_bits(self, index: int) -> NDArray[np.uint8]:
        bits = self._contacts[self._frame_at[index] : self._frame_at[index + 1]]
        return np.stack([(bits >> shift) & 1 for shift in range(4)], axis=1).astype(np.uint8)


def usable(clip: Clip) -> bool:
    """Whether a clip may be trained on: long enough, captioned, no calibration or debris."""
    calibration = any("motorcycle" in caption.lower() for caption in clip.captions)
    return clip.name not in EXCLUDED and not calibration and len(clip.root) >= 30


def _json_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
