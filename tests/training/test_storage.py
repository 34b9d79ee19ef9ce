"""Weights in fewer bits: a quarter or half of the size, nearly the same numbers, nothing left of the source."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto

from genmo.runtime.backends.onnx import create_session
from genmo.tools.make_tiny_pack import CONFIG
from genmo.training.export import INPUTS, example_inputs, export_graph
from genmo.training.network import Denoiser
from genmo.training.storage import SMALL, store

TYPES = {8: TensorProto.INT8, 16: TensorProto.FLOAT16}


@pytest.fixture(scope="module")
def network() -> Denoiser:
    torch.manual_seed(3)
    return Denoiser(CONFIG.network).eval()


@pytest.mark.parametrize(("bits", "error"), [(8, 2e-2), (16, 5e-4)])
def test_the_numbers_stay(network: Denoiser, tmp_path: Path, bits: int, error: float) -> None:
    path = tmp_path / "network.onnx"
    export_graph(network, path, bits)
    inputs = example_inputs(network)
    with torch.no_grad():
        expected = network(*(inputs[name] for name in INPUTS)).numpy()
    result = create_session(path, "cpu").run({name: value.numpy() for name, value in inputs.items()})["clean"]
    assert np.abs(result - expected).max() < error * np.abs(expected).max()
    stored = [each for each in onnx.load(str(path)).graph.initializer if np.prod(each.dims) >= SMALL]
    matrices = [each for each in stored if len(each.dims) > 1]
    assert matrices and all(each.data_type == TYPES[bits] for each in matrices)


def test_bytes_are_half_of_halves(network: Denoiser, tmp_path: Path) -> None:
    sizes = {}
    for bits in (8, 16):
        export_graph(network, tmp_path / f"{bits}.onnx", bits)
        model = onnx.load(str(tmp_path / f"{bits}.onnx"))
        sizes[bits] = sum(len(each.raw_data) for each in model.graph.initializer)
    assert sizes[8] < 0.65 * sizes[16]


def test_other_numbers_of_bits_are_refused() -> None:
    with pytest.raises(ValueError, match="8 or 16 bits, not in 4"):
        store(onnx.ModelProto(), 4)
