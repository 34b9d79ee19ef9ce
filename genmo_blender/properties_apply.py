"""How motions are put onto a character: `Object.genmo.apply`, and the same in the redo panel of genmo.apply_motion."""
# pyright: reportInvalidTypeForm=false

import math
from typing import Final

from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty
from bpy.types import PropertyGroup


class ApplySettings:
    """The settings, for a property group and for an operator."""

    mode: EnumProperty(
        name="Write",
        description="Where the motion is written",
        items=[
            ("ACTION", "New Action", "A new action; the old one is kept"),
            ("NLA", "NLA Strip", "A new action in a strip of its own, over what is there"),
            (
                "MERGE",
                "Into the Action",
                "Into the action that the character has; keys outside the frames stay as they are",
            ),
        ],
    )
    use_range: BoolProperty(name="Only Some Frames", description="Write only a range of frames")
    range_start: IntProperty(name="Start", description="First frame to write", default=1)
    range_stop: IntProperty(name="End", description="Frame at which writing has ended", default=61)
    blend_in: IntProperty(name="Blend In", description="Frames over which the motion comes in", min=0, soft_max=60)
    blend_out: IntProperty(name="Blend Out", description="Frames over which the motion goes out", min=0, soft_max=60)
    body: EnumProperty(
        name="Body",
        description="Part of the body that is written; the rest keeps what it has",
        items=[
            ("ALL", "Whole Body", "All mapped bones"),
            ("UPPER", "Upper Body", "Spine, head and arms"),
            ("LOWER", "Lower Body", "Hips and legs"),
            ("SELECTED", "Selected Bones", "The bones that are selected in Pose Mode"),
        ],
    )
    root: EnumProperty(
        name="Root Motion",
        description="What carries the body through the world",
        items=[
            ("HIPS", "Hips", "The hips move; the root bone stays"),
            ("ROOT", "Root Bone", "The bone above the hips takes the way over the ground, the hips the rest"),
            ("IN_PLACE", "In Place", "The body stays where it begins; its way is kept in the property 'genmo_travel'"),
        ],
    )
    travel: EnumProperty(
        name="Travel By",
        description="How far the character goes",
        items=[
            ("LEGS", "Length of Legs", "A small character takes small steps"),
            ("METRES", "Metres", "As far as the motion says, whatever the size of the character"),
        ],
    )
    controls: EnumProperty(
        name="Controls",
        description="Which controls of a control rig are keyed",
        items=[
            ("FK", "FK", "The FK controls"),
            ("IK", "IK", "The IK controls of arms and legs, with their pole vectors"),
        ],
    )
    keys: EnumProperty(
        name="Keys",
        description="How many keys are written",
        items=[
            ("DENSE", "Every Frame", "A key on every frame: exact"),
            ("SPARSE", "Few", "As few keys as the errors allow, with Bezier handles: easy to edit"),
        ],
    )
    max_angle: FloatProperty(
        name="Angle Error",
        description="How far a bone may be turned off between two keys",
        subtype="ANGLE",
        default=math.radians(0.5),
        min=math.radians(0.01),
        soft_max=math.radians(5.0),
    )
    max_distance: FloatProperty(
        name="Place Error",
        description="How far the body may be off between two keys",
        subtype="DISTANCE",
        default=0.002,
        min=0.0001,
        soft_max=0.05,
    )
    hands: BoolProperty(
        name="Keep Hands Touching",
        description="Hands that touch each other, the head or the hips go on touching on other proportions",
    )
    respect_locks: BoolProperty(name="Respect Locks", description="Leave locked channels of bones alone", default=True)


SETTINGS: Final = tuple(ApplySettings.__annotations__)
"""Names of the settings."""


class GENMO_PG_apply(ApplySettings, PropertyGroup):
    """`Object.genmo.apply`: how motions are put onto this character."""


CLASSES: Final = (GENMO_PG_apply,)
