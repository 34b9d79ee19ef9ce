"""Clips as features with the sentences that a retrieval run may learn from."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from genmo.runtime import retrieval_features as features
from genmo.runtime import rotation, skeleton
from genmo.runtime.words import mirror_text
from genmo.training.archive import Archive, usable


@dataclass(frozen=True)
class Clip:
    """One clip.

    Attributes:
        name: id of the clip.
        features: (T, features.WIDTH) in half precision.
        originals: the short descriptions that came with the data, made readable.
        written: the sentences of captions.jsonl, which the generator learns from.
    """

    name: str
    features: NDArray[np.float16]
    originals: tuple[str, ...]
    written: tuple[str, ...]

    def captions(self, which: str) -> tuple[str, ...]:
        """The sentences of one choice of `RetrievalConfig.captions`."""
        return self.originals if which == "held_out" else self.originals + self.written


def has_side(text: str) -> bool:
    """Whether a caption would be another one for the mirror image."""
    return mirror_text(text) != text


def readable(text: str) -> str:
    """An index entry as words: "Punch_Sequence" and "RightTightTurn" split, remarks on the recording dropped."""
    text = re.sub(r"\((?:\d subjects? - subject [A-Z]|human subject)\)", "", text)
    text = re.sub(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[0-9])(?=[A-Z])", " ", text.replace("_", " "))
    return " ".join(text.split()).lower()


def load_clips(data: Path, split: str, cache: Path) -> list[Clip]:
    """All usable clips of a split.

    Args:
        data: folder of the archive.
        split: "train" or "val".
        cache: folder for the features; filled on the first call.
    """
    path = cache / f"clips_{split}.npz"
    if not path.exists():
        _prepare(data, split, path)
    with np.load(path, allow_pickle=False) as stored:
        names = [str(name) for name in stored["name"]]
        parts = np.split(stored["features"], np.cumsum(stored["length"])[:-1])
    originals = {
        row["id"]: [readable(each["text"]) for each in row.get("captions", ())] for row in _rows(data / "clips.jsonl")
    }
    written = {row["id"]: row["captions"] for row in _rows(data / "captions.jsonl")}
    return [
        Clip(name, part, tuple(dict.fromkeys(filter(None, originals[name]))), tuple(written.get(name, ())))
        for name, part in zip(names, parts, strict=True)
    ]


def _prepare(data: Path, split: str, path: Path) -> None:
    archive = Archive(data)
    found = {}
    for index in range(len(archive)):
        clip = archive.clip(index)
        if clip.split == split and usable(clip):
            positions, _ = skeleton.forward_kinematics(clip.root, rotation.from_axis_angle(clip.rotations))
            found[clip.name] = features.encode(positions).astype(np.float16)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial.npz")
    np.savez(
        partial,
        name=np.array(list(found)),
        length=np.array([len(part) for part in found.values()]),
        features=np.concatenate(list(found.values())),
    )
    partial.replace(path)


def _rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
