"""The camera that filmed a take as a Blender camera, with the video behind what it sees.

A motion from a video knows the turning, the place and the focal length of its camera in model space. The camera is
put into the world by the same matrix as the character, scale included, so that the character covers the person.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import bpy
import numpy as np
from bpy.types import Object, Scene
from mathutils import Matrix
from numpy.typing import NDArray

from ..runtime import rotation
from ..runtime.errors import UserError
from ..runtime.motion import Motion
from ..runtime.request import Video
from . import armature, bake, takes, tracks, videos
from .collect import frame_rate
from .core import coordinates
from .core.timeline import Timeline, resample_rotations, resample_values
from .fcurves import LINEAR, CurveKeys, Curves, write
from .properties import of_object
from .properties_media import absolute
from .sampling import Sampler

Array = NDArray[np.float64]

_LENS_FROM_CAMERA: Final = np.diag((1.0, -1.0, -1.0))
"""A Blender camera's axes (y up, looking along -z) in those of a picture (x right, y down, z forward)."""
_STILL: Final = 1e-4
"""Metres or radians within which a camera counts as standing still."""
_SENSOR: Final = 36.0
"""Width of the sensor in millimetres: any width would do, the lens goes with it."""


@dataclass(frozen=True, eq=False)
class Filmed:
    """The camera of a take on whole scene frames.

    Attributes:
        frames: (N,) scene frames.
        turns: (N, 4) world rotations of a Blender camera.
        places: (N, 3) in the world.
        focal_px: focal length.
        video: what was followed.
        path: file of the pictures, "" when only keypoints are known.
        skipped: seconds of the video's range before the first frame.
    """

    frames: NDArray[np.int64]
    turns: Array
    places: Array
    focal_px: float
    video: Video
    path: str
    skipped: float

    @property
    def stands(self) -> bool:
        """Whether it neither moves nor turns."""
        moved = float(np.ptp(self.places, axis=0).max())
        return moved < _STILL and float(rotation.angle(self.turns[:1], self.turns).max()) < _STILL


def of_take(target: Object, scene: Scene, row: Any) -> Filmed:
    """The camera that a take was filmed with.

    Raises:
        UserError: the take was not made from a video, or it is damaged.
    """
    motion = takes.motion_of(row)
    if motion.camera_rotations is None or motion.request is None or not motion.request.videos:
        raise UserError(f"'{row.name}' was not made from a video: add one and press Generate")
    video = motion.request.videos[0]
    clock = Timeline(frame_rate(scene), row.start, motion.fps)
    first, last = max(video.start, 0), min(video.stop, motion.frames) - 1
    start, stop = round(clock.scene_frame(first)), int(clock.scene_frame(last) + 1e-6)
    frames = np.arange(start, max(stop, start) + 1)
    times = np.clip((frames - row.start) * motion.fps / clock.scene_fps, first, last)
    turns, places = _in_world(target, motion, times)
    skipped = (times[0] - video.start) / motion.fps
    return Filmed(frames, turns, places, motion.focal_px or 1.0, video, _footage(target, video), float(skipped))


def _in_world(target: Object, motion: Motion, times: Array) -> tuple[Array, Array]:
    """Turns (N, 4) and places (N, 3) of a Blender camera at model times."""
    world = armature.world_from_model(target, tracks.bone_map(target))
    turns = resample_rotations(np.asarray(motion.camera_rotations)[:, None], times)[:, 0]
    matrices = coordinates.nearest_rotations(world[:3, :3]) @ rotation.to_matrix(turns) @ _LENS_FROM_CAMERA
    places = coordinates.transform_points(world, resample_values(np.asarray(motion.camera_positions), times))
    return rotation.continuous(rotation.from_matrix(matrices)), places


def _footage(target: Object, video: Video) -> str:
    """The video itself, also where its corrected keypoints were followed."""
    rows = (row for row in of_object(target).videos if row.corrected == video.path)
    path = next((absolute(row) for row in rows), video.path)
    return "" if path.lower().endswith(".npz") else path


def add_camera(target: Object, scene: Scene, row: Any, *, fit_scene: bool = True) -> Object:
    """A camera that sees a take as the video shows it; it becomes the scene's camera.

    Args:
        target: the armature.
        scene: gets the camera.
        row: a take.
        fit_scene: give the scene's render the size of the video, without which nothing covers anything.

    Raises:
        UserError: the take was not made from a video, or the video is gone.
    """
    filmed = of_take(target, scene, row)
    info = videos.probe(filmed.path or filmed.video.path)
    lens: Any = bpy.data.cameras.new(f"{row.name} Camera")
    camera: Any = bpy.data.objects.new(lens.name, lens)
    (target.users_collection[0] if target.users_collection else scene.collection).objects.link(camera)
    lens.sensor_fit, lens.sensor_width = "HORIZONTAL", _SENSOR
    lens.lens = filmed.focal_px * _SENSOR / info["width"]
    lens.clip_start = 0.01
    _animate(camera, filmed)
    scene.camera = camera
    if fit_scene:
        render = scene.render
        render.resolution_x, render.resolution_y = round(info["width"]), round(info["height"])
        render.pixel_aspect_x = render.pixel_aspect_y = 1.0
    if filmed.path:
        _put_behind(lens, filmed, info["fps"], frame_rate(scene))
    return camera


def _animate(camera: Any, filmed: Filmed) -> None:
    """Put the camera where it was, with keys on every frame if it moved."""
    camera.rotation_mode = "QUATERNION"
    camera.location, camera.rotation_quaternion = filmed.places[0].tolist(), filmed.turns[0].tolist()
    if filmed.stands:
        return
    curves = Curves(bpy.data.actions.new(camera.name), name=camera.name)
    frames = filmed.frames.astype(np.float64)
    kinds = np.full(len(frames), LINEAR, dtype=np.int32)
    for path, values in (("location", filmed.places), ("rotation_quaternion", filmed.turns)):
        for index, column in enumerate(values.T):
            write(curves.make("Camera", path, index), CurveKeys(frames, column, kinds))
    bake.assign_action(camera, curves.action)


def shown_picture(filmed: Filmed, scene_fps: float, fps: float) -> NDArray[np.int64]:
    """Number (N,) of the picture of the video, from 0, that belongs to each scene frame."""
    seconds = filmed.video.source_start + filmed.skipped + (filmed.frames - filmed.frames[0]) / scene_fps
    return np.maximum(np.floor(seconds * fps + 0.5 + 1e-6).astype(np.int64), 0)


def _put_behind(lens: Any, filmed: Filmed, fps: float, scene_fps: float) -> None:
    """Show the video behind the scene; where the rates differ, keys say which picture belongs to each frame.

    Blender shows picture (frame - start + offset), counted from 0, of a movie.
    """
    if not Path(filmed.path).is_file():  # the pictures of a folder can have any names
        return
    image, skipped = _pictures_of(Path(filmed.path))
    lens.show_background_images = True
    back = lens.background_images.new()
    back.source, back.image, back.alpha = "IMAGE", image, 1.0
    back.display_depth, back.frame_method = "BACK", "FIT"
    back.use_flip_x = filmed.video.flip
    user, pictures = back.image_user, shown_picture(filmed, scene_fps, fps)
    offsets = skipped + pictures - (filmed.frames - filmed.frames[0])
    user.use_auto_refresh = True
    user.frame_start, user.frame_offset = int(filmed.frames[0]), int(offsets[0])
    user.frame_duration = len(filmed.frames)
    changes = np.flatnonzero(np.diff(offsets, prepend=offsets[0] - 1))
    if len(changes) < 2:
        return
    for index in changes.tolist():
        user.frame_offset = int(offsets[index])
        user.keyframe_insert("frame_offset", frame=int(filmed.frames[index]))
    for curve in bake.curves_of(lens.animation_data.action):
        for point in curve.keyframe_points:
            point.interpolation = "CONSTANT"


def _pictures_of(file: Path) -> tuple[Any, int]:
    """A movie, or a series of numbered pictures; and how far Blender's count of its pictures begins after the first.

    Of a series Blender shows the picture whose number is one more than what it counts.
    """
    image: Any = bpy.data.images.load(str(file), check_existing=True)
    number = re.search(r"(\d+)$", file.stem)
    if image.source == "MOVIE" or not all(image.size):
        image.source = "MOVIE"  # also where Blender does not know it by its name
    elif number is not None:
        image.source = "SEQUENCE"
        head, first = file.stem[: number.start()], int(number.group())
        while file.with_name(f"{head}{first - 1:0{len(number.group())}}{file.suffix}").is_file():
            first -= 1
        return image, first - 1
    return image, 0


def align(target: Object, scene: Scene, row: Any, camera: Object) -> None:
    """Turn and move a character so that the camera of its take is where another camera is: one space for both.

    Args:
        target: the armature.
        scene: whose frames count.
        row: its take.
        camera: that of the first character.

    Raises:
        UserError: the take was not made from a video.
    """
    filmed = of_take(target, scene, row)
    with Sampler(scene) as sampler:
        wanted = sampler.matrices(camera, filmed.frames.astype(np.float64).tolist())
    forward = rotation.to_matrix(filmed.turns)[:, :, 2]
    angles = np.arctan2(wanted[:, 1, 2], wanted[:, 0, 2]) - np.arctan2(forward[:, 1], forward[:, 0])
    heading = float(np.angle(np.exp(1j * angles).mean()))
    turned = np.eye(4)
    turned[:2, :2] = [[np.cos(heading), -np.sin(heading)], [np.sin(heading), np.cos(heading)]]
    turned[:3, 3] = np.median(wanted[:, :3, 3] - filmed.places @ turned[:3, :3].T, axis=0)
    moved = turned @ np.array(target.matrix_world)
    target.matrix_world = Matrix(moved.tolist())
