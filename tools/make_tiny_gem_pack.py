"""A pack of the published family with tiny random networks: every path of the runtime in seconds.

`python -m genmo.tools.make_tiny_gem_pack FOLDER`. The motions are nonsense, but all shapes, files and checks are real.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import torch
from torch import nn

from genmo.runtime.gem.layout import MOTION
from genmo.runtime.pack import ModelPack
from genmo.tools.import_gem import Options, import_gem, read_statistics
from genmo.tools.onnx_graph import Precision
from genmo.tools.tiny_t5 import write_tiny_t5
from genmo.training.gem.conditions import GemModel

WIDTH, LAYERS = 32, 2


def make_tiny_gem_pack(
    folder: Path, *, upright: float = 1.0, gpu: Precision | None = None, external: int = 10**9
) -> ModelPack:
    """Write the pack into `folder`, which must not exist, and return it.

    Args:
        folder: of the pack.
        upright: 1 for a network whose gravity-view frame has y up, -1 for y down.
        gpu: precision of a second copy of the denoiser.
        external: bytes of weights above which they get a file of their own.
    """
    with tempfile.TemporaryDirectory() as scratch:
        checkpoint = Path(scratch) / "tiny.ckpt"
        torch.save({"state_dict": upright_model(upright).state_dict()}, checkpoint)
        text = write_tiny_t5(Path(scratch) / "t5", width=1024)
        options = Options(text_encoder=text, text_precision="fp16", name="tiny-gem", gpu=gpu, external=external)
        return import_gem(checkpoint, folder, options)


def upright_model(upright: float = 1.0, *, reads_text: bool = True) -> GemModel:
    """A random network whose bodies stand: its last layer adds little to the pose of a T."""
    torch.manual_seed(0)
    model = GemModel(WIDTH, LAYERS, reads_text=reads_text)
    for name, parameter in model.named_parameters():
        if "gate_" in name:
            nn.init.normal_(parameter, std=0.3)
    last = model.denoiser.final_layer.fc2
    statistics = read_statistics()
    pose = torch.zeros(MOTION.width)
    identity = torch.tensor([1.0, 0.0, 0.0, 0.0, 1.0, 0.0])
    pose[MOTION["body_pose"]] = identity.repeat(21)
    # Facing the camera, whose y points down: half a turn about x, and about y before gravity.
    pose[MOTION["orient_camera"]] = torch.tensor([1.0, 0.0, 0.0, 0.0, -1.0, 0.0])
    pose[MOTION["orient_gravity"]] = torch.tensor([-upright, 0.0, 0.0, 0.0, upright, 0.0])
    pose[MOTION["velocity"]] = torch.tensor([0.0, 0.0, 0.01])
    normalised = (pose.double() - torch.from_numpy(statistics["mean"])) / torch.from_numpy(statistics["std"])
    with torch.no_grad():
        last.weight.mul_(0.3)
        last.bias.copy_(normalised.float())
    return model.eval()


def main() -> None:
    """Command line: the folder to write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    make_tiny_gem_pack(parser.parse_args().folder)


if __name__ == "__main__":
    main()
