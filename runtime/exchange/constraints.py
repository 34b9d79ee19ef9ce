"""Constraints of Kimodo (NVIDIA 2026): its JSON list of poses, root paths and held hands and feet, as a request.

A root path becomes the path, full poses become key poses, hands and feet become pins. Frames are those of 30 fps, the
space is the model's: Y up, metres.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path as FilePath
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .. import rotation, skeleton
from ..errors import RequestError, UserError
from ..files import replace_file
from ..motion import Motion, resampled
from ..request import Keyframe, MotionRequest, Path, Pin, Quaternion, Vector3
from ..skeleton import INDEX, JOINT_COUNT, JOINT_NAMES
from .kimodo import FPS, PLACES

Array = NDArray[np.float64]

ENDS: Final = {"left-hand": "l_wrist", "right-hand": "r_wrist", "left-foot": "l_ankle", "right-foot": "r_ankle"}
"""Kinds of constraints that hold one joint."""
_NAMED: Final = {"LeftHand": "l_wrist", "RightHand": "r_wrist", "LeftFoot": "l_ankle", "RightFoot": "r_ankle"}
_MOST_BYTES: Final = 2**28


def request_of_constraints(path: FilePath | str) -> MotionRequest:
    """Read a file of constraints.

    Raises:
        UserError: the file cannot be read, or a constraint is incomplete or of an unknown kind.
    """
    try:
        if FilePath(path).stat().st_size > _MOST_BYTES:
            raise UserError(f"{path}: is larger than 256 MB")
        rows = json.loads(FilePath(path).read_text("utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: is not valid JSON ({error})") from error
    try:
        return _request(rows)
    except RequestError as error:
        raise RequestError(f"{path}: {error}") from error


def write_constraints(motion: Motion, path: FilePath | str) -> None:
    """Write what a motion was asked to meet, as the motion meets it: its key poses and its path.

    Args:
        motion: of whose request key poses and path are taken; without them its first and last pose.
        path: file to write; its name ends in .json.

    Raises:
        UserError: the name does not fit, or the file cannot be written.
    """
    if FilePath(path).suffix.lower() != ".json":
        raise UserError(f"{path}: the name of a file of constraints must end in .json")
    steady, request = resampled(motion, FPS), motion.request
    scale = FPS / motion.fps
    keys = sorted({round(key.frame * scale) for key in request.keyframes}) if request is not None else []
    way = request.path if request is not None else None
    if not keys and way is None:
        keys = sorted({0, steady.frames - 1})
    rows: list[dict[str, Any]] = []
    if keys:
        poses = rotation.to_axis_angle(steady.local_rotations[keys])
        rows.append({
            "type": "fullbody", "frame_indices": keys, "local_joints_rot": poses.tolist(),
            "root_positions": steady.root_positions[keys].tolist(),
        })  # fmt: skip
    if way is not None:
        points = [list(point) for point in way.points]
        row = {"type": "root2d", "frame_indices": list(way.frames), "smooth_root_2d": points}
        if way.headings is not None:
            row["global_root_heading"] = [[float(np.cos(angle)), float(np.sin(angle))] for angle in way.headings]
        rows.append(row)
    text = json.dumps(rows, indent=1) + "\n"
    replace_file(path, lambda stream: stream.write(text.encode()))


def _request(rows: object) -> MotionRequest:
    if not isinstance(rows, list) or not rows:
        raise RequestError("must be a list of constraints")
    keys: list[Keyframe] = []
    pins: list[Pin] = []
    path: Path | None = None
    for index, row in enumerate(rows):
        kind = row.get("type") if isinstance(row, Mapping) else None
        place = f"constraints[{index}]"
        if kind == "root2d":
            if path is not None:
                raise RequestError(f"{place}: only one path of the root can be met")
            path = _path(row, place)
        elif kind == "fullbody":
            keys += _keys(row, place)
        elif kind in ENDS or kind == "end-effector":
            pins += _pins(row, place, [ENDS[kind]] if kind in ENDS else _ends(row, place))
        else:
            raise RequestError(f"{place}: the type {kind!r} is not known")
    last = [key.frame for key in keys] + [pin.stop - 1 for pin in pins] + list(path.frames if path is not None else ())
    request = MotionRequest(max(last) + 1, FPS, keyframes=tuple(keys), pins=tuple(pins), path=path)
    return MotionRequest.from_json(request.to_json())


def _path(row: Mapping[str, Any], place: str) -> Path:
    frames = _frames(row, place)
    points = _numbers(row, "smooth_root_2d", (len(frames), 2), place)
    turned = None
    if row.get("global_root_heading") is not None:
        parts = _numbers(row, "global_root_heading", (len(frames), 2), place)
        turned = tuple(np.unwrap(np.arctan2(parts[:, 1], parts[:, 0])).tolist())
    dense = len(frames) > 1 and frames == list(range(frames[0], frames[-1] + 1))
    return Path(tuple(frames), tuple((x, z) for x, z in points.tolist()), turned, dense)


def _keys(row: Mapping[str, Any], place: str) -> list[Keyframe]:
    frames = _frames(row, place)
    root, local = _poses(row, len(frames), place)
    found = []
    for index, frame in enumerate(frames):
        rotations = {name: _quaternion(local[index, INDEX[name]]) for name in JOINT_NAMES}
        found.append(Keyframe(frame, JOINT_NAMES, _vector(root[index]), rotations))
    return found


def _pins(row: Mapping[str, Any], place: str, joints: Sequence[str]) -> list[Pin]:
    frames = _frames(row, place)
    positions, worlds = skeleton.forward_kinematics(*_poses(row, len(frames), place))
    return [
        Pin(joint, frame, frame + 1, _vector(positions[index, INDEX[joint]]), _quaternion(worlds[index, INDEX[joint]]))
        for joint in joints
        for index, frame in enumerate(frames)
    ]


def _ends(row: Mapping[str, Any], place: str) -> list[str]:
    names = row.get("joint_names")
    if not isinstance(names, list) or not names or not set(names) <= _NAMED.keys() | INDEX.keys():
        raise RequestError(f"{place}.joint_names: must be hands or feet, such as {', '.join(_NAMED)}")
    return [str(_NAMED.get(name, name)) for name in names]


def _poses(row: Mapping[str, Any], count: int, place: str) -> tuple[Array, Array]:
    """Root positions (K, 3) and the model's local rotations (K, 22, 4)."""
    given = row.get("local_joints_rot")
    joints = len(given[0]) if isinstance(given, list) and given and isinstance(given[0], list) else 0
    if joints not in PLACES:
        raise RequestError(f"{place}.local_joints_rot: must be poses of {', '.join(map(str, PLACES))} joints")
    vectors = _numbers(row, "local_joints_rot", (count, joints, 3), place)
    root = _numbers(row, "root_positions", (count, 3), place)
    local = rotation.from_axis_angle(vectors)
    if joints != JOINT_COUNT:
        local = _inner_joined(local)
    return root, local


def _inner_joined(local: Array) -> Array:
    """Rotations (K, 22, 4) of the model from SOMA's, whose second neck joint turns with the head."""
    places = PLACES[local.shape[1]]
    found = local[:, list(places)]
    between = places[INDEX["neck"]] + 1
    found[:, INDEX["head"]] = rotation.multiply(local[:, between], found[:, INDEX["head"]])
    return found


def _frames(row: Mapping[str, Any], place: str) -> list[int]:
    frames = row.get("frame_indices")
    if not isinstance(frames, list) or not frames:
        raise RequestError(f"{place}.frame_indices: must be a list of frames")
    if not all(type(frame) is int and frame >= 0 for frame in frames) or sorted(set(frames)) != frames:
        raise RequestError(f"{place}.frame_indices: must be rising whole numbers from 0 on")
    return list(frames)


def _numbers(row: Mapping[str, Any], name: str, shape: tuple[int, ...], place: str) -> Array:
    try:
        values = np.array(row.get(name), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise RequestError(f"{place}.{name}: must be numbers") from error
    if values.shape != shape or not np.isfinite(values).all():
        raise RequestError(f"{place}.{name}: must be {' x '.join(map(str, shape))} numbers")
    return values


def _vector(values: Array) -> Vector3:
    x, y, z = values.tolist()
    return x, y, z


def _quaternion(values: Array) -> Quaternion:
    w, x, y, z = values.tolist()
    return w, x, y, z
