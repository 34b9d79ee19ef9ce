"""Properties of key poses, waypoints, paths and the ground that the large groups of `properties.py` are made with."""
# pyright: reportInvalidTypeForm=false

from typing import Any, Final

from bpy.props import BoolProperty, EnumProperty, FloatProperty, FloatVectorProperty, IntProperty, PointerProperty
from bpy.types import Object, PropertyGroup

from . import changes
from .stubs import Context

GROUND_KINDS: Final = frozenset({"MESH", "CURVE", "SURFACE", "META", "FONT"})
"""Objects that have a surface to stand on."""


def _touched(_owner: PropertyGroup, context: Context) -> None:
    changes.mark()


def _has_surface(_owner: PropertyGroup, candidate: Object) -> bool:
    return candidate.type in GROUND_KINDS


def source_property() -> Any:
    """Where the pose of a key pose comes from."""
    return EnumProperty(
        name="Source",
        description="Where the pose comes from",
        items=[
            ("POSE", "Captured", "The pose as it was when it was captured", "POSE_HLT", 0),
            ("ACTION", "Key", "The marked keys of the action: move them in the dope sheet", "KEYTYPE_EXTREME_VEC", 1),
        ],
        update=_touched,
    )


def timing_property() -> Any:
    """How time goes along a curve."""
    return EnumProperty(
        name="Timing",
        description="How time goes along the curve",
        items=[
            ("EVEN", "Start to End", "At even speed from the start frame to the end frame"),
            ("SPEED", "Speed", "At this speed from the start frame on"),
            ("RADIUS", "Radius", "From start to end, faster where the radius of the curve's points is larger"),
            ("WAYPOINTS", "Waypoints", "Pass the points of the curve nearest to the waypoints at their frames"),
        ],
        update=_touched,
    )


def speed_property() -> Any:
    """Speed along a curve."""
    return FloatProperty(
        name="Speed",
        description="Speed along the curve; people walk at about 1.3 m/s and run at 3 m/s",
        min=0.01,
        soft_max=8.0,
        max=12.0,
        default=1.3,
        unit="VELOCITY",
        update=_touched,
    )


def ground_property() -> Any:
    """What a character stands on."""
    return PointerProperty(
        name="Ground",
        description="Object whose surface the feet stand on; none is a flat floor at the character's feet",
        type=Object,
        poll=_has_surface,
        update=_touched,
    )


def ghosts_property() -> Any:
    """Whether the constraints are drawn."""
    return BoolProperty(
        name="Show Constraints",
        description="Draw key poses, pins and paths of the active character in the 3D view",
        default=True,
    )


class GENMO_PG_waypoint(PropertyGroup):
    """A place to pass at a frame."""

    frame: IntProperty(name="Frame", description="Frame at which the character is here", update=_touched)
    mute: BoolProperty(name="Mute", description="Leave this out without deleting it", update=_touched)
    target: PointerProperty(
        name="Target", description="Object to pass at; none uses the stored place", type=Object, update=_touched
    )
    position: FloatVectorProperty(
        name="Place", description="World place to pass", subtype="TRANSLATION", update=_touched
    )
    use_heading: BoolProperty(
        name="Face", description="Turn the body as the object is turned, its front being -Y", update=_touched
    )


class GENMO_PG_stroke_point(PropertyGroup):
    """A point of a stroke that is drawn on the ground."""

    location: FloatVectorProperty(name="Place", description="World place", subtype="TRANSLATION")
    seconds: FloatProperty(name="Time", description="Seconds since the stroke began")


CLASSES: Final = (GENMO_PG_waypoint, GENMO_PG_stroke_point)
