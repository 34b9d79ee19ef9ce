"""A motion of the model's skeleton, its file format (DESIGN section 4) and the changes that keep it a motion."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import rotation, skeleton
from .errors import MotionError, UserError
from .files import DAMAGE, read_arrays, replace_file
from .request import MotionRequest
from .skeleton import CONTACT_JOINTS, JOINT_COUNT, JOINT_NAMES, MIRROR, PARENTS

Array = NDArray[np.float64]

KEYPOINTS: Final = 17
"""COCO key points of a video's person."""

MAX_FPS: Final = 1000
MAX_FILE_BYTES: Final = 4 * 2**30

_UNIT_TOLERANCE: Final = 0.01
_MIRROR_CONTACTS: Final = tuple(
    CONTACT_JOINTS.index(JOINT_NAMES[MIRROR[skeleton.INDEX[name]]]) for name in CONTACT_JOINTS
)


@dataclass(frozen=True, eq=False)
class Motion:
    """A motion: Y up, metres, floor at y = 0; quaternions w first. Its arrays are float64 and read-only.

    Attributes:
        fps: frames per second.
        root_positions: (T, 3) world positions of the pelvis.
        local_rotations: (T, 22, 4) rotations relative to the parent; joint 0 is the pelvis in the world.
        contacts: (T, 6) probability 0..1 that each of `skeleton.CONTACT_JOINTS` is planted.
        rest_offsets: (22, 3) offset of each joint from its parent in the T-pose.
        request: what was asked for, None when unknown.
        pack: id and version of the model pack, "" when unknown.
        camera_rotations: (T, 4) turn directions of the camera (x right, y down, z forward) into world directions.
        camera_positions: (T, 3) world positions of the camera.
        focal_px: focal length of the video's camera in pixels.
        keypoints_2d: (T, 17, 3) x, y in pixels and confidence of the key points seen in the video.

    Raises:
        MotionError: shapes that do not fit, numbers that are not finite, quaternions that are not unit.
    """

    fps: float
    root_positions: Array
    local_rotations: Array
    contacts: Array
    rest_offsets: Array = field(default_factory=skeleton.rest_offsets)
    request: MotionRequest | None = None
    pack: str = ""
    camera_rotations: Array | None = None
    camera_positions: Array | None = None
    focal_px: float | None = None
    keypoints_2d: Array | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "fps", _checked_fps(self.fps))
        frames = np.shape(self.root_positions)[0] if np.ndim(self.root_positions) else 0
        if frames < 1:
            raise MotionError("root_positions: a motion has at least one frame")
        shapes = {
            "root_positions": (frames, 3),
            "local_rotations": (frames, JOINT_COUNT, 4),
            "contacts": (frames, len(CONTACT_JOINTS)),
            "rest_offsets": (JOINT_COUNT, 3),
            "camera_rotations": (frames, 4),
            "camera_positions": (frames, 3),
            "keypoints_2d": (frames, KEYPOINTS, 3),
        }
        for name, shape in shapes.items():
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, _checked(name, value, shape))

    @property
    def frames(self) -> int:
        """Number of frames T."""
        return len(self.root_positions)

    @property
    def seconds(self) -> float:
        """Duration from the first frame to the end of the last."""
        return self.frames / self.fps

    @property
    def positions(self) -> Array:
        """World positions (T, 22, 3) of all joints in metres, by forward kinematics."""
        return self._kinematics[0]

    @property
    def world_rotations(self) -> Array:
        """World rotations (T, 22, 4) of all joints, by forward kinematics."""
        return self._kinematics[1]

    @cached_property
    def _kinematics(self) -> tuple[Array, Array]:
        positions, rotations = skeleton.forward_kinematics(self.root_positions, self.local_rotations, self.rest_offsets)
        positions.flags.writeable = rotations.flags.writeable = False
        return positions, rotations


def _checked_fps(fps: float) -> float:
    if not 0 < fps <= MAX_FPS:  # NaN too
        raise MotionError(f"fps: must be above 0 and at most {MAX_FPS}, not {fps}")
    return float(fps)


def _checked(name: str, value: ArrayLike, shape: tuple[int, ...]) -> Array:
    """`value` as a read-only float64 array of this shape, rotations made unit, contacts clipped to 0..1."""
    if np.asarray(value).dtype.kind not in "fiu":
        raise MotionError(f"{name}: must be numbers")
    array = np.asarray(value, dtype=np.float64)
    if array.shape != shape:
        raise MotionError(f"{name}: has shape {array.shape}, expected {shape}")
    if not np.isfinite(array).all():
        frame = np.argwhere(~np.isfinite(array))[0][0]
        raise MotionError(f"{name}: number {frame} is not finite (NaN or infinity)")
    if name.endswith("rotations"):
        lengths = np.linalg.norm(array, axis=-1, keepdims=True)
        error = np.abs(lengths - 1.0)
        if error.max() > _UNIT_TOLERANCE:
            raise MotionError(f"{name}: frame {error.argmax() // error[0].size} has no unit quaternion")
        array = np.where(error > 1e-9, array / lengths, array)
    if name == "contacts":
        array = np.clip(array, 0.0, 1.0)
    array = array.view()
    array.flags.writeable = False
    return array


def save_motion(motion: Motion, path: str | Path) -> None:
    """Write a motion file (.npz without pickle), under a temporary name first.

    Raises:
        UserError: the file cannot be written.
    """
    arrays: dict[str, Any] = {
        "fps": np.float64(motion.fps),
        "joint_names": np.array(JOINT_NAMES),
        "parents": np.array(PARENTS, dtype=np.int32),
        "rest_offsets": motion.rest_offsets,
        "root_positions": motion.root_positions,
        "local_rotations": motion.local_rotations,
        "positions": motion.positions.astype(np.float32),
        "contacts": motion.contacts,
        "request": np.array("" if motion.request is None else json.dumps(motion.request.to_json())),
        "pack": np.array(motion.pack),
    }
    optional = ("camera_rotations", "camera_positions", "focal_px", "keypoints_2d")
    arrays |= {name: getattr(motion, name) for name in optional if getattr(motion, name) is not None}
    replace_file(path, lambda stream: np.savez(stream, **arrays))


def load_motion(path: str | Path) -> Motion:
    """Read a motion file.

    Raises:
        MotionError: the file is missing, damaged, of another skeleton, or breaks the format.
    """
    try:
        arrays = _read_arrays(Path(path))
        return _motion_from(arrays)
    except OSError as error:
        raise MotionError(f"{path}: cannot be read ({error.strerror or error})") from error
    except DAMAGE as error:
        raise MotionError(f"{path}: is not a motion file, or is damaged ({error})") from error
    except UserError as error:
        raise MotionError(f"{path}: {error}") from error


def _read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    with path.open("rb") as stream:
        if stream.read(2) != b"PK":  # else numpy would try other formats
            raise MotionError("is not a motion file (.npz)")
    return read_arrays(path, MAX_FILE_BYTES)


def _motion_from(arrays: Mapping[str, NDArray[Any]]) -> Motion:
    """The motion in the arrays of a file; `positions` are not read, forward kinematics gives them."""
    needed = ("fps", "joint_names", "parents", "rest_offsets", "root_positions", "local_rotations", "contacts")
    missing = [name for name in needed if name not in arrays]
    if missing:
        raise MotionError(f"is not a motion of this program: {', '.join(missing)} missing")
    if tuple(arrays["joint_names"].tolist()) != JOINT_NAMES or tuple(arrays["parents"].tolist()) != PARENTS:
        raise MotionError("has another skeleton than the model's 22 joints")
    request = _text(arrays, "request")
    optional = ("camera_rotations", "camera_positions", "keypoints_2d")
    return Motion(
        fps=_scalar(arrays, "fps"),
        **{name: arrays[name] for name in needed[3:]},
        request=MotionRequest.from_json(json.loads(request)) if request else None,
        pack=_text(arrays, "pack"),
        focal_px=_scalar(arrays, "focal_px") if "focal_px" in arrays else None,
        **{name: arrays[name] for name in optional if name in arrays},
    )


def _scalar(arrays: Mapping[str, NDArray[Any]], name: str) -> float:
    value = arrays[name]
    if value.size != 1 or value.dtype.kind not in "fiu" or not np.isfinite(value).all():
        raise MotionError(f"{name}: must be one number")
    return float(value.reshape(()))


def _text(arrays: Mapping[str, NDArray[Any]], name: str) -> str:
    value = arrays.get(name, np.array(""))
    if value.size != 1 or value.dtype.kind != "U":
        raise MotionError(f"{name}: must be text")
    return str(value.reshape(()))


def sliced(motion: Motion, start: int, stop: int) -> Motion:
    """Frames `[start, stop)` of a motion, as a motion without request.

    Raises:
        MotionError: the range is empty or reaches outside the motion.
    """
    if not 0 <= start < stop <= motion.frames:
        raise MotionError(f"frames {start} to {stop} are not in a motion of {motion.frames} frames")
    return _with_arrays(motion, lambda array: array[start:stop])


def resampled(motion: Motion, fps: float) -> Motion:
    """The motion at another frame rate; it lasts as long or up to one frame shorter.

    Positions and contacts are interpolated linearly, rotations spherically. The request is dropped, since its frame
    numbers would no longer fit, unless the rate stays the same.

    Raises:
        MotionError: `fps` is not above 0 and at most 1000.
    """
    fps = _checked_fps(fps)
    if fps == motion.fps:
        return motion
    last = motion.frames - 1
    count = int(last / motion.fps * fps + 1e-6) + 1
    times = np.minimum(np.arange(count) * (motion.fps / fps), last)
    below = np.minimum(times.astype(int), max(last - 1, 0))
    above = np.minimum(below + 1, last)
    weights = times - below

    def blend(array: Array) -> Array:
        if array.shape[-1] == 4:
            shape = (count,) + (1,) * (array.ndim - 2)
            return rotation.slerp(array[below], array[above], weights.reshape(shape))
        shaped = weights.reshape((count,) + (1,) * (array.ndim - 1))
        return array[below] * (1.0 - shaped) + array[above] * shaped

    return replace(_with_arrays(motion, blend), fps=fps)


def mirrored(motion: Motion) -> Motion:
    """The motion with left and right swapped, by reflection in the plane x = 0.

    A camera is reflected too; the request and the 2D key points (whose picture width is unknown) are dropped.
    """
    flip_vector, flip_rotation = np.array([-1.0, 1.0, 1.0]), np.array([1.0, 1.0, -1.0, -1.0])
    camera_rotations, camera_positions = motion.camera_rotations, motion.camera_positions
    return replace(
        motion,
        root_positions=motion.root_positions * flip_vector,
        local_rotations=motion.local_rotations[:, MIRROR] * flip_rotation,
        contacts=motion.contacts[:, _MIRROR_CONTACTS],
        rest_offsets=motion.rest_offsets[MIRROR, :] * flip_vector,
        camera_rotations=None if camera_rotations is None else camera_rotations * flip_rotation,
        camera_positions=None if camera_positions is None else camera_positions * flip_vector,
        keypoints_2d=None,
        request=None,
    )


def _with_arrays(motion: Motion, change: Callable[[Array], Array]) -> Motion:
    """The motion with each array over frames replaced by `change(array)`, without its request."""
    names = ("root_positions", "local_rotations", "contacts", "camera_rotations", "camera_positions", "keypoints_2d")
    arrays = {name: change(getattr(motion, name)) for name in names if getattr(motion, name) is not None}
    return replace(motion, request=None, **arrays)
