"""The videos of a request on the frame grid: keypoints as slopes of viewing rays, and what is known of the cameras.

Videos are looked at by `runtime.people`; keypoint files (`runtime.keypoint_file`) are taken as they are. Both are
resampled by time to the model's frame rate.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from . import rotation
from .errors import RequestError
from .keypoint_file import KeypointTrack, load_keypoints
from .keypoints import SIDES
from .progress import Progress
from .request import MotionRequest, Video

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Watch = tuple[Callable[[Progress], None], Callable[[], bool]]
"""What is told of progress, and what says whether to stop."""

SEEN: Final = 0.5
"""A keypoint with more confidence than this is visible (genmo.md section 4.1)."""

UPRIGHT: Final = np.diag([-1.0, -1.0, 1.0])
"""World to camera of a level camera that looks along +Z; rows are its right, down and forward."""

_MIRROR: Final = np.array([1.0, 1.0, -1.0, -1.0])
"""Reflects a rotation in the plane x = 0."""
_TURNING: Final = 1e-3
"""Radians between its frames from which on a camera is one that moves."""


@dataclass(frozen=True, eq=False)
class Film:
    """One video on n consecutive frames of the motion.

    Attributes:
        start: first frame.
        points: (n, 17, 3) x and y in pixels, confidence; of the picture as it was before it was mirrored.
        slopes: (n, 17, 2) the same points as slopes of viewing rays.
        visible: (n, 17).
        focal_px: focal length.
        cameras: (n, 3, 3) rotations from the world to the camera, rows right, down, forward.
        level: whether "down" of `cameras` is known; else the first frame is taken to be upright and level.
        placed: whether their world is that of the request; else it is any that is turned about Y.
        stands: whether the camera stays in its place.
        images: (n, 1024) what an image encoder says of each frame, None when nobody asked it.
    """

    start: int
    points: Array
    slopes: Array
    visible: Mask
    focal_px: float
    cameras: Array
    level: bool
    placed: bool
    stands: bool
    images: Array | None = None

    @property
    def stop(self) -> int:
        """Frame after the last."""
        return self.start + len(self.points)

    @property
    def frames(self) -> slice:
        """Its frames in the motion."""
        return slice(self.start, self.stop)

    @property
    def weights(self) -> Array:
        """(n, 17) confidence of the visible keypoints, 0 for the others."""
        return self.points[..., 2] * self.visible

    def cut(self, first: int, last: int) -> Film:
        """The film on frames `[first, last)` of the motion."""
        part = slice(first - self.start, last - self.start)
        return replace(
            self, start=first, points=self.points[part], slopes=self.slopes[part], visible=self.visible[part],
            cameras=self.cameras[part], images=None if self.images is None else self.images[part],
        )  # fmt: skip


def films_from(
    request: MotionRequest,
    fps: float,
    report: Callable[[Progress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> tuple[Film, ...]:
    """The videos of a request; where two cover the same frames, the later one in the request is followed.

    Args:
        request: with ranges in model frames; parts outside `[0, frames)` are left out.
        fps: frames per second of the model.
        report: told of the progress where a video has to be looked at first.
        should_stop: asked meanwhile.

    Returns:
        Films without common frames, by start; a film ends at a cut.

    Raises:
        RequestError: a file cannot be read or does not reach the range; one sentence.
        UserError: a video needs PyAV or ONNX Runtime, which is missing.
        CancelledError: `should_stop` said so.
    """
    watch = (report or (lambda _: None), should_stop or (lambda: False))
    owner = np.full(request.frames, -1)
    films: dict[int, Film] = {}
    for index, video in enumerate(request.videos):
        for film in _films(video, request.frames, fps, f"videos[{index}]", watch):
            films[len(films)] = film
            owner[film.frames] = len(films) - 1
    changes = np.flatnonzero(np.diff(owner)) + 1
    bounds = [0, *changes.tolist(), request.frames]
    return tuple(films[owner[first]].cut(first, last) for first, last in pairwise(bounds) if owner[first] >= 0)


def frames_of(path: str, fps: float) -> int:
    """How many frames of the model a video lasts, at least one.

    Args:
        path: video, or keypoint file.
        fps: frames per second of the model.

    Raises:
        RequestError: it cannot be read; one sentence.
        UserError: PyAV is needed and missing.
    """
    if is_keypoint_file(path):
        track = load_keypoints(path)
        seconds = len(track.points) / track.fps
    else:
        from .people.keypoint_tracks import seconds_of  # loads PyAV

        seconds = seconds_of(path)
    return max(1, int(seconds * fps + 0.1))  # files count in milliseconds, or worse


def is_keypoint_file(path: str) -> bool:
    """Whether a path is that of a keypoint file, by its name."""
    return Path(path).suffix.lower() == ".npz"


def _track(video: Video, fps: float, watch: Watch) -> KeypointTrack:
    if is_keypoint_file(video.path):
        if video.person != 0:
            raise RequestError("a keypoint file has one person, 'person' must be 0")
        return load_keypoints(video.path)
    from .people.keypoint_tracks import read_track  # loads PyAV and ONNX Runtime

    return read_track(video.path, video.person, fps, *watch, focal_px=video.camera.focal_px if video.camera else None)


def _films(video: Video, frames: int, fps: float, place: str, watch: Watch) -> list[Film]:
    """A video on the frames of the request, one film for each shot."""
    start, stop = max(video.start, 0), min(video.stop, frames)
    if start >= stop:
        return []
    try:
        track = _track(video, fps, watch)
    except RequestError as error:
        raise RequestError(f"{place}: {error}") from error
    first = (video.source_start + (start - video.start) / fps) * track.fps
    bounds = [start, *(start + math.ceil((cut - first) * fps / track.fps - 1e-6) for cut in track.cuts), stop]
    shots = [(max(one, start), min(other, stop)) for one, other in pairwise(bounds)]
    films = [_film(video, track, shot, fps, place) for shot in shots if shot[0] < shot[1]]
    return [film for film in films if film is not None]


def _film(video: Video, track: KeypointTrack, shot: tuple[int, int], fps: float, place: str) -> Film | None:
    """One shot; None when the video ends before it, which only the first one must not."""
    start, stop = shot
    at = (video.source_start + (np.arange(start, stop) - video.start) / fps) * track.fps
    at = at[at < len(track.points) - 0.5 + 1e-6]
    if not len(at) and start > max(video.start, 0):
        return None
    if not len(at):
        seconds = len(track.points) / track.fps
        raise RequestError(f"{place}: '{video.path}' lasts {seconds:.2f} s and ends before the range begins")
    rotations, stands = _rotations(video, track, at, start - video.start)
    points = _points_at(track.points, at)
    if video.flip:
        points = points[:, SIDES]
        points[..., 0] = track.image_size[0] - points[..., 0]
        rotations = None if rotations is None else rotations * _MIRROR
    given = video.camera.focal_px if video.camera else None
    focal = given or track.focal_px or float(np.hypot(*track.image_size))
    level = rotations is not None and video.camera is not None and video.camera.level
    return Film(
        start=start,
        points=points,
        slopes=(points[..., :2] - track.image_size / 2.0) / focal,
        visible=points[..., 2] > SEEN,
        focal_px=focal,
        cameras=_cameras(rotations, len(at), level=level),
        level=level,
        placed=level,
        stands=stands,
        images=None if track.images is None or video.flip else track.images[_nearest(at, len(track.points))],
    )


def _rotations(video: Video, track: KeypointTrack, at: Array, skipped: int) -> tuple[Array | None, bool]:
    """Camera to world (n, 4) on the frames `at` (n,) of the file, if known; and whether the camera stays in place."""
    camera = video.camera
    if camera is not None and camera.rotations is not None:
        return rotation.normalize(camera.rotations)[skipped : skipped + len(at)], camera.static
    if track.camera_rotations is None:
        return None, camera is None or camera.static
    below, above, share = _neighbours(at, len(track.points))
    rotations = rotation.slerp(track.camera_rotations[below], track.camera_rotations[above], share)
    # Nobody said whether a camera that turns stays in its place: then it is safer to say that it does not.
    still = float(rotation.angle(rotations, rotations[:1]).max()) < _TURNING
    return rotations, camera.static if camera is not None else still


def _cameras(rotations: Array | None, count: int, *, level: bool) -> Array:
    """World to camera (n, 3, 3)."""
    if rotations is None:
        return np.tile(UPRIGHT, (count, 1, 1))
    matrices = rotation.to_matrix(rotation.conjugate(rotations))
    return matrices if level else matrices @ matrices[0].T @ UPRIGHT


def _nearest(at: Array, count: int) -> NDArray[np.int64]:
    """The whole frame nearest to each place."""
    return np.minimum(np.rint(at).astype(np.int64), count - 1)


def _neighbours(at: Array, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64], Array]:
    """Frames before and after the places `at`, and the share of the one after."""
    inside = np.clip(at, 0.0, count - 1.0)
    below = np.minimum(inside.astype(np.int64), max(count - 2, 0))
    return below, np.minimum(below + 1, count - 1), inside - below


def _points_at(points: Array, at: Array) -> Array:
    """Keypoints (n, 17, 3) at fractional frames: interpolated between visible ones, else the nearest."""
    below, above, share = _neighbours(at, len(points))
    nearest = points[np.where(share < 0.5, below, above)].copy()
    both = ((points[below, :, 2] > SEEN) & (points[above, :, 2] > SEEN))[..., None]
    between = points[below] * (1.0 - share)[:, None, None] + points[above] * share[:, None, None]
    nearest[..., :2] = np.where(both, between[..., :2], nearest[..., :2])
    return nearest


def filmed_mask(films: Sequence[Film], frames: int) -> Mask:
    """(T,) frames that a film covers."""
    mask = np.zeros(frames, dtype=bool)
    for film in films:
        mask[film.frames] = True
    return mask
