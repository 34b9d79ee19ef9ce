"""How the published model reads keypoints, box, camera, image, music and speech: one vector a frame (section 4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from genmo.training.gem.network import IMAGE_WIDTH, GemDenoiser, Mlp

POINTS, POINT_WIDTH, POINT_INNER = 17, 32, 2048
MUSIC_WIDTH = 35
AUDIO_WIDTH = 128
AUDIO_STRIDES = (5, 6, 1, 5, 1, 4)
AUDIO_CHANNELS = (1, 32, 32, 32, 64, 64, 128)
AUDIO_SAMPLES = 600
"""Samples of speech a frame, 18 kHz at 30 frames."""

GATED = ("f_cliffcam", "f_imgseq", "f_cam_angvel", "encoded_music", "encoded_audio")
AMPLIFIED = ("encoded_music", "encoded_audio")
"""Inputs that guidance amplifies, with the text: the unguided pass is not told of them."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the network is told of a motion, B samples of L frames.

    Attributes:
        obs: (B, L, 17, 3) keypoints in their box and whether they are seen (`runtime.gem.camera.observed`).
        values: for each member of GATED its values: box (B, L, 3), image (B, L, 1024), camera (B, L, 6) normalised,
            music (B, L, 35), speech (B, 600 L); a missing one counts as zeros.
        exists: for each member (B, L), 1 where there is something; missing ones count as zeros.
    """

    obs: Tensor
    values: Mapping[str, Tensor]
    exists: Mapping[str, Tensor]


class AudioBlock(nn.Module):
    """Two convolutions with batch norm around a shortcut."""

    def __init__(self, width: int, out: int, stride: int) -> None:
        """Make the block; the shortcut has a convolution where length or width change."""
        super().__init__()
        self.conv1 = nn.Conv1d(width, out, 15, stride, padding=7)
        self.conv2 = nn.Conv1d(out, out, 15, padding=7)
        self.bn1, self.bn2 = nn.BatchNorm1d(out), nn.BatchNorm1d(out)
        if stride != 1 or width != out:
            self.downsample = nn.Sequential(nn.Conv1d(width, out, 15, stride, padding=7), nn.BatchNorm1d(out))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T) -> (B, C', T / stride)."""
        shortcut = self.downsample(x) if hasattr(self, "downsample") else x
        inner = functional.leaky_relu(self.bn1(self.conv1(x)), 0.01)
        return functional.leaky_relu(self.bn2(self.conv2(inner)) + shortcut, 0.01)


class _Pipeline(nn.Module):
    """The published file keeps the denoiser two levels down."""

    def __init__(self, denoiser: GemDenoiser) -> None:
        super().__init__()
        self.denoiser3d = nn.ModuleDict({"denoiser": denoiser})

    def denoiser(self) -> GemDenoiser:
        denoiser = self.denoiser3d["denoiser"]
        assert isinstance(denoiser, GemDenoiser)
        return denoiser


class GemModel(nn.Module):
    """The whole published model: condition embedders and denoiser."""

    def __init__(self, width: int, layers: int, *, reads_text: bool = True) -> None:
        """Make the network; `reads_text=False` makes the regression model, without text, music and speech."""
        super().__init__()
        self.width, self.reads_text = width, reads_text
        self.learned_pos_params = nn.Parameter(torch.randn(POINTS, POINT_WIDTH))
        self.learned_pos_linear = nn.Linear(2, POINT_WIDTH)
        self.embed_noisyobs = Mlp(POINTS * POINT_WIDTH, 2 * width, width)
        self.cliffcam_embedder, self.cam_angvel_embedder = _two_layers(3, width), _two_layers(6, width)
        self.imgseq_embedder = nn.Sequential(nn.LayerNorm(IMAGE_WIDTH), nn.Linear(IMAGE_WIDTH, width))
        names = GATED if reads_text else GATED[:3]
        if reads_text:
            self.music_embedder = Mlp(MUSIC_WIDTH, 2 * width, width)
            blocks = zip(AUDIO_CHANNELS[:-1], AUDIO_CHANNELS[1:], AUDIO_STRIDES, strict=True)
            self.audio_encoder = nn.Sequential(*(AudioBlock(*sizes) for sizes in blocks))
            self.audio_embedder = nn.Sequential(nn.LayerNorm(AUDIO_WIDTH), nn.Linear(AUDIO_WIDTH, width))
        gates = {name: nn.Sequential(nn.Linear(width + 1, width), nn.SiLU(), nn.Linear(width, width)) for name in names}
        self.cond_exists_embedder = nn.ModuleDict(gates)
        self.pipeline = _Pipeline(GemDenoiser(width, layers, reads_text=reads_text))

    @property
    def denoiser(self) -> GemDenoiser:
        """The part that runs at every step."""
        return self.pipeline.denoiser()

    def condition(self, inputs: Inputs, *, told: bool = True) -> Tensor:
        """Sum of all embedded conditions.

        Args:
            inputs: of the motion.
            told: whether music and speech are told (genmo.md section 4.7).

        Returns:
            (B, L, D).
        """
        total = self.points(inputs.obs)
        for name, gate in self.cond_exists_embedder.items():
            exists = inputs.exists.get(name)
            if exists is None or (not told and name in AMPLIFIED):
                exists = torch.zeros(inputs.obs.shape[:2])
            flag = exists[..., None].to(total.dtype)
            value = inputs.values.get(name)
            embedded = torch.zeros_like(total) if value is None else self._embed(name, value) * flag
            total = total + gate(torch.cat([embedded, flag], -1))
        return total

    def points(self, obs: Tensor) -> Tensor:
        """Keypoints (B, L, 17, 3) -> (B, L, D); a hidden one has a learned vector instead of a place."""
        seen = self.learned_pos_linear(obs[..., :2])
        values = torch.where(obs[..., 2:] > 0.5, seen, self.learned_pos_params)
        return self.embed_noisyobs(values.flatten(-2))

    def _embed(self, name: str, value: Tensor) -> Tensor:
        if name == "encoded_audio":
            return self.audio_embedder(self.audio_encoder(value[:, None]).transpose(1, 2))
        embedders = {
            "f_cliffcam": self.cliffcam_embedder,
            "f_imgseq": self.imgseq_embedder,
            "f_cam_angvel": self.cam_angvel_embedder,
        }
        if name == "encoded_music":
            return self.music_embedder(value)
        return embedders[name](value)


def _two_layers(inputs: int, width: int) -> nn.Sequential:
    """Linear, SiLU, dropout, linear: the third member keeps the published numbers of the others."""
    return nn.Sequential(nn.Linear(inputs, width), nn.SiLU(), nn.Dropout(0.0), nn.Linear(width, width))
