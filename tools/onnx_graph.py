"""ONNX graphs written node by node, with their weights streamed to a file of their own when they are large.

A builder instead of an exporter: sizes that a request decides stay free, nothing is traced away, and weights can be
stored and multiplied in float32, float16 or int8.

int8: weights are symmetric per output, inputs of each product are quantised as they come. Only standard operators.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from genmo.tools.make_text_encoder import quantize_rows

Precision = Literal["fp32", "fp16", "int8"]
PRECISIONS: Final[tuple[Precision, ...]] = ("fp32", "fp16", "int8")
OPSET: Final = 20
IR_VERSION: Final = 9
EXTERNAL_LIMIT: Final = 500_000_000
"""Bytes of weights above which they get a file of their own: protocol buffers end at 2 GB, and are held in memory."""
_SMALL: Final = 1024
_ALIGNMENT: Final = 4096


class Graph:
    """Nodes and constants under construction; methods return the name of their result."""

    def __init__(
        self, name: str, precision: Precision = "fp32", weights: Path | None = None, *, storage_only: bool = False
    ) -> None:
        """Start an empty graph.

        Args:
            name: of the graph.
            precision: of the large matrices; "fp16" computes everything in half precision.
            weights: file beside the graph for large constants, None to keep them inside.
            storage_only: whether large matrices are turned back into float32 before they are multiplied.
        """
        self.name = name
        self.precision: Precision = "fp32" if storage_only else precision
        self._storage: Precision = precision if storage_only else "fp32"
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []
        self._quantised: dict[str, tuple[str, str, str]] = {}
        self._file = weights
        self._stream: BinaryIO | None = None

    @property
    def float_type(self) -> int:
        """Type of the activations."""
        return TensorProto.FLOAT16 if self.precision == "fp16" else TensorProto.FLOAT

    def input(self, name: str, *shape: str | int, integer: bool = False) -> str:
        """Declare an input; floats come in float32 and are cast where the graph computes in half precision."""
        kind = TensorProto.INT64 if integer else TensorProto.FLOAT
        self._inputs.append(helper.make_tensor_value_info(name, kind, shape))
        if integer or self.precision != "fp16":
            return name
        return self.node("Cast", name, to=TensorProto.FLOAT16)

    def output(self, value: str, name: str, *shape: str | int) -> None:
        """Give a result away, in float32."""
        last = self.node("Cast", value, to=TensorProto.FLOAT) if self.precision == "fp16" else value
        self._nodes.append(helper.make_node("Identity", [last], [name]))
        self._outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))

    def node(self, op: str, *inputs: str, **attributes: Any) -> str:
        """Add an operator with one result."""
        return self.nodes(op, inputs, 1, **attributes)[0]

    def nodes(self, op: str, inputs: Sequence[str], count: int, **attributes: Any) -> list[str]:
        """Add an operator with several results."""
        results = [f"{op}_{len(self._nodes)}_{index}" for index in range(count)]
        self._nodes.append(helper.make_node(op, list(inputs), results, **attributes))
        return results

    def floats(self, name: str, values: NDArray[Any]) -> str:
        """A constant of the type of the activations."""
        return self.constant(name, values.astype(np.float16 if self.precision == "fp16" else np.float32))

    def number(self, value: float) -> str:
        """A scalar of the type of the activations."""
        return self.floats(f"number {value!r}", np.array(value))

    def integers(self, *values: int) -> str:
        """A vector of integers."""
        return self.constant("integers " + " ".join(map(str, values)), np.array(values, np.int64))

    def constant(self, name: str, values: NDArray[Any]) -> str:
        """A constant as it is; one of the same name is taken to be the same."""
        if name not in self._constants:
            array = np.ascontiguousarray(values)
            large = self._file is not None and array.size >= _SMALL
            self._constants[name] = self._external(name, array) if large else numpy_helper.from_array(array, name)
        return name

    def linear(self, x: str, name: str, weight: NDArray[np.float32], bias: NDArray[np.float32] | None) -> str:
        """Product of x (..., in) and the transpose of weight (out, in), plus bias (out,)."""
        product = self._product(x, name, weight)
        return product if bias is None else self.node("Add", product, self.floats(f"{name}.bias", bias))

    def normalise(self, x: str, name: str, weight: NDArray[Any], bias: NDArray[Any], epsilon: float) -> str:
        """Layer normalisation over the last axis."""
        scale, shift = self.floats(f"{name}.weight", weight), self.floats(f"{name}.bias", bias)
        return self.node("LayerNormalization", x, scale, shift, axis=-1, epsilon=epsilon)

    def silu(self, x: str) -> str:
        """SiLU: x sigmoid(x)."""
        return self.node("Mul", x, self.node("Sigmoid", x))

    def reshape(self, x: str, *shape: int) -> str:
        """Reshape; 0 keeps a size, -1 is what is left."""
        return self.node("Reshape", x, self.integers(*shape))

    def embedding(self, indices: str, name: str, table: NDArray[np.float32]) -> str:
        """Rows of a table (R, D) that is stored as float16 at most; (S,) -> (S, D)."""
        if self._storage == "fp32":
            return self.node("Gather", self.floats(name, table), indices, axis=0)
        rows = self.node("Gather", self.constant(name, table.astype(np.float16)), indices, axis=0)
        return self.node("Cast", rows, to=TensorProto.FLOAT)

    def _stored(self, x: str, name: str, matrix: NDArray[np.float32]) -> str:
        """A matrix (in, out) in float32 that is stored smaller and multiplied with x."""
        if self._storage == "fp16":
            return self.node("Cast", self.constant(name, matrix.astype(np.float16)), to=TensorProto.FLOAT)
        whole, scales = quantize_rows(np.ascontiguousarray(matrix.T))
        # ONNX Runtime folds other conversions of constants when it loads a graph, and then holds them in float32.
        values, factors = self.constant(f"{name}.int8", whole.T), self.constant(f"{name}.scale", scales[:, 0])
        # It would also convert all matrices before the first product; this one has to wait for x.
        size = self.node("Shape", x, start=0, end=1)
        nothing = self.node("Cast", self.node("Sub", size, size), to=TensorProto.FLOAT)
        return self.node("DequantizeLinear", values, self.node("Add", factors, nothing), axis=1)

    def _product(self, x: str, name: str, weight: NDArray[np.float32]) -> str:
        if self._storage != "fp32":
            return self.node("MatMul", x, self._stored(x, name, weight.T))
        if self.precision != "int8" or weight.size < _SMALL:
            return self.node("MatMul", x, self.floats(name, weight.T))
        if x not in self._quantised:
            values, scale, zero = self.nodes("DynamicQuantizeLinear", [x], 3)
            self._quantised[x] = values, scale, zero
        values, scale, zero = self._quantised[x]
        whole, scales = quantize_rows(weight)
        total = self.node("MatMulInteger", values, self.constant(f"{name}.int8", whole.T), zero)
        both = self.node("Mul", scale, self.constant(f"{name}.scale", scales[:, 0]))
        return self.node("Mul", self.node("Cast", total, to=TensorProto.FLOAT), both)

    def _external(self, name: str, array: NDArray[Any]) -> onnx.TensorProto:
        assert self._file is not None
        if self._stream is None:
            self._stream = self._file.open("wb")
        start = -(-self._stream.tell() // _ALIGNMENT) * _ALIGNMENT
        self._stream.seek(start)
        self._stream.write(array.data)
        tensor = onnx.TensorProto(name=name, dims=array.shape, data_type=helper.np_dtype_to_tensor_dtype(array.dtype))
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in (("location", self._file.name), ("offset", start), ("length", array.nbytes)):
            tensor.external_data.add(key=key, value=str(value))
        return tensor

    def save(self, path: Path) -> list[Path]:
        """Write the graph; returns its file and, if there is one, that of its weights, which must lie beside it."""
        graph = helper.make_graph(self._nodes, self.name, self._inputs, self._outputs, list(self._constants.values()))
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="genmo"
        )
        path.write_bytes(model.SerializeToString())
        if self._stream is None or self._file is None:
            return [path]
        self._stream.close()
        return [path, self._file]
