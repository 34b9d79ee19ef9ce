"""Requests through the published model: one sampler run over the whole timeline, or one forward pass for film alone.

As published (genmo.md sections 6 and 7), with two additions. Constraints are projected into every estimate, although
the network has no such inputs; and a request that guidance cannot change is not run twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..cleanup import clean_up
from ..constraints import Constraints, constraints_from
from ..errors import CancelledError, RequestError
from ..films import Film, filmed_mask, films_from
from ..following import with_cameras
from ..motion import Motion
from ..pack import ModelPack
from ..progress import Progress
from ..projection import project
from ..request import MotionRequest
from ..sampler import regress, sample, stepped_as_published
from . import images, space, told
from .layout import LAYOUT, MOTION
from .model import Denoiser, noise
from .networks import GemNetworks
from .space import GemSpace, Scene

Array = NDArray[np.float64]
Float = NDArray[np.float32]
Report = Callable[[Progress], None]

PROMPTS, FOLLOWING, MOVING, PLANTING = (
    "Reading the prompts", "Following the video", "Making the motion", "Planting the feet",
)  # fmt: skip


class GemRun:
    """One request on its way through conditions, sampler, projection and clean-up."""

    def __init__(
        self, request: MotionRequest, pack: ModelPack, networks: GemNetworks, report: Report, stop: Callable[[], bool]
    ) -> None:
        """Read the request.

        Raises:
            RequestError: it asks for what this model cannot do, or a file cannot be used.
        """
        for name in ("loop", "vary"):
            if getattr(request, name, None):
                raise RequestError(f"{name}: the model {pack.info.label} cannot do this, choose GENMO's own model")
        self._request, self._info, self._networks = request, pack.info, networks
        self._report, self._stop = report, stop
        self._constraints = constraints_from(request)
        self._films = films_from(request, pack.info.fps, report, stop)
        if networks.sees_images:
            encoder = networks.image_encoder
            self._films = images.with_images(request, self._films, pack.info.fps, encoder, report, stop)
        self._body = space.body_of(pack.info)
        self._offsets = np.asarray(pack.info.rest_offsets)
        conditions = told.conditions_from(request, self._films, pack.info.fps)
        self._space = GemSpace(pack.info, conditions.camera, self._constraints, self._offsets)
        if request.prompts:
            report(Progress(PROMPTS, 0, 1))
        embeddings = networks.prompts([prompt.text for prompt in request.prompts])
        texts, ranges = told.texts_from(request.prompts, embeddings, request.frames)
        self._denoiser = Denoiser(networks.denoiser, networks.conditions, conditions, texts, ranges)

    def motions(self) -> list[Motion]:
        """As many motions as are asked for; an estimate is the same for all samples."""
        count = self._request.sampling.samples
        if estimates(self._request, self._constraints, self._films):
            return [self._finished(self._estimated())] * count
        return [self._finished(self._sampled(index, count)) for index in range(count)]

    def _estimated(self) -> Float:
        """One forward pass: what the film alone says."""
        if self._stop():
            raise CancelledError("stopped")
        phase = FOLLOWING + self._networks.remark
        self._report(Progress(phase, 0, 1))
        clean = regress(self._denoiser, self._request.frames, LAYOUT.width)
        self._report(Progress(phase, 1, 1))
        return clean

    def _sampled(self, index: int, count: int) -> Float:
        sampling, request = self._request.sampling, self._request
        steps = sampling.steps or self._info.sampler.steps
        guidance = self._info.sampler.guidance if sampling.guidance is None else sampling.guidance
        shape = (request.frames, MOTION.width)
        start = np.random.default_rng([sampling.seed, index]).standard_normal(shape, np.float32)
        return sample(
            self._denoiser,
            noise(request.frames, start),
            steps=steps,
            guidance=guidance if request.prompts or request.music else 1.0,
            refine=self._refine,
            on_step=lambda done: self._report(
                Progress(MOVING + self._networks.remark, index * steps + done, steps * count)
            ),
            should_stop=self._stop,
            step_on=stepped_as_published,
        )

    def _refine(self, estimate: Float) -> Float:
        """Put the constraints into an estimate."""
        if self._constraints.empty:
            return estimate
        scene = self._space.scene(estimate)
        root, local = project(scene.root, scene.local, self._constraints, self._offsets)
        return self._space.changed(estimate, scene, root, local)

    def _finished(self, clean: Float) -> Motion:
        scene = self._space.scene(clean)
        cleanup = self._request.sampling.cleanup
        if cleanup:
            self._report(Progress(PLANTING, 0, 1))
        motion = self._free(scene, cleanup) if self._constraints.empty else self._fixed(scene, cleanup)
        if cleanup:
            self._report(Progress(PLANTING, 1, 1))
        return motion

    def _free(self, scene: Scene, cleanup: bool) -> Motion:
        """A motion without constraints: the published clean-up, on a body of the estimated shape if there is film."""
        joints = self._body.joints
        if self._films:
            filmed = filmed_mask(self._films, self._request.frames)
            joints = self._body.rest_joints(scene.decoded.betas[filmed].mean(axis=0))
        offsets = space.layout.offsets_of(joints)
        scene = space.cleaned(scene, joints) if cleanup else space.grounded(scene, offsets)
        scene = space.at_origin(scene)
        return self._filmed(self._motion(scene.root, scene.local, scene, offsets), scene)

    def _fixed(self, scene: Scene, cleanup: bool) -> Motion:
        """A motion with constraints: they are met exactly on the pack's own body, and our clean-up keeps them."""
        root, local = project(scene.root, scene.local, self._constraints, self._offsets)
        motion = self._motion(root, local, scene, self._offsets)
        return self._filmed(clean_up(motion, self._constraints) if cleanup else motion, scene)

    def _motion(self, root: Array, local: Array, scene: Scene, offsets: Array) -> Motion:
        return Motion(
            fps=self._info.fps, root_positions=root, local_rotations=local, contacts=scene.contacts,
            rest_offsets=offsets, request=self._request, pack=self._info.label,
        )  # fmt: skip

    def _filmed(self, motion: Motion, scene: Scene) -> Motion:
        """The motion with the cameras that it was seen by."""
        if not self._films:
            return motion
        return with_cameras(motion, [_seen_by(film, scene.cameras()[film.frames]) for film in self._films])


def _seen_by(film: Film, cameras: Array) -> Film:
    """A film with the cameras (n, 3, 3) of an estimate; one that stays and does not turn gets their mean."""
    if film.stands and np.ptp(film.cameras, axis=0).max() < told.STILL:
        left, _, right = np.linalg.svd(cameras.mean(axis=0))
        sign = np.diag([1.0, 1.0, np.linalg.det(left @ right)])
        cameras = np.tile(left @ sign @ right, (len(cameras), 1, 1))
    return replace(film, cameras=cameras)


def estimates(request: MotionRequest, constraints: Constraints, films: tuple[Film, ...]) -> bool:
    """Whether one forward pass answers a request: it says so, or only follows videos.

    Key poses close together are no reason here: the network is not told of them, so it would give one mean pose.
    """
    mode = request.sampling.mode
    if mode != "auto":
        return mode == "estimate"
    if not films or request.prompts or request.music:
        return False
    fixed = constraints.pose_mask.any(axis=1) | constraints.root_mask.any(axis=1) | constraints.heading_mask
    for pin in constraints.pins:
        fixed[pin.start : pin.stop] = True
    filmed = filmed_mask(films, request.frames)
    return bool(filmed.all()) or not (fixed & ~filmed).any()
