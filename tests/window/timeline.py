"""Prompts as strips on the timeline, with the mouse and the keyboard in a real Blender window."""

import subprocess
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import bpy
from driver import TICK, Wait, area_of, drag, note, picture, point, press, region_of, run, xdotool

EDITOR = "DOPESHEET_EDITOR"
ADDON = "bl_ext.user_default.genmo.genmo_blender"


def overlay() -> Any:
    """The add-on's module that draws the strips: it knows where they are."""
    return sys.modules[f"{ADDON}.timeline_overlay"]


def character() -> Any:
    """The active armature."""
    return bpy.context.view_layer.objects.active


def place(index: int, part: float = 0.5, track: str = "prompts") -> tuple[float, float]:
    """X's coordinates of a place on a strip of the active character: 0 its start, 1 its end."""
    window, area, region = region_of(EDITOR)
    with bpy.context.temp_override(window=window, area=area, region=region):
        layout, _ = overlay().layout_of(bpy.context)
    box = next(box for box in layout.boxes if box.strip.own and box.strip.key[1:] == (track, index))
    x = box.left + part * (box.right - box.left) + (2 if part == 0 else -2 if part == 1 else 0)
    return region.x + x, window.height - region.y - (box.bottom + box.top) / 2


def frames(count: float) -> float:
    """Pixels of so many frames."""
    window, area, region = region_of(EDITOR)
    with bpy.context.temp_override(window=window, area=area, region=region):
        return count * overlay().view_of(bpy.context).per_frame


def spans(target: Any = None) -> list[tuple[int, int]]:
    """Ranges of the prompts."""
    return [(row.start, row.stop) for row in (target or character()).genmo.prompts]


def arrange() -> Wait:
    """A character with three prompts, and a timeline that is high enough."""
    window, area = area_of(EDITOR)
    bpy.data.objects.remove(bpy.data.objects["Cube"])
    with bpy.context.temp_override(window=window, area=area_of("VIEW_3D")[1]):
        bpy.ops.genmo.character_add()
    bpy.context.scene.genmo.pack = str(Path("pack").resolve())
    yield 0.3
    edge = (window.width / 3, window.height - (area.y + area.height))
    yield from drag(edge, (edge[0], edge[1] - 160))
    yield 0.3
    target = character()
    for number, text in enumerate(("a person walks forward", "a person jumps", "a person waves both hands")):
        row = target.genmo.prompts.add()
        row.text, row.start, row.stop = text, 1 + 60 * number, 51 + 60 * number
    bpy.context.scene.frame_end = 200
    window, area, region = region_of(EDITOR)
    with bpy.context.temp_override(window=window, area=area, region=region):
        bpy.ops.action.view_all()
    yield 0.8
    picture("strips-1")
    note("the timeline is high enough", region.height > 150, str(region.height))


def drag_and_resize() -> Wait:
    """Three strips: the first gets shorter, the second earlier, the third begins later; each is one undo step."""
    start = place(1)
    yield from drag(start, (start[0] - frames(6), start[1]))
    note("a strip is dragged", spans()[1] == (55, 105), str(spans()))
    picture("strips-2-dragged")
    end = place(0, 1)
    yield from drag(end, (end[0] + frames(3), end[1]))
    note("an end snaps to the next strip", spans()[0] == (1, 55), str(spans()))
    begin = place(2, 0)
    yield from drag(begin, (begin[0] + frames(20), begin[1]))
    note("a start is dragged", spans()[2] == (141, 171), str(spans()))
    note("the dragged strip is the active row of the list", character().genmo.active_prompt == 2)
    picture("strips-3-resized")
    press("ctrl+z")
    yield 0.6
    note("one undo takes back one drag", spans() == [(1, 55), (55, 105), (121, 171)], str(spans()))
    press("ctrl+shift+z")
    yield 0.6
    note("redo does it again", spans()[2] == (141, 171), str(spans()))


def escape_puts_back() -> Wait:
    """A drag that is broken off changes nothing."""
    before = spans()
    x, y = place(1)
    point(x, y)
    xdotool("mousedown", 1)
    for number in range(1, 6):
        point(x + number * frames(4), y)
        yield TICK
    moving = spans()[1]
    press("Escape")
    yield 0.2
    xdotool("mouseup", 1)
    yield 0.3
    note("a drag that is broken off changes nothing", spans() == before and moving != before[1], f"{moving} {spans()}")


def type_in_place() -> Wait:
    """A double click on a strip opens its text."""
    point(*place(1))
    yield 0.2
    xdotool("click", "--repeat", 2, "--delay", 80, 1)
    yield 0.6
    xdotool("mousemove_relative", 1, 0)
    yield 0.6
    picture("strips-4-editing")
    press("ctrl+a")
    xdotool("type", "--delay", 30, "a person sits down")
    press("Return")
    yield 0.3
    press("Return")
    yield 0.6
    text = character().genmo.prompts[1].text
    note("a double click edits the text", text == "a person sits down", text)


def use_the_keyboard() -> Wait:
    """Tab, move, resize, split, duplicate, mute and delete without a click."""
    point(*place(1))
    press("alt+a", "Tab", "Tab")
    yield 0.4
    note("Tab goes from strip to strip", [row.select for row in character().genmo.prompts] == [False, True, False])
    press("alt+Right", "alt+Right", "alt+Left")
    yield 0.4
    note("Alt and arrows move by a frame", spans()[1] == (56, 106), str(spans()))
    press("e")
    yield 0.2
    press("shift+Right", "Right", "Return")
    yield 0.4
    note("E and arrows move the end", spans()[1] == (56, 117), str(spans()))
    bpy.context.scene.frame_set(80)
    press("k")
    yield 0.4
    note("K cuts at the playhead", spans()[1:3] == [(56, 80), (80, 117)], str(spans()))
    press("h")
    yield 0.3
    note("H mutes", character().genmo.prompts[2].mute)
    press("h", "shift+d")
    yield 0.3
    press("Right", "Return")
    yield 0.4
    note("Shift D copies and moves", spans()[-1] == (81, 118), str(spans()))
    picture("strips-5-copied")
    press("x")
    yield 0.4
    note("X deletes", len(spans()) == 4, str(spans()))


def leave_the_rest_to_blender() -> Wait:
    """Beside the strips the mouse and the keys do what they always do."""
    window, area, region = region_of(EDITOR)
    target = character()
    for frame in (20, 180):
        target.keyframe_insert("location", frame=frame)
    for key in _keys(target):
        key.select_control_point = False
    with bpy.context.temp_override(window=window, area=area, region=region):
        at = overlay().view_of(bpy.context).x(20)
    before = spans()
    scale = bpy.context.preferences.system.ui_scale
    y = window.height - region.y - region.height + 30 * scale
    for _ in range(20):  # keys lie below the frame numbers; where exactly is for each release to choose
        point(region.x + at, y)
        yield 0.1
        xdotool("click", 1)
        yield 0.3
        if any(key.select_control_point for key in _keys(target)):
            break
        y += 5 * scale
    chosen = [key.co.x for key in _keys(target) if key.select_control_point]
    note("a click beside the strips selects keys", set(chosen) == {20.0}, str(chosen))
    press("Delete")
    yield 0.5
    left = len(_keys(target))
    note("Delete beside the strips deletes keys, not strips", spans() == before and left == 3, f"{left} keys left")
    point(region.x + at + frames(30), window.height - region.y - region.height + 8 * scale)
    yield 0.2
    xdotool("click", 1)
    yield 0.4
    note("the playhead can be moved", bpy.context.scene.frame_current == 50, str(bpy.context.scene.frame_current))
    picture("strips-6-beside")


def _keys(target: Any) -> list[Any]:
    action = target.animation_data.action
    return [key for curve in action.fcurves for key in curve.keyframe_points]


def use_the_menus() -> Wait:
    """The right button opens the menu of the strip."""
    point(*place(0, 0.7))
    yield 0.2
    xdotool("click", 3)
    yield 0.6
    xdotool("mousemove_relative", 1, 0)
    yield 0.6
    picture("strips-7-menu")
    press("Escape")
    yield 0.3
    note("the right button selects the strip", character().genmo.prompts[0].select)


def add_at_the_mouse() -> Wait:
    """Shift A adds a prompt where the mouse is."""
    count = len(spans())
    x, y = place(0)
    point(x + frames(200 - 28), y - 60)
    yield 0.2
    press("shift+a")
    yield 0.7
    press("ctrl+a")
    xdotool("type", "--delay", 30, "a person bows")
    press("Return")
    yield 0.3
    press("Return")
    yield 0.5
    last = character().genmo.prompts[-1]
    note("Shift A adds a prompt at the mouse", len(spans()) == count + 1 and abs(last.start - 200) < 2, str(spans()))
    note("its text can be typed at once", last.text == "a person bows", last.text)


def colour_at(x: float, y: float) -> tuple[int, ...]:
    """Red, green and blue of a pixel of the display, 0..255."""
    words = ["import", "-window", "root", "-crop", f"1x1+{int(x)}+{int(y)}", "-depth", "8", "rgb:-"]
    return tuple(subprocess.run(words, check=True, capture_output=True, timeout=20).stdout[:3])


def draw_many() -> Wait:
    """Two hundred strips: what they cost is written down, on whatever draws here."""
    target = character()
    rows = target.genmo.prompts
    kept = [(row.text, row.start, row.stop) for row in rows]
    rows.clear()
    for number in range(200):
        row = rows.add()
        row.text, row.start, row.stop = f"prompt {number}", 1 + number, 1 + number + 4
    yield 0.5
    x, y = place(100)
    red, green, blue = colour_at(x, y)
    note("a strip has its colour", blue > green > red, f"{red} {green} {blue}")
    picture("strips-9-many")
    still, moving = (yield from _cost(lambda: None)), (yield from _cost(overlay().forget))
    note("200 strips are drawn", len(rows) == 200, f"{still:.2f} ms a draw, {moving:.2f} ms while they change")
    rows.clear()
    for text, start, stop in kept:
        row = rows.add()
        row.text, row.start, row.stop = text, start, stop
    yield 0.3


def _cost(change: Callable[[], None], count: int = 30) -> Generator[float, None, float]:
    """Milliseconds of this process, rasteriser included, that one draw of the strips takes; the median of some."""
    spent: list[float] = []

    def draw_again() -> None:
        change()
        begin = time.process_time()
        overlay().draw()
        spent.append(1000 * (time.process_time() - begin))

    handle = bpy.types.SpaceDopeSheetEditor.draw_handler_add(draw_again, (), "WINDOW", "POST_PIXEL")
    while len(spent) < count:
        area_of(EDITOR)[1].tag_redraw()
        yield TICK
    bpy.types.SpaceDopeSheetEditor.draw_handler_remove(handle, "WINDOW")
    return sorted(spent)[count // 2]


def switch_off_and_on() -> Wait:
    """Without the add-on nothing of it is drawn and the mouse is Blender's again; with it everything is back."""
    x, y = place(0)
    module = ADDON.rpartition(".")[0]
    bpy.ops.preferences.addon_disable(module=module)
    yield 0.5
    red, _, blue = colour_at(x, y)
    point(x, y)
    xdotool("click", 1)
    yield 0.4
    note("switched off it draws nothing", blue - red < 30, f"{red} {blue}")
    bpy.ops.preferences.addon_enable(module=module)
    yield 0.8
    red, _, blue = colour_at(*place(0, 0.4))
    note("switched on again it draws the same strips", blue - red > 30 and len(spans()) > 0, f"{red} {blue}")


def two_characters() -> Wait:
    """A second character with strips of its own; a click on the dim ones of the other goes back to it."""
    first = character()
    window, area = area_of("VIEW_3D")
    bpy.context.scene.cursor.location = (1.2, 0.0, 0.0)
    with bpy.context.temp_override(window=window, area=area):
        bpy.ops.genmo.character_add()
    second = character()
    yield 0.3
    for number, text in enumerate(("a person claps", "a person dances")):
        row = second.genmo.prompts.add()
        row.text, row.start, row.stop = text, 11 + 70 * number, 71 + 70 * number
    area_of(EDITOR)[1].tag_redraw()
    yield 0.6
    picture("strips-8-two-characters")
    before = spans(first)
    start = place(0)
    yield from drag(start, (start[0] + frames(10), start[1]))
    note("only the active character's strips are dragged", spans(second)[0] == (21, 81) and spans(first) == before)
    window, area, region = region_of(EDITOR)
    with bpy.context.temp_override(window=window, area=area, region=region):
        layout, _ = overlay().layout_of(bpy.context)
    dim = next(box for box in layout.boxes if not box.strip.own)
    point(region.x + (dim.left + dim.right) / 2, window.height - region.y - (dim.bottom + dim.top) / 2)
    yield 0.2
    xdotool("click", 1)
    yield 0.5
    note("a click on a dim strip chooses its character", character() == first, character().name)


run(
    "timeline",
    (
        arrange,
        drag_and_resize,
        escape_puts_back,
        type_in_place,
        use_the_keyboard,
        leave_the_rest_to_blender,
        use_the_menus,
        add_at_the_mouse,
        draw_many,
        two_characters,
        switch_off_and_on,
    ),
)
