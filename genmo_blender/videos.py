"""Edits of a character's video track, and corrections of what was seen in a video. Operators call these.

Frames are scene frames, corrections are kept in seconds of the file (`runtime.people.edits`).
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import bpy
from bpy.types import MovieClip, Object, Scene

from ..runtime.errors import UserError
from ..runtime.keypoint_file import load_keypoints
from . import changes, generation, tasks, tracks
from .collect import frame_rate
from .corrections import key_of
from .properties import of_object
from .properties_media import absolute

VIDEO_FILES: Final = "*.mp4;*.mov;*.m4v;*.avi;*.mkv;*.webm;*.mpg;*.mpeg;*.mts;*.m2ts;*.wmv;*.ogv;*.gif;*.y4m;*.npz"
"""What the file browser shows; any file that FFmpeg reads can be used."""


def probe(path: str) -> dict[str, Any]:
    """Width, height, fps, seconds and focal_px of a video or keypoint file; waits for the worker.

    Raises:
        UserError: it cannot be read, or the worker is busy.
    """
    if path.lower().endswith(".npz"):
        track = load_keypoints(path)
        width, height = (float(each) for each in track.image_size)
        told = {"width": width, "height": height, "fps": track.fps, "focal_px": track.focal_px}
        return told | {"seconds": len(track.points) / track.fps}
    if generation.running() is not None or tasks.running():
        raise UserError("Something is being made already: wait for it or cancel it")
    found: list[Any] = []
    failed: list[str] = []
    tasks.start("video.probe", {"path": path}, found.append, on_failure=failed.append, wait=True)
    if not found:
        raise UserError(failed[0] if failed else "The video could not be looked at")
    return found[0].value


def add_file(target: Object, scene: Scene, path: str) -> Any:
    """A video from the playhead on, for as long as it is; a folder or one of a series of pictures too.

    Raises:
        UserError: it cannot be read.
    """
    if not path or not Path(bpy.path.abspath(path)).exists():
        raise UserError(f"There is no file '{path}'" if path else "Choose a video")
    info = probe(bpy.path.abspath(path))
    start = scene.frame_current
    row = _add(target, Path(path).stem or path, path)
    row.start, row.stop = start, start + max(1, round(info["seconds"] * frame_rate(scene)))
    return row


def add_clip(target: Object, scene: Scene, clip: MovieClip) -> Any:
    """A movie clip where the Movie Clip Editor shows it; its solved camera is used if it has one.

    Raises:
        UserError: its file cannot be read.
    """
    path = bpy.path.abspath(clip.filepath, library=clip.library)
    info = probe(path)
    row = _add(target, clip.name, path)
    row.clip, row.start = clip, clip.frame_start
    row.stop = row.start + max(1, round(info["seconds"] * frame_rate(scene)))
    if clip.tracking.reconstruction.is_valid:
        row.camera_source = "CLIP"
    return row


def add_strip(target: Object, scene: Scene, strip: Any) -> Any:
    """A movie strip of the sequencer, where it lies and as it is cut.

    Raises:
        UserError: its file cannot be read.
    """
    path = bpy.path.abspath(strip.filepath)
    info = probe(path)
    row = _add(target, strip.name, path)
    row.start, row.stop = (round(_of_strip(strip, *names)) for names in _STRIP_ENDS)
    cut = max(0.0, _of_strip(strip, "left_handle_offset", "frame_offset_start") / frame_rate(scene))
    row.source_start = cut + _of_strip(strip, "content_trim_start", "animation_offset_start") / max(info["fps"], 1.0)
    return row


_STRIP_ENDS: Final = (("left_handle", "frame_final_start"), ("right_handle", "frame_final_end"))


def _of_strip(strip: Any, *names: str) -> float:
    """A property of a strip by its name since Blender 5.2, else the one before."""
    return float(next(getattr(strip, name) for name in names if hasattr(strip, name)))


def movie_strip(scene: Scene) -> Any:
    """The active movie strip of the scene's sequencer, None when there is none."""
    editor = scene.sequence_editor
    strip = editor.active_strip if editor else None
    return strip if strip is not None and strip.type == "MOVIE" else None


def _add(target: Object, name: str, path: str) -> Any:
    row = tracks.add(target, "videos")
    row.name, row.path = name, path
    return row


def active(target: Object) -> Any:
    """The active video.

    Raises:
        UserError: there is none.
    """
    row = tracks.active(target, "videos")
    if row is None:
        raise UserError("Add a video first")
    return row


def seconds_at(row: Any, scene: Scene, frame: float) -> float:
    """Seconds of a row's file that a scene frame shows."""
    return row.source_start + (frame - row.start) / frame_rate(scene)


def add_mask(row: Any, scene: Scene, start: int, stop: int, joints: tuple[str, ...] = ()) -> None:
    """Let the keypoints of a row's person not count on scene frames; none of `joints` means all.

    Raises:
        UserError: the range has no frames of the video.
    """
    start, stop = max(start, row.start), min(stop, row.stop)
    if start >= stop:
        raise UserError(f"The video lies on frames {row.start} to {row.stop - 1}: choose some of them")
    edits = json.loads(row.edits) if row.edits else {}
    mask: dict[str, Any] = {"person": row.person, "start": seconds_at(row, scene, start - 0.5)}
    mask["start"], mask["stop"] = max(0.0, mask["start"]), seconds_at(row, scene, stop - 0.5)
    edits.setdefault("masks", []).append(mask | ({"joints": list(joints)} if joints else {}))
    row.edits = json.dumps(edits)
    changes.mark()


def masks_of(row: Any) -> list[dict[str, Any]]:
    """The masked stretches of a row's person."""
    edits = json.loads(row.edits) if row.edits else {}
    return [mask for mask in edits.get("masks", ()) if mask["person"] == row.person]


def clear_masks(row: Any) -> int:
    """Let everything of a row's person count again; returns how many stretches were masked."""
    edits, gone = json.loads(row.edits) if row.edits else {}, len(masks_of(row))
    edits["masks"] = [mask for mask in edits.get("masks", ()) if mask["person"] != row.person]
    row.edits = json.dumps(edits) if any(edits.values()) else ""
    changes.mark()
    return gone


def keep_own_edits(row: Any) -> None:
    """Forget the corrections of all people but the row's own."""
    edits = json.loads(row.edits) if row.edits else {}
    own = {kind: [each for each in each_kind if each["person"] == row.person] for kind, each_kind in edits.items()}
    row.edits = json.dumps(own) if any(own.values()) else ""


def take_in(target: Object, row: Any, then: Callable[[], None] | None = None) -> None:
    """Have the worker write the corrected keypoints of a row; nothing is looked for again."""
    if not row.edits:
        return
    name, index, key = target.name, list(of_object(target).videos).index(row), key_of(row)

    def done(result: Any) -> None:
        rows = of_object(bpy.data.objects[name]).videos if name in bpy.data.objects else ()
        if index < len(rows) and key_of(rows[index]) == key:
            rows[index].corrected, rows[index].corrected_for = result.value["path"], key
            changes.mark()
        if then is not None:
            then()

    asked = {"path": absolute(row), "person": row.person, "edits": json.loads(row.edits)}
    tasks.start("video.keypoints", asked, done, label="Correcting keypoints")
