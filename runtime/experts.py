"""The networks of a pack as one: a coarse one for the noisy steps of the sampler, a fine one for all else.

A motion changes little from frame to frame, so its course shows through noise that hides any single frame: at the
noisy steps a network that looks at several frames as one token sees as much and costs a fraction (networks that
share the schedule: Balaji et al., "eDiff-I", 2022).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from .backends.onnx import Session, create_session
from .pack import ModelPack
from .pack_info import COARSE, DENOISER


class Experts:
    """Two networks with the same inputs and outputs; looks like one `backends.onnx.Session`."""

    def __init__(self, fine: Session, coarse: Session, coarse_from: int) -> None:
        """Keep both.

        Args:
            fine: for steps below `coarse_from`, and for regression.
            coarse: for the other steps.
            coarse_from: lowest step of the coarse network.
        """
        self._fine, self._coarse, self._from = fine, coarse, coarse_from

    @property
    def inputs(self) -> dict[str, tuple[int | str | None, ...]]:
        """Shape by input name, numbers where a size is fixed."""
        return self._fine.inputs

    @property
    def providers(self) -> tuple[str, ...]:
        """Execution providers that really run the fine network, best first."""
        return self._fine.providers

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Named inputs -> named outputs, by the network whose step it is.

        Regression is asked for by an empty x at the last step (genmo.md section 6): only the fine network learnt it.
        """
        coarse = int(inputs["step"][0]) >= self._from and bool(inputs["x"].any())
        return (self._coarse if coarse else self._fine).run(inputs)

    def terminate(self) -> None:
        """Stop the running evaluation; callable from another thread."""
        self._fine.terminate()
        self._coarse.terminate()


def open_networks(pack: ModelPack, device: str) -> Session | Experts:
    """The denoiser of a pack, or both of them.

    Args:
        pack: an opened pack.
        device: "auto", "cpu" or "cuda".

    Raises:
        PackError: a file is damaged.
        UserError: ONNX Runtime is missing.
    """
    fine = create_session(pack.path(DENOISER), device)
    if COARSE not in pack.info.files:
        return fine
    return Experts(fine, create_session(pack.path(COARSE), device), pack.info.sampler.coarse_from)
