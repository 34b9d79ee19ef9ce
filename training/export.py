"""Trained weights -> `denoiser.onnx`, and the base pack: `python -m genmo.training.export --model DIR --out DIR`.

The graph has a free number of frames (a multiple of BLOCK), prompts' tokens and samples; the band mask is an input.
A second run may lend a coarse network for the noisy steps of the sampler; both share the statistics of the features.
"""

from __future__ import annotations

import argparse
import logging
import os
from pathlib import Path

import onnx
import torch
from torch import Tensor

from genmo.runtime.pack import PACK_FILE, read_pack
from genmo.runtime.pack_info import COARSE, DENOISER, TEXT_ENCODER, VOCABULARY
from genmo.runtime.retrieval import SETTINGS_ROLE
from genmo.tools.make_pack import make_pack
from genmo.training.config import TrainConfig
from genmo.training.describe import pack_info
from genmo.training.network import BLOCK, Denoiser
from genmo.training.storage import store

INPUTS = ("x", "step", "conditions", "text", "text_bias", "band_bias")
OPSET = 18


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


def export_graph(network: Denoiser, path: Path, bits: int = 16) -> None:
    """Write the network as an ONNX graph whose weights have 16 or 8 bits."""
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
    onnx.save(store(program.model_proto, bits), str(partial))
    partial.replace(path)


def main(arguments: list[str] | None = None) -> None:
    """Command line of the export."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="folder of a training run")
    parser.add_argument("--coarse", type=Path, help="folder of a second run, whose network makes the noisy steps")
    parser.add_argument("--bits", type=int, choices=(8, 16), default=16, help="of each weight in the files")
    parser.add_argument("--text-encoder", type=Path, required=True, help="folder with text_encoder.onnx and vocab.txt")
    parser.add_argument("--out", type=Path, required=True, help="folder of the pack")
    parser.add_argument("--version", default="0.3.0", help="version of the pack")
    options = parser.parse_args(arguments)
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    network, config, statistics = load_network(options.model)
    options.out.mkdir(parents=True, exist_ok=True)
    files = {
        DENOISER: options.model / "denoiser.onnx",
        TEXT_ENCODER: options.text_encoder / "text_encoder.onnx",
        VOCABULARY: options.text_encoder / "vocab.txt",
    }
    export_graph(network, files[DENOISER], options.bits)
    if options.coarse is not None:
        files[COARSE] = options.coarse / "denoiser_coarse.onnx"
        _export_coarse(options.coarse, files[COARSE], statistics, options.bits)
    info = pack_info(config, statistics, version=options.version, coarse=options.coarse is not None)
    make_pack(options.out, info, kept_files(options.out) | files)


def kept_files(folder: Path) -> dict[str, Path]:
    """Role -> file of what an earlier pack in this folder has from other trainings: its retrieval model."""
    if not (folder / PACK_FILE).exists():
        return {}
    files = read_pack(folder).info.files
    return {role: folder / entry.file for role, entry in files.items() if role.startswith(SETTINGS_ROLE)}


def _export_coarse(model: Path, path: Path, statistics: dict[str, Tensor], bits: int) -> None:
    network, _, others = load_network(model)
    if not all(torch.equal(others[name], values) for name, values in statistics.items()):
        raise SystemExit(f"{model}: was trained on other statistics of the features")
    export_graph(network, path, bits)


if __name__ == "__main__":
    main()
