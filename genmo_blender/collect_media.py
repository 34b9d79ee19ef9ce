"""Video, music and reference rows of a character -> members of the request; what is muted is left out."""

import hashlib
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import bpy
import numpy as np
from bpy.types import Object, Scene

from ..runtime import rotation
from ..runtime.errors import UserError
from ..runtime.keypoint_file import load_keypoints
from ..runtime.motion import save_motion
from ..runtime.request import Camera, Music, Quaternion, Reference, Video
from .core import coordinates
from .core.timeline import Timeline
from .corrections import source_of
from .properties_media import absolute
from .sampling import Sampler

LISTS: Final = {"prompts": "prompts", "videos": "videos", "music": "music", "reference": "references"}
"""List of a request -> track that its members come from, muted rows left out."""
_LENS_FROM_CAMERA: Final = np.diag((1.0, -1.0, -1.0))
"""A picture's axes (x right, y down, z forward) in those of a Blender camera (y up, looking along -z)."""


def heard(rows: Iterable[Any]) -> Iterator[tuple[int, Any]]:
    """The rows of a track that are not muted, each with its number."""
    return ((index, row) for index, row in enumerate(rows) if not row.mute)


def row_numbers(character: Any) -> dict[str, tuple[int, ...]]:
    """List of the request -> number of the row that each of its members comes from."""
    return {name: tuple(index for index, _ in heard(getattr(character, track))) for name, track in LISTS.items()}


def span(timeline: Timeline, start: int, stop: int) -> tuple[int, int]:
    """Model frames of a scene range; a reversed one stays reversed, for `validation.problems` to tell."""
    if stop > start:
        return timeline.model_range(start, stop)
    return timeline.model_frame(start), timeline.model_frame(stop)


def videos(character: Any, timeline: Timeline, scene: Scene, sampler: Sampler) -> tuple[Video, ...]:
    """The videos of a character.

    Raises:
        UserError: a camera is asked for that is not there.
    """
    return tuple(_video(row, timeline, scene, sampler) for _, row in heard(character.videos))


def music(character: Any, timeline: Timeline) -> tuple[Music, ...]:
    """The music of a character."""
    return tuple(
        Music(absolute(row), *span(timeline, row.start, row.stop), source_start=row.source_start)
        for _, row in heard(character.music)
    )


def references(character: Any, timeline: Timeline) -> tuple[Reference, ...]:
    """The reference motions of a character.

    Raises:
        UserError: a motion that is kept in the .blend is damaged, or cannot be handed to the worker.
    """
    return tuple(_reference(row, timeline) for _, row in heard(character.references))


def _reference(row: Any, timeline: Timeline) -> Reference:
    path = str(motion_file(row.data, row.frames, row.fps)) if row.data else absolute(row)
    skipped = max(0, round(row.source_start * timeline.model_fps / timeline.scene_fps))
    return Reference(path, *span(timeline, row.start, row.stop), source_start=skipped, strength=row.strength)


def motion_file(data: str, frames: int, fps: float) -> Path:
    """A file with a motion that is packed in the .blend: the worker reads files. It goes with this Blender.

    Raises:
        UserError: the motion is damaged, or the file cannot be written.
    """
    name = hashlib.sha256(f"{frames} {fps} {data}".encode()).hexdigest()[:24]
    from .takes import unpack  # which itself stands on `collect`

    path = Path(bpy.app.tempdir) / f"genmo-reference-{name}.npz"
    if not path.is_file():
        save_motion(unpack(data, frames, fps), path)
    return path


def _video(row: Any, timeline: Timeline, scene: Scene, sampler: Sampler) -> Video:
    start, stop = span(timeline, row.start, row.stop)
    path, person = source_of(row)
    return Video(
        path=path,
        start=start,
        stop=stop,
        source_start=row.source_start,
        person=person,
        flip=row.flip,
        camera=_camera(row, timeline, scene, sampler, range(start, stop)),
    )


def _camera(row: Any, timeline: Timeline, scene: Scene, sampler: Sampler, frames: range) -> Camera | None:
    match row.camera_source:
        case "FOCAL":
            return Camera(row.focal_px, row.static)
        case "OBJECT" if row.camera:
            return _object_camera(row, timeline, scene, sampler, frames)
        case "CLIP" if row.clip:
            return _clip_camera(row, timeline, frames)
        case "UNKNOWN":
            return None if row.static else Camera(static=False)
    raise UserError(f"'{row.name or 'The video'}': choose the {row.camera_source.lower()} that filmed it")


def _object_camera(row: Any, timeline: Timeline, scene: Scene, sampler: Sampler, frames: range) -> Camera:
    """The lens and the turning of a camera object; the world's up is known with it."""
    matrices = sampler.matrices(row.camera, [timeline.scene_frame(frame) for frame in frames])
    turns = coordinates.nearest_rotations(matrices[:, :3, :3]) @ _LENS_FROM_CAMERA
    return Camera(
        _focal_px(row.camera, _picture_size(row, scene)),
        row.static,
        _quaternions(coordinates.BLENDER_FROM_MODEL.T @ turns),
        level=True,
    )


def _focal_px(camera: Object, size: tuple[float, float]) -> float:
    """Focal length in pixels of a picture of this size, as Blender fits the sensor to it."""
    lens: Any = camera.data
    width, height = size
    upright = lens.sensor_fit == "VERTICAL" or (lens.sensor_fit == "AUTO" and height > width)
    sensor = lens.sensor_height if lens.sensor_fit == "VERTICAL" else lens.sensor_width
    return lens.lens * (height if upright else width) / sensor


def _picture_size(row: Any, scene: Scene) -> tuple[float, float]:
    """Width and height of the video in pixels: of its clip, of its keypoints, else those of the scene's render."""
    if row.clip and all(row.clip.size):
        return tuple(row.clip.size)
    path = absolute(row)
    if path.lower().endswith(".npz") and Path(path).is_file():
        return _keypoint_size(path, Path(path).stat().st_mtime_ns)
    return scene.render.resolution_x, scene.render.resolution_y


@lru_cache(maxsize=16)
def _keypoint_size(path: str, _written: int) -> tuple[float, float]:
    width, height = load_keypoints(path).image_size
    return float(width), float(height)


def _clip_camera(row: Any, timeline: Timeline, frames: range) -> Camera:
    """The solved camera of a movie clip.

    Raises:
        UserError: the clip has not been solved over the range.
    """
    tracking = row.clip.tracking
    fps = row.clip.fps or timeline.scene_fps
    seconds = row.source_start + (np.arange(len(frames))) / timeline.model_fps
    solved = tracking.reconstruction
    if not solved.is_valid:
        raise UserError(f"The camera of the clip '{row.clip.name}' is not solved: solve it in the Movie Clip Editor")
    matrices = np.array([solved.cameras.matrix_from_frame(frame=round(1 + second * fps)) for second in seconds])
    turns = coordinates.nearest_rotations(matrices[:, :3, :3]) @ _LENS_FROM_CAMERA
    return Camera(tracking.camera.focal_length_pixels, row.static, _quaternions(turns))


def _quaternions(matrices: np.ndarray) -> tuple[Quaternion, ...]:
    """Turns (N, 4) of rotation matrices (N, 3, 3), as a request has them."""
    turns = rotation.continuous(rotation.from_matrix(matrices))
    return tuple((float(w), float(x), float(y), float(z)) for w, x, y, z in turns)
