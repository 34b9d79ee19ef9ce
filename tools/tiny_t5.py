"""A T5 encoder of random weights and a vocabulary of single letters, in the files of the transformers library."""

from __future__ import annotations

import json
import string
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

PIECES = ("<pad>", "</s>", "<unk>", "\u2581", *string.ascii_lowercase, "\u2581a", "\u2581w", "al", "ks")
"""Vocabulary; "person walks" is made of several kinds of pieces."""
_CONTROL, _UNKNOWN, _NORMAL = 3, 2, 1


def write_tiny_t5(folder: Path, width: int = 16, *, gated: bool = False) -> Path:
    """Write config.json, model.safetensors and spiece.model into a new folder; returns it.

    Args:
        folder: is made.
        width: D.
        gated: whether the inner layer is a gated GELU, as in T5 1.1.
    """
    folder.mkdir(parents=True)
    heads, head_width, inner, layers = 2, 8, 32, 2
    config = {
        "model_type": "t5", "num_layers": layers, "num_heads": heads, "d_model": width, "d_kv": head_width,
        "d_ff": inner, "relative_attention_num_buckets": 32, "relative_attention_max_distance": 128,
        "layer_norm_epsilon": 1e-6, "feed_forward_proj": "gated-gelu" if gated else "relu", "vocab_size": len(PIECES),
        "is_encoder_decoder": True, "architectures": ["T5EncoderModel"], "tie_word_embeddings": False,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    random = np.random.default_rng(1)
    shapes: dict[str, tuple[int, ...]] = {
        "shared.weight": (len(PIECES), width),
        "encoder.final_layer_norm.weight": (width,),
    }
    for layer in range(layers):
        block = f"encoder.block.{layer}.layer"
        for part in "qkv":
            shapes[f"{block}.0.SelfAttention.{part}.weight"] = (heads * head_width, width)
        shapes[f"{block}.0.SelfAttention.o.weight"] = (width, heads * head_width)
        for part in ("wi_0", "wi_1") if gated else ("wi",):
            shapes[f"{block}.1.DenseReluDense.{part}.weight"] = (inner, width)
        shapes[f"{block}.1.DenseReluDense.wo.weight"] = (width, inner)
        shapes[f"{block}.0.layer_norm.weight"] = shapes[f"{block}.1.layer_norm.weight"] = (width,)
    shapes["encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"] = (32, heads)
    tensors = {name: random.normal(size=shape) / np.sqrt(shape[-1]) for name, shape in shapes.items()}
    tensors |= {name: 1.0 + 0.1 * random.normal(size=shape) for name, shape in shapes.items() if "norm" in name}
    write_safetensors(folder / "model.safetensors", {name: value.astype(np.float32) for name, value in tensors.items()})
    (folder / "spiece.model").write_bytes(unigram_model())
    return folder


def write_safetensors(path: Path, tensors: dict[str, NDArray[Any]]) -> None:
    """Write float32 tensors as a safetensors file."""
    header, at = {}, 0
    for name, array in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [at, at + array.nbytes]}
        at += array.nbytes
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(array.tobytes() for array in tensors.values()))


def unigram_model(pieces: tuple[str, ...] = PIECES) -> bytes:
    """A SentencePiece model of these pieces, longer ones likelier, without a character map."""
    kinds = {"<pad>": _CONTROL, "</s>": _CONTROL, "<unk>": _UNKNOWN}
    data = b""
    for piece in pieces:
        text, kind = piece.encode(), kinds.get(piece, _NORMAL)
        score = 0.0 if kind != _NORMAL else -10.0 + len(piece)
        entry = b"\x0a" + bytes([len(text)]) + text + b"\x15" + struct.pack("<f", score) + b"\x18" + bytes([kind])
        data += b"\x0a" + bytes([len(entry)]) + entry
    return data
