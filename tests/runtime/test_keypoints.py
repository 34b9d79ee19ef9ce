"""2D keypoints: where a posed body's points are, how a camera sees them, and their box."""

from __future__ import annotations

import numpy as np

from genmo.runtime import keypoints, rotation, skeleton

UPRIGHT = np.diag([-1.0, -1.0, 1.0])  # a camera that looks along +Z: right is -X, down is -Y


def standing(frames: int, root: np.ndarray | None = None) -> np.ndarray:
    """(T, 17, 3) keypoints of the rest pose."""
    place = np.tile([0.0, 0.87, 0.0], (frames, 1)) if root is None else root
    positions, rotations = skeleton.forward_kinematics(place, rotation.identity(frames, 22))
    return keypoints.coco_points(positions, rotation.to_matrix(rotations[:, skeleton.INDEX["head"]]))


def test_points_of_the_rest_pose_lie_where_a_face_and_limbs_are() -> None:
    points = dict(zip(keypoints.KEYPOINTS, standing(1)[0], strict=True))
    assert points["nose"][2] > points["l_ear"][2] + 0.05
    assert points["l_eye"][0] > 0 > points["r_eye"][0]
    assert points["l_eye"][1] > points["l_shoulder"][1] > points["l_hip"][1] > points["l_knee"][1] > 0
    np.testing.assert_allclose(points["l_wrist"] * [-1, 1, 1], points["r_wrist"], atol=1e-12)


def test_the_face_turns_with_the_head() -> None:
    positions, _ = skeleton.forward_kinematics(np.zeros((1, 3)), rotation.identity(1, 22))
    turned = rotation.to_matrix(rotation.about_y(np.array([np.pi / 2])))
    points = keypoints.coco_points(positions, turned)[0]
    nose = points[0] - positions[0, skeleton.INDEX["head"]]
    np.testing.assert_allclose(nose, [0.11, 0.06, 0.0], atol=1e-12)


def test_projection_follows_similar_triangles() -> None:
    points = np.array([[[0.5, 1.0, 4.0], [0.5, 1.0, 2.0]]])
    slopes, depths = keypoints.project(points, UPRIGHT[None], np.array([[0.0, 1.5, 0.0]]))
    np.testing.assert_allclose(slopes[0], [[-0.125, 0.125], [-0.25, 0.25]])
    np.testing.assert_allclose(depths[0], [4.0, 2.0])


def test_projection_behind_the_camera_stays_finite() -> None:
    slopes, depths = keypoints.project(np.array([[[0.0, 0.0, -3.0]]]), UPRIGHT[None], np.zeros((1, 3)))
    assert np.isfinite(slopes).all()
    assert depths[0, 0] == -3.0


def test_a_box_holds_the_visible_points_and_no_others() -> None:
    slopes = np.zeros((1, 17, 2))
    slopes[0, :4] = [[0.0, 0.0], [0.1, 0.4], [0.1, 0.0], [0.0, 0.4]]
    slopes[0, 4:] = 50.0
    visible = np.arange(17)[None] < 4
    np.testing.assert_allclose(keypoints.boxes(slopes, visible)[0], [0.05, 0.2, 1.2 * 0.4])
    wide = slopes * np.array([10.0, 1.0])
    np.testing.assert_allclose(keypoints.boxes(wide, visible)[0, 2], 1.2 * 1.0 / 0.75)
    assert np.isfinite(keypoints.boxes(slopes, np.zeros((1, 17), bool))).all()


def test_a_panning_camera_turns_at_its_own_speed() -> None:
    angles = 0.02 * np.arange(6)
    # The rows of the camera turn with it about the world's Y.
    cameras = np.stack([UPRIGHT @ rotation.to_matrix(rotation.about_y(-angle)) for angle in angles])
    np.testing.assert_allclose(keypoints.camera_headings(cameras), angles, atol=1e-12)
    speed = keypoints.turning_speed(cameras, 30.0)
    np.testing.assert_allclose(np.abs(speed[:, 1]), 0.6, rtol=1e-3)
    np.testing.assert_allclose(speed[:, [0, 2]], 0.0, atol=1e-12)
