"""What is saved in the .blend: `Object.genmo` on armatures (the tracks and takes) and `Scene.genmo` (the rest).

Frames here are scene frames, ranges half-open; places are world space unless a docstring says model space.
Job state is not here: it lives in `generation.py` and dies with the session.
"""
# pyright: reportInvalidTypeForm=false

from typing import Any, Final, cast

import bpy
from bpy.props import (
    BoolProperty,
    BoolVectorProperty,
    CollectionProperty,
    EnumProperty,
    FloatProperty,
    FloatVectorProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)
from bpy.types import Action, Curve, Object, PropertyGroup, Scene

from ..runtime.skeleton import JOINT_COUNT, JOINT_NAMES
from . import changes, packs, properties_apply, properties_constraints, properties_media, properties_modes
from .properties_constraints import GENMO_PG_waypoint
from .properties_library import CLASSES as LIBRARY_CLASSES
from .properties_library import GENMO_PG_library
from .properties_media import (
    GENMO_PG_music,
    GENMO_PG_reference,
    GENMO_PG_video,
    colour_property,
    mute_property,
    select_property,
)
from .properties_modes import GENMO_PG_work
from .stubs import Context

MAX_SEED: Final = 2**31 - 1
"""Largest seed that an IntProperty holds."""

SCOPES: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "ROOT": ("Root", ("pelvis",)),
    "TORSO": ("Torso", ("spine1", "spine2", "spine3", "neck", "head")),
    "LEFT_ARM": ("Left Arm", ("l_collar", "l_shoulder", "l_elbow", "l_wrist")),
    "RIGHT_ARM": ("Right Arm", ("r_collar", "r_shoulder", "r_elbow", "r_wrist")),
    "LEFT_LEG": ("Left Leg", ("l_hip", "l_knee", "l_ankle", "l_foot")),
    "RIGHT_LEG": ("Right Leg", ("r_hip", "r_knee", "r_ankle", "r_foot")),
}
"""Parts of the body that a key pose may hold: identifier -> label, joints. All of them = the full body."""

WHOLE_BODY: Final = frozenset(SCOPES)
UPPER_BODY: Final = frozenset({"TORSO", "LEFT_ARM", "RIGHT_ARM"})

SCOPE_ITEMS: Final = [
    (name, label, f"Hold the {label.lower()} in this pose", 1 << index)
    for index, (name, (label, _)) in enumerate(SCOPES.items())
]

QUALITY_STEPS: Final = {"DRAFT": 5, "STANDARD": 12, "BEST": 25}
"""Sampler steps of each quality preset."""


def joint_label(joint: str) -> str:
    """Name of a joint for people: "l_wrist" -> "Left Wrist"."""
    sides = {"l": "Left", "r": "Right"}
    side, _, rest = joint.partition("_")
    return f"{sides[side]} {rest.title()}" if rest else joint.title()


JOINT_ITEMS: Final = [(name, joint_label(name), "", index) for index, name in enumerate(JOINT_NAMES)]


def _touched(_owner: PropertyGroup, context: Context) -> None:
    changes.mark()
    changes.show()


def _target_chosen(owner: PropertyGroup, context: Context) -> None:
    from . import pin_targets  # which itself stands on this module

    pin_targets.take_target(owner)
    changes.mark()


def _is_curve(_owner: PropertyGroup, candidate: Object) -> bool:
    return isinstance(candidate.data, Curve)


class GENMO_PG_bone(PropertyGroup):
    """One row of the bone map; `name` is the model's joint."""

    bones: StringProperty(
        name="Bones",
        description="Bone that follows this joint; several, parents first and separated by commas, share its turn",
        update=_touched,
    )


class GENMO_PG_prompt(PropertyGroup):
    """A sentence over a range of frames."""

    text: StringProperty(name="Prompt", description="What the character does", update=_touched)
    start: IntProperty(name="Start", description="First frame of the prompt", update=_touched)
    stop: IntProperty(name="End", description="Frame at which the prompt has ended", default=60, update=_touched)
    mute: mute_property()
    select: select_property()
    colour: colour_property("prompts")


class GENMO_PG_key_pose(PropertyGroup):
    """A pose that the motion passes through; `name` is its label.

    A captured pose is kept as the model sees it, so that later edits of the action do not change it. A marked key is
    read from its action when a motion is made; what is kept is how it looked last (`marks.py`).
    """

    frame: IntProperty(name="Frame", description="Frame at which the motion passes through the pose", update=_touched)
    mute: mute_property()
    select: select_property()
    source: properties_constraints.source_property()
    action: PointerProperty(name="Action", description="Action whose keys are marked", type=Action)
    signature: StringProperty(options={"HIDDEN"})
    scope: EnumProperty(
        name="Body Parts",
        description="Parts of the body that the pose holds; the rest stays free",
        items=SCOPE_ITEMS,
        options={"ENUM_FLAG"},
        default=set(WHOLE_BODY),
        update=_touched,
    )
    rotations: FloatVectorProperty(name="Rotations", description="Model space, w first", size=(JOINT_COUNT, 4))
    root_position: FloatVectorProperty(name="Root", description="Pelvis in model space, metres", size=3)
    known: BoolVectorProperty(name="Known", description="Joints that the rig can tell", size=JOINT_COUNT)


class GENMO_PG_pin(PropertyGroup):
    """A joint that is held at a place."""

    mute: mute_property()
    select: select_property()
    joint: EnumProperty(
        name="Joint", description="Joint to hold", items=JOINT_ITEMS, default="l_wrist", update=_touched
    )
    start: IntProperty(name="Start", description="First frame of the pin", update=_touched)
    stop: IntProperty(name="End", description="Frame at which the joint is free again", default=10, update=_touched)
    target: PointerProperty(
        name="Target",
        description="Object to hold the joint at, also where it moves; none uses the stored place",
        type=Object,
        update=_target_chosen,
    )
    bone: StringProperty(name="Bone", description="Bone of the target to hold the joint at", update=_target_chosen)
    use_offset: BoolProperty(
        name="Keep Offset",
        description="Hold the joint as far from the target as it was when the pin was captured",
        update=_touched,
    )
    offset: FloatVectorProperty(
        name="Offset", description="Place of the joint in the target's axes", subtype="TRANSLATION", update=_touched
    )
    target_turn: FloatVectorProperty(
        name="Target Turn", description="World turn of the target at capture; zero if there was none", size=4
    )
    position: FloatVectorProperty(
        name="Place", description="World place of the joint", subtype="TRANSLATION", update=_touched
    )
    use_rotation: BoolProperty(name="Keep Rotation", description="Hold the captured rotation as well", update=_touched)
    rotation: FloatVectorProperty(
        name="Rotation",
        description="World turn of the joint from the T-pose, w first",
        size=4,
        default=(1.0, 0.0, 0.0, 0.0),
    )


class GENMO_PG_path(PropertyGroup):
    """The way over the ground: a curve walked in time, or waypoints."""

    mute: mute_property()

    kind: EnumProperty(
        name="Kind",
        description="Where the way comes from",
        items=[
            ("CURVE", "Curve", "Follow a curve object"),
            ("WAYPOINTS", "Waypoints", "Pass places at chosen frames, free between"),
        ],
        update=_touched,
    )
    curve: PointerProperty(name="Curve", description="Curve to follow", type=Object, poll=_is_curve, update=_touched)
    start: IntProperty(name="Start", description="Frame at the beginning of the curve", update=_touched)
    stop: IntProperty(name="End", description="Frame after the end of the curve", default=120, update=_touched)
    face_along: BoolProperty(
        name="Face Along", description="Turn the body into the direction of the curve", update=_touched
    )
    timing: properties_constraints.timing_property()
    speed: properties_constraints.speed_property()
    use_tilt: BoolProperty(
        name="Turn by Tilt", description="Turn the body away from the curve by the tilt of its points", update=_touched
    )
    waypoints: CollectionProperty(type=GENMO_PG_waypoint)
    active_waypoint: IntProperty(options={"SKIP_SAVE"})


class GENMO_PG_take(PropertyGroup):
    """A finished motion; `name` is its label. Written and read by `takes.py` only."""

    seed: IntProperty(name="Seed", description="Seed that made this take")
    sample: IntProperty(name="Sample", description="Which of the samples of that seed this is")
    start: IntProperty(name="Start", description="Scene frame of the take's first frame")
    frames: IntProperty(name="Frames", description="Length at the model's frame rate")
    fps: FloatProperty(name="Frame Rate", description="Frame rate of the model")
    pack: StringProperty(name="Pack", description="Model pack that made this take")
    request: StringProperty(name="Request", description="What was asked for, as JSON")
    key_frames: StringProperty(name="Key Frames", description="Scene frames that carry a constraint, as JSON")
    numbers: StringProperty(name="Numbers", description="Quality read-out, as JSON")
    data: StringProperty(name="Data", description="The motion, packed as text")
    film: StringProperty(name="Film", description="Camera and keypoints of the video, packed as text")
    plan: StringProperty(name="Plan", description="How it is put onto the character, as JSON")
    tracks: StringProperty(name="Tracks", description="What was on the tracks, as JSON")
    starred: BoolProperty(name="Star", description="A take worth keeping; only these stay when the others are cleared")


class GENMO_PG_character(PropertyGroup):
    """`Object.genmo`: the bone map, tracks and takes of one armature."""

    bones: CollectionProperty(type=GENMO_PG_bone)
    preset: StringProperty(name="Rig", description="Kind of rig that was recognised")
    t_pose: StringProperty(name="T-Pose", description="Pose that the user declared to be the T-pose, as JSON")
    prompts: CollectionProperty(type=GENMO_PG_prompt)
    key_poses: CollectionProperty(type=GENMO_PG_key_pose)
    pins: CollectionProperty(type=GENMO_PG_pin)
    paths: CollectionProperty(type=GENMO_PG_path)
    videos: CollectionProperty(type=GENMO_PG_video)
    music: CollectionProperty(type=GENMO_PG_music)
    references: CollectionProperty(type=GENMO_PG_reference)
    takes: CollectionProperty(type=GENMO_PG_take)
    active_prompt: IntProperty()
    active_key_pose: IntProperty()
    active_pin: IntProperty()
    active_path: IntProperty()
    active_video: IntProperty()
    active_music: IntProperty()
    active_reference: IntProperty()
    active_take: IntProperty()
    apply: PointerProperty(type=properties_apply.GENMO_PG_apply)
    ground: properties_constraints.ground_property()
    is_preview: BoolProperty(name="Preview", description="This armature only shows a take")


class GENMO_PG_scene(PropertyGroup):
    """`Scene.genmo`: what does not belong to one character."""

    seed: IntProperty(
        name="Seed", description="Same seed, same motion; another seed, another take", min=0, max=MAX_SEED
    )
    new_seed: BoolProperty(name="New Seed Each Time", description="Move on to the next seeds after generating")
    samples: IntProperty(name="Takes", description="How many takes to make at once", min=1, max=16, default=1)
    quality: EnumProperty(
        name="Quality",
        description="How many steps the sampler takes",
        items=[
            ("DRAFT", "Draft", f"{QUALITY_STEPS['DRAFT']} steps: for trying things out"),
            ("STANDARD", "Standard", f"{QUALITY_STEPS['STANDARD']} steps"),
            ("BEST", "Best", f"{QUALITY_STEPS['BEST']} steps: slower, smoother"),
            ("CUSTOM", "Custom", "Choose the number of steps"),
        ],
        default="STANDARD",
    )
    steps: IntProperty(name="Steps", description="Steps of the sampler", min=1, max=1000, default=12)
    device: EnumProperty(
        name="Device",
        description="Where the model runs",
        items=[
            ("PREFERENCES", "As in Preferences", "Use the device chosen in the add-on's preferences"),
            ("AUTO", "Automatic", "The fastest device that works"),
            ("CPU", "CPU", "The processor"),
            ("CUDA", "NVIDIA GPU", "The graphics card, if its runtime is there"),
        ],
    )
    pack: StringProperty(
        name="Model",
        description="Model pack to use; empty for the one that comes with the extension",
        search=packs.search,
        update=_touched,
    )
    cleanup: BoolProperty(name="Plant Feet", description="Stop feet from sliding and sinking in", default=True)
    apply_when_done: BoolProperty(
        name="Apply When Done", description="Put the first new take onto the character at once", default=True
    )
    show_strips: BoolProperty(
        name="Show Strips",
        description="Draw the characters' prompts, media and pins over the Dope Sheet and the Timeline",
        default=True,
        update=_touched,
    )
    snap_strips: BoolProperty(
        name="Snap Strips",
        description="Let strips snap to the ends of others, markers and the playhead; Ctrl does the opposite",
        default=True,
    )
    expert: BoolProperty(name="More Options", description="Show all options")
    work: PointerProperty(type=GENMO_PG_work)
    library: PointerProperty(type=GENMO_PG_library)
    show_ghosts: properties_constraints.ghosts_property()


CLASSES: Final = (
    GENMO_PG_bone,
    GENMO_PG_prompt,
    GENMO_PG_key_pose,
    GENMO_PG_pin,
    *properties_constraints.CLASSES,
    GENMO_PG_path,
    GENMO_PG_take,
    *properties_media.CLASSES,
    *properties_modes.CLASSES,
    *properties_apply.CLASSES,
    *LIBRARY_CLASSES,
    GENMO_PG_character,
    GENMO_PG_scene,
)


def of_object(target: Object) -> Any:
    """`Object.genmo` (a GENMO_PG_character) of an object."""
    return cast("Any", target).genmo


def of_scene(scene: Scene) -> Any:
    """`Scene.genmo` (a GENMO_PG_scene) of a scene."""
    return cast("Any", scene).genmo


def attach() -> None:
    """Add the two pointers; the classes must be registered."""
    cast("Any", Object).genmo = PointerProperty(type=GENMO_PG_character, override={"LIBRARY_OVERRIDABLE"})
    cast("Any", Scene).genmo = PointerProperty(type=GENMO_PG_scene)


def detach() -> None:
    """Remove the two pointers."""
    del cast("Any", bpy.types.Object).genmo
    del cast("Any", bpy.types.Scene).genmo
