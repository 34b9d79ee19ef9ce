"""The sampler of a pack, step by step, for numbers that are by definition taken before its last projection.

Only for constraints and prompts: requests with videos are followed by the engine alone. The steps are the engine's own
functions in the engine's order; what is delivered to users is measured through `Engine.generate`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from genmo.runtime import base_model
from genmo.runtime.cleanup import clean_up
from genmo.runtime.constraints import Constraints, constraints_from
from genmo.runtime.engine import estimates
from genmo.runtime.experts import open_networks
from genmo.runtime.guidance import cues_from
from genmo.runtime.motion import Motion
from genmo.runtime.pack import ModelPack
from genmo.runtime.projection import project
from genmo.runtime.request import MotionRequest
from genmo.runtime.sampler import regress, sample
from genmo.runtime.text import TextEncoder, open_text_encoder

Float = NDArray[np.float32]


def regresses(request: MotionRequest) -> bool:
    """Whether the engine answers a request without videos by one forward pass."""
    return estimates(request, constraints_from(request), np.zeros(request.frames, bool))


class Inside:
    """One pack, loaded on the CPU."""

    def __init__(self, pack: ModelPack) -> None:
        """Load the network of a pack."""
        self._pack = pack
        self._network = open_networks(pack, "cpu")
        self._encoder: TextEncoder | None = None

    def last_estimate(self, request: MotionRequest, *, regression: bool) -> Motion:
        """The network's last estimate of a request, before anything makes it exact.

        Args:
            request: without videos.
            regression: by one evaluation without noise, else at the end of the sampler.

        Returns:
            A motion that starts at the origin, since the network gives the root as a speed.
        """
        return _Steps(self, request).last_estimate(regression=regression)

    def regressed(self, request: MotionRequest) -> Motion:
        """The estimate of one evaluation, projected and cleaned up."""
        steps = _Steps(self, request)
        motion = steps.last_estimate(regression=True)
        root, local = project(motion.root_positions, motion.local_rotations, steps.constraints, motion.rest_offsets)
        placed = Motion(motion.fps, root, local, motion.contacts, motion.rest_offsets, request, motion.pack)
        return clean_up(placed, steps.constraints)

    def denoiser(self, request: MotionRequest, constraints: Constraints) -> tuple[
        base_model.Denoiser, base_model.FeatureSpace
    ]:  # fmt: skip
        """Network and features of a request."""
        info = self._pack.info
        if request.prompts and self._encoder is None:
            self._encoder = open_text_encoder(self._pack)
        known, cues = base_model.observations(constraints), cues_from(request, info.fps)
        conditions, references = base_model.condition_inputs(info, known, cues)
        network = base_model.Denoiser(self._network, info, conditions, request.prompts, self._encoder)
        return network, base_model.FeatureSpace(info, references)

    @property
    def pack(self) -> ModelPack:
        """The pack."""
        return self._pack


class _Steps:
    """One request on its way."""

    def __init__(self, inside: Inside, request: MotionRequest) -> None:
        self.constraints = constraints_from(request)
        self._request, self._info = request, inside.pack.info
        self._denoiser, self._space = inside.denoiser(request, self.constraints)
        self._offsets = np.asarray(self._info.rest_offsets)
        self._last: Float | None = None

    def last_estimate(self, *, regression: bool) -> Motion:
        width = len(self._info.stats.mean)
        features = regress(self._denoiser, self._request.frames, width) if regression else self._sampled(width)
        root, local, contacts = self._space.decode(features)
        return Motion(self._info.fps, root, local, contacts, self._offsets, pack=self._info.label)

    def _sampled(self, width: int) -> Float:
        sampling, defaults = self._request.sampling, self._info.sampler
        guidance = defaults.guidance if sampling.guidance is None else sampling.guidance
        noise = np.random.default_rng([sampling.seed, 0]).standard_normal((self._request.frames, width), np.float32)
        sample(
            self._denoiser, noise, steps=sampling.steps or defaults.steps,
            guidance=guidance if self._request.prompts or self._request.music else 1.0,
            refine=self._refine, on_step=lambda _: None, should_stop=lambda: False, shift=defaults.shift,
            guided_below=defaults.guided_below,
        )  # fmt: skip
        assert self._last is not None
        return self._last

    def _refine(self, estimate: Float) -> Float:
        """Keep the estimate, then put the constraints into it as the engine does."""
        self._last = estimate
        if self.constraints.empty:
            return estimate
        root, local, contacts = self._space.decode(estimate)
        met = project(root, local, self.constraints, self._offsets)
        change = self._space.encode(*met, contacts) - self._space.encode(root, local, contacts)
        return (estimate + change).astype(np.float32)
