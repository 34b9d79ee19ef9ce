"""An ONNX graph as plain data, for backends that are not ONNX Runtime: nodes, attributes, weights as numpy arrays."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .. import protobuf
from ..errors import PackError
from ..protobuf import content, integers, text

_TYPES: Final = {
    1: np.float32, 2: np.uint8, 3: np.int8, 6: np.int32, 7: np.int64, 9: np.bool_, 10: np.float16, 11: np.float64,
}  # fmt: skip
_EXTERNAL: Final = 1


@dataclass(slots=True)
class Node:
    """One operator.

    Attributes:
        op: its name.
        inputs: names of values; "" for one that is left out.
        outputs: names of its results.
        attributes: by name: numbers, lists of them, text or arrays.
    """

    op: str = ""
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class GraphFile:
    """A graph.

    Attributes:
        nodes: in an order in which they can run.
        constants: weights by name.
        inputs: name -> shape, names or None for free sizes.
        outputs: names.
    """

    nodes: list[Node] = field(default_factory=list)
    constants: dict[str, NDArray[Any]] = field(default_factory=dict)
    inputs: dict[str, tuple[int | str | None, ...]] = field(default_factory=dict)
    outputs: list[str] = field(default_factory=list)


def read_graph(path: Path) -> GraphFile:
    """The graph in an ONNX file; weights beside it are mapped.

    Raises:
        PackError: the file is missing or no ONNX graph.
    """
    try:
        data = np.memmap(path, np.uint8, mode="r") if path.stat().st_size else np.empty(0, np.uint8)
        graphs = [content(value) for number, value in protobuf.message(data.data) if number == 7]
        graph = _graph(graphs[0], path.parent)
    except OSError as error:
        raise PackError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (ValueError, TypeError, IndexError, KeyError, struct.error) as error:
        raise PackError(f"{path}: not a readable ONNX model ({error})") from error
    if not graph.nodes:
        raise PackError(f"{path}: not a readable ONNX model (it has no operators)")
    return graph


def _graph(data: memoryview, folder: Path) -> GraphFile:
    graph = GraphFile()
    declared: dict[str, tuple[int | str | None, ...]] = {}
    for number, value in protobuf.message(data):
        if number == 1:
            graph.nodes.append(_node(content(value), folder))
        elif number == 5:
            name, array = _tensor(content(value), folder)
            graph.constants[name] = array
        elif number == 11:
            name, shape = _value_info(content(value))
            declared[name] = shape
        elif number == 12:
            graph.outputs.append(_value_info(content(value))[0])
    graph.inputs = {name: shape for name, shape in declared.items() if name not in graph.constants}
    return graph


def _node(data: memoryview, folder: Path) -> Node:
    node = Node()
    for number, value in protobuf.message(data):
        if number == 1:
            node.inputs.append(text(value))
        elif number == 2:
            node.outputs.append(text(value))
        elif number == 4:
            node.op = text(value)
        elif number == 5:
            name, attribute = _attribute(content(value), folder)
            node.attributes[name] = attribute
    return node


def _attribute(data: memoryview, folder: Path) -> tuple[str, Any]:
    name, value, numbers = "", None, []
    for number, part in protobuf.message(data):
        if number == 1:
            name = text(part)
        elif number == 2:
            (value,) = struct.unpack("<f", content(part))
        elif number == 3:
            (value,) = integers(part)
        elif number == 4:
            value = text(part)
        elif number == 5:
            value = _tensor(content(part), folder)[1]
        elif number == 8:
            numbers += integers(part)
    return name, numbers if numbers else value


def _value_info(data: memoryview) -> tuple[str, tuple[int | str | None, ...]]:
    name, shape = "", ()
    for number, value in protobuf.message(data):
        if number == 1:
            name = text(value)
        elif number == 2:
            for kind, tensor in protobuf.message(content(value)):
                if kind == 1:
                    shape = next((_shape(content(v)) for n, v in protobuf.message(content(tensor)) if n == 2), ())
    return name, shape


def _shape(data: memoryview) -> tuple[int | str | None, ...]:
    sizes: list[int | str | None] = []
    for number, value in protobuf.message(data):
        if number == 1:
            size: int | str | None = None
            for kind, part in protobuf.message(content(value)):
                size = integers(part)[0] if kind == 1 else text(part)
            sizes.append(size)
    return tuple(sizes)


def _tensor(data: memoryview, folder: Path) -> tuple[str, NDArray[Any]]:
    name, shape, kind, raw, outside = "", [], 1, None, {}
    listed: list[int] = []
    for number, value in protobuf.message(data):
        if number == 1:
            shape += integers(value)
        elif number == 2:
            (kind,) = integers(value)
        elif number in (5, 7):
            listed += integers(value)
        elif number == 8:
            name = text(value)
        elif number in (4, 9):  # floats are packed as they are in raw data
            raw = content(value)
        elif number == 13:
            pair = {n: text(v) for n, v in protobuf.message(content(value))}
            outside[pair[1]] = pair.get(2, "")
    dtype = np.dtype(_TYPES[kind])
    if outside:
        return name, _outside(outside, folder, dtype, shape)
    flat = np.array(listed, dtype) if raw is None else np.frombuffer(raw, dtype)
    return name, flat.reshape(shape)


def _outside(entry: dict[str, str], folder: Path, dtype: np.dtype[Any], shape: list[int]) -> NDArray[Any]:
    """Weights in a file beside the graph."""
    location = entry["location"]
    if "/" in location or "\\" in location or location in ("", ".", ".."):
        raise ValueError(f"its weights are not beside it but in {location!r}")
    count = int(np.prod(shape))
    flat = np.memmap(folder / location, dtype, mode="r", offset=int(entry.get("offset", "0")), shape=(count,))
    return flat.reshape(shape)
