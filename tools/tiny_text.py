"""A text encoder of a few kilobytes: random BERT weights and a vocabulary of single letters."""

from __future__ import annotations

import string
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from genmo.tools.make_text_encoder import BertConfig, build_model

VOCABULARY = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", *string.ascii_lowercase, *("##" + c for c in string.ascii_lowercase))
POSITIONS = 64


def random_weights(
    config: BertConfig, vocabulary: int, positions: int, random: np.random.Generator
) -> dict[str, NDArray[np.float32]]:
    """Random tensors of a BERT encoder, under the names of its published files.

    Args:
        config: shape of the encoder.
        vocabulary: number of tokens.
        positions: longest text, in tokens.
        random: source of the numbers.
    """
    width, inner = config.width, 4 * config.width
    tensors = {
        "embeddings.word_embeddings.weight": random.normal(size=(vocabulary, width)),
        "embeddings.position_embeddings.weight": random.normal(size=(positions, width)),
        "embeddings.token_type_embeddings.weight": random.normal(size=(2, width)),
    }
    norms, linears = ["embeddings.LayerNorm"], {}
    for layer in range(config.layers):
        block = f"encoder.layer.{layer}"
        for name in ("self.query", "self.key", "self.value", "output.dense"):
            linears[f"{block}.attention.{name}"] = (width, width)
        linears[f"{block}.intermediate.dense"] = (inner, width)
        linears[f"{block}.output.dense"] = (width, inner)
        norms += [f"{block}.attention.output.LayerNorm", f"{block}.output.LayerNorm"]
    for name, (rows, columns) in linears.items():
        tensors[f"{name}.weight"] = random.normal(size=(rows, columns)) / np.sqrt(columns)
        tensors[f"{name}.bias"] = 0.1 * random.normal(size=rows)
    for name in norms:
        tensors[f"{name}.weight"] = 1 + 0.1 * random.normal(size=width)
        tensors[f"{name}.bias"] = 0.1 * random.normal(size=width)
    return {name: values.astype(np.float32) for name, values in tensors.items()}


def write_tiny_text_encoder(folder: Path, width: int) -> tuple[Path, Path]:
    """Write `text_encoder.onnx` with token embeddings of `width` values and `vocab.txt`; return both paths."""
    config = BertConfig(layers=1, heads=2, width=width, epsilon=1e-12)
    weights = random_weights(config, len(VOCABULARY), POSITIONS, np.random.default_rng(0))
    encoder, vocabulary = folder / "text_encoder.onnx", folder / "vocab.txt"
    onnx.save(build_model(config, weights), str(encoder))
    vocabulary.write_text("\n".join(VOCABULARY) + "\n", encoding="utf-8")
    return encoder, vocabulary
