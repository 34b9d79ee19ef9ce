"""Networks on ONNX Runtime: one `Session` per file, quiet, without telemetry, and stoppable inside a run.

ONNX Runtime is imported when the first session is made. Newer versions than the shipped one report home unless
ORT_DISABLE_TELEMETRY is set before they are imported, so it always is.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from numpy.typing import NDArray

from ..errors import CancelledError, PackError, UserError

Arrays = Mapping[str, NDArray[Any]]

CPU: Final = "CPUExecutionProvider"
CUDA: Final = "CUDAExecutionProvider"
DEVICES: Final = ("auto", "cpu", "cuda")

MOST_THREADS: Final = 16
"""More threads only wait for each other in networks of this size."""

_ERROR_SEVERITY: Final = 3


class Session:
    """A loaded network. One thread runs it; any other thread may stop that run.

    On the device "auto" a GPU that fails, when the network is loaded or while it runs, is replaced by the CPU.
    """

    def __init__(self, path: Path, device: str, threads: int) -> None:
        """Load the network; use `create_session`, which checks its arguments."""
        self._path = path
        self._device = device
        self._threads = threads
        self._lock = threading.Lock()
        self._running: Any = None
        self._session = self._load(_wanted_providers(device))
        if device == "cuda" and CUDA not in self.providers:
            raise UserError(f"CUDA does not run here, only {', '.join(self.providers)}: choose the device auto or cpu")

    @property
    def providers(self) -> tuple[str, ...]:
        """Execution providers that really run the network, the preferred one first."""
        return tuple(self._session.get_providers())

    @property
    def inputs(self) -> dict[str, tuple[int | str | None, ...]]:
        """Input name -> shape; a free axis has a name or None."""
        return {value.name: tuple(value.shape) for value in self._session.get_inputs()}

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs."""
        return tuple(value.name for value in self._session.get_outputs())

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Run the network once.

        Args:
            inputs: an array of the network's type and shape for each of its inputs.

        Returns:
            Output name -> array.

        Raises:
            CancelledError: `terminate` was called meanwhile.
            UserError: the memory does not suffice.
        """
        return self._attempt(lambda: self._run(inputs))

    def keep(self, fixed: Arrays) -> Callable[[Arrays], dict[str, NDArray[Any]]]:
        """A function that runs the network with some inputs copied once to where it runs.

        Args:
            fixed: arrays for some of the inputs; they must not change afterwards.

        Returns:
            A function of the other inputs that answers as `run` does.
        """
        held: dict[str, Any] = {}
        made_for: list[Any] = []

        def run(inputs: Arrays) -> dict[str, NDArray[Any]]:
            def bound() -> dict[str, NDArray[Any]]:
                if made_for != [self._session]:  # the first run, or the first on the CPU after the GPU failed
                    place = "cuda" if CUDA in self.providers else "cpu"
                    values = _onnxruntime().OrtValue
                    held.update({name: values.ortvalue_from_numpy(array, place) for name, array in fixed.items()})
                    made_for[:] = [self._session]
                return self._run(inputs, held)

            return self._attempt(bound)

        return run

    def _attempt(self, run: Callable[[], dict[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
        """Run; where the device is free to choose, a GPU that fails is replaced by the CPU."""
        if self._device != "auto" or CUDA not in self.providers:
            return run()
        try:
            return run()
        except CancelledError:
            raise
        except Exception:  # whatever CUDA cannot do, too little memory included
            self._session = self._load([CPU])
        return run()

    def terminate(self) -> None:
        """Stop the run that another thread is in, within one operator; does nothing between runs."""
        with self._lock:
            if self._running is not None:
                self._running.terminate = True

    def _run(
        self, inputs: Mapping[str, NDArray[Any]], held: Mapping[str, Any] | None = None
    ) -> dict[str, NDArray[Any]]:
        options = _onnxruntime().RunOptions()  # fresh for each run: a terminated one would stop the next run too
        options.log_severity_level = _ERROR_SEVERITY
        with self._lock:
            self._running = options
        try:
            if held is None:
                values = self._session.run(None, dict(inputs), options)
            else:
                binding = self._bound(inputs, held)
                self._session.run_with_iobinding(binding, options)
                values = binding.copy_outputs_to_cpu()
        except Exception as error:  # ONNX Runtime's errors have no base class of their own
            if options.terminate:
                raise CancelledError("stopped while the model was running") from error
            if "allocate memory" in str(error):
                raise UserError("The memory does not suffice: ask for fewer frames or samples") from error
            raise
        finally:
            with self._lock:
                self._running = None
        return dict(zip(self.outputs, values, strict=True))

    def _bound(self, inputs: Mapping[str, NDArray[Any]], held: Mapping[str, Any]) -> Any:
        """A binding of arrays from here and values that are already where the network runs."""
        binding = self._session.io_binding()
        for name, value in held.items():
            binding.bind_ortvalue_input(name, value)
        for name, array in inputs.items():
            binding.bind_cpu_input(name, array)
        for name in self.outputs:
            binding.bind_output(name, "cpu")
        return binding

    def _load(self, providers: list[str]) -> Any:
        runtime = _onnxruntime()
        options = runtime.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.log_severity_level = _ERROR_SEVERITY
        # Spinning threads take the cores that Blender's window needs, and more than halve the speed on busy ones.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # Old CPUs would saturate sums of int8 products; this gives the same numbers on all of them.
        options.add_session_config_entry("session.x64quantprecision", "1")
        try:
            # The wrapper's own fallback retries in silence and prints to stdout.
            session = runtime.InferenceSession(str(self._path), options, providers=providers, enable_fallback=0)
        except MemoryError as error:
            raise UserError(f"{self._path}: the memory does not suffice to load the model") from error
        except Exception as error:  # see _run
            if CUDA in providers:
                return self._load([CPU])
            raise PackError(f"{self._path}: not a readable ONNX model ({_first_line(error)})") from error
        session.disable_fallback()
        return session


def create_session(path: Path | str, device: str = "auto", threads: int | None = None) -> Session:
    """Load a network.

    Args:
        path: ONNX file; weights beside it (over 2 GB) are found by their path relative to it.
        device: "auto" takes CUDA where it really runs and the CPU elsewhere; "cpu"; "cuda" takes nothing else.
        threads: of the CPU; None chooses.

    Raises:
        PackError: the file is missing or not a readable ONNX model.
        UserError: unknown device, no ONNX Runtime, CUDA asked for but not running, or too little memory.
    """
    if device not in DEVICES:
        raise UserError(f"The device must be one of {', '.join(DEVICES)}, not {device!r}")
    if not Path(path).is_file():
        raise PackError(f"{path}: missing, copy the pack again")
    return Session(Path(path), device, default_threads() if threads is None else threads)


def default_threads() -> int:
    """Threads for one network: one for each core that this process may use, hyperthreads left out."""
    logical = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    cores = logical if logical <= 4 else logical // 2
    return min(cores, MOST_THREADS)


def has_cuda() -> bool:
    """Whether this ONNX Runtime is built with CUDA; whether it runs shows only a session.

    Raises:
        UserError: ONNX Runtime is missing.
    """
    return CUDA in _onnxruntime().get_available_providers()


def _wanted_providers(device: str) -> list[str]:
    """Providers to ask for, among those built into this ONNX Runtime."""
    runtime = _onnxruntime()
    if device == "cpu" or CUDA not in runtime.get_available_providers():
        return [CPU]
    # CUDA's libraries may come with pip packages or with torch, where only this function finds them.
    with contextlib.redirect_stdout(sys.stderr), contextlib.suppress(Exception):
        runtime.preload_dlls()
    return [CUDA, CPU]


@functools.cache
def _onnxruntime() -> Any:
    """The module onnxruntime, silenced.

    Raises:
        UserError: it is missing or cannot be loaded.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    try:
        import onnxruntime
    except (ImportError, OSError, AttributeError) as error:  # a foreign numpy raises AttributeError
        raise UserError(
            f"ONNX Runtime cannot be loaded ({_first_line(error)}): install the extension again, "
            "on Windows also the Microsoft Visual C++ Redistributable"
        ) from error
    onnxruntime.disable_telemetry_events()
    onnxruntime.set_default_logger_severity(_ERROR_SEVERITY)
    return onnxruntime


def _first_line(error: BaseException) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__
