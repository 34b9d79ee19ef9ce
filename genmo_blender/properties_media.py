"""Ranges of video, music and reference motion on a character's timeline, saved in the .blend.

Frames are scene frames, ranges half-open. A file's own time is in seconds for video and music; for a reference motion
it is in scene frames, as its strip is dragged on the timeline.
"""
# pyright: reportInvalidTypeForm=false

from typing import Any, Final

import bpy
from bpy.props import (
    BoolProperty,
    EnumProperty,
    FloatProperty,
    FloatVectorProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)
from bpy.types import MovieClip, Object, PropertyGroup

from . import changes
from .stubs import Context

COLOURS: Final[dict[str, tuple[float, float, float]]] = {
    "prompts": (0.22, 0.42, 0.62),
    "videos": (0.56, 0.32, 0.30),
    "music": (0.34, 0.50, 0.26),
    "references": (0.50, 0.38, 0.62),
}
"""Colour of a new strip on each track, display space."""


_RELATIVE: Final[set[Any]] = {"PATH_SUPPORTS_BLEND_RELATIVE"} if bpy.app.version >= (4, 5, 0) else set()
"""Names of files may begin with "//"; older Blenders allow it without being told."""


def _touched(_owner: PropertyGroup, context: Context) -> None:
    changes.mark()
    changes.show()


def _is_camera(_owner: PropertyGroup, candidate: Object) -> bool:
    return candidate.type == "CAMERA"


def mute_property() -> Any:
    """Whether a strip is left out of the request."""
    return BoolProperty(name="Mute", description="Leave this out without deleting it", update=_touched)


def select_property() -> Any:
    """Whether a strip is selected on the timeline."""
    return BoolProperty(name="Select", description="Selected on the timeline")


def colour_property(track: str) -> Any:
    """Colour of a strip on a track."""
    return FloatVectorProperty(
        name="Colour",
        description="Colour on the timeline",
        subtype="COLOR_GAMMA",
        size=3,
        min=0.0,
        max=1.0,
        default=COLOURS[track],
    )


class GENMO_PG_video(PropertyGroup):
    """A filmed person that is followed over a range of frames; `name` is its label."""

    path: StringProperty(
        name="File",
        description="Video, or keypoints of a person (.npz)",
        subtype="FILE_PATH",
        options=_RELATIVE,
        update=_touched,
    )
    start: IntProperty(name="Start", description="First frame", update=_touched)
    stop: IntProperty(name="End", description="Frame at which it has ended", default=60, update=_touched)
    source_start: FloatProperty(
        name="Skip",
        description="Seconds of the file before the first frame",
        min=0.0,
        soft_max=600.0,
        unit="TIME_ABSOLUTE",
        update=_touched,
    )
    person: IntProperty(
        name="Person", description="Which person to follow; 0 is the most prominent", min=0, max=1000, update=_touched
    )
    flip: BoolProperty(name="Mirror", description="Swap left and right", update=_touched)
    camera_source: EnumProperty(
        name="Camera",
        description="What is known of the camera that filmed it",
        items=[
            ("UNKNOWN", "Unknown", "Work it out from the picture"),
            ("FOCAL", "Focal Length", "The focal length is known, its turning is not"),
            ("OBJECT", "Camera Object", "A camera of this scene was there, with its lens and how it turns"),
            ("CLIP", "Tracked Clip", "The solved camera of a movie clip"),
        ],
        update=_touched,
    )
    focal_px: FloatProperty(
        name="Focal Length",
        description="Focal length in pixels of the video",
        min=1.0,
        soft_max=10_000.0,
        max=1e6,
        default=1000.0,
        update=_touched,
    )
    static: BoolProperty(
        name="Fixed Place", description="The camera stays in its place; it may turn", default=True, update=_touched
    )
    camera: PointerProperty(
        name="Object", description="Camera that filmed it", type=Object, poll=_is_camera, update=_touched
    )
    clip: PointerProperty(name="Clip", description="Movie clip with a solved camera", type=MovieClip, update=_touched)
    edits: StringProperty(name="Corrections", description="What was corrected by hand, as JSON", update=_touched)
    corrected: StringProperty(name="Keypoints", description="Corrected keypoints that the worker keeps")
    corrected_for: StringProperty(name="Corrected", description="What those keypoints were made from")
    mute: mute_property()
    select: select_property()
    colour: colour_property("videos")


class GENMO_PG_music(PropertyGroup):
    """Music to dance to over a range of frames; `name` is its label."""

    path: StringProperty(
        name="File", description="Sound file", subtype="FILE_PATH", options=_RELATIVE, update=_touched
    )
    start: IntProperty(name="Start", description="First frame", update=_touched)
    stop: IntProperty(name="End", description="Frame at which it has ended", default=60, update=_touched)
    source_start: FloatProperty(
        name="Skip",
        description="Seconds of the file before the first frame",
        min=0.0,
        soft_max=600.0,
        unit="TIME_ABSOLUTE",
        update=_touched,
    )
    mute: mute_property()
    select: select_property()
    colour: colour_property("music")


class GENMO_PG_reference(PropertyGroup):
    """A motion to stay close to over a range of frames; `name` is its label.

    It comes from a file, or is kept here as `takes.pack` writes it: then `data` holds it and `path` is empty.
    """

    path: StringProperty(
        name="File", description="Motion file (.npz)", subtype="FILE_PATH", options=_RELATIVE, update=_touched
    )
    data: StringProperty(name="Data", description="The motion, packed as text", options={"HIDDEN"})
    frames: IntProperty(name="Frames", description="Length of the packed motion at its own frame rate")
    fps: FloatProperty(name="Frame Rate", description="Frame rate of the packed motion", default=30.0)
    start: IntProperty(name="Start", description="First frame", update=_touched)
    stop: IntProperty(name="End", description="Frame at which it has ended", default=60, update=_touched)
    source_start: IntProperty(
        name="Skip", description="Frames of the motion before the first frame", min=0, update=_touched
    )
    strength: FloatProperty(
        name="Strength",
        description="How close to stay: 0 ignores it, 1 follows it as closely as possible",
        subtype="FACTOR",
        min=0.0,
        max=1.0,
        default=0.6,
        update=_touched,
    )
    mute: mute_property()
    select: select_property()
    colour: colour_property("references")


CLASSES: Final = (GENMO_PG_video, GENMO_PG_music, GENMO_PG_reference)


def absolute(row: Any) -> str:
    """The row's file as an absolute name: "//" is the folder of the .blend."""
    return bpy.path.abspath(row.path, library=row.id_data.library) if row.path else ""
