"""The exported graph gives the network's numbers, at every length, and the band form equals the dense one."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from genmo.runtime.backends.onnx import Session, create_session
from genmo.runtime.base_model import band_bias_blocks
from genmo.tools.make_tiny_pack import CONFIG
from genmo.training.export import INPUTS, example_inputs, export_graph
from genmo.training.network import BLOCK, Denoiser, band_bias


@pytest.fixture(scope="module")
def network() -> Denoiser:
    torch.manual_seed(1)
    network = Denoiser(CONFIG.network).eval()
    with torch.no_grad():
        for parameter in network.parameters():  # no near-zero outputs: every path must matter
            parameter.copy_((parameter + 0.05 * torch.randn_like(parameter)).half().float())
    return network


@pytest.fixture(scope="module")
def coarse() -> Denoiser:
    torch.manual_seed(2)
    return Denoiser(dataclasses.replace(CONFIG.network, stride=4)).eval()


@pytest.fixture(scope="module")
def session(network: Denoiser, tmp_path_factory: pytest.TempPathFactory) -> Session:
    path = tmp_path_factory.mktemp("export") / "denoiser.onnx"
    export_graph(network, path)
    return create_session(path, "cpu")


@pytest.mark.parametrize(("blocks", "tokens"), [(1, 1), (2, 7), (5, 40)])
def test_graph_equals_network(network: Denoiser, session: Session, blocks: int, tokens: int) -> None:
    inputs = example_inputs(network, blocks, tokens)
    bias = band_bias_blocks(blocks * BLOCK - 9, CONFIG.network.band, BLOCK)
    inputs["band_bias"] = torch.from_numpy(bias)
    with torch.no_grad():
        expected = network(*(inputs[name] for name in INPUTS)).numpy()
    result = session.run({name: value.numpy() for name, value in inputs.items()})["clean"]
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(result, expected, atol=2e-5)


def test_coarse_graph_equals_its_network_and_its_dense_band(coarse: Denoiser, tmp_path: Path) -> None:
    export_graph(coarse, tmp_path / "coarse.onnx", bits=16)
    frames = 3 * BLOCK - 9
    inputs = example_inputs(coarse, 3, 7)
    inputs["band_bias"] = torch.from_numpy(band_bias_blocks(frames, CONFIG.network.band, BLOCK))
    valid = (torch.arange(3 * BLOCK) < frames).float()[None].expand(2, -1)
    dense = band_bias(3 * BLOCK, CONFIG.network.band, valid)
    with torch.no_grad():
        expected = coarse(*(inputs[name] for name in INPUTS)).numpy()
        by_dense = coarse(*(inputs[name] for name in INPUTS[:-1]), dense).numpy()
    arrays = {name: value.numpy() for name, value in inputs.items()}
    result = create_session(tmp_path / "coarse.onnx", "cpu").run(arrays)["clean"]
    np.testing.assert_allclose(result, expected, atol=2e-3)  # weights of 16 bits
    np.testing.assert_allclose(by_dense[:, :frames], expected[:, :frames], atol=2e-5)


def test_a_token_of_a_new_coarse_network_is_the_mean_of_its_frames(coarse: Denoiser) -> None:
    h = torch.randn(2, 12, CONFIG.network.width)
    with torch.no_grad():
        tokens = coarse._folded(h)
        frames = coarse._unfolded(tokens, h)
    torch.testing.assert_close(tokens, h.reshape(2, 3, 4, -1).mean(2))
    torch.testing.assert_close(frames, tokens.repeat_interleave(4, 1))


@pytest.mark.parametrize("frames", [50, 128, 300])
def test_band_by_blocks_equals_dense_band(network: Denoiser, frames: int) -> None:
    padded = -(-frames // BLOCK) * BLOCK
    inputs = example_inputs(network, padded // BLOCK)
    valid = (torch.arange(padded) < frames).float()[None].expand(2, -1)
    dense = band_bias(padded, CONFIG.network.band, valid)
    blocks = torch.from_numpy(band_bias_blocks(frames, CONFIG.network.band, BLOCK))
    others = [inputs[name] for name in INPUTS[:-1]]
    with torch.no_grad():
        first, second = network(*others, dense), network(*others, blocks)
    np.testing.assert_allclose(first[:, :frames], second[:, :frames], atol=2e-5)


def test_frames_beyond_the_band_do_not_matter(network: Denoiser) -> None:
    inputs = example_inputs(network, 6)
    inputs["band_bias"] = torch.from_numpy(band_bias_blocks(6 * BLOCK, CONFIG.network.band, BLOCK))
    changed = dict(inputs, x=inputs["x"].clone())
    changed["x"][:, -1] += 5.0
    with torch.no_grad():
        first, second = (network(*(values[name] for name in INPUTS)) for values in (inputs, changed))
    reach = CONFIG.network.layers * CONFIG.network.band
    assert torch.equal(first[:, : 6 * BLOCK - 1 - reach], second[:, : 6 * BLOCK - 1 - reach])
    assert not torch.allclose(first[:, -2], second[:, -2])


def test_graph_holds_half_weights_and_no_source_paths(session: Session, network: Denoiser, tmp_path: Path) -> None:
    path = tmp_path / "denoiser.onnx"
    export_graph(network, path)
    model = onnx.load(str(path))
    large = [t for t in model.graph.initializer if np.prod(t.dims) >= 1024]
    assert large and all(tensor.data_type == onnx.TensorProto.FLOAT16 for tensor in large)
    assert b"/home" not in path.read_bytes() and b".py" not in path.read_bytes()
