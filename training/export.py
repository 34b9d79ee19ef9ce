"""Trained weights -> `denoiser.onnx`, and the base pack: `python -m genmo.training.export --model DIR --out DIR`.

The graph has a free number of frames (a multiple of BLOCK), prompts' tokens and samples; the band mask is an input.
Weights are stored in half precision and cast once at load, so arithmetic stays in float32 on every CPU.
"""

from __future__ import annotations

import argparse
import logging
import os
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor

from genmo.tools.make_pack import make_pack
from genmo.training.config import TrainConfig
from genmo.training.describe import pack_info
from genmo.training.network import BLOCK, Denoiser

INPUTS = ("x", "step", "conditions", "text", "text_bias", "band_bias")
OPSET = 18
_SMALL = 1024
"""Weights with fewer values stay in float32: they cost nothing and are mostly norms and biases."""


def load_network(model: Path) -> tuple[Denoiser, TrainConfig, dict[str, Tensor]]:
    """The averaged network of a run, its configuration, and its `mean` and `std` (F,)."""
    state = torch.load(model / "model.pt", weights_only=True)
    config = TrainConfig.from_json(state["config"])
    network = Denoiser(config.network)
    network.load_state_dict(state["network"])
    return network.eval(), config, {"mean": state["mean"], "std": state["std"]}


def example_inputs(network: Denoiser, blocks: int = 2, tokens: int = 7) -> dict[str, Tensor]:
    """Random inputs of the graph, two samples of `blocks` x BLOCK frames."""
    config, frames = network.config, blocks * BLOCK
    return {
        "x": torch.randn(2, frames, config.features),
        "step": torch.tensor([999, 400]),
        "conditions": torch.randn(2, frames, config.conditions),
        "text": torch.randn(2, tokens, config.text_width),
        "text_bias": torch.zeros(2, frames, tokens),
        "band_bias": torch.zeros(1, 1, blocks, BLOCK, 3 * BLOCK),
    }


def export_graph(network: Denoiser, path: Path) -> None:
    """Write the network as an ONNX graph with half-precision weights."""
    batch, blocks, tokens = (torch.export.Dim(name, min=1) for name in ("batch", "blocks", "tokens"))
    frames = BLOCK * blocks
    shapes = {
        "x": {0: batch, 1: frames},
        "step": {0: batch},
        "conditions": {0: batch, 1: frames},
        "text": {0: batch, 1: tokens},
        "text_bias": {0: batch, 1: frames, 2: tokens},
        "band_bias": {2: blocks},
    }
    examples = example_inputs(network, blocks=3)
    with torch.no_grad():
        program = torch.onnx.export(
            network, tuple(examples[name] for name in INPUTS), input_names=list(INPUTS), output_names=["clean"],
            dynamic_shapes=shapes, opset_version=OPSET, dynamo=True, external_data=False, verbose=False,
        )  # fmt: skip
    assert program is not None
    program.optimize()
    partial = path.with_name(path.name + ".partial")
    onnx.save(store_half(program.model_proto), str(partial))
    partial.replace(path)


def store_half(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same graph with its large float32 weights stored as float16 behind a Cast."""
    casts = []
    for index, tensor in enumerate(model.graph.initializer):
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < _SMALL:
            continue
        name, values = tensor.name, numpy_helper.to_array(tensor).astype(np.float16)
        model.graph.initializer[index].CopyFrom(numpy_helper.from_array(values, name + "_half"))
        casts.append(helper.make_node("Cast", [name + "_half"], [name], to=TensorProto.FLOAT))
    for position, node in enumerate(casts):
        model.graph.node.insert(position, node)
    # Names of places in our source are of no use to a reader of the graph, and they carry file paths.
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    model.graph.doc_string = ""
    del model.graph.value_info[:]
    del model.metadata_props[:]
    return model


def main(arguments: list[str] | None = None) -> None:
    """Command line of the export."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="folder of a training run")
    parser.add_argument("--text-encoder", type=Path, required=True, help="folder with text_encoder.onnx and vocab.txt")
    parser.add_argument("--out", type=Path, required=True, help="folder of the pack")
    parser.add_argument("--version", default="0.2.0", help="version of the pack")
    options = parser.parse_args(arguments)
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    network, config, statistics = load_network(options.model)
    options.out.mkdir(parents=True, exist_ok=True)
    graph = options.model / "denoiser.onnx"
    export_graph(network, graph)
    files = {
        "denoiser": graph,
        "text_encoder": options.text_encoder / "text_encoder.onnx",
        "vocabulary": options.text_encoder / "vocab.txt",
    }
    make_pack(options.out, pack_info(config, statistics, version=options.version), files)


if __name__ == "__main__":
    main()
