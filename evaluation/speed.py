"""How long ten seconds of motion take, how large the network is, and what the published size would cost here."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from genmo.evaluation.bench import DEFAULT_PRESET, PRESETS, Bench
from genmo.evaluation.findings import Cell, Findings, Table
from genmo.runtime.backends.onnx import default_threads
from genmo.runtime.pack_info import COARSE, DENOISER
from genmo.runtime.request import MotionRequest, Prompt, Sampling

ROUNDS: Final = 5
FRAMES: Final = 300
SHORT: Final = 120
"""Frames of the comparison with the published network: its training length."""

_MEGABYTE: Final = 1e6
_MILLISECONDS: Final = 1000.0


def measure(bench: Bench, *, published_size: bool = False) -> Findings:
    """Groups "speed" and "size".

    Args:
        bench: the pack.
        published_size: also time a random network of the published size; needs 3 GB of memory and a minute.
    """
    found = Findings()
    times = {name: _request_times(bench, FRAMES, steps) for name, steps in PRESETS.items()}
    short = {name: _request_times(bench, SHORT, PRESETS[name]) for name in ("draft", "best")}
    default = times[DEFAULT_PRESET]
    found.add(
        "speed", clip10s_s=statistics.median(default), clip10s_best_s=min(default),
        step_ms_300=_step_ms(times), step_ms_120=_step_ms(short),
    )  # fmt: skip
    rows: list[list[Cell]] = [
        [name, float(PRESETS[name]), statistics.median(seconds), min(seconds)] for name, seconds in times.items()
    ]
    found.tables.append(Table(
        "Ten seconds of motion", ["preset", "steps", "median, s", "best, s"], rows,
        f"A request of {FRAMES} frames with two prompts, guidance and clean-up included, pack loaded; {len(default)} "
        f"rounds on {default_threads()} threads of the CPU. One step is "
        f"{found.numbers['speed']['step_ms_300']:.0f} ms.",
    ))  # fmt: skip
    if published_size:
        _published(found)
    else:
        found.left_out.append("The published size was not timed (--published-size).")
    _size(found, bench)
    return found


def _request_times(bench: Bench, frames: int, steps: int) -> list[float]:
    """Seconds of the same request with several seeds, after one to warm up."""
    half = frames // 2
    prompts = (Prompt("a person walks forward", 0, half), Prompt("a person waves", half, frames))
    request = MotionRequest(frames, prompts=prompts)
    seconds = []
    for seed in range(bench.few(ROUNDS) + 1):
        begun = time.perf_counter()
        bench.make(replace(request, sampling=Sampling(seed=seed, steps=steps)))
        seconds.append(time.perf_counter() - begun)
    return seconds[1:]


def _step_ms(times: Mapping[str, Sequence[float]]) -> float:
    """Milliseconds of one sampler step with guidance: what the steps of the best preset cost more than the draft's."""
    more = min(times["best"]) - min(times["draft"])
    return _MILLISECONDS * max(more, 0.0) / (PRESETS["best"] - PRESETS["draft"])


def _published(found: Findings) -> None:
    network = PublishedSize().eval()
    weights = sum(parameter.numel() for parameter in network.parameters())
    torch.set_num_threads(default_threads())
    seconds = _best(lambda: network.run(SHORT))
    step = 2.0 * _MILLISECONDS * seconds  # guidance evaluates a network twice a step
    found.add(
        "speed", published_size_step_ms_120=step, published_size_weights=float(weights),
        times_faster_than_published_size=step / max(found.numbers["speed"]["step_ms_120"], 1e-6),
    )  # fmt: skip


def _best(work: Callable[[], object]) -> float:
    """Seconds of the fastest of three calls, after one to warm up."""
    seconds = []
    for _ in range(4):
        begun = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begun)
    return min(seconds[1:])


def _size(found: Findings, bench: Bench) -> None:
    files = bench.engine.pack.info.files
    found.add(
        "size", pack_mb=sum(files[role].size for role in (DENOISER, COARSE) if role in files) / _MEGABYTE,
        whole_pack_mb=sum(entry.size for entry in files.values()) / _MEGABYTE,
    )  # fmt: skip


class PublishedSize(nn.Module):
    """A denoiser of the published shape with random weights: width 1024, 16 layers that each read the text.

    Shape: genmo.md section 5. Only its time means anything. Embeddings of conditions and the heads are left out: they
    are a few percent.
    """

    def __init__(self, width: int = 1024, layers: int = 16, heads: int = 8, tokens: int = 50) -> None:
        """Make the layers: attention over time, over the text, and an MLP of four times the width behind each."""
        super().__init__()
        self.width, self.heads, self.tokens = width, heads, tokens
        self.layers = nn.ModuleList(
            nn.ModuleDict({
                "time_in": nn.Linear(width, 3 * width), "time_out": nn.Linear(width, width),
                "text_query": nn.Linear(width, width), "text_in": nn.Linear(width, 2 * width),
                "text_out": nn.Linear(width, width),
                "expand": nn.Linear(width, 4 * width), "shrink": nn.Linear(4 * width, width),
                "text_expand": nn.Linear(width, 4 * width), "text_shrink": nn.Linear(4 * width, width),
            })
            for _ in range(layers)
        )  # fmt: skip

    def _attend(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        q, k, v = (each.unflatten(-1, (self.heads, -1)).transpose(0, 1) for each in (query, key, value))
        return functional.scaled_dot_product_attention(q, k, v).transpose(0, 1).flatten(1)

    @torch.inference_mode()
    def run(self, frames: int) -> Tensor:
        """One evaluation for one motion of so many frames; (T, width)."""
        h, text = torch.randn(frames, self.width), torch.randn(self.tokens, self.width)
        for layer in self.layers:
            assert isinstance(layer, nn.ModuleDict)
            key, value = layer["text_in"](text).chunk(2, -1)
            h = h + layer["text_out"](self._attend(layer["text_query"](h), key, value))
            h = h + layer["text_shrink"](functional.gelu(layer["text_expand"](h), approximate="tanh"))
            h = functional.layer_norm(h, (self.width,))
            query, key, value = layer["time_in"](h).chunk(3, -1)
            h = h + layer["time_out"](self._attend(query, key, value))
            h = h + layer["shrink"](functional.gelu(layer["expand"](h), approximate="tanh"))
            h = functional.layer_norm(h, (self.width,))
        return h
