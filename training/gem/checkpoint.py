"""Published checkpoints: tensors by name, nothing of the file executed, all dialects of names (genmo.md section 5.3).

A checkpoint of Lightning holds more than tensors (callbacks, hyper-parameters). Its objects are not built: every
class or function that is not needed for a tensor becomes an inert one.
"""

from __future__ import annotations

import pickle
import re
import types
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, _utils

from genmo.runtime.errors import UserError
from genmo.runtime.gem.layout import MOTION
from genmo.tools.safetensors import SUFFIX, open_safetensors
from genmo.training.gem.conditions import GemModel

Weights = dict[str, NDArray[np.float32]]

DENOISER: Final = "pipeline.denoiser3d.denoiser."
IGNORED: Final = (
    "pipeline.endecoder", "pipeline.denoiser3d.endecoder", "endecoder", "body_model", "feature_extractor", "smplx",
)  # fmt: skip
_SKIPPED: Final = (".pe",)
_MOST_NAMED: Final = 3
_DAMAGE: Final = (
    pickle.UnpicklingError, RuntimeError, EOFError, LookupError, ValueError, TypeError, AttributeError, AssertionError,
    RecursionError, MemoryError,
)  # fmt: skip


class _Inert:
    """Stands in for every object of a checkpoint that is no tensor: it takes anything and does nothing."""

    def __new__(cls, *_: Any, **__: Any) -> _Inert:
        return super().__new__(cls)

    def __init__(self, *_: Any, **__: Any) -> None:
        """Take anything."""

    def __call__(self, *_: Any, **__: Any) -> _Inert:
        return self

    def __setstate__(self, _: Any) -> None:
        """Take any state."""

    def __setitem__(self, _: Any, __: Any) -> None:
        """Take any item."""

    def __hash__(self) -> int:
        return id(self)

    def append(self, _: Any) -> None:
        """Take any member."""

    def extend(self, _: Any) -> None:
        """Take any members."""


class _TensorUnpickler(pickle.Unpickler):
    """Builds tensors, dictionaries and plain values; everything else becomes inert."""

    _BUILDERS: Final = {
        ("torch._utils", "_rebuild_tensor_v2"): _utils._rebuild_tensor_v2,
        ("torch._utils", "_rebuild_parameter"): _utils._rebuild_parameter,
        ("torch", "Size"): torch.Size,
        ("collections", "OrderedDict"): OrderedDict,
    }

    def find_class(self, module_name: str, global_name: str) -> Any:
        """What a name in the file means here."""
        builder = self._BUILDERS.get((module_name, global_name))
        if builder is not None:
            return builder
        value = getattr(torch, global_name, None) if module_name == "torch" else None
        return value if isinstance(value, torch.dtype) else _Inert


def _no_plain_pickle(_: BinaryIO, **__: Any) -> Any:
    raise pickle.UnpicklingError("it is a bare pickle")


_SAFE_PICKLE: Final = types.SimpleNamespace(__name__="tensors only", Unpickler=_TensorUnpickler, load=_no_plain_pickle)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of the state in a checkpoint (.ckpt, .pt, .pth) or safetensors file, under the names in the file.

    Raises:
        UserError: the file is missing, cut off, of another kind, or holds no state; one sentence.
    """
    if path.suffix == SUFFIX:
        found = open_safetensors(path)
        return {name: torch.from_numpy(np.array(found[name])) for name in found}
    try:
        with path.open("rb") as stream:
            start = stream.read(2)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error
    if start != b"PK":
        raise UserError(f"{path}: is not a checkpoint of torch (1.6 or later) or a safetensors file")
    try:
        document = torch.load(path, map_location="cpu", mmap=True, weights_only=False, pickle_module=_SAFE_PICKLE)
    except _DAMAGE as error:
        raise UserError(f"{path}: is cut off or not a checkpoint of torch ({_first_line(error)})") from error
    state = document.get("state_dict", document) if isinstance(document, dict) else None
    tensors = {str(k): v for k, v in state.items() if isinstance(v, Tensor)} if isinstance(state, dict) else {}
    if not tensors:
        raise UserError(f"{path}: holds no tensors under 'state_dict' or at its top")
    return tensors


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]


def published(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under their published names: prefixes taken off, copies, tables and foreign parts left out."""
    plain = {name.removeprefix("model."): tensor for name, tensor in tensors.items()}
    kept = {n: tensor for n, tensor in plain.items() if not n.startswith(IGNORED) and not n.endswith(_SKIPPED)}
    inner = re.compile(
        re.escape(DENOISER) + r"(?=learned_pos|embed_noisyobs|cliffcam|imgseq|cam_|music_|audio_|cond_exists)"
    )
    copies = {name for name in kept if inner.match(name)}
    for name in copies:  # older files have the embedders twice
        tensor = kept.pop(name)
        kept.setdefault(inner.sub("", name), tensor)
    return kept


def load_model(path: Path, *, video_only: bool = False) -> GemModel:
    """The published network with the weights of a file.

    Args:
        path: checkpoint.
        video_only: whether a file without text, music and speech is meant; else its keys are missing.

    Raises:
        UserError: one sentence that names missing, odd or misshapen keys.
    """
    state = published(read_tensors(path))
    width, layers = _sizes(state, path)
    with torch.device("meta"):
        model = GemModel(width, layers, reads_text=not video_only)
    expected = model.state_dict()
    missing = [name for name in expected if name not in state and not name.endswith("num_batches_tracked")]
    if missing and not video_only and all("text" in name or _speaks(name) for name in missing):
        hint = "; it may be the model for video only: import it with --video-only" if _is_text_free(state) else ""
        raise UserError(f"{path}: has no text: {_named(missing)} missing{hint}")
    if missing:
        raise UserError(f"{path}: is not a checkpoint of GENMO or damaged: {_named(missing)} missing")
    odd = [name for name in state if name not in expected]
    if odd:
        raise UserError(f"{path}: has keys that the published network does not have: {_named(odd)}")
    _check_values(state, expected, path)
    real = {name: state[name].float() if name in state else torch.zeros((), dtype=torch.int64) for name in expected}
    model.load_state_dict(real, assign=True)
    restore_tables(model)
    return model.eval().requires_grad_(requires_grad=False)


def restore_tables(model: GemModel) -> None:
    """Make the fixed tables of a model whose weights were assigned to an empty one."""
    from genmo.training.gem.network import TABLE_ROWS, Positions, position_table

    for module in model.modules():
        if isinstance(module, Positions):
            module.pe = position_table(TABLE_ROWS, model.width)


def weights_of(model: GemModel) -> Weights:
    """The weights under their published names as arrays, without copies."""
    return {name: tensor.numpy() for name, tensor in model.state_dict().items()}


def _sizes(state: Mapping[str, Tensor], path: Path) -> tuple[int, int]:
    """Width and number of layers that the shapes tell."""
    name = f"{DENOISER}add_cond_linear.weight"
    if name not in state:
        raise UserError(f"{path}: is not a checkpoint of GENMO, it has no {name}")
    shape = tuple(state[name].shape)
    if len(shape) != 2 or shape[0] % 16 or shape[1] != shape[0] + MOTION.width:
        raise UserError(f"{path}: {name} has the shape {shape}, expected (D, D + {MOTION.width})")
    numbers = [int(found[1]) for key in state if (found := re.match(re.escape(DENOISER) + r"blocks\.(\d+)\.", key))]
    return shape[0], max(numbers, default=0) + 1


def _speaks(name: str) -> bool:
    return name.startswith(("music_", "audio_", "cond_exists_embedder.encoded_"))


def _is_text_free(state: Mapping[str, Tensor]) -> bool:
    return not any("text" in name or _speaks(name) for name in state)


def _check_values(state: Mapping[str, Tensor], expected: Mapping[str, Tensor], path: Path) -> None:
    for name, tensor in state.items():
        if tensor.shape != expected[name].shape:
            wanted = tuple(expected[name].shape)
            raise UserError(f"{path}: {name} has the shape {tuple(tensor.shape)}, expected {wanted}")
        if tensor.is_floating_point() != expected[name].is_floating_point():
            raise UserError(f"{path}: {name} holds {tensor.dtype}, not numbers of a network")
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise UserError(f"{path}: {name} holds a number that is not finite")


def _named(names: list[str]) -> str:
    shown = ", ".join(names[:_MOST_NAMED])
    return shown if len(names) <= _MOST_NAMED else f"{shown} and {len(names) - _MOST_NAMED} more"
