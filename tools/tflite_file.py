"""A TensorFlow Lite model file, read with the standard library and numpy only.

The file is a FlatBuffer (flatbuffers.dev/internals): a table begins with the distance back to its table of offsets,
whose entry 4 + 2 k is where field k lies, or 0 for a default. Field numbers are those of TensorFlow's schema.fbs.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

TYPES: Final = {0: np.float32, 1: np.float16, 2: np.int32, 3: np.uint8, 4: np.int64, 9: np.int8}
_INDEX_TYPES: Final = {1: np.int32, 2: np.uint16, 3: np.uint8}


@dataclass(frozen=True)
class Table:
    """A table of a FlatBuffer: its fields are asked for by number."""

    data: bytes
    at: int

    def _field(self, number: int) -> int:
        """Where a field lies, 0 when it has its default."""
        (back,) = struct.unpack_from("<i", self.data, self.at)
        offsets = self.at - back
        (size,) = struct.unpack_from("<H", self.data, offsets)
        entry = 4 + 2 * number
        if entry >= size:
            return 0
        (distance,) = struct.unpack_from("<H", self.data, offsets + entry)
        return self.at + distance if distance else 0

    def number(self, number: int, code: str = "i", default: int = 0) -> int:
        """A number; `code` is its type for the module struct."""
        at = self._field(number)
        return struct.unpack_from(f"<{code}", self.data, at)[0] if at else default

    def table(self, number: int) -> Table | None:
        """A table that a field points to."""
        at = self._field(number)
        return Table(self.data, at + struct.unpack_from("<I", self.data, at)[0]) if at else None

    def values(self, number: int, dtype: Any) -> NDArray[Any]:
        """A vector of numbers, empty when there is none."""
        at, count = self._vector(number)
        return np.frombuffer(self.data, np.dtype(dtype).newbyteorder("<"), count, at)

    def tables(self, number: int) -> list[Table]:
        """A vector of tables."""
        at, count = self._vector(number)
        places = [at + 4 * index for index in range(count)]
        return [Table(self.data, place + struct.unpack_from("<I", self.data, place)[0]) for place in places]

    def text(self, number: int) -> str:
        """A text."""
        return self.values(number, np.uint8).tobytes().decode()

    def _vector(self, number: int) -> tuple[int, int]:
        at = self._field(number)
        if not at:
            return 0, 0
        start = at + struct.unpack_from("<I", self.data, at)[0]
        return start + 4, struct.unpack_from("<I", self.data, start)[0]


@dataclass(frozen=True)
class Tensor:
    """A value of the network: its name, its shape, and its numbers when they are constant."""

    name: str
    shape: tuple[int, ...]
    values: NDArray[Any] | None


@dataclass(frozen=True)
class Step:
    """One operator: its code in schema.fbs, indices of tensors (-1 for none), and its options."""

    code: int
    inputs: tuple[int, ...]
    output: int
    options: Table | None

    def option(self, number: int, code: str = "i", default: int = 0) -> int:
        """An option by its field number."""
        return default if self.options is None else self.options.number(number, code, default)


@dataclass(frozen=True)
class Network:
    """The one graph of a model file."""

    tensors: list[Tensor]
    steps: list[Step]
    inputs: list[int]
    outputs: list[int] = field(default_factory=list)


def read_tflite(path: Path) -> Network:
    """Read a model.

    Raises:
        ValueError: it is not a TensorFlow Lite file, or has a type of numbers that none of our models has.
    """
    data = path.read_bytes()
    if data[4:8] != b"TFL3":
        raise ValueError(f"{path} is not a TensorFlow Lite model")
    model = Table(data, struct.unpack_from("<I", data)[0])
    codes = [max(code.number(0, "b"), code.number(3)) for code in model.tables(1)]
    buffers = model.tables(4)
    graph = model.tables(2)[0]
    steps = [
        Step(
            codes[each.number(0, "I")],
            tuple(each.values(1, np.int32).tolist()),
            int(each.values(2, np.int32)[0]),
            each.table(4),
        )
        for each in graph.tables(3)
    ]
    tensors = [_tensor(each, buffers) for each in graph.tables(0)]
    return Network(tensors, steps, graph.values(1, np.int32).tolist(), graph.values(2, np.int32).tolist())


def _tensor(table: Table, buffers: list[Table]) -> Tensor:
    shape = tuple(table.values(0, np.int32).tolist())
    kind = table.number(1, "b")
    raw = buffers[table.number(2, "I")].values(0, np.uint8)
    if not len(raw):
        return Tensor(table.text(3), shape, None)
    if kind not in TYPES:
        raise ValueError(f"tensor {table.text(3)} has the unknown type {kind}")
    values = np.frombuffer(raw.tobytes(), TYPES[kind])
    sparsity = table.table(6)
    return Tensor(table.text(3), shape, values.reshape(shape) if sparsity is None else _dense(shape, sparsity, values))


def _dense(shape: tuple[int, ...], sparsity: Table, values: NDArray[Any]) -> NDArray[Any]:
    """Write out a sparse tensor: dimensions, then blocks, in traversal order, each dense or listed (schema.fbs)."""
    order = sparsity.values(0, np.int32).tolist()
    block_of = sparsity.values(1, np.int32).tolist()
    levels = sparsity.tables(2)
    # Rows so far: the index in each dimension of the traversal, and the place among the stored values.
    rows, place = np.zeros((1, 0), np.int64), np.zeros(1, np.int64)
    for level in levels:
        if level.number(0, "b") == 0:
            count = level.number(1)
            index = np.tile(np.arange(count), len(rows))
            rows, place = np.repeat(rows, count, axis=0), np.repeat(place, count) * count + index
        else:
            segments, indices = _listed(level, 2, 3), _listed(level, 4, 5)
            counts = segments[place + 1] - segments[place]
            starts = np.repeat(segments[place] - np.cumsum(counts) + counts, counts)
            rows, place = np.repeat(rows, counts, axis=0), starts + np.arange(counts.sum())
            index = indices[place]
        rows = np.concatenate([rows, index[:, None]], axis=1)
    at = np.zeros((len(rows), len(shape)), np.int64)
    sizes = {order[k]: level.number(1) for k, level in enumerate(levels) if order[k] >= len(shape)}
    for k, dimension in enumerate(order):
        if dimension < len(shape):
            blocked = [sizes[len(shape) + b] for b, of in enumerate(block_of) if of == dimension]
            at[:, dimension] += rows[:, k] * (blocked[0] if blocked else 1)
        else:
            at[:, block_of[dimension - len(shape)]] += rows[:, k]
    result = np.zeros(shape, values.dtype)
    result[tuple(at.T)] = values[place]
    return result


def _listed(level: Table, kind: int, vector: int) -> NDArray[np.int64]:
    """A vector of indices: a union of three number types, in a table of its own."""
    table = level.table(vector)
    if table is None:
        return np.zeros(0, np.int64)
    return table.values(0, _INDEX_TYPES[level.number(kind, "B")]).astype(np.int64)
