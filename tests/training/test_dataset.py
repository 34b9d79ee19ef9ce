"""The data pipeline gives back the motion it was given, and mirrors it as a mirror does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from genmo.runtime import features, rotation, skeleton
from genmo.runtime.words import mirror_text
from genmo.tests.training.archives import made_up_clip, write_archive
from genmo.training.archive import Archive
from genmo.training.dataset import FPS, load_sequences, sequence_from


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    write_archive(tmp_path / "data", [made_up_clip(90, seed) for seed in range(3)])
    return tmp_path / "data"


def test_archive_round_trip(archive: Path) -> None:
    rotations, root, contacts = made_up_clip(90, 1)
    clip = Archive(archive).clip(1)
    unmeasured = [9, 10, 11, 13, 14]
    rotations[:, unmeasured] = 0.0
    np.testing.assert_allclose(clip.rotations, rotations, atol=1e-4)
    np.testing.assert_allclose(clip.root, root, atol=1e-4)
    np.testing.assert_array_equal(clip.contacts, contacts)
    assert np.flatnonzero(~clip.measured).tolist() == unmeasured


def test_sequence_holds_the_motion(archive: Path) -> None:
    clip = Archive(archive).clip(1)
    item = sequence_from(clip, mirrored=False)
    local = rotation.from_axis_angle(clip.rotations)
    positions, _ = skeleton.forward_kinematics(clip.root, local)
    turned = rotation.rotate(rotation.about_y(item.headings)[:, None], item.joints)
    np.testing.assert_allclose(turned + item.root[:, None] * [1.0, 0.0, 1.0], positions, atol=1e-5)
    world = features.turn_planar(item.velocity, item.headings) / FPS
    np.testing.assert_allclose(world[:-1], np.diff(clip.root[:, ::2], axis=0), atol=1e-5)


def test_mirror_image_swaps_sides_and_words(archive: Path) -> None:
    clip = Archive(archive).clip(1)
    item, mirrored = (sequence_from(clip, mirrored=side) for side in (False, True))
    order = list(skeleton.MIRROR)
    # The head's rest offset is 2.4 mm off the middle, so its mirror image is too.
    mirrored_joints = item.joints[:, order] * [-1.0, 1.0, 1.0]
    np.testing.assert_allclose(mirrored.joints[:, :15], mirrored_joints[:, :15], atol=1e-5)
    np.testing.assert_allclose(mirrored.joints[:, 15], mirrored_joints[:, 15], atol=5e-3)
    np.testing.assert_allclose(mirrored.joints[:, 16:], mirrored_joints[:, 16:], atol=1e-5)
    np.testing.assert_allclose(mirrored.velocity, item.velocity * [-1.0, 1.0], atol=1e-5)
    np.testing.assert_array_equal(mirrored.contacts[:, :4], item.contacts[:, [2, 3, 0, 1]])
    assert mirrored.captions == ("a person walks to the right",)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("kicks with the left leg", "kicks with the right leg"),
        ("turns right, then left", "turns left, then right"),
        ("spins counter-clockwise", "spins clockwise"),
        ("a straight, upright bright walk", "a straight, upright bright walk"),
    ],
)
def test_mirror_text(text: str, expected: str) -> None:
    assert mirror_text(text) == expected


def test_load_sequences_keeps_the_split_and_caches(archive: Path, tmp_path: Path) -> None:
    train = load_sequences(archive, "train", tmp_path / "cache")
    assert [item.name for item in train] == ["made_1", "made_1", "made_2", "made_2"]
    again = load_sequences(tmp_path / "nowhere", "train", tmp_path / "cache")
    np.testing.assert_array_equal(again[3].joints, train[3].joints)
    assert again[1].captions == train[1].captions
