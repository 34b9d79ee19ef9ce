"""Cues are drawn from the motion itself: what the camera sees, how near a reference is, how far the clip's ends are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from genmo.runtime import keypoints, rotation, skeleton
from genmo.runtime.cues import Cues, no_cues
from genmo.tests.training.archives import made_up_clip, write_archive
from genmo.training import guides
from genmo.training.archive import Archive
from genmo.training.dataset import Sequence, sequence_from

FRAMES = 64


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    folder: Path = tmp_path_factory.mktemp("archive")
    write_archive(folder, [made_up_clip(100, seed) for seed in range(2)])
    return Archive(folder)


@pytest.fixture(scope="module")
def item(archive: Archive) -> Sequence:
    return sequence_from(archive.clip(1), mirrored=False)


ROWS = np.arange(20, 20 + FRAMES)


def filmed(item: Sequence, seed: int) -> Cues:
    cues = no_cues(FRAMES)
    guides.film_window(np.random.default_rng(seed), cues, item, ROWS, FRAMES)
    return cues


def test_joints_and_head_are_those_of_the_clip(archive: Archive, item: Sequence) -> None:
    clip = archive.clip(1)
    local = rotation.from_axis_angle(clip.rotations)
    positions, turns = skeleton.forward_kinematics(clip.root, local)
    np.testing.assert_allclose(guides.world_joints(item, ROWS), positions[ROWS], atol=1e-5)
    heads = guides.head_rotations(item, ROWS)
    np.testing.assert_allclose(heads, rotation.to_matrix(turns[ROWS, skeleton.INDEX["head"]]), atol=1e-5)
    products = heads @ heads.transpose(0, 2, 1)
    np.testing.assert_allclose(products, np.broadcast_to(np.eye(3), products.shape), atol=1e-5)


def test_film_shows_the_person_where_a_camera_is(item: Sequence) -> None:
    parts, known = [], []
    for seed in range(60):
        cues = filmed(item, seed)
        assert not cues.visible[~cues.camera_mask].any()
        assert not (cues.gravity_mask & ~cues.camera_mask).any()
        products = cues.cameras @ cues.cameras.transpose(0, 2, 1)
        np.testing.assert_allclose(products, np.broadcast_to(np.eye(3), products.shape), atol=1e-9)
        parts.append(cues.camera_mask.mean())
        known.append(cues.gravity_mask.any())
    assert np.mean(np.array(parts) == 1.0) > 0.6
    assert min(parts) < 0.9
    assert 0.3 < np.mean(known) < 0.9


def test_exact_keypoints_are_the_projected_body(item: Sequence) -> None:
    """One sample in five has no noise; there the rays of all points meet the body at one place of the camera."""
    points = keypoints.coco_points(guides.world_joints(item, ROWS), guides.head_rotations(item, ROWS))
    exact = 0
    for seed in range(40):
        cues = filmed(item, seed)
        # Rays through the keypoints: (I - r r^T) (p - c) = 0 for the camera's place c, solved on one frame.
        frame = FRAMES // 2
        rays = np.concatenate([cues.keypoints[frame], np.ones((17, 1))], axis=1) @ cues.cameras[frame]
        rays /= np.linalg.norm(rays, axis=1, keepdims=True)
        planes = np.eye(3) - rays[:, :, None] * rays[:, None]
        place = np.linalg.solve(planes.sum(axis=0), (planes @ points[frame, :, :, None]).sum(axis=0)[:, 0])
        miss = np.linalg.norm((planes @ (points[frame] - place)[:, :, None])[..., 0], axis=1).max()
        exact += miss < 1e-4
    assert 2 <= exact <= 20


def references(item: Sequence) -> list[Cues]:
    """Three hundred references, by their strength from 0.15 to 1."""
    drawn = []
    for seed in range(300):
        cues = no_cues(FRAMES)
        guides.show_reference(np.random.default_rng(seed), cues, item, ROWS, FRAMES)
        drawn.append(cues)
    return sorted(drawn, key=lambda cues: cues.strength.max())


def test_a_strong_reference_is_almost_the_motion_and_a_weak_one_is_not(item: Sequence) -> None:
    drawn = references(item)
    strengths = np.array([cues.strength.max() for cues in drawn])
    assert strengths[0] < 0.18 < 0.98 < strengths[-1] <= 1.0
    shown = drawn[-1].strength > 0
    change = 1.0 - strengths[-1]
    np.testing.assert_allclose(drawn[-1].reference_pose[shown], item.pose[ROWS][shown], atol=0.7 * change)
    np.testing.assert_allclose(drawn[-1].reference_heights[shown], item.root[ROWS, 1][shown], atol=0.12 * change)
    np.testing.assert_allclose(drawn[-1].reference_headings[shown], item.headings[ROWS][shown], atol=2.0 * change)
    errors = [np.abs(cues.reference_pose - item.pose[ROWS]).mean() for cues in drawn]
    weak, strong = np.mean(errors[:50]), np.mean(errors[-50:])
    assert strong < 0.03 < 0.08 < weak


def test_a_reference_has_one_strength_on_a_stretch_of_frames(item: Sequence) -> None:
    lengths = []
    for cues in references(item):
        (frames,) = np.nonzero(cues.strength)
        assert len(set(cues.strength[frames])) == 1
        assert frames[-1] - frames[0] == len(frames) - 1
        lengths.append(len(frames))
    assert 0.6 < np.mean(np.array(lengths) == FRAMES) < 0.9
    assert min(lengths) < FRAMES / 2


def test_music_has_a_feature_row_on_every_usable_frame(item: Sequence) -> None:
    cues = no_cues(FRAMES)
    guides.play_music(np.random.default_rng(0), cues, item, ROWS, FRAMES - 10)
    assert cues.music_mask.tolist() == [True] * (FRAMES - 10) + [False] * 10
    assert np.isfinite(cues.music).all()
    assert np.ptp(cues.music, axis=0).max() > 0.0


def test_spans_count_the_frames_to_the_ends_of_the_clip(item: Sequence) -> None:
    starts, ends = 0, 0
    for seed in range(60):
        cues = no_cues(FRAMES)
        guides.state_span(np.random.default_rng(seed), cues, item, ROWS, FRAMES - 4)
        for values, expected in ((cues.since_start, ROWS), (cues.until_end, len(item.root) - ROWS)):
            assert np.isinf(values[FRAMES - 4 :]).all()
            known = np.isfinite(values)
            assert known[: FRAMES - 4].all() or not known.any()
            np.testing.assert_array_equal(values[known], expected[known])
        starts += np.isfinite(cues.since_start).any()
        ends += np.isfinite(cues.until_end).any()
    assert 0.55 < starts / 60 < 0.92
    assert 0.25 < ends / 60 < 0.65
