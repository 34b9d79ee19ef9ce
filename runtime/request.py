"""What an animator asks for: prompts, key poses, pins, a path, video, music and reference motion on one timeline.

The dataclasses mirror the JSON of DESIGN section 4 one to one, in model space: Y up, metres, w-first quaternions,
frame ranges half-open `[start, stop)`. `from_json` checks the form (types, sizes, finite numbers, order of ranges);
whether a well-formed request makes sense is the question of `runtime.validation`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path as FilePath
from typing import Any, Final, Literal, get_args

import numpy as np

from . import fields, modes, request_fields
from .errors import RequestError
from .fields import Fields
from .ground import Ground, read_ground
from .modes import Held, Loop, Vary
from .request_fields import MAX_FRAMES, Quaternion, file_name, frame_range
from .skeleton import JOINT_COUNT, JOINT_NAMES

VERSION: Final = 1
MAX_FILE_BYTES: Final = 64 * 2**20

Vector2 = tuple[float, float]
Vector3 = tuple[float, float, float]
Mode = Literal["auto", "generate", "estimate"]


@dataclass(frozen=True, slots=True)
class Prompt:
    """A sentence that describes the motion on frames `[start, stop)`."""

    text: str
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Keyframe:
    """A full or partial pose that the motion passes through at one frame.

    Attributes:
        frame: model frame.
        joints: names of the joints that are set; each has an entry in `rotations`.
        root_position: world position of the pelvis in metres, None leaves it free.
        rotations: local rotation by joint name; the pelvis has its world rotation.
    """

    frame: int
    joints: tuple[str, ...] = ()
    root_position: Vector3 | None = None
    rotations: dict[str, Quaternion] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pin:
    """A joint held at a world position (metres), and world rotation if given, on frames `[start, stop)`."""

    joint: str
    start: int
    stop: int
    position: Vector3
    rotation: Quaternion | None = None


@dataclass(frozen=True, slots=True)
class Path:
    """The way of the pelvis over the ground.

    Attributes:
        frames: rising model frames.
        points: (x, z) in metres at each of them.
        headings: direction of the body at each of them, radians about Y from +Z towards +X, or None.
        dense: whether the frames between are set as well, by interpolation; else they are free.
    """

    frames: tuple[int, ...]
    points: tuple[Vector2, ...]
    headings: tuple[float, ...] | None = None
    dense: bool = False


@dataclass(frozen=True, slots=True)
class Camera:
    """The camera of a video.

    Attributes:
        focal_px: focal length in pixels, None to estimate it.
        static: whether the camera stays in its place; it may turn there.
        rotations: one per frame of the video's range, or None when unknown; each turns directions of the camera
            (x right, y down, z forward) into those of any fixed world.
        level: whether Y is up in that world.
    """

    focal_px: float | None = None
    static: bool = True
    rotations: tuple[Quaternion, ...] | None = None
    level: bool = False


@dataclass(frozen=True, slots=True)
class Video:
    """A video whose person is followed on frames `[start, stop)`.

    Attributes:
        path: file name.
        start: first model frame.
        stop: model frame after the last.
        source_start: seconds in the video that fall on `start`.
        person: number of the person in the video, 0 = the most prominent.
        flip: whether the picture is mirrored.
        camera: what is known of the camera, None for nothing.
    """

    path: str
    start: int
    stop: int
    source_start: float = 0.0
    person: int = 0
    flip: bool = False
    camera: Camera | None = None


@dataclass(frozen=True, slots=True)
class Music:
    """Music to dance to on frames `[start, stop)`; `source_start` seconds of the file fall on `start`."""

    path: str
    start: int
    stop: int
    source_start: float = 0.0


@dataclass(frozen=True, slots=True)
class Reference:
    """A motion file to stay close to on frames `[start, stop)`.

    Attributes:
        path: motion file (.npz).
        start: first model frame.
        stop: model frame after the last.
        source_start: frame of the file that falls on `start`, counted at the request's fps.
        strength: 0 = ignored .. 1 = followed as closely as possible.
    """

    path: str
    start: int
    stop: int
    source_start: int = 0
    strength: float = 0.6


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to sample; None leaves the choice to the pack.

    Attributes:
        seed: number that makes the result repeatable.
        samples: how many motions to make.
        steps: denoising steps.
        guidance: weight of classifier-free guidance.
        mode: "generate" samples, "estimate" makes one forward pass, "auto" decides by the request.
        cleanup: whether feet are planted afterwards.
    """

    seed: int = 0
    samples: int = 1
    steps: int | None = None
    guidance: float | None = None
    mode: Mode = "auto"
    cleanup: bool = True


@dataclass(frozen=True, slots=True)
class MotionRequest:
    """Everything that one motion is asked to be; any part may be absent on any frame.

    `held`, `vary` and `loop` change or close a motion instead of making a new one: see `runtime.modes`. `ground` is
    what the feet stand on: see `runtime.ground`.
    """

    frames: int
    fps: float = 30.0
    prompts: tuple[Prompt, ...] = ()
    keyframes: tuple[Keyframe, ...] = ()
    pins: tuple[Pin, ...] = ()
    path: Path | None = None
    videos: tuple[Video, ...] = ()
    music: tuple[Music, ...] = ()
    reference: tuple[Reference, ...] = ()
    held: tuple[Held, ...] = ()
    vary: Vary | None = None
    loop: Loop = ""
    ground: Ground | None = None
    sampling: Sampling = Sampling()
    version: int = VERSION

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> MotionRequest:
        """Read a parsed JSON object.

        Raises:
            RequestError: one sentence that names the place, e.g. "prompts[1]: unknown key 'txt'".
        """
        data = Fields(value, "", cls.__match_args__)
        version = data.get("version", fields.integer, 0, MAX_FRAMES, default=VERSION)
        if version != VERSION:
            raise RequestError(f"version: {version} is not known, this program reads version {VERSION}")
        return cls(
            frames=data.get("frames", fields.integer, 1, MAX_FRAMES),
            fps=data.get("fps", fields.number, 1.0, 1000.0, default=30.0),
            prompts=data.list("prompts", _prompt),
            keyframes=data.list("keyframes", _keyframe),
            pins=data.list("pins", _pin),
            path=data.maybe("path", _path),
            videos=data.list("videos", _video),
            music=data.list("music", _music),
            reference=data.list("reference", _reference),
            held=data.list("held", modes.read_held),
            vary=data.maybe("vary", modes.read_vary),
            loop=data.get("loop", modes.read_loop, default=""),
            ground=data.maybe("ground", read_ground),
            sampling=data.get("sampling", _sampling, default=Sampling()),
        )

    def to_json(self) -> dict[str, Any]:
        """The request as lists, dicts, numbers and text; `from_json` gives an equal request back."""
        data = json.loads(json.dumps(asdict(self), default=_plain))  # tuples become lists
        for keyframe in data["keyframes"]:
            if set(keyframe["joints"]) == set(JOINT_NAMES) and len(keyframe["joints"]) == JOINT_COUNT:
                keyframe["joints"] = "all"
        for video in data["videos"]:
            if video["camera"] and not video["camera"]["level"]:
                del video["camera"]["level"]  # as readers of before it was there expect
        return {"version": data.pop("version"), "fps": data.pop("fps"), **modes.without_unused(data)}


def held_keyframes(held: Held) -> Iterator[Keyframe]:
    """The poses of a held stretch, one by one."""
    for index, turns in enumerate(held.rotations):
        root = held.root_positions[index] if held.root_positions else None
        yield Keyframe(held.start + index, held.joints, root, dict(zip(held.joints, turns, strict=True)))


def load_request(path: str | FilePath) -> MotionRequest:
    """Read a request from a JSON file; names of media files in it are relative to its folder.

    Raises:
        RequestError: the file cannot be read or is not a request.
    """
    file = FilePath(path)
    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            raise RequestError(f"{file}: larger than {MAX_FILE_BYTES >> 20} MB, this is not a request")
        value = json.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise RequestError(f"{file}: cannot be read ({error.strerror or error})") from error
    except (ValueError, RecursionError) as error:
        raise RequestError(f"{file}: is not JSON ({error})") from error
    request = MotionRequest.from_json(value)
    folder = file.resolve().parent
    return replace(
        request,
        videos=tuple(replace(video, path=str(folder / video.path)) for video in request.videos),
        music=tuple(replace(music, path=str(folder / music.path)) for music in request.music),
        reference=tuple(replace(reference, path=str(folder / reference.path)) for reference in request.reference),
        vary=request.vary and replace(request.vary, path=str(folder / request.vary.path)),
    )


def _plain(value: object) -> Any:
    """A numpy number or array in a request built in Python, as JSON has it."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise RequestError(f"a request cannot hold {type(value).__name__}")


def _prompt(value: object, place: str) -> Prompt:
    data = Fields(value, place, Prompt.__match_args__)
    return Prompt(data.get("text", fields.text), *frame_range(data))


def _keyframe(value: object, place: str) -> Keyframe:
    data = Fields(value, place, Keyframe.__match_args__)
    rotations = data.get("rotations", request_fields.rotations, default={})
    joints: tuple[str, ...] | Literal["all"] = data.get("joints", request_fields.joints, default="all")
    if joints == "all":  # all that are given
        joints = tuple(name for name in JOINT_NAMES if name in rotations)
    for name in joints:
        if name not in rotations:
            raise RequestError(f"{place}: joint {name!r} is listed but has no rotation")
    for name in rotations:
        if name not in joints:
            raise RequestError(f"{place}: joint {name!r} has a rotation but is not listed in 'joints'")
    root = data.maybe("root_position", fields.vector3)
    if not joints and root is None:
        raise RequestError(f"{place}: sets nothing, give 'rotations' or 'root_position'")
    return Keyframe(data.get("frame", request_fields.frame), joints, root, rotations)


def _pin(value: object, place: str) -> Pin:
    data = Fields(value, place, Pin.__match_args__)
    joint = data.get("joint", request_fields.joint)
    start, stop = frame_range(data)
    return Pin(joint, start, stop, data.get("position", fields.vector3), data.maybe("rotation", fields.vector4))


def _path(value: object, place: str) -> Path:
    data = Fields(value, place, Path.__match_args__)
    frames = data.list("frames", request_fields.frame, needed=True)
    points = data.list("points", fields.vector2, needed=True)
    headings = data.list("headings", fields.number) if data.maybe("headings", fields.items) is not None else None
    if not frames:
        raise RequestError(f"{place}: has no frames")
    for name, members in (("points", points), ("headings", headings)):
        if members is not None and len(members) != len(frames):
            raise RequestError(f"{place}.{name}: has {len(members)} members for {len(frames)} frames")
    for index in range(1, len(frames)):
        if frames[index] <= frames[index - 1]:
            raise RequestError(f"{place}.frames[{index}]: {frames[index]} must be after {frames[index - 1]}")
    return Path(frames, points, headings, data.get("dense", fields.flag, default=False))


def _camera(value: object, place: str) -> Camera:
    data = Fields(value, place, Camera.__match_args__)
    rotations = data.list("rotations", fields.vector4) if data.maybe("rotations", fields.items) is not None else None
    focal = data.maybe("focal_px", fields.number, 1.0, 1e6)
    static, level = data.get("static", fields.flag, default=True), data.get("level", fields.flag, default=False)
    return Camera(focal, static, rotations, level)


def _video(value: object, place: str) -> Video:
    data = Fields(value, place, Video.__match_args__)
    start, stop = frame_range(data)
    return Video(
        path=data.get("path", file_name),
        start=start,
        stop=stop,
        source_start=data.get("source_start", fields.number, 0.0, 1e6, default=0.0),
        person=data.get("person", fields.integer, 0, 1000, default=0),
        flip=data.get("flip", fields.flag, default=False),
        camera=data.maybe("camera", _camera),
    )


def _music(value: object, place: str) -> Music:
    data = Fields(value, place, Music.__match_args__)
    start, stop = frame_range(data)
    source_start = data.get("source_start", fields.number, 0.0, 1e6, default=0.0)
    return Music(data.get("path", file_name), start, stop, source_start)


def _reference(value: object, place: str) -> Reference:
    data = Fields(value, place, Reference.__match_args__)
    start, stop = frame_range(data)
    source_start = data.get("source_start", fields.integer, 0, MAX_FRAMES, default=0)
    strength = data.get("strength", fields.number, 0.0, 1.0, default=0.6)
    return Reference(data.get("path", file_name), start, stop, source_start, strength)


def _mode(value: object, place: str) -> Mode:
    for mode in get_args(Mode):
        if value == mode:
            return mode
    raise RequestError(f"{place}: must be one of {', '.join(get_args(Mode))}, not {value!r}")


def _sampling(value: object, place: str) -> Sampling:
    data = Fields(value, place, Sampling.__match_args__)
    return Sampling(
        seed=data.get("seed", fields.integer, 0, 2**63 - 1, default=0),
        samples=data.get("samples", fields.integer, 1, MAX_FRAMES, default=1),
        steps=data.maybe("steps", fields.integer, 1, 10_000),
        guidance=data.maybe("guidance", fields.number, 0.0, 1000.0),
        mode=data.get("mode", _mode, default="auto"),
        cleanup=data.get("cleanup", fields.flag, default=True),
    )
