"""The networks of a published pack: conditions once a request, the denoiser at every step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import PackError
from ..pack_info import PackInfo
from . import inputs
from .layout import LAYOUT, MOTION

Float = NDArray[np.float32]
Arrays = Mapping[str, NDArray[Any]]

IMAGE_WIDTH: Final = 1024
MUSIC_WIDTH: Final = 35
SPEECH_WIDTH: Final = 128
EXISTS: Final = ("box", "image", "camera", "music", "speech")
"""Order of the existence flags."""
CAMERA_MEAN: Final = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
CAMERA_STD: Final = (0.001, 0.1, 0.1, 0.1, 0.001, 0.1)


Runner = Callable[[Arrays], dict[str, NDArray[Any]]]
"""Runs a network whose other inputs are fixed: the changing inputs -> outputs."""


class Network(Protocol):
    """What is needed of a session (`backends.onnx.Session`, `backends.torch_session.TorchSession`)."""

    @property
    def inputs(self) -> dict[str, tuple[int | str | None, ...]]:
        """Shape by input name."""
        ...

    def run(self, inputs: Arrays) -> dict[str, NDArray[Any]]:
        """Named inputs -> named outputs."""
        ...

    def keep(self, fixed: Arrays) -> Runner:
        """A runner that has these inputs already where the network runs."""
        ...


class Conditions:
    """What the network is told of T frames, arrays to be filled; genmo.md section 4.

    Attributes:
        obs: (T, 17, 3) of `camera.observed`.
        box: (T, 3) of `camera.box_condition`.
        image: (T, 1024).
        camera: (T, 6) rotation of the camera to the next frame, 6D, not normalised.
        music: (T, 35).
        speech: (T, 128).
        exists: (T, 5) in the order of EXISTS.
    """

    def __init__(self, frames: int) -> None:
        """Nothing is known yet; the camera stands still."""
        self.obs = np.zeros((frames, 17, 3))
        self.box = np.zeros((frames, 3))
        self.image = np.zeros((frames, IMAGE_WIDTH), np.float32)
        self.camera = np.tile(np.array(CAMERA_MEAN), (frames, 1))
        self.music = np.zeros((frames, MUSIC_WIDTH), np.float32)
        self.speech = np.zeros((frames, SPEECH_WIDTH), np.float32)
        self.exists = np.zeros((frames, len(EXISTS)), bool)

    def arrays(self) -> dict[str, Float]:
        """Inputs of the graph of the conditions (`tools/gem_graph.py`)."""
        camera = (self.camera - np.array(CAMERA_MEAN)) / np.array(CAMERA_STD)
        values = {
            "obs": self.obs, "f_cliffcam": self.box, "f_imgseq": self.image, "f_cam_angvel": camera,
            "encoded_music": self.music, "encoded_audio": self.speech, "exists": self.exists,
        }  # fmt: skip
        return {name: np.ascontiguousarray(value, np.float32) for name, value in values.items()}


def check_pack(info: PackInfo, denoiser: Network) -> None:
    """Refuse a pack whose layout or graph is not of this family.

    Raises:
        PackError: one sentence that says what differs.
    """
    if {key: list(pair) for key, pair in info.layout.items()} != LAYOUT.to_json():
        raise PackError(f"pack {info.label}: its layout is not that of the published model")
    for name in ("x", "step", "condition", "keys", "band_bias"):
        if name not in denoiser.inputs:
            raise PackError(f"pack {info.label}: its denoiser has no input {name!r}")


class Denoiser:
    """The networks with all inputs of one request but the noisy motion; see `sampler.Denoise`."""

    def __init__(
        self, denoiser: Network, conditions: Network, told: Conditions, texts: Float,
        ranges: tuple[tuple[int, int], ...], valid: int | None = None,
    ) -> None:  # fmt: skip
        """Embed the conditions and lay out the inputs.

        Args:
            denoiser: runs at every step.
            conditions: runs now.
            told: of T frames.
            texts: (N, 50, 1024), padded by zeros; without prompts one of zeros.
            ranges: frames of each text.
            valid: frames that exist, if the rest is padding.
        """
        self._frames = len(told.obs)
        arrays = told.arrays()
        flags = conditions.inputs["exists"][1]
        arrays["exists"] = arrays["exists"][:, :flags] if isinstance(flags, int) else arrays["exists"]
        embedded = conditions.run({name: arrays[name] for name in conditions.inputs})
        fixed = fixed_inputs(denoiser, self._frames, ranges, valid)
        self._padding = ((0, inputs.padded(self._frames) - self._frames), (0, 0))
        self._run = {}
        for name, text in (("told", texts), ("untold", np.zeros_like(texts))):
            own = {"condition": np.pad(embedded[name], self._padding), "text": text}
            needed = {key: value for key, value in {**fixed, **own}.items() if key in denoiser.inputs}
            self._run[name] = denoiser.keep(needed)

    def __call__(self, noisy: Float, step: int, *, told: bool) -> Float:
        """Estimate the clean vector (T, 160) of a noisy one (T, 151 or more); what follows the motion is not read."""
        x = np.pad(noisy[:, : MOTION.width], self._padding).astype(np.float32)
        run = self._run["told" if told else "untold"]
        return run({"x": x, "step": np.array([step], np.int64)})["clean"][: self._frames]


def fixed_inputs(
    denoiser: Network, frames: int, ranges: tuple[tuple[int, int], ...], valid: int | None = None
) -> dict[str, NDArray[Any]]:
    """Inputs of the denoiser that depend on the number of frames and the ranges of the texts alone."""
    half = denoiser.inputs["cosine"][1]
    assert isinstance(half, int)
    cosine, sine = inputs.rotary(frames, 2 * half)
    keys, bias = inputs.band(frames, valid)
    slots, weights = inputs.text_places(ranges, frames)
    return {
        "cosine": cosine, "sine": sine, "keys": keys, "band_bias": bias, "counted": inputs.counted(frames, valid),
        "text_slots": slots, "text_weights": weights,
    }  # fmt: skip


def noise(frames: int, values: Float) -> Float:
    """Noise (T, 151) of the motion, with zeros where the heads follow, (T, 160)."""
    return np.concatenate([values, np.zeros((frames, LAYOUT.width - MOTION.width), np.float32)], axis=1)
