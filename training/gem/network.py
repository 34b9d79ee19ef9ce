"""The published denoiser, layer by layer and name by name (genmo.md section 5), so that its weights load as they are.

Names of shapes: B samples, L frames, D width, H heads, C = D / H, N texts of S tokens.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from genmo.runtime.gem.layout import LAYOUT, MOTION

HEADS = 8
TABLE_ROWS = 5000
WINDOW = 120
"""Frames that a frame sees, all of them in shorter motions."""
TOKENS = 50
TEXT_WIDTH = 1024
IMAGE_WIDTH = 1024
CAMERA_MEAN, CAMERA_STD = (1.0606, -0.0027, 0.2702), (0.1784, 0.0956, 0.0764)
LEAST_SCALE = 0.25


@dataclass(frozen=True, slots=True)
class Texts:
    """Prompts of one motion.

    Attributes:
        tokens: (N, S, 1024) of the text encoder, padded by zeros.
        windows: (N, L) weight of each prompt on each frame, 1 inside its range.
    """

    tokens: Tensor
    windows: Tensor


def position_table(rows: int, width: int) -> Tensor:
    """Sines and cosines (rows, 1, width), computed in float32 as published: late rows differ from exact ones."""
    rates = torch.exp(torch.arange(0, width, 2).float() * (-math.log(10000.0) / width))
    angles = torch.arange(rows).float()[:, None] * rates
    table = torch.zeros(rows, width)
    table[:, 0::2], table[:, 1::2] = torch.sin(angles), torch.cos(angles)
    return table[:, None]


class Positions(nn.Module):
    """A fixed table of positions."""

    pe: Tensor

    def __init__(self, width: int) -> None:
        """Make the table; it is also in the published files, and skipped there."""
        super().__init__()
        self.register_buffer("pe", position_table(TABLE_ROWS, width), persistent=False)


class Mlp(nn.Module):
    """Linear, GELU, linear."""

    def __init__(self, width: int, inner: int, out: int, *, approximate: str = "none") -> None:
        """Make the layers; `approximate` is "tanh" inside the blocks."""
        super().__init__()
        self.fc1, self.fc2, self._approximate = nn.Linear(width, inner), nn.Linear(inner, out), approximate

    def forward(self, x: Tensor) -> Tensor:
        """(..., width) -> (..., out)."""
        return self.fc2(functional.gelu(self.fc1(x), approximate=self._approximate))


def rotary(frames: int, channels: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines (L, C / 2) of the angles p 10000^(-2j / C)."""
    rates = 1.0 / (10000.0 ** (torch.arange(0, channels, 2).float() / channels))
    angles = torch.arange(frames).float()[:, None] * rates
    return angles.cos(), angles.sin()


def turned(values: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Rotary positions on (..., L, C); neighbouring channels form the pairs."""
    first, second = values[..., 0::2], values[..., 1::2]
    return torch.stack([first * cosine - second * sine, second * cosine + first * sine], -1).flatten(-2)


def band(frames: int) -> Tensor:
    """Who sees whom (L, L): each frame a window of 120 around it, moved inwards at the ends (genmo.md section 5.1)."""
    start = (torch.arange(frames) - WINDOW // 2).clamp(0, max(frames - WINDOW, 0))[:, None]
    keys = torch.arange(frames)[None]
    return (keys >= start) & (keys < start + WINDOW)


class Attention(nn.Module):
    """Self-attention with rotary positions."""

    def __init__(self, width: int) -> None:
        """Make the projections."""
        super().__init__()
        self.query, self.key, self.value, self.proj = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x: Tensor, seen: Tensor) -> Tensor:
        """(B, L, D) -> (B, L, D); `seen` (B or 1, 1, L, L) is true where a frame sees another."""
        batch, frames, width = x.shape

        def split(values: Tensor) -> Tensor:
            return values.view(batch, frames, HEADS, width // HEADS).transpose(1, 2)

        angles = rotary(frames, width // HEADS)
        query, key = turned(split(self.query(x)), *angles), turned(split(self.key(x)), *angles)
        scores = query @ key.transpose(-1, -2) / math.sqrt(width // HEADS)
        weights = torch.softmax(scores.masked_fill(~seen, -math.inf), -1)
        return self.proj((weights @ split(self.value(x))).transpose(1, 2).reshape(batch, frames, width))


class Block(nn.Module):
    """Gated self-attention and MLP."""

    def __init__(self, width: int) -> None:
        """Make the block."""
        super().__init__()
        self.gate_msa, self.gate_mlp = (nn.Parameter(torch.zeros(1, 1, width)) for _ in range(2))
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.attn, self.mlp = Attention(width), Mlp(width, 4 * width, width, approximate="tanh")

    def forward(self, h: Tensor, seen: Tensor) -> Tensor:
        """(B, L, D) -> (B, L, D)."""
        h = h + self.gate_msa * self.attn(self.norm1(h), seen)
        return h + self.gate_mlp * self.mlp(self.norm2(h))


class TextAttention(nn.Module):
    """Attention to tokens, with the packed projections of torch's own layer."""

    def __init__(self, width: int) -> None:
        """Make the projections."""
        super().__init__()
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.empty(3 * width))
        self.out_proj = nn.Linear(width, width)
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.zeros_(self.in_proj_bias)

    def forward(self, x: Tensor, text: Tensor) -> Tensor:
        """(B, L, D) reads (B, S, D); all tokens are read, padding too."""
        width = x.shape[-1]
        weights, biases = self.in_proj_weight.chunk(3), self.in_proj_bias.chunk(3)

        def split(values: Tensor, part: int) -> Tensor:
            projected = functional.linear(values, weights[part], biases[part])
            return projected.unflatten(-1, (HEADS, width // HEADS)).transpose(1, 2)

        scores = split(x, 0) @ split(text, 1).transpose(-1, -2) / math.sqrt(width // HEADS)
        mixed = torch.softmax(scores, -1) @ split(text, 2)
        return self.out_proj(mixed.transpose(1, 2).flatten(-2))


class TextBlock(nn.Module):
    """Gated attention to the texts, each on its own frames, and MLP."""

    def __init__(self, width: int) -> None:
        """Make the block."""
        super().__init__()
        self.gate_cross_attn, self.gate_mlp = (nn.Parameter(torch.zeros(1, 1, width)) for _ in range(2))
        self.norm2, self.norm3 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.cross_attn, self.mlp = TextAttention(width), Mlp(width, 4 * width, width, approximate="tanh")

    def forward(self, h: Tensor, text: Tensor, windows: Tensor | None) -> Tensor:
        """(B, L, D) -> (B, L, D).

        Args:
            h: of the frames.
            text: (B, S, D), or (N, S, D) with windows, for one sample.
            windows: (N, L): outside its window a text adds nothing, not even a bias; what overlaps is added.
        """
        x = self.norm2(h)
        if windows is None:
            read = self.cross_attn(x, text)
        else:
            each = self.cross_attn(x.expand(len(text), -1, -1), text)  # (N, L, D)
            read = (each * windows[..., None]).sum(0, keepdim=True)
        h = h + self.gate_cross_attn * read
        return h + self.gate_mlp * self.mlp(self.norm3(h))


class TimeEmbedding(nn.Module):
    """A diffusion step as a vector."""

    def __init__(self, width: int) -> None:
        """Make the layers."""
        super().__init__()
        self.sequence_pos_encoder = Positions(width)
        self.time_embed = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, step: Tensor) -> Tensor:
        """(B,) -> (B, 1, D)."""
        return self.time_embed(self.sequence_pos_encoder.pe[step])


class GemDenoiser(nn.Module):
    """Noisy motion, step, condition and texts -> clean motion, scale and shift in the box, contact logits."""

    def __init__(self, width: int, layers: int, *, reads_text: bool) -> None:
        """Make the network; without text it is the published regression model."""
        super().__init__()
        self.width, self.reads_text = width, reads_text
        self.sequence_pos_encoder, self.embed_timestep = Positions(width), TimeEmbedding(width)
        self.add_cond_linear = nn.Linear(width + MOTION.width, width)
        self.blocks = nn.ModuleList(Block(width) for _ in range(layers))
        if reads_text:
            self.embed_text = nn.Linear(TEXT_WIDTH, width)
            self.text_encoder_layers = nn.ModuleList(TextBlock(width) for _ in range(layers))
        self.final_layer = Mlp(width, width, MOTION.width)
        self.pred_cam_head, self.static_conf_head = Mlp(width, width, 3), Mlp(width, width, 6)

    def forward(
        self, x: Tensor, step: Tensor, condition: Tensor, text: Tensor | Texts | None, length: Tensor | None = None
    ) -> Tensor:
        """Estimate the clean motion.

        Args:
            x: (B, L, 151) noisy, normalised.
            step: (B,) diffusion step 0..999.
            condition: (B, L, D).
            text: (B, S, 1024), or the texts of a timeline for one sample.
            length: (B,) frames that exist, or None for all.

        Returns:
            (B, L, 160): motion, camera head, contact logits (`runtime.gem.layout.LAYOUT`), and nothing is masked.
        """
        batch, frames, _ = x.shape
        valid = torch.ones(batch, frames, dtype=torch.bool)
        if length is not None:
            valid = torch.arange(frames)[None] < length[:, None]
        seen = (band(frames)[None] & valid[:, None])[:, None]
        h = self.add_cond_linear(torch.cat([condition + self.embed_timestep(step), x], -1))
        tokens, windows = self._tokens(text)
        for index, block in enumerate(self.blocks):
            if self.reads_text:
                h = self.text_encoder_layers[index](h, tokens, windows)
            h = block(h, seen)
        return self._heads(h, valid)

    def _tokens(self, text: Tensor | Texts | None) -> tuple[Tensor | None, Tensor | None]:
        if not self.reads_text or text is None:
            return None, None
        tokens, windows = (text.tokens, text.windows) if isinstance(text, Texts) else (text, None)
        places = self.sequence_pos_encoder.pe[: tokens.shape[1], 0]
        return self.embed_text(tokens) + places, windows

    def _heads(self, h: Tensor, valid: Tensor) -> Tensor:
        motion = self.final_layer(h)
        shape = motion[..., MOTION["betas"]]
        weight = valid[..., None].to(h.dtype)
        mean = ((shape * weight).sum(1, keepdim=True) / weight.sum(1, keepdim=True)).expand_as(shape)
        at = MOTION["betas"]
        camera = self.pred_cam_head(h) * torch.tensor(CAMERA_STD) + torch.tensor(CAMERA_MEAN)
        camera = torch.cat([camera[..., :1].clamp_min(LEAST_SCALE), camera[..., 1:]], -1)
        out = [motion[..., : at.start], mean, motion[..., at.stop :], camera, self.static_conf_head(h)]
        result = torch.cat(out, -1)
        assert result.shape[-1] == LAYOUT.width
        return result
