"""A BERT small enough for tests: random weights, and its forward pass in plain numpy as the oracle."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from genmo.tools.make_text_encoder import BertConfig
from genmo.tools.tiny_text import random_weights

Array = NDArray[np.float64]

CONFIG = BertConfig(layers=2, heads=4, width=32, epsilon=1e-12)
VOCABULARY = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "person", "walk", "##s", "##ing", "forward", "left", ".", ",")
POSITIONS = 16


def weights(seed: int = 0, prefix: str = "") -> dict[str, NDArray]:
    """Random tensors under the names of the transformers library."""
    random = np.random.default_rng(seed)
    width = CONFIG.width
    tensors: dict[str, NDArray] = {
        **random_weights(CONFIG, len(VOCABULARY), POSITIONS, random),
        # what published files carry besides, and the encoder must not stumble over
        "embeddings.position_ids": np.arange(POSITIONS)[None],
        "pooler.dense.weight": random.normal(size=(width, width)).astype(np.float32),
    }
    return {prefix + name: values for name, values in tensors.items()}


def rounded(tensors: Mapping[str, NDArray], storage: str) -> dict[str, NDArray]:
    """The tensors as the storage format keeps them: matrices only, the sentence type is a vector."""

    def convert(name: str, values: NDArray) -> NDArray:
        if values.ndim != 2 or values.dtype.kind != "f" or "token_type" in name:
            return values
        if storage == "fp16":
            return values.astype(np.float16).astype(np.float32)
        step = np.max(np.abs(values), axis=1, keepdims=True) / 127
        return np.round(values / step) * step

    return {name: convert(name, values) for name, values in tensors.items()}


def forward(tensors: Mapping[str, NDArray], ids: list[int]) -> tuple[Array, Array]:
    """Token embeddings (S, D) and sentence embedding (D,) of one unpadded text, in float64."""
    w = {name: values.astype(np.float64) for name, values in tensors.items()}

    def linear(x: Array, name: str) -> Array:
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    def norm(x: Array, name: str) -> Array:
        centred = x - x.mean(axis=-1, keepdims=True)
        unit = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + CONFIG.epsilon)
        return unit * w[f"{name}.weight"] + w[f"{name}.bias"]

    x = w["embeddings.word_embeddings.weight"][ids] + w["embeddings.position_embeddings.weight"][: len(ids)]
    x = norm(x + w["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
    size = CONFIG.width // CONFIG.heads
    for layer in range(CONFIG.layers):
        block = f"encoder.layer.{layer}"
        q, k, v = (linear(x, f"{block}.attention.self.{name}") for name in ("query", "key", "value"))
        heads = []
        for head in range(CONFIG.heads):
            part = slice(head * size, (head + 1) * size)
            scores = np.exp(q[:, part] @ k[:, part].T / math.sqrt(size))
            heads.append(scores / scores.sum(axis=1, keepdims=True) @ v[:, part])
        attended = linear(np.concatenate(heads, axis=1), f"{block}.attention.output.dense")
        x = norm(x + attended, f"{block}.attention.output.LayerNorm")
        inner = linear(x, f"{block}.intermediate.dense")
        inner = inner * 0.5 * (1 + np.vectorize(math.erf)(inner / math.sqrt(2)))
        x = norm(x + linear(inner, f"{block}.output.dense"), f"{block}.output.LayerNorm")
    mean = x.mean(axis=0)
    return x, mean / np.linalg.norm(mean)
