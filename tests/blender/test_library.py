"""The Library panel: folders and actions are indexed in the worker, found, and used on a character."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
import pytest

from genmo.genmo_blender import library, library_actions, library_pictures, library_use, takes
from genmo.genmo_blender.core import png
from genmo.genmo_blender.ui import library as panel
from genmo.runtime import rotation
from genmo.runtime.errors import UserError
from genmo.runtime.library import strips
from genmo.runtime.motion import load_motion, save_motion
from genmo.tests.blender.characters import TINY, new_character
from genmo.tests.blender.layouts import Sheet, context_of
from genmo.tests.blender.rigs import mixamo_like
from genmo.tests.runtime.clip_folder import DAMAGED, waving, write_clips
from genmo.tests.runtime.walking import walk


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """300 clips in four formats and four files that are none."""
    return write_clips(tmp_path_factory.mktemp("many clips"))


@pytest.fixture
def few(tmp_path: Path) -> Path:
    """Three clips."""
    for name, motion in (("walk", walk(60)), ("short", walk(20)), ("wave", waving(walk(40), 90.0, 1.0))):
        save_motion(motion, tmp_path / f"{name}.npz")
    return tmp_path


def use(folder: Path, *, actions: bool = False) -> object:
    """The scene's library of a folder."""
    settings = bpy.context.scene.genmo.library
    bpy.context.scene.genmo.pack = str(TINY)
    settings.use_actions = actions
    bpy.ops.genmo.library_folder_add(directory=str(folder))
    return settings


def test_hundreds_of_clips_of_mixed_formats_with_damaged_files(many: Path) -> None:
    use(many)
    assert bpy.ops.genmo.library_index() == {"FINISHED"}
    assert library.news() == "300 read, 4 skipped"
    assert sorted(said.partition(":")[0] for said in library.skipped()) == sorted(DAMAGED)
    assert (many / ".genmo-library" / "index.npz").exists()
    assert bpy.ops.genmo.library_search(text="a person raises the right arm") == {"FINISHED"}
    assert len(library.hits()) == 100, "copies are found once"
    assert {Path(hit.place).parent.name for hit in library.hits()} >= {"amass", "bvh", "genmo", "kimodo"}
    scores = [hit.score for hit in library.hits()]
    assert scores == sorted(scores, reverse=True)
    assert all(Path(hit.picture).exists() for hit in library.hits())
    (many / "genmo" / "clip 005.npz").unlink()
    save_motion(walk(33), many / "genmo" / "clip 009.npz")
    bpy.ops.genmo.library_index()
    assert library.news() == "1 read, 298 unchanged, 1 removed, 4 skipped"


def test_filters_narrow_the_search(few: Path) -> None:
    settings = use(few)
    bpy.ops.genmo.library_index()
    settings.text = "walk"

    def found() -> set[str]:
        bpy.ops.genmo.library_search()
        return {hit.name for hit in library.hits()}

    assert found() == {"walk", "short", "wave"}
    settings.seconds_least = 1.0
    assert found() == {"walk", "wave"}
    settings.seconds_most = 1.5
    assert found() == {"wave"}
    settings.seconds_least = settings.seconds_most = 0.0
    settings.words = "SHO"
    assert found() == {"short"}
    settings.words, settings.speed_least = "", 3.0
    assert found() == set()
    settings.speed_least, settings.looped = 0.0, "LOOPS"
    loops = found()
    settings.looped = "OTHERS"
    assert loops | found() == {"walk", "short", "wave"}
    assert not loops & found()


def test_a_take_finds_its_own_clip_first_and_becomes_one(few: Path) -> None:
    use(few)
    bpy.ops.genmo.library_index()
    target = new_character()
    takes.keep_clip(target, walk(60), "mine", 1)
    assert bpy.ops.genmo.library_similar() == {"FINISHED"}
    assert library.hits()[0].name == "walk"
    assert library.hits()[0].score > 0.99
    bpy.context.scene.frame_set(11)
    target.location.x = 2.0
    bpy.context.view_layer.update()
    assert bpy.ops.genmo.library_take(hit=0) == {"FINISHED"}
    row = target.genmo.takes[-1]
    assert (row.name, row.start, row.frames) == ("walk", 11, 60)
    made, source = takes.motion_of(row), walk(60)
    np.testing.assert_allclose(made.root_positions[0, ::2], 0.0, atol=1e-3)  # model space goes with the object
    travel = np.linalg.norm(made.root_positions[-1] - made.root_positions[0])
    assert travel == pytest.approx(np.linalg.norm(source.root_positions[-1] - source.root_positions[0]), abs=1e-4)
    assert bpy.ops.genmo.apply_motion(take=len(target.genmo.takes) - 1) == {"FINISHED"}
    assert tuple(target.animation_data.action.frame_range) == pytest.approx((11, 70))


def test_a_clip_becomes_a_reference_and_key_poses(few: Path) -> None:
    use(few)
    bpy.ops.genmo.library_index()
    target = new_character()
    bpy.ops.genmo.library_search(text="wave")
    number = next(number for number, hit in enumerate(library.hits()) if hit.name == "wave")
    bpy.ops.genmo.library_select(hit=number)
    assert bpy.ops.genmo.library_reference() == {"FINISHED"}
    row = target.genmo.references[0]
    assert (row.name, row.start, row.stop, row.frames) == ("wave", 1, 41, 40)
    assert bpy.ops.genmo.library_key_poses(count=3) == {"FINISHED"}
    assert [key.frame for key in target.genmo.key_poses] == [1, 21, 40]
    shown = np.array(target.genmo.key_poses[1].rotations).reshape(22, 4)
    assert np.degrees(rotation.angle(shown, waving(walk(40), 90.0, 1.0).local_rotations[20])).max() < 0.1
    start, stop = library.hits()[number].window
    assert library_use.read(library.hits()[number], only_window=True).frames == stop - start


def test_actions_are_read_through_the_bone_map(tmp_path: Path) -> None:
    rig = mixamo_like()
    bpy.context.scene.render.fps = 30
    bpy.context.scene.genmo.pack = str(TINY)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.genmo.map_bones()
    row = takes.keep_clip(rig, waving(walk(40), 90.0, 1.0), "Wave", 1)
    takes.apply(rig, bpy.context.scene, row)
    takes.apply(rig, bpy.context.scene, takes.keep_clip(rig, walk(30), "Walk", 1))
    bpy.data.actions.new("A door opens")
    assert {action.name for _, action in library_actions.pairs(bpy.context.scene)} == {"Wave", "Walk"}
    settings = bpy.context.scene.genmo.library
    settings.index = str(tmp_path / "index")
    playing = rig.animation_data.action
    assert bpy.ops.genmo.library_index() == {"FINISHED"}
    assert library.news() == "2 read"
    assert rig.animation_data.action == playing
    bpy.ops.genmo.library_similar(take=0)
    assert library.hits()[0].name == "Wave"
    read = load_motion(library.hits()[0].motion)
    wish = waving(walk(40), 90.0, 1.0)
    assert np.degrees(rotation.angle(read.local_rotations, wish.local_rotations)).mean() < 3.0
    bpy.data.actions.remove(bpy.data.actions["Wave"])
    bpy.ops.genmo.library_index()
    assert library.news() == "1 read, 1 removed"


def test_what_cannot_be_done_is_a_sentence(tmp_path: Path) -> None:
    scene = bpy.context.scene
    scene.genmo.pack = str(TINY)
    for operator, said in ((bpy.ops.genmo.library_index, "Add a folder"), (bpy.ops.genmo.library_search, "Type what")):
        with pytest.raises(RuntimeError, match=said):
            operator()
    with pytest.raises(RuntimeError, match="press Index"):
        bpy.ops.genmo.library_search(text="walk")
    new_character()
    with pytest.raises(RuntimeError, match="Search for a clip first"):
        bpy.ops.genmo.library_take()
    use(tmp_path / "gone")
    with pytest.raises(RuntimeError, match="is not a folder"):
        bpy.ops.genmo.library_index()


def test_a_clip_that_is_gone_is_a_sentence(few: Path) -> None:
    use(few)
    bpy.ops.genmo.library_index()
    new_character()
    bpy.ops.genmo.library_search(text="walk")
    for path in few.glob("*.npz"):
        path.unlink()
    with pytest.raises(RuntimeError, match="cannot be read"):
        bpy.ops.genmo.library_take(hit=0)
    assert library_use.window_icons(library.hits()[0])


def test_pictures_are_read_as_they_were_written(tmp_path: Path) -> None:
    picture = strips.strip(walk(30))
    data = strips.png(picture)
    np.testing.assert_array_equal(png.read(data), picture)
    for damaged in (b"", data[:40], data[:-30], b"\x89PNG\r\n\x1a\n" + bytes(30), data.replace(b"IDAT", b"JDAT")):
        with pytest.raises(UserError):
            png.read(damaged)
    assert len(library_pictures.of_file(str(tmp_path / "none.png"))) == library_pictures.PARTS


def test_the_panels_say_what_was_found(few: Path) -> None:
    use(few)
    bpy.ops.genmo.library_index()
    new_character()
    bpy.ops.genmo.library_search(text="walk")
    drawn = []
    for kind in panel.CLASSES:
        sheet = Sheet()
        kind.draw(sheet, context_of(bpy.context))
        drawn += sheet.words
    assert f"1. {library.hits()[0].name}" in drawn
    assert "1 to 3 of 3 for 'walk'" in drawn
    assert any(word.startswith("Why this? Best part: 0.0 to") for word in drawn)
    assert library.news() in drawn
