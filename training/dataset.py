"""Clips as ready feature arrays, original and mirrored, cached in one file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from genmo.runtime import features, rotation, skeleton
from genmo.runtime.words import mirror_text
from genmo.training.archive import Archive, Clip, usable

Float = NDArray[np.float32]

FPS = 30.0
WRIST_CONTACT_SPEED = 0.15
"""A wrist slower than this (m/s) counts as in contact (genmo.md section 11)."""


@dataclass(frozen=True)
class Sequence:
    """Features of one clip, T frames, independent of any reference heading.

    Attributes:
        name: id of the clip.
        captions: sentences.
        pose: (T, 22, 6) 6D rotations, pelvis without heading.
        headings: (T,) radians, continuous.
        root: (T, 3) pelvis position.
        velocity: (T, 2) root velocity in the heading frame, m/s.
        contacts: (T, 6).
        joints: (T, 22, 3) positions with the ground position and heading of the pelvis taken away.
        measured: (22,) 1 where the source measured the joint's rotation.
        weight: sampling weight.
    """

    name: str
    captions: tuple[str, ...]
    pose: Float
    headings: Float
    root: Float
    velocity: Float
    contacts: Float
    joints: Float
    measured: Float
    weight: float


@dataclass(frozen=True)
class Statistics:
    """Mean and standard deviation (F,) of the features."""

    mean: Float
    std: Float

    @staticmethod
    def of(sequences: list[Sequence]) -> Statistics:
        """Measure them on the clips; headings and contacts get fixed values, small deviations a floor."""
        pose = np.concatenate([item.pose.reshape(len(item.pose), -1)[::4] for item in sequences])
        height = np.concatenate([item.root[::4, 1] for item in sequences])
        velocity = np.concatenate([item.velocity[::4] for item in sequences])
        layout = features.LAYOUT
        mean, std = np.zeros(layout.width, np.float32), np.ones(layout.width, np.float32)
        mean[: pose.shape[1]], std[: pose.shape[1]] = pose.mean(0), np.maximum(pose.std(0), 0.08)
        mean[layout["root_height"]], std[layout["root_height"]] = height.mean(), max(height.std(), 0.02)
        mean[layout["root_velocity"]], std[layout["root_velocity"]] = velocity.mean(0), max(velocity.std(), 0.1)
        std[layout["heading"]] = 0.7
        mean[layout["contacts"]], std[layout["contacts"]] = 0.5, 0.5
        return Statistics(mean, std)


def sequence_from(clip: Clip, *, mirrored: bool) -> Sequence:
    """Features of a clip or of its mirror image."""
    vectors, root = clip.rotations.astype(np.float64), clip.root.astype(np.float64)
    contacts, measured = clip.contacts.astype(np.float64), clip.measured.astype(np.float32)
    captions = clip.captions
    if mirrored:
        order = list(skeleton.MIRROR)
        vectors = vectors[:, order] * np.array([1.0, -1.0, -1.0])
        root = root * np.array([-1.0, 1.0, 1.0])
        contacts, measured = contacts[:, [2, 3, 0, 1]], measured[order]
        captions = tuple(mirror_text(caption) for caption in captions)
    local = rotation.from_axis_angle(vectors)
    positions, _ = skeleton.forward_kinematics(root, local)
    wrists = positions[:, [skeleton.INDEX["l_wrist"], skeleton.INDEX["r_wrist"]]]
    speed = np.linalg.norm(np.diff(wrists, axis=0, append=wrists[-1:]), axis=-1) * FPS
    headings, pose = features.pose_sixd(local)
    steps = np.diff(root[:, ::2], axis=0, append=root[-1:, ::2]) * FPS
    steps[-1] = steps[-2]
    upright = positions - root[:, None] * np.array([1.0, 0.0, 1.0])
    joints = rotation.rotate(rotation.about_y(-headings)[:, None], upright)
    return Sequence(
        clip.name, captions, _f32(pose), _f32(np.unwrap(headings)), _f32(root),
        _f32(features.turn_planar(steps, -headings)),
        _f32(np.concatenate([contacts, speed < WRIST_CONTACT_SPEED], axis=1)),
        _f32(joints), measured, _sampling_weight(clip),
    )  # fmt: skip


def _f32(array: NDArray[np.generic]) -> Float:
    return np.ascontiguousarray(array, dtype=np.float32)


def _sampling_weight(clip: Clip) -> float:
    """Longer clips weigh more, up to 30 s; soft or odd ones less."""
    weight = float(np.clip(len(clip.root), 90, 900))
    for flag, factor in (("src12hz", 0.4), ("odd_floor", 0.5), ("robot_retarget", 0.5), ("joint_neutralised", 0.7)):
        if flag in clip.flags:
            weight *= factor
    return weight


_ACTIONS = (
    "walk", "run|jog|sprint", "jump|hop|leap", "wave|waving", "sit", "kick", "punch|box", "danc", "throw|pitch",
    "crawl", "climb", "pick|lift", "swim", "golf|swing", "stretch", "kneel|crouch|squat", "lie|lying", "clap",
    "drink|eat", "march",
)  # fmt: skip
"""What people ask for, as beginnings of words in captions."""

_FIRST_ASKED = 6
"""The first of these are what everybody tries first; prompts draw them as often as three others."""


def _does(texts: list[str]) -> NDArray[np.bool_]:
    """(N, A + 1): which actions each text names; the last column is for texts that name none."""
    found = np.array([[re.search(rf"\b({action})", text.lower()) is not None for action in _ACTIONS] for text in texts])
    return np.column_stack([found, ~found.any(axis=1)])


def sampling_shares(sequences: list[Sequence]) -> NDArray[np.float64]:
    """Probability (N,) of each clip: its own weight, balanced between actions.

    A third of the data walks and a fiftieth kicks. Dividing by the square root of the share of a clip's rarest action
    keeps walking the most frequent, but shows the rare ones often enough to be learnt.
    """
    weights = np.array([item.weight for item in sequences])
    does = _does([" ".join(item.captions) for item in sequences])
    shares = weights @ does / weights.sum()
    balanced = weights / np.sqrt(np.where(does, shares, 1.0).min(axis=1))
    return balanced / balanced.sum()


def prompt_shares(sequences: list[Sequence]) -> NDArray[np.float64]:
    """Probability (N,) of each clip where only the caption says what happens.

    Some of the draws follow `sampling_shares`; the others give actions a fixed share, by the first caption, which
    names the main one. There, short clips of one action count most: their caption tells of just what a window
    shows, while a window of a long medley shows any part of it.
    """
    lengths = np.array([len(item.root) for item in sequences], dtype=np.float64)
    quality = np.array([item.weight for item in sequences]) / np.clip(lengths, 90, 900)
    named = _does([item.captions[0] if item.captions else "" for item in sequences])
    plain = np.minimum(lengths, 240.0) * (240.0 / np.maximum(lengths, 240.0)) ** 2 / named.sum(axis=1) ** 2
    does = named * (quality * plain)[:, None]
    asked = np.where(np.arange(does.shape[1]) < _FIRST_ASKED, 3.0, 1.0)
    by_action = does @ (asked / np.maximum(does.sum(axis=0), 1e-9))
    return 0.3 * sampling_shares(sequences) + 0.7 * by_action / by_action.sum()


def load_sequences(data: Path, split: str, cache: Path) -> list[Sequence]:
    """All usable clips of a split, each followed by its mirror image.

    Args:
        data: folder of the archive.
        split: "train" or "val".
        cache: folder for the prepared arrays; filled on the first call.
    """
    path = cache / f"sequences_{split}.npz"
    if not path.exists():
        archive = Archive(data)
        clips = [clip for clip in map(archive.clip, range(len(archive))) if clip.split == split and usable(clip)]
        _save(path, [sequence_from(clip, mirrored=side) for clip in clips for side in (False, True)])
    return _load(path)


_ARRAYS = ("pose", "headings", "root", "velocity", "contacts", "joints", "measured")


def _save(path: Path, sequences: list[Sequence]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {name: np.concatenate([getattr(item, name) for item in sequences]) for name in _ARRAYS}
    arrays["length"] = np.array([len(item.root) for item in sequences])
    arrays["weight"] = np.array([item.weight for item in sequences])
    arrays["name"] = np.array([item.name for item in sequences])
    arrays["captions"] = np.array(["\n".join(item.captions) for item in sequences])
    partial = path.with_suffix(".partial.npz")
    with partial.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **arrays)
    partial.replace(path)


def _load(path: Path) -> list[Sequence]:
    stored = np.load(path, allow_pickle=False)
    arrays = {name: stored[name] for name in stored.files}
    ends = np.cumsum(arrays["length"])[:-1]
    parts = {name: np.split(arrays[name], ends) for name in _ARRAYS if name != "measured"}
    parts["measured"] = list(arrays["measured"].reshape(-1, 22))
    captions = [tuple(str(text).split("\n")) if text else () for text in arrays["captions"]]
    return [
        Sequence(
            name=str(arrays["name"][index]),
            captions=captions[index],
            weight=float(arrays["weight"][index]),
            **{name: parts[name][index] for name in _ARRAYS},
        )
        for index in range(len(captions))
    ]
