"""The published network as ONNX graphs: the conditions once a request, the denoiser at every step.

Both are one sample of T frames; T is a multiple of BLOCK, frames beyond the motion are blocked out by the inputs.
Attention works on blocks of frames, each against the frames that its inputs name, so time and memory grow with T and
nothing is as large as T x T. Texts are attended to by the blocks that they touch.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from genmo.runtime.gem.inputs import BLOCK, KEYS, STEPS
from genmo.runtime.gem.layout import LAYOUT, MOTION
from genmo.tools.onnx_graph import Graph, Precision

Weights = Mapping[str, NDArray[np.float32]]

HEADS: Final = 8
TOKENS: Final = 50
DENOISER: Final = "pipeline.denoiser3d.denoiser."
GATED: Final = {"f_cliffcam": 3, "f_imgseq": 1024, "f_cam_angvel": 6, "encoded_music": 35, "encoded_audio": 128}
"""Conditions behind an existence flag, with their widths; the last two are what guidance amplifies."""
_CAMERA: Final = (np.array([0.1784, 0.0956, 0.0764]), np.array([1.0606, -0.0027, 0.2702]))
_LEAST_SCALE: Final = 0.25
AUDIO_STRIDES: Final = (5, 6, 1, 5, 1, 4)


class _Part:
    """A graph under construction and the weights it takes."""

    def __init__(self, graph: Graph, weights: Weights, prefix: str = "") -> None:
        self.graph, self._weights, self._prefix = graph, weights, prefix

    def weight(self, name: str) -> NDArray[np.float32]:
        return self._weights[self._prefix + name]

    def linear(self, x: str, name: str, scale: NDArray[Any] | float = 1.0) -> str:
        """A published linear layer whose results are scaled by `scale` (out,)."""
        weight, bias = self.weight(f"{name}.weight"), self.weight(f"{name}.bias")
        factor = np.broadcast_to(np.asarray(scale, np.float32), bias.shape)
        return self.graph.linear(x, self._prefix + name, weight * factor[:, None], bias * factor)

    def mlp(self, x: str, name: str, *, approximate: str = "none", scale: NDArray[Any] | float = 1.0) -> str:
        inner = self.graph.node("Gelu", self.linear(x, f"{name}.fc1"), approximate=approximate)
        return self.linear(inner, f"{name}.fc2", scale)

    def norm(self, x: str, name: str, epsilon: float = 1e-6) -> str:
        return self.graph.normalise(x, self._prefix + name, self.weight(f"{name}.weight"),
                                    self.weight(f"{name}.bias"), epsilon)  # fmt: skip

    def two_layers(self, x: str, name: str, last: int) -> str:
        return self.linear(self.graph.silu(self.linear(x, f"{name}.0")), f"{name}.{last}")


def write_conditions(weights: Weights, path: Path, precision: Precision = "fp32") -> list[Path]:
    """Write the graph of the conditions.

    Inputs: obs (T, 17, 3), each condition of GATED under its name (T, width), exists (T, conditions).
    Outputs: told and untold (T, D), the sums with and without music and speech.
    """
    graph = Graph("conditions", precision)
    part = _Part(graph, weights)
    names = [name for name in GATED if f"cond_exists_embedder.{name}.0.weight" in weights]
    common = _points(part, graph.input("obs", "frames", 17, 3))
    values = {name: graph.input(name, "frames", GATED[name]) for name in names}
    flags = graph.input("exists", "frames", len(names))
    amplified: list[tuple[str, str]] = []
    for column, name in enumerate(names):
        flag = graph.node("Gather", flags, graph.integers(column), axis=1)
        embedded = graph.node("Mul", _embedded(part, name, values[name]), flag)
        told = part.two_layers(graph.node("Concat", embedded, flag, axis=-1), f"cond_exists_embedder.{name}", 2)
        if name not in ("encoded_music", "encoded_audio"):
            common = graph.node("Add", common, told)
            continue
        nothing = graph.node("Mul", graph.node("Concat", embedded, flag, axis=-1), graph.number(0.0))
        amplified.append((told, part.two_layers(nothing, f"cond_exists_embedder.{name}", 2)))
    told, untold = common, common
    for with_it, without in amplified:
        told, untold = graph.node("Add", told, with_it), graph.node("Add", untold, without)
    width = len(weights[f"{DENOISER}add_cond_linear.bias"])
    graph.output(told, "told", "frames", width)
    graph.output(untold, "untold", "frames", width)
    return graph.save(path)


def _points(part: _Part, obs: str) -> str:
    """Keypoints: a place, or where one is hidden a learned vector."""
    graph = part.graph
    place = graph.node("Slice", obs, graph.integers(0), graph.integers(2), graph.integers(2))
    seen = graph.node("Slice", obs, graph.integers(2), graph.integers(3), graph.integers(2))
    shown = graph.node("Greater", seen, graph.number(0.5))
    hidden = graph.floats("learned_pos_params", part.weight("learned_pos_params"))
    values = graph.node("Where", shown, part.linear(place, "learned_pos_linear"), hidden)
    return part.mlp(graph.reshape(values, 0, -1), "embed_noisyobs")


def _embedded(part: _Part, name: str, value: str) -> str:
    match name:
        case "f_cliffcam":
            return part.two_layers(value, "cliffcam_embedder", 3)
        case "f_cam_angvel":
            return part.two_layers(value, "cam_angvel_embedder", 3)
        case "f_imgseq":
            return part.linear(part.norm(value, "imgseq_embedder.0", 1e-5), "imgseq_embedder.1")
        case "encoded_audio":
            return part.linear(part.norm(value, "audio_embedder.0", 1e-5), "audio_embedder.1")
        case _:
            return part.mlp(value, "music_embedder")


def write_denoiser(
    weights: Weights, table: NDArray[np.float32], path: Path, precision: Precision = "fp32", data: Path | None = None
) -> list[Path]:
    """Write the graph of the denoiser; inputs as `runtime.gem.inputs` makes them, output clean (T, 160).

    Args:
        weights: under their published names.
        table: (rows, D) of time and token positions.
        path: file to write.
        precision: of the large matrices.
        data: file for the weights beside it, None to keep them inside.

    Returns:
        The files.
    """
    graph = Graph("denoiser", precision, data)
    part = _Denoiser(graph, weights, table)
    part.build()
    return graph.save(path)


class _Denoiser(_Part):
    """Shapes: T frames, B blocks, K keys a block, N texts of S tokens, M texts a block, H heads of C, D = H C."""

    def __init__(self, graph: Graph, weights: Weights, table: NDArray[np.float32]) -> None:
        super().__init__(graph, weights, DENOISER)
        self._table = table
        self._width = len(self.weight("add_cond_linear.bias"))
        self._channels = self._width // HEADS
        self._reads_text = f"{DENOISER}embed_text.weight" in weights
        # Halves of a head's channels form the rotary pairs here, neighbours do in the published order.
        pairs = np.arange(self._width).reshape(HEADS, self._channels // 2, 2)
        self._order = pairs.transpose(0, 2, 1).reshape(-1)

    def build(self) -> None:
        graph = self.graph
        x = graph.input("x", "frames", MOTION.width)
        step = graph.input("step", 1, integer=True)
        condition = graph.input("condition", "frames", self._width)
        self._angles = [graph.input(name, "frames", self._channels // 2) for name in ("cosine", "sine")]
        self._keys = graph.input("keys", "blocks", KEYS, integer=True)
        self._band = graph.node(
            "Unsqueeze", graph.input("band_bias", "blocks", BLOCK, KEYS), graph.integers(1)
        )  # (B, 1, BLOCK, K)
        counted = graph.input("counted", 1, "frames")
        if self._reads_text:
            self._read_text_inputs()
        rows = graph.floats("steps", self._table[:STEPS])
        time = self.two_layers(graph.node("Gather", rows, step, axis=0), "embed_timestep.time_embed", 2)
        h = self.linear(graph.node("Concat", graph.node("Add", condition, time), x, axis=-1), "add_cond_linear")
        layers = sum(name.endswith("gate_msa") for name in self._weights)
        for layer in range(layers):
            if self._reads_text:
                h = self._text_block(h, f"text_encoder_layers.{layer}")
            h = self._block(h, f"blocks.{layer}")
        self._leave(h, counted)

    def _read_text_inputs(self) -> None:
        graph = self.graph
        text = graph.input("text", "texts", TOKENS, 1024)
        self._slots = graph.input("text_slots", "blocks", "slots", integer=True)
        weights = graph.input("text_weights", "blocks", "slots", BLOCK)
        self._text_weights = graph.node("Unsqueeze", weights, graph.integers(2, 4))  # (B, M, 1, BLOCK, 1)
        total = graph.node("ReduceSum", weights, graph.integers(1), keepdims=0)
        self._text_total = graph.reshape(total, -1, 1)  # (T, 1)
        places = graph.floats("token places", self._table[:TOKENS])
        self._text = graph.node("Add", self.linear(text, "embed_text"), places)

    def _block(self, h: str, name: str) -> str:
        attended = self._attend(self.norm(h, f"{name}.norm1"), name)
        h = self.graph.node("Add", h, attended)
        return self._mlp_of(h, name, "norm2")

    def _mlp_of(self, h: str, name: str, norm: str) -> str:
        gate = self.weight(f"{name}.gate_mlp").reshape(-1)
        inner = self.mlp(self.norm(h, f"{name}.{norm}"), f"{name}.mlp", approximate="tanh", scale=gate)
        return self.graph.node("Add", h, inner)

    def _attend(self, x: str, name: str) -> str:
        """Banded self-attention: (T, D) -> (T, D), gated."""
        graph, size = self.graph, self._channels
        layers = [f"{name}.attn.{part}" for part in ("query", "key", "value")]
        scales = (size**-0.5, 1.0, 1.0)
        orders = (self._order, self._order, slice(None))
        weight = np.concatenate(
            [self.weight(f"{layer}.weight")[order] * np.float32(scale)
             for layer, scale, order in zip(layers, scales, orders, strict=True)]
        )  # fmt: skip
        bias = np.concatenate(
            [self.weight(f"{layer}.bias")[order] * np.float32(scale)
             for layer, scale, order in zip(layers, scales, orders, strict=True)]
        )  # fmt: skip
        packed = graph.linear(x, f"{name}.attn.packed", weight, bias)
        query, key, value = graph.nodes("Split", [packed], 3, axis=-1, num_outputs=3)
        query = graph.reshape(self._rotated(query), -1, BLOCK, HEADS, size)
        query = graph.node("Transpose", query, perm=(0, 2, 1, 3))  # (B, H, BLOCK, C)
        keys = self._gathered(self._rotated(key), (0, 2, 3, 1))  # (B, H, C, K)
        values = self._gathered(value, (0, 2, 1, 3))
        scores = graph.node("Add", graph.node("MatMul", query, keys), self._band)
        mixed = graph.node("MatMul", graph.node("Softmax", scores, axis=-1), values)
        joined = graph.reshape(graph.node("Transpose", mixed, perm=(0, 2, 1, 3)), -1, self._width)
        return self.linear(joined, f"{name}.attn.proj", self.weight(f"{name}.gate_msa").reshape(-1))

    def _rotated(self, values: str) -> str:
        """Rotary positions on (T, D)."""
        graph = self.graph
        heads = graph.reshape(values, -1, HEADS, self._channels)
        first, second = graph.nodes("Split", [heads], 2, axis=-1, num_outputs=2)
        cosine, sine = (graph.node("Unsqueeze", angle, graph.integers(1)) for angle in self._angles)
        left = graph.node("Sub", graph.node("Mul", first, cosine), graph.node("Mul", second, sine))
        right = graph.node("Add", graph.node("Mul", second, cosine), graph.node("Mul", first, sine))
        return graph.reshape(graph.node("Concat", left, right, axis=-1), -1, self._width)

    def _gathered(self, values: str, order: tuple[int, ...]) -> str:
        """The frames that each block sees: (T, D) -> (B, K, H, C), axes reordered."""
        seen = self.graph.node("Gather", values, self._keys, axis=0)
        return self.graph.node("Transpose", self.graph.reshape(seen, 0, 0, HEADS, self._channels), perm=order)

    def _text_block(self, h: str, name: str) -> str:
        graph, width = self.graph, self._width
        gate = self.weight(f"{name}.gate_cross_attn").reshape(-1)
        packed = self.weight(f"{name}.cross_attn.in_proj_weight")
        biases = self.weight(f"{name}.cross_attn.in_proj_bias")
        scale = np.float32(self._channels**-0.5)
        query = graph.linear(self.norm(h, f"{name}.norm2"), f"{name}.query", packed[:width] * scale,
                             biases[:width] * scale)  # fmt: skip
        query = graph.node("Transpose", graph.reshape(query, -1, 1, BLOCK, HEADS, self._channels), perm=(0, 1, 3, 2, 4))
        both = graph.linear(self._text, f"{name}.memory", packed[width:], biases[width:])
        key, value = graph.nodes("Split", [both], 2, axis=-1, num_outputs=2)
        keys, values = self._memory(key, (0, 2, 3, 1)), self._memory(value, (0, 2, 1, 3))
        shares = graph.node("Softmax", graph.node("MatMul", query, keys), axis=-1)  # (B, M, H, BLOCK, S)
        mixed = graph.node("Mul", graph.node("MatMul", shares, values), self._text_weights)
        mixed = graph.node("ReduceSum", mixed, graph.integers(1), keepdims=0)  # (B, H, BLOCK, C)
        joined = graph.reshape(graph.node("Transpose", mixed, perm=(0, 2, 1, 3)), -1, width)
        out = self.weight(f"{name}.cross_attn.out_proj.weight") * gate[:, None]
        bias = graph.floats(f"{name}.out bias", self.weight(f"{name}.cross_attn.out_proj.bias") * gate)
        read = graph.linear(joined, f"{name}.out", out, None)
        # Outside its window a text adds no bias either; where windows overlap it is added for each.
        read = graph.node("Add", read, graph.node("Mul", self._text_total, bias))
        return self._mlp_of(graph.node("Add", h, read), name, "norm3")

    def _memory(self, values: str, order: tuple[int, ...]) -> str:
        """Keys or values (N, S, D) of the texts that each block reads, (B, M, ...) with axes (N, S, H, C) reordered."""
        split = self.graph.reshape(values, 0, 0, HEADS, self._channels)
        return self.graph.node("Gather", self.graph.node("Transpose", split, perm=order), self._slots, axis=0)

    def _leave(self, h: str, counted: str) -> None:
        graph = self.graph
        motion = self.mlp(h, "final_layer")
        at = MOTION["betas"]
        sizes = graph.integers(at.start, at.stop - at.start, MOTION.width - at.stop)
        pose, shape, rest = graph.nodes("Split", [motion, sizes], 3, axis=-1)
        mean = graph.node("MatMul", counted, shape)  # (1, 10)
        shape = graph.node("Expand", mean, graph.node("Shape", shape))
        scale, shift = (graph.floats(f"camera {index}", values) for index, values in enumerate(_CAMERA))
        camera = graph.node("Add", graph.node("Mul", self.mlp(h, "pred_cam_head"), scale), shift)
        least = np.array([_LEAST_SCALE, -6e4, -6e4])
        camera = graph.node("Max", camera, graph.floats("least", least))
        clean = graph.node("Concat", pose, shape, rest, camera, self.mlp(h, "static_conf_head"), axis=-1)
        graph.output(clean, "clean", "frames", LAYOUT.width)


def write_speech(weights: Weights, path: Path) -> list[Path]:
    """Write the encoder of speech: samples (1, 1, 600 T) at 18 kHz -> encoded (T, 128); batch norms are folded in."""
    graph = Graph("speech")
    x = graph.input("samples", 1, 1, "samples")
    for block, stride in enumerate(AUDIO_STRIDES):
        name = f"audio_encoder.{block}"
        inner = graph.node(
            "LeakyRelu", _convolved(graph, weights, x, f"{name}.conv1", f"{name}.bn1", stride), alpha=0.01
        )
        inner = _convolved(graph, weights, inner, f"{name}.conv2", f"{name}.bn2", 1)
        if f"{name}.downsample.0.weight" in weights:
            x = _convolved(graph, weights, x, f"{name}.downsample.0", f"{name}.downsample.1", stride)
        x = graph.node("LeakyRelu", graph.node("Add", inner, x), alpha=0.01)
    graph.output(graph.node("Transpose", graph.reshape(x, 128, -1), perm=(1, 0)), "encoded", "frames", 128)
    return graph.save(path)


def _convolved(graph: Graph, weights: Weights, x: str, conv: str, norm: str, stride: int) -> str:
    """A convolution over 15 samples with its batch norm."""
    scale = weights[f"{norm}.weight"] / np.sqrt(weights[f"{norm}.running_var"] + 1e-5)
    bias = (weights[f"{conv}.bias"] - weights[f"{norm}.running_mean"]) * scale + weights[f"{norm}.bias"]
    kernel = graph.floats(f"{conv}.weight", weights[f"{conv}.weight"] * scale[:, None, None])
    return graph.node("Conv", x, kernel, graph.floats(f"{conv}.bias", bias), strides=[stride], pads=[7, 7])
