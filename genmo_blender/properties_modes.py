"""Settings of the work modes, saved with the scene: what the Generate panel shows below "Mode"."""
# pyright: reportInvalidTypeForm=false

from typing import Any, Final

from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, StringProperty
from bpy.types import PropertyGroup

from .core.work import Mode

MODE_ITEMS: Final = [
    (Mode.NEW, "New Motion", "Make what the tracks ask for as a new action", "ADD", 0),
    (Mode.BETWEEN, "In-Between", "Fill the time between the first and the last key pose", "IPO_EASE_IN_OUT", 1),
    (Mode.RANGE, "Regenerate Range", "Make a part of the action anew; the rest stays as it is", "FILE_REFRESH", 2),
    (Mode.EXTEND, "Extend", "Go on after the action, or lead up to it", "ARROW_LEFTRIGHT", 3),
    (Mode.LOOP, "Loop", "Make a motion that ends as it begins", "LOOP_FORWARDS", 4),
    (Mode.POSE, "Pose", "Make one pose and key it at the playhead", "ARMATURE_DATA", 5),
    (Mode.LAYER, "Layer", "Make chosen parts of the body anew; the others stay as they are", "MOD_ARMATURE", 6),
    (Mode.VARY, "Vary Take", "Make takes that resemble the active one", "MOD_NOISE", 7),
]
"""The work modes: identifier, label, tooltip, icon, number."""
RANGE_ITEMS: Final = [
    ("PROMPT", "Active Prompt", "The range of the active prompt"),
    ("PREVIEW", "Preview Range", "The scene's preview range"),
    ("FRAMES", "Frames", "The frames given below"),
]
SIDE_ITEMS: Final = [
    ("AFTER", "After", "Go on where the action ends"),
    ("BEFORE", "Before", "Lead up to where the action begins"),
]
OF_OPERATOR: Final = "SKIP_SAVE"
"""Option of an operator's own copy of a setting: what is not given shall come from the panel, not from last time."""
PARTS: Final = ("ROOT", "TORSO", "LEFT_ARM", "RIGHT_ARM", "LEFT_LEG", "RIGHT_LEG")
PART_ITEMS: Final = [
    (part, part.replace("_", " ").title(), f"Make the {part.replace('_', ' ').lower()} anew", 1 << index)
    for index, part in enumerate(PARTS)
]
"""Parts of the body for layers, the keys of `properties.SCOPES`."""


def source_property(*options: str) -> Any:
    """Which frames a mode works on."""
    return EnumProperty(name="Range", description="Which frames to make anew", items=RANGE_ITEMS, options={*options})


def start_property(*options: str) -> Any:
    """First frame of a range."""
    return IntProperty(name="Start", description="First frame to make anew", default=1, options={*options})


def stop_property(*options: str) -> Any:
    """Frame after the last of a range."""
    return IntProperty(name="End", description="Frame after the last that is made anew", default=61, options={*options})


def text_property(*options: str) -> Any:
    """A prompt of the mode's own."""
    what = "What the character does there; empty for the prompts of the tracks"
    return StringProperty(name="Prompt", description=what, options={*options})


def frames_property(*options: str) -> Any:
    """By how much an action is extended."""
    what = "How many frames to add"
    return IntProperty(name="Frames", description=what, default=60, min=1, soft_max=600, options={*options})


def side_property(*options: str) -> Any:
    """Where an action is extended."""
    return EnumProperty(name="Side", description="Where to extend the action", items=SIDE_ITEMS, options={*options})


def length_property(*options: str) -> Any:
    """How long a loop is."""
    what = "Frames of one round; 0 for what the tracks cover"
    return IntProperty(name="Length", description=what, default=0, min=0, soft_max=600, options={*options})


def in_place_property(*options: str) -> Any:
    """Whether a loop travels."""
    return BoolProperty(name="In Place", description="Walk on the spot, as games want it", options={*options})


def parts_property(*options: str) -> Any:
    """The limbs of a layer."""
    return EnumProperty(
        name="Body Parts",
        description="Parts of the body to make anew; the others stay as they are",
        items=PART_ITEMS,
        options={"ENUM_FLAG", *options},
        default={"LEFT_ARM", "RIGHT_ARM"},
    )


def strength_property(*options: str) -> Any:
    """How far a variation goes."""
    return FloatProperty(
        name="Strength",
        description="How much changes: 0 gives the same motion, 1 another one",
        default=0.5,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
        options={*options},
    )


class GENMO_PG_work(PropertyGroup):
    """`Scene.genmo.work`: the work mode and its settings."""

    mode: EnumProperty(name="Mode", description="What Generate does", items=MODE_ITEMS)
    source: source_property()
    start: start_property()
    stop: stop_property()
    text: text_property()
    frames: frames_property()
    side: side_property()
    length: length_property()
    in_place: in_place_property()
    parts: parts_property()
    strength: strength_property()


CLASSES: Final = (GENMO_PG_work,)
