"""Single actions are found where they are: made-up motions whose actions are known to the frame."""

from __future__ import annotations

import numpy as np
import pytest

from genmo.runtime.skeleton import INDEX
from genmo.training.dataset import Sequence
from genmo.training.events import Event, all_texts, find_events

FRAMES = 240


def standing(caption: str) -> Sequence:
    """Four seconds of a body that stands still, joints about where a standing person's are."""
    joints = np.zeros((FRAMES, 22, 3), np.float32)
    heights = {"pelvis": 0.9, "hip": 0.85, "ankle": 0.08, "foot": 0.02, "shoulder": 1.4, "wrist": 0.85, "spine3": 1.3}
    for name, index in INDEX.items():
        joints[:, index, 0] = {"l": 0.15, "r": -0.15}.get(name.split("_")[0], 0.0)
        joints[:, index, 1] = heights.get(name.split("_")[-1], 1.0)
    root = np.zeros((FRAMES, 3), np.float32)
    root[:, 1] = 0.9
    zeros = np.zeros((FRAMES, 6), np.float32)
    return Sequence(
        "made_0", (caption,), np.zeros((FRAMES, 22, 6), np.float32), zeros[:, 0], root, zeros[:, :2], zeros, joints,
        np.ones(22, np.float32), 1.0,
    )  # fmt: skip


def only(events: list[Event], kind: str) -> Event:
    assert [event.kind for event in events] == [kind]
    return events[0]


def test_a_body_that_stands_does_nothing() -> None:
    for caption in ("a person sits on a chair", "a person kicks", "a person jumps", "a person waves", "a person boxes"):
        assert find_events(standing(caption)) == []


def test_sitting_down_and_standing_up_are_found_where_the_pelvis_falls_and_rises() -> None:
    item = standing("a person sits on a chair for a while")
    item.root[60:80, 1], item.root[80:160, 1] = np.linspace(0.9, 0.5, 20), 0.5
    item.root[160:180, 1] = np.linspace(0.5, 0.9, 20)
    down, up = find_events(item)
    assert (down.kind, up.kind) == ("sit down", "stand up")
    assert 45 <= down.start <= 65
    assert down.stop <= 170
    assert "a person sits down on a chair" in down.captions
    assert 140 <= up.start <= 165
    assert up.stop > 180


def test_a_fall_of_the_pelvis_is_no_sitting_where_nobody_says_so() -> None:
    item = standing("a person ducks under a bar")
    item.root[60:160, 1] = 0.5
    assert find_events(item) == []


@pytest.mark.parametrize(("side", "word"), [("l", "left"), ("r", "right")])
def test_a_kick_is_told_with_its_side(side: str, word: str) -> None:
    item = standing("a person kicks")
    swing = np.sin(np.linspace(0.0, np.pi, 12))[:, None] * np.array([0.0, 0.7, 0.8])
    item.joints[100:112, INDEX[f"{side}_foot"]] += swing.astype(np.float32)
    event = only(find_events(item), "kick")
    assert 70 <= event.start <= 100
    assert f"a person kicks with the {word} leg" in event.captions


def test_a_jump_begins_before_the_flight_and_ends_after_it() -> None:
    item = standing("a person jumps")
    flight = (0.4 * np.sin(np.linspace(0.0, np.pi, 14))).astype(np.float32)
    item.joints[100:114, :, 1] += flight[:, None]
    item.root[100:114, 1] += flight
    event = only(find_events(item), "jump")
    assert 70 <= event.start <= 100
    assert event.stop > 114
    assert "a person jumps up" in event.captions


def test_a_raised_hand_waves_only_if_it_goes_to_and_fro() -> None:
    item = standing("a person waves hello")
    wrist = INDEX["r_wrist"]
    item.joints[80:150, wrist, 1] = 1.6
    assert find_events(item) == []
    item.joints[80:150, wrist, 0] += 0.12 * np.sin(np.arange(70) / 30.0 * 2 * np.pi * 2.0).astype(np.float32)
    event = only(find_events(item), "wave")
    assert event.start < 80
    assert "a person waves with the right hand" in event.captions


def test_all_texts_are_those_of_clips_and_events() -> None:
    item = standing("a person jumps")
    item.joints[100:112, :, 1] += 0.3
    assert {"a person jumps", "someone jumps"} <= set(all_texts([item]))
