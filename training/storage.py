"""Weights of an exported graph in fewer bits; arithmetic stays in float32.

The large weights become float16, or int8 with a scale per row or column, in front of nodes that make float32 of
them. ONNX Runtime folds these nodes when it loads the graph, so a step costs the same and every CPU gives the same
numbers.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

SMALL: Final = 1024
"""Weights with fewer values stay in float32: they cost nothing and are mostly norms and biases."""

Float = NDArray[np.float32]


def store(model: onnx.ModelProto, bits: int) -> onnx.ModelProto:
    """The same graph with its large weights stored in 16 or 8 bits, and without the places of our source.

    Args:
        model: changed in place.
        bits: 16 for float16, 8 for int8.

    Raises:
        ValueError: another number of bits.
    """
    if bits not in (8, 16):
        raise ValueError(f"weights are stored in 8 or 16 bits, not in {bits}")
    tensors, nodes = [], []
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < SMALL:
            tensors.append(tensor)
            continue
        values = numpy_helper.to_array(tensor)
        stored, makers = (_half if bits == 16 or values.ndim < 2 else _bytes)(tensor.name, values)
        tensors += stored
        nodes += makers
    del model.graph.initializer[:]
    model.graph.initializer.extend(tensors)
    for position, node in enumerate(nodes):
        model.graph.node.insert(position, node)
    _forget_source(model)
    return model


def _half(name: str, values: Float) -> tuple[list[TensorProto], list[NodeProto]]:
    half = numpy_helper.from_array(values.astype(np.float16), f"{name}_half")
    return [half], [helper.make_node("Cast", [half.name], [name], to=TensorProto.FLOAT)]


def _bytes(name: str, values: Float) -> tuple[list[TensorProto], list[NodeProto]]:
    """int8 times a scale, along the axis that loses less."""
    choices = [_rounded(values, axis) for axis in range(values.ndim)]
    whole, scale = min(choices, key=lambda pair: float(np.square(pair[0] * pair[1] - values).sum()))
    stored = [numpy_helper.from_array(whole, f"{name}_bytes"), numpy_helper.from_array(scale, f"{name}_scale")]
    cast = helper.make_node("Cast", [stored[0].name], [f"{name}_whole"], to=TensorProto.FLOAT)
    return stored, [cast, helper.make_node("Mul", [f"{name}_whole", stored[1].name], [name])]


def _rounded(values: Float, axis: int) -> tuple[NDArray[np.int8], Float]:
    """Whole numbers from -127 to 127 and the scale of each slice across `axis`."""
    largest = np.abs(values).max(axis=axis, keepdims=True)
    scale = np.where(largest > 0, largest / 127.0, 1.0).astype(np.float32)
    return np.round(values / scale).astype(np.int8), scale


def _forget_source(model: onnx.ModelProto) -> None:
    """Names of places in our source are of no use to a reader of the graph, and they carry file paths."""
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    model.graph.doc_string = ""
    del model.graph.value_info[:]
    del model.metadata_props[:]
