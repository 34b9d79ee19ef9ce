"""What animators come for, done by mouse and keyboard in a real Blender window with the model that is in the zip.

Operators are called by their names in the F3 search, from the menu of a strip, or with the mouse in the 3D view; only
the scenery (an empty that moves, where the view looks) is put there by the script.
"""

import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import bpy
import numpy as np
from bpy_extras.view3d_utils import location_3d_to_region_2d
from driver import TICK, Wait, area_of, note, picture, point, press, region_of, run, search, until, xdotool
from mathutils import Vector

EDITOR = "DOPESHEET_EDITOR"
ADDON = "bl_ext.user_default.genmo.genmo_blender"
SECONDS = 120
"""Longer than any of the motions here takes."""


def module(name: str) -> Any:
    """A module of the add-on."""
    return sys.modules[f"{ADDON}.{name}"]


def character() -> Any:
    """The active armature."""
    return bpy.context.view_layer.objects.active


def curves() -> dict[tuple[str, int], list[tuple[float, float]]]:
    """The character's animation: path and index of a curve -> its keys."""
    action = character().animation_data.action
    return {
        (curve.data_path, curve.array_index): [tuple(key.co) for key in curve.keyframe_points]
        for curve in module("bake").curves_of(action)
    }


def joint(frame: int, bone: str) -> np.ndarray:
    """World place of a bone's head at a frame."""
    bpy.context.scene.frame_set(frame)
    return np.array(character().matrix_world @ character().pose.bones[bone].head)


def add_prompt(text: str, start: int, stop: int) -> None:
    """A row of the prompt list."""
    row = character().genmo.prompts.add()
    row.text, row.start, row.stop = text, start, stop


def look(distance: float = 5.0, centre: tuple[float, float, float] = (0.0, 0.0, 0.9), down: float = 0.35) -> None:
    """Look at the characters from the front and a little from above."""
    space = area_of("VIEW_3D")[1].spaces.active
    space.region_3d.view_perspective = "PERSP"
    space.region_3d.view_location = centre
    space.region_3d.view_distance = distance
    space.region_3d.view_rotation = Vector((0.5, -1.0, down)).to_track_quat("Z", "Y")
    space.overlay.show_floor = True


def new_scene(last: int) -> Wait:
    """A new character alone at frame 1 of a scene."""
    scene = bpy.context.scene
    if bpy.context.object is not None and bpy.context.object.mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")
    for item in list(bpy.data.objects):
        bpy.data.objects.remove(item)
    for action in list(bpy.data.actions):
        bpy.data.actions.remove(action)
    scene.timeline_markers.clear()
    scene.cursor.location = (0.0, 0.0, 0.0)
    scene.frame_start, scene.frame_end = 1, last
    scene.render.fps = 30
    scene.genmo.quality = "DRAFT"
    scene.genmo.apply_when_done = True
    window, area, region = region_of("VIEW_3D")
    with bpy.context.temp_override(window=window, area=area, region=region):
        bpy.ops.genmo.character_add()
    scene.frame_set(1)
    look()
    window, area, region = region_of(EDITOR)
    with bpy.context.temp_override(window=window, area=area, region=region):
        bpy.ops.action.view_all()
    yield 0.5


def made(count: int = 1) -> Generator[float, None, bool]:
    """Wait until there are so many takes and the last is on the character."""
    takes = character().genmo.takes
    done = yield from until(lambda: len(takes) >= count and module("generation").running() is None, SECONDS)
    yield 0.6
    return done


def enlarge_timeline() -> Wait:
    """A timeline that has room for strips."""
    window, area = area_of(EDITOR)
    edge = (window.width / 3, window.height - (area.y + area.height))
    point(*edge)
    yield 3 * TICK
    xdotool("mousedown", 1)
    for step in range(1, 9):
        point(edge[0], edge[1] - 15 * step)
        yield TICK
    xdotool("mouseup", 1)
    yield 0.4


def strip_place(index: int) -> tuple[float, float]:
    """X's coordinates of the middle of a prompt's strip."""
    window, area, region = region_of(EDITOR)
    with bpy.context.temp_override(window=window, area=area, region=region):
        layout, _ = module("timeline_overlay").layout_of(bpy.context)
    box = next(box for box in layout.boxes if box.strip.own and box.strip.key[1:] == ("prompts", index))
    return region.x + (box.left + box.right) / 2, window.height - region.y - (box.bottom + box.top) / 2


def change_one_strip() -> Wait:
    """Three strips; the text of the second is changed and only its range made anew."""
    yield from new_scene(150)
    for number, text in enumerate(("a person walks forward", "a person jumps", "a person waves both hands")):
        add_prompt(text, 1 + 50 * number, 51 + 50 * number)
    yield 0.5
    yield from search("GENMO Generate")
    yield from made()
    bpy.context.scene.frame_set(82)
    yield 0.4
    picture("range-1-before")
    before = curves()
    point(*strip_place(1))
    yield 0.2
    xdotool("click", "--repeat", 2, "--delay", 80, 1)
    yield 0.8
    press("ctrl+a")
    xdotool("type", "--delay", 30, "a person sits down")
    picture("range-2-typing")
    press("Return")
    yield 0.3
    press("Return")
    yield 0.5
    note("the text of the strip is changed", character().genmo.prompts[1].text == "a person sits down")
    point(*strip_place(1))
    yield 0.2
    xdotool("click", 3)
    yield 0.6
    xdotool("mousemove_relative", 1, 0)
    yield 0.5
    picture("range-3-menu")
    press("r")
    done = yield from made(2)
    note("Regenerate makes a take", done)
    picture("range-4-after")
    after = curves()
    inside = outside = 0
    for name, keys in before.items():
        old, new = dict(keys), dict(after[name])
        outside += sum(new.get(frame) != value for frame, value in old.items() if not 51 <= frame < 101)
        inside += sum(new.get(frame) != value for frame, value in old.items() if 51 <= frame < 101)
    note("only the strip's range is changed", inside > 100 and outside == 0, f"{inside} keys in, {outside} outside")


def fill_between_key_poses() -> Wait:
    """Four key poses, made with the keyboard in Pose Mode, and what is between them."""
    yield from new_scene(91)
    look(3.5)
    target = character()
    bpy.ops.object.mode_set(mode="POSE")
    wanted: dict[int, np.ndarray] = {}
    for frame, bone, angle in (
        (1, "l_shoulder", -60),
        (31, "r_shoulder", 60),
        (61, "spine2", 25),
        (91, "l_shoulder", 70),
    ):
        bpy.context.scene.frame_set(frame)
        for each in target.data.bones:
            each.select = each.name == bone
        target.data.bones.active = target.data.bones[bone]
        window, _, region = region_of("VIEW_3D")
        point(region.x + region.width * 0.6, window.height - region.y - region.height * 0.5)
        yield 0.2
        press("r", "y")
        xdotool("type", "--delay", 40, "--", str(angle))
        press("Return")
        yield 0.4
        yield from search("Add Key Pose")
        bpy.context.view_layer.update()
        wanted[frame] = np.array([bone.matrix.to_quaternion() for bone in target.pose.bones])
    picture("between-1-key-poses")
    frames = [row.frame for row in target.genmo.key_poses]
    note("four key poses are kept", sorted(frames) == [1, 31, 61, 91], str(frames))
    yield from search("In-Between")
    done = yield from made()
    note("In-Between makes a take", done)
    worst = 0.0
    for frame, turns in wanted.items():
        bpy.context.scene.frame_set(frame)
        now = np.array([bone.matrix.to_quaternion() for bone in target.pose.bones])
        worst = max(worst, float(np.degrees(2 * np.arccos(np.clip(np.abs((now * turns).sum(-1)), 0.0, 1.0))).max()))
    note("all key poses are met", worst < 0.1, f"{worst:.3f} degrees")
    bpy.context.scene.frame_set(46)
    yield 0.5
    picture("between-2-filled")
    bpy.ops.object.mode_set(mode="OBJECT")


def walk_a_drawn_path() -> Wait:
    """A path drawn on the ground with the mouse, and a walk along it."""
    yield from new_scene(150)
    add_prompt("a person walks forward", 1, 151)
    look(7.0, (0.0, -1.8, 0.3), 0.7)
    yield 0.5
    yield from search("Draw Path")
    window, _, region = region_of("VIEW_3D")
    way = [(0.6 * np.sin(1.1 * y), y, 0.0) for y in np.linspace(-0.2, -3.9, 24)]
    eye = area_of("VIEW_3D")[1].spaces.active.region_3d
    seen = [location_3d_to_region_2d(region, eye, place) for place in way]
    for number, place in enumerate(seen):
        point(region.x + place.x, window.height - region.y - place.y)
        yield TICK
        if number == 0:
            xdotool("mousedown", 1)
            yield TICK
    xdotool("mouseup", 1)
    yield 0.6
    picture("path-1-drawn")
    paths = character().genmo.paths
    note("the stroke becomes a path", len(paths) == 1 and paths[0].curve is not None)
    yield from search("GENMO Generate")
    done = yield from made()
    note("the walk is made", done)
    if not done or not len(paths):
        return
    request = module("takes").motion_of(character().genmo.takes[0]).request
    frames, points = np.array(request.path.frames), np.array(request.path.points)
    inside = [(frame, place) for frame, place in zip(frames, points, strict=True) if 0 < frame < 149]
    off = [np.linalg.norm(joint(1 + frame, "pelvis")[:2] - (place[0], -place[1])) for frame, place in inside[::5]]
    note("the character is on the path", max(off) < 0.1, f"at most {100 * max(off):.1f} cm beside it, hips swaying")
    bpy.context.scene.frame_set(75)
    yield 0.5
    picture("path-2-walked")


def hold_a_moving_handle() -> Wait:
    """The left hand held for a second at an empty that moves."""
    yield from new_scene(90)
    add_prompt("a person stands", 1, 91)
    target = character()
    handle = bpy.data.objects.new("Handle", None)
    bpy.context.scene.collection.objects.link(handle)
    handle.empty_display_size = 0.12
    for frame, place in ((31, (0.45, -0.35, 1.15)), (60, (0.25, -0.45, 1.35))):
        handle.location = place
        handle.keyframe_insert("location", frame=frame)
    handle.select_set(True)
    bpy.context.scene.frame_set(31)
    look(3.0)
    yield 0.5
    yield from search("Pin Left Hand")
    note(
        "the hand is pinned to the selected empty",
        len(target.genmo.pins) == 1 and target.genmo.pins[0].target == handle,
    )
    if not len(target.genmo.pins):
        return
    target.genmo.pins[0].stop = 61
    yield from search("GENMO Generate")
    done = yield from made()
    note("the motion with the pin is made", done)
    off = []
    for frame in range(31, 61):
        wrist = joint(frame, "l_wrist")
        off.append(np.linalg.norm(wrist - np.array(handle.matrix_world.translation)))
    note("the hand is on the handle", max(off) < 0.001, f"at most {1000 * max(off):.2f} mm off")
    bpy.context.scene.frame_set(45)
    yield 0.5
    picture("pin-1-held")


def loop() -> Wait:
    """A walk that ends as it begins."""
    yield from new_scene(60)
    add_prompt("a person walks forward", 1, 61)
    yield 0.3
    yield from search("GENMO Loop")
    done = yield from made()
    note("Loop makes a take", done)
    if not done:
        return
    target = character()
    action = target.animation_data.action
    first, last = (round(frame) for frame in action.frame_range)
    turns = []
    for frame in (first, last, last + 1):
        bpy.context.scene.frame_set(frame)
        turns.append(
            np.array([bone.matrix_basis.to_quaternion() for bone in target.pose.bones if bone.name != "pelvis"])
        )
    apart = [
        float(np.degrees(2 * np.arccos(np.clip(np.abs((turns[0] * each).sum(-1)), 0, 1))).max()) for each in turns[1:]
    ]
    note("the end is the beginning", min(apart) < 1.0, f"{apart[0]:.2f} and {apart[1]:.2f} degrees, {first}..{last}")
    bpy.context.scene.frame_set((first + last) // 2)
    yield 0.5
    picture("loop-1")


def two_characters() -> Wait:
    """Two characters in one scene, each with strips and a motion of its own."""
    yield from new_scene(90)
    first = character()
    add_prompt("a person waves both hands", 1, 91)
    yield from search("GENMO Generate")
    yield from made()
    before = curves()
    window, area, region = region_of("VIEW_3D")
    bpy.context.scene.cursor.location = (1.3, 0.0, 0.0)
    with bpy.context.temp_override(window=window, area=area, region=region):
        bpy.ops.genmo.character_add()
    second = character()
    add_prompt("a person jumps", 11, 81)
    yield 0.4
    yield from search("GENMO Generate")
    done = yield from made()
    note("the second character has a motion of its own", done and second != first)
    bpy.context.view_layer.objects.active = first
    note("the first one's motion is as it was", curves() == before)
    bpy.context.view_layer.objects.active = second
    look(5.5, (0.6, 0.0, 0.9))
    bpy.context.scene.frame_set(40)
    yield 0.6
    picture("two-1-characters")


run(
    "scenarios",
    (
        enlarge_timeline,
        change_one_strip,
        fill_between_key_poses,
        walk_a_drawn_path,
        hold_a_moving_handle,
        loop,
        two_characters,
    ),
)
