"""Pins of hands and feet on a rig: many short ones are one hold that moves."""

from __future__ import annotations

import numpy as np
import pytest

from genmo.genmo_blender.core.holds import covered, holds_of, placed
from genmo.runtime.request import Pin
from genmo.runtime.skeleton import INDEX, JOINT_COUNT


def way(time: np.ndarray) -> np.ndarray:
    """A hand that swings at one hertz, 30 frames a second."""
    angle = 2.0 * np.pi * time / 30.0
    return np.stack([0.3 * np.sin(angle), 1.0 + 0.2 * np.cos(angle), 0.01 * time], axis=-1)


def moving(start: int, stop: int, joint: str = "l_wrist") -> list[Pin]:
    """A pin for each frame."""
    places = way(np.arange(start, stop)).tolist()
    return [Pin(joint, frame, frame + 1, tuple(place)) for frame, place in zip(range(start, stop), places, strict=True)]


def test_pins_that_follow_each_other_are_one_hold() -> None:
    pins = [*moving(5, 20), *moving(30, 35), *moving(5, 9, "r_foot"), Pin("head", 0, 9, (0, 1, 0))]
    found = [(hold.joint, hold.start, hold.stop) for hold in holds_of(pins)]
    assert found == [("l_wrist", 5, 20), ("l_wrist", 30, 35), ("r_foot", 5, 9)]


def test_between_frames_the_pin_is_where_it_moves() -> None:
    holds = holds_of(moving(10, 40))
    times = np.arange(8.0, 42.0, 0.4)
    positions = placed(np.zeros((len(times), JOINT_COUNT, 3)), times, holds)
    inside = covered(times, holds)["l_wrist"]
    assert inside.tolist() == [10.0 <= time <= 39.0 for time in times]
    assert np.abs(positions[inside, INDEX["l_wrist"]] - way(times[inside])).max() < 2e-4
    assert not positions[~inside].any()


def test_a_pin_that_stands_still_stays() -> None:
    holds = holds_of([Pin("r_wrist", 2, 30, (0.1, 1.2, 0.3))])
    times = np.array([1.9, 2.0, 2.5, 28.9, 29.0, 29.1])
    positions = placed(np.ones((6, JOINT_COUNT, 3)), times, holds)[:, INDEX["r_wrist"]]
    assert positions[1:5] == pytest.approx(np.tile([0.1, 1.2, 0.3], (4, 1)))
    assert (positions[[0, 5]] == 1.0).all()
    single = holds_of([Pin("r_wrist", 2, 3, (0.1, 1.2, 0.3))])
    assert placed(np.ones((1, JOINT_COUNT, 3)), np.array([2.0]), single)[0, INDEX["r_wrist"], 1] == 1.2


def test_the_later_of_two_pins_counts() -> None:
    holds = holds_of([Pin("l_wrist", 0, 10, (0, 1, 0)), Pin("l_wrist", 5, 8, (0, 2, 0))])
    assert [place[1] for place in holds[0].places] == [1, 1, 1, 1, 1, 2, 2, 2, 1, 1]
