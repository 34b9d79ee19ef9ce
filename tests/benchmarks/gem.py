"""How fast a published pack runs here: `python -m genmo.tests.benchmarks.gem PACK [--frames 300] [--backend onnx]`.

Regression is conditions, one forward pass, decoding and the way through the world; a guided step is two forward passes.
The best of a few runs counts, since other work may share the machine. `--reference CHECKPOINT` times the network as it
is published instead (torch, float32, dense attention), for a comparison on the same machine.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from genmo.runtime import sampler
from genmo.runtime.backends.onnx import create_session
from genmo.runtime.constraints import no_constraints
from genmo.runtime.gem import layout, space, told
from genmo.runtime.gem.model import Conditions, Denoiser, Network, noise
from genmo.runtime.pack import ModelPack, read_pack


def best(run: Callable[[], object], times: int) -> str:
    """Seconds of the fastest of some runs on the clock, and of the processor in the run that took least of it."""
    measured = []
    for _ in range(times):
        start = time.perf_counter(), time.process_time()
        run()
        measured.append((time.perf_counter() - start[0], time.process_time() - start[1]))
    clock, processor = (min(values) for values in zip(*measured, strict=True))
    return f"{clock:.2f} s ({processor:.2f} of processors)"


def resident() -> int:
    """Megabytes of this process now."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * resource.getpagesize() >> 20


def clip(frames: int) -> Conditions:
    """Keypoints at random places, a camera that stands."""
    conditions = Conditions(frames)
    random = np.random.default_rng(0)
    conditions.obs[:] = np.concatenate([random.uniform(-1, 1, (frames, 17, 2)), np.ones((frames, 17, 1))], axis=-1)
    conditions.box[:] = [0.0, 0.0, 0.5]
    conditions.exists[:, [0, 2]] = True
    return conditions


def time_pack(options: argparse.Namespace) -> None:
    pack = read_pack(options.pack)
    role = "denoiser_gpu" if options.gpu_file else "denoiser"
    path = pack.folder / pack.info.files[role].file
    if options.backend == "onnx":
        denoiser = create_session(path, options.device, options.threads)
    else:
        from genmo.runtime.backends.torch_session import TorchSession, load_torch

        load_torch().set_num_threads(options.threads)
        denoiser = TorchSession(path, options.device, "bf16" if options.backend == "torch-bf16" else "")
    conditions = create_session(pack.folder / pack.info.files["conditions"].file, "cpu", options.threads)
    print(f"{path.name} on {', '.join(denoiser.providers)}, {options.threads} threads, loaded: {resident()} MB")
    for frames in options.frames:
        subject = Subject(pack, denoiser, conditions, frames)
        subject.forward()  # the first run also lays out the memory
        if options.memory:
            print(f"{frames} frames: {resident()} MB", flush=True)
            continue
        line = f"{frames} frames: regression {best(subject.regress, options.times)}"
        line += f", forward {best(subject.forward, options.times)}, guided step {best(subject.step, options.times)}"
        if options.steps:
            line += f", {options.steps} steps without guidance {best(lambda s=subject: s.sample(options.steps), 1)}"
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        print(f"{line}, {resident()} MB, peak {peak} MB", flush=True)


class Subject:
    """One pack at one length."""

    def __init__(self, pack: ModelPack, denoiser: Network, conditions: Network, frames: int) -> None:
        self._denoiser, self._conditions, self._frames = denoiser, conditions, frames
        self._texts = told.texts_from((), (), frames)
        offsets = np.asarray(pack.info.rest_offsets)
        self._space = space.GemSpace(pack.info, clip(frames).camera, no_constraints(1), offsets)
        self._denoise = self._told()
        self._x = noise(frames, np.random.default_rng(0).standard_normal((frames, 151), np.float32))

    def _told(self) -> Denoiser:
        return Denoiser(self._denoiser, self._conditions, clip(self._frames), *self._texts)

    def regress(self) -> None:
        self._space.scene(sampler.regress(self._told(), self._frames, layout.LAYOUT.width))

    def forward(self, *, informed: bool = True) -> None:
        self._denoise(self._x, 500, told=informed)

    def step(self) -> None:
        self.forward()
        self.forward(informed=False)

    def sample(self, steps: int) -> None:
        sampler.sample(
            self._denoise, self._x, steps=steps, guidance=1.0, refine=lambda estimate: estimate,
            on_step=lambda _: None, should_stop=lambda: False,
        )  # fmt: skip


def time_reference(options: argparse.Namespace) -> None:
    import torch

    from genmo.training.gem.checkpoint import load_model

    torch.set_num_threads(options.threads)
    model = load_model(options.reference).denoiser
    for frames in options.frames:
        arguments = (torch.randn(1, frames, 151), torch.tensor([500]), torch.randn(1, frames, model.width),
                     torch.zeros(1, 50, 1024))  # fmt: skip
        with torch.inference_mode():
            model(*arguments)
            seconds = best(lambda a=arguments: model(*a), options.times)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        print(f"{frames} frames: published network in torch, one forward {seconds}, peak {peak} MB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pack", type=Path, nargs="?")
    parser.add_argument("--frames", type=int, nargs="+", default=[300])
    parser.add_argument("--backend", choices=("onnx", "torch", "torch-bf16"), default="onnx")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--gpu-file", action="store_true", help="the half-precision copy of the denoiser")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--steps", type=int, default=0)
    parser.add_argument("--memory", action="store_true", help="only what is resident after one forward pass")
    parser.add_argument("--reference", type=Path, help="checkpoint")
    options = parser.parse_args()
    if options.reference:
        time_reference(options)
    elif options.pack:
        time_pack(options)
    else:
        sys.exit("a pack or --reference CHECKPOINT is needed")


if __name__ == "__main__":
    main()
