"""Keypoint files: the 2D keypoints of one filmed person, as a detector leaves them (.npz, no pickle)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .errors import RequestError, UserError
from .files import DAMAGE, read_arrays, replace_file
from .keypoints import KEYPOINTS

Array = NDArray[np.float64]

MAX_FRAMES: Final = 1_000_000
MAX_FILE_BYTES: Final = 2**30
IMAGE_WIDTH: Final = 1024


@dataclass(frozen=True, eq=False)
class KeypointTrack:
    """The keypoints of one person in a video of N frames.

    Attributes:
        fps: frames per second of the video.
        points: (N, 17, 3) x and y in pixels, then the confidence 0..1; hidden points may hold any finite number.
        image_size: width and height of the picture in pixels (2,).
        focal_px: focal length in pixels, None when unknown.
        camera_rotations: (N, 4) turn directions of the camera into those of any fixed world, None when unknown.
        cuts: frames that begin a new shot; the world of the rotations is another one from there on.
        images: (N, 1024) what an image encoder says of the person on each frame, None when nobody asked it.
    """

    fps: float
    points: Array
    image_size: Array
    focal_px: float | None = None
    camera_rotations: Array | None = None
    cuts: tuple[int, ...] = ()
    images: Array | None = None


def save_keypoints(track: KeypointTrack, path: str | Path) -> None:
    """Write a keypoint file, under a temporary name first.

    Raises:
        UserError: the file cannot be written.
    """
    arrays: dict[str, Any] = {
        "fps": np.float64(track.fps), "keypoints_2d": track.points, "image_size": track.image_size,
    }  # fmt: skip
    for name in ("focal_px", "camera_rotations", "images"):
        if getattr(track, name) is not None:
            arrays[name] = getattr(track, name)
    if track.cuts:
        arrays["cuts"] = np.array(track.cuts, np.int64)
    replace_file(path, lambda stream: np.savez(stream, **arrays))


def load_keypoints(path: str | Path) -> KeypointTrack:
    """Read a keypoint file. Points that are not numbers are hidden ones.

    Raises:
        RequestError: the file is missing, damaged or breaks the format; one sentence.
    """
    try:
        return _track(read_arrays(Path(path), MAX_FILE_BYTES))
    except OSError as error:
        raise RequestError(f"{path}: cannot be read ({error.strerror or error})") from error
    except DAMAGE as error:
        raise RequestError(f"{path}: is not a keypoint file, or is damaged ({error})") from error
    except UserError as error:
        raise RequestError(f"{path}: {error}") from error


def _track(arrays: dict[str, NDArray[Any]]) -> KeypointTrack:
    missing = [name for name in ("fps", "keypoints_2d", "image_size") if name not in arrays]
    if missing:
        raise RequestError(f"is not a keypoint file: {', '.join(missing)} missing")
    points = _numbers(arrays, "keypoints_2d", (None, len(KEYPOINTS), 3))
    if not 1 <= len(points) <= MAX_FRAMES:
        raise RequestError(f"keypoints_2d: has {len(points)} frames, 1 to {MAX_FRAMES} are possible")
    known = np.isfinite(points).all(axis=-1, keepdims=True)
    points = np.where(known, points, 0.0)
    points[..., 2] = np.clip(points[..., 2], 0.0, 1.0)
    size = _positive(arrays, "image_size", (2,), 1e6)
    rotations = None
    if "camera_rotations" in arrays:
        rotations = _numbers(arrays, "camera_rotations", (len(points), 4))
        lengths = np.linalg.norm(rotations, axis=-1, keepdims=True)
        if not (np.abs(lengths - 1.0) < 1e-2).all():  # NaN too
            raise RequestError("camera_rotations: must be unit quaternions")
        rotations = rotations / lengths
    focal = float(_positive(arrays, "focal_px", (), 1e6)) if "focal_px" in arrays else None
    cuts = _numbers(arrays, "cuts", (None,)) if "cuts" in arrays else np.zeros(0)
    if not ((cuts > 0) & (cuts < len(points)) & (cuts == np.floor(cuts))).all() or (np.diff(cuts) <= 0).any():
        raise RequestError("cuts: must be numbers of frames, rising")
    places = tuple(int(cut) for cut in cuts)
    images = _numbers(arrays, "images", (len(points), IMAGE_WIDTH)) if "images" in arrays else None
    if images is not None and not np.isfinite(images).all():
        raise RequestError("images: must be finite numbers")
    fps = float(_positive(arrays, "fps", (), 1000.0))
    return KeypointTrack(fps, points, size, focal, rotations, places, images)


def _numbers(arrays: dict[str, NDArray[Any]], name: str, shape: tuple[int | None, ...]) -> Array:
    array = arrays[name]
    if array.dtype.kind not in "fiu":
        raise RequestError(f"{name}: must be numbers")
    fits = array.ndim == len(shape) and all(b in (None, a) for a, b in zip(array.shape, shape, strict=True))
    if not fits:
        wanted = tuple("T" if size is None else size for size in shape)
        raise RequestError(f"{name}: has shape {array.shape}, expected ({', '.join(map(str, wanted))})")
    return array.astype(np.float64)


def _positive(arrays: dict[str, NDArray[Any]], name: str, shape: tuple[int, ...], most: float) -> Array:
    array = _numbers(arrays, name, shape)
    if not ((array > 0) & (array <= most)).all():  # NaN too
        raise RequestError(f"{name}: must be above 0 and at most {most:g}")
    return array
