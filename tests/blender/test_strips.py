"""Strips on the timeline: what their operators do to the tracks, also with several characters and other frame rates."""

from __future__ import annotations

import bpy
import pytest

from genmo.genmo_blender import bake, collect, keymaps, strips
from genmo.tests.blender.characters import add_prompt, new_character


def spans(target: bpy.types.Object, track: str = "prompts") -> list[tuple[int, int]]:
    return [(row.start, row.stop) for row in getattr(target.genmo, track)]


def three_prompts() -> bpy.types.Object:
    target = new_character()
    for number, text in enumerate(("walk", "jump", "wave")):
        add_prompt(target, text, 1 + 40 * number, 41 + 40 * number)
    return target


def add_music(target: bpy.types.Object, start: int, stop: int) -> object:
    row = target.genmo.music.add()
    row.name, row.path, row.start, row.stop = "song", "//song.wav", start, stop
    return row


def test_strips_are_the_rows_of_the_panels() -> None:
    target = three_prompts()
    add_music(target, 1, 121)
    found = strips.of_characters(bpy.context.scene, target)
    assert [(each.key, each.start, each.stop, each.label) for each in found] == [
        ((target.name, "prompts", 0), 1, 41, "walk"),
        ((target.name, "prompts", 1), 41, 81, "jump"),
        ((target.name, "prompts", 2), 81, 121, "wave"),
        ((target.name, "music", 0), 1, 121, "song"),
    ]
    target.genmo.prompts[1].text = "sit"
    assert strips.of_characters(bpy.context.scene, target)[1].label == "sit"


def test_selecting_a_strip_makes_its_row_the_active_one() -> None:
    target = three_prompts()
    bpy.ops.genmo.strip_select(track="prompts", index=2)
    assert target.genmo.active_prompt == 2
    bpy.ops.genmo.strip_select(track="prompts", index=0, extend=True)
    assert [row.select for row in target.genmo.prompts] == [True, False, True]
    bpy.ops.genmo.strip_select_all(deselect=True)
    assert not strips.selected(target)
    bpy.ops.genmo.strip_next()
    bpy.ops.genmo.strip_next()
    assert strips.selected(target) == [("prompts", 1)]
    bpy.ops.genmo.strip_next(backwards=True)
    bpy.ops.genmo.strip_next(backwards=True)
    assert strips.selected(target) == [("prompts", 2)], "before the first comes the last"
    with pytest.raises(RuntimeError, match="no track 'takes'"):
        bpy.ops.genmo.strip_select(track="takes")


def test_strips_are_moved_and_resized_by_frames() -> None:
    target = three_prompts()
    bpy.ops.genmo.strip_select(index=1)
    bpy.ops.genmo.strip_move(frames=5)
    bpy.ops.genmo.strip_move(frames=-10, part="STOP")
    bpy.ops.genmo.strip_move(frames=3, part="START")
    assert spans(target) == [(1, 41), (49, 76), (81, 121)]
    bpy.ops.genmo.strip_select_all()
    bpy.ops.genmo.strip_move(frames=-3)
    assert spans(target) == [(-2, 38), (46, 73), (78, 118)]


def test_a_file_keeps_its_place_in_time_when_its_strip_is_trimmed_or_split() -> None:
    target = new_character(fps=24)
    add_music(target, 1, 121).source_start = 1.0
    bpy.ops.genmo.strip_select(track="music", index=0)
    bpy.ops.genmo.strip_move(frames=12, part="START")
    assert target.genmo.music[0].source_start == pytest.approx(1.5)
    bpy.context.scene.frame_set(61)
    bpy.ops.genmo.strip_split()
    assert spans(target, "music") == [(13, 61), (61, 121)]
    assert target.genmo.music[1].source_start == pytest.approx(3.5)
    bpy.ops.genmo.strip_select(track="music", index=0)
    bpy.ops.genmo.strip_move(frames=-240, part="START")
    assert target.genmo.music[0].source_start == 0.0, "a file has no time before its beginning"
    bpy.ops.genmo.strip_move(frames=24)
    assert target.genmo.music[0].source_start == 0.0


def test_a_split_strip_stays_in_its_place_in_the_list() -> None:
    target = three_prompts()
    bpy.ops.genmo.strip_select(index=0)
    bpy.context.scene.frame_set(21)
    bpy.ops.genmo.strip_split()
    assert [(row.text, row.start, row.stop) for row in target.genmo.prompts][:3] == [
        ("walk", 1, 21), ("walk", 21, 41), ("jump", 41, 81),
    ]  # fmt: skip
    assert strips.selected(target) == [("prompts", 1)]
    bpy.context.scene.frame_set(200)
    with pytest.raises(RuntimeError, match="playhead at frame 200"):
        bpy.ops.genmo.strip_split()


def test_copies_have_all_that_their_originals_have() -> None:
    target = three_prompts()
    first = target.genmo.prompts[0]
    first.colour, first.mute = (0.1, 0.2, 0.3), True
    bpy.ops.genmo.strip_select(index=0)
    bpy.ops.genmo.strip_duplicate(frames=200)
    copy = target.genmo.prompts[3]
    assert (copy.text, copy.start, copy.stop, copy.mute) == ("walk", 201, 241, True)
    assert tuple(copy.colour) == pytest.approx((0.1, 0.2, 0.3))
    assert strips.selected(target) == [("prompts", 3)]
    bpy.ops.genmo.strip_remove()
    assert len(target.genmo.prompts) == 3


def test_strips_are_edited_muted_and_coloured() -> None:
    target = three_prompts()
    bpy.ops.genmo.strip_select(index=1)
    bpy.ops.genmo.strip_edit(text="a person sits down", stop=90)
    row = target.genmo.prompts[1]
    assert (row.text, row.start, row.stop) == ("a person sits down", 41, 90)
    with pytest.raises(RuntimeError, match="must be after the start"):
        bpy.ops.genmo.strip_edit(start=95)
    assert row.start == 41
    bpy.ops.genmo.strip_mute()
    assert [prompt.text for prompt in collect.request_from(target, bpy.context.scene).prompts] == ["walk", "wave"]
    bpy.ops.genmo.strip_mute()
    assert not row.mute
    bpy.ops.genmo.strip_colour(colour=(1.0, 0.5, 0.0))
    assert tuple(row.colour) == pytest.approx((1.0, 0.5, 0.0))


def test_key_poses_are_moved_on_the_timeline_but_marked_keys_in_their_action() -> None:
    target = new_character()
    target.pose.bones["l_elbow"].keyframe_insert("rotation_quaternion", frame=10)
    bpy.ops.genmo.key_poses_mark()
    bpy.context.scene.frame_set(30)
    bpy.ops.genmo.key_pose_add()
    frames = {row.source: row.frame for row in target.genmo.key_poses}
    assert frames == {"ACTION": 10, "POSE": 30}
    bpy.ops.genmo.strip_select_all()
    bpy.ops.genmo.strip_move(frames=5)
    assert {row.source: row.frame for row in target.genmo.key_poses} == {"ACTION": 10, "POSE": 35}
    with pytest.raises(RuntimeError, match="goes across the playhead"):
        bpy.ops.genmo.strip_split()
    bpy.ops.genmo.strip_mute()
    assert all(row.mute for row in target.genmo.key_poses)
    bpy.ops.genmo.strip_duplicate(frames=20)
    assert sorted((row.source, row.frame) for row in target.genmo.key_poses) == [
        ("ACTION", 10), ("POSE", 30), ("POSE", 35), ("POSE", 55),
    ]  # fmt: skip
    bpy.ops.genmo.strip_select_all()
    bpy.ops.genmo.strip_remove()
    assert not len(target.genmo.key_poses)
    curves = bake.curves_of(target.animation_data.action)
    assert {key.type for curve in curves for key in curve.keyframe_points} == {"KEYFRAME"}


def test_a_strip_is_added_at_a_frame() -> None:
    target = three_prompts()
    bpy.ops.genmo.strip_add(text="a person bows", frame=150)
    assert (target.genmo.prompts[3].start, target.genmo.prompts[3].stop) == (150, 210)
    assert strips.selected(target) == [("prompts", 3)]
    bpy.context.scene.frame_set(300)
    bpy.ops.genmo.strip_add()
    assert target.genmo.prompts[4].start == 300


def test_without_a_selection_the_strip_operators_say_so() -> None:
    three_prompts()
    for name in ("split", "duplicate", "remove", "mute", "colour", "move"):
        with pytest.raises(RuntimeError, match="Select a strip"):
            getattr(bpy.ops.genmo, f"strip_{name}")()


def test_prompts_become_markers_and_prompts_again() -> None:
    target = three_prompts()
    target.genmo.prompts[1].mute = True
    scene = bpy.context.scene
    bpy.ops.genmo.markers_from_prompts()
    bpy.ops.genmo.markers_from_prompts()
    assert [(marker.name, marker.frame) for marker in scene.timeline_markers] == [("walk", 1), ("wave", 81)]
    target.genmo.prompts.clear()
    scene.frame_end = 120
    bpy.ops.genmo.prompts_from_markers()
    assert [(row.text, row.start, row.stop) for row in target.genmo.prompts] == [("walk", 1, 81), ("wave", 81, 121)]


def test_each_character_has_tracks_of_its_own() -> None:
    first = three_prompts()
    bpy.ops.genmo.strip_select(index=0)
    bpy.context.scene.cursor.location = (1.0, 0.0, 0.0)
    second = new_character()
    assert second != first
    bpy.ops.genmo.strip_add(text="a person dances", frame=10)
    found = strips.of_characters(bpy.context.scene, second)
    assert [each.own for each in found] == [False, False, False, True]
    assert not any(each.select for each in found[:3]), "what others have selected is not in the way"
    bpy.context.view_layer.objects.active = first
    with pytest.raises(RuntimeError, match="one to copy from last"):
        for item in bpy.context.selected_objects:
            item.select_set(item == first)
        bpy.ops.genmo.tracks_copy()
    second.select_set(True)
    bpy.ops.genmo.tracks_copy()
    assert [row.text for row in second.genmo.prompts] == ["a person dances", "walk"]
    bpy.ops.genmo.tracks_copy(to=second.name, kind="ALL")
    assert len(second.genmo.prompts) == 5
    assert len(first.genmo.prompts) == 3
    with pytest.raises(RuntimeError, match="no other armature 'Cube'"):
        bpy.ops.genmo.tracks_copy(to="Cube")


def test_other_ends_markers_and_the_playhead_are_snapped_to() -> None:
    target = three_prompts()
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 1, 250
    scene.frame_set(33)
    scene.timeline_markers.new("beat", frame=77)
    assert sorted(set(strips.edges(target, scene, [("prompts", 1)]))) == [1, 33, 41, 77, 81, 121, 251]


def test_every_shortcut_calls_an_operator_that_knows_its_settings() -> None:
    keymaps_now = bpy.context.window_manager.keyconfigs.addon.keymaps
    for each in keymaps.SHORTCUTS:
        pressed = {name: name in each.modifiers for name in ("shift", "ctrl", "alt")}
        (item,) = [
            item
            for item in keymaps_now[each.keymap[0]].keymap_items
            if (item.idname, item.type, item.value) == (each.operator, each.type, each.value)
            and {name: bool(getattr(item, name)) for name in pressed} == pressed
        ]
        assert {name: getattr(item.properties, name) for name in each.settings} == each.settings
