"""What the window tests share: real X events, pictures of the display, and a report of how each step went.

The scripts are run by Blender itself, `blender --python clicks.py`. A script is a generator that yields the seconds
which Blender gets for what was done. It writes `out/steps-NAME.json` (a list of {name, passed, note}) and screenshots
`out/*.png`, and ends Blender.
"""

import json
import subprocess
import traceback
from collections.abc import Callable, Generator, Sequence
from pathlib import Path

import bpy

OUT = Path("out")
TICK = 0.05
"""Seconds that Blender gets for each event."""

Wait = Generator[float, None, None]
steps: list[dict[str, object]] = []
_report = ["steps"]


def note(name: str, passed: object, remark: str = "") -> None:
    """Write down how a step went; the file is written each time, so that a crash leaves the steps before it."""
    steps.append({"name": name, "passed": bool(passed), "note": remark})
    (OUT / f"{_report[0]}.json").write_text(json.dumps(steps, indent=1))


def xdotool(*words: object) -> None:
    """Send real X events."""
    subprocess.run(["xdotool", *map(str, words)], check=True, timeout=10)


def picture(name: str) -> None:
    """Save what is on the display; Blender's own screenshot is black on a software renderer."""
    subprocess.run(["import", "-window", "root", str(OUT / f"{name}.png")], check=True, timeout=20)


def point(x: float, y: float) -> None:
    """Put the mouse on a place in X's coordinates, y down."""
    xdotool("mousemove", int(x), int(y))


def press(*keys: str) -> None:
    """Press keys, each like "ctrl+z"."""
    for key in keys:
        xdotool("key", key)


def drag(start: tuple[float, float], stop: tuple[float, float], *, steps_between: int = 8) -> Wait:
    """Press the left button at a place, move in small steps, let go at another."""
    point(*start)
    yield 3 * TICK
    xdotool("mousedown", 1)
    for number in range(1, steps_between + 1):
        part = number / steps_between
        point(start[0] + part * (stop[0] - start[0]), start[1] + part * (stop[1] - start[1]))
        yield TICK
    yield 3 * TICK
    xdotool("mouseup", 1)
    yield 6 * TICK


def until(condition: Callable[[], object], seconds: float) -> Generator[float, None, bool]:
    """Let Blender go on until something is so; returns whether it came to be."""
    for _ in range(int(seconds / 0.1)):
        if condition():
            return True
        yield 0.1
    return False


def area_of(kind: str) -> tuple[bpy.types.Window, bpy.types.Area]:
    """The window and its first editor of a kind; looked up each time, since undo and files replace them."""
    window = bpy.context.window_manager.windows[0]
    return window, next(area for area in window.screen.areas if area.type == kind)


def region_of(kind: str, name: str = "WINDOW") -> tuple[bpy.types.Window, bpy.types.Area, bpy.types.Region]:
    """The window, an editor of a kind, and its region of a name."""
    window, area = area_of(kind)
    return window, area, next(region for region in area.regions if region.type == name)


def search(words: str) -> Wait:
    """Find a menu entry with F3 over the 3D view and choose it, as people do who know its name."""
    window, _, region = region_of("VIEW_3D")
    point(region.x + region.width * 0.45, window.height - region.y - region.height * 0.55)
    yield 3 * TICK
    press("F3")
    yield 0.6
    xdotool("type", "--delay", 30, words)
    yield 0.8
    press("Return")
    yield 0.5


def run(name: str, parts: Sequence[Callable[[], Wait]]) -> None:
    """Do all parts one after the other, once the window is there; one that breaks does not stop the next."""
    _report[0] = f"steps-{name}"
    bpy.context.preferences.view.show_splash = False
    going = _session(parts)
    bpy.app.timers.register(lambda: next(going, None), first_interval=2.0, persistent=True)


def _session(parts: Sequence[Callable[[], Wait]]) -> Wait:
    xdotool("search", "--onlyvisible", "--name", "Blender", "windowfocus")
    for part in parts:
        try:
            yield from part()
        except Exception:
            note(part.__name__, False, traceback.format_exc())
            picture(f"broken-{part.__name__}")
    bpy.ops.wm.quit_blender()
