"""Train the base model: `python -m genmo.training.train --data DIR --out DIR --text-encoder DIR` (resumes by itself).

bfloat16 weights in the trunk with float32 masters, one flat AdamW, averaged weights, torch.compile for trunk and
losses, on a CPU, a GPU, or several of them under torchrun (README.md).
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
import math
import signal
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from genmo.runtime.base_model import BLOCKED
from genmo.training.batches import Batch, Batches, open_stream
from genmo.training.captions import CaptionBank, open_encoder
from genmo.training.config import TrainConfig
from genmo.training.curves import update_picture
from genmo.training.dataset import FPS, Sequence, Statistics, load_sequences
from genmo.training.diffusion import add_noise, alpha_table, draw_steps
from genmo.training.events import all_texts
from genmo.training.losses import LOSS_NAMES, Losses
from genmo.training.network import Denoiser, band_bias
from genmo.training.team import Team
from genmo.training.weights import FlatWeights

log = logging.getLogger("genmo.training")

COLUMNS: Final = ("step", "seconds", *LOSS_NAMES, "rate", "learning_rate")
"""Of losses.csv: losses of rank 0 are means since the row before, the rate is samples a second of all processes."""

REPORT_STEPS: Final = 100

LEAST_NOISE: Final = 0.02
"""Bounds the weight of samples with next to no noise: one over the square root of the noise's share."""


class Trainer:
    """One run: data, network, optimiser, clock."""

    def __init__(
        self, config: TrainConfig, sequences: list[Sequence], bank: CaptionBank, out: Path, team: Team | None = None,
        begin: Path | None = None,
    ) -> None:  # fmt: skip
        """Make or resume a run in the folder `out`; without a team on the CPU of this process.

        A new run takes what fits of the averaged weights of the run in `begin`, and its statistics, if there is one.
        """
        self.config, self._out, self._team = config, out, team or Team(torch.device("cpu"))
        self._device = self._team.device
        saved = out / "checkpoint.pt"
        state = _load(saved) if saved.exists() else None
        ready = _load(begin / "model.pt") if begin and not state else None
        known = state or ready
        statistics = Statistics(known["mean"].numpy(), known["std"].numpy()) if known else Statistics.of(sequences)
        self.step, self.seconds = (state["step"], state["seconds"]) if state else (0, 0.0)
        origin = (config.seed, self.step, self._team.rank)
        # Workers are forked before anything large or threaded exists.
        batches = Batches(sequences, statistics, bank, config, origin, out)
        self._stream = open_stream(batches, config.workers, self._device)
        self._set_up_torch()
        torch.manual_seed(config.seed)  # the same first weights in every process
        with self._device:
            self.network = Denoiser(config.network)
        if ready:
            _take_over(self.network, ready["network"])
        self.weights = FlatWeights(self.network)
        self._average = self.weights.master.clone()
        self._optimizer = torch.optim.AdamW(
            [self.weights.master], lr=config.learning_rate, weight_decay=0.01, betas=(0.9, 0.98), fused=True
        )
        if state:
            self.weights.master.copy_(state["master"])
            self._average.copy_(state["average"])
            self._optimizer.load_state_dict(state["optimizer"])
        for name, part in self.network.fixed_parts().items():
            alone = out / f"{name}.pt"  # what `lifter.py` and `outline.py` write
            if state or alone.exists():
                part.load_state_dict((state or _load(alone))[name])
        self.weights.spread()
        self._prepare(bank, statistics)
        torch.manual_seed(int(np.random.SeedSequence(origin).generate_state(1)[0]))  # each process its own noise

    def _set_up_torch(self) -> None:
        if self._device.type == "cuda":
            torch.set_float32_matmul_precision("high")  # TF32 for the few products outside the trunk
        else:
            torch.set_num_threads(self.config.threads)

    def _prepare(self, bank: CaptionBank, statistics: Statistics) -> None:
        """Put on the device what every step reads, and compile."""
        self._mean = torch.from_numpy(statistics.mean).to(self._device)
        self._std = torch.from_numpy(statistics.std).to(self._device)
        self._table = alpha_table().to(self._device)
        self._tokens = torch.from_numpy(bank.tokens).to(self._device)  # (N, S, 384) float16
        self._lengths = torch.from_numpy(bank.lengths).to(self._device)
        with self._device:
            self._losses: nn.Module = Losses(self._mean, self._std, self.config.loss_weights, FPS)
        if self.config.compile:
            self.network.run_trunk = torch.compile(self.network.trunk.forward, dynamic=False)
            self._losses = torch.compile(self._losses, dynamic=False)  # type: ignore[assignment]

    def run(self, stopped: Callable[[], bool] = lambda: False) -> None:
        """Train until the clock of the configuration is used up or `stopped` says so, then save."""
        self._begin_log()
        begun, saved, since = time.monotonic() - self.seconds, time.monotonic(), self.step
        sums = torch.zeros(len(LOSS_NAMES), device=self._device)
        marked = time.monotonic()
        while True:
            # The clock of rank 0 decides for all: their learning rates must be the same.
            self.seconds, stop = self._team.agree(time.monotonic() - begun, stop=stopped())
            if stop or self.seconds >= self.config.minutes * 60:
                break
            sums += self.advance()
            if self.step % REPORT_STEPS == 0:
                losses = sums.cpu() / (self.step - since)  # waits for the GPU, so the rate is true
                rate = (self.step - since) * self.config.batch * self._team.size / (time.monotonic() - marked)
                self._report(losses, rate)
                since, marked = self.step, time.monotonic()
                sums.zero_()
            if time.monotonic() - saved > self.config.checkpoint_minutes * 60:
                self.save()
                saved = time.monotonic()
        self.save()

    def _begin_log(self) -> None:
        """A line of column names: it marks where a session begins."""
        if self._team.rank == 0:
            with (self._out / "losses.csv").open("a", encoding="utf-8") as file:
                file.write(",".join(COLUMNS) + "\n")

    def _report(self, losses: Tensor, rate: float) -> None:
        if self._team.rank != 0:
            return
        values = " ".join(f"{name} {value:.5f}" for name, value in zip(LOSS_NAMES, losses.tolist(), strict=True))
        log.info("step %d %.0f s %s rate %.1f/s", self.step, self.seconds, values, rate)
        row = [self.step, round(self.seconds), *losses.tolist(), rate, self._learning_rate()]
        with (self._out / "losses.csv").open("a", encoding="utf-8") as file:
            file.write(",".join(f"{value:.8g}" for value in row) + "\n")

    def _learning_rate(self) -> float:
        """Warm-up, then flat, then a cosine fall over the last half of the clock."""
        share = self.seconds / (self.config.minutes * 60)
        fall = 1.0 if share < 0.5 else 0.5 + 0.5 * math.cos(math.pi * (share - 0.5) / 0.5)
        return self.config.learning_rate * min(1.0, (self.step + 1) / self.config.warmup_steps) * (0.02 + 0.98 * fall)

    def advance(self) -> Tensor:
        """One step of the optimiser on the next batch; the losses (7,) of this process."""
        for group in self._optimizer.param_groups:
            group["lr"] = self._learning_rate()
        losses = self.differentiate(self.inputs(next(self._stream)))
        nn.utils.clip_grad_norm_([self.weights.master], 1.0)
        self._optimizer.step()
        self.weights.spread()
        self.step += 1
        decay = min(self.config.ema_decay, (self.step + 1) / (self.step + 10))
        self._average.lerp_(self.weights.master, 1.0 - decay)
        return losses

    def inputs(self, batch: Batch) -> Batch:
        """A batch on the device with all that chance adds: noise, its step, and which samples see none of the motion.

        Args:
            batch: of `Batches`.
        """
        values = {name: value.to(self._device, non_blocking=True) for name, value in batch.items()}
        clean = (values.pop("target") - self._mean) / self._std
        regression = torch.rand(len(clean), device=self._device) < values.pop("regression")
        drawn = torch.rand(len(clean), device=self._device)
        step = draw_steps(drawn, self.config.noise_shift, self.config.lowest_step, self.config.highest_step)
        step = torch.where(regression, len(self._table) - 1, step)
        noisy = add_noise(clean, step, torch.randn_like(clean), self._table)
        noisy = noisy.masked_fill(regression[:, None, None], 0.0)
        return {**values, "clean": clean, "noisy": noisy, "step": step, "sure": regression}

    def differentiate(self, inputs: Batch) -> Tensor:
        """Losses (7,) of `inputs`; leaves the gradient, averaged over all processes, in the masters."""
        losses = self.losses(inputs)
        losses[0].backward()
        self.weights.gather()
        self._team.average(self.weights.gradient)
        return losses.detach()

    def losses(self, inputs: Batch) -> Tensor:
        """Losses (7,) of what the network makes of `inputs`."""
        text, text_bias = self._text(inputs["caption"], inputs["window"])
        bias = band_bias(self.config.frames, self.config.network.band, inputs["valid"])
        estimate = self.network(inputs["noisy"], inputs["step"], inputs["conditions"], text, text_bias, bias)
        share = self._table[inputs["step"]]
        trust = torch.where(inputs["sure"], 1.0, share.sqrt())
        emphasis = torch.where(inputs["sure"], 1.0, (1.0 - share + LEAST_NOISE).rsqrt())
        names = ("clean", "references", "joints", "path", "valid", "measured", "filmed")
        return self._losses(estimate, *(inputs[name] for name in names), trust, emphasis)

    def _text(self, rows: Tensor, window: Tensor) -> tuple[Tensor, Tensor]:
        known = rows.clamp_min(0)
        tokens = self._tokens[known].float()  # (B, S, 384)
        lengths = torch.where(rows < 0, 0, self._lengths[known])
        readable = torch.arange(tokens.shape[1], device=self._device)[None] < lengths[:, None]
        bias = torch.where(readable[:, None] & (window[..., None] > 0), 0.0, BLOCKED)  # (B, T, S)
        return tokens, bias

    def save(self) -> None:
        """Write the checkpoint, the averaged weights and the loss curves, each by a temporary name; rank 0 only."""
        if self._team.rank != 0:
            return
        common = {"step": self.step, "seconds": self.seconds, "mean": self._mean, "std": self._std}
        parts = {name: part.state_dict() for name, part in self.network.fixed_parts().items()}
        self._write("checkpoint.pt", {
            **common, "master": self.weights.master, "average": self._average,
            "optimizer": self._optimizer.state_dict(), **parts,
        })  # fmt: skip
        network = self.weights.state(self._average)
        network |= {f"{name}.{key}": value for name, state in parts.items() for key, value in state.items()}
        self._write("model.pt", {**common, "network": network, "config": self.config.to_json()})
        update_picture(self._out)

    def _write(self, name: str, state: dict[str, Any]) -> None:
        partial = self._out / (name + ".partial")
        torch.save(_on_cpu(state), partial)
        partial.replace(self._out / name)


def _take_over(network: Denoiser, weights: dict[str, Tensor]) -> None:
    """Load the weights whose names and shapes the network has; the others stay as they are."""
    own = network.state_dict()
    fitting = {name: value for name, value in weights.items() if name in own and own[name].shape == value.shape}
    network.load_state_dict(own | fitting)


def _load(path: Path) -> dict[str, Any]:
    return torch.load(path, weights_only=True, map_location="cpu")


def _on_cpu(value: Any) -> Any:
    """The same dictionaries and lists with their tensors on the CPU, so that any machine can read them."""
    if isinstance(value, dict):
        return {key: _on_cpu(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_on_cpu(each) for each in value]
    return value.cpu() if isinstance(value, Tensor) else value


class StopSignal:
    """Remembers that somebody asked to end: SIGTERM or Ctrl-C."""

    def __init__(self) -> None:
        """Listen to the signals of this process; a second Ctrl-C ends it at once."""
        self.asked = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the motion archive")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run: checkpoints, losses, caches")
    parser.add_argument("--text-encoder", type=Path, required=True, help="folder with text_encoder.onnx and vocab.txt")
    parser.add_argument("--config", type=Path, help="JSON of TrainConfig")
    parser.add_argument("--begin", type=Path, help="folder of a run whose weights a new run starts from")
    parser.add_argument("--minutes", type=float, help="length of the run, instead of the configuration's")
    devices = ("auto", "cpu", "cuda")
    parser.add_argument("--device", choices=devices, default="auto", help="auto: the GPU if there is one")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    """Command line of a training run."""
    options = _options(arguments)
    config = TrainConfig.load(options.config)
    if options.minutes is not None:
        config = dataclasses.replace(config, minutes=options.minutes)
    try:
        team = Team.join(options.device)
    except ValueError as error:
        raise SystemExit(str(error)) from None
    logging.basicConfig(level=logging.INFO if team.rank == 0 else logging.WARNING, format="%(message)s")
    options.out.mkdir(parents=True, exist_ok=True)

    def prepare() -> tuple[list[Sequence], CaptionBank]:
        clips = load_sequences(options.data, "train", options.out)
        encoder = open_encoder(options.text_encoder)
        return clips, CaptionBank.build(all_texts(clips), encoder, config.text_tokens, options.out)

    sequences, bank = team.first_alone(prepare)
    trainer = Trainer(config, sequences, bank, options.out, team, options.begin)
    weights = trainer.weights.master.numel() / 1e6
    log.info("%d clips, %.2f M weights, %d x %s", len(sequences), weights, team.size, team.device.type)
    stop = StopSignal()
    trainer.run(lambda: stop.asked)
    team.leave()


if __name__ == "__main__":
    main()
