"""Which backend runs a network: CUDA by ONNX Runtime, else by torch, else the processor."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UserError
from .onnx import CUDA, Session, create_session, has_cuda

if TYPE_CHECKING:
    from .torch_session import TorchSession


def open_network(path: Path, device: str, gpu_path: Path | None = None) -> tuple[Session | TorchSession, bool]:
    """Load a network on the best device there is.

    Args:
        path: ONNX file for the processor.
        device: "auto", "cpu", "cuda" (by ONNX Runtime or torch), or "torch" (on its GPU if it has one).
        gpu_path: file for GPUs, in half precision; None takes `path` there too.

    Returns:
        The network, and whether a GPU was found or asked for by name but could not be used.

    Raises:
        PackError: the file is damaged.
        UserError: the device that is asked for is not there.
    """
    for_gpu = gpu_path or path
    if device == "torch":
        return _torch_session(path if not torch_has_cuda() else for_gpu, "auto"), False
    fell_back = False
    if device in ("auto", "cuda") and has_cuda():
        session = create_session(for_gpu, "auto")
        if CUDA in session.providers:
            return session, False
        del session
        fell_back = True
    if device in ("auto", "cuda") and torch_has_cuda():
        return _torch_session(for_gpu, "cuda"), False
    if device == "cuda":
        raise UserError(
            "CUDA does not run here: neither onnxruntime-gpu nor torch finds a graphics card; "
            "choose the device auto or cpu"
        )
    return create_session(path, "cpu" if device == "auto" else device), fell_back


def torch_has_cuda() -> bool:
    """Whether torch is there and finds a GPU; loads torch if it is installed."""
    if importlib.util.find_spec("torch") is None:
        return False
    from .torch_session import load_torch

    try:
        return bool(load_torch().cuda.is_available())
    except UserError:
        return False


def _torch_session(path: Path, device: str) -> TorchSession:
    from .torch_session import TorchSession

    return TorchSession(path, device)
