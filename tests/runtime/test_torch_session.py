"""The torch backend runs the files of every pack with the numbers of ONNX Runtime."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from genmo.runtime.backends import choice
from genmo.runtime.backends.onnx import create_session
from genmo.runtime.backends.onnx_file import read_graph
from genmo.runtime.backends.torch_session import TorchSession
from genmo.runtime.errors import CancelledError, PackError, UserError
from genmo.runtime.pack import DEFAULT_PACK, ModelPack
from genmo.tools.import_t5 import write_text_encoder
from genmo.tools.make_tiny_gem_pack import make_tiny_gem_pack
from genmo.tools.tiny_t5 import write_tiny_t5

TINY = Path(__file__).parents[1] / "data" / "tiny_pack"


@pytest.fixture(scope="module")
def gem(tmp_path_factory: pytest.TempPathFactory) -> ModelPack:
    return make_tiny_gem_pack(tmp_path_factory.mktemp("packs") / "gem", gpu="fp16", external=1)


def some_inputs(session, free: dict[str, int]) -> dict[str, np.ndarray]:
    """Random inputs of a graph; what is free has the given size, "64*blocks" and the like by their last word."""
    random = np.random.default_rng(0)
    arrays = {}
    for name, shape in session.inputs.items():
        sizes = [size if isinstance(size, int) else free[str(size)] for size in shape]
        whole = name in ("input_ids", "attention_mask", "step", "keys", "text_slots")
        arrays[name] = np.zeros(sizes, np.int64) if whole else random.normal(size=sizes).astype(np.float32)
        if name == "input_ids":
            arrays[name] += random.integers(0, 20, sizes)
        if name in ("attention_mask", "text_slots"):
            arrays[name] += name == "attention_mask"
        if name == "keys":
            arrays[name] += random.integers(0, 120, sizes)
    return arrays


FREE = {
    "batch": 2, "tokens": 9, "blocks": 2, "64*blocks": 128, "frames": 120, "texts": 1, "slots": 1, "samples": 600 * 4,
}  # fmt: skip


def agree(path: Path, tolerance: float) -> None:
    ours, theirs = create_session(path, "cpu"), TorchSession(path, "cpu")
    assert ours.inputs == theirs.inputs
    assert ours.outputs == theirs.outputs
    arrays = some_inputs(ours, FREE)
    expected, found = ours.run(arrays), theirs.run(arrays)
    for name, values in expected.items():
        assert values.dtype == found[name].dtype
        np.testing.assert_allclose(found[name], values, atol=tolerance * max(1.0, np.abs(values).max()))


def test_every_file_of_a_published_pack(gem: ModelPack) -> None:
    for role in ("denoiser", "conditions", "speech_encoder", "text_encoder"):
        agree(gem.path(role), 1e-5)
    agree(gem.path("denoiser_gpu"), 1e-2)  # half precision


def test_integers_are_multiplied_as_onnx_runtime_does(tmp_path: Path) -> None:
    pack = make_tiny_gem_pack(tmp_path / "pack")
    from genmo.tests.gem_weights import seeded_state
    from genmo.tools.gem_graph import write_denoiser
    from genmo.training.gem.network import position_table

    weights = {name: value.numpy() for name, value in seeded_state(32, 2).items()}
    (path,) = write_denoiser(weights, position_table(5000, 32)[:, 0].numpy(), tmp_path / "int8.onnx", "int8")
    agree(path, 2e-2)  # a value on the edge between two steps may fall to either
    files = write_text_encoder(write_tiny_t5(tmp_path / "t5", 64), tmp_path, "int8", width=64)
    agree(files["text_encoder"], 1e-5)
    assert pack.info.gem is not None


def test_the_files_of_our_own_packs() -> None:
    agree(TINY / "denoiser.onnx", 1e-5)
    agree(TINY / "text_encoder.onnx", 1e-5)
    agree(DEFAULT_PACK / "text_encoder.onnx", 1e-4)


def test_bfloat16_is_near(gem: ModelPack) -> None:
    exact, low = TorchSession(gem.path("denoiser"), "cpu"), TorchSession(gem.path("denoiser"), "cpu", "bf16")
    arrays = some_inputs(exact, FREE)
    difference = np.abs(exact.run(arrays)["clean"] - low.run(arrays)["clean"])
    assert 0.0 < difference.max() < 0.3


def test_kept_inputs_give_the_same_numbers(gem: ModelPack) -> None:
    """ONNX Runtime binds them to the device, torch places them there."""
    for session in (create_session(gem.path("denoiser"), "cpu"), TorchSession(gem.path("denoiser"), "cpu")):
        arrays = some_inputs(session, FREE)
        changing = {name: arrays.pop(name) for name in ("x", "step")}
        run = session.keep(arrays)
        expected = session.run({**arrays, **changing})["clean"]
        for _ in range(2):
            np.testing.assert_array_equal(run(changing)["clean"], expected)
        other = {**changing, "x": 2 * changing["x"]}
        np.testing.assert_array_equal(run(other)["clean"], session.run({**arrays, **other})["clean"])


def test_a_run_can_be_stopped(gem: ModelPack) -> None:
    session = TorchSession(gem.path("denoiser"), "cpu")
    arrays = some_inputs(session, FREE)
    plain, calls = session._operators["MatMul"], []

    def stopping(*inputs):
        calls.append(inputs)
        session.terminate()
        return plain(*inputs)

    session._operators["MatMul"] = stopping
    with pytest.raises(CancelledError):
        session.run(arrays)
    assert len(calls) == 1
    session._operators["MatMul"] = plain
    assert np.isfinite(session.run(arrays)["clean"]).all()


def test_what_cannot_be_run_is_said(tmp_path: Path, gem: ModelPack) -> None:
    node = helper.make_node("Selu", ["x"], ["y"])
    value = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy")
    graph = helper.make_graph([node], "g", [next(value)], [next(value)])
    onnx.save(helper.make_model(graph), str(tmp_path / "selu.onnx"))
    with pytest.raises(PackError, match="operator Selu is not known"):
        TorchSession(tmp_path / "selu.onnx", "cpu")
    data = gem.path("conditions").read_bytes()
    for name, content in {"cut": data[: len(data) // 2], "empty": b"", "text": b"hello"}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(PackError, match="not a readable ONNX model"):
            read_graph(tmp_path / name)
    with pytest.raises(PackError, match="cannot be read"):
        read_graph(tmp_path / "missing")
    with pytest.raises(UserError, match="no CUDA device"):
        TorchSession(gem.path("conditions"), "cuda")


def test_weights_outside_the_pack_are_refused(tmp_path: Path, gem: ModelPack) -> None:
    folder = tmp_path / "pack"
    shutil.copytree(gem.folder, folder)
    graph = folder / "denoiser.onnx"
    graph.write_bytes(graph.read_bytes().replace(b"denoiser.data", b"../x/ser.data"))
    with pytest.raises(PackError, match="its weights are not beside it"):
        read_graph(graph)


def test_the_device_is_chosen(gem: ModelPack, monkeypatch: pytest.MonkeyPatch) -> None:
    path = gem.path("denoiser")
    session, fell_back = choice.open_network(path, "cpu")
    assert session.providers == ("CPUExecutionProvider",)
    assert not fell_back
    session, _ = choice.open_network(path, "torch")
    assert session.providers == ("torch cpu",)
    monkeypatch.setattr(choice, "torch_has_cuda", lambda: False)
    with pytest.raises(UserError, match="CUDA does not run here"):
        choice.open_network(path, "cuda")
    with pytest.raises(UserError, match="must be one of"):
        choice.open_network(path, "abacus")
