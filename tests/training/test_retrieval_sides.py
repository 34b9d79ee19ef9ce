"""What is said of left and right is true of motions whose sides are known, and of their mirror images."""

from __future__ import annotations

import numpy as np
import pytest

from genmo.runtime import retrieval_features as features
from genmo.runtime import rotation, skeleton
from genmo.runtime.words import mirror_text
from genmo.training.retrieval import sides
from genmo.training.retrieval.data import has_side

FRAMES = 60


def standing() -> np.ndarray:
    pose = skeleton.forward_kinematics([0.0, 0.95, 0.0], rotation.identity(22))[0]
    return np.tile(pose, (FRAMES, 1, 1))


def turning(degrees: float, ahead: float = 0.0) -> np.ndarray:
    """A body that turns left by an angle while it goes `ahead` metres."""
    angles = np.linspace(0, np.radians(degrees), FRAMES)
    steps = np.stack([np.sin(angles), np.zeros(FRAMES), np.cos(angles)], axis=1) * ahead / FRAMES
    return rotation.rotate(rotation.about_y(angles)[:, None], standing()) + np.cumsum(steps, axis=0)[:, None]


def waving(name: str) -> np.ndarray:
    motion = standing()
    motion[:, skeleton.INDEX[name], 1] += 0.2 * np.sin(np.arange(FRAMES) * 0.5)
    return motion


def kicking(side: str) -> np.ndarray:
    motion = standing()
    joints = [skeleton.INDEX[f"{side}_{name}"] for name in ("ankle", "foot")]
    motion[:, joints, 1] += 0.4 * np.sin(np.linspace(0, np.pi, FRAMES))[:, None] ** 2
    return motion


CASES = {
    "turn": (turning(90.0), {"turn": True}),
    "turn right": (turning(-90.0), {"turn": False}),
    "curve": (turning(120.0, ahead=3.0), {"turn": True, "curve": True}),
    "small turn": (turning(20.0), {}),
    "step": (standing() + np.linspace(0, 1, FRAMES)[:, None, None] * [0.8, 0.0, 0.1], {"step": True}),
    "diagonal": (standing() + np.linspace(0, 1, FRAMES)[:, None, None] * [0.8, 0.0, 0.9], {}),
    "left hand": (waving("l_wrist"), {"hand": True}),
    "right leg": (kicking("r"), {"leg": False}),
    "still": (standing(), {}),
}


@pytest.mark.parametrize("name", CASES)
def test_sides_are_measured(name: str) -> None:
    motion, expected = CASES[name]
    found = features.encode(motion)
    assert sides.measured(found) == expected
    assert sides.measured(features.mirrored(found)) == {kind: not left for kind, left in expected.items()}


def test_a_sentence_says_the_side() -> None:
    left, right = features.encode(turning(90.0)), features.encode(turning(-90.0))
    rng = np.random.default_rng(0)
    said = {sides.sentence(left, rng) for _ in range(100)}
    assert said == set(sides.SENTENCES["turn"])
    assert {sides.sentence(right, rng) for _ in range(100)} == {mirror_text(text) for text in said}
    assert sides.sentence(features.encode(standing()), rng) == ""


def test_every_sentence_has_an_opposite_in_the_list() -> None:
    sentences = sides.all_sentences()
    assert all(has_side(text) and mirror_text(text) in sentences for text in sentences)
    assert len(set(sentences)) == len(sentences)
