"""A model pack that answers requests: the one facade of the runtime (DESIGN section 3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from . import base_model, looping, loops, rotation
from .cleanup import clean_up
from .conditioning import LONGEST_GAP
from .constraints import Constraints, constraints_from, no_constraints, untold_poses
from .errors import CancelledError, RequestError, UserError
from .experts import open_networks
from .film_fit import fitted_to_films
from .films import filmed_mask, films_from
from .following import (
    calmed,
    followed_frames,
    settled,
    taken_over,
    turned_cameras,
    way_on_film,
    with_cameras,
    with_held_way,
)  # fmt: skip
from .gem.networks import GemNetworks
from .gem.run import GemRun
from .ground import flattened
from .guidance import cues_from, write_films
from .motion import Motion, load_motion, resampled, sliced
from .pack import ModelPack
from .progress import Progress
from .projection import project
from .request import MotionRequest
from .sampler import partial_timesteps, regress, sample, variation
from .terrain import stand
from .text import TextEncoder, open_text_encoder
from .validation import raise_errors

Float = NDArray[np.float32]
Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Decoded = tuple[Array, Array, Array]
Report = Callable[[Progress], None]

READING, FOLLOWING, MOVING, PLANTING = (
    "Reading the request", "Following the video", "Making the motion", "Planting the feet",
)  # fmt: skip
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
            device: "auto", "cpu" or "cuda"; for a published model also "torch".

        Raises:
            PackError: a file of the pack is damaged or the network is of another family.
            UserError: ONNX Runtime is missing.
        """
        self.pack = pack
        self._gem = GemNetworks(pack, device) if pack.info.gem is not None else None
        if self._gem is None:
            self._network = open_networks(pack, device)
            base_model.check_pack(pack.info, self._network)
        self._encoder: TextEncoder | None = None

    @property
    def providers(self) -> tuple[str, ...]:
        """Execution providers that really run the network, best first."""
        return (self._gem.denoiser if self._gem else self._network).providers

    def terminate(self) -> None:
        """Stop the network in the middle of a step; callable from another thread."""
        (self._gem.denoiser if self._gem else self._network).terminate()

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
        if request.ground is not None:
            return [stand(motion, request) for motion in self.generate(flattened(request), progress, should_stop)]
        report, stop = progress or _silent, should_stop or _never
        report(Progress(READING, 0, 1))
        if self._gem is not None:
            return GemRun(request, self.pack, self._gem, report, stop).motions()
        encoder = self._text_encoder() if request.prompts else None
        run = (_LoopRun if request.loop else _Run)(request, self.pack, self._network, encoder, report, stop)
        report(Progress(READING, 1, 1))
        return run.motions()

    def _text_encoder(self) -> TextEncoder:
        if self._encoder is None:
            self._encoder = open_text_encoder(self.pack)
        return self._encoder


def estimates(request: MotionRequest, constraints: Constraints, filmed: Mask) -> bool:
    """Whether a request is answered by one forward pass: it says so, or only follows videos or fills short gaps.

    One pass gives the mean of all that could happen. Where a film or close key poses leave little choice it is nearer
    to the truth than a sample (docs/evaluation.md); several samples are wanted for their differences.

    Args:
        request: what is asked.
        constraints: of the request.
        filmed: (T,) frames that a video covers.
    """
    mode = request.sampling.mode
    if request.loop or request.vary:
        return False
    if mode != "auto":
        return mode == "estimate"
    if request.prompts or request.music or request.reference or request.held:
        return False
    if not filmed.any():
        return request.sampling.samples == 1 and _in_between(constraints)
    fixed = constraints.pose_mask.any(axis=1) | constraints.root_mask.any(axis=1) | constraints.heading_mask
    for pin in constraints.pins:
        fixed[pin.start : pin.stop] = True
    return not (fixed & ~filmed).any()


def _in_between(constraints: Constraints) -> bool:
    """Whether all frames lie between full key poses that are close enough to be interpolated."""
    full = constraints.pose_mask.all(axis=1) & constraints.root_mask.all(axis=1)
    keyed = np.flatnonzero(full)
    if len(keyed) < 2 or keyed[0] > 0 or keyed[-1] < constraints.frames - 1:
        return False
    return int(np.diff(keyed).max()) <= LONGEST_GAP


class _Run:
    """One request on its way through estimate, sampler, projection and clean-up."""

    def __init__(
        self, request: MotionRequest, pack: ModelPack, network: base_model.Network, encoder: TextEncoder | None,
        report: Report, stop: Callable[[], bool],
    ) -> None:  # fmt: skip
        self._request, self._info, self._network, self._encoder = request, pack.info, network, encoder
        self._rows = request.frames
        self._report, self._stop = report, stop
        self._offsets = np.asarray(pack.info.rest_offsets)
        self._constraints = constraints_from(request)
        self._films = films_from(request, pack.info.fps, report, stop)
        self._cues = cues_from(request, pack.info.fps, self._films)
        self._estimate: Float | None = None
        self._followed = followed_frames(self._films, request.frames)
        self._start: Motion | None = None
        self._strength = request.vary.strength if request.vary else 1.0

    def _tell(self, constraints: Constraints) -> None:
        """Make the features and the network of the request with these constraints and the cues as they are now."""
        known = base_model.observations(constraints, untold_poses(self._request))
        conditions, references = base_model.condition_inputs(self._info, known, self._cues)
        self._space = base_model.FeatureSpace(self._info, references)
        self._denoiser = base_model.Denoiser(
            self._network, self._info, conditions, self._request.prompts, self._encoder
        )

    def motions(self) -> list[Motion]:
        """As many motions as are asked for; an estimate is the same for all samples."""
        count = self._request.sampling.samples
        if self._films:
            self._follow()
        else:
            self._tell(self._constraints)
        self._start = self._first_motion()
        if self._start is not None and not self._strength:
            return [self._unchanged(self._start)] * count
        if estimates(self._request, self._constraints, filmed_mask(self._films, self._request.frames)):
            return [self._finished(self._regress() if self._estimate is None else self._estimate)] * count
        return [self._motion(index, count) for index in range(count)]

    def _follow(self) -> None:
        """Estimate the filmed person: first with the cameras as they came, then with settled ones."""
        self._report(Progress(FOLLOWING, 0, 2))
        self._tell(no_constraints(self._request.frames))  # where it is in the world is not known yet
        root, local, _ = self._space.decode(self._regress())
        self._report(Progress(FOLLOWING, 1, 2))
        self._films = settled(self._films, root, local, self._constraints, self._offsets)
        write_films(self._cues, self._films)
        self._tell(self._constraints)
        estimate = calmed(self._regress(), self._followed)
        root, local, contacts = self._space.decode(estimate)
        way = way_on_film(self._films, root, local, self._offsets)
        fitted = fitted_to_films(self._films, (way, local, contacts), self._offsets, self._info.fps)
        estimate = self._space.encode(*fitted).astype(np.float32)
        self._estimate = taken_over(estimate, estimate, self._followed)
        self._report(Progress(FOLLOWING, 2, 2))

    def _regress(self) -> Float:
        if self._stop():
            raise CancelledError("stopped")
        return regress(self._denoiser, self._request.frames, len(self._info.stats.mean))

    def _motion(self, index: int, count: int) -> Motion:
        """The generated motion of sample `index` of `count`."""
        sampling = self._request.sampling
        steps = sampling.steps or self._info.sampler.steps
        guidance = self._info.sampler.guidance if sampling.guidance is None else sampling.guidance
        start = None if self._start is None else self._encoded(self._start)
        level, share = variation(self._strength)
        shift = self._info.sampler.shift
        rounds = steps if start is None else len(partial_timesteps(steps, level, shift))

        def on_step(done: int) -> None:
            self._report(Progress(MOVING, index * rounds + done, rounds * count))

        clean = sample(
            self._denoiser,
            self._noise(index),
            steps=steps,
            guidance=guidance if self._request.prompts or self._request.music else 1.0,
            refine=self._refine,
            on_step=on_step,
            should_stop=self._stop,
            initial=start,
            level=level,
            shift=shift,
            guided_below=self._info.sampler.guided_below,
        )
        return self._finished(clean if start is None else (start + share * (clean - start)).astype(np.float32))

    def _first_motion(self) -> Motion | None:
        """The frames of the motion that is to be varied, None if there is none."""
        vary, frames = self._request.vary, self._request.frames
        if vary is None:
            return None
        try:
            motion = resampled(load_motion(vary.path), self._info.fps)
        except UserError as error:
            raise RequestError(f"vary: {error}") from error
        if motion.frames < vary.source_start + frames:
            raise RequestError(f"vary: '{vary.path}' has {motion.frames} frames, fewer than are asked for")
        return sliced(motion, vary.source_start, vary.source_start + frames)

    def _encoded(self, motion: Motion) -> Float:
        values = self._space.encode(motion.root_positions, motion.local_rotations, motion.contacts)
        return values.astype(np.float32)

    def _unchanged(self, motion: Motion) -> Motion:
        """The motion that was to be varied by nothing, with the constraints met."""
        return replace(_projected(motion, self._constraints), request=self._request, pack=self._info.label)

    def _noise(self, index: int) -> Float:
        shape = (self._rows, len(self._info.stats.mean))
        return np.random.default_rng([self._request.sampling.seed, index]).standard_normal(shape, np.float32)

    def _refine(self, estimate: Float) -> Float:
        """Take filmed frames from the estimate of the film, then put the constraints.

        Diffusion was measured to be much worse there than regression: 117 mm against 72 for an early network.
        """
        if self._estimate is not None:
            estimate = taken_over(estimate, self._estimate, self._followed)
        if self._constraints.empty:
            return estimate
        root, local, contacts = self._space.decode(estimate)
        met = project(root, local, self._constraints, self._offsets)
        return self._changed(estimate, (root, local, contacts), (*met, contacts))

    def _changed(self, estimate: Float, before: Decoded, after: Decoded) -> Float:
        """An estimate with what was changed in its motion.

        Encoding the changed motion alone would also replace the estimate's soft, averaged rotations by sharp ones,
        which the network never saw at this noise level.
        """
        return (estimate + (self._space.encode(*after) - self._space.encode(*before))).astype(np.float32)

    def _finished(self, clean: Float) -> Motion:
        root, local, contacts = self._space.decode(clean)
        films = self._films
        if self._constraints.empty:
            placed = any(film.placed for film in films)
            root, local, turn = base_model.at_origin(root, local, keep_heading=placed)
            films = [replace(film, cameras=turned_cameras(film.cameras, turn)) for film in films]
        root, local = project(root, local, self._constraints, self._offsets)
        motion = Motion(
            fps=self._info.fps, root_positions=root, local_rotations=local, contacts=contacts,
            rest_offsets=self._offsets, request=self._request, pack=self._info.label,
        )  # fmt: skip
        if self._request.sampling.cleanup:
            self._report(Progress(PLANTING, 0, 1))
            motion = clean_up(motion, with_held_way(self._constraints, films, root))
            self._report(Progress(PLANTING, 1, 1))
        return with_cameras(motion, films) if films else motion


class _LoopRun(_Run):
    """A request whose motion goes round: P = frames - 1 frames in a circle (`runtime.looping`)."""

    def _tell(self, constraints: Constraints) -> None:
        """Make the features and the network of one period; the projection alone knows the last frame."""
        self._rows = constraints.frames - 1
        period = replace(self._request, frames=self._rows)
        known = base_model.observations(constraints_from(period))
        conditions, references = base_model.condition_inputs(self._info, known, cues_from(period, self._info.fps, ()))
        self._space = base_model.FeatureSpace(self._info, looping.periods(references))
        circle = looping.Circle(self._rows)
        network = base_model.Denoiser(
            self._network, self._info, conditions, self._request.prompts, self._encoder, circle.rows
        )
        self._denoiser = looping.CircularDenoiser(network, circle)

    def _encoded(self, motion: Motion) -> Float:
        """The middle one of some periods, so that the step over the seam is encoded too."""
        repeated = loops.repeated_motion(motion, loops.PERIODS)
        return super()._encoded(sliced(repeated, 0, repeated.frames - 1))[self._middle()]

    def _middle(self) -> slice:
        return slice(loops.MIDDLE * self._rows, (loops.MIDDLE + 1) * self._rows)

    def _decoded(self, estimate: Float) -> tuple[Decoded, Array]:
        """Some periods of an estimate (P, F), the middle one beginning at the origin, and the step of each (3,)."""
        root, local, contacts = self._space.decode(looping.periods(estimate))
        root = root - root[self._middle().start] * np.array([1.0, 0.0, 1.0])
        return (root, local, contacts), looping.step_of(self._constraints, root)

    def _refine(self, estimate: Float) -> Float:
        """Put the constraints into some periods and keep the middle one."""
        if self._constraints.empty:
            return estimate
        before, step = self._decoded(estimate)
        met = project(before[0], before[1], looping.repeated(self._constraints, step), self._offsets)
        return self._changed(looping.periods(estimate), before, (*met, before[2]))[self._middle()]

    def _finished(self, clean: Float) -> Motion:
        (root, local, contacts), step = self._decoded(clean)
        start = self._middle().start
        constraints = looping.repeated(self._constraints, step)
        if self._constraints.empty:
            turn = rotation.about_y(-float(rotation.heading(local[start, 0])))
            root, local = rotation.rotate(turn, root), local.copy()
            local[:, 0] = rotation.multiply(turn, local[:, 0])
        else:
            root, local = project(root, local, constraints, self._offsets)
            constraints = looping.anchored(constraints, root[start], step)
        motion = Motion(
            fps=self._info.fps, root_positions=root, local_rotations=local, contacts=contacts,
            rest_offsets=self._offsets, request=self._request, pack=self._info.label,
        )  # fmt: skip
        self._report(Progress(PLANTING, 0, 1))
        motion = clean_up(motion, constraints) if self._request.sampling.cleanup else _projected(motion, constraints)
        self._report(Progress(PLANTING, 1, 1))
        closed = loops.middle_period(motion)
        return loops.in_place(closed) if self._request.loop == "in_place" else closed


def _projected(motion: Motion, constraints: Constraints) -> Motion:
    root, local = project(motion.root_positions, motion.local_rotations, constraints, motion.rest_offsets)
    return replace(motion, root_positions=root, local_rotations=local)
