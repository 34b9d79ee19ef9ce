"""`genmo estimate` of videos: what is asked of the video, and looking at it before the motion is made."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .errors import RequestError, UserError
from .films import frames_of, is_keypoint_file
from .progress import Progress
from .request import Camera, Video

Report = Callable[[Progress], None]
Stop = Callable[[], bool]


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `estimate` that are about the video."""
    parser.add_argument("video", metavar="VIDEO", help="video, folder of pictures, or keypoint file (.npz)")
    parser.add_argument("--person", metavar="N", type=int, default=0, help="which one; 0 is the most prominent")
    parser.add_argument("--start", metavar="SECONDS", type=float, default=0.0, help="leave out what is before")
    parser.add_argument("--stop", metavar="SECONDS", type=float, help="leave out what is after")
    parser.add_argument("--edits", metavar="EDITS.json", type=Path, help="corrections of the keypoints")
    parser.add_argument("--fps", metavar="N", type=float, help="pictures per second of a series of pictures")
    parser.add_argument("--focal", metavar="PIXELS", type=float, help="focal length, if the file does not tell it")
    parser.add_argument("--moving", action="store_true", help="the camera does not stay in its place")
    parser.add_argument("--flip", action="store_true", help="the picture is mirrored")


def video_of(arguments: argparse.Namespace, fps: float, report: Report, should_stop: Stop) -> Video:
    """The video of the command, looked at if it has not been before.

    Args:
        arguments: with the options of `add_options`.
        fps: frames per second of the model.
        report: told of every picture.
        should_stop: asked at every picture.

    Raises:
        UserError: the video or the edits cannot be read, or the options do not fit; one sentence.
        CancelledError: `should_stop` said so.
    """
    known = None if arguments.focal is None and not arguments.moving else Camera(arguments.focal, not arguments.moving)
    path, person, frames = arguments.video, arguments.person, 0
    if is_keypoint_file(path):
        if arguments.edits or arguments.fps:
            raise RequestError(f"{path}: a keypoint file takes neither --edits nor --fps")
        frames = frames_of(path, fps)
    else:
        path, person, frames = _looked_at(arguments, fps, report, should_stop)
    first = arguments.start * fps
    last = frames if arguments.stop is None else min(frames, round(arguments.stop * fps))
    if not 0 <= first < frames or round(last - first) < 1:
        raise RequestError(f"{arguments.video}: lasts {frames / fps:.2f} s, nothing is between --start and --stop")
    count = max(1, round(last - first))
    return Video(path, 0, count, arguments.start, person=person, flip=arguments.flip, camera=known)


def _looked_at(arguments: argparse.Namespace, fps: float, report: Report, should_stop: Stop) -> tuple[str, int, int]:
    """Path and person to name in the request, and frames of the model that the video lasts."""
    from .people import tasks  # loads PyAV and ONNX Runtime

    asked: dict[str, Any] = {"path": arguments.video, "person": arguments.person, "fps": fps}
    if arguments.fps is not None:
        asked["series_fps"] = arguments.fps
    if arguments.focal is not None:
        asked["focal_px"] = arguments.focal
    if arguments.edits is not None:
        asked["edits"] = _read_edits(arguments.edits)
    found = tasks.keypoints(asked, report, should_stop).value
    if arguments.edits is None and arguments.fps is None:
        return arguments.video, arguments.person, found["frames"]
    return found["path"], 0, found["frames"]


def _read_edits(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: is not JSON ({error})") from error
