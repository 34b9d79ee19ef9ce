"""Filmed motion: cameras as asked for, keypoint files that see what was there, errors that are known beforehand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from genmo.evaluation.clips import Recording
from genmo.evaluation.requests import keypoint_track, video
from genmo.evaluation.video import Shot, baseline, errors, filmed, in_true_world
from genmo.runtime import keypoints, rotation, skeleton
from genmo.runtime.films import films_from
from genmo.runtime.keypoint_file import save_keypoints
from genmo.runtime.motion import Motion
from genmo.runtime.request import MotionRequest
from genmo.tests.training.archives import made_up_clip
from genmo.training.cameras import View, detect

FRAMES = 130


def walk(seed: int = 0) -> Recording:
    vectors, root, contacts = made_up_clip(FRAMES, seed)
    flags = np.concatenate([contacts, np.zeros((FRAMES, 2))], axis=1)
    return Recording("walk", ("a walk",), True, Motion(30.0, root, rotation.from_axis_angle(vectors), flags))


def solved(item: Recording, view: View, turn: float = 0.0) -> Motion:
    """The truth with its camera, both turned about Y: the same film in another world."""
    about = rotation.about_y(turn)
    local = item.motion.local_rotations.copy()
    local[:, 0] = rotation.multiply(about, local[:, 0])
    cameras = rotation.from_matrix(view.cameras.transpose(0, 2, 1))
    return replace(
        item.motion, root_positions=rotation.rotate(about, item.motion.root_positions), local_rotations=local,
        camera_rotations=rotation.continuous(rotation.multiply(about, cameras)),
    )  # fmt: skip


@pytest.mark.parametrize("moving", [False, True])
def test_cameras_are_of_the_kind_that_is_asked_for(moving: bool) -> None:
    item = walk()
    views = [filmed(item, seed, moving=moving) for seed in range(8)]
    spread = [max(np.ptp(view.cameras, axis=0).max(), np.ptp(view.places, axis=0).max()) for view in views]
    assert all((size > 1e-6) == moving for size in spread)
    assert len({view.places[0].tobytes() for view in views}) == 8
    again = filmed(item, 3, moving=moving)
    np.testing.assert_array_equal(again.slopes, views[3].slopes)


@pytest.mark.parametrize("moving", [False, True])
def test_the_engine_reads_the_rays_that_were_filmed(moving: bool, tmp_path: Path) -> None:
    item = walk()
    view = filmed(item, 1, moving=moving)
    slopes, visible = detect(view, np.random.default_rng(0), noise=1.0)
    path = tmp_path / "film.npz"
    save_keypoints(keypoint_track(view, slopes, visible, 30.0), path)
    (film,) = films_from(MotionRequest(FRAMES, videos=(video(path, view),)), 30.0)
    np.testing.assert_allclose(film.slopes, slopes, atol=1e-9)
    np.testing.assert_array_equal(film.visible, visible)
    assert film.level == moving
    if moving:
        np.testing.assert_allclose(film.cameras, view.cameras, atol=1e-9)
    else:
        assert film.stands
    head = rotation.to_matrix(item.motion.world_rotations[:, skeleton.INDEX["head"]])
    seen, _ = keypoints.project(keypoints.coco_points(item.motion.positions, head), view.cameras, view.places)
    np.testing.assert_allclose(view.slopes, seen)


@pytest.mark.parametrize("turn", [0.0, 1.3])
def test_the_truth_in_any_world_has_no_error(turn: float) -> None:
    item = walk()
    view = filmed(item, 2, moving=True)
    motion = solved(item, view, turn)
    np.testing.assert_allclose(in_true_world(motion, view)[0], item.motion.positions, atol=1e-9)
    found = errors([Shot(item, view, Path())], [motion])
    for name in ("mpjpe", "pa_mpjpe", "w_mpjpe", "wa_mpjpe", "rte", "drift"):
        assert found[name] == pytest.approx(0.0, abs=1e-4), name


def test_a_body_that_faces_another_way_than_its_camera_says_is_wrong() -> None:
    item = walk()
    view = filmed(item, 2, moving=False)
    motion = solved(item, view, 0.5)
    camera = rotation.from_matrix(view.cameras.transpose(0, 2, 1))
    found = errors([Shot(item, view, Path())], [replace(motion, camera_rotations=camera)])
    assert found["pa_mpjpe"] == pytest.approx(0.0, abs=1e-4)
    assert found["mpjpe"] > 50.0
    assert found["drift"] == pytest.approx(100.0 * 2.0 * np.sin(0.25), rel=1e-3)  # the made-up walk is straight


def test_a_root_that_goes_a_tenth_too_far_drifts_ten_percent() -> None:
    item = walk()
    view = filmed(item, 4, moving=False)
    motion = solved(item, view)
    far = motion.root_positions * np.array([1.1, 1.0, 1.1])
    found = errors([Shot(item, view, Path())], [replace(motion, root_positions=far)])
    assert found["drift"] == pytest.approx(10.0, rel=1e-6)
    assert found["mpjpe"] == pytest.approx(0.0, abs=1e-6)


def test_the_baseline_is_perfect_for_a_body_that_does_not_move() -> None:
    item = walk()
    stiff = replace(item.motion, local_rotations=np.broadcast_to(item.motion.local_rotations[:1], (FRAMES, 22, 4)))
    assert baseline([replace(item, motion=stiff)])["mpjpe"] == pytest.approx(0.0, abs=1e-3)
    assert baseline([item])["mpjpe"] > 20.0
