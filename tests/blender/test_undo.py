"""One undo after any operator restores the file; what Generate and its modes do is two steps, the takes and
the action.

The operators are those in `Op`, so that a new one is tested as soon as it has a name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bpy
import pytest

from genmo.genmo_blender import takes
from genmo.genmo_blender.collect import Collected
from genmo.genmo_blender.core.timeline import Timeline
from genmo.genmo_blender.idnames import Op
from genmo.runtime.motion import save_motion
from genmo.tests.blender.blend_data import difference, dump
from genmo.tests.blender.characters import add_prompt, new_character
from genmo.tests.blender.filmed import filmed, write_grey
from genmo.tests.runtime.walking import walk

STILL = {
    Op.CANCEL: "there is nothing to cancel",
    Op.TAKES_KEEP: "a part of Generate, which is tested as a whole",
    Op.STRIP_MENU: "shows a menu, where there is a mouse",
    Op.STRIP_DRAG: "follows the mouse",
    Op.PEOPLE_FIND: "changes nothing of the file",
    Op.PEOPLE_CANCEL: "there is nothing to cancel",
    Op.PEOPLE_TO_CHARACTERS: "needs people in the video",
}
"""Operators that a script cannot run."""


@pytest.fixture(scope="module")
def motion_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A motion in a file."""
    path = tmp_path_factory.mktemp("undo") / "walk.npz"
    save_motion(walk(), path)
    return path


def scene(motion_file: Path) -> Any:
    """Two characters; the active one has something on every track, a take and an action."""
    other = new_character()
    other.name = "Other"
    bpy.context.scene.cursor.location = (1.0, 0.0, 0.0)
    target = new_character()
    add_prompt(target, "a person walks forward", 1, 31)
    add_prompt(target, "a person waves", 31, 61)
    bpy.context.scene.genmo.samples = 2
    add_film(target, motion_file.parent)
    bpy.ops.genmo.generate(wait=True)
    for frame in (50, 20):
        bpy.context.scene.frame_set(frame)
        bpy.ops.genmo.key_pose_add()
    bpy.ops.genmo.pin_add(joint="l_wrist")
    bpy.ops.genmo.path_add()
    bpy.ops.genmo.reference_add(filepath=str(motion_file))
    bpy.ops.genmo.music_add(filepath=str(motion_file))
    target.genmo.music[0].mute = True  # it is none
    target.genmo.references[0].mute = True  # a loop cannot follow one
    bpy.context.scene.frame_set(25)
    target.genmo.bones["l_foot"].bones = ""
    bpy.context.scene.timeline_markers.new("a person sits", frame=5)
    bpy.ops.genmo.strip_select(track="prompts", index=0)
    bpy.ops.genmo.library_folder_add(directory=str(motion_file.parent))
    bpy.ops.genmo.library_index()
    bpy.ops.genmo.library_search(text="a walk")
    other.select_set(True)
    for body in [item for item in bpy.data.objects if item.type == "MESH"]:
        bpy.data.objects.remove(body)  # large, and none of the operators is about it
    return target


def add_film(target: Any, folder: Path) -> None:
    """A video that is left out, the same as a movie clip and as a strip, and a take of another one."""
    film = write_grey(folder / "film.y4m")
    bpy.ops.genmo.video_add(filepath=str(film))
    target.genmo.videos[0].mute = True  # nobody is in it
    bpy.data.movieclips.load(str(film))
    editor = bpy.context.scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    editor.active_strip = strips.new_movie("Shot", str(film), 1, 1)
    motion = filmed(folder / "film.npz")
    takes.keep(target, motion, Collected(motion.request, Timeline(30.0), ()), 0)


def arguments(name: Op, motion_file: Path) -> dict[str, Any]:
    """What an operator needs to have something to do."""
    files = {"filepath": str(motion_file)}
    return {
        Op.MUSIC_ADD: files,
        Op.VIDEO_ADD: {"filepath": str(motion_file.parent / "film.npz")},
        Op.VIDEO_FROM_CLIP: {"clip": "film.y4m"},
        Op.PERSON_CHOOSE: {"person": 1},
        Op.FOOTAGE_CAMERA: {"take": 0},
        Op.REFERENCE_ADD: files,
        Op.BONE_MAP_EXPORT: {"filepath": str(motion_file.with_suffix(".json"))},
        Op.BONE_MAP_IMPORT: {"filepath": str(motion_file.with_suffix(".json"))},
        Op.BONES_PICK: {"joint": "l_foot", "bones": "l_foot"},
        Op.GENERATE: {"wait": True},
        Op.STRIP_SELECT: {"track": "prompts", "index": 1},
        Op.STRIP_MOVE: {"frames": 4},
        Op.STRIP_EDIT: {"text": "a person bows"},
        Op.STRIP_COLOUR: {"colour": (1.0, 0.0, 0.0)},
        Op.KEY_POSE_ADD: {"scope": {"LEFT_ARM"}},
        Op.FIX: {"fix": "add_prompt"},
        Op.QUALITY_JUMP: {"frame": 25},
        Op.LIBRARY_FOLDER_ADD: {"directory": str(motion_file.parent / "more")},
        Op.LIBRARY_SEARCH: {"text": "a walk"},
        Op.APPLY_MOTION: {"take": 1},
        Op.TAKE_RENAME: {"name": "the best"},
        Op.PATH_DRAW: {
            "stroke": [{"name": "", "location": (0.0, -0.1 * step, 0.0), "seconds": 0.1 * step} for step in range(30)]
        },
    }.get(name, {})


READY = {
    Op.VIDEO_MASKS_CLEAR: "video_mask",
    Op.KEY_POSE_CAPTURE: "key_poses_mark",
    Op.FORGET_T_POSE: "use_as_t_pose",
    Op.PREVIEW_CLEAR: "take_preview",
}
"""What has to be done before an operator has something to do."""

UNCHANGED = {
    Op.BONE_MAP_EXPORT: "writes a file of its own",
    Op.KEY_POSE_JUMP: "moves the playhead, which undo leaves alone",
}
"""Operators with an undo step that leave the file as it is."""


def functions() -> Iterator[tuple[Op, Callable[..., set[str]]]]:
    for name in Op:
        if name not in STILL:
            yield name, getattr(bpy.ops.genmo, name.removeprefix("genmo."))


def has_step(name: Op) -> bool:
    """Whether an operator leaves an undo step of its own; Generate leaves those of its takes and of the action."""
    kind = getattr(bpy.types, f"GENMO_OT_{name.removeprefix('genmo.')}")
    return "UNDO" in getattr(kind, "bl_options", ())


def test_undo_restores_the_file(motion_file: Path) -> None:
    scene(motion_file)
    changed = set()
    for name, function in functions():
        if name in READY:
            getattr(bpy.ops.genmo, READY[name])()
        bpy.ops.ed.undo_push(message="before")
        before = dump()
        function("EXEC_DEFAULT", True, **arguments(name, motion_file))
        if difference(before, dump()):
            changed.add(name)
            for _ in range(1 if has_step(name) else 2):
                bpy.ops.ed.undo()
            assert not difference(before, dump()), name
    idle = {name for name, _ in functions() if has_step(name)} - changed
    assert idle <= set(UNCHANGED), "what they need to have something to do is missing in `arguments`"


def test_an_operator_that_fails_changes_nothing(motion_file: Path) -> None:
    target = scene(motion_file)
    target.genmo.prompts[0].stop = target.genmo.prompts[0].start - 5
    bpy.ops.genmo.strip_select_all(deselect=True)
    before = dump()
    for name in (Op.GENERATE, Op.STRIP_SPLIT, Op.STRIP_REMOVE, Op.MUSIC_ADD, Op.REFERENCE_ADD, Op.FIX):
        function = getattr(bpy.ops.genmo, name.removeprefix("genmo."))
        with pytest.raises(RuntimeError):
            function("EXEC_DEFAULT", True, **({"fix": "remove", "track": "pins", "index": 9} if name == Op.FIX else {}))
        assert not difference(before, dump()), name
