"""The denoiser: one token a frame, conditions added, text by cross-attention in every second layer.

The published family (genmo.md section 5) at a size that a CPU trains and runs: pre-norm transformer, rotary
positions, attention within a band of frames, x0-prediction. Names of shapes: B samples, T frames, S text tokens,
D width, H heads, C = D / H.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from genmo.runtime.base_model import BLOCKED
from genmo.runtime.conditioning import CONDITIONS
from genmo.runtime.cues import CUES
from genmo.runtime.features import LAYOUT, POSE
from genmo.training.config import NetworkConfig
from genmo.training.lifter import OUTPUTS, Lifter, lifter_inputs
from genmo.training.outline import Outline, outline_span

BLOCK = 64
"""Frames of an attention block in the exported graph; the band must not be wider."""
OUTLINE_STEP = 950.0
OUTLINE_SLOPE = 10.0
"""Step of the schedule at which the coarse network's own estimate is worth as much as the outline, and how sharp the
change is: at 950 a pattern of a second's length begins to show through the noise."""


def rotate_pairs(values: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Rotary positions on (B, H, T, C): halves of the channels form the pairs."""
    first, second = values.chunk(2, -1)
    return torch.cat([first * cosine - second * sine, first * sine + second * cosine], -1)


def attend(query: Tensor, key: Tensor, value: Tensor, bias: Tensor) -> Tensor:
    """Softmax attention with an additive bias, (B, H, T, C).

    On a GPU by torch's fused call, whose kernels want rows of the mask that begin at multiples of 16 bytes: those of
    frames do, those of tokens do not. Written out elsewhere: on a CPU that is 1.4 times faster.
    """
    if query.is_cuda and bias.shape[-1] % 8 == 0:
        return functional.scaled_dot_product_attention(query, key, value, attn_mask=bias.to(query.dtype))
    scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
    return torch.softmax(scores.float() + bias, -1).to(value.dtype) @ value


def attend_banded(query: Tensor, key: Tensor, value: Tensor, bias: Tensor) -> Tensor:
    """The same for a band: each block of frames sees itself and both neighbours, so cost is linear in T.

    Args:
        query: (B, H, T, C) with T a multiple of the block.
        key: the same.
        value: the same.
        bias: (1, 1, T / BLOCK, BLOCK, 3 BLOCK), `band_bias_blocks` of the runtime; with a stride, of every stride-th.

    Returns:
        (B, H, T, C).
    """
    batch, heads, _, channels = query.shape
    size = bias.shape[-2]
    blocks = query.reshape(batch, heads, -1, size, channels)

    def neighbours(values: Tensor) -> Tensor:
        padded = functional.pad(values, (0, 0, size, size)).reshape(batch, heads, -1, size, channels)
        return torch.cat([padded[:, :, :-2], padded[:, :, 1:-1], padded[:, :, 2:]], 3)

    scores = (blocks * channels**-0.5) @ neighbours(key).transpose(-1, -2)
    mixed = torch.softmax(scores.float() + bias, -1).to(value.dtype) @ neighbours(value)
    return mixed.reshape(batch, heads, -1, channels)


class Layer(nn.Module):
    """Self-attention, in every second layer attention to the text, then a GELU MLP; all pre-norm residuals."""

    def __init__(self, width: int, heads: int, *, reads_text: bool) -> None:
        """Make a layer of `width` channels and `heads` heads."""
        super().__init__()
        self.width, self.heads, self.reads_text = width, heads, reads_text
        self.norm_self, self.norm_mlp = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query_key_value, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.expand, self.shrink = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        if reads_text:
            self.norm_text = nn.LayerNorm(width)
            self.text_query, self.text_key_value = nn.Linear(width, width), nn.Linear(width, 2 * width)
            self.text_out = nn.Linear(width, width)

    def _split(self, values: Tensor, parts: int) -> tuple[Tensor, ...]:
        """(B, T, parts D) -> parts of (B, H, T, C)."""
        shape = (values.shape[0], values.shape[1], parts, self.heads, self.width // self.heads)
        return values.reshape(shape).permute(2, 0, 3, 1, 4).unbind(0)

    def _join(self, values: Tensor) -> Tensor:
        """(B, H, T, C) -> (B, T, D)."""
        return values.transpose(1, 2).flatten(-2)

    def forward(
        self, h: Tensor, rotary: tuple[Tensor, Tensor], bias: Tensor, text: Tensor, text_bias: Tensor
    ) -> Tensor:
        """One layer.

        Args:
            h: (B, T, D).
            rotary: cosine and sine, (T, C / 2) each.
            bias: (1 or B, 1, T, T) or the blocked form of `attend_banded`.
            text: (B, S, D).
            text_bias: (B, 1, T, S).

        Returns:
            (B, T, D).
        """
        query, key, value = self._split(self.query_key_value(self.norm_self(h)), 3)
        function = attend if bias.dim() == 4 else attend_banded
        h = h + self.out(self._join(function(rotate_pairs(query, *rotary), rotate_pairs(key, *rotary), value, bias)))
        if self.reads_text:
            (query,) = self._split(self.text_query(self.norm_text(h)), 1)
            key, value = self._split(self.text_key_value(text), 2)
            h = h + self.text_out(self._join(attend(query, key, value, text_bias)))
        return h + self.shrink(functional.gelu(self.expand(self.norm_mlp(h)), approximate="tanh"))


class Trunk(nn.Module):
    """All layers and the last norm: the part that trains in bfloat16."""

    def __init__(self, config: NetworkConfig) -> None:
        """Make the layers."""
        super().__init__()
        self.layers = nn.ModuleList(
            Layer(config.width, config.heads, reads_text=index % 2 == 1) for index in range(config.layers)
        )
        self.norm = nn.LayerNorm(config.width)

    def forward(self, h: Tensor, cosine: Tensor, sine: Tensor, bias: Tensor, text: Tensor, text_bias: Tensor) -> Tensor:
        """(B, T, D) -> (B, T, D); arguments as in `Layer.forward`."""
        for layer in self.layers:
            h = layer(h, (cosine, sine), bias, text, text_bias)
        return self.norm(h)


class Denoiser(nn.Module):
    """Noisy features, step, conditions and text -> estimate of the clean features, all normalised.

    Key poses take a short way round the layers: where a rotation or height is known, the interpolated value is the
    base and the layers add what differs from it. Without this, keys are missed by ten times as much. On filmed frames
    the base is what the lifter makes of each frame alone; it was trained before and stays as it is.

    With a stride it is the network of the noisy steps: that many frames share a token, and it reads and follows the
    outline of its sentence, another part that was trained before.
    """

    time_rates: Tensor
    rotary_rates: Tensor

    def __init__(self, config: NetworkConfig) -> None:
        """Make the network."""
        super().__init__()
        self.config = config
        width, channels = config.width, config.width // config.heads
        self.enter = nn.Linear(config.features + config.conditions, width)
        self.enter_mlp = nn.Sequential(nn.GELU(approximate="tanh"), nn.Linear(width, width))
        self.time = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.text = nn.Linear(config.text_width, width)
        self.no_text = nn.Parameter(torch.randn(1, 1, width) * 0.02)
        self.sentence = nn.Sequential(nn.Linear(config.text_width, width), nn.SiLU(), nn.Linear(width, width))
        self.lifter = Lifter(config.lifter_width).requires_grad_(False)
        self.lifted = nn.Linear(OUTPUTS, width)
        self.trunk = Trunk(config)
        if config.stride > 1:
            self.fold, self.unfold = nn.Linear(config.stride * width, width), nn.Linear(width, config.stride * width)
            self.pass_by = nn.Linear(width, width)
            self.outline = Outline(config.text_width).requires_grad_(False)
            self.outlined = nn.Linear(config.features, width)
        self.leave = nn.Linear(width, config.features)
        self.keep = nn.Linear(width, config.features)
        half = torch.arange(width // 2) / (width // 2)
        self.register_buffer("time_rates", torch.exp(-math.log(1e4) * half), persistent=False)
        rates = 10000.0 ** (-torch.arange(channels // 2) / (channels / 2))
        self.register_buffer("rotary_rates", rates, persistent=False)
        self.trunk_type = torch.float32
        self.run_trunk: Callable[..., Tensor] = self.trunk.forward  # replaced by its compiled form while training
        self._initialise(config)

    def fixed_parts(self) -> dict[str, nn.Module]:
        """Parts that were trained on their own and stay as they are, by name."""
        parts: dict[str, nn.Module] = {"lifter": self.lifter}
        if self.config.stride > 1:
            parts["outline"] = self.outline
        return parts

    def _initialise(self, config: NetworkConfig) -> None:
        for module in self.modules():
            if isinstance(module, Layer):
                outputs = [module.out, module.shrink, *([module.text_out] if module.reads_text else [])]
                for linear in outputs:
                    nn.init.normal_(linear.weight, std=0.5 / math.sqrt(config.width * config.layers))
                    nn.init.zeros_(linear.bias)
        last = self.sentence[-1]
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        nn.init.zeros_(self.lifted.weight)
        nn.init.zeros_(self.lifted.bias)
        nn.init.normal_(self.leave.weight, std=0.02)
        nn.init.zeros_(self.leave.bias)
        nn.init.zeros_(self.keep.weight)
        nn.init.zeros_(self.keep.bias)
        if config.stride > 1:  # a token begins as the mean of its frames, and tells each of them the same
            same = torch.eye(config.width)
            self.fold.weight.data = same.repeat(1, config.stride) / config.stride
            self.unfold.weight.data = same.repeat(config.stride, 1)
            for linear in (self.pass_by, self.outlined):
                nn.init.zeros_(linear.weight)
            for linear in (self.fold, self.unfold, self.pass_by, self.outlined):
                nn.init.zeros_(linear.bias)

    def forward(
        self, x: Tensor, step: Tensor, conditions: Tensor, text: Tensor, text_bias: Tensor, band_bias: Tensor
    ) -> Tensor:
        """Estimate the clean features.

        Args:
            x: (B, T, F) noisy features.
            step: (B,) diffusion step 0..999.
            conditions: (B, T, K) of `conditioning.condition_channels`.
            text: (B, S, 384) token embeddings of all prompts, one after the other.
            text_bias: (B, T, S), 0 where a frame may read a token, BLOCKED elsewhere.
            band_bias: (1 or B, 1, T, T) or (1, 1, T / BLOCK, BLOCK, 3 BLOCK).

        Returns:
            (B, T, F).
        """
        angles = step[:, None].float() * self.time_rates
        time = self.time(torch.cat([angles.sin(), angles.cos()], -1))  # (B, D)
        h = self.enter(torch.cat([x, conditions], -1))  # (B, T, D)
        lifted = self._lift(conditions)
        said, reads = _mean_token(text, text_bias)
        h = h + self.enter_mlp(h) + time[:, None] + self.sentence(said) * reads + self.lifted(lifted)
        outlined = self._outlined(said, reads, conditions) if self.config.stride > 1 else x
        if self.config.stride > 1:
            h = h + self.outlined(outlined)
        tokens = torch.cat([self.no_text.expand(text.shape[0], -1, -1), self.text(text)], 1)  # (B, 1 + S, D)
        # Every frame may read the "no text" token, so a frame without a prompt has something to attend to.
        text_bias = functional.pad(text_bias, (1, 0))[:, None]  # (B, 1, T, 1 + S)
        stride = self.config.stride
        positions = torch.arange(0, x.shape[1], stride, device=x.device)[:, None] * self.rotary_rates
        inputs = [value.to(self.trunk_type) for value in (self._folded(h), positions.cos(), positions.sin())]
        bias, text_bias = band_bias[..., ::stride, ::stride], text_bias[:, :, ::stride]
        tokens = self.run_trunk(*inputs, bias, tokens.to(self.trunk_type), text_bias)
        # The less noise, the more of what entered may stay: fine detail does not survive the way through the layers.
        kept = self.keep(time)[:, None] * x
        estimate = self.leave(self._unfolded(tokens.float(), h)) + self._base(conditions, lifted) + kept
        if stride == 1:
            return estimate
        return estimate + self._trust_in_outline(step, reads, conditions) * (outlined - estimate)

    def _folded(self, h: Tensor) -> Tensor:
        """(B, T, D) -> (B, T / stride, D): neighbouring frames in one token."""
        if self.config.stride == 1:
            return h
        return self.fold(h.unflatten(1, (-1, self.config.stride)).flatten(2))

    def _unfolded(self, tokens: Tensor, h: Tensor) -> Tensor:
        """(B, T / stride, D) -> (B, T, D); what entered, `h`, goes by, so that frames of a token can differ."""
        if self.config.stride == 1:
            return tokens
        return self.unfold(tokens).unflatten(2, (self.config.stride, -1)).flatten(1, 2) + self.pass_by(h)

    def _outlined(self, said: Tensor, reads: Tensor, conditions: Tensor) -> Tensor:
        """(B, T, F): what people do on the whole at this moment of such a sentence, 0 without one; once a token."""
        stride = self.config.stride
        said, reads, conditions = said[:, ::stride], reads[:, ::stride], conditions[:, ::stride]
        outlined = self.outline(said, outline_span(conditions[..., -CUES.width :])) * reads
        return outlined.repeat_interleave(stride, 1)

    def _trust_in_outline(self, step: Tensor, reads: Tensor, conditions: Tensor) -> Tensor:
        """(B, T, F) 0..1: nearly 1 at the noisiest steps, where x tells nothing yet.

        Only for the body, and only where a sentence with a known start is all that is told.
        """
        noisy = torch.sigmoid((step.float() - OUTLINE_STEP) / OUTLINE_SLOPE)[:, None, None]
        cues = conditions[..., -CUES.width :]
        posed = conditions[..., CONDITIONS["pose_weight"]].amax(-1, keepdim=True)
        free = (1.0 - posed) * (1.0 - cues[..., CUES["view"]][..., 1:2]) * outline_span(cues)[..., :1]
        body = torch.ones(self.config.features, device=step.device)
        body[LAYOUT["root_velocity"]] = 0.0
        body[LAYOUT["heading"]] = 0.0
        return noisy * free * reads * body

    def _lift(self, conditions: Tensor) -> Tensor:
        """(B, T, OUTPUTS): pose and heading by the lifter on frames that show the person, 0 elsewhere."""
        cues = conditions[..., -CUES.width :]
        seen = cues[..., CUES["view"]][..., :1]
        if not self.training or cues.device.type != "cpu":
            return self.lifter(lifter_inputs(cues)) * seen
        # Few samples of a batch are filmed, and on a CPU the others need not wait for the lifter; a GPU would lose more
        # by counting them.
        filmed = seen.amax((1, 2)) > 0
        lifted = torch.zeros(*cues.shape[:2], OUTPUTS, device=cues.device)
        lifted[filmed] = self.lifter(lifter_inputs(cues[filmed])) * seen[filmed]
        return lifted

    def _base(self, conditions: Tensor, lifted: Tensor) -> Tensor:
        """(B, T, F): keys where there are any, else lifted frames, else 0; the keys' values carry their weight."""
        free = 1.0 - conditions[..., CONDITIONS["pose_weight"]].repeat_interleave(6, -1)
        pose = conditions[..., CONDITIONS["pose"]] + free * lifted[..., : POSE.stop]
        height = conditions[..., CONDITIONS["height"]][..., :1]
        between = LAYOUT["heading"].start - LAYOUT["root_height"].stop
        after = self.config.features - LAYOUT["heading"].stop
        parts = [pose, height, functional.pad(lifted[..., POSE.stop :], (between, after))]
        return torch.cat(parts, -1)


def _mean_token(text: Tensor, text_bias: Tensor) -> tuple[Tensor, Tensor]:
    """The mean of the tokens that each frame reads, the encoder's own sentence embedding, and whether there are any.

    Attention alone learns slowly which of many tokens says what to do; the mean says it to every frame at once.

    Returns:
        (B, T, text_width) and (B, T, 1).
    """
    reads = (text_bias > 0.5 * BLOCKED).to(text.dtype)  # (B, T, S)
    count = reads.sum(-1, keepdim=True)
    return (reads @ text) / count.clamp_min(1.0), (count > 0).to(text.dtype)


def band_bias(frames: int, band: int, valid: Tensor | None = None) -> Tensor:
    """Dense band mask for training.

    Args:
        frames: T.
        band: frames seen to each side.
        valid: (B, T) 1 for frames that exist, or None.

    Returns:
        (1 or B, 1, T, T), 0 or BLOCKED.
    """
    index = torch.arange(frames, device=None if valid is None else valid.device)
    blocked = (index[:, None] - index[None]).abs() > band
    bias = torch.where(blocked, BLOCKED, 0.0)[None, None]
    return bias if valid is None else bias + (1.0 - valid[:, None, None]) * BLOCKED
