"""A model pack with tiny random networks: every path of the runtime in seconds, without trained weights.

`python -m genmo.tools.make_tiny_pack FOLDER`. The motions are nonsense, but all shapes, files and checks are real.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import torch

from genmo.runtime.features import LAYOUT
from genmo.runtime.pack import ModelPack
from genmo.tools.make_pack import make_pack
from genmo.tools.tiny_text import write_tiny_text_encoder
from genmo.training.config import NetworkConfig, TrainConfig
from genmo.training.describe import pack_info
from genmo.training.export import export_graph
from genmo.training.network import Denoiser
from genmo.training.retrieval.config import RetrievalConfig
from genmo.training.retrieval.export import add_to_pack
from genmo.training.retrieval.network import RetrievalNetwork

TEXT_WIDTH = 16
CONFIG = TrainConfig(
    network=NetworkConfig(width=32, layers=2, heads=2, text_width=TEXT_WIDTH, lifter_width=16), text_tokens=16
)
RETRIEVAL = RetrievalConfig(
    text_width=TEXT_WIDTH, text_tokens=16, width=16, motion_layers=1, text_layers=1, heads=2, embedding=16, odd=4,
    segments=4,
)  # fmt: skip


def make_tiny_pack(folder: Path) -> ModelPack:
    """Write the pack into `folder` and return it, verified."""
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as scratch:
        graph = Path(scratch) / "denoiser.onnx"
        export_graph(Denoiser(CONFIG.network).eval(), graph)
        encoder, vocabulary = write_tiny_text_encoder(Path(scratch), TEXT_WIDTH)
        info = pack_info(CONFIG, _statistics(), version="0.0.1", name="tiny")
        info |= {"title": "Tiny random pack for tests", "sampler": {"steps": 4, "guidance": 1.5}}
        make_pack(folder, info, {"denoiser": graph, "text_encoder": encoder, "vocabulary": vocabulary})
    network = RetrievalNetwork(RETRIEVAL).eval()
    return add_to_pack(network, torch.nn.functional.normalize(torch.randn(40, RETRIEVAL.embedding)).numpy(), folder)


def _statistics() -> dict[str, torch.Tensor]:
    """Statistics of a body that stands upright with small random movements."""
    mean, std = torch.zeros(LAYOUT.width), torch.full((LAYOUT.width,), 0.05)
    upright = torch.tensor([1.0, 0.0, 0.0, 0.0, 1.0, 0.0])
    mean[LAYOUT["root_tilt"]] = upright
    mean[LAYOUT["body_pose"]] = upright.repeat(21)
    mean[LAYOUT["root_height"]] = 0.86
    mean[LAYOUT["contacts"]] = 0.5
    return {"mean": mean, "std": std}


def main() -> None:
    """Command line: the folder to write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    make_tiny_pack(parser.parse_args().folder)


if __name__ == "__main__":
    main()
