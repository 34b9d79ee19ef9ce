"""A small archive of made-up clips in the format of the training data, for tests of the whole pipeline."""

from __future__ import annotations

import io
import json
import lzma
from pathlib import Path

import numpy as np

ROTATION_SCALE, ROOT_SCALE = 8192.0, 100000.0


def made_up_clip(frames: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rotation vectors (T, 22, 3), root (T, 3) and contacts (T, 4) of a body that strolls and sways."""
    rng = np.random.default_rng(seed)
    phase = np.arange(frames)[:, None, None] / 30.0 * 2 * np.pi * 0.8
    amplitude, offset = rng.normal(scale=0.25, size=(22, 3)), rng.uniform(0, 6, size=(22, 3))
    rotations = amplitude * np.sin(phase + offset)
    rotations[:, 0] = [0.0, rng.uniform(-3, 3), 0.0]
    root = np.stack([np.arange(frames) * 0.02, np.full(frames, 0.87), np.arange(frames) * 0.01], axis=1)
    return rotations, root, rng.integers(0, 2, size=(frames, 4))


def write_archive(folder: Path, clips: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> None:
    """Pack clips: rotations as wrapped 16-bit differences, positions as wrapped second differences in 32 bits."""
    joints = np.array([joint for joint in range(22) if joint not in (9, 10, 11, 13, 14)], np.uint8)
    low, high, roots, contacts = [], [], [[] for _ in range(4)], []
    for rotations, root, contact in clips:
        values = np.round(rotations[:, joints] * ROTATION_SCALE).astype(np.int16).reshape(len(root), -1).T
        words = np.diff(values.view(np.uint16), axis=1, prepend=np.uint16(0)).astype(np.uint16)
        low.append((words & 255).astype(np.uint8).ravel())
        high.append((words >> 8).astype(np.uint8).ravel())
        places = np.round(root * ROOT_SCALE).astype(np.int32).T.copy().view(np.uint32)
        zero = np.uint32(0)
        twice = np.diff(np.diff(places, axis=1, prepend=zero), axis=1, prepend=zero).astype(np.uint32)
        for byte in range(4):
            roots[byte].append(((twice >> np.uint32(8 * byte)) & np.uint32(255)).astype(np.uint8).ravel())
        contacts.append((contact << np.arange(4)).sum(axis=1).astype(np.uint8))
    arrays = {
        "nframes": np.array([len(root) for _, root, _ in clips]),
        "njoints": np.array([len(joints)] * len(clips)),
        "joints": np.tile(joints, len(clips)),
        "contact": np.concatenate(contacts),
        "scale": np.array([ROTATION_SCALE, ROOT_SCALE]),
        "lo": np.concatenate(low),
        "hi": np.concatenate(high),
        **{f"r{byte}": np.concatenate(parts) for byte, parts in enumerate(roots)},
    }
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "motions.npz.xz").write_bytes(lzma.compress(buffer.getvalue(), preset=0))
    rows = [{"id": f"made_{i}", "split": "val" if i == 0 else "train", "flags": []} for i in range(len(clips))]
    captions = [{"id": row["id"], "captions": ["a person walks to the left"]} for row in rows]
    for name, lines in (("clips", rows), ("captions", captions)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
