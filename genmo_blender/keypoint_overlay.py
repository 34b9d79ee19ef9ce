"""Draws the keypoints of the people in a video over its clip, in the Movie Clip Editor."""

from pathlib import Path
from typing import Any, Final

import bpy
import gpu
import numpy as np
from bpy.types import MovieClip, Object, Scene, SpaceClipEditor
from gpu_extras.batch import batch_for_shader
from numpy.typing import NDArray

from ..runtime.keypoints import KEYPOINTS
from . import people, selection, tracks
from .properties import of_object
from .properties_media import absolute
from .stubs import Context, current_context

Array = NDArray[np.float64]

_WIDTH: Final = 2.5
_CROSS: Final = 5.0
"""Half the size of a joint's mark, pixels of the screen."""
_MARK: Final = np.array([(-1.0, 0.0), (1.0, 0.0), (0.0, -1.0), (0.0, 1.0)])
_BONES: Final = tuple(
    (KEYPOINTS.index(first), KEYPOINTS.index(last))
    for first, last in (
        ("nose", "l_eye"), ("nose", "r_eye"), ("l_eye", "l_ear"), ("r_eye", "r_ear"),
        ("l_shoulder", "r_shoulder"), ("l_hip", "r_hip"), ("l_shoulder", "l_hip"), ("r_shoulder", "r_hip"),
        ("l_shoulder", "l_elbow"), ("l_elbow", "l_wrist"), ("r_shoulder", "r_elbow"), ("r_elbow", "r_wrist"),
        ("l_hip", "l_knee"), ("l_knee", "l_ankle"), ("r_hip", "r_knee"), ("r_knee", "r_ankle"),
    )
)  # fmt: skip
_COLOURS: Final = {"l": (0.13, 0.83, 0.93), "r": (0.98, 0.57, 0.24), "m": (0.99, 0.88, 0.28)}
_OTHERS: Final = 0.35
"""Opacity of people who are not followed."""
_SEEN: Final = 0.5
_state: dict[str, Any] = {"handle": None}


def seconds_shown(clip: MovieClip, scene: Scene) -> float:
    """Seconds of a clip's file that its editor shows on the scene's current frame."""
    return (scene.frame_current - clip.frame_start + clip.frame_offset) / max(clip.fps, 1e-3)


def video_of(target: Object | None, clip: MovieClip) -> Any | None:
    """The character's video that is this clip: the active one if it can be, None when there is none."""
    if target is None:
        return None
    path = Path(bpy.path.abspath(clip.filepath, library=clip.library))
    active = tracks.active(target, "videos")
    rows: list[Any] = [active] if active is not None else []
    rows += list(of_object(target).videos)
    return next((row for row in rows if row.path and Path(absolute(row)) == path), None)


def bones_shown(row: Any, seconds: float) -> tuple[Array, Array]:
    """What to draw of everybody at a time of the file.

    Args:
        row: a video of a character.
        seconds: of the file.

    Returns:
        Ends (n, 2, 2) of n bones, each 0..1 of the picture from its lower left, and colours (n, 4). Bones with a
        keypoint that was not seen, or that is masked, are left out.
    """
    found = people.of(row)
    ends: list[Any] = []
    colours: list[Any] = []
    for number, person in enumerate(found.people if found else ()):
        at = int(np.abs(person.times - seconds).argmin()) if len(person.times) else 0
        if found is None or not len(person.times) or abs(person.times[at] - seconds) > 0.75 / max(found.fps, 1.0):
            continue
        points = person.keypoints[at]
        places = points[:, :2] / (found.width, found.height) * (1.0, -1.0) + (0.0, 1.0)
        for first, last in _BONES:
            if min(points[first, 2], points[last, 2]) > _SEEN:
                ends.append(places[[first, last]])
                colours.append((*_colour(first, last), 1.0 if number == row.person else _OTHERS))
    return np.array(ends).reshape(-1, 2, 2), np.array(colours).reshape(-1, 4)


def _colour(first: int, last: int) -> tuple[float, float, float]:
    sides = {KEYPOINTS[index][0] if KEYPOINTS[index][1] == "_" else "m" for index in (first, last)}
    return _COLOURS[sides.pop() if len(sides) == 1 else "m"]


def draw() -> None:
    """Draw into the Movie Clip Editor that Blender is drawing now."""
    context: Context = current_context()
    clip = context.space_data.clip
    row = video_of(selection.character_of(context), clip) if clip is not None else None
    if row is None:
        return
    ends, colours = bones_shown(row, seconds_shown(clip, context.scene))
    if not len(ends):
        return
    view = context.region.view2d
    corner, opposite = (np.array(view.view_to_region(x, x, clip=False), float) for x in (0.0, 1.0))
    points = corner + ends.reshape(-1, 2) * (opposite - corner)
    shader = gpu.shader.from_builtin("POLYLINE_FLAT_COLOR")
    both = np.repeat(colours, 2, axis=0).astype(np.float32)
    marks = (points[:, None] + _CROSS * _MARK).reshape(-1, 2)
    content = {
        "pos": np.pad(np.concatenate([points, marks]), ((0, 0), (0, 1))).astype(np.float32),
        "color": np.concatenate([both, np.repeat(both, 4, axis=0)]),
    }
    shader.bind()
    shader.uniform_float("viewportSize", (context.region.width, context.region.height))
    shader.uniform_float("lineWidth", _WIDTH * context.preferences.system.ui_scale)
    gpu.state.blend_set("ALPHA")
    batch_for_shader(shader, "LINES", content).draw(shader)
    gpu.state.blend_set("NONE")


def attach() -> None:
    """Begin to draw."""
    _state["handle"] = SpaceClipEditor.draw_handler_add(draw, (), "WINDOW", "POST_PIXEL")


def detach() -> None:
    """Stop drawing, and forget who was found."""
    if _state["handle"] is not None:
        SpaceClipEditor.draw_handler_remove(_state["handle"], "WINDOW")
        _state["handle"] = None
    people.forget()
