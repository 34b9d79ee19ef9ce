"""Requests of the base pack's family as network inputs, and its features as motion.

The engine knows requests and motions; this module knows the feature vector, the condition channels and the band mask
of one family of networks (docs/packs.md). Another family gets a module like this one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from . import conditioning, features, rotation
from .conditioning import CONDITIONS, PIN_JOINTS, Observations
from .constraints import Constraints
from .cues import Cues
from .errors import PackError
from .features import LAYOUT, POSE
from .pack_info import PackInfo
from .request import Prompt
from .skeleton import INDEX, JOINT_NAMES
from .text import TextEncoder

Float = NDArray[np.float32]
Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

BLOCKED: Final = -1e4
"""Added to the score of a pair that must not see each other; finite, so that fp16 and empty rows stay numbers."""

PART_BLOCKS: Final = 48
"""Blocks of frames that are evaluated at once: 3072 frames."""
MARGIN_BLOCKS: Final = 8
"""Blocks to each side of them: more than the layers of the shipped pack reach together."""

_INPUTS: Final = ("x", "step", "conditions", "text", "text_bias", "band_bias")


class Network(Protocol):
    """What is needed of `backends.onnx.Session`."""

    @property
    def inputs(self) -> dict[str, tuple[int | str | None, ...]]:
        """Shape by input name, numbers where a size is fixed."""
        ...

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Named inputs -> named outputs."""
        ...


def check_pack(info: PackInfo, network: Network) -> None:
    """Refuse a pack whose layouts or graph are not of this family.

    Raises:
        PackError: one sentence that says what differs.
    """
    for name, ours, theirs in (("layout", LAYOUT, info.layout), ("conditions", CONDITIONS, info.conditions)):
        if {key: list(pair) for key, pair in theirs.items()} != ours.to_json():
            raise PackError(f"pack {info.label}: its {name} is not the one this version of GENMO works with")
    missing = [name for name in _INPUTS if name not in network.inputs]
    if missing:
        raise PackError(f"pack {info.label}: its denoiser has no input {missing[0]!r}")


def observations(constraints: Constraints, untold: Mask | None = None) -> Observations:
    """What the network is told of the constraints.

    Args:
        constraints: what must be met.
        untold: (T, 22) poses that are left to the projection, see `constraints.untold_poses`.

    Returns:
        Observations of the same frames; pins of joints outside PIN_JOINTS are left to the projection.
    """
    known = conditioning.empty_observations(constraints.frames)
    _, pose = features.pose_sixd(constraints.pose_rotations)
    known.pose_mask[:] = constraints.pose_mask if untold is None else constraints.pose_mask & ~untold
    known.pose[:] = pose
    known.height_mask[:], known.heights[:] = constraints.root_mask[:, 1], constraints.root_positions[:, 1]
    known.path_mask[:] = constraints.root_mask[:, 0] & constraints.root_mask[:, 2]
    known.path[:] = constraints.root_positions[:, ::2]
    known.heading_mask[:], known.headings[:] = constraints.heading_mask, constraints.headings
    for pin in constraints.pins:
        if JOINT_NAMES[pin.joint] in PIN_JOINTS:
            column = PIN_JOINTS.index(JOINT_NAMES[pin.joint])
            known.pin_mask[pin.start : pin.stop, column] = True
            known.pins[pin.start : pin.stop, column] = pin.position
    return known


class FeatureSpace:
    """Normalised features of one request <-> motion."""

    def __init__(self, info: PackInfo, references: Array) -> None:
        """Keep the statistics of the pack and the reference headings (T,) of the request."""
        self._mean = np.asarray(info.stats.mean)
        self._std = np.asarray(info.stats.std)
        self._references, self._fps = references, info.fps

    def decode(self, x: Float) -> tuple[Array, Array, Array]:
        """Normalised features (T, F) -> root positions (T, 3), local rotations (T, 22, 4), contacts (T, 6)."""
        return features.decode(x * self._std + self._mean, self._references, self._fps)

    def encode(self, root: Array, local: Array, contacts: Array) -> Array:
        """The inverse of `decode` but for the start on the ground; (T, F)."""
        values = features.encode(root, local, contacts, self._references, self._fps)
        return (values - self._mean) / self._std


def condition_inputs(info: PackInfo, known: Observations, cues: Cues) -> tuple[Float, Array]:
    """Condition channels (T, K) and reference headings (T,) of what is known and of what guides the motion."""
    references = conditioning.reference_headings(known, info.fps, cues=cues)
    end = LAYOUT["root_height"].stop
    mean, std = np.asarray(info.stats.mean[:end]), np.asarray(info.stats.std[:end])
    assert POSE.stop + 1 == end  # the height follows the pose, as `condition_channels` wants it
    return conditioning.condition_channels(known, references, info.fps, mean, std, cues), references


class Denoiser:
    """The network of a pack with all inputs of one request but the noisy features."""

    def __init__(
        self,
        network: Network,
        info: PackInfo,
        conditions: Float,
        prompts: tuple[Prompt, ...],
        encoder: TextEncoder | None,
        rows: NDArray[np.int64] | None = None,
    ) -> None:
        """Prepare the inputs.

        Args:
            network: the pack's denoiser.
            info: of the pack.
            conditions: (T, K).
            prompts: with ranges in model frames.
            encoder: of the texts; may be None without prompts.
            rows: (W,) frame that each row of the network shows, None for all frames in order.
        """
        count, shown = len(conditions), np.arange(len(conditions)) if rows is None else rows
        conditions = conditions[shown]
        self._network, self._frames = network, len(conditions)
        shape = network.inputs["band_bias"]
        self._block = int(shape[3] or 0)
        padding = -self._frames % self._block
        self._padding = ((0, padding), (0, 0))
        total = self._frames + padding
        text, text_bias = _text_inputs(prompts, encoder, count, info.text.width)
        text_bias = np.pad(text_bias[:, shown], ((0, 0), (0, padding), (0, 0)), constant_values=BLOCKED)
        self._reach = info.band
        told = np.pad(conditions, self._padding)[None]
        untold = told.copy()
        untold[..., CONDITIONS["music"]] = 0.0
        self._told = {"conditions": told, "text": text, "text_bias": text_bias}
        self._untold = {
            "conditions": untold,
            "text": np.zeros((1, 1, info.text.width), np.float32),
            "text_bias": np.full((1, total, 1), BLOCKED, np.float32),
        }

    def __call__(self, noisy: Float, step: int, *, told: bool) -> Float:
        """Estimate the clean features (T, F); see `sampler.Denoise`.

        Long motions are evaluated in parts with margins: a frame sees as many frames as the layers reach, not all, and
        the memory that is needed does not grow with the length.
        """
        padded = np.pad(noisy, self._padding)
        result = np.empty_like(noisy, dtype=np.float32)
        margin, stride = MARGIN_BLOCKS * self._block, PART_BLOCKS * self._block
        for start in range(0, self._frames, stride):
            stop = min(start + stride, self._frames)
            first, last = max(0, start - margin), min(len(padded), stop + margin + (-stop % self._block))
            clean = self._part(padded, step, first, last, told=told)
            result[start:stop] = clean[start - first : stop - first]
        return result

    def _part(self, padded: Float, step: int, first: int, last: int, *, told: bool) -> Float:
        """The estimate of rows `[first, last)`, which are whole blocks."""
        given = self._told if told else self._untold
        part = {name: given[name][:, first:last] for name in ("conditions", "text_bias")}
        inputs = {
            **part,
            "text": given["text"],
            "band_bias": band_bias_blocks(min(last, self._frames) - first, self._reach, self._block),
            "x": padded[None, first:last],
            "step": np.array([step], np.int64),
        }
        return self._network.run(inputs)["clean"][0]


def _text_inputs(
    prompts: tuple[Prompt, ...], encoder: TextEncoder | None, frames: int, width: int
) -> tuple[Float, Float]:
    """Tokens of all prompts (1, S, width), and who reads them (1, T, S): frames inside a prompt's range."""
    tokens: list[Float] = [np.zeros((1, width), np.float32)]
    columns: list[Float] = [np.full((frames, 1), BLOCKED, np.float32)]
    for prompt in prompts:
        assert encoder is not None
        embedded = encoder.encode(prompt.text)
        readers = np.full((frames, len(embedded)), BLOCKED, np.float32)
        readers[max(prompt.start, 0) : max(prompt.stop, 0)] = 0.0
        tokens.append(embedded)
        columns.append(readers)
    return np.concatenate(tokens)[None], np.concatenate(columns, axis=1)[None]


def band_bias_blocks(frames: int, band: int, block: int) -> Float:
    """Band mask by blocks: each block of frames against itself and both neighbours.

    Args:
        frames: T; the last block is padded.
        band: frames seen to each side, at most `block`.
        block: frames of a block.

    Returns:
        (1, 1, N, block, 3 block), 0 where a frame sees another, BLOCKED elsewhere.
    """
    blocks = -(-frames // block)
    rows = np.arange(blocks * block).reshape(blocks, block, 1)
    columns = (np.arange(3 * block) - block)[None, None] + (np.arange(blocks) * block)[:, None, None]
    seen = (np.abs(rows - columns) <= band) & (columns >= 0) & (columns < frames)
    return np.where(seen, 0.0, BLOCKED).astype(np.float32)[None, None]


def at_origin(root: Array, local: Array, *, keep_heading: bool = False) -> tuple[Array, Array, float]:
    """The motion moved so that it starts at the origin and, unless its heading is kept, turned so that it faces +Z.

    Returns:
        root positions (T, 3), local rotations (T, 22, 4), and the turn that was made, radians.
    """
    angle = 0.0 if keep_heading else -float(rotation.heading(local[0, 0]))
    turn = rotation.about_y(angle)
    moved = root - root[0] * np.array([1.0, 0.0, 1.0])
    turned = local.copy()
    turned[:, INDEX["pelvis"]] = rotation.multiply(turn, local[:, INDEX["pelvis"]])
    return rotation.rotate(turn, moved), turned, angle
