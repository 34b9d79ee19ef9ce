"""From 2D keypoints of single frames to a pose: the part of the network that is trained on its own, and first.

`python -m genmo.training.lifter --data DIR --out RUN` writes `RUN/lifter.pt`, which a run that starts in
the same folder takes over and keeps fixed. Lifting is a question of single frames (Martinez et al., ICCV 2017), and
windows of a hundred frames of the same person teach it slowly: thousands of unlike frames a step do it in minutes. The
denoiser then only has to add what time tells: smoothness, hidden limbs, contacts.
"""

from __future__ import annotations

import argparse
import logging
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from genmo.runtime import keypoints
from genmo.runtime.cues import CUES, cue_channels, no_cues
from genmo.runtime.features import POSE, turn_planar
from genmo.runtime.skeleton import REST_OFFSETS
from genmo.training.cameras import look_at
from genmo.training.dataset import FPS, Sequence, load_sequences, sampling_shares
from genmo.training.guides import heading_free_heads
from genmo.training.losses import joint_positions, turn_about_y

log = logging.getLogger("genmo.training")
Array = NDArray[np.float64]

READS = ("keypoints", "visible", "box", "gravity", "view")
"""Groups of CUES that the lifter reads: all that one frame tells."""

LIFTER = "lifter.pt"
"""Name of the trained lifter in the folder of a run."""

INPUTS = sum(CUES.sizes[name] for name in READS)
OUTPUTS = POSE.stop + CUES.sizes["key_heading"]


class Lifter(nn.Module):
    """Residual MLP: what one frame shows -> normalised pose (132) and sine and cosine of the heading (2)."""

    def __init__(self, width: int = 512, blocks: int = 3) -> None:
        """Make `blocks` residual blocks of `width` channels."""
        super().__init__()
        self.enter = nn.Linear(INPUTS, width)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(blocks))
        self.expand = nn.ModuleList(nn.Linear(width, width) for _ in range(blocks))
        self.shrink = nn.ModuleList(nn.Linear(width, width) for _ in range(blocks))
        self.leave = nn.Linear(width, OUTPUTS)
        nn.init.zeros_(self.leave.weight)  # untrained, it says "the mean pose"
        nn.init.zeros_(self.leave.bias)

    def forward(self, seen: Tensor) -> Tensor:
        """(..., INPUTS) -> (..., OUTPUTS)."""
        h = self.enter(seen)
        for norm, expand, shrink in zip(self.norms, self.expand, self.shrink, strict=True):
            h = h + shrink(functional.gelu(expand(functional.gelu(norm(h), approximate="tanh")), approximate="tanh"))
        return self.leave(functional.gelu(h, approximate="tanh"))


def lifter_inputs(cues: Tensor) -> Tensor:
    """The channels (..., INPUTS) that the lifter reads, out of all cue channels (..., CUES.width)."""
    return torch.cat([cues[..., CUES[name]] for name in READS], -1)


@dataclass(frozen=True)
class Frames:
    """Single frames of all clips.

    Attributes:
        pose: (N, 22, 6) 6D rotations, pelvis without heading.
        joints: (N, 22, 3) heading-free positions, metres.
        measured: (N, 22) joints that the source measured.
        share: (N,) cumulative sampling probability.
    """

    pose: NDArray[np.float32]
    joints: NDArray[np.float32]
    measured: NDArray[np.float32]
    share: Array

    @staticmethod
    def of(sequences: list[Sequence]) -> Frames:
        """Every second frame of the clips; neighbours are almost alike."""
        counts = np.array([len(item.root[::2]) for item in sequences])
        weights = np.repeat(sampling_shares(sequences) / counts, counts)
        return Frames(
            np.concatenate([item.pose[::2] for item in sequences]),
            np.concatenate([item.joints[::2] for item in sequences]),
            np.repeat(np.stack([item.measured for item in sequences]), counts, axis=0),
            np.cumsum(weights),
        )


def filmed_frames(frames: Frames, count: int, rng: np.random.Generator) -> tuple[Tensor, ...]:
    """A batch of unlike frames, each filmed by a camera of its own.

    Args:
        frames: to draw from.
        count: N.
        rng: source of all randomness.

    Returns:
        inputs (N, INPUTS), 6D pose (N, 132), sine and cosine of the heading relative to the camera (N, 2), heading-free
        joints (N, 22, 3), measured joints (N, 22).
    """
    rows = np.searchsorted(frames.share, rng.random(count) * frames.share[-1])
    pose, joints = frames.pose[rows], frames.joints[rows].astype(np.float64)
    points = keypoints.coco_points(joints, heading_free_heads(pose))
    facing = rng.uniform(-np.pi, np.pi, count)
    points[..., ::2] = turn_planar(points[..., ::2], facing[:, None])
    lens, places, matrices = _random_cameras(joints[:, 0], rng)
    slopes, _ = keypoints.project(points, matrices, places)
    seen, visible = _detections(slopes, lens, rng)
    cues = no_cues(count)
    cues.keypoints[:], cues.visible[:], cues.cameras[:] = seen, visible, matrices
    cues.camera_mask[:], cues.gravity_mask[:] = True, rng.random(count) < 0.6
    channels = np.zeros((count, CUES.width))
    cue_channels(cues, FPS, channels)
    turn = facing - np.arctan2(matrices[:, 2, 0], matrices[:, 2, 2])
    heading = np.stack([np.sin(turn), np.cos(turn)], axis=-1)
    arrays = (pose.reshape(count, -1), heading, joints, frames.measured[rows])
    inputs = lifter_inputs(torch.from_numpy(channels.astype(np.float32)))
    return inputs, *(torch.from_numpy(values.astype(np.float32)) for values in arrays)


def _random_cameras(pelvis: Array, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Half the picture's sides (N, 2), places (N, 3), rotations (N, 3, 3): what `cameras.film` gives on one frame."""
    count = len(pelvis)
    half = np.tan(np.radians(rng.uniform(15.0, 38.0, count)))
    distance = 0.85 / (half * rng.uniform(0.35, 0.95, count)) + rng.exponential(0.6, count)
    tilt = rng.uniform(-0.12, 0.5, count)
    arm = np.stack([np.zeros(count), np.sin(tilt), -np.cos(tilt)], axis=-1)
    places = pelvis + arm * distance[:, None]
    places[:, 1] = np.maximum(places[:, 1], 0.15)
    wander = rng.standard_normal((count, 3)) * np.array([0.2, 0.1, 0.1]) * (distance * half)[:, None]
    aspect = rng.choice([16 / 9, 4 / 3, 1.0, 9 / 16], count)
    lens = half[:, None] * np.stack([np.maximum(aspect, 1.0), np.maximum(1.0 / aspect, 1.0)], axis=-1)
    return lens, places, look_at(places, pelvis + wander, 0.035 * rng.standard_normal(count))


def _detections(slopes: Array, lens: Array, rng: np.random.Generator) -> tuple[Array, NDArray[np.bool_]]:
    """Noisy keypoints (N, 17, 2) and their visibility (N, 17), as `cameras.detect` makes them on windows."""
    count = len(slopes)
    visible = (np.abs(slopes) < lens[:, None]).all(axis=-1)
    noisy = (rng.random(count) < 0.8)[:, None, None]
    level = rng.uniform(0.0, 1.0, (count, 1, 1)) * noisy
    size = keypoints.boxes(slopes, np.ones((count, 17), bool))[:, 2, None, None]
    noise = 0.0128 * level * rng.standard_normal(slopes.shape)
    peaks = (rng.random((count, 17, 1)) < 0.004) & noisy
    noise = noise + peaks * 0.06 * rng.standard_normal(slopes.shape)
    lost = rng.random((count, 17)) < np.where(rng.random((count, 1)) < 0.15, 0.25, 0.015)
    lost[rng.random(count) < 0.04, 13:] = True
    return slopes + noise * size, visible & ~(lost & noisy[:, 0])


class LifterLoss(nn.Module):
    """Features, joints in the body's heading, and joints as the camera sees them."""

    mean: Tensor
    std: Tensor
    offsets: Tensor

    def __init__(self, mean: Tensor, std: Tensor) -> None:
        """Keep the statistics (132,) of the pose."""
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)
        self.register_buffer("offsets", torch.tensor(REST_OFFSETS))

    def forward(self, estimate: Tensor, pose: Tensor, heading: Tensor, joints: Tensor, measured: Tensor) -> Tensor:
        """(2,): the loss of estimates (N, OUTPUTS), and the mean joint error in metres as the camera sees it."""
        target = torch.cat([(pose - self.mean) / self.std, heading / HEADING_STD], -1)
        weight = functional.pad((0.05 + 0.95 * measured).repeat_interleave(6, -1), (0, 2), value=6.0)
        features = (functional.smooth_l1_loss(estimate, target, reduction="none") * weight).mean()
        values = estimate[:, : POSE.stop] * self.std + self.mean
        pair = functional.normalize(estimate[:, POSE.stop :], dim=-1, eps=1e-3)
        height = joints[:, :1, 1]
        placed = joint_positions(values[None], height[None], self.offsets)[0]
        error = turn_about_y(pair[:, :1], pair[:, 1:], placed) - turn_about_y(heading[:, :1], heading[:, 1:], joints)
        lengths = (error**2).sum(-1).add(1e-6).sqrt()
        return torch.stack([features + 4.0 * lengths.mean(), lengths.mean()])


HEADING_STD = 0.7
"""Standard deviation of the heading features (`train.Statistics`)."""


def train(sequences: list[Sequence], mean: Tensor, std: Tensor, *, steps: int, batch: int = 1024) -> Lifter:
    """Train a lifter on single frames.

    Args:
        sequences: clips.
        mean: (F,) of the features, of which the first 132 are the pose.
        std: (F,).
        steps: of the optimiser; the learning rate follows them.
        batch: frames a step.
    """
    frames, rng, lifter = Frames.of(sequences), np.random.default_rng(7), Lifter()
    loss_of: nn.Module = torch.compile(LifterLoss(mean[: POSE.stop], std[: POSE.stop]), dynamic=False)  # type: ignore[assignment]
    optimizer = torch.optim.AdamW(lifter.parameters(), lr=1e-3, weight_decay=0.01, fused=True)
    total = torch.zeros(2)
    for step in range(1, steps + 1):
        fall = 0.02 + 0.49 * (1 + math.cos(math.pi * step / steps))
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 * min(1.0, step / 200) * fall
        inputs, *truth = filmed_frames(frames, batch, rng)
        with torch.autocast("cpu", torch.bfloat16):
            estimate = lifter(inputs)
        losses = loss_of(estimate.float(), *truth)
        optimizer.zero_grad()
        losses[0].backward()
        nn.utils.clip_grad_norm_(lifter.parameters(), 1.0)
        optimizer.step()
        total += losses.detach()
        if step % 200 == 0:
            log.info("lifter step %d loss %.4f joints %.1f mm", step, total[0] / 200, total[1] * 5.0)
            total.zero_()
    return lifter


def main(arguments: list[str] | None = None) -> None:
    """Command line of the lifter's training."""
    from genmo.training.train import Statistics

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the motion archive")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--steps", type=int, default=8000, help="of the optimiser; about ten minutes on two cores")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    options.out.mkdir(parents=True, exist_ok=True)
    sequences = load_sequences(options.data, "train", options.out)
    statistics = Statistics.of(sequences)
    mean, std = torch.from_numpy(statistics.mean), torch.from_numpy(statistics.std)
    lifter = train(sequences, mean, std, steps=options.steps)
    partial = options.out / (LIFTER + ".partial")
    torch.save({"lifter": lifter.state_dict(), "mean": mean, "std": std}, partial)
    partial.replace(options.out / LIFTER)


if __name__ == "__main__":
    main()
