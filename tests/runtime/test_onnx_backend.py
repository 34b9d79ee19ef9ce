"""ONNX Runtime behind `Session`: results, damage, cancellation, devices, telemetry."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from genmo.runtime.backends import onnx as backend
from genmo.runtime.backends.onnx import CPU, CUDA, create_session, default_threads
from genmo.runtime.errors import CancelledError, PackError, UserError

MATRIX = np.arange(12, dtype=np.float32).reshape(3, 4)


def product_model() -> onnx.ModelProto:
    """y (n, 4) = x (n, 3) @ MATRIX."""
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "matrix"], ["y"])],
        "product",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 4])],
        [numpy_helper.from_array(MATRIX, "matrix")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def counting_model() -> onnx.ModelProto:
    """total = 1 added `trips` times, one loop step each."""
    body = helper.make_graph(
        [helper.make_node("Add", ["sum_in", "one"], ["sum"]), helper.make_node("Identity", ["go_in"], ["go"])],
        "body",
        [
            helper.make_tensor_value_info("step", TensorProto.INT64, []),
            helper.make_tensor_value_info("go_in", TensorProto.BOOL, []),
            helper.make_tensor_value_info("sum_in", TensorProto.FLOAT, []),
        ],
        [
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("sum", TensorProto.FLOAT, []),
        ],
        [numpy_helper.from_array(np.array(1, np.float32), "one")],
    )
    graph = helper.make_graph(
        [helper.make_node("Loop", ["trips", "", "zero"], ["total"], body=body)],
        "counting",
        [helper.make_tensor_value_info("trips", TensorProto.INT64, [])],
        [helper.make_tensor_value_info("total", TensorProto.FLOAT, [])],
        [numpy_helper.from_array(np.array(0, np.float32), "zero")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.fixture
def product(tmp_path: Path) -> Path:
    path = tmp_path / "product.onnx"
    onnx.save(product_model(), path)
    return path


@pytest.fixture
def fresh_runtime() -> Iterator[None]:
    """Let the module look for onnxruntime again, before and after."""
    backend._onnxruntime.cache_clear()
    yield
    backend._onnxruntime.cache_clear()


def test_runs_by_name(product: Path) -> None:
    session = create_session(product, "cpu")
    x = np.ones((2, 3), np.float32)
    np.testing.assert_allclose(session.run({"x": x})["y"], x @ MATRIX)
    assert session.inputs == {"x": ("n", 3)}
    assert session.outputs == ("y",)
    assert session.providers == (CPU,)


def test_auto_runs_here_whatever_the_machine_has(product: Path) -> None:
    session = create_session(product)
    x = np.ones((2, 3), np.float32)
    np.testing.assert_allclose(session.run({"x": x})["y"], x @ MATRIX)
    assert session.providers[-1] == CPU


def test_strided_input(product: Path) -> None:
    x = np.arange(12, dtype=np.float32).reshape(3, 4)[:, 1:].T[::-1]
    np.testing.assert_allclose(create_session(product, "cpu").run({"x": x})["y"], x @ MATRIX)


def test_wrong_inputs_are_our_fault(product: Path) -> None:
    session = create_session(product, "cpu")
    for inputs in ({}, {"x": np.ones((2, 5), np.float32)}, {"x": np.ones((2, 3))}):
        with pytest.raises(Exception) as caught:
            session.run(inputs)
        assert not isinstance(caught.value, UserError)
    assert session.run({"x": np.ones((1, 3), np.float32)})["y"].shape == (1, 4)


def test_weights_in_a_file_beside_the_graph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "päck"
    folder.mkdir()
    path = folder / "product.onnx"
    onnx.save(product_model(), path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    monkeypatch.chdir(tmp_path)
    x = np.ones((1, 3), np.float32)
    np.testing.assert_allclose(create_session("päck/product.onnx", "cpu").run({"x": x})["y"], x @ MATRIX)
    (folder / "weights.bin").unlink()
    with pytest.raises(PackError, match=r"product\.onnx: not a readable ONNX model"):
        create_session(path, "cpu")


@pytest.mark.parametrize(
    "damage",
    [lambda data: data[: len(data) // 2], lambda data: data[:-5], lambda _: b"", lambda _: b"no model" * 100,
     lambda data: data.replace(b"MatMul", b"MatMoo")],
    ids=["half", "end", "empty", "text", "operator"],
)  # fmt: skip
@pytest.mark.parametrize("device", ["cpu", "auto"])
def test_damaged_models(product: Path, damage: Callable[[bytes], bytes], device: str) -> None:
    product.write_bytes(damage(product.read_bytes()))
    with pytest.raises(PackError) as caught:
        create_session(product, device)
    assert "product.onnx: not a readable ONNX model (" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["missing.onnx", "."])
def test_no_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(PackError, match="missing"):
        create_session(tmp_path / name, "cpu")


def test_unknown_device(product: Path) -> None:
    with pytest.raises(UserError, match="one of auto, cpu, cuda, not 'tpu'"):
        create_session(product, "tpu")


def test_terminate_stops_a_run_and_not_the_next(tmp_path: Path) -> None:
    path = tmp_path / "counting.onnx"
    onnx.save(counting_model(), path)
    session = create_session(path, "cpu", threads=1)
    session.terminate()  # nothing runs: nothing happens
    assert session.run({"trips": np.array(10)})["total"] == 10

    def stop() -> None:
        deadline = time.monotonic() + 10
        while session._running is None and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(0.05)
        session.terminate()

    stopper = threading.Thread(target=stop, daemon=True)
    stopper.start()
    with pytest.raises(CancelledError):
        session.run({"trips": np.array(10**12)})
    stopper.join()
    assert session.run({"trips": np.array(10)})["total"] == 10


def test_default_threads() -> None:
    assert 1 <= default_threads() <= min(16, os.cpu_count() or 1)


class FakeRuntime:
    """onnxruntime as on a machine with CUDA, where CUDA does what the test wants."""

    def __init__(self, *, loads: bool = True, listed: bool = True, runs: bool = True) -> None:
        self._real: Any = backend._onnxruntime()
        self._loads, self._listed, self._runs = loads, listed, runs
        self.asked: list[list[str]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def get_available_providers(self) -> list[str]:
        return [CUDA, CPU]

    def preload_dlls(self) -> None:
        sys.stdout.write("noise")

    def InferenceSession(self, path: str, options: Any, providers: list[str], **others: Any) -> Any:  # noqa: N802
        self.asked.append(providers)
        session = self._real.InferenceSession(path, options, providers=[CPU], **others)
        if CUDA not in providers:
            return session
        if not self._loads:
            raise RuntimeError("no driver")
        running = SimpleNamespace(**{name: getattr(session, name) for name in dir(session) if name[0] != "_"})
        running.get_providers = lambda: providers if self._listed else [CPU]
        if not self._runs:
            running.run = self._fail
        return running

    def _fail(self, *_: Any) -> Any:
        raise RuntimeError("CUDA died")


def use(monkeypatch: pytest.MonkeyPatch, runtime: FakeRuntime) -> FakeRuntime:
    monkeypatch.setattr(backend, "_onnxruntime", lambda: runtime)
    return runtime


def test_cuda_where_it_runs(product: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    use(monkeypatch, FakeRuntime())
    for device, expected in (("auto", (CUDA, CPU)), ("cuda", (CUDA, CPU)), ("cpu", (CPU,))):
        session = create_session(product, device)
        session.run({"x": np.ones((1, 3), np.float32)})
        assert session.providers == expected
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("fault", [{"loads": False}, {"listed": False}, {"runs": False}])
def test_auto_falls_back_to_the_cpu(product: Path, monkeypatch: pytest.MonkeyPatch, fault: dict[str, Any]) -> None:
    use(monkeypatch, FakeRuntime(**fault))
    session = create_session(product, "auto")
    np.testing.assert_allclose(session.run({"x": np.ones((1, 3), np.float32)})["y"], MATRIX.sum(axis=0)[None])
    assert session.providers == (CPU,)


def test_a_cancelled_cuda_run_is_not_repeated_on_the_cpu(product: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, FakeRuntime())
    session = create_session(product, "auto")

    def cancelled(*_: object) -> None:
        session.terminate()
        raise RuntimeError("Exiting due to terminate flag being set to true.")

    session._session.run = cancelled
    with pytest.raises(CancelledError):
        session.run({"x": np.ones((1, 3), np.float32)})
    assert session.providers == (CUDA, CPU)


@pytest.mark.parametrize("fault", [{"loads": False}, {"listed": False}])
def test_cuda_that_does_not_run_is_said(product: Path, monkeypatch: pytest.MonkeyPatch, fault: dict[str, Any]) -> None:
    use(monkeypatch, FakeRuntime(**fault))
    with pytest.raises(UserError, match="CUDA does not run here, only CPUExecutionProvider"):
        create_session(product, "cuda")


def test_cuda_on_a_damaged_model_blames_the_model(product: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, FakeRuntime())
    product.write_bytes(b"")
    with pytest.raises(PackError):
        create_session(product, "cuda")


def test_too_little_memory_is_said(tmp_path: Path) -> None:
    graph = helper.make_graph(
        [helper.make_node("ConstantOfShape", ["shape"], ["zeros"])],
        "zeros",
        [helper.make_tensor_value_info("shape", TensorProto.INT64, [2])],
        [helper.make_tensor_value_info("zeros", TensorProto.FLOAT, ["rows", "columns"])],
    )
    path = tmp_path / "zeros.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    with pytest.raises(UserError, match="memory does not suffice"):
        create_session(path, "cpu").run({"shape": np.array([10**7, 10**7])})  # 400 terabytes


@pytest.mark.usefixtures("fresh_runtime")
def test_without_onnxruntime(product: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UserError, match=r"ONNX Runtime cannot be loaded \(.*\): install the extension again"):
        create_session(product, "cpu")


def test_no_telemetry(product: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    script = (
        "import os, sys, numpy\n"
        "from genmo.runtime.backends.onnx import create_session\n"
        "assert 'onnxruntime' not in sys.modules\n"
        "session = create_session(sys.argv[1], 'cpu')\n"
        "session.run({'x': numpy.ones((1, 3), numpy.float32)})\n"
        "assert os.environ['ORT_DISABLE_TELEMETRY'] == '1'\n"
    )
    hidden = ("ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    environment |= dict.fromkeys(("HOME", "USERPROFILE", "LOCALAPPDATA", "APPDATA", "TMPDIR"), str(home))
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    result = subprocess.run(
        [sys.executable, "-c", script, str(product)], env=environment, capture_output=True, text=True, timeout=60
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert list(home.rglob("*")) == []
