"""A model pack that answers requests: the one facade of the runtime (DESIGN section 3)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from . import base_model
from .backends.onnx import create_session
from .cleanup import clean_up
from .constraints import Constraints, constraints_from
from .motion import Motion
from .pack import ModelPack
from .pack_info import DENOISER
from .progress import Progress
from .projection import project
from .request import MotionRequest
from .sampler import sample
from .text import TextEncoder, open_text_encoder
from .validation import raise_errors

Float = NDArray[np.float32]
Report = Callable[[Progress], None]

READING, MOVING, PLANTING = "Reading the prompts", "Making the motion", "Planting the feet"
"""Phases of a request, in order."""


def _never() -> bool:
    return False


def _silent(_: Progress) -> None:
    return None


class Engine:
    """One pack, loaded on one device; requests are answered one at a time."""

    def __init__(self, pack: ModelPack, device: str = "auto") -> None:
        """Load the network of a pack.

        Args:
            pack: an opened pack.
            device: "auto", "cpu" or "cuda".

        Raises:
            PackError: a file of the pack is damaged or the network is of another family.
            UserError: ONNX Runtime is missing.
        """
        self.pack = pack
        self._network = create_session(pack.path(DENOISER), device)
        base_model.check_pack(pack.info, self._network)
        self._encoder: TextEncoder | None = None

    @property
    def providers(self) -> tuple[str, ...]:
        """Execution providers that really run the network, best first."""
        return self._network.providers

    def terminate(self) -> None:
        """Stop the network in the middle of a step; callable from another thread."""
        self._network.terminate()

    def generate(
        self, request: MotionRequest, progress: Report | None = None, should_stop: Callable[[], bool] | None = None
    ) -> list[Motion]:
        """Make the motions that a request asks for.

        Args:
            request: in model space, at the pack's frame rate.
            progress: told of every step.
            should_stop: asked before every evaluation of the network.

        Returns:
            `request.sampling.samples` motions; the same request always gives the same ones.

        Raises:
            RequestError: the request makes no sense, in one sentence.
            CancelledError: `should_stop` said so.
        """
        raise_errors(request, self.pack.info)
        report, stop = progress or _silent, should_stop or _never
        report(Progress(READING, 0, 1))
        constraints = constraints_from(request)
        conditions, references = base_model.condition_inputs(self.pack.info, base_model.observations(constraints))
        space = base_model.FeatureSpace(self.pack.info, references)
        encoder = self._text_encoder() if request.prompts else None
        denoiser = base_model.Denoiser(self._network, self.pack.info, conditions, request.prompts, encoder)
        report(Progress(READING, 1, 1))
        count = request.sampling.samples
        run = _Run(request, self.pack, denoiser, space, constraints, report, stop)
        return [run.motion(index, count) for index in range(count)]

    def _text_encoder(self) -> TextEncoder:
        if self._encoder is None:
            self._encoder = open_text_encoder(self.pack)
        return self._encoder


class _Run:
    """One request on its way through sampler, projection and clean-up."""

    def __init__(
        self, request: MotionRequest, pack: ModelPack, denoiser: base_model.Denoiser, space: base_model.FeatureSpace,
        constraints: Constraints, report: Report, stop: Callable[[], bool],
    ) -> None:  # fmt: skip
        self._request, self._pack, self._denoiser, self._space = request, pack, denoiser, space
        self._constraints, self._report, self._stop = constraints, report, stop
        self._offsets = np.asarray(pack.info.rest_offsets)

    def motion(self, index: int, count: int) -> Motion:
        """The motion of sample `index` of `count`."""
        sampling = self._request.sampling
        steps = sampling.steps or self._pack.info.sampler.steps
        guidance = self._pack.info.sampler.guidance if sampling.guidance is None else sampling.guidance
        total = steps * count

        def on_step(done: int) -> None:
            self._report(Progress(MOVING, index * steps + done, total))

        clean = sample(
            self._denoiser,
            self._noise(index),
            steps=steps,
            guidance=guidance if self._request.prompts else 1.0,
            refine=self._refine,
            on_step=on_step,
            should_stop=self._stop,
        )
        return self._finished(clean)

    def _noise(self, index: int) -> Float:
        shape = (self._request.frames, len(self._pack.info.stats.mean))
        return np.random.default_rng([self._request.sampling.seed, index]).standard_normal(shape, np.float32)

    def _refine(self, estimate: Float) -> Float:
        """Put the constraints into an estimate by adding what the projection changes.

        Encoding the projected motion alone would also replace the estimate's soft, averaged rotations by sharp ones,
        which the network never saw at this noise level.
        """
        if self._constraints.empty:
            return estimate
        root, local, contacts = self._space.decode(estimate)
        before = self._space.encode(root, local, contacts)
        after = self._space.encode(*project(root, local, self._constraints, self._offsets), contacts)
        return (estimate + (after - before)).astype(np.float32)

    def _finished(self, clean: Float) -> Motion:
        root, local, contacts = self._space.decode(clean)
        if self._constraints.empty:
            root, local = base_model.at_origin(root, local)
        root, local = project(root, local, self._constraints, self._offsets)
        motion = Motion(
            fps=self._pack.info.fps, root_positions=root, local_rotations=local, contacts=contacts,
            rest_offsets=self._offsets, request=self._request, pack=self._pack.info.label,
        )  # fmt: skip
        if self._request.sampling.cleanup:
            self._report(Progress(PLANTING, 0, 1))
            motion = clean_up(motion, self._constraints)
            self._report(Progress(PLANTING, 1, 1))
        return motion
