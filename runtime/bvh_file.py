"""What a BVH file says, whatever its skeleton: hierarchy, channels, numbers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

import numpy as np
from numpy.typing import NDArray

from . import rotation
from .errors import MotionError

Array = NDArray[np.float64]

_MAX_FILE_BYTES: Final = 2**30


@dataclass(frozen=True, eq=False)
class BvhFile:
    """A file, in its own unit.

    Attributes:
        names: of the J joints, in the order of the file.
        parents: (J,) index of each joint's parent, -1 for the root.
        offsets: (J, 3) from the parent.
        channels: (joint, channel name) in the order of the numbers of a frame.
        fps: frames per second.
        values: (T, C).
    """

    names: list[str]
    parents: list[int]
    offsets: Array
    channels: list[tuple[int, str]]
    fps: float
    values: Array


def read_bvh_file(path: str | Path) -> BvhFile:
    """Read a BVH file.

    Raises:
        MotionError: the file cannot be read, or is damaged.
    """
    file = Path(path)
    try:
        if file.stat().st_size > _MAX_FILE_BYTES:
            raise MotionError("is larger than 1 GB")
        return _parse(file.read_text(encoding="utf-8", errors="replace"))
    except OSError as error:
        raise MotionError(f"{path}: cannot be read ({error.strerror or error})") from error
    except MotionError as error:
        raise MotionError(f"{path}: {error}") from error
    except (ValueError, IndexError, StopIteration) as error:
        raise MotionError(f"{path}: is not a BVH file, or is damaged") from error


def _parse(text: str) -> BvhFile:
    head, found, tail = text.partition("MOTION")
    if not head.lstrip().startswith("HIERARCHY") or not found:
        raise MotionError("is not a BVH file, or is damaged")
    read = _Hierarchy(head.lstrip().removeprefix("HIERARCHY"))
    words = tail.split()
    if words[:1] != ["Frames:"] or words[2:4] != ["Frame", "Time:"]:
        raise MotionError("has no frames")
    frames, seconds = int(words[1]), float(words[4])
    values = np.array(words[5:], dtype=np.float64)
    if frames < 1 or seconds <= 0.0 or len(values) != frames * len(read.channels):
        raise MotionError(f"has {len(values)} numbers for {frames} frames of {len(read.channels)} channels")
    table = values.reshape(frames, -1)
    return BvhFile(read.names, read.parents, np.array(read.offsets), read.channels, _rate(seconds), table)


def _rate(seconds: float) -> float:
    """Frames per second, a whole number where the rounded time of a frame means one."""
    whole = round(1.0 / seconds)
    return float(whole) if whole and abs(seconds * whole - 1.0) < 1e-4 else 1.0 / seconds


class _Hierarchy:
    """Reads the lines of a hierarchy; a name goes to the end of its line ("Bip01 L Thigh")."""

    def __init__(self, text: str) -> None:
        self.names, self.parents = list[str](), list[int]()
        self.offsets, self.channels = list[list[float]](), list[tuple[int, str]]()
        self._above: list[int] = []  # joints whose braces are open; -1 for an end site
        self._joint = -1
        for line in text.replace("{", "\n{\n").replace("}", "\n}\n").splitlines():
            if words := line.split():
                self._take(words[0], words[1:])
        if self._above or not self.names or np.isnan(self.offsets).any():
            _refuse("is not a BVH file, or is damaged")

    def _take(self, word: str, rest: list[str]) -> None:
        match word:
            case "ROOT" | "JOINT":
                self.names.append(" ".join(rest))
                self.parents.append(self._above[-1] if self._above else -1)
                self.offsets.append([np.nan] * 3)
                self._joint = len(self.names) - 1
            case "End" if rest:
                self._joint = -1
            case "{":
                self._above.append(self._joint)
            case "}" if self._above:
                self._above.pop()
            case "OFFSET":
                if self._joint >= 0:
                    self.offsets[self._joint] = [float(rest[index]) for index in range(3)]
            case "CHANNELS" if rest and int(rest[0]) == len(rest) - 1:
                self.channels += [(self._joint, name) for name in rest[1:]]
            case _:
                _refuse(f"is not a BVH file, or is damaged (at {word[:40]!r})")


def turns_and_places(file: BvhFile) -> tuple[Array, Array]:
    """Local turns (T, J, 4) and places in the parent (T, J, 3) that the channels give, in the file's unit.

    A place is the joint's offset where the file has no channels for it, and else what these say.

    Raises:
        MotionError: a channel is none that a BVH file has.
    """
    frames, count = len(file.values), len(file.names)
    turns = rotation.identity(frames, count)
    places = np.broadcast_to(file.offsets, (frames, count, 3)).copy()
    for column, (joint, channel) in zip(file.values.T, file.channels, strict=True):
        axis = "XYZ".find(channel[:1])
        if channel[1:] == "rotation" and axis >= 0:
            turn = rotation.from_axis_angle(np.radians(column)[:, None] * np.eye(3)[axis])
            turns[:, joint] = rotation.multiply(turns[:, joint], turn)
        elif channel[1:] == "position" and axis >= 0:
            places[:, joint, axis] = column
        else:
            _refuse(f"has an unknown channel {channel[:40]!r}")
    return turns, places


def _refuse(message: str) -> NoReturn:
    raise MotionError(message)
