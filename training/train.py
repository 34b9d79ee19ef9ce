"""Train the base model: `python -m genmo.training.train --data DIR --out DIR` (resumes by itself).

bfloat16 weights in the trunk with float32 masters, one flat AdamW, averaged weights, torch.compile for trunk and
losses: training.md measured 2.3 times the speed of the plain way on two CPU cores.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from genmo.runtime.base_model import BLOCKED
from genmo.runtime.features import LAYOUT
from genmo.training.captions import CaptionBank
from genmo.training.config import TrainConfig
from genmo.training.dataset import FPS, Sequence, load_sequences
from genmo.training.diffusion import add_noise, alpha_table
from genmo.training.losses import Losses
from genmo.training.network import Denoiser, band_bias
from genmo.training.tasks import Sample, TaskSampler

log = logging.getLogger("genmo.training")

LOSS_NAMES = ("total", "features", "joints", "velocity", "feet", "path")


@dataclass(frozen=True)
class Statistics:
    """Mean and standard deviation (F,) of the features."""

    mean: np.ndarray
    std: np.ndarray

    @staticmethod
    def of(sequences: list[Sequence]) -> Statistics:
        """Measure them on the clips; headings and contacts get fixed values, small deviations a floor."""
        pose = np.concatenate([item.pose.reshape(len(item.pose), -1)[::4] for item in sequences])
        height = np.concatenate([item.root[::4, 1] for item in sequences])
        velocity = np.concatenate([item.velocity[::4] for item in sequences])
        mean, std = np.zeros(LAYOUT.width, np.float32), np.ones(LAYOUT.width, np.float32)
        mean[: pose.shape[1]], std[: pose.shape[1]] = pose.mean(0), np.maximum(pose.std(0), 0.08)
        mean[LAYOUT["root_height"]], std[LAYOUT["root_height"]] = height.mean(), max(height.std(), 0.02)
        mean[LAYOUT["root_velocity"]], std[LAYOUT["root_velocity"]] = velocity.mean(0), max(velocity.std(), 0.1)
        std[LAYOUT["heading"]] = 0.7
        mean[LAYOUT["contacts"]], std[LAYOUT["contacts"]] = 0.5, 0.5
        return Statistics(mean, std)


class FlatWeights:
    """Parameters of a network in flat buffers: float32 masters, bfloat16 copies for the trunk."""

    def __init__(self, network: Denoiser) -> None:
        """Move the parameters of `network` into the buffers."""
        low = list(network.trunk.parameters())
        inside = {id(parameter) for parameter in low}
        high = [parameter for parameter in network.parameters() if id(parameter) not in inside]
        self._names = {id(parameter): name for name, parameter in network.named_parameters()}
        self.parameters = low + high
        self.master = torch.cat([p.data.float().reshape(-1) for p in self.parameters])
        self.master.grad = torch.zeros_like(self.master)
        self._low_size = sum(p.numel() for p in low)
        self._low = self.master[: self._low_size].bfloat16()
        self._low_grad = torch.zeros_like(self._low)
        network.trunk_type = torch.bfloat16
        _bind(low, self._low, self._low_grad)
        _bind(high, self.master[self._low_size :], self.master.grad[self._low_size :])

    def gather(self) -> None:
        """Copy the trunk's gradients into the masters' gradient."""
        assert self.master.grad is not None
        self.master.grad[: self._low_size].copy_(self._low_grad)

    def spread(self) -> None:
        """Copy changed masters into the trunk and clear all gradients."""
        assert self.master.grad is not None
        self._low.copy_(self.master[: self._low_size])
        self._low_grad.zero_()
        self.master.grad.zero_()

    def state(self, flat: Tensor) -> dict[str, Tensor]:
        """State dict of a flat buffer that is laid out like the masters."""
        out, start = {}, 0
        for parameter in self.parameters:
            part = flat[start : start + parameter.numel()]
            out[self._names[id(parameter)]] = part.view(parameter.shape).clone()
            start += parameter.numel()
        return out


def _bind(parameters: list[nn.Parameter], data: Tensor, grad: Tensor) -> None:
    start = 0
    for parameter in parameters:
        stop = start + parameter.numel()
        parameter.data = data[start:stop].view_as(parameter)
        parameter.grad = grad[start:stop].view_as(parameter)
        start = stop


class Trainer:
    """One run: data, network, optimiser, clock."""

    def __init__(self, config: TrainConfig, sequences: list[Sequence], bank: CaptionBank, out: Path) -> None:
        """Make or resume a run in the folder `out`."""
        torch.set_num_threads(config.threads)
        self.config, self._bank, self._out = config, bank, out
        self._table = alpha_table()
        saved = out / "checkpoint.pt"
        state = torch.load(saved, weights_only=True) if saved.exists() else None
        self._statistics = (
            Statistics(state["mean"].numpy(), state["std"].numpy()) if state else Statistics.of(sequences)
        )
        self.step, self.seconds = (state["step"], state["seconds"]) if state else (0, 0.0)
        torch.manual_seed(config.seed + self.step)
        self.network = Denoiser(config.network)
        self._weights = FlatWeights(self.network)
        self._average = self._weights.master.clone()
        self._optimizer = torch.optim.AdamW(
            [self._weights.master], lr=config.learning_rate, weight_decay=0.01, betas=(0.9, 0.98), fused=True
        )
        if state:
            self._weights.master.copy_(state["master"])
            self._average.copy_(state["average"])
            self._optimizer.load_state_dict(state["optimizer"])
        self._weights.spread()
        rng = np.random.default_rng(config.seed + self.step)
        end = LAYOUT["root_height"].stop
        self._tasks = TaskSampler(
            sequences, config.frames, self._statistics.mean[:end], self._statistics.std[:end], rng,
            text_dropout=config.text_dropout,
        )  # fmt: skip
        mean, std = torch.from_numpy(self._statistics.mean), torch.from_numpy(self._statistics.std)
        self._losses: nn.Module = Losses(mean, std, config.loss_weights, FPS)
        self._mean, self._std = mean, std
        if config.compile:
            self.network.run_trunk = torch.compile(self.network.trunk.forward, dynamic=False)
            self._losses = torch.compile(self._losses, dynamic=False)  # type: ignore[assignment]

    def run(self) -> None:
        """Train until the clock of the configuration is used up."""
        begun, saved, sums, since = time.monotonic() - self.seconds, time.monotonic(), torch.zeros(6), self.step
        marked = time.monotonic()
        while self.seconds < self.config.minutes * 60:
            sums += self._advance()
            self.seconds = time.monotonic() - begun
            if self.step % 100 == 0:
                rate = (self.step - since) * self.config.batch / (time.monotonic() - marked)
                self._report(sums / (self.step - since), rate)
                sums, since, marked = torch.zeros(6), self.step, time.monotonic()
            if time.monotonic() - saved > self.config.checkpoint_minutes * 60:
                self.save()
                saved = time.monotonic()
        self.save()

    def _report(self, losses: Tensor, rate: float) -> None:
        values = " ".join(f"{name} {value:.5f}" for name, value in zip(LOSS_NAMES, losses.tolist(), strict=True))
        log.info("step %d %.0f s %s rate %.1f/s", self.step, self.seconds, values, rate)
        row = [self.step, round(self.seconds), *losses.tolist(), rate]
        with (self._out / "losses.csv").open("a", encoding="utf-8") as file:
            file.write(",".join(f"{value:.6g}" for value in row) + "\n")

    def _learning_rate(self) -> float:
        """Warm-up, then flat, then a cosine fall over the last half of the clock."""
        share = self.seconds / (self.config.minutes * 60)
        fall = 1.0 if share < 0.5 else 0.5 + 0.5 * math.cos(math.pi * (share - 0.5) / 0.5)
        return self.config.learning_rate * min(1.0, (self.step + 1) / self.config.warmup_steps) * (0.02 + 0.98 * fall)

    def _advance(self) -> Tensor:
        for group in self._optimizer.param_groups:
            group["lr"] = self._learning_rate()
        samples = [self._tasks.draw() for _ in range(self.config.batch)]
        losses = self._forward(samples)
        losses[0].backward()
        self._weights.gather()
        nn.utils.clip_grad_norm_([self._weights.master], 1.0)
        self._optimizer.step()
        self._weights.spread()
        self.step += 1
        decay = min(self.config.ema_decay, (self.step + 1) / (self.step + 10))
        self._average.lerp_(self._weights.master, 1.0 - decay)
        return losses.detach()

    def _forward(self, samples: list[Sample]) -> Tensor:
        batch = {name: torch.from_numpy(np.stack([getattr(sample, name) for sample in samples])) for name in _STACKED}
        clean = (batch["target"] - self._mean) / self._std
        keyed = torch.tensor([sample.keyed for sample in samples])
        regression = keyed & (torch.rand(len(samples)) < self.config.regression_share)
        step = torch.randint(0, 1000, (len(samples),))
        step[regression] = 999
        noisy = add_noise(clean, step, torch.randn_like(clean), self._table)
        noisy[regression] = 0.0
        text, text_bias = self._text(samples, batch["window"])
        bias = band_bias(self.config.frames, self.config.network.band, batch["valid"])
        estimate = self.network(noisy, step, batch["conditions"], text, text_bias, bias)
        trust = torch.where(regression, torch.ones(()), self._table[step].sqrt())
        names = ("references", "joints", "path", "valid", "measured")
        return self._losses(estimate, clean, *(batch[name] for name in names), trust)

    def _text(self, samples: list[Sample], window: Tensor) -> tuple[Tensor, Tensor]:
        rows = self._bank.rows([sample.caption for sample in samples])
        tokens = torch.from_numpy(self._bank.tokens[np.maximum(rows, 0)]).float()  # (B, S, 384)
        lengths = torch.from_numpy(np.where(rows < 0, 0, self._bank.lengths[rows]))
        readable = torch.arange(tokens.shape[1])[None] < lengths[:, None]
        bias = torch.where(readable[:, None] & (window[..., None] > 0), 0.0, BLOCKED)  # (B, T, S)
        return tokens, bias

    def save(self) -> None:
        """Write the checkpoint and the averaged weights, each by a temporary name."""
        self._write("checkpoint.pt", {
            "step": self.step, "seconds": self.seconds, "master": self._weights.master, "average": self._average,
            "optimizer": self._optimizer.state_dict(), "mean": self._mean, "std": self._std,
        })  # fmt: skip
        self._write("model.pt", {
            "network": self._weights.state(self._average), "config": self.config.to_json(), "step": self.step,
            "seconds": self.seconds, "mean": self._mean, "std": self._std,
        })  # fmt: skip

    def _write(self, name: str, state: dict[str, object]) -> None:
        partial = self._out / (name + ".partial")
        torch.save(state, partial)
        partial.replace(self._out / name)


_STACKED = ("target", "conditions", "references", "joints", "path", "valid", "measured", "window")


def _texts(sequences: list[Sequence]) -> Iterator[str]:
    for item in sequences:
        yield from item.captions


def main(arguments: list[str] | None = None) -> None:
    """Command line of a training run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the motion archive")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run: checkpoints, losses, caches")
    parser.add_argument("--text-encoder", type=Path, required=True, help="folder with text_encoder.onnx and vocab.txt")
    parser.add_argument("--config", type=Path, help="JSON of TrainConfig")
    parser.add_argument("--minutes", type=float, help="length of the run, instead of the configuration's")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    config = TrainConfig.load(options.config)
    if options.minutes is not None:
        config = dataclasses.replace(config, minutes=options.minutes)
    options.out.mkdir(parents=True, exist_ok=True)
    sequences = load_sequences(options.data, "train", options.out)
    bank = CaptionBank.build(_texts(sequences), _encoder(options.text_encoder), config.text_tokens, options.out)
    trainer = Trainer(config, sequences, bank, options.out)
    log.info("%d clips, %.2f M weights", len(sequences), trainer._weights.master.numel() / 1e6)
    trainer.run()


def _encoder(folder: Path):  # noqa: ANN202 - the runtime's TextEncoder; onnxruntime is loaded only here
    from genmo.runtime.backends.onnx import create_session
    from genmo.runtime.text import TextEncoder, WordPiece

    return TextEncoder(create_session(folder / "text_encoder.onnx", "cpu"), WordPiece(folder / "vocab.txt"))


if __name__ == "__main__":
    main()
