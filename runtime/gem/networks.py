"""The networks of a published pack on the best device there is, and its prompts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..backends.choice import open_network
from ..backends.onnx import CUDA, create_session
from ..pack import ModelPack
from ..pack_info import CONDITIONS, DENOISER, DENOISER_GPU, IMAGE_ENCODER
from . import model
from .model import Network
from .text import PromptEncoder

Float = NDArray[np.float32]

ON_CPU: Final = " (no graphics card that works, on the processor)"


class GemNetworks:
    """Denoiser, conditions and text encoder of one pack."""

    def __init__(self, pack: ModelPack, device: str) -> None:
        """Load the networks; the text encoder is loaded when a prompt is new.

        Args:
            pack: opened.
            device: "auto", "cpu", "cuda" or "torch".

        Raises:
            PackError: a file is damaged, or of another family.
            UserError: the device is not there.
        """
        paths = {role: pack.path(role) for role in (DENOISER, DENOISER_GPU) if role in pack.info.files}
        self.denoiser, self._fell_back = open_network(paths[DENOISER], device, paths.get(DENOISER_GPU))
        self._on_gpu = CUDA in self.denoiser.providers
        model.check_pack(pack.info, self.denoiser)
        self.conditions: Network = create_session(pack.path(CONDITIONS), "cpu")
        self._prompts = PromptEncoder(pack)
        self._pack, self._device = pack, device

    @property
    def sees_images(self) -> bool:
        """Whether the pack has an image encoder."""
        return IMAGE_ENCODER in self._pack.info.files

    def image_encoder(self) -> Network:
        """The image encoder, loaded for this request only: it is larger than the model."""
        return open_network(self._pack.path(IMAGE_ENCODER), self._device)[0]

    @property
    def remark(self) -> str:
        """What to tell of the device beside the progress: "" unless a GPU was there and cannot be used (any more)."""
        lost = self._on_gpu and CUDA not in self.denoiser.providers
        return ON_CPU if self._fell_back or lost else ""

    def prompts(self, texts: Sequence[str]) -> list[Float]:
        """Token embeddings (S, 1024) of texts."""
        return self._prompts.encode_all(texts) if texts else []
