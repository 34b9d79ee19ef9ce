"""Weights of the published network that anybody can make again: each from the name of its key alone.

The recipe of the golden vectors: numpy's RandomState seeded by the CRC of "w:" and the key, gates random, so that no
block is an identity. So a checkpoint of any width needs no file.
"""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from genmo.training.gem.conditions import GemModel
from genmo.training.gem.network import TABLE_ROWS, position_table

LAYERS = {48: 3, 512: 12, 1024: 16}
"""Layers by width, of the small vectors and of the published configurations."""


def seeded(key: str, shape: tuple[int, ...]) -> np.ndarray:
    """The weight of a key, float32."""
    seed = (zlib.crc32(f"w:{key}".encode()) + 1234) % 2**32
    noise = np.random.RandomState(seed).standard_normal(shape)
    leaf = key.rpartition(".")[2]
    if "gate_" in leaf:
        values = 0.3 * noise
    elif leaf == "running_var":
        values = 1.0 + 0.2 * np.abs(noise)
    elif leaf == "running_mean":
        values = 0.1 * noise
    elif key == "learned_pos_params":
        values = noise
    elif leaf in ("bias", "in_proj_bias"):
        values = 0.02 * noise
    elif len(shape) == 1:
        values = 1.0 + 0.1 * noise
    else:
        values = noise / np.sqrt(int(np.prod(shape[1:]))) * (0.3 if "final_layer.fc2" in key else 1.0)
    return values.astype(np.float32)


def seeded_state(width: int, layers: int, *, reads_text: bool = True) -> dict[str, Tensor]:
    """The state of the network, under the published names, tables and counters included."""
    with torch.device("meta"):
        model = GemModel(width, layers, reads_text=reads_text)
    state = {
        key: torch.zeros(shape, dtype=torch.int64)
        if key.endswith("num_batches_tracked")
        else torch.from_numpy(seeded(key, tuple(shape)))
        for key, shape in ((key, value.shape) for key, value in model.state_dict().items())
    }
    denoiser, table = "pipeline.denoiser3d.denoiser.", position_table(TABLE_ROWS, width)
    state[f"{denoiser}sequence_pos_encoder.pe"] = table
    state[f"{denoiser}embed_timestep.sequence_pos_encoder.pe"] = table
    return state


def write_checkpoint(path: Path, width: int, layers: int, *, reads_text: bool = True) -> Path:
    """Write a checkpoint as Lightning does, and return its path."""
    state = seeded_state(width, layers, reads_text=reads_text)
    torch.save({"epoch": 3, "global_step": 7, "pytorch-lightning_version": "2.3.0", "state_dict": state}, path)
    return path
