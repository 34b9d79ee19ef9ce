"""A trained retrieval model into a pack: `python -m genmo.training.retrieval.export --model model.pt --out PACK`.

Adds three files to a pack that exists: both encoders as ONNX graphs, weights in half precision, and `retrieval.npz`
with the sizes and the vectors of recorded motions, against which a score becomes a percentile.
"""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from genmo.runtime.files import replace_file
from genmo.runtime.pack import ModelPack, read_pack
from genmo.runtime.pack_info import FORMAT
from genmo.runtime.retrieval import MOTION_ROLE, SETTINGS_ROLE, TEXT_ROLE, quantized
from genmo.tools.make_pack import make_pack
from genmo.training.export import OPSET
from genmo.training.retrieval.config import RetrievalConfig
from genmo.training.retrieval.data import load_clips
from genmo.training.retrieval.evaluator import Evaluator
from genmo.training.retrieval.network import RetrievalNetwork
from genmo.training.storage import store

REFERENCES = 1000
"""Recorded motions that a pack brings along."""


class _Motion(nn.Module):
    def __init__(self, network: RetrievalNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, motions: Tensor, valid: Tensor) -> Tensor:
        return self.network.motion(motions, valid)


class _Text(nn.Module):
    def __init__(self, network: RetrievalNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, tokens: Tensor, valid: Tensor, mirror: Tensor, mirror_valid: Tensor) -> Tensor:
        return self.network.text(tokens, valid, (mirror, mirror_valid))


def load_network(path: Path) -> RetrievalNetwork:
    """The network of a `model.pt` of `train.py`.

    Raises:
        ValueError: it has no numbers that are odd under mirroring, which a pack's model must have.
    """
    state = torch.load(path, weights_only=True)
    config = RetrievalConfig.from_json(state["config"])
    if not config.odd:
        raise ValueError("only a model with odd numbers (RetrievalConfig.odd) can be put into a pack")
    network = RetrievalNetwork(config)
    network.load_state_dict(state["network"])
    return network.eval()


def add_to_pack(network: RetrievalNetwork, reference: NDArray[np.floating], folder: Path) -> ModelPack:
    """Put a model into a pack.

    Args:
        network: the model.
        reference: (N, E) vectors of recorded motions.
        folder: of a pack, which gets or replaces the three files and entries.

    Returns:
        The pack, verified.

    Raises:
        PackError: there is no pack in the folder.
        UserError: a file cannot be written.
    """
    before = read_pack(folder)
    config = network.config
    said, other = (torch.randn(2, count, config.text_width) for count in (5, 7))
    text = said, torch.ones(2, 5), other, torch.ones(2, 7)
    axes = ("batch", "patches", "tokens", "others")
    batch, patches, tokens, others = (torch.export.Dim(name, min=1) for name in axes)
    frames = config.patch * patches
    _export(
        _Motion(network), (torch.randn(2, 3 * config.patch, config.features), torch.ones(2, 3 * config.patch)),
        ("motions", "valid"), ({0: batch, 1: frames}, {0: batch, 1: frames}), folder / "retrieval_motion.onnx",
    )  # fmt: skip
    _export(
        _Text(network), text, ("tokens", "valid", "mirror", "mirror_valid"),
        ({0: batch, 1: tokens}, {0: batch, 1: tokens}, {0: batch, 1: others}, {0: batch, 1: others}),
        folder / "retrieval_text.onnx",
    )  # fmt: skip
    names = ("frames", "patch", "text_tokens", "embedding", "odd")
    sizes: dict[str, Any] = {name: np.int64(getattr(config, name)) for name in names}
    stored = quantized(reference)
    replace_file(folder / "retrieval.npz", lambda stream: np.savez(stream, **sizes, reference=stored))
    files = {role: folder / entry.file for role, entry in before.info.files.items()}
    files |= {
        MOTION_ROLE: folder / "retrieval_motion.onnx",
        TEXT_ROLE: folder / "retrieval_text.onnx",
        SETTINGS_ROLE: folder / "retrieval.npz",
    }
    document = before.info.to_json()
    del document["files"]
    return make_pack(folder, {**document, "format": FORMAT}, files)


def _export(
    module: nn.Module, inputs: tuple[Tensor, ...], names: Sequence[str], shapes: tuple[dict, ...], path: Path
) -> None:
    with torch.no_grad():
        program = torch.onnx.export(
            module.eval(), inputs, input_names=list(names), output_names=["vectors"], dynamic_shapes=shapes,
            opset_version=OPSET, dynamo=True, external_data=False, verbose=False,
        )  # fmt: skip
    assert program is not None
    program.optimize()
    model = store(program.model_proto, 16)
    replace_file(path, lambda stream: stream.write(model.SerializeToString()))


def reference_vectors(network: RetrievalNetwork, data: Path, cache: Path) -> NDArray[np.float32]:
    """(REFERENCES, E) vectors of recorded motions of the split "train", evenly over the archive."""
    clips = load_clips(data, "train", cache)
    chosen = np.linspace(0, len(clips) - 1, min(REFERENCES, len(clips))).astype(int)
    return Evaluator(network).features([clips[index].features for index in chosen])


def main(arguments: list[str] | None = None) -> None:
    """Command line of the export."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="model.pt of genmo.training.retrieval.train")
    parser.add_argument("--out", type=Path, required=True, help="folder of the pack")
    parser.add_argument("--data", type=Path, required=True, help="folder of the motion archive")
    parser.add_argument("--cache", type=Path, required=True, help="folder for the prepared clips")
    options = parser.parse_args(arguments)
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    network = load_network(options.model)
    add_to_pack(network, reference_vectors(network, options.data, options.cache), options.out)


if __name__ == "__main__":
    main()
