"""The state of each joint of a bone map, and bone maps as files."""

from __future__ import annotations

import json
from typing import Any

import pytest

from genmo.genmo_blender.core import mapping_file
from genmo.genmo_blender.core.bonemap import REQUIRED_JOINTS, check_bone_map, guess_bone_map
from genmo.genmo_blender.core.mapping_state import LACK, State, bone_label, joint_states, summary
from genmo.runtime.errors import UserError
from genmo.runtime.skeleton import JOINT_NAMES
from genmo.tests.core.bodies import body, joint_points
from genmo.tests.core.test_bonemap import MIXAMO, named


def state_of(joint: str, **changes: tuple[str, ...]) -> tuple[State, str]:
    """State and text of one joint of a good map with some changes."""
    rest, good = body(joint_points())
    (found,) = (each for each in joint_states({**good, **changes}, rest) if each.joint == joint)
    return found.state, found.text


def test_a_good_map_is_green() -> None:
    rest, good = body(joint_points())
    assert {each.state for each in joint_states(good, rest)} == {State.MAPPED}
    assert not any(each.text for each in joint_states(good, rest))
    assert not summary(good, rest)


@pytest.mark.parametrize("joint", JOINT_NAMES)
def test_each_missing_joint_says_what_that_means(joint: str) -> None:
    state, text = state_of(joint, **{joint: ()})
    assert state is (State.NEEDED if joint in REQUIRED_JOINTS else State.OPTIONAL)
    assert text in LACK.values()


def test_a_trunk_without_spine_needs_one() -> None:
    state, text = state_of("spine3", spine1=(), spine2=(), spine3=())
    assert state is State.NEEDED
    assert "at least one" in text


def test_rows_are_called_as_bones_are() -> None:
    assert bone_label("l_knee") == "Left Shin"
    assert bone_label("r_foot", with_side=False) == "Toes"
    assert bone_label("spine3") == "Chest"


def test_wrong_rows_say_why() -> None:
    assert "no bone 'nix'" in state_of("head", head=("nix",))[1]
    assert "mapped to l_ankle as well" in state_of("l_foot", l_foot=("b_l_ankle",))[1]
    assert state_of("l_foot", l_foot=("b_l_ankle",))[0] is State.WRONG
    assert "parents first" in state_of("neck", neck=("b_head", "b_neck"), head=())[1]
    assert "parents first" in state_of("neck", neck=("b_neck", "b_neck"))[1]
    above = state_of("l_knee", l_hip=("b_l_knee",), l_knee=("b_l_hip",))
    assert above[0] is State.WRONG
    assert "is above" in above[1]


def test_what_is_wrong_with_the_whole_is_said_once() -> None:
    rest, good = body(joint_points())
    parts = ("hip", "knee", "ankle", "foot")
    crossed = (
        good | {f"l_{part}": good[f"r_{part}"] for part in parts} | {f"r_{part}": good[f"l_{part}"] for part in parts}
    )
    assert "swapped" in summary(crossed, rest)[0]
    assert not summary({**good, "l_knee": ()}, rest), "its row says it"
    assert check_bone_map({**good, "l_knee": ()}, rest)


def test_a_map_comes_back_from_its_file() -> None:
    _, good = body(joint_points())
    good = good | {"spine2": ("b_spine2", "日本")}
    title, found = mapping_file.parse(mapping_file.write(good, "Held"))
    assert (title, found) == ("Held", good)


def test_a_file_serves_rigs_with_other_name_spaces() -> None:
    saved = guess_bone_map(named([f"mixamorig:{name}" for name in MIXAMO])).map
    names = tuple(f"mixamorig7:{name}" for name in MIXAMO if name != "Neck")
    found, gone = mapping_file.fitted(saved, names)
    assert gone == ("mixamorig:Neck",)
    assert found["l_elbow"] == ("mixamorig7:LeftForeArm",)
    assert set(saved) - set(found) == {"neck"}


BROKEN: list[tuple[Any, str]] = [
    ("", "not JSON"),
    ("[1, 2]", "has no 'genmo_bone_map'"),
    ({"joints": {}}, "has no 'genmo_bone_map'"),
    ({"genmo_bone_map": 2, "joints": {"head": ["a"]}}, "version 2"),
    ({"genmo_bone_map": 1}, "maps no joints"),
    ({"genmo_bone_map": 1, "joints": []}, "maps no joints"),
    ({"genmo_bone_map": 1, "joints": {"tail": ["a"]}}, "'tail'"),
    ({"genmo_bone_map": 1, "joints": {"head": "a"}}, "list of names"),
    ({"genmo_bone_map": 1, "joints": {"head": [""]}}, "list of names"),
    ({"genmo_bone_map": 1, "joints": {"head": [3]}}, "list of names"),
    ({"genmo_bone_map": 1, "joints": {"head": ["a"]}, "extra": 1}, "unknown entry 'extra'"),
    ("[" * 100_000, "not JSON"),
    (" " * 2_000_000, "too large"),
]


@pytest.mark.parametrize(("content", "sentence"), BROKEN, ids=[sentence for _, sentence in BROKEN])
def test_broken_files_are_refused_with_a_sentence(content: Any, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        mapping_file.parse(content if isinstance(content, str) else json.dumps(content))
