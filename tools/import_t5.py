"""A T5 encoder (T5-3B for the published model) as ONNX, from the user's files in the layout of `transformers`.

The folder holds `config.json`, `model.safetensors` (or its parts with an index) and `spiece.model`.

    inputs   input_ids (1, S) int64
    outputs  token_embeddings (1, S, D) float32

Raffel et al., arXiv 1910.10683: RMS norms without bias, attention without scaling and with learned relative position
biases of the first layer, ReLU or gated GELU. fp16 and int8 are storage formats: arithmetic is in float32, because
activations of T5 leave the range of half precision.
"""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from genmo.runtime.errors import UserError
from genmo.runtime.gem.told import TEXT_WIDTH
from genmo.runtime.gem.unigram import Unigram
from genmo.runtime.pack_info import TEXT_ENCODER, VOCABULARY
from genmo.tools.onnx_graph import EXTERNAL_LIMIT, Graph, Precision
from genmo.tools.safetensors import Tensors, open_folder

MAX_TOKENS: Final = 50
_BYTES: Final = {"fp32": 4, "fp16": 2, "int8": 1}


@dataclass(frozen=True, slots=True)
class T5Config:
    """The sizes of a T5 encoder.

    Attributes:
        layers: number of blocks.
        heads: attention heads.
        width: D.
        head_width: of a head; heads need not make up D.
        buckets: of the relative positions.
        distance: from which on relative positions share a bucket.
        gated: whether the inner layer is a gated GELU instead of a ReLU.
        epsilon: of the norms.
    """

    layers: int
    heads: int
    width: int
    head_width: int
    buckets: int
    distance: int
    gated: bool
    epsilon: float

    @classmethod
    def read(cls, path: Path) -> T5Config:
        """The sizes in a `config.json`.

        Raises:
            UserError: it cannot be read or is of another model.
        """
        try:
            values = json.loads(path.read_text("utf-8"))
            inner = values.get("feed_forward_proj", "relu")
            if values["model_type"] != "t5" or inner not in ("relu", "gated-gelu"):
                raise UserError(f"{path}: is not of a T5 with ReLU or gated GELU")
            return cls(
                int(values["num_layers"]), int(values["num_heads"]), int(values["d_model"]), int(values["d_kv"]),
                int(values.get("relative_attention_num_buckets", 32)),
                int(values.get("relative_attention_max_distance", 128)),
                inner == "gated-gelu", float(values.get("layer_norm_epsilon", 1e-6)),
            )  # fmt: skip
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(f"{path}: is not the configuration of a T5 ({error})") from error


def write_text_encoder(
    folder: Path,
    destination: Path,
    precision: Precision = "int8",
    external: int = EXTERNAL_LIMIT,
    width: int = TEXT_WIDTH,
) -> dict[str, Path]:
    """Write the encoder and its vocabulary.

    Args:
        folder: of the user's model.
        destination: folder for the files.
        precision: how matrices are stored.
        external: bytes of weights above which they get a file of their own.
        width: that the encoder must have.

    Returns:
        Role in a pack -> file.

    Raises:
        UserError: a file is missing, damaged or of another model; one sentence.
    """
    config = T5Config.read(folder / "config.json")
    if config.width != width:
        raise UserError(f"{folder}: gives {config.width} numbers a token, the model reads {width} (those of T5-3B)")
    vocabulary = folder / "spiece.model"
    Unigram(vocabulary)  # refuses what it cannot read
    weights = _Weights(open_folder(folder), folder)
    large = weights.count() * _BYTES[precision] > external
    data = destination / f"{TEXT_ENCODER}.data" if large else None
    graph = Graph("t5_encoder", precision, data, storage_only=True)
    _Encoder(graph, config, weights).build()
    files = dict(zip((TEXT_ENCODER, f"{TEXT_ENCODER}_weights"),
                     graph.save(destination / f"{TEXT_ENCODER}.onnx"), strict=False))  # fmt: skip
    shutil.copyfile(vocabulary, destination / "spiece.model")
    return files | {VOCABULARY: destination / "spiece.model"}


class _Weights:
    """Tensors of the encoder by name, checked as they are taken."""

    def __init__(self, tensors: Tensors, folder: Path) -> None:
        self._tensors, self._folder = tensors, folder

    def count(self) -> int:
        return sum(size for name, size in self._tensors.sizes().items() if name.startswith("encoder."))

    def take(self, name: str, *shape: int | None) -> NDArray[np.float32]:
        if name not in self._tensors:
            raise UserError(f"{self._folder}: {name} is missing, it is not a T5 encoder or damaged")
        array = self._tensors[name]
        fits = len(array.shape) == len(shape) and all(b in (None, a) for a, b in zip(array.shape, shape, strict=True))
        if not fits or array.dtype.kind != "f":
            raise UserError(f"{self._folder}: {name} has the shape {array.shape}, expected {shape}")
        return array.astype(np.float32)


class _Encoder:
    """The encoder, written into a graph. Shapes: S tokens, H heads of size K."""

    def __init__(self, graph: Graph, config: T5Config, weights: _Weights) -> None:
        self._graph, self._config, self._weights = graph, config, weights

    def build(self) -> None:
        graph, config = self._graph, self._config
        tokens = graph.input("input_ids", 1, "tokens", integer=True)
        table = self._weights.take("shared.weight", None, config.width)
        x = graph.embedding(graph.reshape(tokens, -1), "shared", table)  # (S, D)
        biases = self._position_biases(tokens)
        for layer in range(config.layers):
            block = f"encoder.block.{layer}.layer"
            attended = self._attention(self._norm(x, f"{block}.0.layer_norm"), f"{block}.0.SelfAttention", biases)
            x = graph.node("Add", x, attended)
            inner = self._inner(self._norm(x, f"{block}.1.layer_norm"), f"{block}.1.DenseReluDense")
            x = graph.node("Add", x, inner)
        x = self._norm(x, "encoder.final_layer_norm")
        graph.output(graph.node("Unsqueeze", x, graph.integers(0)), "token_embeddings", 1, "tokens", config.width)

    def _norm(self, x: str, name: str) -> str:
        graph = self._graph
        square = graph.node("ReduceMean", graph.node("Mul", x, x), graph.integers(-1), keepdims=1)
        size = graph.node("Sqrt", graph.node("Add", square, graph.number(self._config.epsilon)))
        scale = graph.floats(name, self._weights.take(f"{name}.weight", self._config.width))
        return graph.node("Mul", graph.node("Div", x, size), scale)

    def _position_biases(self, tokens: str) -> str:
        """(H, S, S) from a table of the biases of all distances."""
        graph, config = self._graph, self._config
        table = self._weights.take(
            "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight", config.buckets, config.heads
        )
        reach = MAX_TOKENS + 1
        buckets = relative_buckets(np.arange(-reach, reach + 1), config.buckets, config.distance)
        by_distance = graph.constant("biases by distance", table[buckets])  # (2 reach + 1, H)
        count = graph.node("Shape", tokens, start=1, end=2)
        index = graph.node("Range", graph.constant("zero", np.array(0, np.int64)),
                           graph.node("Squeeze", count), graph.constant("one", np.array(1, np.int64)))  # fmt: skip
        row, column = (
            graph.node("Unsqueeze", index, graph.integers(1)),
            graph.node("Unsqueeze", index, graph.integers(0)),
        )
        distance = graph.node("Add", graph.node("Sub", column, row), graph.integers(reach))
        return graph.node("Transpose", graph.node("Gather", by_distance, distance, axis=0), perm=(2, 0, 1))

    def _attention(self, x: str, name: str, biases: str) -> str:
        graph, config = self._graph, self._config
        inner = config.heads * config.head_width

        def heads(part: str, order: tuple[int, ...]) -> str:
            weight = self._weights.take(f"{name}.{part}.weight", inner, config.width)
            split = graph.reshape(graph.linear(x, f"{name}.{part}", weight, None), -1, config.heads, config.head_width)
            return graph.node("Transpose", split, perm=order)

        scores = graph.node("MatMul", heads("q", (1, 0, 2)), heads("k", (1, 2, 0)))
        shares = graph.node("Softmax", graph.node("Add", scores, biases), axis=-1)
        mixed = graph.node("Transpose", graph.node("MatMul", shares, heads("v", (1, 0, 2))), perm=(1, 0, 2))
        weight = self._weights.take(f"{name}.o.weight", config.width, inner)
        return graph.linear(graph.reshape(mixed, -1, inner), f"{name}.o", weight, None)

    def _inner(self, x: str, name: str) -> str:
        graph, width = self._graph, self._config.width

        def layer(part: str) -> str:
            return graph.linear(x, f"{name}.{part}", self._weights.take(f"{name}.{part}.weight", None, width), None)

        if self._config.gated:
            hidden = graph.node("Mul", graph.node("Gelu", layer("wi_0"), approximate="tanh"), layer("wi_1"))
        else:
            hidden = graph.node("Relu", layer("wi"))
        return graph.linear(hidden, f"{name}.wo", self._weights.take(f"{name}.wo.weight", width, None), None)


def relative_buckets(distances: NDArray[Any], buckets: int, longest: int) -> NDArray[np.int64]:
    """Bucket of each signed distance: half of them for each direction, exact for near ones, then logarithmic."""
    half = buckets // 2
    exact = half // 2
    size = np.abs(distances)
    far = exact + (
        np.log(np.maximum(size, 1).astype(np.float32) / exact) / math.log(longest / exact) * (half - exact)
    ).astype(np.int64)
    return np.where(distances > 0, half, 0) + np.where(size < exact, size, np.minimum(far, half - 1))
