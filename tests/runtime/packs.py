"""A pack for tests that never run its network."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from genmo.runtime.skeleton import JOINT_NAMES, REST_OFFSETS


def write_pack(folder: Path) -> Path:
    """Write a pack that opens, although its network is none, into a new folder; returns the folder."""
    folder.mkdir(parents=True)
    content = b"no network"
    (folder / "denoiser.onnx").write_bytes(content)
    entry = {"file": "denoiser.onnx", "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    document = {
        "format": 1,
        "id": "test",
        "version": "1.2.0",
        "title": "Test pack",
        "licence": "CC0-1.0",
        "credits": [],
        "fps": 30.0,
        "skeleton": {"joints": list(JOINT_NAMES), "rest_offsets": [list(offset) for offset in REST_OFFSETS]},
        "layout": {"pose": [0, 2]},
        "conditions": {},
        "understands": ["prompts", "keyframes", "pins", "path"],
        "stats": {"mean": [0.0, 0.5], "std": [1.0, 2.0]},
        "sampler": {"steps": 2, "guidance": 1.0},
        "band": 120,
        "text": {"max_tokens": 24, "width": 384},
        "files": {"denoiser": entry, "text_encoder": entry, "vocabulary": entry},
    }
    (folder / "pack.json").write_text(json.dumps(document), "utf-8")
    return folder
