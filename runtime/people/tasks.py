"""What Blender asks the worker about videos (`runtime.tasks`): what one is, who is in it, a person's keypoints."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .. import fields
from ..errors import RequestError
from ..keypoint_file import save_keypoints
from ..media.video import probe as probe_video
from ..progress import Progress
from ..tasks import TaskResult
from . import store
from .camera_motion import stands_still
from .edits import Edits, edited
from .footage import Footage, look_at
from .keypoint_tracks import keypoint_track
from .landmarks import to_keypoints

Report = Callable[[Progress], None]
Stop = Callable[[], bool]


def probe(arguments: Mapping[str, Any], report: Report, should_stop: Stop) -> TaskResult:
    """Task "video.probe": what a video says about itself.

    Args:
        arguments: {"path", "series_fps"?}.
        report: not needed.
        should_stop: not needed.

    Returns:
        {"width", "height", "fps", "seconds", "focal_px" or null}.
    """
    info = probe_video(_path(arguments), _series_fps(arguments))
    names = ("width", "height", "fps", "seconds", "focal_px")
    return TaskResult({name: getattr(info, name) for name in names})


def detect(arguments: Mapping[str, Any], report: Report, should_stop: Stop) -> TaskResult:
    """Task "video.detect": who is in a video.

    Args:
        arguments: {"path", "series_fps"?, "edits"? (`runtime.people.edits`)}.
        report: told of every picture.
        should_stop: asked at every picture.

    Returns:
        What `probe` says; "cuts" in seconds; "still" camera or not; "people", each with "start" and "stop" in seconds,
        "seen" seconds and "confidence" 0..1, the most prominent first. Arrays: thumbnails (P, 128, 128, 3) uint8, and
        for person k times_k (n,) seconds and keypoints_k (n, 17, 3) shown pixels and confidence.
    """
    path, series_fps = _path(arguments), _series_fps(arguments)
    edits = Edits.from_json(arguments.get("edits") or {})
    footage = look_at(path, report, should_stop, series_fps=series_fps)
    arrays: dict[str, Any] = {"thumbnails": np.zeros((0, 128, 128, 3), np.uint8)}
    if footage.tracks:
        arrays["thumbnails"] = np.stack([track.thumbnail for track in footage.tracks])
    people = []
    for number, track in enumerate(footage.tracks):
        times = footage.times[track.frames]
        points = edited(to_keypoints(track.points, track.visible), times, edits, number)
        arrays[f"times_{number}"], arrays[f"keypoints_{number}"] = times, points
        people.append(_person(times, points, footage))
    told = probe(arguments, report, should_stop).value
    cuts = [float(footage.times[cut]) for cut in footage.cuts]
    still = all(stands_still(footage.rotations[first:stop]) for first, stop in footage.shots())
    return TaskResult(told | {"seconds": footage.seconds, "cuts": cuts, "still": still, "people": people}, arrays)


def keypoints(arguments: Mapping[str, Any], report: Report, should_stop: Stop) -> TaskResult:
    """Task "video.keypoints": the keypoints of a person, with corrections, as a file that a request can name.

    Args:
        arguments: {"path", "person"?, "series_fps"?, "edits"?, "focal_px"?, "fps"? of the model}.
        report: told of every picture that was not looked at before.
        should_stop: asked at every picture.

    Returns:
        {"path": keypoint file, kept with the other results, "frames", "fps", "focal_px"}; arrays: keypoints (n, 17, 3).
    """
    path, series_fps = _path(arguments), _series_fps(arguments)
    person = fields.integer(arguments.get("person", 0), "person", 0, 1000)
    fps = fields.number(arguments.get("fps", 30.0), "fps", 1.0, 1000.0)
    focal = arguments.get("focal_px")
    focal = None if focal is None else fields.number(focal, "focal_px", 1.0)
    edits = Edits.from_json(arguments.get("edits") or {})
    footage = look_at(path, report, should_stop, series_fps=series_fps)
    try:
        track = keypoint_track(footage, person, fps, focal_px=focal, edits=edits)
    except RequestError as error:
        raise RequestError(f"{path}: {error}") from error
    file = store.cache_folder() / f"{store.fingerprint(path, series_fps, person, fps, focal, edits)}.keypoints.npz"
    file.parent.mkdir(parents=True, exist_ok=True)
    save_keypoints(track, file)
    told = {"path": str(file), "frames": len(track.points), "fps": fps, "focal_px": track.focal_px}
    return TaskResult(told, {"keypoints": track.points})


def _person(times: Any, points: Any, footage: Footage) -> dict[str, float]:
    """What is said of a person."""
    step = footage.seconds / max(len(footage.times), 1)
    if not len(times):
        return {"start": 0.0, "stop": 0.0, "seen": 0.0, "confidence": 0.0}
    seen = {"start": float(times[0]), "stop": float(times[-1]) + step, "seen": len(times) * step}
    return seen | {"confidence": float(points[..., 2].mean())}


def _path(arguments: Mapping[str, Any]) -> str:
    path = fields.text(arguments.get("path"), "path")
    if not path:
        raise RequestError("Choose a video first")
    return path


def _series_fps(arguments: Mapping[str, Any]) -> float | None:
    fps = arguments.get("series_fps")
    return None if fps is None else fields.number(fps, "series_fps", 0.1, 1000.0)
