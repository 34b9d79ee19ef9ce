"""Two small encoders into one space of unit vectors, and the reconstruction that keeps the vectors about motion.

TMR (Petrovich et al. 2023, arXiv 2305.00976) without its variational part: evaluation only ever uses the mean there.
Names of shapes: B samples, T frames, P patches, S text tokens, D width, E embedding.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from genmo.runtime import retrieval_features as features
from genmo.runtime.base_model import BLOCKED
from genmo.training.retrieval.config import RetrievalConfig


def drop_channels(values: Tensor, share: float) -> Tensor:
    """Dropout that hides a channel in all tokens of a sample: (B, N, D) -> (B, N, D).

    A hundredth of the random numbers, which were a twelfth of a training step on a CPU.
    """
    kept = torch.rand(len(values), 1, values.shape[2], device=values.device) >= share
    return values * (kept / (1.0 - share)).to(values.dtype)


class Layer(nn.Module):
    """Self-attention and a GELU MLP, pre-norm residuals."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        """Make a layer of `width` channels."""
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.norm_self, self.norm_mlp = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query_key_value, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.expand, self.shrink = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, h: Tensor, readable: Tensor) -> Tensor:
        """(B, N, D) and (B, 1, 1, N) 0 where a token may be read and BLOCKED elsewhere -> (B, N, D)."""
        batch, tokens, width = h.shape
        parts = self.query_key_value(self.norm_self(h)).reshape(batch, tokens, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4).unbind(0)
        # Written out: the fused call's backward pass is slow in bfloat16 (a third of a step).
        scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2) + readable
        mixed = torch.softmax(scores, -1) @ value
        h = h + self._drop(self.out(mixed.transpose(1, 2).reshape(batch, tokens, width)))
        return h + self._drop(self.shrink(functional.gelu(self.expand(self.norm_mlp(h)), approximate="tanh")))

    def _drop(self, values: Tensor) -> Tensor:
        return drop_channels(values, self.dropout) if self.training else values


class Encoder(nn.Module):
    """Tokens -> one vector, read off a summary token and the mean of the others."""

    def __init__(self, inputs: int, tokens: int, layers: int, config: RetrievalConfig) -> None:
        """Make an encoder for at most `tokens` tokens of `inputs` numbers."""
        super().__init__()
        self.enter = nn.Linear(inputs, config.width)
        self.places = nn.Parameter(torch.randn(1, tokens, config.width) * 0.02)
        self.summary = nn.Parameter(torch.randn(1, 1, config.width) * 0.02)
        self.layers = nn.ModuleList(Layer(config.width, config.heads, config.dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(config.width)
        self.leave = nn.Linear(2 * config.width, config.embedding - config.odd)
        if config.odd:
            self.leave_odd = nn.Linear(2 * config.width, config.odd, bias=False)
        self.dropout = config.dropout

    def forward(self, tokens: Tensor, valid: Tensor, shown: Tensor | None = None) -> Tensor:
        """Read.

        Args:
            tokens: (B, N, inputs).
            valid: (B, N) 1 where there is a token; at least one for each sample.
            shown: (B, K) places of the tokens that are read; None reads all.

        Returns:
            (B, 2 D): the summary, and the mean of the tokens.
        """
        places = self.places[:, : tokens.shape[1]]
        if shown is not None:
            tokens = tokens.gather(1, shown[..., None].expand(-1, -1, tokens.shape[2]))
            places = places.expand(len(tokens), -1, -1).gather(1, shown[..., None].expand(-1, -1, places.shape[2]))
            valid = valid.gather(1, shown)
        h = self.enter(tokens) + places
        if self.training:
            h = drop_channels(h, self.dropout)
        h = torch.cat([self.summary.expand(h.shape[0], -1, -1), h], 1)
        readable = functional.pad((1.0 - valid) * BLOCKED, (1, 0))[:, None, None].to(h.dtype)
        for layer in self.layers:
            h = layer(h, readable)
        h = self.norm(h)
        share = (valid / valid.sum(1, keepdim=True)).to(h.dtype)[:, None]
        return torch.cat([h[:, 0], (share @ h[:, 1:])[:, 0]], 1)

    def joined(self, read: Tensor, mirror: Tensor | None = None) -> Tensor:
        """Unit vectors from what `forward` read.

        Args:
            read: (B, 2 D).
            mirror: the same of the mirror images; needed if the last numbers of the vectors are odd under mirroring.

        Returns:
            (B, E) of length 1.
        """
        if mirror is None:
            return functional.normalize(self.leave(read.float()), dim=-1)
        even, odd = (read + mirror).float() / 2, (read - mirror).float()
        return functional.normalize(torch.cat([self.leave(even), self.leave_odd(odd)], 1), dim=-1)


class RetrievalNetwork(nn.Module):
    """The motion encoder, the text encoder, the sketch of the motion, and the temperature."""

    mean: Tensor
    std: Tensor
    mirror: Tensor

    def __init__(self, config: RetrievalConfig) -> None:
        """Make the network; `mean` and `std` (features,) are set by the run."""
        super().__init__()
        self.config = config
        patches = config.frames // config.patch
        self.motion_encoder = Encoder(config.features * config.patch, patches, config.motion_layers, config)
        self.text_encoder = Encoder(config.text_width, config.text_tokens, config.text_layers, config)
        sketch = config.segments * config.features
        self.sketch = nn.Sequential(nn.Linear(config.embedding, 256), nn.GELU(), nn.Linear(256, sketch))
        self.log_scale = nn.Parameter(torch.tensor(1.0 / config.temperature).log(), config.learn_temperature)
        self.register_buffer("mean", torch.zeros(config.features))
        self.register_buffer("std", torch.ones(config.features))
        matrix = torch.from_numpy(features.mirrored(np.eye(config.features))).float()
        self.register_buffer("mirror", matrix, persistent=False)

    def motion(self, motions: Tensor, valid: Tensor) -> Tensor:
        """Embed motions.

        Args:
            motions: (B, T, features), T a multiple of `config.patch`, not normalised.
            valid: (B, T) 1 inside the motion, which begins at frame 0.

        Returns:
            (B, E) of length 1.
        """
        inside = valid[:, :: self.config.patch]
        read = self.motion_encoder(self.patches(self.normalised(motions, valid)), inside)
        if not self.config.odd:
            return self.motion_encoder.joined(read)
        mirror = self.motion_encoder(self.patches(self.normalised(motions @ self.mirror, valid)), inside)
        return self.motion_encoder.joined(read, mirror)

    def normalised(self, motions: Tensor, valid: Tensor) -> Tensor:
        """(B, T, features) in deviations from the mean, 0 outside the motion."""
        return (motions - self.mean) * (valid[..., None] / self.std)

    def patches(self, normal: Tensor) -> Tensor:
        """Motion tokens: (B, T, features) -> (B, T / patch, patch features)."""
        return normal.reshape(normal.shape[0], -1, self.config.patch * normal.shape[-1])

    def text(self, tokens: Tensor, valid: Tensor, mirror: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """Embed texts.

        Args:
            tokens: (B, S, text_width) of the shipped text encoder.
            valid: (B, S) 1 where there is a token.
            mirror: both of the texts with the sides exchanged; needed if the configuration has odd numbers.

        Returns:
            (B, E) of length 1.
        """
        read = self.text_encoder(tokens, valid)
        if not self.config.odd:
            return self.text_encoder.joined(read)
        assert mirror is not None, "a text needs its mirror image"
        return self.text_encoder.joined(read, self.text_encoder(*mirror))

    def flipped(self, vectors: Tensor) -> Tensor:
        """Vectors (B, E) of the mirror images of what these are vectors of."""
        even = self.config.embedding - self.config.odd
        return torch.cat([vectors[:, :even], -vectors[:, even:]], 1)

    def sketched(self, vectors: Tensor) -> Tensor:
        """(B, E) -> (B, segments, features): mean normalised features of equal parts of the motion, from its vector."""
        return self.sketch(vectors).reshape(len(vectors), self.config.segments, -1)

    def segments(self, normal: Tensor, valid: Tensor) -> Tensor:
        """What `sketched` should give, from `normalised` features: (B, T, features) -> (B, segments, features)."""
        count = self.config.segments
        place = torch.arange(normal.shape[1], device=normal.device) * count
        part = (place / valid.sum(1, keepdim=True)).long().clamp(max=count - 1)  # (B, T)
        share = functional.one_hot(part, count).float() * valid[..., None]
        share = share / share.sum(1, keepdim=True).clamp_min(1.0)
        return share.transpose(1, 2) @ normal


def contrast(scores: Tensor, allowed: Tensor) -> Tensor:
    """Symmetric InfoNCE (van den Oord et al. 2018, arXiv 1807.03748) with filtered negatives (TMR section 3.2).

    Args:
        scores: (B, B) similarities of text i and motion j, divided by the temperature; the diagonal is the truth.
        allowed: (B, B) True where motion j may be a negative of text i.

    Returns:
        The mean of both directions.
    """
    count = len(scores)
    keep = allowed | torch.eye(count, dtype=torch.bool, device=scores.device)
    filtered = scores.masked_fill(~keep, float("-inf"))
    truth = torch.arange(count, device=scores.device)
    return (functional.cross_entropy(filtered, truth) + functional.cross_entropy(filtered.T, truth)) / 2
