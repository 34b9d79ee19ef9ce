"""Files of tensors in the safetensors layout, read by hand: a JSON header and raw numbers, nothing to execute.

8 bytes of header length, the header, then the data (github.com/huggingface/safetensors). Tensors are mapped, not
loaded; bfloat16 is widened when a tensor is taken.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from genmo.runtime.errors import UserError

SUFFIX: Final = ".safetensors"
INDEX: Final = "model.safetensors.index.json"
_TYPES: Final = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "U8": "u1", "I8": "i1",
    "BOOL": "?",
}  # fmt: skip
_LARGEST_HEADER: Final = 100 * 2**20


class Tensors(Mapping[str, NDArray[Any]]):
    """Tensors of one or several files by name; each is read when it is taken."""

    def __init__(self, entries: Mapping[str, tuple[NDArray[Any], bool]]) -> None:
        """Keep arrays, with whether they hold bfloat16."""
        self._entries = entries

    def __getitem__(self, name: str) -> NDArray[Any]:
        array, is_bfloat = self._entries[name]
        if not is_bfloat:
            return array
        return (array.astype(np.uint32) << 16).view(np.float32)

    def sizes(self) -> dict[str, int]:
        """Number of values of each tensor, without reading any."""
        return {name: array.size for name, (array, _) in self._entries.items()}

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


def open_safetensors(path: Path) -> Tensors:
    """The tensors of a file.

    Raises:
        UserError: it is missing, cut off or not of this layout; one sentence.
    """
    try:
        return Tensors(_entries(path))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, struct.error) as error:
        raise UserError(f"{path}: is not a safetensors file, or is cut off ({error})") from error


def open_folder(folder: Path) -> Tensors:
    """The tensors of a model in the layout of the transformers library: one file, or the parts that an index names.

    Raises:
        UserError: there is none, or one is damaged.
    """
    index = folder / INDEX
    if not index.is_file():
        return open_safetensors(folder / "model.safetensors")
    try:
        names = set(json.loads(index.read_text("utf-8"))["weight_map"].values())
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise UserError(f"{index}: is not an index of safetensors files ({error})") from error
    if any("/" in str(name) or "\\" in str(name) for name in names):
        raise UserError(f"{index}: names a file outside its folder")
    parts = [open_safetensors(folder / str(name)) for name in sorted(names)]
    return Tensors({name: part._entries[name] for part in parts for name in part})


def _entries(path: Path) -> dict[str, tuple[NDArray[Any], bool]]:
    size = path.stat().st_size
    with path.open("rb") as stream:
        (length,) = struct.unpack("<Q", stream.read(8))
        if length > min(_LARGEST_HEADER, size):
            raise ValueError("its header is longer than the file")
        header = json.loads(stream.read(length))
    data = np.memmap(path, np.uint8, mode="r", offset=8 + length) if size > 8 + length else np.empty(0, np.uint8)
    found = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        start, stop = entry["data_offsets"]
        kind = np.dtype(_TYPES[entry["dtype"]])
        shape = tuple(int(count) for count in entry["shape"])
        if not 0 <= start <= stop <= len(data) or stop - start != kind.itemsize * int(np.prod(shape)):
            raise ValueError(f"{name} does not fit into it")
        found[name] = (data[start:stop].view(kind).reshape(shape), entry["dtype"] == "BF16")
    return found
