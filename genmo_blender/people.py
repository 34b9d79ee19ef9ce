"""Who is in a video: asked of the worker, kept for this session. Nothing of it is saved; the worker's cache is."""

import json
import time
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from bpy.types import Object
from bpy.utils import previews
from numpy.typing import NDArray

from ..runtime.errors import UserError
from ..runtime.tasks import TaskResult
from . import checks, tasks, videos
from .properties_media import absolute
from .stubs import current_context

TASK: Final = "video.detect"


@dataclass(frozen=True, eq=False)
class Person:
    """Somebody in a video.

    Attributes:
        start: first second in which they are seen.
        stop: end of the last.
        confidence: mean of their keypoints, 0..1.
        icon: number of the thumbnail's icon, 0 when there is none.
        times: (n,) seconds.
        keypoints: (n, 17, 3) shown pixels, origin at the upper left, and confidence; corrections are in them.
    """

    start: float
    stop: float
    confidence: float
    icon: int
    times: NDArray[np.float64]
    keypoints: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Looked:
    """What was found in a video.

    Attributes:
        width: of the picture, pixels.
        height: of the picture, pixels.
        fps: pictures per second.
        focal_px: what the file says of its focal length, None when it says nothing.
        is_still: whether the camera stands still.
        people: the most prominent first.
    """

    width: int
    height: int
    fps: float
    focal_px: float | None
    is_still: bool
    people: tuple[Person, ...]


_looked: dict[str, Looked] = {}
_pictures: dict[str, Any] = {"collection": None}
_phase: dict[str, Any] = {"name": "", "began": 0.0, "step": 0}


def of(row: Any) -> Looked | None:
    """What is known of a row's video, None before anybody looked."""
    return _looked.get(absolute(row)) if row.path else None


def find(target: Object, row: Any) -> None:
    """Look for the people in a row's video; in a window this returns at once.

    Raises:
        UserError: there is no video to look at, or one is being looked at.
    """
    path = absolute(row)
    if not path:
        raise UserError("Choose a video")
    if path.lower().endswith(".npz"):
        raise UserError("A keypoint file has one person: there is nobody to look for")
    if tasks.running(TASK):
        raise UserError("A video is being looked at already: wait for it or cancel it")
    asked = {"path": path, "edits": json.loads(row.edits) if row.edits else {}}
    _phase.update(name="", began=time.monotonic(), step=0)
    tasks.start(TASK, asked, lambda result: _keep(path, result), label="Finding people")
    if row.edits and row.corrected_for != videos.key_of(row):
        videos.take_in(target, row)


def cancel() -> bool:
    """Stop looking; what was finished is kept by the worker."""
    running = tasks.running(TASK)
    for task in running:
        task.cancel()
    return bool(running)


def message(row: Any) -> str:
    """The sentence that the last look, or the last correction of a video that has some, failed with; "" for none."""
    return tasks.message(TASK) or (tasks.message("video.keypoints") if row.edits else "")


def corrected(target: Object, row: Any) -> None:
    """Take in that the corrections of a row have changed: its keypoint file, and what is drawn if it was looked at."""
    if of(row) is not None and not tasks.running(TASK):
        find(target, row)
    else:
        videos.take_in(target, row)


def seconds_left() -> float | None:
    """How long the phase in progress will last, None when that is not known yet."""
    running = tasks.running(TASK)
    news = running[0].progress if running else None
    if news is None:
        return None
    now = time.monotonic()
    if news.phase != _phase["name"] or news.step < _phase["step"]:
        _phase.update(name=news.phase, began=now, step=news.step)
    done = news.step - _phase["step"]
    return (now - _phase["began"]) / done * (news.total - news.step) if done > 0 else None


def _keep(path: str, result: TaskResult) -> None:
    value, arrays = result.value, result.arrays
    members = []
    for number, told in enumerate(value["people"]):
        icon = _icon(f"{path}|{number}", arrays["thumbnails"][number])
        seen = (arrays[f"times_{number}"], arrays[f"keypoints_{number}"])
        members.append(Person(told["start"], told["stop"], told["confidence"], icon, *seen))
    known = {name: value[name] for name in ("width", "height", "fps", "focal_px")}
    _looked[path] = Looked(**known, is_still=value["still"], people=tuple(members))
    redraw()


def _icon(name: str, pixels: NDArray[np.uint8]) -> int:
    """A picture (h, w, 3), top row first, as an icon of Blender's."""
    if _pictures["collection"] is None:
        _pictures["collection"] = previews.new()
    collection = _pictures["collection"]
    preview = collection[name] if name in collection else collection.new(name)
    height, width = pixels.shape[:2]
    rgba = np.ones((height, width, 4), np.float32)
    rgba[..., :3] = pixels[::-1].astype(np.float32) / 255.0
    preview.image_size = (width, height)
    preview.image_pixels_float.foreach_set(rgba.ravel())
    preview.icon_size = (width, height)
    preview.icon_pixels_float.foreach_set(rgba.ravel())
    return preview.icon_id


def redraw() -> None:
    """Draw the sidebars and the Movie Clip Editors again."""
    checks.redraw()
    manager = current_context().window_manager
    for window in manager.windows if manager else ():
        for area in window.screen.areas:
            if area.type == "CLIP_EDITOR":
                area.tag_redraw()


def forget() -> None:
    """Drop everything: the extension is switched off."""
    _looked.clear()
    if _pictures["collection"] is not None:
        previews.remove(_pictures["collection"])
        _pictures["collection"] = None
