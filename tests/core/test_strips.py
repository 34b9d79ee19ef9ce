"""Strips on the timeline: lanes, places, what is under the mouse, moving and snapping."""

from __future__ import annotations

import numpy as np
import pytest

from genmo.genmo_blender.core import strips
from genmo.genmo_blender.core.strips import Strip, View

TITLES = {"prompts": "Prompts", "music": "Music"}
VIEW = View(origin=10.0, per_frame=2.0, width=400.0, bottom=20.0, top=200.0)


def strip(start: int, stop: int, track: str = "prompts", index: int = 0, **members: object) -> Strip:
    return Strip(("Rig", track, index), start, stop, **members)


def test_frames_and_pixels_are_each_others_inverse() -> None:
    assert VIEW.x(30) == 70.0
    assert VIEW.frame(VIEW.x(12.25)) == 12.25


def test_spans_that_overlap_get_lanes_of_their_own() -> None:
    spans = [(0, 10), (5, 15), (10, 20), (40, 30)]
    numbers = strips.lanes_of(spans)
    assert numbers == [0, 1, 0, 0]
    for first, one in zip(spans, numbers, strict=True):
        for second, other in zip(spans, numbers, strict=True):
            assert first == second or one != other or first[1] <= second[0] or second[1] <= first[0] or first[0] > 30


def test_lanes_stand_one_above_the_other_in_the_order_of_the_tracks() -> None:
    members = [strip(0, 10, "music"), strip(0, 10), Strip(("Other", "prompts", 0), 0, 10, own=False)]
    layout = strips.arrange(members, VIEW, TITLES)
    assert [lane.title for lane in layout.lanes] == ["Prompts", "Music", "Other"]
    assert [lane.own for lane in layout.lanes] == [True, True, False]
    assert layout.lanes[-1].bottom == VIEW.bottom
    assert [lane.bottom for lane in layout.lanes] == [lane.top for lane in layout.lanes[1:]] + [VIEW.bottom]
    assert layout.covers(VIEW.bottom + 1)
    assert not layout.covers(layout.lanes[0].top + 1)
    assert not strips.arrange([], VIEW, TITLES).covers(30)


def test_lanes_shrink_into_a_low_region_but_stay_readable() -> None:
    members = [strip(0, 10, index=index) for index in range(12)]
    low = strips.arrange(members, View(0, 1, 100, 0, 130), TITLES)
    assert low.lanes[0].top == pytest.approx(130)
    lowest = strips.arrange(members, View(0, 1, 100, 0, 20), TITLES)
    assert lowest.lanes[0].top - lowest.lanes[0].bottom == strips.LOWEST


def test_strips_that_are_out_of_sight_are_not_drawn() -> None:
    layout = strips.arrange([strip(-50, -20), strip(0, 10, index=1), strip(500, 510, index=2)], VIEW, TITLES)
    assert [box.strip.key[2] for box in layout.boxes] == [1]


def test_the_mouse_takes_hold_of_ends_and_of_the_middle() -> None:
    layout = strips.arrange([strip(10, 50)], VIEW, TITLES)
    y = VIEW.bottom + 5
    parts = {x: strips.hit(layout, VIEW, x, y) for x in (31, 70, 109)}
    assert [found.part for found in parts.values()] == ["START", "BOTH", "STOP"]
    assert strips.hit(layout, VIEW, 29, y) is None
    assert strips.hit(layout, VIEW, 111, y) is None
    assert strips.hit(layout, VIEW, 70, VIEW.bottom + 60) is None


def test_even_a_short_strip_can_be_moved() -> None:
    layout = strips.arrange([strip(10, 13)], VIEW, TITLES)
    assert strips.hit(layout, VIEW, 33, VIEW.bottom + 5).part == "BOTH"


def test_where_two_strips_touch_the_selected_one_is_taken() -> None:
    for chosen in (0, 1):
        members = [strip(0, 20, index=0, select=chosen == 0), strip(20, 40, index=1, select=chosen == 1)]
        found = strips.hit(strips.arrange(members, VIEW, TITLES), VIEW, VIEW.x(20), VIEW.bottom + 5)
        assert (found.strip.key[2], found.part) == (chosen, "START" if chosen else "STOP")


def test_what_stands_for_one_frame_is_wide_enough_to_be_taken_and_has_no_ends() -> None:
    far_out = View(origin=0.0, per_frame=0.1, width=400.0, bottom=20.0, top=200.0)
    layout = strips.arrange([strip(1000, 1001, point=True)], far_out, TITLES)
    assert [strips.hit(layout, far_out, x, 25).part for x in (97, 100, 103)] == ["BOTH"] * 3
    assert strips.hit(layout, far_out, 106, 25) is None


def test_strips_of_others_have_no_ends_to_drag() -> None:
    layout = strips.arrange([Strip(("Other", "prompts", 0), 0, 20, own=False)], VIEW, TITLES)
    assert strips.hit(layout, VIEW, VIEW.x(20) - 1, VIEW.bottom + 5).part == "BOTH"


@pytest.mark.parametrize(
    ("part", "by", "expected"),
    [
        ("BOTH", -30, (-20, -10)),
        ("START", 4, (14, 20)),
        ("START", 40, (19, 20)),
        ("STOP", -40, (10, 11)),
        ("STOP", 3, (10, 23)),
    ],
)
def test_a_strip_never_gets_shorter_than_a_frame(part: strips.Part, by: int, expected: strips.Span) -> None:
    assert strips.moved((10, 20), part, by) == expected


def test_snapping_brings_the_nearest_end_onto_a_target() -> None:
    assert strips.snapped([(10, 20)], "BOTH", 7, [30, 100], reach=4) == 10
    assert strips.snapped([(10, 20)], "BOTH", 5, [30, 100], reach=4) == 5
    assert strips.snapped([(10, 20)], "START", 8, [20, 30], reach=4) == 10
    assert strips.snapped([(10, 20)], "STOP", -12, [7], reach=4) == -13
    assert strips.snapped([(10, 20)], "BOTH", 7, [], reach=4) == 7
    assert strips.snapped([], "BOTH", 7, [9], reach=4) == 7


def test_a_strip_is_split_only_inside() -> None:
    assert strips.split((10, 20), 14) == ((10, 14), (14, 20))
    assert strips.split((10, 20), 10) is None
    assert strips.split((10, 20), 20) is None


def test_what_is_filled_covers_the_strips_and_nothing_else() -> None:
    layout = strips.arrange([strip(10, 50, select=True), strip(60, 80, index=1, mute=True)], VIEW, TITLES)
    shapes, colours = strips.rectangles(layout, VIEW)
    assert len(shapes) == len(colours) == 1 + 2 * 5
    assert np.all(shapes[:, 0] <= shapes[:, 2])
    assert np.all(shapes[:, 1] <= shapes[:, 3])
    bodies = shapes[1::5]
    assert bodies[:, 0].tolist() == [VIEW.x(10), VIEW.x(60)]
    assert bodies[:, 2].tolist() == [VIEW.x(50), VIEW.x(80)]
    assert colours[1, 3] > colours[6, 3], "a muted strip is paler"
    corners, filled = strips.triangles(shapes, colours)
    assert corners.shape == (66, 2)
    assert filled.shape == (66, 4)
    first, second = (corners[at::3] - corners[::3] for at in (1, 2))
    area = np.abs(first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]).sum() / 2
    assert area == pytest.approx(((shapes[:, 2] - shapes[:, 0]) * (shapes[:, 3] - shapes[:, 1])).sum(), rel=1e-5)


def test_a_selected_strip_has_a_white_edge() -> None:
    shapes, colours = strips.rectangles(strips.arrange([strip(10, 50, select=True)], VIEW, TITLES), VIEW)
    left, right = shapes[1, 0], shapes[1, 2]
    assert colours[2:, :3].min() == 1.0
    assert (shapes[2, 0], shapes[3, 2]) == (left, right)
    assert shapes[2, 2] - left == right - shapes[3, 0] == strips._EDGE
