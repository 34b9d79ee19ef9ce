"""The networks of a pack on torch, for users who have it with a GPU that ONNX Runtime does not use.

Runs the same ONNX files operator by operator, so a pack needs nothing more and both backends give the same numbers.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..errors import CancelledError, PackError, UserError
from .onnx_file import GraphFile, Node, read_graph
from .torch_operators import operators

Arrays = Mapping[str, NDArray[Any]]

_LEAST_MATRIX: Final = 4096


class TorchSession:
    """A loaded network; looks like `backends.onnx.Session`."""

    def __init__(self, path: Path, device: str = "auto", precision: str = "") -> None:
        """Load the network.

        Args:
            path: ONNX file.
            device: "auto" takes the GPU if there is one; "cpu"; "cuda".
            precision: "bf16" multiplies large float32 matrices in bfloat16; "" computes as the file says.

        Raises:
            PackError: the file is no ONNX graph, or has an operator that is not known here.
            UserError: torch is missing, or the GPU is.
        """
        torch = load_torch()
        if device == "cuda" and not torch.cuda.is_available():
            raise UserError("torch finds no CUDA device here: choose the device auto or cpu")
        self._torch = torch
        self._device = "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"
        self._graph = read_graph(path)
        self._operators = operators(torch)
        unknown = {node.op for node in self._graph.nodes} - {*self._operators, "Constant"}
        if unknown:
            raise PackError(f"{path}: torch cannot run it, the operator {min(unknown)} is not known here")
        self._constants = self._loaded(self._graph)
        self._low = self._low_matrices() if precision == "bf16" else {}
        self._last = _last_uses(self._graph)
        self._stop = threading.Event()

    @property
    def providers(self) -> tuple[str, ...]:
        """What runs the network."""
        return (f"torch {self._device}",)

    @property
    def inputs(self) -> dict[str, tuple[int | str | None, ...]]:
        """Input name -> shape; a free axis has a name or None."""
        return self._graph.inputs

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs."""
        return tuple(self._graph.outputs)

    def run(self, inputs: Arrays) -> dict[str, NDArray[Any]]:
        """Named inputs -> named outputs; see `backends.onnx.Session.run`."""
        return self._run({name: self._placed(array) for name, array in inputs.items()})

    def keep(self, fixed: Arrays) -> Callable[[Arrays], dict[str, NDArray[Any]]]:
        """A function that runs the network with some inputs on the device already."""
        held = {name: self._placed(array) for name, array in fixed.items()}

        def run(inputs: Arrays) -> dict[str, NDArray[Any]]:
            return self._run({**held, **{name: self._placed(array) for name, array in inputs.items()}})

        return run

    def terminate(self) -> None:
        """Stop the run that another thread is in, at its next operator."""
        self._stop.set()

    def _placed(self, array: NDArray[Any]) -> Any:
        return self._torch.from_numpy(np.ascontiguousarray(array)).to(self._device)

    def _run(self, values: dict[str, Any]) -> dict[str, NDArray[Any]]:
        self._stop.clear()
        try:
            with self._torch.inference_mode():
                for index, node in enumerate(self._graph.nodes):
                    if self._stop.is_set():
                        raise CancelledError("stopped while the model was running")
                    self._step(node, values)
                    for name in self._last.get(index, ()):
                        values.pop(name, None)
                return {name: self._found(values, name).cpu().numpy() for name in self._graph.outputs}
        except self._torch.OutOfMemoryError as error:
            raise UserError("The memory does not suffice: ask for fewer frames or samples") from error

    def _found(self, values: dict[str, Any], name: str) -> Any:
        return values[name] if name in values else self._constants.get(name)

    def _step(self, node: Node, values: dict[str, Any]) -> None:
        inputs: list[Any] = [self._found(values, name) if name else None for name in node.inputs]
        if node.op == "Constant":
            results: Any = self._placed(node.attributes["value"])
        elif node.op == "MatMul" and node.inputs[1] in self._low:
            low = self._low[node.inputs[1]]
            results = (inputs[0].to(low.dtype) @ low).to(inputs[0].dtype)
        else:
            results = self._operators[node.op](node.attributes, *inputs)
        several = results if isinstance(results, tuple) else (results,)
        values.update(zip(node.outputs, several, strict=False))

    def _loaded(self, graph: GraphFile) -> dict[str, Any]:
        """The weights on the device; conversions of weights are made once here, as ONNX Runtime does."""
        torch = self._torch
        constants = {name: self._placed(np.array(array)) for name, array in graph.constants.items()}
        turned = [node for node in graph.nodes if node.op == "Cast" and node.inputs[0] in constants]
        with torch.inference_mode():
            cast = self._operators["Cast"]
            constants |= {node.outputs[0]: cast(node.attributes, constants.pop(node.inputs[0])) for node in turned}
        graph.nodes[:] = [node for node in graph.nodes if not any(node is each for each in turned)]
        graph.constants.clear()
        return constants

    def _low_matrices(self) -> dict[str, Any]:
        """The large float32 matrices of products, in bfloat16."""
        names = {node.inputs[1] for node in self._graph.nodes if node.op == "MatMul"} & set(self._constants)
        large = {n for n in names if self._constants[n].dim() == 2 and self._constants[n].numel() >= _LEAST_MATRIX}
        return {name: self._constants.pop(name).to(self._torch.bfloat16) for name in large}


def _last_uses(graph: GraphFile) -> dict[int, tuple[str, ...]]:
    """Number of a node -> values that no later node reads."""
    last = {name: index for index, node in enumerate(graph.nodes) for name in (*node.inputs, *node.outputs) if name}
    uses: dict[int, list[str]] = {}
    for name, index in last.items():
        if name not in graph.outputs:
            uses.setdefault(index, []).append(name)
    return {index: tuple(names) for index, names in uses.items()}


@functools.cache
def load_torch() -> Any:
    """The module torch.

    Raises:
        UserError: it is missing or cannot be loaded.
    """
    try:
        import torch
    except (ImportError, OSError) as error:
        raise UserError(f"torch cannot be loaded ({error}): choose the device auto or cpu") from error
    return torch
