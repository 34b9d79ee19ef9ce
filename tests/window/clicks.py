"""A click through the panel in a real Blender window: run by Blender itself, `blender --python clicks.py`.

Mouse and keyboard are xdotool's, so they take the same way as a person's. Buttons are found, not assumed: Ctrl-C over a
button copies its operator call or its value, so hovering down the sidebar tells what is where, whatever the layout.
"""

import sys
from collections.abc import Generator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import bpy
from driver import TICK, Wait, note, picture, point, run, until, xdotool

ROW = 12
"""Pixels between two probes: a button is about 20 high."""
RIGHT = 0.83
"""Where the narrow buttons at the right edge are, as a part of the sidebar's width."""


def view() -> tuple[bpy.types.Window, bpy.types.Area, bpy.types.Region]:
    """The window, its 3D view and the view's sidebar; looked up each time, since undo and files replace them."""
    window = bpy.context.window_manager.windows[0]
    area = next(area for area in window.screen.areas if area.type == "VIEW_3D")
    return window, area, next(region for region in area.regions if region.type == "UI")


def character() -> bpy.types.Object:
    """The only armature of the file."""
    return next(each for each in bpy.data.objects if each.type == "ARMATURE")


def action() -> bpy.types.Action | None:
    """The action that the character has now."""
    data = character().animation_data
    return data.action if data else None


def find(
    wanted: str, across: float = 0.5, *, upwards: bool = False
) -> Generator[float, None, tuple[float, float] | None]:
    """Look for the button whose copied text contains `wanted`, from the top of the sidebar down.

    Args:
        wanted: e.g. "bpy.ops.genmo.generate".
        across: where to probe, 0 the left edge of the sidebar and 1 the right one.
        upwards: from the bottom up.

    Returns:
        Its place in X's coordinates, None when it is nowhere.
    """
    window, _, sidebar = view()
    for each in bpy.context.selected_objects:
        each.select_set(False)  # between buttons Ctrl-C copies the selected objects, which takes its time
    x = sidebar.x + sidebar.width * across
    rows = range(window.height - sidebar.y - sidebar.height + 6, window.height - sidebar.y - 4, ROW)
    for y in reversed(rows) if upwards else rows:
        bpy.context.window_manager.clipboard = ""
        point(x, y)
        yield TICK
        xdotool("key", "ctrl+c")
        yield TICK
        if wanted in bpy.context.window_manager.clipboard:
            return x, y
    return None


def click(wanted: str, across: float = 0.5) -> Generator[float, None, bool]:
    """Find a button and press it; returns whether it was there."""
    place = yield from find(wanted, across)
    if place is None:
        note(f"the button of {wanted} is in the sidebar", False)
        picture(f"missing-{wanted.rpartition('.')[2]}")
        return False
    point(*place)
    yield 0.2
    xdotool("click", 1)
    yield 0.5
    return True


def open_sidebar() -> Wait:
    """Show the add-on's page of the sidebar, wide enough to read."""
    window, area, _ = view()
    area.spaces.active.show_region_ui = True
    yield 0.5
    _, area, sidebar = view()
    sidebar.active_panel_category = "GENMO"
    bpy.data.objects.remove(bpy.data.objects["Cube"])
    area.tag_redraw()
    point(window.width / 2, window.height / 2)
    yield 0.5
    picture("1-empty")


def make_character() -> Wait:
    """Add the character and a prompt by their buttons, type the prompt."""
    yield from click("bpy.ops.genmo.character_add")
    yield 1.0
    armatures = [each for each in bpy.data.objects if each.type == "ARMATURE"]
    note("the button adds a character", len(armatures) == 1)
    if not len(character().genmo.prompts):
        yield from click("bpy.ops.genmo.prompt_add", RIGHT)
    prompts = character().genmo.prompts
    note("the button adds a prompt", len(prompts) == 1)
    prompts[0].text = "walk"
    prompts[0].start, prompts[0].stop = 1, 61
    bpy.context.scene.genmo.pack = str(Path("pack").resolve())
    bpy.context.scene.genmo.apply_when_done = False
    yield 0.5
    picture("2-prompt")
    place = yield from find("walk", 0.3, upwards=True)  # below the list, which shows it too
    if place is None:
        note("the prompt's text is in the panel", False)
        return
    point(*place)
    xdotool("click", "--repeat", 2, "--delay", 80, 1)
    yield 0.5
    xdotool("key", "ctrl+a")
    xdotool("type", "--delay", 40, "a person walks forward and waves")
    xdotool("key", "Return")
    yield 0.6
    note("a prompt can be typed", prompts[0].text == "a person walks forward and waves", prompts[0].text)


def generate_and_cancel() -> Wait:
    """Start a generation that would take minutes, see its progress, cancel it."""
    settings = bpy.context.scene.genmo
    character().genmo.prompts[0].stop = 3001
    settings.quality, settings.steps = "CUSTOM", 1000
    yield from click("bpy.ops.genmo.generate")
    yield 3.0
    picture("3-running")
    running = yield from find("bpy.ops.genmo.cancel", RIGHT)
    note("while it runs there is a cancel button", running is not None)
    if running is None:
        return
    point(*running)
    yield 0.2
    xdotool("click", 1)
    gone = yield from until(lambda: not len(character().genmo.takes), 1)
    yield 1.0
    back = yield from find("bpy.ops.genmo.generate")
    note("cancel brings the generate button back, without a take", gone and back is not None)
    picture("4-cancelled")


def generate_and_apply() -> Wait:
    """Generate for good, apply the take, play it back."""
    settings = bpy.context.scene.genmo
    character().genmo.prompts[0].stop = 61
    settings.quality = "DRAFT"
    yield from click("bpy.ops.genmo.generate")
    done = yield from until(lambda: len(character().genmo.takes) == 1, 120)
    note("generate makes a take", done)
    yield 0.5
    picture("5-take")
    if not done:
        return
    note("nothing is applied before it is asked for", action() is None)
    yield from click("bpy.ops.genmo.apply_motion", 0.2)
    applied = yield from until(action, 10)
    note("apply gives the character an action", applied)
    bpy.context.scene.frame_set(30)
    yield 0.5
    picture("6-applied")


def undo_and_redo() -> Wait:
    """Ctrl-Z over the view takes the motion away and nothing else; Ctrl-Shift-Z brings it back."""
    if not action():
        note("there is an action to undo", False)
        return
    window, _, _ = view()
    takes = len(character().genmo.takes)
    point(window.width * 0.3, window.height * 0.4)
    yield 0.3
    xdotool("key", "ctrl+z")
    undone = yield from until(lambda: action() is None, 5)
    note("one undo takes the action away", undone)
    note("undo leaves the character and its takes", len(character().genmo.takes) == takes)
    xdotool("key", "ctrl+shift+z")
    redone = yield from until(action, 5)
    note("redo brings it back", redone)
    picture("7-redone")


run("clicks", (open_sidebar, make_character, generate_and_cancel, generate_and_apply, undo_and_redo))
