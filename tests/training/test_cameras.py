"""Virtual cameras look at the person, their noise is what it says, and keypoints are those of the runtime."""

from __future__ import annotations

import numpy as np
import pytest

from genmo.runtime import keypoints
from genmo.training.cameras import View, detect, film, look_at, smooth_noise

FRAMES = 90


def walker(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """COCO points (T, 17, 3) of a stiff body that walks along a bend, and its pelvis (T, 3)."""
    rng = np.random.default_rng(seed)
    body = rng.normal(scale=[0.2, 0.4, 0.15], size=(17, 3))
    angle = np.linspace(0.0, 1.5, FRAMES)
    root = np.stack([2.0 * np.sin(angle), np.full(FRAMES, 0.9), 2.0 * np.cos(angle)], axis=1)
    return root[:, None] + body, root


def views(count: int) -> list[View]:
    points, root = walker()
    return [film(points, root, np.random.default_rng(seed)) for seed in range(count)]


def test_cameras_are_rotations_that_see_the_person() -> None:
    points, root = walker()
    for seed, view in enumerate(views(40)):
        products = view.cameras @ view.cameras.transpose(0, 2, 1)
        np.testing.assert_allclose(products, np.broadcast_to(np.eye(3), products.shape), atol=1e-9)
        np.testing.assert_allclose(np.linalg.det(view.cameras), 1.0, atol=1e-9)
        slopes, depths = keypoints.project(points, view.cameras, view.places)
        np.testing.assert_allclose(view.slopes, slopes, atol=1e-9, err_msg=str(seed))
        assert (view.cameras[:, 1, 1] < 0.0).all()  # the row that points down does
        assert np.median(depths) > 0.5
        middle, _ = keypoints.project(root[:, None], view.cameras, view.places)
        assert (np.abs(middle[:, 0]) < view.field).mean() > 0.5


def test_a_static_camera_stands_still_and_others_move() -> None:
    still = [np.ptp(view.cameras, axis=0).max() < 1e-12 for view in views(200)]
    assert 0.35 < np.mean(still) < 0.55  # 45 % are static


def test_look_at_points_the_camera_at_its_target() -> None:
    rng = np.random.default_rng(3)
    places, targets = rng.normal(size=(20, 3)), rng.normal(size=(20, 3))
    slopes, depths = keypoints.project(targets[:, None], look_at(places, targets, np.zeros(20)), places)
    np.testing.assert_allclose(slopes, 0.0, atol=1e-9)
    np.testing.assert_allclose(depths[:, 0], np.linalg.norm(targets - places, axis=1), atol=1e-9)
    above = targets + np.array([0.0, 0.01, 0.0])
    higher, _ = keypoints.project(above[:, None], look_at(places, targets, np.zeros(20)), places)
    np.testing.assert_allclose(higher[:, 0, 0], 0.0, atol=1e-9)
    assert (higher[:, 0, 1] < 0.0).all()  # y goes down in a picture


def test_without_noise_the_detector_reports_the_truth() -> None:
    for view in views(20):
        slopes, visible = detect(view, np.random.default_rng(0), noise=0.0)
        np.testing.assert_array_equal(slopes, view.slopes)
        np.testing.assert_array_equal(visible, (np.abs(view.slopes) < view.field).all(axis=-1))


def test_noise_is_of_the_size_that_detectors_have_and_hides_points() -> None:
    errors, hidden, gaps = [], [], 0
    for seed, view in enumerate(views(80)):
        slopes, visible = detect(view, np.random.default_rng(seed))
        inside = (np.abs(view.slopes) < view.field).all(axis=-1)
        assert not (visible & ~inside).any()
        size = keypoints.boxes(view.slopes, np.ones_like(inside))[:, 2, None, None]
        errors.append(np.median(np.abs(slopes - view.slopes) / size))
        hidden.append(1.0 - visible[inside].mean())
        unseen = "".join("x" if a and not b else "." for a, b in zip(inside.any(1), visible.any(1), strict=True))
        gaps += "xxxxx" in unseen
    assert 0.002 < np.mean(errors) < 0.012  # of the person's height
    assert 0.02 < np.mean(hidden) < 0.3
    assert 0.1 < gaps / 80 < 0.5  # the whole person is hidden for a while


@pytest.mark.parametrize("columns", [1, 34])
def test_smooth_noise_is_smooth_and_of_unit_size(columns: int) -> None:
    noise = np.stack([smooth_noise(np.random.default_rng(seed), 120, columns, 6) for seed in range(200)])
    assert noise.shape == (200, 120, columns)
    assert 0.6 < noise.std() < 1.1
    assert np.abs(np.diff(noise, axis=1)).max() < 0.5
