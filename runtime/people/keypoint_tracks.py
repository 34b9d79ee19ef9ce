"""Keypoint tracks, as the model follows them, from the people in a video."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .. import rotation
from ..errors import RequestError
from ..keypoint_file import KeypointTrack
from ..keypoints import KEYPOINTS
from ..media.video import probe
from ..progress import Progress
from .camera_motion import stands_still
from .edits import Edits, edited
from .footage import Footage, Track, look_at
from .landmarks import evenly, sides_kept, to_keypoints

Array = NDArray[np.float64]

SLACK: Final = 0.1
"""Of a frame, by which times may be off: many files count in milliseconds."""
_APART: Final = 0.35
"""Seconds without a person after which sides are judged anew."""


def seconds_of(path: str) -> float:
    """How long a video lasts, without looking at it if it says so.

    Raises:
        RequestError: it cannot be read; one sentence.
        UserError: PyAV is missing.
    """
    return probe(path).seconds or look_at(path).seconds


def read_track(
    path: str,
    person: int,
    fps: float,
    report: Callable[[Progress], None],
    should_stop: Callable[[], bool],
    *,
    focal_px: float | None = None,
    edits: Edits | None = None,
    series_fps: float | None = None,
) -> KeypointTrack:
    """The keypoints of one person in a video.

    Args:
        path: video, folder of pictures or one of a series.
        person: number, 0 is the most prominent.
        fps: frames per second of the result.
        report: told of every picture.
        should_stop: asked at every picture.
        focal_px: focal length, if somebody knows it.
        edits: corrections.
        series_fps: pictures per second of a series.

    Raises:
        RequestError: the file cannot be read, nobody is in it, or it has no such person; one sentence.
        UserError: PyAV or ONNX Runtime is missing.
        CancelledError: `should_stop` said so.
    """
    footage = look_at(path, report, should_stop, series_fps=series_fps)
    try:
        return keypoint_track(footage, person, fps, focal_px=focal_px, edits=edits)
    except RequestError as error:
        raise RequestError(f"{path}: {error}") from error


def keypoint_track(
    footage: Footage, person: int, fps: float, *, focal_px: float | None = None, edits: Edits | None = None
) -> KeypointTrack:
    """The keypoints of one person on an even grid of frames.

    Args:
        footage: a video that was looked at.
        person: number.
        fps: frames per second of the result.
        focal_px: focal length, if somebody knows it better than the file.
        edits: corrections.

    Raises:
        RequestError: nobody is in the video, or it has no such person.
    """
    count = len(footage.tracks)
    if not count:
        raise RequestError("nobody was found in it")
    if not 0 <= person < count:
        people = "one person, number 0" if count == 1 else f"{count} people, numbers 0 to {count - 1}"
        raise RequestError(f"has {people}, there is no person {person}")
    grid = np.arange(max(1, math.floor(footage.seconds * fps + SLACK))) / fps
    points = _on_grid(footage, footage.tracks[person], grid, SLACK / fps)
    if edits is not None:
        points = edited(points, grid, edits, person)
    cuts = tuple(int(np.searchsorted(grid, footage.times[cut] - SLACK / fps)) for cut in footage.cuts)
    cuts = tuple(cut for cut in dict.fromkeys(cuts) if 0 < cut < len(grid))
    focal = focal_px or footage.focal_px
    size = np.array([footage.info.width, footage.info.height], np.float64)
    return KeypointTrack(fps, points, size, focal, camera_rotations(footage, grid, focal, SLACK / fps), cuts)


def _on_grid(footage: Footage, track: Track, grid: Array, slack: float) -> Array:
    """Keypoints (m, 17, 3) at the times of the grid; each shot for itself, none where the person is away."""
    result = np.zeros((len(grid), len(KEYPOINTS), 3))
    bounds = [*(float(footage.times[first]) for first, _ in footage.shots()), math.inf]
    for number, (first, stop) in enumerate(footage.shots()):
        here = (track.frames >= first) & (track.frames < stop)
        frames = np.flatnonzero((grid >= bounds[number] - slack) & (grid < bounds[number + 1] - slack))
        if not here.any() or not len(frames):
            continue
        times = footage.times[track.frames[here]]
        points, visible = track.points[here], track.visible[here]
        breaks = np.flatnonzero(np.diff(times) > _APART) + 1
        kept = [sides_kept(points[run], visible[run])[0] for run in np.split(np.arange(len(times)), breaks)]
        result[frames] = evenly(times, to_keypoints(np.concatenate(kept), visible), grid[frames])
    return result


def camera_rotations(footage: Footage, grid: Array, focal_px: float, slack: float = 1e-6) -> Array | None:
    """Turns (m, 4) of the camera at the times of the grid, None when it never turns.

    Another focal length than the one they were found with makes panning and tilting smaller or larger, rolling not.
    """
    result = rotation.identity(len(grid))
    turns = False
    for first, stop in footage.shots():
        rotations = footage.rotations[first:stop]
        if stands_still(rotations):
            continue
        turns = True
        angles = rotation.to_axis_angle(rotation.from_matrix(rotations))
        angles = np.unwrap(angles, axis=0) if len(angles) > 1 else angles
        angles = angles * np.array([footage.focal_px / focal_px, footage.focal_px / focal_px, 1.0])
        times = footage.times[first:stop]
        end = footage.times[stop] if stop < len(footage.times) else math.inf
        frames = (grid >= times[0] - slack) & (grid < end - slack)
        even = np.stack([np.interp(grid[frames], times, axis) for axis in angles.T], axis=-1)
        result[frames] = rotation.from_axis_angle(even)
    return rotation.continuous(result) if turns else None
