"""One dataclass holds every choice of a training run."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from genmo.runtime.conditioning import CONDITIONS
from genmo.runtime.features import LAYOUT
from genmo.runtime.sampler import TRAINING_STEPS
from genmo.training.tasks import TASKS


@dataclass(frozen=True)
class NetworkConfig:
    """Shape of the network (genmo.md section 5, at another size).

    Attributes:
        width: channels of a frame token.
        layers: transformer layers; every second one also attends to the text.
        heads: attention heads.
        band: a frame sees this many frames to each side.
        features: length of a feature row.
        conditions: length of a condition row.
        text_width: width of a text token.
        lifter_width: channels of the part that lifts single frames of keypoints (`lifter.py`).
        stride: frames that share a token inside the layers; must divide `network.BLOCK`.
    """

    width: int = 256
    layers: int = 8
    heads: int = 4
    band: int = 60
    features: int = LAYOUT.width
    conditions: int = CONDITIONS.width
    text_width: int = 384
    lifter_width: int = 512
    stride: int = 1


@dataclass(frozen=True)
class TrainConfig:
    """Everything a run depends on; stored in each checkpoint.

    Attributes:
        network: shape of the network.
        minutes: length of the run on the clock, over all its sessions; the learning rate follows it.
        batch: samples a step and process; several GPUs take as many times more.
        frames: length of a training window.
        text_tokens: tokens kept of a caption.
        learning_rate: peak rate of AdamW.
        warmup_steps: linear warm-up.
        ema_decay: decay of the averaged weights that are exported.
        text_dropout: share of captions that are hidden, for classifier-free guidance.
        regression_shares: by task, share of samples trained with x_t = 0, t = 999 (genmo.md section 11).
        noise_shift: how far the drawn steps of the schedule are shifted to the noisy end (`diffusion.draw_steps`).
        lowest_step: of the schedule, that is drawn.
        highest_step: likewise.
        tasks: share of samples by task (`tasks.TASKS`).
        loss_weights: weight by loss name (see `losses.py`).
        threads: torch threads on a CPU.
        workers: processes that draw samples for a process that trains; 0 draws between the steps.
        seed: of this session; a restart uses another one.
        checkpoint_minutes: time between checkpoints.
        compile: use torch.compile for trunk and losses.
    """

    network: NetworkConfig = dataclasses.field(default_factory=NetworkConfig)
    minutes: float = 120.0
    batch: int = 24
    frames: int = 128
    text_tokens: int = 24
    learning_rate: float = 6e-4
    warmup_steps: int = 200
    ema_decay: float = 0.995
    text_dropout: float = 0.12
    regression_shares: dict[str, float] = dataclasses.field(
        default_factory=lambda: {"keys": 0.45, "video": 0.65, "reference": 0.3}
    )
    noise_shift: float = 3.0
    lowest_step: int = 0
    highest_step: int = TRAINING_STEPS - 1
    tasks: dict[str, float] = dataclasses.field(default_factory=lambda: dict(TASKS))
    loss_weights: dict[str, float] = dataclasses.field(
        default_factory=lambda: {"joints": 20.0, "velocity": 800.0, "feet": 1500.0, "path": 0.3, "view": 30.0}
    )
    threads: int = 2
    workers: int = 0
    seed: int = 0
    checkpoint_minutes: float = 4.0
    compile: bool = True

    def to_json(self) -> str:
        """JSON text that `from_json` reads back."""
        return json.dumps(dataclasses.asdict(self), indent=2)

    @staticmethod
    def from_json(text: str) -> TrainConfig:
        """Configuration of JSON text; what it leaves out has its default, unknown keys raise TypeError."""
        values = json.loads(text)
        return TrainConfig(**{**values, "network": NetworkConfig(**values.get("network", {}))})

    @staticmethod
    def load(path: Path | None) -> TrainConfig:
        """Configuration of a JSON file, or the defaults."""
        return TrainConfig() if path is None else TrainConfig.from_json(path.read_text(encoding="utf-8"))
